"""The second bare call, with the same function objects and shapes, compiles nothing."""

import logging

import equinox as eqx
import jax
import jax.numpy as jnp
import pytest

from kexue import dynamics, sampling, sensitivity

KEY = jax.random.key(0)
BOWL = lambda x: (x**2).sum()  # noqa: E731
LINE = lambda x: jnp.stack([x[0], -x[0]])  # noqa: E731
SUMS = lambda x: jnp.cumsum(x)  # noqa: E731
WELL = lambda x: 0.5 * x**2  # noqa: E731
GRID = jnp.linspace(-4, 4, 41)
CALLS = {
    "anneal_box": lambda: sampling.anneal_box(BOWL, [-1.0, -1.0], [1.0, 1.0], KEY, chains=2, steps=20),
    "grid_sample": lambda: sampling.grid_sample(KEY, GRID, -(GRID**2), 50),
    "two_opt_descent": lambda: sampling.two_opt_descent(jnp.arange(12.0).reshape(6, 2) % 5, jnp.arange(6)),
    "pgd_l2": lambda: sensitivity.pgd_l2(LINE, jnp.ones((2, 2)), jnp.zeros(2, int), 0.1, 3),
    "operator_norm": lambda: sensitivity.operator_norm(SUMS, jnp.ones(4), 5),
    "operator_norm_bound": lambda: sensitivity.operator_norm_bound(SUMS, jnp.ones(4), KEY),
    "stationary_density": lambda: dynamics.stationary_density(WELL, 0.1, 1.0, GRID),
    "gradient_flow": lambda: dynamics.gradient_flow(WELL, jnp.array(1.0), jnp.array([0.0, 1.0])),
}


@pytest.fixture
def compilations(caplog: pytest.LogCaptureFixture):
    def count() -> int:
        return sum("Finished XLA compilation" in record.getMessage() for record in caplog.records)

    with jax.log_compiles(), caplog.at_level(logging.WARNING):
        yield count


@pytest.mark.parametrize("name", CALLS)
def test_the_second_call_compiles_nothing(name, compilations):
    jax.block_until_ready(CALLS[name]())
    first = compilations()
    jax.block_until_ready(CALLS[name]())
    assert first > 0
    assert compilations() == first


def test_what_cannot_be_hashed_is_right_all_the_same():
    net = eqx.nn.Linear(3, 2, use_bias=False, key=KEY)
    with pytest.raises(TypeError):
        hash(net)
    found = sensitivity.operator_norm(net, jnp.ones(3), 100)
    assert abs(found - jnp.linalg.norm(net.weight, 2)) < 1e-4
    again = jax.jit(lambda w: sensitivity.operator_norm(lambda x: w @ x, jnp.ones(3), 100))(net.weight)
    assert abs(found - again) < 1e-5

"""Online descent against a NumPy loop, and on the sequences on which Adam goes to the worst point."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers.methods.adax import adax
from kexue.optimizers.methods.online import _run, online_linear

KEY = jax.random.key(0)


def noisy(key, t):
    return jax.random.normal(key) + 1 / t.astype(jnp.float32)


def spikes(key, t):
    return jnp.where(jax.random.uniform(key) < 0.02, 100.0, -1.0)


def falling(count):
    return 1 / jnp.sqrt((count + 1).astype(jnp.float32))


def test_is_a_loop_with_a_clip():
    path = online_linear(noisy, optax.sgd(0.3), KEY, 20, 3, bound=0.5, frames=10)
    assert path.shape == (10, 3) and np.abs(path).max() == 0.5
    for seed in range(3):
        x, expected = np.float32(0), []
        for t in range(1, 21):
            key = jax.random.fold_in(jax.random.fold_in(KEY, seed), t)
            x = np.clip(x - np.float32(0.3) * np.asarray(noisy(key, jnp.int32(t))), -0.5, 0.5)
            expected.append(x)
        np.testing.assert_allclose(path[:, seed], expected[1::2], atol=1e-6)
    np.testing.assert_array_equal(online_linear(noisy, optax.sgd(0.3), KEY, 20, 2, bound=0.5), path[-1, :2])


def test_adam_drifts_to_the_wrong_end_and_adax_does_not():
    """Spikes of 100 with probability 0.02, else −1: the mean is 1.02, so the best point is −1."""
    with jax.numpy_dtype_promotion("standard"):  # optax raises floats to integer powers
        wrong = online_linear(spikes, optax.adam(falling, 0.9, 0.95), KEY, 6_000, 64)
    right = online_linear(spikes, adax(falling), KEY, 6_000, 64)
    assert wrong.mean() > 0.7 and right.mean() < -0.85


def test_the_second_call_compiles_nothing():
    optimizer = optax.sgd(0.1)
    online_linear(noisy, optimizer, KEY, 4, 2)
    before = _run._cache_size()
    online_linear(noisy, optimizer, jax.random.key(5), 4, 2, bound=2.0)
    assert _run._cache_size() == before


def test_rates_may_be_vmapped():
    rates = jnp.array([0.1, 0.3])
    together = jax.vmap(lambda rate: online_linear(noisy, optax.sgd(rate), KEY, 4, 2))(rates)
    alone = [online_linear(noisy, optax.sgd(float(rate)), KEY, 4, 2) for rate in rates]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"frames": 3}, r"frames must divide steps \(4\), got 3"),
        ({"frames": 0}, "frames must be at least 1, got 0"),
        ({"bound": -1.0}, "bound must be positive and finite, got -1.0"),
        (
            {"gradient_sampler": lambda key, t: jnp.ones(2)},
            r"gradient_sampler must return one number, got shape \(2,\)",
        ),
    ],
)
def test_bad_input(arguments, words):
    good = {"gradient_sampler": noisy, "optimizer": optax.sgd(0.1), "key": KEY, "steps": 4, "seeds": 2}
    with pytest.raises(ValueError, match=words):
        online_linear(**(good | arguments))

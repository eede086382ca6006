"""AdaX and its family against optax, and against the paper's growing recursion in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers.methods.adax import adax, adaxw, scale_by_decay
from kexue.optimizers.methods.averages import decay_adam, decay_adax, decay_mean

GRADIENTS = np.random.default_rng(0).standard_t(3, (50, 2, 3))


def follow(optimizer, params, gradients=GRADIENTS):
    """The parameters after each step, along given gradients."""

    def step(carry, g):
        params, state = carry
        update, state = optimizer.update(g, state, params)
        params = optax.apply_updates(params, update)
        return (params, state), params

    return jax.lax.scan(step, (params, optimizer.init(params)), jnp.asarray(gradients, params.dtype))[1]


def papers_adax(theta, gradients, rate, b1, b2, eps, weight_decay=0.0):
    m, v, path = np.zeros_like(theta), np.zeros_like(theta), []
    for t, g in enumerate(gradients, start=1):
        m = b1 * m + (1 - b1) * g
        v = (1 + b2) * v + b2 * g**2
        corrected = v / ((1 + b2) ** t - 1)
        theta = theta - rate * (m / np.sqrt(corrected + eps) + weight_decay * theta)
        path.append(theta)
    return np.stack(path)


@pytest.mark.parametrize("dtype, tolerance", [(jnp.float32, 2e-5), (jnp.float64, 1e-12)])
def test_adax_is_the_paper_s(dtype, tolerance):
    start = np.linspace(-1, 1, 6).reshape(2, 3)
    with jax.enable_x64(dtype == jnp.float64):
        params = jnp.asarray(start, dtype)
        for b2 in (1e-4, 0.1):
            expected = papers_adax(start, GRADIENTS, 0.03, 0.9, b2, 1e-3)
            np.testing.assert_allclose(follow(adax(0.03, 0.9, b2, 1e-3), params), expected, atol=tolerance)
        decayed = papers_adax(start, GRADIENTS, 0.03, 0.8, 0.01, 1e-8, weight_decay=0.5)
        optimizer = adaxw(0.03, 0.8, 0.01, weight_decay=0.5)
        np.testing.assert_allclose(follow(optimizer, params), decayed, atol=tolerance)


@pytest.mark.parametrize("b1", [0.0, 0.9])
def test_adam_is_a_member(b1):
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):  # optax raises floats to integer powers
        params = jnp.zeros((2, 3), jnp.float64)
        ours = follow(optax.chain(scale_by_decay(decay_adam(0.99), b1, 1e-6), optax.scale(-0.1)), params)
        theirs = follow(optax.adam(0.1, b1, 0.99, eps=0.0, eps_root=1e-6), params)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)


def test_the_mean_is_adagrad_with_a_growing_rate():
    def growing(count):
        return -0.1 * jnp.sqrt((count + 1).astype(jnp.float64))

    def constant(decay):
        return optax.chain(scale_by_decay(decay, 0.0, 0.0), optax.scale(-0.1))

    with jax.enable_x64(True):
        params = jnp.zeros((2, 3), jnp.float64)
        # √(mean of squares) = √(sum / t): Adagrad's step times √t.
        scale = optax.scale_by_rss(initial_accumulator_value=0.0, eps=0.0)
        adagrad = follow(optax.chain(scale, optax.scale_by_schedule(growing)), params)
        np.testing.assert_allclose(follow(constant(decay_mean()), params), adagrad, rtol=1e-12)
        early = np.abs(np.asarray(follow(constant(decay_adax(1e-4)), params) - adagrad))[:20].max()
        assert 1e-7 < early < 1e-3


def test_a_long_run_neither_overflows_nor_follows():
    """The paper's v overflows in float32 at step 8917; the average keeps what the first 2000 steps weigh."""
    optimizer = scale_by_decay(decay_adax(0.01), b1=0.0)

    def step(state, t):
        return optimizer.update(jnp.where(t < 200, 1.0, 10.0), state)[1], None

    state = jax.jit(lambda: jax.lax.scan(step, optimizer.init(jnp.array(0.0)), jnp.arange(20_000))[0])()
    first = 1 - 1.01**-200
    np.testing.assert_allclose(state.mean_square, first + 100 * (1 - first), rtol=1e-4)


def test_only_masked_leaves_decay():
    params = {"w": jnp.array(2.0), "b": jnp.array(2.0)}
    zero = jax.tree.map(jnp.zeros_like, params)
    optimizer = adaxw(0.1, weight_decay=0.5, mask={"w": True, "b": False})
    update, _ = optimizer.update(zero, optimizer.init(params), params)
    assert (update["w"], update["b"]) == (-0.1, 0)


def test_schedules_are_asked_for_the_number_of_updates_before():
    params, g = jnp.array(1.0), jnp.array(1.0)
    rates = jnp.array([0.5, 0.25, 0.125])
    optimizer = adaxw(lambda count: rates[count], 0.0, weight_decay=lambda count: rates[count])
    state, updates = optimizer.init(params), []
    for _ in range(3):
        update, state = optimizer.update(g, state, params)
        updates.append(update)
    np.testing.assert_allclose(updates, -rates * (1 + rates), rtol=1e-6)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: adax(-0.1), "learning_rate must be at least 0 and finite, got -0.1"),
        (lambda: adax(float("inf")), "learning_rate must be at least 0 and finite, got inf"),
        (lambda: adax(0.1, b1=1.0), r"b1 must be in \[0, 1\), got 1.0"),
        (lambda: adax(0.1, b2=0.0), "b2 must be positive and finite, got 0.0"),
        (lambda: adax(0.1, eps=-1.0), "eps must be at least 0 and finite, got -1.0"),
        (lambda: adaxw(0.1, weight_decay=float("nan")), "weight_decay must be at least 0 and finite, got nan"),
        (lambda: scale_by_decay(decay_mean(), b1=-0.1), r"b1 must be in \[0, 1\)"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()

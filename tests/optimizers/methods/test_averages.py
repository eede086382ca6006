"""The family of averages against float64, against the recursions that they normalise, and against each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.optimizers.methods.averages import decay_adam, decay_adax, decay_mean, decay_power, past_weights

STEPS = np.array([1, 2, 3, 10, 100, 1_000, 12_345, 100_000, 5_000_000])
FORMULAS = {
    "adam": (decay_adam(0.999), lambda t: 1 - (1 - 0.999) / -np.expm1(t * np.log(0.999))),
    "adam, no memory": (decay_adam(0.0), lambda t: 0 * t),
    "power": (decay_power(0.8), lambda t: 1 - t**-0.8),
    "mean": (decay_mean(), lambda t: 1 - 1 / t),
    "adax": (decay_adax(1e-4), lambda t: 1 - 1e-4 / np.expm1(np.minimum(t * np.log1p(1e-4), 700))),
    "adax, large": (decay_adax(0.5), lambda t: 1 - 0.5 / np.expm1(np.minimum(t * np.log1p(0.5), 700))),
}


@pytest.mark.parametrize("decay, formula", FORMULAS.values(), ids=FORMULAS.keys())
def test_float32_is_right_at_every_step(decay, formula):
    kept = decay(jnp.asarray(STEPS, jnp.int32))
    assert kept.dtype == jnp.float32
    np.testing.assert_allclose(kept, formula(STEPS.astype(float)), atol=1.3e-7)
    assert kept[0] == 0 and np.all((kept >= 0) & (kept <= 1))
    assert decay(7) == jax.jit(decay)(jnp.int32(7))


def test_the_weight_of_a_new_gradient_is_relative_to_the_float64_one():
    """What the naive normaliser, (1 + β₂)ᵗ − 1 in float32, misses by more than 1e-4."""
    t = np.arange(1, 101)
    truth = 1e-4 / np.expm1(t * np.log1p(1e-4))
    ours = 1 - np.asarray(decay_adax(1e-4)(jnp.asarray(t)), float)
    naive = 1e-4 / ((np.float32(1.0001) ** t.astype(np.float32)) - np.float32(1))
    assert np.abs(naive / truth - 1).max() > 1e-4
    np.testing.assert_allclose(ours, truth, atol=1.3e-7)


@pytest.mark.parametrize("name", FORMULAS)
def test_past_weights_are_what_the_recursion_gives_each_gradient(name):
    decay, formula = FORMULAS[name]
    weights, average = past_weights(decay, 50), np.zeros(50)
    for t in range(1, 51):
        kept = float(formula(np.float64(t)))
        average = kept * average + (1 - kept) * np.eye(50)[t - 1]
    np.testing.assert_allclose(weights, average, atol=1e-6)


def test_past_weights_sum_to_one():
    with jax.enable_x64(True):
        for decay, _ in FORMULAS.values():
            np.testing.assert_allclose(past_weights(decay, 20_000).sum(), 1, rtol=1e-12)
    np.testing.assert_allclose(past_weights(decay_mean(), 20_000).sum(), 1, rtol=5e-5)
    np.testing.assert_allclose(past_weights(lambda t: 0.5 + 0.0 * t.astype(jnp.float32), 2), [0.25, 0.5])


def test_what_the_first_gradients_keep_for_ever():
    with jax.enable_x64(True):
        np.testing.assert_allclose(past_weights(decay_power(2.0), 100)[0], 101 / 200, rtol=1e-12)
        weights = np.asarray(past_weights(decay_adax(0.01), 2_000))
    np.testing.assert_allclose(weights[:50].sum(), 1 - 1.01**-50, rtol=1e-6)


def test_adax_is_the_normalised_growing_recursion():
    gradients = np.random.default_rng(0).standard_t(3, 400)
    v = average = 0.0
    with jax.enable_x64(True):
        decays = np.asarray(decay_adax(0.01)(jnp.arange(1, 401)))
    for t, (g, kept) in enumerate(zip(gradients, decays, strict=True), start=1):
        v = 1.01 * v + 0.01 * g**2
        average = kept * average + (1 - kept) * g**2
        np.testing.assert_allclose(average, v / (1.01**t - 1), rtol=1e-11)


def test_only_slow_averages_never_let_the_preconditioner_fall():
    t = jnp.arange(2, 5_000)
    border = 1 - 1 / np.arange(2, 5_000)
    with jax.enable_x64(True):
        for slow in (decay_mean(), decay_adax(1e-4), decay_adax(0.1), decay_power(1.5)):
            assert np.all(np.asarray(slow(t)) >= border - 1e-12)
        for forgetful in (decay_adam(0.999), decay_power(0.8)):
            assert np.any(np.asarray(forgetful(t)) < border - 5e-4)


def test_parameters_may_be_traced_and_differentiated():
    rates = jnp.array([0.5, 0.9])
    for family in (decay_adam, decay_power, decay_adax):
        together = jax.vmap(lambda rate, family=family: family(rate)(9))(rates)
        np.testing.assert_allclose(together, [family(0.5)(9), family(0.9)(9)], rtol=1e-6)
        slope = jax.grad(lambda rate, family=family: family(rate)(9))(0.5)
        miss = family(0.505)(9) - family(0.495)(9)
        np.testing.assert_allclose(slope, miss / 0.01, rtol=2e-2, atol=1e-5)
    assert jnp.isfinite(jax.grad(lambda b2: decay_adax(b2)(5_000_000))(0.5))


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: decay_adam(1.0), r"beta2 must be in \[0, 1\), got 1.0"),
        (lambda: decay_adam(float("nan")), "beta2 must be"),
        (lambda: decay_power(0.0), "c must be positive and finite, got 0.0"),
        (lambda: decay_adax(-1e-4), "b2 must be positive and finite, got -0.0001"),
        (lambda: decay_adax(float("inf")), "b2 must be positive and finite, got inf"),
        (lambda: decay_mean()(0), "t must be at least 1, got 0"),
        (lambda: past_weights(decay_mean(), 0), "steps must be at least 1, got 0"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()

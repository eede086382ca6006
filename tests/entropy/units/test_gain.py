"""The gain of a merge, against a recount of the text after the merge."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.entropy import merge_gain, merge_gain_approx


def cost_per_letter(units: list[str]) -> float:
    """H over the mean length, in nats."""
    _, counts = np.unique(units, return_counts=True)
    p = counts / counts.sum()
    return -(p * np.log(p)).sum() / np.mean([len(unit) for unit in units])


def merged(units: list[str], a: str, b: str) -> list[str]:
    done: list[str] = []
    for unit in units:
        if done and done[-1] == a and unit == b:
            done[-1] = a + b
        else:
            done.append(unit)
    return done


@pytest.mark.parametrize("seed", range(3))
def test_the_cost_falls_by_the_gain_over_the_mean_length(seed):
    rng = np.random.default_rng(seed)
    units = list(rng.choice(["a", "b", "c", "dd", "eee"], 4000, p=[0.4, 0.25, 0.2, 0.1, 0.05]))
    units += ["c", "eee"] * 200
    length = np.mean([len(unit) for unit in units])
    with jax.enable_x64(True):
        for a, b in [("a", "b"), ("b", "a"), ("c", "eee"), ("dd", "c")]:
            after = merged(units, a, b)
            p_ab, p_a, p_b = ((len(units) - len(after)) / len(units), units.count(a) / 4400, units.count(b) / 4400)
            saved = cost_per_letter(units) - cost_per_letter(after)
            assert float(merge_gain(p_ab, p_a, p_b)) / length == pytest.approx(saved, abs=1e-13)


def test_the_approximation_is_a_lower_bound_and_close_where_pairs_are_rare():
    rng = np.random.default_rng(4)
    p_a, p_b = rng.uniform(0.001, 0.4, (2, 20_000))
    with jax.enable_x64(True):
        p_ab = np.minimum(p_a, p_b) * rng.uniform(0, 1, 20_000)
        exact, approx = merge_gain(p_ab, p_a, p_b), merge_gain_approx(p_ab, p_a, p_b)
        assert float((exact - approx).min()) > -1e-14
        rare = 1e-3 * p_a * p_b
        np.testing.assert_allclose(merge_gain(rare, p_a, p_b), merge_gain_approx(rare, p_a, p_b), rtol=1e-3)


def test_pairs_that_always_or_never_occur_have_their_limits():
    assert float(merge_gain(0.0, 0.3, 0.2)) == float(merge_gain_approx(0.0, 0.3, 0.2)) == 0
    just_below = merge_gain(0.1999, 0.3, 0.2)
    np.testing.assert_allclose(merge_gain(0.2, 0.3, 0.2), just_below, atol=2e-3)
    assert np.isnan(merge_gain(0.3, 0.3, 0.2))


def test_kinds_of_input():
    expected = merge_gain(0.02, 0.04, 0.05)
    assert expected.dtype == jnp.float32
    np.testing.assert_array_equal(
        merge_gain(jnp.full((2, 1), 0.02), jnp.full(3, 0.04), 0.05), np.full((2, 3), expected)
    )
    np.testing.assert_allclose(jax.jit(merge_gain)(0.02, 0.04, 0.05), expected, rtol=1e-6)
    assert merge_gain(jnp.array(0.02, jnp.bfloat16), 0.04, 0.05).dtype == jnp.bfloat16

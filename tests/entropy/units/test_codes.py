"""Prices in bits, against SciPy, a code written out by hand, and the trivial cases."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import entropy

from kexue.entropy import cost_per_letter, entropy_bits, two_part_code


def test_the_entropy_is_that_of_scipy_along_any_axis():
    counts = np.random.default_rng(0).integers(0, 50, (4, 7, 5))
    for axis in range(3):
        np.testing.assert_allclose(entropy_bits(counts, axis), entropy(counts, axis=axis, base=2), rtol=2e-6)


def test_known_values_and_kinds_of_input():
    assert float(entropy_bits([8])) == 0 and float(entropy_bits(np.ones(1024, int))) == 10
    assert float(entropy_bits([0.25, 0.5, 0.25, 0.0])) == 1.5
    for counts in ([3, 1], (3, 1), np.array([3, 1]), np.array([3.0, 1.0], np.float32), jnp.array([3, 1])):
        np.testing.assert_allclose(entropy_bits(counts), 2 - 0.75 * np.log2(3), rtol=1e-6)
    np.testing.assert_allclose(jax.jit(entropy_bits)(jnp.array([3, 1])), entropy_bits([3, 1]), rtol=1e-6)
    assert np.isnan(entropy_bits([0, 0]))
    large = np.array([5_000_000_000, 15_000_000_000])
    np.testing.assert_allclose(entropy_bits(large), entropy([1, 3], base=2), rtol=1e-5)


def test_many_counts_at_once_and_their_gradient():
    counts = np.random.default_rng(1).integers(1, 9, (3, 6))
    lengths = [1, 2, 3, 1, 5, 2]
    rows = jax.vmap(lambda c: jnp.stack([cost_per_letter(c, lengths), *two_part_code(c, lengths, 26)]))
    together = [cost_per_letter(counts, lengths), *two_part_code(counts, lengths, 26)]
    np.testing.assert_allclose(rows(jnp.asarray(counts)).T, together, rtol=1e-6)
    gradient = jax.grad(lambda c: entropy_bits(c))(jnp.array([1.0, 3.0]))
    np.testing.assert_allclose(gradient, [3 / 16 * np.log2(3), -1 / 16 * np.log2(3)], rtol=1e-5)


def test_a_code_written_out():
    # a, b and abc, used 2, 1 and 1 times: 6 letters; codewords of 1, 2 and 2 bits; three letters and a mark are 2 bits.
    code = two_part_code([2, 1, 0, 1], [1, 1, 7, 3], alphabet=3)
    text, spelling = 2 * 1 + 2 + 2, 2 * ((1 + 1) + (1 + 1) + (3 + 1))
    np.testing.assert_allclose([code.text, code.lexicon, code.total], np.array([6, 16, 22]) / 6, rtol=1e-6)
    assert (text, spelling) == (6, 16)
    np.testing.assert_allclose(two_part_code([2, 1, 0, 1], [1, 1, 7, 3], 3, price=0.5).lexicon, 8 / 6, rtol=1e-6)
    np.testing.assert_allclose(cost_per_letter([2, 1, 0, 1], [1, 1, 7, 3]), 1.0, rtol=1e-6)


def test_naming_the_whole_text_costs_nothing_until_the_name_is_spelled():
    code = two_part_code([1], [100], 26)
    assert float(code.text) == 0 and float(code.total) == pytest.approx(1.01 * np.log2(27), rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: entropy_bits([]), r"counts must hold at least one symbol, got shape \(0,\)"),
        (lambda: entropy_bits(3), "counts must hold at least one symbol"),
        (lambda: entropy_bits([2, -1]), "counts must be at least 0 and finite, got -1"),
        (lambda: entropy_bits([2, np.nan]), "counts must be at least 0 and finite, got nan"),
        (lambda: cost_per_letter([2, 1], [1, 0]), "lengths must be positive and finite"),
        (lambda: cost_per_letter([2, 1], [1]), r"lengths must have one entry a unit, shape \(2,\), got \(1,\)"),
        (lambda: two_part_code([2, 1], [1, 1], 0), "alphabet must be at least 1, got 0"),
        (lambda: two_part_code([2, 1], [1, 1], 26, price=-1.0), "price must be at least 0 and finite, got -1.0"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

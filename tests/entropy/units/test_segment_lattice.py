"""The lattice of segmentations, against the enumeration of all of them in plain Python."""

from math import exp, log

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.entropy import (
    boundary_posterior,
    candidate_units,
    expected_counts,
    segment_lattice,
    segment_log_z,
    segment_viterbi,
)

TEXTS = ["banana", "nab", "", "a", "bananaban"]


def cuts(text, units):
    if not text:
        yield []
    for length in range(1, len(text) + 1):
        if text[:length] in units:
            for rest in cuts(text[length:], units):
                yield [text[:length], *rest]


def enumerate_all(texts, theta):
    """log Z, expected counts, posterior of an end after each letter, the best weight: text by text."""
    log_z, counts, ends, best = 0.0, dict.fromkeys(theta, 0.0), [], 0.0
    for text in texts:
        ways = list(cuts(text, theta))
        weights = [exp(sum(log(theta[unit]) for unit in way)) for way in ways]
        z, here = sum(weights), np.zeros(len(text))
        log_z, best = log_z + log(z), best + log(max(weights))
        for way, weight in zip(ways, weights, strict=True):
            for unit in way:
                counts[unit] += weight / z
            if way:
                here[np.cumsum([len(unit) for unit in way]) - 1] += weight / z
        ends.append(here)
    return log_z, np.array(list(counts.values())), np.concatenate(ends), best


@pytest.fixture(scope="module")
def weighted():
    units = candidate_units(TEXTS, 4)
    rng = np.random.default_rng(2)
    return units, dict(zip(units, rng.dirichlet(np.ones(len(units))).tolist(), strict=True))


@pytest.mark.parametrize("width", [1, 12, 256])
def test_sums_counts_posteriors_and_the_best_are_those_of_all_segmentations(weighted, width):
    units, theta = weighted
    log_z, counts, ends, best = enumerate_all(TEXTS, theta)
    with jax.enable_x64(True):
        lattice = segment_lattice(TEXTS, units, width)
        w = jnp.log(jnp.array(list(theta.values())))
        assert float(segment_log_z(lattice, w).sum()) == pytest.approx(log_z, abs=1e-12)
        np.testing.assert_allclose(expected_counts(lattice, w), counts, atol=1e-12)
        np.testing.assert_allclose(boundary_posterior(lattice, w), ends, atol=1e-12)
        used = expected_counts(lattice, w, best=True)
        assert float(jnp.dot(used, w)) == pytest.approx(best, abs=1e-12)
        assert int(segment_viterbi(lattice, w).sum()) == int(used.sum())


def test_single_precision_under_jit_and_a_batch_of_weights(weighted):
    units, theta = weighted
    log_z, counts, ends, _ = enumerate_all(TEXTS, theta)
    lattice = segment_lattice(TEXTS, units, 12)
    w = jnp.log(jnp.array(list(theta.values()), jnp.float32))
    both = jnp.stack([w, w - 1])
    together = jax.jit(jax.vmap(lambda w: (segment_log_z(lattice, w).sum(), expected_counts(lattice, w))))(both)
    assert float(together[0][0]) == pytest.approx(log_z, rel=1e-5)
    np.testing.assert_allclose(together[1][0], counts, atol=1e-4)
    np.testing.assert_allclose(jax.jit(boundary_posterior)(lattice, w), ends, atol=1e-4)
    bare = jax.jit(segment_viterbi)
    np.testing.assert_array_equal(bare(lattice, w), segment_viterbi(lattice, w))
    compiled = bare._cache_size()
    bare(segment_lattice(TEXTS, units, 12), w * 2)
    assert bare._cache_size() == compiled


def test_a_forbidden_unit_is_not_used_and_an_impossible_text_has_no_gradient(weighted):
    units, theta = weighted
    lattice = segment_lattice(TEXTS, units, 12)
    dead = units.index("an")
    w = jnp.log(jnp.array(list(theta.values()), jnp.float32)).at[dead].set(-jnp.inf)
    rest = {unit: weight for unit, weight in theta.items() if unit != "an"}
    counts = expected_counts(lattice, w)
    assert float(counts[dead]) == 0
    np.testing.assert_allclose(np.delete(counts, dead), enumerate_all(TEXTS, rest)[1], atol=1e-4)
    lattice = segment_lattice(["ab", "ac"], ["a", "b"], width=1)
    np.testing.assert_array_equal(segment_log_z(lattice, jnp.zeros(2)), [0, -np.inf])
    np.testing.assert_array_equal(expected_counts(lattice, jnp.zeros(2)), [1, 1])
    np.testing.assert_array_equal(segment_viterbi(lattice, jnp.zeros(2)), [True, True, False, False])


def test_many_equal_weights_count_the_segmentations():
    lattice = segment_lattice(["a" * 30], ["a", "aa"])  # Fibonacci's numbers
    assert float(jnp.exp(segment_log_z(lattice, jnp.zeros(2)))[0]) == pytest.approx(1_346_269, rel=1e-5)


@pytest.mark.parametrize("least", [1, 2, 4])
def test_candidates_are_the_frequent_substrings_and_all_letters(least):
    rng = np.random.default_rng(least)
    texts = ["".join(rng.choice(list("abcd"), n, p=[0.5, 0.3, 0.15, 0.05])) for n in rng.integers(1, 20, 25)]
    counts = {}
    for text in texts:
        for i in range(len(text)):
            for j in range(i + 1, min(i + 5, len(text)) + 1):
                counts[text[i:j]] = counts.get(text[i:j], 0) + 1
    expected = sorted(
        (unit for unit, n in counts.items() if n >= least or len(unit) == 1), key=lambda unit: (len(unit), unit)
    )
    assert candidate_units(texts, 5, least) == expected


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: candidate_units([], 3), "texts must hold at least one character, got 0 texts"),
        (lambda: candidate_units("ab", 3), "texts must be a sequence of strings"),
        (lambda: candidate_units(["ab"], 0), "max_length must be at least 1, got 0"),
        (lambda: candidate_units(["ab"], 1, 0), "min_count must be at least 1, got 0"),
        (lambda: segment_lattice([], ["a"]), "texts must hold at least one letter, got none"),
        (lambda: segment_lattice(["a"], []), "units must be at least one string"),
        (lambda: segment_lattice(["a"], ["a", "a"]), "none of them empty or given twice"),
        (lambda: segment_lattice(["a"], ["a", ""]), "none of them empty or given twice"),
        (lambda: segment_lattice("ab", ["a", "b"]), "texts must be a sequence of strings"),
        (lambda: segment_lattice(["a"], ["a"], width=0), "width must be at least 1, got 0"),
        (
            lambda: segment_log_z(segment_lattice(["a"], ["a"]), jnp.zeros(2)),
            r"one entry a unit, shape \(1,\), got \(2,\)",
        ),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

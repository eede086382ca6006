"""The best tag sequences and exact draws against the enumeration of every sequence."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.language import crf_k_best, crf_log_z, crf_sample, crf_viterbi, log_matmul, max_matmul

T, K = 5, 3
rng = np.random.default_rng(3)
H, G = rng.normal(0, 1.5, (T, K)).astype(np.float32), rng.normal(0, 1, (K, K)).astype(np.float32)
A, B = rng.normal(0, 1, (2, K)).astype(np.float32)
HOLES, NO_START = G.copy(), A.copy()
HOLES[0, 1] = HOLES[2, 2] = NO_START[2] = -np.inf
CASES = {
    "free": (G, {}),
    "ends": (G, {"start": A, "end": B}),
    "short": (G, {"start": A, "end": B, "length": 3}),
    "one step": (G, {"start": A, "end": B, "length": 1}),
    "constraints": (HOLES, {"start": NO_START, "end": B}),
}


def enumerate_all(g, start=None, end=None, length=None):
    """Every possible tag sequence with its score, best first, in plain NumPy and float64."""
    n = length or T
    paths = np.array(list(itertools.product(range(K), repeat=n)))
    scores = H.astype(float)[np.arange(n), paths].sum(1) + g.astype(float)[paths[:, :-1], paths[:, 1:]].sum(1)
    scores = scores + (0 if start is None else start[paths[:, 0]]) + (0 if end is None else end[paths[:, -1]])
    order = [i for i in np.argsort(-scores) if scores[i] > -np.inf]
    return np.pad(paths[order], ((0, 0), (0, T - n)), constant_values=-1), scores[order]


@pytest.mark.parametrize("case", CASES)
def test_the_best_sequence_is_that_of_the_enumeration_and_the_gradient_marks_it(case):
    g, options = CASES[case]
    paths, scores = enumerate_all(g, **options)
    tags, best = crf_viterbi(H, g, **options)
    np.testing.assert_array_equal(tags, paths[0])
    np.testing.assert_allclose(best, scores[0], rtol=1e-6)
    marked = jax.grad(lambda h: crf_viterbi(h, g, **options)[1])(jnp.asarray(H))
    np.testing.assert_array_equal(marked, np.eye(K)[paths[0]] * (paths[0] >= 0)[:, None])


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("number", [1, 4, 300])
def test_the_best_few_are_those_of_the_enumeration(case, number):
    g, options = CASES[case]
    paths, scores = enumerate_all(g, **options)
    tags, found = crf_k_best(H, g, number, **options)
    kept = min(number, len(paths))
    np.testing.assert_array_equal(tags[:kept], paths[:kept])
    np.testing.assert_allclose(found[:kept], scores[:kept], rtol=1e-5, atol=1e-5)
    assert np.all(tags[kept:] == -1) and np.all(found[kept:] == -np.inf)


@pytest.mark.parametrize("case", CASES)
def test_draws_have_the_distribution_of_the_enumeration(case):
    g, options = CASES[case]
    paths, scores = enumerate_all(g, **options)
    drawn = np.asarray(crf_sample(jax.random.key(0), H, g, 50_000, **options))
    assert drawn.dtype == np.int32 and drawn.shape == (50_000, T)
    places = {tuple(path): i for i, path in enumerate(paths.tolist())}  # never an impossible one: KeyError
    unique, repeats = np.unique(drawn, axis=0, return_counts=True)
    counts = np.zeros(len(paths))
    counts[[places[tuple(path)] for path in unique.tolist()]] = repeats
    expected = 50_000 * np.exp(scores) / np.exp(scores).sum()
    kept = expected > 5
    chi2 = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
    assert abs(chi2 - kept.sum()) < 5 * np.sqrt(2 * kept.sum())


def test_of_equal_sequences_one():
    assert crf_viterbi(np.zeros((4, 2)), np.zeros((2, 2)))[0].tolist() == [0, 0, 0, 0]
    tags = crf_k_best(np.zeros((3, 2)), np.zeros((2, 2)), 8)[0]
    assert len(set(map(tuple, tags.tolist()))) == 8


@pytest.mark.parametrize("n", [40, 400])
def test_branches_that_are_forbidden_later(n):
    g = np.array([[np.log(0.01), -np.inf], [-np.inf, np.log(0.99)]], np.float32)
    for closed in ("start", "end"):
        options = {closed: np.array([0, -np.inf], np.float32)}
        tags, best = crf_viterbi(np.zeros((n, 2)), g, **options)
        assert not tags.any()
        np.testing.assert_allclose(best, (n - 1) * np.log(0.01), rtol=1e-6)
        assert not crf_sample(jax.random.key(0), np.zeros((n, 2)), g, 3, **options).any()
        np.testing.assert_allclose(crf_k_best(np.zeros((n, 2)), g, 2, **options)[1], [best, -np.inf])


def test_a_padded_batch_under_jit_and_vmap_equals_the_sequences_alone():
    lengths, draw = jnp.array([5, 1, 3]), np.random.default_rng(1)
    h, keys = jnp.asarray(draw.normal(0, 1, (3, T, K)), jnp.float32), jax.random.split(jax.random.key(1), 3)
    h = jnp.where(jnp.arange(T)[None, :, None] < lengths[:, None, None], h, jnp.nan)

    def all_three(key, h, n):
        return crf_viterbi(h, G, length=n), crf_k_best(h, G, 2, length=n), crf_sample(key, h, G, 4, length=n)

    together = jax.jit(jax.vmap(all_three))(keys, h, lengths)
    for i in range(3):
        alone = all_three(keys[i], h[i], lengths[i])
        for a, b in zip(jax.tree.leaves(together), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-5)


def test_products_of_matrices_are_trees_and_scans():
    with jax.enable_x64(True):
        steps = jnp.asarray(HOLES.astype(float)[None] + H.astype(float)[1:, None, :])
        prefixes = jax.lax.associative_scan(log_matmul, steps)
        for n in range(2, T + 1):
            total = jax.nn.logsumexp(H[0][:, None].astype(float) + prefixes[n - 2])
            np.testing.assert_allclose(total, crf_log_z(H.astype(float), HOLES.astype(float), length=n), rtol=1e-12)
        best = max_matmul(max_matmul(steps[0], steps[1]), max_matmul(steps[2], steps[3]))
        np.testing.assert_allclose((H[0][:, None].astype(float) + best).max(), enumerate_all(HOLES)[1][0], rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: crf_viterbi(H, G[:, :2]), r"transitions must have one row and one column a tag, shape \(3, 3\)"),
        (lambda: crf_viterbi(H, G, length=9), "length must be from 1 to the 5 steps of emissions, got 9"),
        (lambda: crf_k_best(H, G, 0), "number must be at least 1, got 0"),
        (lambda: crf_sample(jax.random.key(0), H, G, 0), "number must be at least 1, got 0"),
        (lambda: log_matmul(G, H), r"a and b must be matrices that fit, got shapes \(3, 3\) and \(5, 3\)"),
        (lambda: max_matmul(G, A), r"got shapes \(3, 3\) and \(3,\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()

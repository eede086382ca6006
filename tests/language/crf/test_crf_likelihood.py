"""The softmax over all tag sequences against the enumeration of every one, and long ones against NumPy's float64."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import logsumexp

from kexue.language import crf_log_z, crf_marginals, crf_nll, crf_score, mask_lengths
from kexue.language.crf import likelihood

T, K = 5, 3
rng = np.random.default_rng(0)
H, G = rng.normal(0, 1.5, (T, K)).astype(np.float32), rng.normal(0, 1, (K, K)).astype(np.float32)
A, B = rng.normal(0, 1, (2, K)).astype(np.float32)
HOLES, NO_START, NO_TAG = G.copy(), A.copy(), H.copy()
HOLES[0, 1] = HOLES[2, 2] = NO_START[2] = NO_TAG[2, 0] = -np.inf
CASES = {
    "free": (H, G, {}),
    "ends": (H, G, {"start": A, "end": B}),
    "short": (H, G, {"start": A, "end": B, "length": 3}),
    "one step": (H, G, {"start": A, "end": B, "length": 1}),
    "constraints": (NO_TAG, HOLES, {"start": NO_START, "end": B}),
    "short constraints": (NO_TAG, HOLES, {"start": NO_START, "end": B, "length": 4}),
    "one tag": (H[:, :1], G[:1, :1], {}),
}


def enumerate_all(h, g, start=None, end=None, length=None):
    """Every tag sequence with its score, in plain NumPy and float64."""
    n, k = length or len(h), h.shape[1]
    paths = np.array(list(itertools.product(range(k), repeat=n)))
    scores = h.astype(float)[np.arange(n), paths].sum(1) + g.astype(float)[paths[:, :-1], paths[:, 1:]].sum(1)
    scores = scores + (0 if start is None else start.astype(float)[paths[:, 0]])
    return paths, scores + (0 if end is None else end.astype(float)[paths[:, -1]])


def enumerated_shares(h, g, **options):
    paths, scores = enumerate_all(h, g, **options)
    p, n, (T, k) = np.exp(scores - logsumexp(scores)), paths.shape[1], h.shape
    tags, pairs = np.zeros((T, k)), np.zeros((T - 1, k, k))
    for t in range(n):
        np.add.at(tags[t], paths[:, t], p)
        if t + 1 < n:
            np.add.at(pairs[t], (paths[:, t], paths[:, t + 1]), p)
    return tags, pairs


@pytest.mark.parametrize("method", ["scan", "tree"])
@pytest.mark.parametrize("case", CASES)
def test_the_normaliser_and_its_gradients_equal_the_enumeration(case, method):
    h, g, options = CASES[case]
    ends = {name: options.get(name, np.zeros(h.shape[1], np.float32)) for name in ("start", "end")}

    def log_z(h, g, start, end):
        return crf_log_z(h, g, start=start, end=end, length=options.get("length"), method=method)

    value, slopes = jax.jit(jax.value_and_grad(log_z, (0, 1, 2, 3)))(h, g, ends["start"], ends["end"])
    np.testing.assert_allclose(value, logsumexp(enumerate_all(h, g, **options)[1]), rtol=1e-6)
    tags, pairs = enumerated_shares(h, g, **options)
    last = tags[options.get("length", len(h)) - 1]
    for found, expected in zip(slopes, (tags, pairs.sum(0), tags[0], last), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_marginals_score_and_loss_equal_the_enumeration(case):
    h, g, options = CASES[case]
    for found, expected in zip(crf_marginals(h, g, **options), enumerated_shares(h, g, **options), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    paths, scores = enumerate_all(h, g, **options)
    for one in (0, scores.argmax()):
        tags = np.append(paths[one], [7] * (len(h) - paths.shape[1])).astype(int)  # padding may be anything
        np.testing.assert_allclose(crf_score(h, g, tags, **options), scores[one], rtol=1e-5)
        np.testing.assert_allclose(
            crf_nll(h, g, tags, **options), logsumexp(scores) - scores[one], rtol=1e-5, atol=1e-6
        )


def test_the_gradient_of_the_loss_is_expected_less_observed():
    tags = np.array([0, 2, 1, 1, 0])
    expected, pairs = enumerated_shares(H, G)
    observed, steps = np.eye(K)[tags], np.zeros((K, K))
    np.add.at(steps, (tags[:-1], tags[1:]), 1)
    dh, dg = jax.grad(crf_nll, (0, 1))(jnp.asarray(H), jnp.asarray(G), tags)
    np.testing.assert_allclose(dh, expected - observed, atol=1e-6)
    np.testing.assert_allclose(dg, pairs.sum(0) - steps, atol=1e-6)


def test_without_transitions_it_is_a_softmax_at_each_step():
    tags, steps = np.array([0, 2, 1, 1, 0]), H.astype(float) - logsumexp(H.astype(float), axis=1, keepdims=True)
    np.testing.assert_allclose(crf_nll(H, np.zeros((K, K)), tags), -steps[np.arange(T), tags].sum(), rtol=1e-6)


def in_logarithms(h, g):
    """NumPy's float64, a logarithm for each state and no scale."""
    alpha = h[0].astype(float)
    for row in h[1:]:
        alpha = logsumexp(alpha[:, None] + g, axis=0) + row
    return logsumexp(alpha)


@pytest.mark.parametrize(("n", "k"), [(128, 4), (128, 32), (1000, 4)])
def test_float32_keeps_a_millionth(n, k):
    draw = np.random.default_rng(n + k)
    h, g = draw.normal(0, 2, (n, k)).astype(np.float32), draw.normal(0, 1, (k, k)).astype(np.float32)
    exact = in_logarithms(h, g)
    np.testing.assert_allclose(crf_log_z(h, g), exact, rtol=3e-7)
    np.testing.assert_allclose(crf_log_z(h, g, method="tree"), exact, rtol=3e-7)


@pytest.mark.parametrize("n", [20, 40, 400])
@pytest.mark.parametrize("closed", ["start", "end"])
def test_a_branch_that_is_forbidden_later_does_not_hide_the_only_sequence(n, closed):
    """A stays with weight 0.01, B with 0.99, neither reaches the other; at one end only A is allowed."""
    g = np.array([[np.log(0.01), -np.inf], [-np.inf, np.log(0.99)]], np.float32)
    h, only = np.zeros((n, 2), np.float32), np.array([0, -np.inf], np.float32)
    options, by_hand = {closed: only}, (n - 1) * np.log(0.01)
    np.testing.assert_allclose(crf_log_z(h, g, **options), by_hand, rtol=1e-5)  # a float32 of its size
    slopes = jax.grad(lambda h, g: crf_log_z(h, g, **options), (0, 1))(h, g)
    np.testing.assert_allclose(slopes[0], np.tile([1.0, 0], (n, 1)), atol=1e-6)
    np.testing.assert_allclose(slopes[1], [[n - 1, 0], [0, 0]], rtol=1e-6, atol=1e-6)


def test_transitions_wider_than_the_exponents_of_float32():
    """Soft constraints of −1,000 and a sequence that has to take one; −200 where nothing else is left."""
    soft = np.where(np.eye(3, dtype=bool), 0.0, -1e3).astype(np.float32)
    ends = {"start": np.array([0, -np.inf, -np.inf], np.float32), "end": np.array([-np.inf, 0, 0], np.float32)}
    paths, scores = enumerate_all(np.zeros((4, 3)), soft, **ends)
    np.testing.assert_allclose(crf_log_z(np.zeros((4, 3)), soft, **ends), logsumexp(scores), rtol=1e-6)
    for found, expected in zip(
        crf_marginals(np.zeros((4, 3)), soft, **ends), enumerated_shares(np.zeros((4, 3)), soft, **ends), strict=True
    ):
        np.testing.assert_allclose(found, expected, atol=1e-4)  # float32 keeps four digits after a thousand
    bridge = np.array([[0, -200], [-np.inf, 0]], np.float32)
    ends = {"start": np.array([0, -np.inf], np.float32), "end": np.array([-np.inf, 0], np.float32)}
    slope = jax.grad(lambda g: crf_log_z(np.zeros((5, 2)), g, **ends))(bridge)
    np.testing.assert_allclose(slope, [[1.5, 1], [0, 1.5]], rtol=1e-5)


def test_where_nothing_is_possible_gradients_are_zero():
    g = np.full((2, 2), -np.inf, np.float32)
    for method in ("scan", "tree"):
        value, slopes = jax.value_and_grad(lambda h, g, m=method: crf_log_z(h, g, method=m), (0, 1))(
            np.zeros((3, 2)), g
        )
        assert value == -np.inf and not np.any(slopes[0]) and not np.any(slopes[1])
    assert not any(np.any(shares) for shares in crf_marginals(np.zeros((3, 2)), g))


def test_second_derivatives_are_covariances():
    """Forward over reverse, and in reverse through the marginals."""
    with jax.enable_x64(True):
        h, g = jnp.asarray(H, float), jnp.asarray(G, float)
        paths, scores = enumerate_all(H, G)
        p, ones = np.exp(scores - logsumexp(scores)), np.eye(K)[paths].reshape(len(paths), -1)
        covariance = (ones * p[:, None]).T @ ones - np.outer(p @ ones, p @ ones)
        hessian = jax.hessian(lambda h: crf_log_z(h, g))(h).reshape(T * K, -1)
        np.testing.assert_allclose(hessian, covariance, atol=1e-12)
        turned = jax.jacrev(lambda h: crf_marginals(h, g)[0])(h).reshape(T * K, -1)
        np.testing.assert_allclose(turned, covariance, atol=1e-12)
        counts = jax.jacfwd(jax.grad(crf_log_z, 1))(h, g)
        steps = np.zeros((len(paths), K, K))
        for t in range(T - 1):
            np.add.at(steps, (np.arange(len(paths)), paths[:, t], paths[:, t + 1]), 1)
        mixed = np.einsum("p,pi,pab->iab", p, ones, steps) - np.einsum("i,ab->iab", p @ ones, np.tensordot(p, steps, 1))
        np.testing.assert_allclose(counts.reshape(K, K, -1), np.moveaxis(mixed, 0, -1), atol=1e-12)


def test_a_padded_batch_under_jit_and_vmap_equals_the_sequences_alone():
    lengths, draw = jnp.array([5, 1, 3, 4]), np.random.default_rng(1)
    h, tags = jnp.asarray(draw.normal(0, 1, (4, T, K)), jnp.float32), jnp.asarray(draw.integers(0, K, (4, T)))
    padded = jnp.where(jnp.arange(T)[None, :, None] < lengths[:, None, None], h, jnp.nan)
    both = jax.value_and_grad(lambda h, g, y, n: crf_nll(h, g, y, start=A, end=B, length=n), (0, 1))
    losses, slopes = jax.jit(jax.vmap(both, (0, None, 0, 0)))(padded, G, tags, lengths)
    for i, n in enumerate(lengths.tolist()):
        alone, slope = both(h[i, :n], G, tags[i, :n], None)
        np.testing.assert_allclose(losses[i], alone, rtol=1e-5)
        np.testing.assert_allclose(slopes[0][i], np.pad(slope[0], ((0, T - n), (0, 0))), atol=1e-6)
        np.testing.assert_allclose(slopes[1][i], slope[1], atol=1e-6)


def test_a_sequence_that_needs_the_exact_counts_does_not_disturb_the_others():
    """Under vmap some sequences take the way around: the best of one side leads nowhere on the other."""
    g = np.array([[0, -np.inf], [-np.inf, 0]], np.float32)
    h = np.zeros((2, 6, 2), np.float32)
    h[1, :3, 0], h[1, 3:, 1] = 60, 60.5  # only all 0s or all 1s, and half a nat each step between them
    slope = jax.vmap(jax.grad(crf_log_z, 1), (0, None))(h, g)
    one = 5 / (1 + np.exp(-1.5))
    np.testing.assert_allclose(slope, [[[2.5, 0], [0, 2.5]], [[5 - one, 0], [0, one]]], rtol=1e-5)


def test_lists_integers_and_other_types():
    whole = [[1, 2], [3, 4], [0, 1]]
    expected = in_logarithms(np.array(whole), np.array([[0.0, 1], [2, 0]]))
    for h in (whole, np.array(whole), np.array(whole, np.float64), jnp.array(whole, jnp.bfloat16)):
        found = crf_log_z(h, [[0, 1], [2, 0]], length=np.int64(3))
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, expected, rtol=1e-6)
    with jax.enable_x64(True):
        assert crf_log_z(np.array(whole, float), [[0, 1], [2, 0]]).dtype == jnp.float64


def test_the_second_bare_call_compiles_nothing():
    inner = (likelihood._by_scan, likelihood._by_tree, likelihood._nll, likelihood._marginals)

    def call(length):
        crf_log_z(H, G, length=length)
        crf_log_z(H, G, length=length, method="tree")
        crf_nll(H, G, [0] * T, length=length)
        crf_marginals(H, G, length=length)

    call(4)
    before = [function._cache_size() for function in inner]
    call(3)
    assert [function._cache_size() for function in inner] == before


def test_a_tag_out_of_range_under_jit_is_nan():
    loss = jax.jit(lambda tags: crf_nll(H, G, tags, length=4))
    assert np.isnan(loss(np.array([0, 1, 3, 0, 0]))) and np.isnan(loss(np.array([0, 1, -1, 0, 0])))
    assert np.isfinite(loss(np.array([0, 1, 2, 0, -1])))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: crf_log_z(H[0], G), r"emissions must have one row a step and one column a tag, got shape \(3,\)"),
        (lambda: crf_log_z(np.zeros((0, 3)), G), r"got shape \(0, 3\)"),
        (
            lambda: crf_log_z(H, G[:2]),
            r"transitions must have one row and one column a tag, shape \(3, 3\), got \(2, 3\)",
        ),
        (lambda: crf_log_z(H, G, start=A[:2]), r"start must have one score a tag, shape \(3,\), got \(2,\)"),
        (lambda: crf_log_z(H, G, end=[[0, 0, 0]]), r"end must have one score a tag, shape \(3,\), got \(1, 3\)"),
        (lambda: crf_log_z(H * 1j, G), "must be real, got complex numbers"),
        (lambda: crf_log_z(H, G, length=0), "length must be from 1 to the 5 steps of emissions, got 0"),
        (lambda: crf_log_z(H, G, length=6), "got 6"),
        (lambda: crf_log_z(H, G, length=2.5), "length must be one integer, got float32"),
        (lambda: crf_log_z(H, G, length=[2, 3]), r"length must be one integer, got int32 of shape \(2,\)"),
        (lambda: crf_log_z(H, G, method="assoc"), "method='assoc' is not allowed: it must be one of 'scan', 'tree'"),
        (lambda: crf_score(H, G, [0, 1, 3, 0, 0]), r"tags must be ids in \[0, 3\), got 3 at step 2"),
        (lambda: crf_nll(H, G, [0, 1, 0, 0, -1]), r"tags must be ids in \[0, 3\), got -1 at step 4"),
        (lambda: crf_nll(H, G, [0, 1]), r"tags must be one integer a step, shape \(5,\), got int32 of shape \(2,\)"),
        (lambda: crf_nll(H, G, [0.0] * 5), "got float32"),
        (lambda: mask_lengths([[True, False, True]]), "got a hole at step 1 of row 0"),
        (lambda: mask_lengths([[True, True], [False, False]]), "must leave each sequence a step, got none in row 1"),
        (lambda: mask_lengths([[1, 0]]), "mask must hold truth values, one a step, got int32"),
        (lambda: mask_lengths(np.zeros((0, 3), bool)), r"of shape \(0, 3\)"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_masks():
    mask = np.arange(4) < np.array([[4], [1], [3]])
    np.testing.assert_array_equal(mask_lengths(mask), [4, 1, 3])
    assert mask_lengths(mask[1]) == 1
    np.testing.assert_array_equal(jax.jit(mask_lengths)(mask), [4, 1, 3])

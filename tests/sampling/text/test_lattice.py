"""The lattice against the enumeration of every sentence, and against figures counted independently on a newspaper."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue import data
from kexue.sampling.text import lattice as lattice_module
from kexue.sampling.text.bigram import Bigram, bigram_model
from kexue.sampling.text.lattice import constrained_lattice

V, N = 5, 5
WORDS = tuple("abcde")


def model(dtype=jnp.float32, zeros=True, seed=0):
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.full(V + 1, 0.6), V)
    if zeros:
        table[1, 2] = table[3, 3] = table[0, V] = 0
        table /= table.sum(1, keepdims=True)
    start = rng.dirichlet(np.ones(V))
    return Bigram(WORDS, *(jnp.asarray(array, dtype) for array in (start, table[:, :V], table[:, V])))


MASK = np.ones((N, V), bool)
MASK[1, [0, 3]] = False
MASK[4] = [False, True, True, False, False]
CASES = {
    "free": ((), None),
    "one keyword": (("c",), None),
    "two keywords": (("d", "b"), None),
    "four keywords": (("a", "e", "c", "b"), None),
    "mask": ((), MASK),
    "both": (("d", "a"), MASK),
}


def enumerate_all(model, keywords, allowed):
    """Every sentence with its weight, in plain NumPy and float64."""
    start, P, stop = (np.asarray(a, float) for a in (model.start, model.transition, model.stop))
    sentences = np.array(list(itertools.product(range(V), repeat=N)))
    weight = start[sentences[:, 0]] * stop[sentences[:, -1]]
    for t in range(1, N):
        weight = weight * P[sentences[:, t - 1], sentences[:, t]]
    for word in keywords:
        weight = weight * (sentences == WORDS.index(word)).any(1)
    if allowed is not None:
        weight = weight * allowed[np.arange(N), sentences].all(1)
    return sentences, weight


@pytest.mark.parametrize("case", CASES)
def test_normaliser_marginals_and_maximum_equal_the_enumeration(case):
    keywords, allowed = CASES[case]
    sentences, weight = enumerate_all(model(), keywords, allowed)
    lattice = constrained_lattice(model(), N, keywords=keywords, allowed=allowed)
    np.testing.assert_allclose(lattice.log_z, np.log(weight.sum()), atol=5e-6)
    counted = np.stack([np.bincount(sentences[:, t], weight, V) for t in range(N)]) / weight.sum()
    np.testing.assert_allclose(lattice.marginals(), counted, atol=2e-6)
    tokens, log_prob = lattice.best()
    assert tokens.tolist() == sentences[weight.argmax()].tolist()
    np.testing.assert_allclose(log_prob, np.log(weight.max()), rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("together", [4, 100_000])  # below and above sets · V: two ways to draw
def test_samples_have_the_distribution_of_the_enumeration(case, together):
    keywords, allowed = CASES[case]
    sentences, weight = enumerate_all(model(), keywords, allowed)
    lattice = constrained_lattice(model(), N, keywords=keywords, allowed=allowed)
    keys = jax.random.split(jax.random.key(3), 100_000 // together)
    drawn = np.asarray(jax.vmap(lambda key: lattice.sample(key, together))(keys)).reshape(-1, N)
    assert drawn.shape == (100_000, N) and drawn.dtype == np.int32
    counts = np.bincount(drawn @ V ** np.arange(N - 1, -1, -1), minlength=V**N)
    assert counts[weight == 0].sum() == 0  # never an impossible sentence
    expected = 1e5 * weight / weight.sum()
    kept = expected > 5
    chi2 = ((counts - expected)[kept] ** 2 / expected[kept]).sum()
    assert abs(chi2 - kept.sum()) < 5 * np.sqrt(2 * kept.sum())


def test_many_samples_in_chunks_are_the_same_samples(monkeypatch):
    keywords = ("a", "e", "c", "b")
    whole = constrained_lattice(model(), N, keywords=keywords).sample(jax.random.key(0), 40)
    monkeypatch.setattr(lattice_module, "CHUNK", 16)
    renamed = Bigram(tuple("ABCDE"), *jax.tree.leaves(model()))  # other words: compiled anew
    chunked = constrained_lattice(renamed, N, keywords=[w.upper() for w in keywords]).sample(jax.random.key(0), 40)
    np.testing.assert_array_equal(chunked, whole)


def test_float64_agrees_with_the_enumeration_to_rounding():
    with jax.enable_x64(True):
        lattice = constrained_lattice(model(jnp.float64), N, keywords=("d", "a"), allowed=MASK)
        _, weight = enumerate_all(model(jnp.float64), ("d", "a"), MASK)
        np.testing.assert_allclose(lattice.log_z, np.log(weight.sum()), rtol=1e-12)
        assert lattice.marginals().dtype == lattice.log_messages.dtype == jnp.float64


def test_a_thousand_words_do_not_underflow():
    """Against the same product in Python's floats, renormalised by hand."""
    m = model(zeros=False)
    n, log_z, alpha = 1000, 0.0, np.asarray(m.start, float)
    for _ in range(n - 1):
        alpha = alpha @ np.asarray(m.transition, float)
        log_z += np.log(alpha.sum())
        alpha = alpha / alpha.sum()
    log_z += np.log(alpha @ np.asarray(m.stop, float))
    lattice = constrained_lattice(m, n, keywords=("a", "b", "c"))  # nearly certain in so long a sentence
    np.testing.assert_allclose(lattice.log_z, log_z, rtol=1e-4)
    assert jnp.all(jnp.isfinite(lattice.marginals()))


def branches(first, second):
    """A and B are left with probabilities 1 - first and 1 - second, B never towards A; X, where sentences never end."""
    transition = jnp.array([[first, 0, 0.99 - first], [0, second, 0.99 - second], [0, 0, 1]])
    return Bigram(("A", "B", "X"), jnp.array([0.5, 0.5, 0]), transition, jnp.array([0.01, 0.01, 0]))


@pytest.mark.parametrize("n", [20, 22, 40, 400])
def test_a_branch_that_is_forbidden_later_does_not_hide_the_only_sentence(n):
    allowed = np.ones((n, 3), bool)
    allowed[0, 1:] = False
    lattice = constrained_lattice(branches(0.01, 0.99), n, allowed=allowed)
    by_hand = np.log(0.5) + (n - 1) * np.log(0.01) + np.log(0.01)
    np.testing.assert_allclose(lattice.log_z, by_hand, rtol=1e-5)
    np.testing.assert_allclose(lattice.best()[1], by_hand, rtol=1e-5)
    np.testing.assert_array_equal(lattice.sample(jax.random.key(0), 5), np.zeros((5, n)))
    np.testing.assert_allclose(lattice.marginals(), np.tile([1.0, 0, 0], (n, 1)), atol=1e-6)
    # the same branch, seen from the other end: forbidden at the last word
    allowed = np.ones((n, 3), bool)
    allowed[-1, 1:] = False
    last = constrained_lattice(branches(0.01, 0.99), n, allowed=allowed)
    np.testing.assert_allclose(last.log_z, by_hand, rtol=1e-5)
    np.testing.assert_allclose(last.marginals(), np.tile([1.0, 0, 0], (n, 1)), atol=1e-6)


def test_branches_of_very_different_size_against_sums_in_logarithms():
    """Forward, in NumPy's float64, one logarithm for each state and no common scale at all."""
    rng, n = np.random.default_rng(0), 60
    table = np.exp(-rng.exponential(12, (V, V + 1)))
    table[:, :V] *= np.triu(np.ones((V, V)))  # no way back to an earlier word
    table[np.arange(V), np.arange(V)] = [1e-3, 0.5, 1e-2, 0.9, 0.1]
    table /= table.sum(1, keepdims=True) + 1
    start = np.array([0.6, 1e-12, 0.3, 1e-20, 0.1])
    with np.errstate(divide="ignore"):
        log_start, log_P, log_stop = np.log(start), np.log(table[:, :V]), np.log(table[:, V])
    wide = Bigram(WORDS, *(jnp.asarray(array, jnp.float32) for array in (start, table[:, :V], table[:, V])))
    build = jax.jit(lambda mask: constrained_lattice(wide, n, allowed=mask).log_z)
    for first in range(V):  # from the last word the likeliest, the fourth, is out of reach
        allowed = np.random.default_rng(first).uniform(size=(n, V)) < 0.9
        allowed[:, [first, 1, 3]] = True
        allowed[0] = np.arange(V) == first
        with np.errstate(divide="ignore"):
            mask = np.log(allowed.astype(float))
        alpha = log_start + mask[0]
        for t in range(1, n):
            alpha = np.logaddexp.reduce(alpha[:, None] + log_P, axis=0) + mask[t]
        log_z = np.logaddexp.reduce(alpha + log_stop)
        np.testing.assert_allclose(build(jnp.asarray(allowed)), log_z, rtol=1e-5)


def test_the_gradient_of_the_normaliser_counts_the_words_of_a_sentence():
    """d log Z / d log P(w | v) is how often w follows v: in all, one pair fewer than words."""
    with jax.enable_x64(True):
        m = model(jnp.float64, zeros=False)
        log_z = lambda P: constrained_lattice(Bigram(WORDS, m.start, P, m.stop), N).log_z  # noqa: E731
        counts = jax.jit(jax.grad(log_z))(m.transition) * m.transition
        sentences, weight = enumerate_all(m, (), None)
        pairs = np.zeros((V, V))
        for t in range(1, N):
            np.add.at(pairs, (sentences[:, t - 1], sentences[:, t]), weight / weight.sum())
        np.testing.assert_allclose(counts, pairs, rtol=1e-10)


def test_jit_and_vmap_over_keywords_masks_and_keys():
    m = model()

    def both(tokens, mask, key):
        lattice = constrained_lattice(m, N, keywords=tokens, allowed=mask)
        return lattice.log_z, lattice.sample(key, 3), lattice.marginals(), lattice.best()[0]

    tokens = jnp.array([[0, 1], [3, 2], [4, 0]])
    masks = jnp.stack([jnp.asarray(MASK), jnp.ones((N, V), bool), jnp.asarray(MASK)])
    keys = jax.random.split(jax.random.key(0), 3)
    together = jax.jit(jax.vmap(both))(tokens, masks, keys)
    for i in range(3):
        alone = both(tokens[i], masks[i], keys[i])
        for a, b in zip(jax.tree.leaves(together), alone, strict=True):
            np.testing.assert_allclose(a[i], b, rtol=1e-4, atol=1e-6)
    impossible = jax.jit(lambda mask: constrained_lattice(m, N, keywords=("a",), allowed=mask).log_z)
    assert impossible(jnp.asarray(MASK).at[:, 0].set(False)) == -jnp.inf


def test_one_word_and_samples_with_the_keyword_order_swapped():
    m = model(zeros=False)
    one = constrained_lattice(m, 1, keywords=("d",))
    np.testing.assert_allclose(one.log_z, jnp.log(m.start[3] * m.stop[3]), rtol=1e-5)
    assert one.sample(jax.random.key(0), 4).tolist() == [[3]] * 4
    a, b = (constrained_lattice(m, N, keywords=order) for order in (("a", "d"), ("d", "a")))
    np.testing.assert_allclose(a.log_z, b.log_z, rtol=1e-5)
    np.testing.assert_allclose(a.marginals(), b.marginals(), rtol=1e-4)


@pytest.mark.parametrize(
    ("length", "options", "message"),
    [
        (0, {}, "length must be at least 1, got 0"),
        (1, {"keywords": ("a", "b")}, "length must be at least the number of keywords, 2, got 1"),
        (3, {"keywords": ("x",)}, "words must be among the 5 of the vocabulary, got 'x'"),
        (3, {"keywords": ("a", "a")}, "keywords must be a sequence of different words"),
        (3, {"keywords": "ab"}, "keywords must be a sequence of different words, got 'ab'"),
        (3, {"keywords": jnp.array([0, 5])}, r"keywords must be different tokens in \[0, 5\), got \[0, 5\]"),
        (3, {"allowed": np.ones((2, V), bool)}, r"allowed must have one row a position, shape \(3, 5\), got \(2, 5\)"),
        (2, {"allowed": np.array([[True] * 5, [False] * 5])}, "got none at position 1"),
        (2, {"allowed": np.eye(5, dtype=bool)[[1, 2]]}, "must leave a possible sentence of 2 words, got log_z = -inf"),
        (2, {"keywords": ("c",), "allowed": np.eye(5, dtype=bool)[[0, 1]]}, "got log_z = -inf"),
    ],
)
def test_bad_input(length, options, message):
    with pytest.raises(ValueError, match=message):
        constrained_lattice(model(), length, **options)
    with pytest.raises(ValueError, match="number must be at least 1"):
        constrained_lattice(model(), 2).sample(jax.random.key(0), 0)


def test_on_a_newspaper_rejection_finds_what_the_lattice_says():
    newspaper = bigram_model(data.clauses(data.peoples_daily("all")), 1998)
    free = constrained_lattice(newspaper, 8)
    drawn = np.asarray(free.sample(jax.random.key(0), 100_000))
    for keywords, about in ((["经济"], 0.062), (["经济", "企业"], 1.25e-3)):
        lattice = constrained_lattice(newspaper, 8, keywords=keywords)
        exact = float(jnp.exp(lattice.log_z - free.log_z))
        np.testing.assert_allclose(exact, about, rtol=0.05)  # an independent count with another unigram
        hits = np.all([(drawn == token).any(1) for token in np.asarray(lattice.keywords)], axis=0).sum()
        assert abs(hits - 1e5 * exact) < 4 * np.sqrt(1e5 * exact)

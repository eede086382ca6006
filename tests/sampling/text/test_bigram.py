"""The bigram model against hand counts, and against a walk through the chain written out."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sampling.text.bigram import Bigram, bigram_model, most_frequent

TEXT = [["a", "b"], ["a", "b", "b"], ["c"], ["a", "d"], []]


def test_hand_counted_toy_text():
    # Without d the sentences are ab, abb, c. Pairs: a→b 2, b→b 1, b→end 2, c→end 1. Words with ends: a 2, b 3, c 1, end 3.
    model = bigram_model(TEXT, ["a", "b", "c"], interpolation=0.1)
    p = np.array([2, 3, 1, 3]) / 9
    rows = 0.9 * np.array([[0, 1, 0, 0], [0, 1 / 3, 0, 2 / 3], [0, 0, 0, 1]]) + 0.1 * p
    np.testing.assert_allclose(np.column_stack([model.transition, model.stop]), rows, rtol=1e-6)
    np.testing.assert_allclose(model.start, 0.9 * np.array([2, 0, 1]) / 3 + 0.1 * np.array([2, 3, 1]) / 6, rtol=1e-6)
    assert {leaf.dtype for leaf in jax.tree.leaves(model)} == {jnp.dtype("float32")}


@pytest.mark.parametrize("interpolation", [0.0, 0.1, 1.0])
def test_everything_sums_to_one_also_after_a_word_that_was_never_seen(interpolation):
    model = bigram_model(TEXT, ["a", "b", "c", "never"], interpolation=interpolation)
    np.testing.assert_allclose(model.transition.sum(1) + model.stop, 1, rtol=1e-6)
    np.testing.assert_allclose(model.start.sum(), 1, rtol=1e-6)


def test_sentences_of_all_lengths_have_total_probability_one():
    model = bigram_model(TEXT, 2, interpolation=0.3)
    total = sum(
        float(jnp.exp(model.log_prob(jnp.array(list(itertools.product(range(2), repeat=n))))).sum())
        for n in range(1, 6)
    )
    assert 0.93 < total < 1


def test_log_prob_is_the_walk_written_out_under_jit_and_vmap():
    model = bigram_model(TEXT, ["a", "b", "c"], interpolation=0.2)
    tokens = jnp.array([[0, 1, 1], [2, 0, 1]])
    P = np.column_stack([model.transition, model.stop])
    by_hand = [
        np.log(model.start[0] * P[0, 1] * P[1, 1] * P[1, 3]),
        np.log(model.start[2] * P[2, 0] * P[0, 1] * P[1, 3]),
    ]
    np.testing.assert_allclose(model.log_prob(tokens), by_hand, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(model.log_prob))(tokens), by_hand, rtol=1e-5)
    assert model.log_prob(tokens[0]).shape == () and model.log_prob(tokens[:, None]).shape == (2, 1)
    assert bigram_model(TEXT, ["a", "b"], interpolation=0.0).log_prob(jnp.array([1, 0])) == -jnp.inf


def test_encode_and_decode():
    model = bigram_model(TEXT, 3)
    assert model.words == ("a", "b", "c") == most_frequent(TEXT, 3)  # a and b three times, c and d once
    assert model.decode(model.encode(["c", "a", "b"])) == ["c", "a", "b"]
    assert model.encode("ab").dtype == jnp.int32
    with pytest.raises(ValueError, match="words must be among the 3 of the vocabulary, got 'd'"):
        model.encode(["a", "d"])


@pytest.mark.parametrize(
    ("vocabulary", "options", "message"),
    [
        (0, {}, "vocabulary must hold at least one word, got 0"),
        ([], {}, "vocabulary must hold at least one word, and each word once, got 0"),
        (["a", "a"], {}, "each word once"),
        (["z"], {}, "vocabulary must cover at least one of the sentences, got 5 sentences"),
        (2, {"interpolation": 1.5}, r"interpolation must be in \[0, 1\], got 1.5"),
        (2, {"interpolation": float("nan")}, "interpolation must be"),
    ],
)
def test_bad_input(vocabulary, options, message):
    with pytest.raises(ValueError, match=message):
        bigram_model(TEXT, vocabulary, **options)


def test_no_words_have_no_probability():
    model = bigram_model(TEXT, 2)
    assert isinstance(model, Bigram)
    with pytest.raises(ValueError, match="at least one word a sentence"):
        model.log_prob(jnp.zeros((2, 0), jnp.int32))

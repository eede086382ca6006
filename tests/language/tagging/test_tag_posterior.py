"""The exact posterior against the enumeration of all divisions, and against the frequencies in random text."""

from itertools import combinations, pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.entropy import segment_lattice
from kexue.language import bmes_tags, random_sentences, sentences_of, tag_posterior, word_table

rng = np.random.default_rng(5)
UNITS = ["a", "b", "c", "ab", "ba", "abc", "bcab", "aaba", "cabac"]
THETA = rng.uniform(0.05, 1, len(UNITS))


def by_enumeration(text):
    weight_of, total, found = dict(zip(UNITS, THETA, strict=True)), 0, np.zeros((len(text), 4))
    for k in range(len(text)):
        for cuts in combinations(range(1, len(text)), k):
            words = [text[a:b] for a, b in pairwise([0, *cuts, len(text)])]
            weight = np.prod([weight_of.get(word, 0) for word in words])
            found[np.arange(len(text)), bmes_tags(words)] += weight
            total += weight
    return found / total


def test_against_the_enumeration_of_all_divisions():
    texts = ["".join(rng.choice(list("abc"), size)) for size in (1, 2, 5, 9, 11)] + ["cabac", "bcab", "abcabac"]
    with jax.enable_x64(True):
        found = tag_posterior(segment_lattice(texts, UNITS, width=16), jnp.log(jnp.asarray(THETA)))
    assert np.asarray(found) == pytest.approx(np.concatenate([by_enumeration(text) for text in texts]), abs=1e-12)


def test_of_random_sentences_it_is_right_as_often_as_it_says():
    lexicon, stop = dict(zip(UNITS, THETA, strict=True)), 0.15
    text = random_sentences(jax.random.key(1), word_table(lexicon), 30_000, stop)
    sentences = sentences_of(text)
    lattice = segment_lattice(["".join(words) for words in sentences], UNITS)
    p = np.asarray(tag_posterior(lattice, jnp.log(jnp.asarray(THETA / THETA.sum() * (1 - stop)))))
    tags = np.concatenate([bmes_tags(words) for words in sentences])
    for tag in range(4):
        for low, high in pairwise(np.linspace(0, 1, 6)):
            said = p[:, tag][(p[:, tag] > low) & (p[:, tag] <= high)]
            was = (tags == tag)[(p[:, tag] > low) & (p[:, tag] <= high)]
            if len(said) > 100:  # neighbours in a sentence go together, hence three times the error
                assert abs(said.mean() - was.mean()) < 3 * 3 * np.sqrt(np.mean(said * (1 - said)) / len(said)) + 1e-6
    wrong = np.asarray(tag_posterior(lattice, jnp.log(jnp.asarray(THETA / THETA.sum()))))  # forgets the ends
    losses = [-np.log(q[np.arange(len(tags)), tags]).mean() for q in (p, wrong)]
    assert losses[0] < losses[1] - 1e-4


def test_what_does_not_fit_and_bad_input():
    lattice = segment_lattice(["ab", "xx"], ["a", "b"], width=2)
    assert np.asarray(tag_posterior(lattice, jnp.zeros(2))).tolist() == [[0, 0, 0, 1], [0, 0, 0, 1], [0] * 4, [0] * 4]
    with pytest.raises(ValueError, match="log_theta must have one entry a unit"):
        tag_posterior(lattice, jnp.zeros(3))

"""The tagger against a loop over its strings, its reading against Viterbi by enumeration, its training against NumPy."""

from itertools import pairwise, product

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.language import (
    NGramTagger,
    TaggerSegmenter,
    bmes_grammar,
    random_sentences,
    start_tagger,
    tagging_loss,
    train_tagger,
    word_table,
)
from kexue.language.tagging import reading

LEXICON = {"的": 6, "喜欢": 3, "图书馆": 2, "图书": 1, "馆": 0.5, "研究生": 1, "生命": 1}


@pytest.fixture(scope="module")
def tagger():
    tagger = NGramTagger(jax.random.key(0), rows=256, dim=3, order=3, hidden=5)
    return eqx.tree_at(lambda t: t.table, tagger, jax.random.normal(jax.random.key(1), tagger.table.shape))


def hashed(string, rows):
    """The same mixing of bits with Python's integers."""
    state = 0
    for k, letter in enumerate(string):
        state = (state ^ letter) * 0x9E3779B1 % 2**32
        state = ((state ^ state >> 15) * 0x85EBCA6B + k + 1) % 2**32
    return ((state ^ state >> 13) * 0x9E3779B1 % 2**32) * rows >> 32


def slowly(tagger, letters):
    table, found = np.asarray(tagger.table, float), []
    for t in range(len(letters)):
        inputs = []
        for length in range(1, tagger.order + 1):
            for o in range(length):
                string = [letters[i] if 0 <= i < len(letters) else 0 for i in range(t - o, t - o + length)]
                inputs.append(table[length - 1 if 0 in string else hashed(string, len(table))])
        hidden = np.maximum(np.concatenate(inputs) @ np.asarray(tagger.weights) + np.asarray(tagger.bias), 0)
        found.append(hidden @ np.asarray(tagger.out) + np.asarray(tagger.out_bias))
    return np.array(found)


def test_scores_of_each_letter(tagger):
    letters = [*map(ord, "研究生命"), 0, *map(ord, "的𠮷"), 0, 0, ord("馆")]
    assert np.asarray(tagger(jnp.array(letters))) == pytest.approx(slowly(tagger, letters), abs=1e-5)
    assert np.asarray(tagger(jnp.array([ord("的")]))) == pytest.approx(slowly(tagger, [ord("的")]), abs=1e-5)


def test_neighbours_beyond_a_gap_do_not_matter(tagger):
    one, other = (jnp.array([*map(ord, before), 0, *map(ord, "研究生")]) for before in ("图书馆", "喜欢的"))
    assert (tagger(one)[3:] == tagger(other)[3:]).all()


def test_different_strings_have_different_rows():
    tagger = NGramTagger(jax.random.key(0), rows=2**18, dim=1, order=2)
    letters = jnp.arange(0x4E00, 0x4E00 + 4000, dtype=jnp.int32)
    places = np.asarray(tagger.places(letters))
    assert len(np.unique(places[:, 0])) > 3900 and len(np.unique(places[1:-1, 1:])) > 3900


@pytest.mark.parametrize("size", [{"rows": 100}, {"rows": 8}, {"dim": 0}, {"order": 0}, {"order": 17}, {"hidden": 0}])
def test_bad_sizes(size):
    with pytest.raises(ValueError, match=f"{next(iter(size))} must be"):
        NGramTagger(jax.random.key(0), **size)


def best_legal(scores):
    legal, start, end = bmes_grammar()
    paths = [
        p for p in product(range(4), repeat=len(scores))
        if start[p[0]] and end[p[-1]] and all(legal[a, b] for a, b in pairwise(p))
    ]  # fmt: skip
    return max(paths, key=lambda path: sum(scores[t, tag] for t, tag in enumerate(path)))


def test_reading_takes_the_best_legal_tags(tagger):
    texts = ["研究生命的", "图", "书馆喜欢", "生命喜欢的图"]
    for text, words in zip(texts, TaggerSegmenter(tagger).segment_all(texts), strict=True):
        path = best_legal(slowly(tagger, [*map(ord, text)]))
        ends = [t + 1 for t, tag in enumerate(path) if tag >= 2]
        assert words == [text[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def test_texts_of_any_length_and_company(tagger):
    rng = np.random.default_rng(0)
    letters = list("".join(LEXICON))
    texts = ["".join(rng.choice(letters, size)) for size in (0, 1, 255, 256, 257, 300, 700, 3, 0, 1200)]
    read = TaggerSegmenter(tagger)
    at_once = read.segment_all(texts)
    assert ["".join(words) for words in at_once] == texts
    assert at_once == [read.segment(text) for text in texts]
    parts = np.concatenate([np.asarray(tagger(jnp.array([*map(ord, texts[4])])))])
    assert read.segment(texts[4])[:2] == best_start(parts, texts[4])
    assert read.segment_all([]) == [] and read.segment("") == []


def best_start(scores, text):
    """The first two words of the best legal reading, by a plain recursion in NumPy."""
    legal, start, end = bmes_grammar()
    best, back = np.where(start, scores[0].astype(float), -np.inf), []
    for row in scores[1:]:
        joint = np.where(legal, best[:, None], -np.inf)
        back.append(joint.argmax(0))
        best = joint.max(0) + row
    path = [int(np.where(end, best, -np.inf).argmax())]
    for step in back[::-1]:
        path.append(int(step[path[-1]]))
    ends = [t + 1 for t, tag in enumerate(path[::-1]) if tag >= 2]
    return [text[: ends[0]], text[ends[0] : ends[1]]]


def test_what_is_not_chinese(tagger):
    read = TaggerSegmenter(tagger)
    text = "的１９９８ab，。的 x\0y"
    words = read.segment(text)
    assert words == ["的", "１９９８ab", "，", "。", "的", " ", "x", "\0", "y"]
    assert read.segment_all(["12", "34", "", "，"]) == [["12"], ["34"], [], ["，"]]
    with pytest.raises(TypeError, match="list of strings"):
        read.segment_all("的")


def test_blocks_do_not_matter(tagger, monkeypatch):
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(list("".join(LEXICON)), 40)) for _ in range(120)]
    at_once = TaggerSegmenter(tagger).segment_all(texts)
    monkeypatch.setattr(reading, "BLOCK", 256 * 16)
    assert TaggerSegmenter(tagger).segment_all(texts) == at_once


def test_one_step_against_numpy(tagger):
    words, key = word_table(LEXICON), jax.random.key(7)
    state = start_tagger(tagger)
    text = random_sentences(jax.random.split(key, 1)[0], words, 64, 0.25)
    after, losses = train_tagger(state, words, key, 1, size=64, stop=0.25, learning_rate=0.01, row_rate=0.3)
    slope = jax.grad(lambda t: tagging_loss(t(text.letters), text))(tagger)
    assert losses[0] == pytest.approx(float(tagging_loss(tagger(text.letters), text)), rel=1e-5)
    expected = np.asarray(tagger.weights) - 0.01 * np.sign(np.asarray(slope.weights))  # Adam's first step
    assert np.asarray(after.tagger.weights) == pytest.approx(expected, abs=1e-4)
    place, known = np.asarray(tagger.places(text.letters)), int((text.tags >= 0).sum())
    of_rows = jax.grad(lambda rows: tagging_loss(tagger.scores(rows), text))(tagger.table[place])
    squares, change = np.ones(256), np.zeros(tagger.table.shape)
    for row, g in zip(place.ravel(), np.asarray(of_rows).reshape(-1, 3) * known, strict=True):
        squares[row] += (g**2).mean()
        change[row] += g
    assert np.asarray(after.squares) == pytest.approx(squares, rel=1e-4)
    expected = np.asarray(tagger.table) - 0.3 * change / np.sqrt(squares)[:, None]
    assert np.asarray(after.tagger.table) == pytest.approx(expected, abs=1e-4)


def test_training_learns_continues_and_maps():
    words, optimum = word_table(LEXICON), 0.1
    start = start_tagger(NGramTagger(jax.random.key(0), rows=128, dim=4, order=3, hidden=8))
    states = jax.tree.map(lambda leaf: jnp.stack([leaf] * 2), start)
    keys = jax.random.split(jax.random.key(2), 2)
    many, losses = jax.vmap(lambda s, k: train_tagger(s, words, k, 40, size=256))(states, keys)
    alone, of_one = train_tagger(start, words, keys[1], 40, size=256)
    assert np.asarray(losses[1]) == pytest.approx(np.asarray(of_one), abs=1e-3)
    assert losses[:, 0].min() > 1 and losses[:, -5:].mean() < optimum
    again, later = train_tagger(alone, words, jax.random.key(3), 40, size=256)
    assert later.mean() < of_one.mean() and not np.isnan(np.asarray(later)).any()
    read = TaggerSegmenter(again.tagger)
    assert read.segment("图书馆的生命") == ["图书馆", "的", "生命"]


def test_bad_training(tagger):
    state, words, key = start_tagger(tagger), word_table(LEXICON), jax.random.key(0)
    bad = ({"steps": 0}, {"size": 0}, {"stop": 2.0}, {"learning_rate": 0.0}, {"row_rate": -1.0})
    for name, value in ((name, value) for case in bad for name, value in case.items()):
        with pytest.raises(ValueError, match=f"{name} must be"):
            train_tagger(state, words, key, **({"steps": 1} | {name: value}))
    with pytest.raises(ValueError, match="scores must be four"):
        tagging_loss(jnp.zeros((3, 4)), random_sentences(key, words, 4))

"""The search for a lexicon: its steps against plain Python, its result against the text's own words."""

from collections import Counter
from math import log, log2

import numpy as np
import pytest

from kexue.entropy import (
    boundary_scores,
    candidate_units,
    mdl_em,
    segment_lattice,
    two_part_code,
    units_at,
    units_in_use,
    word_ends,
)
from kexue.entropy.units import description
from kexue.entropy.units.description import _best_parts

WORDS = ["the", "dog", "cat", "house", "sees", "likes", "old", "red"]


@pytest.fixture(scope="module")
def spoken():
    rng = np.random.default_rng(0)
    return [list(rng.choice(WORDS, rng.integers(2, 8))) for _ in range(150)]


@pytest.fixture(scope="module")
def prepared(spoken):
    texts = ["".join(sentence) for sentence in spoken]
    units = candidate_units(texts, 8, 3)
    return texts, units, segment_lattice(texts, units), [len(unit) for unit in units]


@pytest.fixture(scope="module")
def found(prepared):
    _, _, lattice, lengths = prepared
    return mdl_em(lattice, lengths, 26)


def test_words_in_random_order_are_found(spoken, prepared, found):
    texts, units, _, _ = prepared
    scores = boundary_scores(word_ends(spoken), found.ends, word_ends([texts]))
    assert scores.word_f1 == 1
    assert {unit for unit, n in zip(units, found.counts, strict=True) if n} == set(WORDS)
    assert found.kept[-1] == found.kept[-2] and (np.diff(found.kept) <= 0).all()


def test_counts_and_code_are_those_of_the_segmentation(prepared, found):
    texts, units, _, lengths = prepared
    counts = Counter(unit for sentence in units_at(texts, found.ends) for unit in sentence)
    np.testing.assert_array_equal(found.counts, [counts[unit] for unit in units])
    total = sum(counts.values())
    bits = sum(n * log2(total / n) for n in counts.values()) + sum((len(u) + 1) * log2(27) for u in counts)
    assert float(found.code.total) == pytest.approx(bits / len("".join(texts)), rel=1e-5)
    assert float(two_part_code(found.counts, lengths, 26).total) == pytest.approx(float(found.code.total), rel=1e-6)
    assert np.exp(found.log_theta.astype(float)).sum() == pytest.approx(1, rel=1e-5)


def test_a_high_price_leaves_fewer_units_and_a_higher_one_letters(prepared, found):
    _, units, lattice, lengths = prepared
    costly, prohibitive = (mdl_em(lattice, lengths, 26, price=price) for price in (120.0, 300.0))
    letters = sum(length == 1 for length in lengths)
    assert prohibitive.kept[-1] == letters < costly.kept[-1] < found.kept[-1]


def test_a_start_names_the_candidates(prepared):
    _, units, lattice, lengths = prepared
    start = [float(unit in {"the", "dog"}) for unit in units]
    few = mdl_em(lattice, lengths, 26, start=start)
    assert {unit for unit, n in zip(units, few.counts, strict=True) if n and len(unit) > 1} == {"the", "dog"}
    words = [*WORDS, *sorted(set("".join(WORDS))), "unheardof"]
    lattice = segment_lattice(["thedogseesthedog"] * 9, words)
    strange = mdl_em(lattice, [len(word) for word in words], 26)
    assert strange.log_theta[-1] == -np.inf and strange.counts[-1] == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_best_parts_of_a_unit_are_those_of_all_its_segmentations(seed):
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("abc"), 14)) for _ in range(8)]
    units = candidate_units(texts, 6, 2)
    alive = rng.random(len(units)) < 0.8
    w = np.where(alive, np.log(rng.dirichlet(np.ones(len(units)))), -np.inf)
    weight = dict(zip(units, w, strict=True))

    def best(text, whole):
        options = [0.0] if not text else []
        for length in range(1, len(text) + 1):
            if text[:length] in weight and text[:length] != whole:
                options.append(weight[text[:length]] + best(text[length:], whole))
        return max(options, default=-np.inf)

    expected = [best(unit, unit) if kept else -np.inf for unit, kept in zip(units, alive, strict=True)]
    np.testing.assert_allclose(
        _best_parts(np.asarray(segment_lattice(texts, units).ids), w, alive), expected, rtol=1e-5
    )


def test_one_round_in_plain_python():
    rng = np.random.default_rng(1)
    texts = ["".join(rng.choice(["ab", "cab", "b"], 3)) for _ in range(12)]
    units = candidate_units(texts, 3, 1)
    start = {unit: sum(text[i:].startswith(unit) for text in texts for i in range(len(text))) for unit in units}
    theta = {unit: n / sum(start.values()) for unit, n in start.items()}
    counts = dict.fromkeys(units, 0.0)
    for text in texts:
        ways = list(cuts(text, theta))
        weights = [np.prod([theta[unit] for unit in way]) for way in ways]
        for way, weight in zip(ways, weights, strict=True):
            for unit in way:
                counts[unit] += weight / sum(weights)
    theta = {unit: n / sum(counts.values()) for unit, n in counts.items()}
    kept = []
    for unit in units:
        parts = [np.prod([theta[part] for part in way]) for way in cuts(unit, theta) if len(way) > 1]
        pays = len(unit) == 1 or counts[unit] * log(theta[unit] / max(parts)) >= 0.5 * (len(unit) + 1) * log(4)
        kept.append(pays)
    assert 5 < sum(kept) < len(units) - 5
    # The first of several rounds is at a twentieth of the price.
    for price, tightening in ((10.0, 8), (0.5, 1)):
        lattice, lengths = segment_lattice(texts, units), [len(unit) for unit in units]
        found = mdl_em(lattice, lengths, 3, price=price, tightening=tightening, rounds=1)
        np.testing.assert_array_equal(found.log_theta > -np.inf, kept)


def cuts(text, units):
    if not text:
        yield []
    for length in range(1, len(text) + 1):
        if text[:length] in units:
            for rest in cuts(text[length:], units):
                yield [text[:length], *rest]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lengths": [1, 1]}, "lengths must hold a number of letters for each of the 3 units"),
        ({"lengths": [1, 1, 0]}, "lengths must hold a number of letters for each of the 3 units"),
        ({"alphabet": 0}, "alphabet must be at least 1, got 0"),
        ({"price": 0.0}, "price must be positive and finite, got 0.0"),
        ({"tightening": 0}, "tightening must be at least 1, got 0"),
        ({"em_steps": 0}, "em_steps must be at least 1, got 0"),
        ({"rounds": 0}, "rounds must be at least 1, got 0"),
        ({"start": [1.0, 1.0]}, "start must hold a weight of at least 0 for each of the 3 units"),
        ({"start": [1.0, 1.0, -1.0]}, "start must hold a weight of at least 0"),
    ],
)
def test_bad_input(change, message):
    with pytest.raises(ValueError, match=message):
        mdl_em(segment_lattice(["ab"], ["a", "b", "ab"]), **({"lengths": [1, 1, 2], "alphabet": 2} | change))


def test_a_letter_that_is_no_unit():
    with pytest.raises(ValueError, match="every letter of its text among its units, and lacks one"):
        mdl_em(segment_lattice(["ab"], ["a", "ab"]), [1, 2], 2)


def test_lexicons_of_another_size_compile_nothing(prepared):
    texts, _, lattice, lengths = prepared
    mdl_em(lattice, lengths, 26, rounds=1)
    compiled = description._edge_uses._cache_size()
    units = candidate_units(texts, 8, 4)
    mdl_em(segment_lattice(texts, units), [len(unit) for unit in units], 26, rounds=1)
    assert max(map(len, units)) == 8 and description._edge_uses._cache_size() == compiled


def test_ends_that_cut_out_something_unknown():
    lattice = segment_lattice(["abab"], ["a", "b", "ab"])
    assert units_in_use(lattice, [0, 1, 1, 0]).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match=r"one entry a letter, shape \(4,\), got \(3,\)"):
        units_in_use(lattice, [1, 1, 1])
    with pytest.raises(ValueError, match="units of the lexicon, got another that ends at letter 2"):
        units_in_use(lattice, [1, 0, 1, 1])

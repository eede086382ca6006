"""Where a dictionary contradicts itself: words of it that overlap, and how a segmenter fares there."""

from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple

__all__ = ["CrossedRecall", "crossed_recall"]


class CrossedRecall(NamedTuple):
    """How many words of the reference are found where it takes a decision to find them."""

    recall: float
    """Of the words that a word of the lexicon crosses, the share that was predicted; NaN if there is none."""
    words: int
    """How many they are."""


def crossed_recall(
    gold: Iterable[Sequence[str]], predicted: Iterable[Sequence[str]], lexicon: Collection[str]
) -> CrossedRecall:
    """Recall on overlapping ambiguities: words that a word of the lexicon crosses, each with letters of its own.

    In 研究生命 (to study life) the word 研究生 (graduate student) crosses 生命 (life): it begins before and ends within.

    Parameters
    ----------
    gold, predicted : iterables of sequences of words
        One sequence a text.
    lexicon : set or mapping of words

    Returns
    -------
    CrossedRecall

    Raises
    ------
    ValueError
        If the two do not hold the same texts, naming the first that differs, or the lexicon has no word.

    Notes
    -----
    Letters times the longest word look-ups, about 2 µs a character.

    Examples
    --------
    >>> lexicon = {"研究", "研究生", "生命", "命", "的"}
    >>> crossed_recall([["研究", "生命", "的"]], [["研究生", "命", "的"]], lexicon)
    CrossedRecall(recall=0.0, words=1)
    """
    longest = max(map(len, lexicon), default=0)
    if not longest:
        raise ValueError("lexicon must hold at least one word that is not empty, got none")
    gold, predicted = list(gold), list(predicted)
    if len(gold) != len(predicted):
        raise ValueError(f"predicted must hold as many texts as gold, {len(gold)}, got {len(predicted)}")
    found = total = 0
    for i, (words, others) in enumerate(zip(gold, predicted, strict=True)):
        text = "".join(words)
        if text != "".join(others):
            raise ValueError(
                f"predicted must hold the characters of gold, and differs in text {i}: {''.join(others)!r}"
            )
        hard = _crossed(text, _spans(words), lexicon, longest)
        found += len(hard & _spans(others))
        total += len(hard)
    return CrossedRecall(found / total if total else float("nan"), total)


def _spans(words: Sequence[str]) -> set[tuple[int, int]]:
    stops = list(accumulate(map(len, words)))
    return set(zip([0, *stops], stops, strict=False))


def _crossed(text: str, spans: set[tuple[int, int]], lexicon: Collection[str], longest: int) -> set[tuple[int, int]]:
    """The words that some word of the lexicon overlaps, neither of them inside the other."""
    word_at = {}
    for start, stop in spans:
        word_at.update(dict.fromkeys(range(start, stop), (start, stop)))
    crossed = set()
    for start in range(len(text)):
        for stop in range(start + 2, min(start + longest, len(text)) + 1):
            if text[start:stop] in lexicon:
                first, last = word_at[start], word_at[stop - 1]
                if first != last:  # else it lies within a word
                    crossed |= {first} if first[0] < start else set()
                    crossed |= {last} if stop < last[1] else set()
    return crossed

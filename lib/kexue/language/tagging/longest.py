"""The oldest rule: always take the longest word of the dictionary."""

from collections.abc import Collection

__all__ = ["longest_match"]


def longest_match(text: str, lexicon: Collection[str], *, reverse: bool = False) -> list[str]:
    """Divide a text by taking the longest word that fits, again and again.

    Parameters
    ----------
    text : str
    lexicon : set or mapping of words
        Where no word fits, one character is taken.
    reverse : bool
        From the end of the text to its beginning.

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If there is no word, or only the empty one.

    Notes
    -----
    Letters times the longest word look-ups, about 1 µs a character, and a pass over the lexicon for its longest word.

    Examples
    --------
    >>> lexicon = {"研究", "研究生", "生命", "命", "的"}  # research, graduate student, life, fate, of
    >>> longest_match("研究生命的", lexicon), longest_match("研究生命的", lexicon, reverse=True)
    (['研究生', '命', '的'], ['研究', '生命', '的'])
    """
    longest = max(map(len, lexicon), default=0)
    if not longest:
        raise ValueError("lexicon must hold at least one word that is not empty, got none")
    return _backward(text, lexicon, longest) if reverse else _forward(text, lexicon, longest)


def _forward(text: str, lexicon: Collection[str], longest: int) -> list[str]:
    words, start = [], 0
    while start < len(text):
        lengths = range(min(longest, len(text) - start), 1, -1)
        length = next((n for n in lengths if text[start : start + n] in lexicon), 1)
        words.append(text[start : start + length])
        start += length
    return words


def _backward(text: str, lexicon: Collection[str], longest: int) -> list[str]:
    words, stop = [], len(text)
    while stop:
        length = next((n for n in range(min(longest, stop), 1, -1) if text[stop - n : stop] in lexicon), 1)
        words.append(text[stop - length : stop])
        stop -= length
    return words[::-1]

"""English prose about Python that CPython carries, frozen: another release would be another text."""

import gzip
from pathlib import Path

from kexue.data._table import Card

__all__ = ["CARDS", "python_topics"]


def python_topics() -> list[list[str]]:
    """The prose of Python's language reference: English sentences, each divided into its words.

    Returns
    -------
    list of lists of str
        One list a sentence, of three words or more, each sentence once, in the order of the topics' names. Words are
        made of the letters a to z; code, figures and punctuation are gone, and so are the words that were code.

    Notes
    -----
    About 5 ms. The text is that of ``pydoc_data.topics`` in CPython 3.11.7, what ``help("assert")`` shows there: its
    paragraphs that begin with a capital and end with a full stop or a colon, cut at .;:!? and brackets.

    Examples
    --------
    >>> sentences = python_topics()
    >>> print(len(sentences), " ".join(sentences[6]))
    2650 it will be displayed as part of the stack trace
    """
    text = gzip.decompress(Path(__file__).with_name("topics.txt.gz").read_bytes()).decode("ascii")
    return [line.split() for line in text.splitlines()]


CARDS = (
    Card(
        name="python_topics",
        what="prose of the Python language reference: English sentences in words",
        size="2,650 sentences, 32,981 words of 2,398 types, 161,632 letters",
        source="pydoc_data.topics in CPython 3.11.7, copyright 2001-2023 Python Software Foundation; code, figures and "
        "punctuation removed, each sentence kept once",
        licence="PSF-2.0, whose text stands beside the file",
        splits="none",
    ),
)

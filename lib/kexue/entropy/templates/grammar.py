"""A grammar with one nonterminal: a chunk is a word, or a template whose slots are chunks."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from .links import Template

__all__ = ["TemplateGrammar", "template_grammar"]


class Symbols(NamedTuple):
    """The symbols of all templates in one row."""

    word: Int[np.ndarray, " m"]
    """Its number; −1 for a slot."""
    context: Int[np.ndarray, " m"]
    """Of a slot; 0 for a word."""
    is_first: np.ndarray
    is_last: np.ndarray


class TemplateGrammar(eqx.Module):
    r"""The distributions :math:`X_s\to t`, a template, and :math:`X_s\to w`, a word, of chunks in a context s.

    In context 0 stands a whole sentence. Slots share that context, or have one each (:meth:`by_slot`).
    """

    words: tuple[str, ...] = eqx.field(static=True)
    templates: tuple[Template, ...] = eqx.field(static=True)
    contexts: tuple[int, ...] = eqx.field(static=True)
    """Of each slot, template by template."""
    log_template: Float[Array, "contexts T"]
    r""":math:`\ln p(t\mid s)`."""
    log_word: Float[Array, "contexts V"]
    r""":math:`\ln p(w\mid s)`."""

    @property
    def symbols(self) -> Symbols:
        """The symbols of all templates, one after the other."""
        place, slot = {word: i for i, word in enumerate(self.words)}, iter(self.contexts)
        row = [symbol for template in self.templates for symbol in template]
        word = np.array([-1 if symbol is None else place[symbol] for symbol in row], np.int32)
        context = np.array([next(slot) if symbol is None else 0 for symbol in row])
        lengths = np.array([len(template) for template in self.templates])
        ends, places = np.cumsum(lengths), np.arange(lengths.sum())
        return Symbols(word, context, np.isin(places, ends - lengths), np.isin(places, ends - 1))

    def by_slot(self) -> "TemplateGrammar":
        """The same distribution over sentences, with a context, and so parameters, for each slot.

        Returns
        -------
        TemplateGrammar
            Contexts: 0 for the sentence, then one a slot in the order of the templates.

        Examples
        --------
        >>> grammar = template_grammar({("why", None): 1, (None, "of", None): 2}, {"owls": 3, "why": 1, "of": 1})
        >>> print(grammar.log_template.shape, grammar.by_slot().log_template.shape)
        (1, 2) (4, 2)
        """
        slots = len(self.contexts)
        rows = np.array([0, *self.contexts])
        own = tuple(range(1, slots + 1))
        return TemplateGrammar(self.words, self.templates, own, self.log_template[rows], self.log_word[rows])

    def encode(
        self, sentences: Sequence[Sequence[str]], size: int | None = None
    ) -> tuple[Int[Array, "B n"], Int[Array, " B"]]:
        """Sentences as rows of numbers, padded with zeros, and their lengths.

        Parameters
        ----------
        sentences : sequence of sequences of words
        size : int, optional
            Words of a row. Default: those of the longest sentence.

        Returns
        -------
        tokens, lengths : int32 (B, n), (B,)

        Raises
        ------
        ValueError
            If there is no sentence, one is empty, a string or longer than ``size``, or a word is not of the vocabulary.

        Examples
        --------
        >>> grammar = template_grammar({("why", None): 1}, {"owls": 3, "why": 1})
        >>> tokens, lengths = grammar.encode([["why", "owls"], ["owls"]])
        >>> print(tokens.tolist(), lengths)
        [[1, 0], [0, 0]] [2 1]
        """
        place = {word: i for i, word in enumerate(self.words)}
        if len(sentences) == 0 or any(isinstance(sentence, str) or len(sentence) == 0 for sentence in sentences):
            raise ValueError("sentences must be sequences of at least one word each, and at least one")
        if unknown := next((word for sentence in sentences for word in sentence if word not in place), None):
            raise ValueError(f"sentences must consist of the grammar's {len(place)} words, got {unknown!r}")
        lengths = [len(sentence) for sentence in sentences]
        size = max(lengths) if size is None else size
        if size < max(lengths):
            raise ValueError(f"size must be at least {max(lengths)}, the length of a sentence, got {size}")
        tokens = np.zeros((len(lengths), size), np.int32)
        for row, sentence in zip(tokens, sentences, strict=True):
            row[: len(sentence)] = [place[word] for word in sentence]
        return jnp.asarray(tokens), jnp.asarray(lengths, jnp.int32)


def template_grammar(templates: Mapping[Template, float | int], words: Mapping[str, float | int]) -> TemplateGrammar:
    r"""The grammar :math:`X\to t`, :math:`X\to w` with probabilities in proportion to counts.

    Parameters
    ----------
    templates : mapping from templates to positive numbers
        A template is a tuple of words, None for a slot; :func:`extract_templates` counts them.
    words : mapping from words to positive numbers
        The vocabulary, with all words of the templates. Its counts and those of the templates share one total.

    Returns
    -------
    TemplateGrammar
        With one context.

    Raises
    ------
    ValueError
        If there is no template or no word, a template has less than two symbols, two slots side by side or a word
        outside the vocabulary, or a number is not positive and finite.

    Notes
    -----
    A slot alone would be a rule :math:`X\to X`, and every sentence would have infinitely many trees. A word alone is
    in the grammar already.

    Examples
    --------
    >>> grammar = template_grammar({(None, "of", None): 1}, {"owls": 2, "of": 1})
    >>> print(jnp.exp(grammar.log_template), jnp.exp(grammar.log_word))
    [[0.25]] [[0.5  0.25]]
    """
    if not templates or not words:
        raise ValueError(f"templates and words must not be empty, got {len(templates)} and {len(words)}")
    for template in templates:
        _check(template, words)
    counts = np.array([*templates.values(), *words.values()], float)
    if not (np.isfinite(counts) & (counts > 0)).all():
        wrong = [*templates, *words][int(np.argmin(np.isfinite(counts) & (counts > 0)))]
        raise ValueError(f"templates and words must have positive, finite counts, which {wrong!r} has not")
    logs = jnp.asarray(np.log(counts / counts.sum()), jnp.result_type(float))[None]
    slots = sum(symbol is None for template in templates for symbol in template)
    kinds = tuple(tuple(template) for template in templates)
    return TemplateGrammar(tuple(words), kinds, (0,) * slots, logs[:, : len(kinds)], logs[:, len(kinds) :])


def _check(template: Template, words: Mapping[str, float | int]) -> None:
    if isinstance(template, str) or len(template) < 2:
        raise ValueError(f"templates must be tuples of words and None, at least two symbols long, got {template!r}")
    if any(a is None and b is None for a, b in itertools.pairwise(template)):
        raise ValueError(f"templates must not have two slots side by side, got {template!r}")
    if unknown := next((symbol for symbol in template if symbol is not None and symbol not in words), None):
        raise ValueError(f"templates must consist of the words of the vocabulary, got {unknown!r} in {template!r}")

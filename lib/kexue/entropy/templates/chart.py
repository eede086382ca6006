"""All trees of a sentence at once: one chart, filled from short spans to long ones, in three semirings."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Shaped

from ..._semirings import COUNT, LOG, MAX
from .grammar import TemplateGrammar

__all__ = ["BestTree", "best_tree", "inside", "span_probabilities"]


SEMIRINGS = {"log": LOG, "max": MAX, "count": COUNT}


class BestTree(NamedTuple):
    """The most probable tree of a sentence."""

    spans: Bool[Array, "ends ends"]
    """Entry i, j: words i to j − 1 form a chunk. All false where the sentence has no tree."""
    score: Float[Array, ""]
    """Log probability of sentence and tree, in nats; −inf where there is no tree."""


def inside(
    grammar: TemplateGrammar,
    tokens: Shaped[Array | np.ndarray, "..."] | Sequence[int],
    length: int | Int[Array | np.ndarray, ""] | None = None,
    span_bonus: Float[Array | np.ndarray, "..."] | None = None,
    semiring: str = "log",
) -> Float[Array, ""]:
    r"""Sum over all trees of a sentence, in a semiring.

    .. math:: C_{t,k}(i,j)&=\bigoplus_{i<l<j}C_{t,k-1}(i,l)\otimes X_{s}(l,j)\ \text{ if the k-th symbol is a slot},\\
        X_s(i,j)&=b_{ij}\otimes\Big(\bigoplus_tp(t\mid s)\otimes C_{t,\text{last}}(i,j)\oplus[j=i+1]\,p(w_i\mid s)\Big)

    Parameters
    ----------
    grammar : TemplateGrammar
    tokens : int (n,)
        The words' numbers; what stands beyond ``length`` is padding.
    length : int, optional
        At least 1, at most n; may be traced. Default: n.
    span_bonus : float (n + 1, n + 1), optional
        Added to the logarithm of every chunk from i to j. Its gradient says how often that chunk is used.
    semiring : "log", "max" or "count"
        The log probability of the sentence; that of its best tree; the number of trees with a positive probability.

    Returns
    -------
    float
        In nats, −inf where the grammar has no tree; or a number of trees, exact up to 2²⁴ (float64: 2⁵³).

    Raises
    ------
    ValueError
        If ``semiring`` is none of the three, or, where they are known, tokens are no words of the grammar, the length
        is not from 1 to n, or ``span_bonus`` has another shape or is given with "count".

    Notes
    -----
    Time :math:`n^3` times the number of slots, memory :math:`n^2` times the number of symbols, one compilation for
    each n. Under ``vmap`` sentences are padded to a common n. Gradients are finite also where nothing is possible.

    Examples
    --------
    >>> from kexue.entropy import template_grammar
    >>> grammar = template_grammar({(None, "of", None): 1}, {"a": 1, "of": 1})
    >>> tokens = grammar.encode([["a", "of", "a", "of", "a", "of", "a"]])[0][0]
    >>> print(inside(grammar, tokens, semiring="count"))  # ((a of a) of a) of a, and four more
    5.0

    References
    ----------
    Baker, "Trainable grammars for speech recognition", 1979; Goodman, "Semiring parsing", 1999.
    """
    if semiring not in SEMIRINGS:
        raise ValueError(f"semiring must be 'log', 'max' or 'count', got {semiring!r}")
    row, size = _checked(grammar, tokens, length)
    if span_bonus is not None and (semiring == "count" or span_bonus.shape != (row.shape[0] + 1,) * 2):
        wanted = (row.shape[0] + 1,) * 2
        raise ValueError(f"span_bonus must be {wanted}, for 'log' or 'max', got {span_bonus.shape} for {semiring!r}")
    bonus = None if span_bonus is None else jnp.asarray(span_bonus)
    return _inside(grammar, row, size, bonus, semiring)


def best_tree(
    grammar: TemplateGrammar,
    tokens: Shaped[Array | np.ndarray, "..."] | Sequence[int],
    length: int | Int[Array | np.ndarray, ""] | None = None,
) -> BestTree:
    """The chunks of the most probable tree: the gradient of the best score with respect to a bonus for each span.

    Parameters
    ----------
    grammar : TemplateGrammar
    tokens : int (n,)
    length : int, optional
        As for :func:`inside`.

    Returns
    -------
    BestTree
        Single words and the whole sentence are chunks as well. Of equal trees one is returned: a slot begins as early
        as it can, so that ``a of a of a`` is read as ``a of (a of a)``.

    Raises
    ------
    ValueError
        As for :func:`inside`.

    Notes
    -----
    About three times the time of :func:`inside`.

    Examples
    --------
    >>> from kexue.entropy import template_grammar
    >>> grammar = template_grammar({(None, "of", None): 1}, {"a": 1, "of": 1})
    >>> tokens = grammar.encode([["a", "of", "a", "of", "a"]])[0][0]
    >>> spans, score = best_tree(grammar, tokens)
    >>> print([(i, j) for i, j in np.argwhere(spans).tolist() if j > i + 1], f"{score:.2f} nats")
    [(0, 5), (2, 5)] -5.49 nats
    """
    row, size = _checked(grammar, tokens, length)
    return _best_tree(grammar, row, size)


def span_probabilities(
    grammar: TemplateGrammar,
    tokens: Shaped[Array | np.ndarray, "..."] | Sequence[int],
    length: int | Int[Array | np.ndarray, ""] | None = None,
) -> Float[Array, "ends ends"]:
    r"""How probable it is, over all trees of a sentence, that words i to j − 1 form a chunk.

    .. math:: P(i,j)=\frac{\partial\ln Z}{\partial b_{ij}}

    Parameters
    ----------
    grammar : TemplateGrammar
    tokens : int (n,)
    length : int, optional
        As for :func:`inside`.

    Returns
    -------
    float (n + 1, n + 1)
        Zero where the sentence has no tree.

    Raises
    ------
    ValueError
        As for :func:`inside`.

    Examples
    --------
    >>> from kexue.entropy import template_grammar
    >>> grammar = template_grammar({(None, "of", None): 1}, {"a": 1, "of": 1})
    >>> tokens = grammar.encode([["a", "of", "a", "of", "a"]])[0][0]
    >>> print(span_probabilities(grammar, tokens)[jnp.array([0, 0, 2]), jnp.array([5, 3, 5])])
    [1.  0.5 0.5]

    References
    ----------
    Lari and Young, "The estimation of stochastic context-free grammars using the inside-outside algorithm", 1990.
    """
    row, size = _checked(grammar, tokens, length)
    return _by_span(grammar, row, size, "log")[1]


def _checked(grammar: TemplateGrammar, tokens: Any, length: Any) -> tuple[Array, Array]:
    if not isinstance(tokens, jax.Array):
        tokens = np.asarray(tokens)
    if tokens.ndim != 1 or tokens.shape[0] == 0 or not jnp.issubdtype(tokens.dtype, jnp.integer):
        raise ValueError(f"tokens must be one row of integers, got {tokens.dtype} of shape {tuple(tokens.shape)}")
    n = tokens.shape[0]
    length = n if length is None else length
    if isinstance(tokens, jax.core.Tracer) or isinstance(length, jax.core.Tracer):
        return jnp.asarray(tokens, jnp.int32), jnp.asarray(length, jnp.int32)
    if not 1 <= int(length) <= n:
        raise ValueError(f"length must be from 1 to {n}, got {length}")
    known = np.asarray(tokens)[: int(length)]
    if known.min() < 0 or known.max() >= len(grammar.words):
        wrong = int(known.min() if known.min() < 0 else known.max())
        raise ValueError(f"tokens must be words of the grammar, 0 to {len(grammar.words) - 1}, got {wrong}")
    return jnp.asarray(tokens, jnp.int32), jnp.asarray(length, jnp.int32)


@eqx.filter_jit
def _best_tree(grammar: TemplateGrammar, tokens: Array, length: Array) -> BestTree:
    score, used = _by_span(grammar, tokens, length, "max")
    return BestTree(used > 0.5, score)


@eqx.filter_jit
def _by_span(grammar: TemplateGrammar, tokens: Array, length: Array, semiring: str) -> tuple[Array, Array]:
    bonus = jnp.zeros((tokens.shape[0] + 1,) * 2, grammar.log_template.dtype)
    score, used = jax.value_and_grad(lambda bonus: _inside(grammar, tokens, length, bonus, semiring))(bonus)
    return score, jnp.where(score > -jnp.inf, used, 0)  # a bonus would be added to −inf as well


@eqx.filter_jit
def _inside(grammar: TemplateGrammar, tokens: Array, length: Array, bonus: Array | None, semiring: str) -> Array:
    algebra, symbols, n = SEMIRINGS[semiring], grammar.symbols, tokens.shape[0]
    template, word = grammar.log_template, grammar.log_word
    if semiring == "count":
        template, word = ((log > -jnp.inf).astype(log.dtype) for log in (template, word))
    is_slot, last = symbols.word < 0, np.flatnonzero(symbols.is_last)
    inner = np.flatnonzero(is_slot & ~symbols.is_first)  # slots with something of their template before them
    zero, start, end = jnp.asarray(algebra.zero, word.dtype), np.arange(n)[:, None], np.arange(2 * n + 1)[:, None]
    tokens = jnp.clip(tokens, 0, word.shape[1] - 1)
    is_next = jnp.pad(tokens[:, None] == symbols.word[None], ((1, n), (0, 0)))  # row j: the word that ends at j
    singles = word[:, tokens].T

    def widen(chart: tuple[Array, Array, Array], width: Array) -> tuple[tuple[Array, Array, Array], Array]:
        # newest [i, symbol]: a template up to that symbol, from i to the last word of the span that begins at i.
        # left [i, l, slot]: a template up to that slot, from i to l.  right [j, l, slot]: what fills it, from l to j.
        newest, left, right = chart
        from_end = partial(jax.lax.dynamic_slice_in_dim, start_index=width, slice_size=n)  # rows i + width
        done = jnp.where(from_end(is_next), newest, zero)
        by_slot = algebra.sum(algebra.times(left, from_end(right)), axis=1)
        done = done.at[:, inner].set(by_slot)
        by_template = algebra.sum(algebra.times(template[None], done[:, None, last]), axis=-1)
        whole = algebra.sum(jnp.stack([by_template, jnp.where(width == 1, singles, zero)]), axis=0)
        if bonus is not None:
            whole = whole + jnp.sum(jnp.where(end[: n + 1, 0] - start == width, bonus[:n], 0), axis=1, keepdims=True)
        filled = whole[:, symbols.context]
        done = jnp.where((is_slot & symbols.is_first)[None], filled, done)
        newest = jnp.where(symbols.is_first[None], zero, jnp.roll(done, 1, axis=1))
        left = jnp.where((start.T - start == width)[..., None], newest[:, None, inner], left)
        right = jnp.where((end - start.T == width)[..., None], filled[None, :, inner], right)
        return (newest, left, right), whole[0, 0]

    begun = jnp.where(symbols.is_first, jnp.asarray(algebra.one, word.dtype), zero)
    empty = jnp.full((n, n, len(inner)), zero), jnp.full((2 * n + 1, n, len(inner)), zero)
    chart = jnp.broadcast_to(begun, (n, len(begun))), *empty
    sums = jax.lax.scan(widen, chart, jnp.arange(1, n + 1))[1]
    return jnp.where(length > 0, sums[length - 1], zero)

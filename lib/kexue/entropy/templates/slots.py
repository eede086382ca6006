"""Probabilities of templates and words, for each slot its own, from sentences without trees: EM by automatic differentiation."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Shaped

from ..._check import at_least_one, not_negative
from .chart import _inside
from .grammar import TemplateGrammar

__all__ = ["TemplateEM", "template_em"]

CHUNK = 64


class TemplateEM(NamedTuple):
    """A fitted grammar, and how it came about."""

    grammar: TemplateGrammar
    """With the probabilities of the last round."""
    log_likelihood: Float[Array, " rounds+1"]
    """Of all sentences that have a tree, in nats: before the first round, and after each."""
    has_tree: Bool[Array, " B"]
    """Which sentences these are."""


def template_em(
    grammar: TemplateGrammar,
    tokens: Shaped[Array | np.ndarray, "..."],
    lengths: Shaped[Array | np.ndarray, "..."],
    rounds: int,
    prior: float | int = 1.0,
) -> TemplateEM:
    r"""Fit a grammar's probabilities to sentences, summed over their trees.

    .. math:: p(r\mid s)\leftarrow\frac{c_s(r)+\alpha\,p_0(r\mid s)}{\sum_{r'}c_s(r')+\alpha},\qquad
        c_s(r)=\frac{\partial\ln Z}{\partial\ln p(r\mid s)}

    for rules r, a template or a word, in the contexts s. The derivative of the log probability of all sentences *is*
    the expected number of uses of a rule, so that the outside pass is the backward pass of :func:`inside`.

    Parameters
    ----------
    grammar : TemplateGrammar
        Where to start, and :math:`p_0`. For a distribution in each slot: ``grammar.by_slot()``.
    tokens, lengths : int (B, n), (B,)
        From ``grammar.encode``.
    rounds : int, at least 1
    prior : float, at least 0
        The weight :math:`\alpha` of the start, in uses of a context. Above zero, nothing possible becomes impossible.

    Returns
    -------
    TemplateEM
        The new grammar and the log-likelihood of each round, which with ``prior=0`` never falls.

    Raises
    ------
    ValueError
        If tokens are no words of the grammar, a length is not from 1 to n, there is no sentence or none has a tree,
        ``rounds`` is below one, or ``prior`` negative.

    Notes
    -----
    ``rounds`` + 1 times the time of a gradient of :func:`inside`; 64 sentences at a time. Sentences without a tree have
    no influence. EM finds a local maximum, and keeps symmetries of the start that the sentences share.

    Examples
    --------
    >>> from kexue.entropy import template_grammar
    >>> tied = template_grammar({(None, "of", None): 1}, {"old": 1, "owl": 1, "eye": 1, "of": 1})
    >>> tokens, lengths = tied.encode([["old", "of", "owl"], ["eye", "of", "old", "of", "owl"]])
    >>> fit = template_em(tied.by_slot(), tokens, lengths, rounds=8)
    >>> left, right = jnp.exp(fit.grammar.log_word[1:, 0])  # "old" in the two slots
    >>> print(f"{left:.2f} {right:.2f}")
    0.55 0.05

    References
    ----------
    Lari and Young, 1990 (inside–outside); Eisner, "Inside-outside and forward-backward algorithms are just backprop",
    2016.
    """
    at_least_one("rounds", rounds)
    not_negative("prior", prior)
    number = len(lengths)
    tokens, lengths = _checked_batch(grammar, tokens, lengths)
    fits, totals = [grammar], []
    for _ in range(rounds):
        total, has_tree, counts = _expected(fits[-1], tokens, lengths)
        if not has_tree.any():
            raise ValueError("tokens must hold a sentence that the grammar can read, got none")
        totals.append(total)
        fits.append(_normalised(grammar, counts, jnp.asarray(prior, total.dtype)))
    totals.append(_expected(fits[-1], tokens, lengths)[0])
    return TemplateEM(fits[-1], jnp.stack(totals), has_tree[:number])


def _checked_batch(grammar: TemplateGrammar, tokens: Any, lengths: Any) -> tuple[Array, Array]:
    rows, sizes = np.asarray(tokens), np.asarray(lengths)
    if rows.ndim != 2 or rows.size == 0 or rows.dtype.kind not in "iu" or sizes.shape != rows.shape[:1]:
        raise ValueError(f"tokens must be integers (B, n) with B lengths, got {rows.shape} and {sizes.shape}")
    B, n = rows.shape
    if sizes.min() < 1 or sizes.max() > n:
        raise ValueError(f"lengths must be from 1 to {n}, got {sizes.min()} to {sizes.max()}")
    known = rows[np.arange(n) < sizes[:, None]]
    if known.min() < 0 or known.max() >= len(grammar.words):
        wrong = known.min() if known.min() < 0 else known.max()
        raise ValueError(f"tokens must be words of the grammar, 0 to {len(grammar.words) - 1}, got {wrong}")
    missing = -B % min(CHUNK, B)  # a length of zero has no tree: padding counts nothing
    padded = np.pad(rows, ((0, missing), (0, 0))), np.pad(sizes, (0, missing))
    return jnp.asarray(padded[0], jnp.int32), jnp.asarray(padded[1], jnp.int32)


@eqx.filter_jit
def _expected(grammar: TemplateGrammar, tokens: Array, lengths: Array) -> tuple[Array, Array, TemplateGrammar]:
    """Log probability of the sentences with a tree, which these are, and the expected uses of every rule."""

    def total(grammar: TemplateGrammar, tokens: Array, lengths: Array) -> tuple[Array, Array]:
        logs = jax.vmap(lambda t, n: _inside(grammar, t, n, None, "log"))(tokens, lengths)
        return jnp.sum(jnp.where(logs > -jnp.inf, logs, 0)), logs > -jnp.inf

    def add(
        sums: tuple[Array, TemplateGrammar], chunk: tuple[Array, Array]
    ) -> tuple[tuple[Array, TemplateGrammar], Array]:
        (value, has_tree), counts = jax.value_and_grad(total, has_aux=True)(grammar, *chunk)
        return jax.tree.map(jnp.add, sums, (value, counts)), has_tree

    size = min(CHUNK, len(lengths))
    chunks = tokens.reshape(-1, size, tokens.shape[1]), lengths.reshape(-1, size)
    start = jnp.zeros((), grammar.log_word.dtype), jax.tree.map(jnp.zeros_like, grammar)
    (value, counts), has_tree = jax.lax.scan(add, start, chunks)
    return value, has_tree.ravel(), counts


@eqx.filter_jit
def _normalised(start: TemplateGrammar, counts: TemplateGrammar, prior: Array) -> TemplateGrammar:
    uses = counts.log_template.sum(axis=1, keepdims=True) + counts.log_word.sum(axis=1, keepdims=True)

    def share(count: Array, log_start: Array) -> Array:
        kept = jnp.log((count + prior * jnp.exp(log_start)) / jnp.where(uses + prior > 0, uses + prior, 1))
        return jnp.where(uses + prior > 0, kept, log_start)

    tables = share(counts.log_template, start.log_template), share(counts.log_word, start.log_word)
    return eqx.tree_at(lambda g: (g.log_template, g.log_word), start, tables)

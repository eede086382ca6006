"""Proposals that can be undone move by move, so that the Hastings ratio writes itself.

The mistake of Metropolis-Hastings is a forgotten factor: the number of places where a word can be put in differs from
the number of words that can be taken out. Here a proposal states the probability of the whole move, and how to undo it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from .kernels import Proposal

__all__ = ["Moves", "draw_index", "move_proposal", "redraw_token", "site_moves", "swap_moves"]


class Moves(NamedTuple):
    r"""A family of moves :math:`m`, each with its probability and with the move that undoes it.

    The proposal draws a move and makes it; the way back is the reverse move, so that the ratio of proposals is
    :math:`P(m^{-1}\mid y)/P(m\mid x)`.

    References
    ----------
    P. J. Green, Biometrika 82, 1995.
    """

    draw: Callable[[Array, Any], Any]
    """``draw(key, x) -> move``."""
    log_prob: Callable[[Any, Any], Array]
    """``log_prob(x, move)``: of drawing this move at ``x``, every choice included; ``-inf`` if it cannot be drawn."""
    apply: Callable[[Any, Any], Any]
    """``apply(x, move) -> y``."""
    reverse: Callable[[Any, Any], Any]
    """``reverse(x, move)``: the move with ``apply(apply(x, move), reverse(x, move)) == x``."""
    shortcut: Callable[[Any, Any], Array] | None = None
    """``shortcut(x, move)``: the same as ``log_ratio`` for moves that can be drawn, where that is cheaper."""

    def log_ratio(self, x: Any, move: Any) -> Array:
        r""":math:`\log P(m^{-1}\mid y)-\log P(m\mid x)`."""
        return self.log_prob(self.apply(x, move), self.reverse(x, move)) - self.log_prob(x, move)


def move_proposal(
    moves: Moves, log_ratio: Callable[[Any, Any], Array] | None = None
) -> Callable[[Array, Any], Proposal]:
    """A proposal for `metropolis_hastings` from a family of moves.

    Parameters
    ----------
    moves : Moves
    log_ratio : callable, optional
        ``log_ratio(x, move)``; default: the right one. Another one makes another chain, which can be looked at.

    Returns
    -------
    callable
        ``proposal(key, x) -> Proposal(y, log_ratio)``.

    Examples
    --------
    >>> proposal = move_proposal(swap_moves(3))
    >>> y, log_ratio = proposal(jax.random.key(0), jnp.array([5, 6, 7]))
    >>> print(jnp.sort(y), log_ratio)
    [5 6 7] 0.0
    """
    ratio = log_ratio or moves.shortcut or moves.log_ratio

    def proposal(key: Array, x: Any) -> Proposal:
        move = moves.draw(key, x)
        return Proposal(moves.apply(x, move), ratio(x, move))

    return proposal


def swap_moves(length: int) -> Moves:
    """Exchange the entries at two different places of a vector, all pairs of places being as likely.

    Parameters
    ----------
    length : int, at least 2

    Returns
    -------
    Moves
        A move is ``[i, j]`` with ``i < j``; it undoes itself.

    Raises
    ------
    ValueError
        ``length`` below 2.

    Examples
    --------
    >>> print(swap_moves(4).apply(jnp.arange(4), jnp.array([0, 2])))
    [2 1 0 3]
    """
    if length < 2:
        raise ValueError(f"length must be at least 2, got {length}: one entry has none to change places with")

    def draw(key: Array, x: Array) -> Array:
        first, second = jax.random.split(key)
        i = jax.random.randint(first, (), 0, length)
        j = (i + jax.random.randint(second, (), 1, length)) % length
        return jnp.sort(jnp.stack([i, j]))

    def log_prob(x: Array, move: Array) -> Array:
        i, j = move
        allowed = (i >= 0) & (i < j) & (j < length)
        return jnp.where(allowed, -jnp.log(length * (length - 1) / 2), -jnp.inf)

    def apply(x: Array, move: Array) -> Array:
        return x.at[move].set(x[move[::-1]])

    return Moves(draw, log_prob, apply, lambda x, move: move)


def site_moves(logits: Callable[[Array, Array], Array], length: int) -> Moves:
    r"""Redraw one entry of a vector of tokens; the place is uniform, the token follows ``logits``.

    With ``logits`` those of the target's own conditional law this is Gibbs sampling with a random scan, and every move is
    accepted; with any others it is Metropolis within Gibbs.

    Parameters
    ----------
    logits : callable
        ``logits(x, i) -> (vocabulary,)``, unnormalised. Must not depend on ``x[i]``.
    length : int, at least 1

    Returns
    -------
    Moves
        A move is ``[i, token]``.

    Raises
    ------
    ValueError
        ``length`` below 1, or an empty vocabulary.

    Examples
    --------
    >>> fair = site_moves(lambda x, i: jnp.zeros(2), length=3)
    >>> print(f"{jnp.exp(fair.log_prob(jnp.zeros(3, int), jnp.array([1, 1]))):.3f}")
    0.167
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")

    def draw(key: Array, x: Array) -> Array:
        place, word = jax.random.split(key)
        i = jax.random.randint(place, (), 0, length)
        return jnp.stack([i, draw_index(word, logits(x, i))])

    def log_prob(x: Array, move: Array) -> Array:
        return jax.nn.log_softmax(logits(x, move[0]))[move[1]] - jnp.log(length)

    def apply(x: Array, move: Array) -> Array:
        return x.at[move[0]].set(move[1].astype(x.dtype))

    def reverse(x: Array, move: Array) -> Array:
        return jnp.stack([move[0], x[move[0]].astype(move.dtype)])

    return Moves(draw, log_prob, apply, reverse)


def redraw_token(logits: Callable[[Array, Array], Array]) -> Callable[[Array, Array, Array], Array]:
    r"""What `gibbs` needs for vectors of tokens: redraw ``x[i]`` from its conditional law.

    Parameters
    ----------
    logits : callable
        ``logits(x, i) -> (vocabulary,)``: :math:`\log\rho` with each token at place ``i``, up to a constant. For a bigram
        model two rows of numbers, :math:`\log P(w\mid x_{i-1})+\log P(x_{i+1}\mid w)`.

    Returns
    -------
    callable
        ``draw(key, x, i) -> x``.

    Examples
    --------
    >>> draw = redraw_token(lambda x, i: jnp.where(jnp.arange(5) == x[i - 1] + 1, 0.0, -jnp.inf))
    >>> print(draw(jax.random.key(0), jnp.array([3, 0]), 1))
    [3 4]
    """
    return lambda key, x, i: x.at[i].set(draw_index(key, logits(x, i)).astype(x.dtype))


def draw_index(key: Array, logits: Array) -> Int[Array, ""]:
    """One index with probabilities ``softmax(logits)``, by the inverse distribution function in two stages.

    One random number instead of one for every entry, and two short sums instead of a long one: for 2,000 entries this is
    far cheaper than ``jax.random.categorical``.

    Parameters
    ----------
    key : PRNG key
    logits : float array (vocabulary,)
        Not all ``-inf``.

    Returns
    -------
    int32 scalar

    Raises
    ------
    ValueError
        An empty vocabulary, or not a vector.

    Examples
    --------
    >>> print(draw_index(jax.random.key(0), jnp.array([-jnp.inf, 0.0, -jnp.inf])))
    1
    """
    return index_at(jax.random.uniform(key, dtype=logits.dtype), logits)


def index_at(uniform: Array, logits: Array) -> Int[Array, ""]:
    """`draw_index` for a given uniform number."""
    if logits.ndim != 1 or logits.size == 0:
        raise ValueError(f"logits must be a vector with at least one entry, got shape {logits.shape}")
    width = int(logits.size**0.5) + 1
    weights = jnp.exp(logits - jnp.max(logits))
    weights = jnp.pad(weights, (0, width**2 - logits.size)).reshape(width, width)
    upto = jnp.cumsum(weights.sum(1))
    target = uniform * upto[-1]
    row = _first_above(upto, target)
    column = _first_above(jnp.cumsum(weights[row]), target - jnp.where(row > 0, upto[row - 1], 0.0))
    return (row * width + column).astype(jnp.int32)


def _first_above(cumulative: Array, target: Array) -> Array:
    """The first place where the sum exceeds the target; rounding may put the target at the end: then the last rise."""
    below = jnp.minimum(target, jnp.nextafter(cumulative[-1], jnp.zeros_like(target)))
    return jnp.sum(cumulative <= below)

"""The matrix of a sampler, by running its own code on every state and every move."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .kernels import LogDensity, acceptance_probability
from .moves import Moves

__all__ = ["kernel_matrix"]


def kernel_matrix(
    log_density: LogDensity,
    moves: Moves,
    states: Any,
    every_move: Any,
    *,
    log_ratio: Callable[[Any, Any], Array] | None = None,
    rule: str = "metropolis",
) -> Float[np.ndarray, "states states"]:
    r"""The matrix of a Metropolis-Hastings kernel, by running its own code on every state and every move.

    From each state each move is made by ``moves.apply``, weighted with ``moves.log_prob``, and accepted with
    `acceptance_probability` of the same log-ratio that the sampler uses. What this matrix leaves invariant, the sampler
    does, up to its random numbers.

    Parameters
    ----------
    log_density : callable
        As given to the sampler.
    moves : Moves
        As given to `move_proposal`.
    states : pytree of arrays (states, ...)
        All of them, each once.
    every_move : pytree of arrays (moves, ...)
        All moves that have a positive probability somewhere, each once.
    log_ratio : callable, optional
        ``log_ratio(x, move)``, the one that a sampler uses instead of `moves`' own: to see what a wrong one does.
    rule : {"metropolis", "barker"}

    Returns
    -------
    array (states, states)
        In float64.

    Raises
    ------
    ValueError
        States that repeat, moves whose probabilities do not sum to one, moves that leave the states, and moves that
        the reverse move does not undo.

    Notes
    -----
    One evaluation a pair of state and move, batched: meant for up to some thousand states.

    Examples
    --------
    >>> from kexue.sampling import stationary_distribution, swap_moves
    >>> states = jnp.array([[0, 0, 1], [0, 1, 0], [1, 0, 0]])
    >>> places = jnp.array([[0, 1], [0, 2], [1, 2]])
    >>> matrix = kernel_matrix(lambda x: jnp.log(x @ jnp.array([1.0, 2.0, 3.0])), swap_moves(3), states, places)
    >>> print(np.asarray(stationary_distribution(matrix)).round(3))
    [0.5   0.333 0.167]
    """
    ratio = log_ratio or moves.shortcut or moves.log_ratio

    def pair(x: Any, move: Any) -> tuple[Any, Any, Array, Array]:
        y = moves.apply(x, move)
        probability = jnp.exp(moves.log_prob(x, move))
        accept = acceptance_probability(log_density(y) - log_density(x) + ratio(x, move), rule)
        return y, moves.reverse(x, move), probability, accept

    ys, backs, probability, accept = jax.jit(jax.vmap(jax.vmap(pair, (None, 0)), (0, None)))(states, every_move)
    probability = np.asarray(probability, float)
    count, possible = probability.shape[0], probability > 0
    if np.max(abs(probability.sum(1) - 1)) > 1e-5:
        worst = probability.sum(1)[np.argmax(abs(probability.sum(1) - 1))]
        raise ValueError(f"the moves' probabilities must sum to 1 in every state, got {worst:.6g}: is a move missing?")
    names = {row: i for i, row in enumerate(_rows(states, 1))}
    if len(names) < count:
        raise ValueError(f"states must all differ: {count} rows hold {len(names)} different ones")
    targets = [names.get(row, -1) for row in _rows(ys, 2)]
    target = np.array(targets).reshape(possible.shape)
    if np.any((target < 0) & possible):
        raise ValueError("a move leaves the states: its proposal is not among them")
    undoing = {row: i for i, row in enumerate(_rows(every_move, 1))}
    undo = np.array([undoing.get(row, -1) for row in _rows(backs, 2)]).reshape(possible.shape)
    returned = np.where(undo >= 0, target[target, undo], -1)
    if np.any((returned != np.arange(count)[:, None]) & possible):
        raise ValueError("moves.reverse must lead back: a move and its reverse do not end where they began")
    matrix = np.zeros((count, count))
    flow = np.where(possible, probability * np.asarray(accept, float), 0.0)
    np.add.at(matrix, (np.nonzero(possible)[0], target[possible]), flow[possible])
    return matrix + np.diag(1 - matrix.sum(1))


def _rows(tree: Any, axes: int) -> list[bytes]:
    """One name for each entry of the leading axes."""
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]
    leaves = [leaf.astype(float if np.issubdtype(leaf.dtype, np.floating) else np.int64) for leaf in leaves]
    flat = [leaf.reshape(int(np.prod(leaf.shape[:axes])), -1) for leaf in leaves]
    return [b"".join(leaf[i].tobytes() for leaf in flat) for i in range(flat[0].shape[0])]

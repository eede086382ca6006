"""Small chains, solved: the matrix of a kernel, its limit, its rate.

A matrix ``kernel[x, y]`` holds the probability of going from ``x`` to ``y``; its rows sum to one.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._check import require, square
from .kernels import acceptance_probability

__all__ = [
    "detailed_balance_residual",
    "metropolis_matrix",
    "mixing_time",
    "spectral_gap",
    "stationary_distribution",
]


def metropolis_matrix(log_density: Any, proposal: Any, *, rule: str = "metropolis") -> Float[Array, "states states"]:
    r"""The Metropolis-Hastings kernel of a finite chain, from the matrix of its proposals.

    Parameters
    ----------
    log_density : array (states,)
        :math:`\log\rho`.
    proposal : array (states, states)
        ``proposal[x, y]`` is :math:`q(y\leftarrow x)`; rows sum to one.
    rule : {"metropolis", "barker"}

    Returns
    -------
    array (states, states)

    Raises
    ------
    ValueError
        Rows that do not sum to one or negative entries, if known; shapes that do not fit; a density of NaN or zero.

    Examples
    --------
    >>> print(np.asarray(metropolis_matrix(jnp.log(jnp.array([1.0, 3.0])), jnp.full((2, 2), 0.5))).round(3))
    [[0.5   0.5  ]
     [0.167 0.833]]
    """
    proposal, log_density = jnp.asarray(_stochastic("proposal", proposal)), jnp.asarray(log_density)
    if log_density.shape != proposal.shape[:1]:
        raise ValueError(
            f"log_density must have one entry for each of {proposal.shape[0]} states, got {log_density.shape}"
        )
    if not isinstance(log_density, jax.core.Tracer) and not np.all(np.asarray(log_density) > -np.inf):
        raise ValueError("log_density must be numbers above -inf: a chain cannot start where the target is zero")
    safe = jnp.where(proposal > 0, proposal, 1.0)
    way_back = jnp.where(proposal.T > 0, jnp.log(jnp.where(proposal.T > 0, proposal.T, 1.0)), -jnp.inf)
    log_ratio = way_back - jnp.log(safe) + log_density[None, :] - log_density[:, None]
    moves = proposal * acceptance_probability(log_ratio, rule)
    moves = moves * (1 - jnp.eye(len(log_density), dtype=moves.dtype))
    return moves + jnp.diag(1 - moves.sum(1))


def stationary_distribution(kernel: Any) -> Float[Array, " states"]:
    r"""The law that a chain keeps, :math:`\pi K=\pi`, :math:`\sum\pi=1`, by one linear solve.

    Parameters
    ----------
    kernel : array (states, states)
        With one closed class of states; rows sum to one within 1e-6 (1e-5 in float32).

    Returns
    -------
    array (states,)
        Non-negative up to rounding. Under ``jit``, of no meaning if the chain falls into several closed classes.

    Raises
    ------
    ValueError
        Rows that do not sum to one, negative entries, or several closed classes, if known; not a square matrix.

    Examples
    --------
    >>> print(np.asarray(stationary_distribution(jnp.array([[0.9, 0.1], [0.3, 0.7]]))).round(3))
    [0.75 0.25]
    """
    kernel = jnp.asarray(_stochastic("kernel", kernel))
    identity, ones = jnp.eye(len(kernel), dtype=kernel.dtype), jnp.ones((len(kernel),), kernel.dtype)
    # π (I - K + 1 1ᵀ/n) = 1ᵀ/n has one solution, where π (I - K) = 0 has a line of them.
    pi = jnp.linalg.solve((identity - kernel + 1 / len(kernel)).T, ones / len(kernel))
    if not isinstance(pi, jax.core.Tracer) and not np.all(np.asarray(pi) > -1e-3):
        raise ValueError("kernel must have one closed class of states: it has several, and with them several laws")
    return pi


def detailed_balance_residual(kernel: Any, pi: Any) -> Float[Array, ""]:
    r"""The largest flow that does not return: :math:`\max\lvert\pi(x)K(y\leftarrow x)-\pi(y)K(x\leftarrow y)\rvert`.

    Parameters
    ----------
    kernel : array (states, states)
    pi : array (states,)
        Positive weights; normalised here.

    Returns
    -------
    scalar
        Zero if the chain is reversible with respect to ``pi``, which is then stationary.

    Raises
    ------
    ValueError
        As `stationary_distribution`; weights that do not fit.

    Examples
    --------
    >>> around = jnp.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])  # stationary, not reversible
    >>> print(detailed_balance_residual(around, jnp.ones(3)).round(3))
    0.333
    """
    kernel, pi = jnp.asarray(_stochastic("kernel", kernel)), jnp.asarray(pi)
    if pi.shape != kernel.shape[:1]:
        raise ValueError(f"pi must have one entry for each of {kernel.shape[0]} states, got shape {pi.shape}")
    flow = (pi / pi.sum())[:, None] * kernel
    return jnp.max(abs(flow - flow.T))


def spectral_gap(kernel: Any, pi: Any = None) -> float:
    r""":math:`1-\max_{i\ge2}\lvert\lambda_i\rvert`: the distance to the limit shrinks like :math:`(1-\text{gap})^t`.

    Parameters
    ----------
    kernel : array (states, states)
    pi : array (states,), optional
        A law with which the chain is in detailed balance: eigenvalues are then those of a symmetric matrix, to rounding
        error. Without it they come from a general matrix.

    Returns
    -------
    float
        Zero for a chain that is periodic or falls apart.

    Raises
    ------
    ValueError
        As `stationary_distribution`; ``pi`` that is not positive or not in detailed balance with the kernel (1e-6).

    Notes
    -----
    NumPy in float64, on concrete matrices only: eigenvalues of general matrices are not available on accelerators.

    Examples
    --------
    >>> print(f"{spectral_gap(np.array([[0.9, 0.1], [0.3, 0.7]])):.1f}")
    0.4
    """
    matrix = np.asarray(_stochastic("kernel", kernel), float)
    if pi is None:
        sizes = np.sort(abs(np.linalg.eigvals(matrix)))
    else:
        pi = np.asarray(pi, float)
        require("pi", pi, "positive", lambda v: v > 0)
        flow = (pi / pi.sum())[:, None] * matrix
        if np.max(abs(flow - flow.T)) > 1e-6:
            raise ValueError(
                f"pi must be in detailed balance with kernel, the residual is {np.max(abs(flow - flow.T)):.2g}"
            )
        root = np.sqrt(pi / pi.sum())
        sizes = np.sort(abs(np.linalg.eigvalsh((flow + flow.T) / 2 / root / root[:, None])))
    return float(1 - sizes[-2]) if len(sizes) > 1 else 1.0


def mixing_time(kernel: Any, pi: Any, distance: float = 0.25) -> int:
    r"""Steps until a chain from the worst start is within a total variation distance of its limit.

    Parameters
    ----------
    kernel : array (states, states)
    pi : array (states,)
        Its stationary law.
    distance : float in (0, 1)

    Returns
    -------
    int

    Raises
    ------
    ValueError
        As `stationary_distribution`; ``distance`` out of range; a ``pi`` that is not stationary within 1e-6; a chain that
        is not there after 2**40 steps.

    Notes
    -----
    The distance never grows, so powers of two and bisection find the time in some tens of matrix products.

    Examples
    --------
    >>> slow = np.array([[0.99, 0.01], [0.01, 0.99]])  # the distance is 0.5 * 0.98**t
    >>> print(mixing_time(slow, np.array([0.5, 0.5])))
    35
    """
    matrix, pi = np.asarray(_stochastic("kernel", kernel), float), np.asarray(pi, float)
    require("distance", distance, "in (0, 1)", lambda v: (v > 0) & (v < 1))
    if pi.shape != matrix.shape[:1] or np.max(abs(pi @ matrix - pi)) > 1e-6:
        raise ValueError("pi must be the stationary law of kernel: pi @ kernel differs from it by more than 1e-6")
    far = lambda power: np.max(abs(power - pi).sum(1)) / 2 > distance  # noqa: E731
    powers = [matrix]
    while far(powers[-1]):
        if len(powers) > 40:
            raise ValueError(
                f"kernel does not come within {distance} of pi in {2**40} steps: is it reducible or periodic?"
            )
        powers.append(powers[-1] @ powers[-1])
    steps, reached = 0, np.eye(len(pi))
    for k in reversed(range(len(powers))):  # the longest time that is still too short
        if far(reached @ powers[k]):
            steps, reached = steps + 2**k, reached @ powers[k]
    return steps + 1 if far(np.eye(len(pi))) else 0


def _stochastic(name: str, matrix: Any) -> Any:
    matrix = matrix if isinstance(matrix, jax.Array | np.ndarray) else np.asarray(matrix)
    square(name, matrix)
    if not isinstance(matrix, jax.core.Tracer):
        values = np.asarray(matrix, float)
        worst = values.sum(1)[np.argmax(abs(values.sum(1) - 1))]
        tolerance = 1e-6 if np.asarray(matrix).dtype == np.float64 else 1e-5
        if not abs(worst - 1) <= tolerance or np.min(values) < -tolerance:
            raise ValueError(
                f"{name} must have non-negative rows that sum to 1; "
                f"one sums to {worst:.8g}, the least entry is {np.min(values):.3g}"
            )
    return matrix

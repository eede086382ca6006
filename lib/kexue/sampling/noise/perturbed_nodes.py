"""Where the maximum of scores plus noise may fall: nodes and weights on the line, shared by all classes."""

from math import isinf
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from scipy.special import roots_legendre

from .noises import Noise

__all__ = ["MaximumNodes", "nodes_of_the_maximum"]

LOG_NEGLIGIBLE = -37.0
"""Probability 1e-16: what may be cut off."""


class MaximumNodes(NamedTuple):
    """What :func:`nodes_of_the_maximum` returns."""

    x: Float[Array, " m"]
    """``nodes`` of them for a smooth noise; for any other ``nodes`` a piece, about ``n`` pieces a kink."""
    log_weights: Float[Array, " m"]
    """Logarithms of the weights; −inf on a piece of length zero."""
    edge: Float[Array, ""] | None
    """Where the last outer piece begins, or the end of the support; none for a noise smooth on the whole line."""


def nodes_of_the_maximum(scores: Float[Array, " n"], noise: Noise, nodes: int) -> MaximumNodes:
    r"""Nodes :math:`x_k` and log weights with :math:`\int f\,dx\approx\sum_kw_kf(x_k)`.

    For :math:`f` the density of :math:`M=\max_j(\mu_j+\epsilon_j)`, or of :math:`M` and "class :math:`i` has won".
    A noise that is smooth on the whole line has the trapezoidal rule in :math:`s`, :math:`x=x_0+A\sinh s`, which is
    dense around the median of :math:`M` and sparse far below. Any other noise has Gauss–Legendre between the kinks
    :math:`\mu_j+\text{kink}`, and on the outer pieces in :math:`u=e^{-x}` or :math:`u=1/(1+x)`.

    Parameters
    ----------
    scores : float (n,)
        :math:`\mu`. The nodes depend on it; derivatives of the result do not see that they do.
    noise : Noise
    nodes : int, at least 1
        Of the whole line, or of each piece.

    Returns
    -------
    MaximumNodes
        ``x`` and ``log_weights`` (m,), and the ``edge`` of the last piece.

    Notes
    -----
    With the scores in descending order, :math:`P(M\le x)\le\Phi(x-\mu_{(m)})^m` for each :math:`m`: the quantiles of
    :math:`M` lie above :math:`\max_m\big(\mu_{(m)}+\Phi^{-1}(p^{1/m})\big)`. This places the nodes without a search.

    Examples
    --------
    >>> from kexue.sampling import named_noise
    >>> x, log_weights, _ = nodes_of_the_maximum(jnp.array([0.0, 1.0]), named_noise("uniform"), 2)
    >>> print(x, jnp.exp(log_weights))  # the maximum of two intervals of length one, from 1 to 2
    [1.        1.        1.2113249 1.7886751] [0.  0.  0.5 0.5]
    """
    descending = jnp.sort(scores)[::-1]
    if noise.kinks or not all(map(isinf, noise.support)):
        return _pieces(descending, noise, nodes)
    constants = noise.quantiles_of_log(np.array([LOG_NEGLIGIBLE, -np.exp(LOG_NEGLIGIBLE) / scores.size]))
    lowest, highest = descending[-1] + constants[0].item(), descending[0] + constants[1].item()
    center, width = _quantile_of_maximum(descending, noise, -np.log(2)), 0.6 * _spread(noise)
    first, last = jnp.arcsinh((lowest - center) / width), jnp.arcsinh((highest - center) / width)
    step = (last - first) / nodes
    s = first + step * jnp.asarray(np.arange(nodes) + 0.5, scores.dtype)
    return MaximumNodes(center + width * jnp.sinh(s), jnp.log(step * width * jnp.cosh(s)), None)


def _quantile_of_maximum(descending: Array, noise: Noise, log_p: float) -> Array:
    """A lower bound of the quantile; exact if all scores above some rank are equal and all others far below."""
    shifts = noise.quantiles_of_log(log_p / np.arange(1, descending.size + 1))
    return jnp.max(descending + jnp.asarray(shifts, descending.dtype))


def _spread(noise: Noise) -> float:
    """From the lowest tenth to the highest."""
    low, high = noise.quantiles_of_log(np.log([0.1, 0.9]))
    return float(high - low)


def _pieces(descending: Array, noise: Noise, nodes: int) -> MaximumNodes:
    start, stop = noise.support
    highest = descending[0]
    negligible_below = _quantile_of_maximum(descending, noise, LOG_NEGLIGIBLE)
    ends = [] if isinf(stop) else [stop]
    edges = jnp.concatenate([jnp.zeros(0, descending.dtype), *(descending + at for at in (*noise.kinks, *ends))])
    if not isinf(start):  # below the highest score's lower end, the maximum cannot be
        edges = jnp.append(jnp.maximum(edges, highest + start), highest + start)
    edges = jnp.sort(edges)

    u, weights = (jnp.asarray(a / 2, descending.dtype) for a in _unit_gauss(nodes))
    lengths = jnp.diff(edges)[:, None]
    parts = [((edges[:-1, None] + lengths * u[None, :]).ravel(), jnp.log(lengths * weights[None, :]).ravel())]
    distance, log_weights = _outer(noise, nodes, descending.dtype)
    last = jnp.maximum(edges[-1], negligible_below) if isinf(stop) else edges[-1]
    if isinf(start):
        parts.insert(0, (edges[0] - distance, log_weights))
    if isinf(stop):
        # A heavy tail of many classes has its maximum far out: the piece is stretched to begin at that scale.
        reach = (_quantile_of_maximum(descending, noise, -np.log(2)) - last) / _spread(noise)
        stretch = jnp.maximum(1, reach) if noise.tail == "algebraic" else jnp.ones_like(reach)
        parts.append((last + stretch * distance, log_weights + jnp.log(stretch)))
    x, log_weights = (jnp.concatenate(both) for both in zip(*parts, strict=True))
    return MaximumNodes(x, log_weights, last)


def _unit_gauss(nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Legendre on [0, 2]: nodes and weights that both want halving."""
    y, w = roots_legendre(nodes)
    return 1 + y, w


def _outer(noise: Noise, nodes: int, dtype: np.dtype) -> tuple[Array, Array]:
    """Distances from the edge of an outer piece, and their log weights, as constants."""
    u, w = (a / 2 for a in _unit_gauss(nodes))
    if noise.tail == "exponential":  # u = exp(-distance)
        distance, log_weights = -np.log(u), np.log(w) - np.log(u)
    elif noise.tail == "algebraic":  # u = 1 / (1 + distance / width)
        width = _spread(noise) / 6
        distance, log_weights = width * (1 / u - 1), np.log(width * w) - 2 * np.log(u)
    else:  # the trapezoidal rule in s, u = sigmoid(-2 sinh s), for any behaviour at the edge
        width, reach = _spread(noise) / 2, np.arcsinh(-LOG_NEGLIGIBLE / 2)
        step = 2 * reach / nodes
        s = -reach + step * (np.arange(nodes) + 0.5)
        y = 2 * np.sinh(s)
        distance = width * np.logaddexp(0, y)
        log_weights = np.log(2 * width * step * np.cosh(s)) - np.logaddexp(0, -y)
    return jnp.asarray(distance, dtype), jnp.asarray(log_weights, dtype)

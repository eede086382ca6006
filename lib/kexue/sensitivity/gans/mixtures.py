"""Mixtures of Gaussians whose truth is known, and three ways to compare samples with it."""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Num

from ..._check import at_least_one, floating, positive

__all__ = [
    "Coverage",
    "energy_distance",
    "grid_centers",
    "mode_coverage",
    "mode_divergence",
    "ring_centers",
    "sample_mixture",
]


def ring_centers(modes: int = 8, radius: float = 2.0) -> Float[Array, "modes 2"]:
    """Equally spaced points on a circle, the first one on the positive x axis, counter-clockwise.

    Parameters
    ----------
    modes : int, at least 1
    radius : float, positive

    Returns
    -------
    float (modes, 2)

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> print(abs(ring_centers(4, 1.0).round(3)))
    [[1. 0.]
     [0. 1.]
     [1. 0.]
     [0. 1.]]
    """
    at_least_one("modes", modes)
    positive("radius", radius)
    angle = 2 * np.pi * np.arange(modes) / modes
    return jnp.asarray(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1), float)


def grid_centers(side: int = 5, half_width: float = 2.0) -> Float[Array, "modes 2"]:
    """A square grid of ``side * side`` points, centred at the origin, row by row.

    Parameters
    ----------
    side : int, at least 2
    half_width : float, positive
        The largest coordinate.

    Returns
    -------
    float (side * side, 2)

    Raises
    ------
    ValueError
        If an argument is out of range.

    Examples
    --------
    >>> print(grid_centers(2, 1.0))
    [[-1. -1.]
     [ 1. -1.]
     [-1.  1.]
     [ 1.  1.]]
    """
    if side < 2:
        raise ValueError(f"side must be at least 2, got {side}")
    positive("half_width", half_width)
    ticks = np.linspace(-half_width, half_width, side)
    x, y = np.meshgrid(ticks, ticks)
    return jnp.asarray(np.stack([x.ravel(), y.ravel()], axis=1), float)


def sample_mixture(
    key: Key[Array, ""],
    n: int,
    centers: Num[Array | np.ndarray, "..."],
    scale: float | Float[Array, ""],
    modes: int | Int[Array, ""] | None = None,
) -> Float[Array, "n ..."]:
    r"""Draw from :math:`\frac1k\sum_i\mathcal N(c_i,s^2I)`.

    Parameters
    ----------
    key : PRNG key
    n : int, at least 1
    centers : float (modes, ...)
        Points of any shape.
    scale : float, positive
        :math:`s`, the standard deviation in each coordinate.
    modes : int, optional
        Use the first ``modes`` centres only. It may be traced, so that mixtures of different sizes, padded to one
        shape, share a program.

    Returns
    -------
    float (n, ...)

    Raises
    ------
    ValueError
        If ``n`` is below 1, there are no centres, ``scale`` is not positive, or a concrete ``modes`` is out of range.

    Examples
    --------
    >>> print(sample_mixture(jax.random.key(0), 5, ring_centers(), 0.15).shape)
    (5, 2)
    """
    at_least_one("n", n)
    centers = floating(centers)
    at_least_one("number of centers", len(centers))
    positive("scale", scale)
    flat = centers.reshape(len(centers), -1)
    modes = len(centers) if modes is None else modes
    if isinstance(modes, int) and not 1 <= modes <= len(centers):
        raise ValueError(f"modes must be in [1, {len(centers)}], the number of centers, got {modes}")
    # One draw instead of two: a normal number through its own distribution function is uniform, and picks the mode.
    noise = jax.random.normal(key, (n, flat.shape[1] + 1), flat.dtype)
    uniform = jax.scipy.special.ndtr(noise[:, -1])
    mode = jnp.floor(uniform * jnp.asarray(modes, uniform.dtype)).astype(int)
    mode = jnp.minimum(mode, modes - 1)  # where the uniform number was rounded to one
    drawn = flat[mode] + jnp.asarray(scale, flat.dtype) * noise[:, :-1]
    return drawn.reshape(n, *centers.shape[1:])


class Coverage(NamedTuple):
    """How many modes a sample has found, and how much of it lies near one."""

    modes: Int[Array, ""]
    """How many modes have a sample near them."""
    share: Float[Array, ""]
    """Of the samples, how many lie near a mode."""


def mode_coverage(
    samples: Num[Array | np.ndarray, "..."],
    centers: Num[Array | np.ndarray, "..."],
    radius: float | Float[Array, ""],
    *,
    least: float = 0.01,
) -> Coverage:
    """Count the modes that hold a share of the samples, and the share of samples that hold to a mode.

    Parameters
    ----------
    samples : float (n, ...)
    centers : float (modes, ...)
        Points of one shape, which may be any; distances are over all their numbers.
    radius : float, positive
        A sample belongs to its nearest centre if it is not farther away than this.
    least : float in [0, 1)
        A mode counts if more than zero and at least this share of all samples belong to it.

    Returns
    -------
    Coverage
        ``modes``, and ``share``, the part of the samples that belongs to any centre. A sample that is NaN belongs to
        none.

    Raises
    ------
    ValueError
        If there are no samples or no centres, their shapes differ, ``radius`` is not positive or ``least`` is out of
        range.

    Notes
    -----
    Time and memory: ``n * modes`` distances.

    Examples
    --------
    >>> coverage = mode_coverage(jnp.array([[1.0, 0.1], [0.9, 0.0], [0.0, 0.0]]), ring_centers(4, 1.0), 0.2)
    >>> print(coverage.modes, f"{coverage.share:.3f}")
    1 0.667
    """
    samples, centers = floating(samples), floating(centers)
    _check_points(samples, centers)
    positive("radius", radius)
    if not 0 <= least < 1:
        raise ValueError(f"least must be in [0, 1), got {least}")
    nearest, distance = _nearest(samples, centers)
    is_near = distance <= radius
    counts = jnp.zeros(len(centers), int).at[nearest].add(is_near.astype(int))
    is_found = counts >= max(1, math.ceil(least * len(samples)))
    return Coverage(jnp.sum(is_found), jnp.mean(is_near, dtype=samples.dtype))


def mode_divergence(
    samples: Num[Array | np.ndarray, "..."], centers: Num[Array | np.ndarray, "..."]
) -> Float[Array, ""]:
    r"""How unevenly samples fall on the modes: :math:`\mathrm{KL}(h\Vert\text{uniform})=\ln k-H(h)`.

    :math:`h` is the histogram of nearest centres, so that a sample far from all of them counts for one too.

    Parameters
    ----------
    samples : float (n, ...)
    centers : float (modes, ...)
        Points of one shape, which may be any; distances are over all their numbers.

    Returns
    -------
    float
        Between 0 and ``log(modes)``, in nats. From ``n`` draws of the truth expect about ``(modes - 1) / (2 n)``.

    Raises
    ------
    ValueError
        If there are no samples or no centres, or their shapes differ.

    Examples
    --------
    >>> print(mode_divergence(ring_centers(8)[:2], ring_centers(8)))  # two of eight: log 4
    1.3862944
    """
    samples, centers = floating(samples), floating(centers)
    _check_points(samples, centers)
    nearest, _ = _nearest(samples, centers)
    share = jnp.zeros(len(centers), samples.dtype).at[nearest].add(1) / len(samples)
    return jnp.log(float(len(centers))).astype(samples.dtype) - jnp.sum(jax.scipy.special.entr(share))


def energy_distance(x: Num[Array | np.ndarray, "..."], y: Num[Array | np.ndarray, "..."]) -> Float[Array, ""]:
    r"""Unbiased estimate of :math:`2E\lVert X-Y\rVert-E\lVert X-X'\rVert-E\lVert Y-Y'\rVert`.

    Zero if and only if the two laws are the same. The estimate leaves out the pairs of a point with itself, so it is
    slightly negative about half of the time when the laws agree: compare it, do not take its logarithm.

    Parameters
    ----------
    x, y : float (n, ...), (m, ...)
        At least two points each, of one shape, which may be any; distances are over all their numbers.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If there are fewer than two points or their shapes differ.

    Notes
    -----
    Time: ``n² + n m + m²`` distances.

    Examples
    --------
    >>> print(energy_distance(jnp.array([[0.0], [1.0]]), jnp.array([[3.0], [4.0]])))  # 2 * 3 - 1 - 1
    4.0

    References
    ----------
    Székely and Rizzo, "Energy statistics: a class of statistics based on distances", 2013.
    """
    x, y = floating(x), floating(y)
    if min(x.ndim, y.ndim) < 1 or min(len(x), len(y)) < 2 or x.shape[1:] != y.shape[1:]:
        raise ValueError(f"x and y must hold at least two points of one shape each, got shapes {x.shape} and {y.shape}")
    n, m = len(x), len(y)
    within = jnp.sum(_distances(x, x)) / (n * (n - 1)) + jnp.sum(_distances(y, y)) / (m * (m - 1))
    return 2 * jnp.mean(_distances(x, y)) - within


@jax.jit
def _distances(x: Array, y: Array) -> Array:
    """Pairwise; coordinate by coordinate, because the usual trick with an inner product cancels for close points."""
    columns = [points.reshape(len(points), -1).T for points in (x, y)]

    def add(squares: Array, pair: list[Array]) -> tuple[Array, None]:
        return squares + (pair[0][:, None] - pair[1][None]) ** 2, None

    zeros = jnp.zeros((len(x), len(y)), jnp.result_type(x, y))
    return jnp.sqrt(jax.lax.scan(add, zeros, columns, unroll=8)[0])


def _nearest(samples: Array, centers: Array) -> tuple[Array, Array]:
    distances = _distances(samples, centers)
    return jnp.argmin(distances, axis=1), jnp.min(distances, axis=1)


def _check_points(samples: Array, centers: Array) -> None:
    is_batch = min(samples.ndim, centers.ndim) >= 1 and samples.size > 0 and centers.size > 0
    if not is_batch or samples.shape[1:] != centers.shape[1:]:
        shapes = f"{samples.shape} and {centers.shape}"
        raise ValueError(f"samples and centers must hold at least one point each, of one shape, got shapes {shapes}")

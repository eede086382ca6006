"""Inverse-CDF sampling: a uniform number, read off on the axis of the cumulative sum."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..._check import at_least_one
from ..._compiled import compiled

__all__ = ["cumulative", "grid_sample", "invert_rows"]


def cumulative(weights: Float[Array, "rows n"]) -> Float[Array, "rows n"]:
    r"""Cumulative sums along the last axis, added from left to right: :math:`F_{rj}=\sum_{i\le j}w_{ri}`.

    Unlike a parallel prefix sum, whose rounding depends on the position, this one never decreases, and does not change
    at all where a weight is zero. An outcome of weight zero can therefore not be drawn, not even once in :math:`10^7`.

    Parameters
    ----------
    weights : float (rows, n), not negative
        Not checked: see :func:`invert_rows`.

    Returns
    -------
    float (rows, n)

    Notes
    -----
    n steps of a scan, each of them over all rows.

    Examples
    --------
    >>> print(cumulative(jnp.array([[0.5, 0.0, 1.5]])))
    [[0.5 0.5 2. ]]
    """
    columns = weights.T
    add = lambda total, column: (total + column,) * 2  # noqa: E731
    return jax.lax.scan(add, jnp.zeros_like(columns[0]), columns)[1].T


def invert_rows(
    table: Float[Array, "rows n"], rows: Int[Array, " draws"], u: Float[Array, " draws"]
) -> Int[Array, " draws"]:
    r"""Draw :math:`F_r^{-1}(u)=\min\{j:F_{rj}>u\,F_{rn}\}` by binary search, each draw in a row of its own.

    Parameters
    ----------
    table : float (rows, n)
        From :func:`cumulative`; a row need not end at one.
    rows : int (draws,), in [0, rows)
    u : float (draws,), in [0, 1)

    Returns
    -------
    int32 (draws,)
        Outcomes with a positive weight; a row whose weights are all zero gives ``n - 1``.

    Raises
    ------
    ValueError
        If the table is empty, or a concrete one is negative, decreasing or not finite.

    Notes
    -----
    :math:`\log_2n` gathers a draw, whatever the number of rows.

    Examples
    --------
    >>> table = cumulative(jnp.array([[1.0, 0.0, 3.0]]))
    >>> print(invert_rows(table, jnp.zeros(3, int), jnp.array([0.2, 0.25, 0.9])))
    [0 2 2]
    """
    n = table.shape[1]
    if table.size == 0:
        raise ValueError(f"table must hold at least one outcome, got shape {table.shape}")
    if not isinstance(table, jax.core.Tracer):
        known = np.asarray(table)
        if not (np.all(np.isfinite(known)) and np.all(known[:, 0] >= 0) and np.all(np.diff(known) >= 0)):
            raise ValueError("table must hold finite cumulative sums of weights that are not negative or NaN")
    target = u * table[rows, n - 1]

    def halve(_: Any, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        low, high = ends  # the answer is in [low, high]
        middle = (low + high) // 2
        is_above = table[rows, middle] > target
        return jnp.where(is_above, low, jnp.minimum(middle + 1, high)), jnp.where(is_above, middle, high)

    ends = jnp.zeros(rows.shape, jnp.int32), jnp.full(rows.shape, n - 1, jnp.int32)
    return jax.lax.fori_loop(0, max(n.bit_length(), 1), halve, ends)[0]


def grid_sample(
    key: Key[Array, ""], grid: Float[Array, " n"], log_density: Float[Array, " m"], number: int
) -> Float[Array, " number"]:
    r"""Draw from a density given on a grid, :math:`x=F^{-1}(u)`: exact for the density's linear interpolation.

    Between two grid points the density is :math:`a+(b-a)s`, its integral a parabola, and the parabola is inverted:
    :math:`s=2v\,/\,\big(a+\sqrt{a^2+2(b-a)v}\big)` for the area :math:`v` (in units of the cell) left to cover.

    Parameters
    ----------
    key : PRNG key
    grid : float (n,), n ≥ 2, strictly increasing
        Where the density outside counts as zero.
    log_density : float (n,)
        Up to a constant; −inf means zero, but not everywhere.
    number : int, at least 1

    Returns
    -------
    float (number,)

    Raises
    ------
    ValueError
        If ``grid`` has fewer than two points, is not increasing, the shapes differ, ``number`` is below one, or a
        concrete ``log_density`` is NaN, +inf or −inf everywhere.

    Notes
    -----
    n for the table, log n for each draw; the error of the interpolation falls like the square of the spacing.

    Examples
    --------
    >>> grid = jnp.linspace(0, 20, 2001)
    >>> x = grid_sample(jax.random.key(0), grid, -grid, 100_000)  # exponential, mean 1
    >>> print(f"{x.mean():.2f}")
    1.00

    References
    ----------
    Devroye, *Non-Uniform Random Variate Generation*, 1986, chapter II.2.
    """
    at_least_one("number", number)
    if grid.ndim != 1 or grid.size < 2 or grid.shape != log_density.shape:
        raise ValueError(
            "grid and log_density must be vectors of the same length, at least 2, "
            f"got shapes {grid.shape} and {log_density.shape}"
        )
    if not isinstance(grid, jax.core.Tracer) and not np.all(np.diff(np.asarray(grid)) > 0):
        raise ValueError("grid must be strictly increasing")
    if not isinstance(log_density, jax.core.Tracer):
        known = np.asarray(log_density)
        if np.any(np.isnan(known)) or not np.isfinite(known.max()):
            raise ValueError(f"log_density must be finite somewhere and nowhere NaN or +inf, got maximum {known.max()}")
    return _draws(key, grid, log_density, number)


@compiled(3)
def _draws(key: Array, grid: Array, log_density: Array, number: int) -> Array:
    density = jnp.exp(log_density - jnp.max(log_density))
    width = jnp.diff(grid)
    table = cumulative((width * (density[1:] + density[:-1]) / 2)[None])
    u = jax.random.uniform(key, (number,), density.dtype)
    cell = invert_rows(table, jnp.zeros(number, jnp.int32), u)
    below = jnp.where(cell > 0, table[0, jnp.maximum(cell - 1, 0)], 0)
    a, b, v = density[cell], density[cell + 1], (u * table[0, -1] - below) / width[cell]
    root = jnp.sqrt(jnp.maximum(a**2 + 2 * (b - a) * v, 0))
    # This form of the quadratic formula does not subtract nearly equal numbers, and stands a = b and a = 0.
    s = jnp.where(v > 0, 2 * v / jnp.where(v > 0, a + root, 1), 0)
    return grid[cell] + jnp.clip(s, 0, 1) * width[cell]

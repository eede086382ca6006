"""Round trips through given cities: their length, random ones, and greedy ones."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Num

from ..._check import at_least_one, floating

__all__ = ["greedy_tour", "random_tours", "tour_length"]

Points = Num[Array | np.ndarray, "..."]
Tour = Int[Array, " cities"]


def tour_length(points: Points, tour: Int[Array, "... cities"] | Int[np.ndarray, "... cities"]) -> Float[Array, "..."]:
    r"""Length :math:`\sum_k\lVert x_{t_{k+1}}-x_{t_k}\rVert` of a closed tour.

    Parameters
    ----------
    points : float or int (cities, dim)
        Coordinates, not distances.
    tour : int (..., cities)
        The order in which the cities are visited.

    Returns
    -------
    float (...)

    Raises
    ------
    ValueError
        If ``points`` is no matrix or, where its values are known, a matrix of distances.

    Examples
    --------
    >>> square = jnp.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> print(tour_length(square, jnp.array([0, 2, 1, 3])))
    4.0
    """
    return _length(coordinates(points), jnp.asarray(tour))


@jax.jit
def _length(points: Array, tour: Array) -> Array:
    route = points[tour]
    return jnp.sum(jnp.linalg.norm(jnp.roll(route, -1, axis=-2) - route, axis=-1), axis=-1)


def random_tours(key: Key[Array, ""], cities: int, number: int) -> Int[Array, "number cities"]:
    """Independent uniform permutations.

    Parameters
    ----------
    key : PRNG key
    cities, number : int, at least 1

    Returns
    -------
    int (number, cities)

    Raises
    ------
    ValueError
        If a count is below 1.

    Examples
    --------
    >>> print(jnp.sort(random_tours(jax.random.key(0), 4, 2), axis=1))
    [[0 1 2 3]
     [0 1 2 3]]
    """
    at_least_one("cities", cities)
    at_least_one("number", number)
    order = jax.random.uniform(key, (number, cities))
    return jnp.argsort(order, axis=1).astype(jnp.int32)


def greedy_tour(points: Points, start: int | Int[Array, ""] = 0) -> Tour:
    """Nearest neighbour: always on to the closest city that has not been visited.

    Parameters
    ----------
    points : float or int (cities, dim)
        Coordinates of at least 4 cities, finite.
    start : int, in 0 ... cities - 1
        May be traced; out of range is then clipped, as JAX indexes.

    Returns
    -------
    int (cities,)

    Raises
    ------
    ValueError
        If ``points`` has fewer than 4 rows, is not finite or is a matrix of distances, or ``start`` is a number out
        of range.

    Notes
    -----
    Time and memory of order cities².

    Examples
    --------
    >>> print(greedy_tour(jnp.array([[0.0], [5.0], [1.0], [3.0]])))
    [0 2 3 1]
    """
    points = known_points(points)
    if isinstance(start, int) and not 0 <= start < len(points):
        raise ValueError(f"start must be a city, 0 ... {len(points) - 1}, got {start}")
    far = distances(points)
    here = jnp.asarray(start, jnp.int32)

    def onward(state: tuple, _: None) -> tuple[tuple, Array]:
        here, unvisited = state  # zero where a city may still be visited
        unvisited = unvisited.at[here].set(jnp.inf)
        return (jnp.argmin(far[here] + unvisited).astype(jnp.int32), unvisited), here

    return jax.lax.scan(onward, (here, jnp.zeros(len(points), far.dtype)), length=len(points))[1]


def distances(points: Points) -> Float[Array, "cities cities"]:
    """All distances between points."""
    points = floating(points)
    return jnp.linalg.norm(points[:, None] - points[None], axis=-1)


def known_points(points: Points) -> Float[Array, "cities dim"]:
    """Require at least 4 points, finite if they are known."""
    known = coordinates(points)
    if known.shape[0] < 4:
        raise ValueError(f"points must have shape (cities, dim) with at least 4 cities, got {tuple(known.shape)}")
    if not isinstance(points, jax.core.Tracer) and not np.isfinite(np.asarray(points)).all():
        wrong = np.asarray(points)[~np.isfinite(np.asarray(points)).all(axis=1)][0]
        raise ValueError(f"points must be finite, got {wrong}")
    return known


def coordinates(points: Points) -> Float[Array, "cities dim"]:
    """As floats, one row a city; a matrix that is known and looks like distances is refused."""
    if not isinstance(points, jax.core.Tracer) and _looks_like_distances(np.asarray(points)):
        n = len(points)
        raise ValueError(
            f"points must hold coordinates, one row a city, got a symmetric {n} × {n} matrix with a zero diagonal, "
            f"which reads as distances (for points that do lie in {n} dimensions, append a column of zeros)"
        )
    points = floating(points)
    if points.ndim != 2:
        raise ValueError(f"points must have shape (cities, dim), one row a city, got {tuple(points.shape)}")
    return points


def _looks_like_distances(points: np.ndarray) -> bool:
    if points.ndim != 2 or points.shape[0] != points.shape[1] or len(points) < 3 or not (points >= 0).all():
        return False
    far = points.astype(float)
    rounding = 1e-3 * far.max()  # of lengths that were computed from inner products in float32
    return bool(0 < far.max() < np.inf and far.diagonal().max() <= rounding and abs(far - far.T).max() <= rounding)

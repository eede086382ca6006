"""Reversals of a stretch of a tour: what one changes, the descent by the best of them, and a Markov chain."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ..._check import positive
from ..chains.kernels import Info, Kernel, State
from .round_trips import Points, Tour, coordinates, distances, known_points, tour_length

__all__ = ["reverse_between", "two_opt_descent", "two_opt_difference", "two_opt_kernel"]


def two_opt_difference(
    points: Points, tour: Tour, i: int | Int[Array, ""], j: int | Int[Array, ""]
) -> Float[Array, ""]:
    r"""What reversing the cities at positions :math:`i..j` adds to the length, from four distances.

    With :math:`a=t_{i-1},\ b=t_i,\ c=t_j,\ d=t_{j+1}` the edges :math:`ab,\ cd` become :math:`ac,\ bd`.

    Parameters
    ----------
    points : float or int (cities, dim)
        Coordinates, not distances.
    tour : int (cities,)
    i, j : int, 0 <= i <= j < cities
        Zero if all cities, or all but one, are reversed: that is the same round trip.

    Returns
    -------
    float, a scalar

    Raises
    ------
    ValueError
        As for `tour_length`.

    Examples
    --------
    >>> crossed = jnp.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> print(f"{two_opt_difference(crossed, jnp.arange(4), 1, 2):.4f}")  # 4 - (2 + 2 √2)
    -0.8284
    """
    points, cities = coordinates(points), tour.shape[0]
    a, b, c, d = points[tour[(jnp.stack([jnp.asarray(k) for k in (i - 1, i, j, j + 1)])) % cities]]
    added = jnp.linalg.norm(c - a) + jnp.linalg.norm(d - b)
    removed = jnp.linalg.norm(b - a) + jnp.linalg.norm(d - c)
    return jnp.where(jnp.asarray(j - i >= cities - 2), 0.0, added - removed).astype(points.dtype)


def reverse_between(tour: Tour, i: int | Int[Array, ""], j: int | Int[Array, ""]) -> Tour:
    """The tour with the cities at positions i..j in reverse order.

    Parameters
    ----------
    tour : int (cities,)
    i, j : int, 0 <= i <= j < cities

    Returns
    -------
    int (cities,)

    Notes
    -----
    One masked gather: no loop, so that many chains reverse different stretches at once.

    Examples
    --------
    >>> print(reverse_between(jnp.arange(6), 1, 3))
    [0 3 2 1 4 5]
    """
    k = jnp.arange(tour.shape[0])
    return tour[jnp.where((i <= k) & (k <= j), i + j - k, k)]


def two_opt_kernel(points: Points, temperature: float | Float[Array, ""]) -> Kernel:
    r"""Metropolis chain on tours: reverse a random stretch, with probability :math:`\min(1,e^{-\Delta/T})`.

    The pair of edges that are exchanged is uniform, so that the proposal is symmetric and :math:`\pi(t)\propto e^{-\text{length}(t)/T}`
    is stationary. For sampling; `anneal_tours` finds short tours hundreds of times faster.

    Parameters
    ----------
    points : float or int (cities, dim)
        Coordinates of at least 4 cities, finite.
    temperature : float, positive
        In units of length.

    Returns
    -------
    Kernel
        ``init(tour) -> State``, ``step(key, state) -> (State, Info)``.

    Raises
    ------
    ValueError
        If ``points`` has fewer than 4 rows, is not finite or is a matrix of distances, or ``temperature`` is not
        positive.

    Notes
    -----
    The difference costs four distances, the reversal one gather over the tour. ``log_density`` is updated by
    differences; in float32 it drifts by about 1e-7 of the length a move.

    Examples
    --------
    >>> kernel = two_opt_kernel(jax.random.uniform(jax.random.key(0), (6, 2)), 0.1)
    >>> state, info = kernel.step(jax.random.key(1), kernel.init(jnp.arange(6)))
    """
    points = known_points(points)
    positive("temperature", temperature)

    def init(position: Tour, key: Array | None = None) -> State:
        return State(position, -tour_length(points, position) / temperature)

    def step(key: Array, state: State) -> tuple[State, Info]:
        pair_key, accept_key = jax.random.split(key)
        i, j = two_opt_choice(pair_key, points.shape[0])
        log_ratio = -two_opt_difference(points, state.position, i, j) / temperature
        is_accepted = jnp.log(jax.random.uniform(accept_key, dtype=log_ratio.dtype)) < log_ratio
        position = jnp.where(is_accepted, reverse_between(state.position, i, j), state.position)
        log_density = state.log_density + jnp.where(is_accepted, log_ratio, 0.0)
        return State(position, log_density), Info(is_accepted, log_ratio)

    return Kernel(init, step)


def two_opt_choice(key: Array, cities: int) -> tuple[Array, Array]:
    """Two different positions other than 0, every pair equally likely.

    Position 0 stays, so that each pair of edges of the round trip is chosen in one way: were it to move, the pairs with
    the edge that closes the list would be twice as likely as others.
    """
    first_key, second_key = jax.random.split(key)
    first = jax.random.randint(first_key, (), 1, cities)
    second = 1 + (first - 1 + jax.random.randint(second_key, (), 1, cities - 1)) % (cities - 1)
    return jnp.minimum(first, second), jnp.maximum(first, second)


def two_opt_descent(points: Points, tour: Tour) -> Tour:
    """Best-improvement 2-opt: make the reversal that shortens most, until none shortens.

    Parameters
    ----------
    points : float or int (cities, dim)
        Coordinates of at least 4 cities, finite.
    tour : int (cities,)

    Returns
    -------
    int (cities,)
        A tour that no 2-opt move shortens by more than rounding: in the plane, one without crossings.

    Raises
    ------
    ValueError
        If ``points`` has fewer than 4 rows, is not finite or is a matrix of distances, or ``tour`` has another
        shape.

    Notes
    -----
    A move scores all cities²/2 reversals; about as many moves as cities. Under ``vmap`` the slowest start decides.

    Examples
    --------
    >>> crossed = jnp.array([[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    >>> print(tour_length(crossed, two_opt_descent(crossed, jnp.arange(4))))
    4.0
    """
    far = distances(known_points(points))
    cities = far.shape[0]
    if tour.shape != (cities,):
        raise ValueError(f"tour must name each of the {cities} cities once, got shape {tuple(tour.shape)}")
    return _descend(far, tour)


@jax.jit
def _descend(far: Array, tour: Tour) -> Tour:
    cities = far.shape[0]
    k = jnp.arange(cities)
    ahead = k[None] - k[:, None]
    allowed = (ahead > 0) & (ahead < cities - 2)
    tolerance = 8 * jnp.finfo(far.dtype).eps * jnp.max(far)

    def differences(tour: Tour) -> Array:
        ordered = far[tour][:, tour]  # one gather; what else is needed are its shifts
        into = jnp.diagonal(jnp.roll(ordered, 1, axis=0))
        change = jnp.roll(ordered, 1, axis=0) + jnp.roll(ordered, -1, axis=1)
        return jnp.where(allowed, change - into[:, None] - jnp.roll(into, -1)[None], jnp.inf)

    def improve(state: tuple) -> tuple:
        tour, (i, j), _ = state
        tour = reverse_between(tour, i, j)
        return tour, *best(tour)

    def best(tour: Tour) -> tuple:
        change = differences(tour)
        return jnp.unravel_index(jnp.argmin(change), change.shape), jnp.min(change)

    return jax.lax.while_loop(lambda state: state[2] < -tolerance, improve, (tour, *best(tour)))[0]

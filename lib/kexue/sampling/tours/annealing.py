"""Simulated annealing for the travelling salesman: neighbour lists, many tries a step, and chains that are resampled."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Num

from ..._check import at_least_one, floating, require, square
from ..annealing.temperatures import geometric_temperatures, known_temperatures
from .moves import destination, random_move, source
from .round_trips import Points, distances, greedy_tour, known_points, tour_length

__all__ = ["AnnealedTours", "TourTrace", "anneal_tours", "nearest_cities"]

BLOCK = 64  # steps between two resamplings; their random bits are drawn at once


class TourTrace(NamedTuple):
    """Temperature, tours and lengths after every 64 steps."""

    temperature: Float[Array, " records"]
    """At the time of each record."""
    tours: Int[Array, "records chains cities"]
    """Of every chain at each record."""
    lengths: Float[Array, "records chains"]
    """Theirs."""


class AnnealedTours(NamedTuple):
    """The shortest tour seen, its length, recomputed, and where each chain ended."""

    tour: Int[Array, " cities"]
    """The shortest one seen: the cities in order."""
    length: Float[Array, ""]
    """Its length, recomputed."""
    tours: Int[Array, "chains cities"]
    """Where each chain ended."""
    lengths: Float[Array, " chains"]
    """Theirs."""
    acceptance: Float[Array, " chains"]
    """Share of the moves that each chain took."""
    trace: TourTrace | None
    """The history, if asked for."""


def nearest_cities(far: Num[Array | np.ndarray, "..."], number: int) -> Int[Array, "cities number"]:
    """For each city the closest others, the closest first.

    Parameters
    ----------
    far : float or int (cities, cities)
        Distances.
    number : int, at least 1
        At most cities - 1 are returned.

    Returns
    -------
    int (cities, number)

    Raises
    ------
    ValueError
        If ``far`` is not square or ``number`` is below 1.

    Examples
    --------
    >>> line = jnp.array([0.0, 1.0, 3.0])
    >>> print(nearest_cities(abs(line[:, None] - line), 1))
    [[1]
     [0]
     [1]]
    """
    far = floating(far)
    square("far", far)
    at_least_one("number", number)
    others = far + jnp.diag(jnp.full(far.shape[0], jnp.inf, far.dtype))
    return jax.lax.top_k(-others, min(number, far.shape[0] - 1))[1].astype(jnp.int32)


def anneal_tours(
    points: Points,
    key: Key[Array, ""],
    *,
    chains: int = 16,
    steps: int | None = None,
    temperatures: Float[Array, " steps"] | Float[np.ndarray, " steps"] | None = None,
    neighbours: int = 8,
    tries: int = 16,
    or_opt: float = 0.5,
    resample: float = 0.3,
    starts: Int[Array, "chains cities"] | None = None,
    record: bool = False,
) -> AnnealedTours:
    r"""Anneal a population of tours, for the travelling salesman problem (TSP), with 2-opt and Or-opt moves.

    Each step proposes ``tries`` independent moves to each chain and makes the first that Metropolis' rule accepts,
    :math:`-T\ln u>\Delta`: a run of rejections, the usual fate of cold chains, costs one step. Every 64 steps the
    chains are resampled with weights :math:`e^{-\rho(1/T'-1/T)\,\text{length}}`, :math:`\rho` = ``resample``, so that
    those caught in poor valleys die. The last 64 steps accept improvements only.

    Parameters
    ----------
    points : float or int (cities, dim)
        Coordinates of at least 4 cities, finite, not their distances. Lengths are computed in their dtype, of integers
        in JAX's default float.
    key : PRNG key
    chains, tries : int, at least 1
    steps : int, optional
        Default: 40 a city. Rounded up to a multiple of 64.
    temperatures : float (steps,), positive, optional
        Replaces ``steps``. Default: geometric from :math:`d` to :math:`0.06\,d`, where :math:`d` is the mean distance
        to the nearest other city.
    neighbours : int, at least 1
        A move joins a city to one of so many nearest ones.
    or_opt : float in [0, 1]
        Share of the moves that carry a segment of one to three cities elsewhere; the others reverse a stretch.
    resample : float, at least 0
        0: independent chains. 1: population annealing.
    starts : int (chains, cities), optional
        Permutations. Default: greedy tours from random cities.
    record : bool
        Keep what `TourTrace` holds.

    Returns
    -------
    AnnealedTours

    Raises
    ------
    ValueError
        If ``points`` has fewer than 4 rows, is not finite or is a matrix of distances, a temperature is not positive,
        ``starts`` are no permutations (all if known), or a number is out of range.

    Notes
    -----
    A step costs about 6 ``tries`` distances and one gather over the tour for each chain. The chains end as short tours,
    not as draws: the lists make proposals asymmetric, the first of many tries is taken, and neither is corrected for.

    Examples
    --------
    >>> angle = 2 * jnp.pi * jax.random.permutation(jax.random.key(1), 12) / 12
    >>> run = anneal_tours(jnp.stack([jnp.cos(angle), jnp.sin(angle)], axis=1), jax.random.key(0), chains=4)
    >>> print(f"{run.length:.4f} {24 * jnp.sin(jnp.pi / 12):.4f}")
    6.2117 6.2117

    References
    ----------
    Kirkpatrick, Gelatt, Vecchi, Science 220, 1983. Hukushima, Iba, "Population annealing and its application to a spin
    glass", AIP Conference Proceedings 690, 2003. I. Or, thesis, Northwestern University, 1976.
    """
    points = known_points(points)
    for name, count in (("chains", chains), ("tries", tries), ("neighbours", neighbours)):
        at_least_one(name, count)
    require("or_opt", or_opt, "in [0, 1]", lambda share: (share >= 0) & (share <= 1))
    require("resample", resample, "at least 0 and finite", lambda rho: (rho >= 0) & np.isfinite(rho))
    if steps is not None:
        at_least_one("steps", steps)
    if temperatures is not None:
        known_temperatures(temperatures)
    if starts is not None:
        _permutations(starts, chains, points.shape[0])
    if temperatures is not None:
        temperatures = jnp.asarray(temperatures, points.dtype)
    near = min(neighbours, points.shape[0] - 1)
    dials = (jnp.uint32(near), jnp.uint32(round(256 * or_opt)), jnp.asarray(resample, points.dtype))
    return _run(points, key, temperatures, dials, starts, (chains, steps, tries, record))


@partial(jax.jit, static_argnames="static")
def _run(points: Array, key: Array, temperatures: Any, dials: tuple, starts: Any, static: tuple) -> AnnealedTours:
    """Compiled once for a number of cities and what is in ``static``: a further call costs no tracing."""
    chains, steps, tries, record = static
    near, or_opt, resample = dials
    far = distances(points)
    cities = far.shape[0]
    neighbours = nearest_cities(far, cities - 1)
    start_key, run_key = jax.random.split(key)
    if starts is None:
        first = (jax.random.bits(start_key, (chains,), jnp.uint32) % cities).astype(jnp.int32)
        starts = jax.vmap(lambda city: greedy_tour(points, city))(first)
    schedule = _blocks(far, steps, temperatures)

    def block(state: tuple, now: tuple) -> tuple[tuple, TourTrace | None]:
        (tours, places, lengths, accepted), best = state
        key, temperature, cooling = now
        # One call for all, in two dimensions: others compile for seconds or, with an odd number of words, run ten times
        # as long. Without the barrier the words would be generated again by each of their users.
        drawn = jax.random.bits(key, (BLOCK + 1, 3 * chains * tries), jnp.uint32)
        words = jax.lax.optimization_barrier(drawn).reshape(BLOCK + 1, 3, chains, tries)
        uniform = ((words[:, 0] >> 8) + 1).astype(far.dtype) / 2**24  # in (0, 1]
        threshold = jax.vmap(lambda t, u: -t * jnp.log(u))(temperature, uniform[:BLOCK])
        step = lambda chain, now: (stepped(chain, *now), None)  # noqa: E731
        population, _ = jax.lax.scan(step, (tours, places, lengths, accepted), (words[:BLOCK, 1:], threshold))
        best = _shorter(best, population[0], population[2])
        survivor = _survivors(uniform[BLOCK, 0, 0], -resample * cooling * population[2])
        population = jax.tree.map(lambda leaf: leaf[survivor], population)
        trace = TourTrace(temperature[-1], population[0], population[2]) if record else None
        return (population, best), trace

    @partial(jax.vmap, in_axes=(0, 1, 0))
    def stepped(chain: tuple, words: Array, threshold: Array) -> tuple:
        tour, place, length, accepted = chain
        tried = jax.vmap(lambda word: random_move(word, tour, place, far, neighbours, near, or_opt), in_axes=1)
        difference, moves = tried(words)
        is_accepted = difference < threshold
        first, moves_on = jnp.argmax(is_accepted), jnp.any(is_accepted)
        move = jax.tree.map(lambda field: field[first], moves)
        tour = jnp.where(moves_on, tour[source(move, cities)], tour)
        place = jnp.where(moves_on, destination(move, place), place)
        return (
            tour,
            place,
            length + jnp.where(moves_on, difference[first], 0.0),
            accepted + moves_on.astype(length.dtype),
        )

    starts = starts.astype(jnp.int32)
    lengths = tour_length(points, starts)
    places = jax.vmap(lambda tour: jnp.zeros_like(tour).at[tour].set(jnp.arange(cities, dtype=tour.dtype)))(starts)
    population = (starts, places, lengths, jnp.zeros_like(lengths))
    best = (starts[jnp.argmin(lengths)], jnp.min(lengths))
    keys = jax.random.split(run_key, schedule[0].shape[0])
    (population, best), trace = jax.lax.scan(block, (population, best), (keys, *schedule))
    acceptance = population[3] / schedule[0].size
    return AnnealedTours(
        best[0], tour_length(points, best[0]), population[0], tour_length(points, population[0]), acceptance, trace
    )


def _blocks(far: Array, steps: int | None, temperatures: Array | np.ndarray | None) -> tuple[Array, Array]:
    """Temperatures in rows of 64 and a last row of zeros; what 1/T rises by from row to row, 0 where T ends."""
    cities = far.shape[0]
    if temperatures is None:
        count = 40 * cities if steps is None else steps
        others = far + jnp.diag(jnp.full(cities, jnp.inf, far.dtype))
        tiny = jnp.finfo(far.dtype).tiny  # cities that all coincide have no scale
        nearest = jnp.maximum(jnp.mean(jnp.min(others, axis=1)), 1e3 * tiny)
        temperatures = nearest * geometric_temperatures(1.0, 0.06, count).astype(far.dtype)
    temperatures = jnp.asarray(temperatures, far.dtype)
    padded = jnp.pad(temperatures, (0, -temperatures.size % BLOCK), mode="edge").reshape(-1, BLOCK)
    β = 1 / padded[:, -1]
    cooling = jnp.append(jnp.diff(β), jnp.zeros(2, far.dtype))
    return jnp.concatenate([padded, jnp.zeros((1, BLOCK), far.dtype)]), cooling


def _survivors(offset: Array, log_weights: Array) -> Array:
    """Systematic resampling: chain i survives as often as n times its weight, rounded up or down."""
    cumulative = jnp.cumsum(jax.nn.softmax(log_weights))
    number = log_weights.shape[0]
    marks = (jnp.arange(number, dtype=cumulative.dtype) + offset) / number
    return jnp.minimum(jnp.searchsorted(cumulative, marks), number - 1)


def _shorter(best: tuple, tours: Array, lengths: Array) -> tuple:
    k = jnp.argmin(lengths)
    is_shorter = lengths[k] < best[1]
    return jnp.where(is_shorter, tours[k], best[0]), jnp.where(is_shorter, lengths[k], best[1])


def _permutations(starts: Array, chains: int, cities: int) -> None:
    if starts.shape != (chains, cities):
        raise ValueError(f"starts must have shape (chains, cities) = {(chains, cities)}, got {tuple(starts.shape)}")
    if isinstance(starts, jax.core.Tracer):
        return
    wrong = np.flatnonzero((np.sort(starts, axis=1) != np.arange(cities)).any(axis=1))
    if wrong.size:
        raise ValueError(f"starts must be permutations of 0 ... {cities - 1}, got {np.asarray(starts)[wrong[0]]}")

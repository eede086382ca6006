"""Random 2-opt and Or-opt moves between neighbouring cities: what they cost, and where they send each position."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, UInt32

__all__ = ["TourMove", "destination", "random_move", "source"]


class TourMove(NamedTuple):
    r"""A stretch of the tour put in another order, seen from position ``anchor`` in direction ``direction``.

    Count positions from the anchor, :math:`u=0,1,\dots`. A 2-opt move reverses :math:`0..r`. An Or-opt move takes
    the segment :math:`0..s` and puts it behind :math:`s+1..r`, the same way round or reversed.
    """

    anchor: Int[Array, ""]
    direction: Int[Array, ""]
    segment: Int[Array, ""]
    reach: Int[Array, ""]
    is_two_opt: Bool[Array, ""]
    keeps_order: Bool[Array, ""]


def random_move(
    words: UInt32[Array, "2"],
    tour: Int[Array, " cities"],
    position: Int[Array, " cities"],
    far: Float[Array, "cities cities"],
    neighbours: Int[Array, "cities others"],
    near: int | UInt32[Array, ""],
    or_opt: int | UInt32[Array, ""],
) -> tuple[Float[Array, ""], TourMove]:
    """A move that joins a random city to one of its neighbours, and what it adds to the length.

    Parameters
    ----------
    words : uint32 (2,)
        All the randomness: the first word chooses the city, the second everything else.
    tour, position : int (cities,)
        The tour and its inverse.
    far : float (cities, cities)
        Distances.
    neighbours : int (cities, others)
        For each city the others, the closest first.
    near : int or uint32, 1 to others
        How many of them a move may join it to.
    or_opt : int or uint32, 0 to 256
        Out of 256 moves, how many move a segment of one to three cities; the others reverse.

    Returns
    -------
    (difference, TourMove)
        The difference is infinite where the choice makes no move, for example if the two are joined already.

    Notes
    -----
    Six distances. A move joins city a to its neighbour c and so breaks the edge from c to f. The edge into a is broken
    too, and for Or-opt the one behind the segment a..e, whose ends close up.
    """
    cities = neighbours.shape[0]
    flags = words[1]
    a = (words[0] % cities).astype(jnp.int32)
    c = neighbours[a, ((flags & 0xFFFF) * near >> 16).astype(jnp.int32)]
    is_two_opt = ((flags >> 16) & 0xFF) >= or_opt
    direction, side = (2 * ((flags >> shift) & 1).astype(jnp.int32) - 1 for shift in (24, 25))
    segment = jnp.minimum(((flags >> 26) * 3 >> 6).astype(jnp.int32), cities - 3)
    side = jnp.where(is_two_opt, -direction, side)

    at = lambda p: tour[_around(p, cities)]  # noqa: E731
    here, there = position[a], position[c]
    before, f = at(here - direction), at(there + side)
    e, after = at(here + segment * direction), at(here + (segment + 1) * direction)
    ahead = _around((there - here) * direction, cities)  # how far c lies from a, and f
    ahead_f = _around((there + side - here) * direction, cities)

    broken = far[before, a] + far[c, f]
    reversal = far[a, c] + far[before, f] - broken
    insertion = far[a, c] + far[before, after] + far[e, f] - far[e, after] - broken
    is_void = jnp.where(is_two_opt, (before == c) | (f == a), (ahead <= segment) | (ahead_f <= segment))
    difference = jnp.where(is_void, jnp.inf, jnp.where(is_two_opt, reversal, insertion))

    keeps_order = side * direction > 0  # c lies before f: the segment, a first, fits in between as it is
    reach = jnp.where(is_two_opt | ~keeps_order, ahead - 1, ahead)
    return difference, TourMove(here, direction, segment, reach, is_two_opt, keeps_order)


def source(move: TourMove, cities: int) -> Int[Array, " cities"]:
    """For each position, the position whose city it receives: ``tour[source(move, cities)]`` is the new tour."""
    u = _seen(move, jnp.arange(cities, dtype=move.anchor.dtype), cities)
    behind = move.reach - move.segment  # the cities that come forward
    segment = jnp.where(move.keeps_order, u - behind, move.reach - u)
    inserted = jnp.where(u < behind, u + move.segment + 1, segment)
    return _placed(move, u, inserted, cities)


def destination(move: TourMove, position: Int[Array, " cities"]) -> Int[Array, " cities"]:
    """Where the move sends each position: the new inverse of the tour, without a gather."""
    u = _seen(move, position, position.shape[0])
    behind = move.reach - move.segment
    segment = jnp.where(move.keeps_order, u + behind, move.reach - u)
    inserted = jnp.where(u > move.segment, u - move.segment - 1, segment)
    return _placed(move, u, inserted, position.shape[0])


def _seen(move: TourMove, position: Array, cities: int) -> Array:
    return _around((position - move.anchor) * move.direction, cities)


def _placed(move: TourMove, u: Array, inserted: Array, cities: int) -> Array:
    moved = jnp.where(move.is_two_opt, move.reach - u, inserted)
    return _around(move.anchor + jnp.where(u <= move.reach, moved, u) * move.direction, cities)


def _around(p: Array, cities: int) -> Array:
    """``p % cities`` for -cities <= p < 2 cities, without a division, for which a processor has no vector instruction."""
    return jnp.where(p < 0, p + cities, jnp.where(p >= cities, p - cities, p))

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
    bits: UInt32[Array, "2"],
    tour: Int[Array, " cities"],
    position: Int[Array, " cities"],
    far: Float[Array, "cities cities"],
    neighbours: Int[Array, "cities near"],
    or_opt: int,
) -> tuple[Float[Array, ""], TourMove]:
    """A move that joins a random city to one of its neighbours, and what it adds to the length.

    Parameters
    ----------
    bits : uint32 (2,)
        All the randomness: the first word chooses the city, the second everything else.
    tour, position : int (cities,)
        The tour and its inverse.
    far : float (cities, cities)
        Distances.
    neighbours : int (cities, near)
        For each city those it may be joined to.
    or_opt : int
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
    cities, near = neighbours.shape

    def take(shift: int, values: int) -> Array:
        """A number below ``values`` from eight of the bits."""
        return (((bits[1] >> shift) & 0xFF) * values >> 8).astype(jnp.int32)

    a = (bits[0] % cities).astype(jnp.int32)
    c = neighbours[a, take(0, near)]
    is_two_opt = ((bits[1] >> 8) & 0xFF) >= or_opt
    direction, side = 2 * take(16, 2) - 1, 2 * take(24, 2) - 1
    segment = jnp.minimum(take(18, 3), cities - 3)
    side = jnp.where(is_two_opt, -direction, side)

    at = lambda p: tour[p % cities]  # noqa: E731
    here, there = position[a], position[c]
    before, f = at(here - direction), at(there + side)
    e, after = at(here + segment * direction), at(here + (segment + 1) * direction)
    ahead = ((there - here) * direction) % cities  # how far c lies from a, and f
    ahead_f = ((there + side - here) * direction) % cities

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
    return ((position - move.anchor) * move.direction) % cities


def _placed(move: TourMove, u: Array, inserted: Array, cities: int) -> Array:
    moved = jnp.where(move.is_two_opt, move.reach - u, inserted)
    return (move.anchor + jnp.where(u <= move.reach, moved, u) * move.direction) % cities

"""Small convex problems on Gram matrices, solved exactly by active sets: a cone, and a convex hull."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.scipy.linalg import cho_factor, cho_solve
from jaxtyping import Array, Bool, Float, Int

from ._gram import inverse


class _Walk(NamedTuple):
    y: Float[Array, " n"]
    is_free: Bool[Array, " n"]
    is_done: Bool[Array, ""]
    step: Int[Array, ""]


def nonnegative_minimum(matrix: Float[Array, "n n"], target: Float[Array, " n"]) -> Float[Array, " n"]:
    r"""Minimise :math:`\frac12y^\top Ky-b^\top y` over :math:`y\ge0`, K positive semidefinite, bounded below.

    Lawson and Hanson's active set: free the coordinate with the steepest descent, move to the minimum over the free
    ones, and fix again whatever would turn negative on the way there. Ends after finitely many solutions of n
    equations; coordinates that linearly depend on the free ones have no descent left and stay at zero.
    """
    n, eps = len(target), float(jnp.finfo(target.dtype).eps)

    def minimum(is_free: Array) -> Array:
        # A ridge of the size of rounding keeps the factorisation alive; one refinement takes its bias out again.
        k = jnp.where(is_free[:, None] & is_free[None, :], matrix, 0)
        b = jnp.where(is_free, target, 0)
        factor = cho_factor(k + jnp.diag(jnp.where(is_free, n * eps, 1.0).astype(k.dtype)))
        y = cho_solve(factor, b)
        return y + cho_solve(factor, b - jnp.matmul(k, y, precision="highest"))

    def move(walk: _Walk) -> _Walk:
        z = minimum(walk.is_free)
        falls = walk.is_free & (z <= 0)
        distance = jnp.where(falls, walk.y - z, 1)
        fractions = jnp.where(falls, walk.y / jnp.where(distance > 0, distance, 1), 1)
        fraction = jnp.min(fractions)
        hits = falls & (fractions <= fraction)
        is_free = walk.is_free & ~hits
        y = jnp.where(is_free, walk.y + fraction * (z - walk.y), 0)
        descent = jnp.where(is_free, -jnp.inf, target - jnp.matmul(matrix, y, precision="highest"))
        steepest = jnp.argmax(descent)
        rounding = 8 * n * eps * (jnp.max(jnp.abs(target)) + jnp.max(y))
        is_minimum = ~jnp.any(falls)
        enters = is_minimum & (descent[steepest] > rounding)
        return _Walk(y, is_free.at[steepest].max(enters), is_minimum & ~enters, walk.step + 1)

    start = _Walk(jnp.zeros_like(target), jnp.zeros(n, bool), jnp.array(False), jnp.array(0))
    # The bound is out of reach but for rounding, in which a coordinate may be freed and fixed for ever.
    return jax.lax.while_loop(lambda walk: ~walk.is_done & (walk.step < 10 * n), move, start).y


def nearest_in_hull(norms: Float[Array, " n"], cosines: Float[Array, "n n"]) -> Float[Array, " n"]:
    r"""Convex weights of the point of the hull of n vectors that is nearest to zero.

    With :math:`y_i\propto w_i\lVert g_i\rVert` and :math:`r_i=\min_j\lVert g_j\rVert/\lVert g_i\rVert` this is the
    minimum of :math:`y^\top Cy+(r^\top y-1)^2` over :math:`y\ge0`, up to a factor of y: well scaled whatever the
    lengths, and bounded even where zero lies in the hull.
    """
    is_zero = norms == 0
    ratios = jnp.min(norms) * inverse(norms)
    y = nonnegative_minimum(cosines + ratios[:, None] * ratios[None, :], ratios)
    weights = jnp.where(jnp.any(is_zero), is_zero.astype(y.dtype), ratios * y)
    return weights / jnp.sum(weights)

"""Products of a non-negative matrix with rows that are known by their logarithms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float


def finite_max(values: Array) -> Array:
    """The maximum, or 0 if nothing is possible, so that subtracting it leaves −inf as it is."""
    top = jnp.max(values)
    return jnp.where(top > -jnp.inf, top, 0)


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def log_matmul(log_a: Float[Array, "rows V"], matrix: Float[Array, "V V"], axis: int) -> Float[Array, "rows V"]:
    """Log of exp(log_a) times the matrix along its ``axis``, one product for each band of entries of comparable size.

    A common scale would lose what is e^87 times below the largest entry of its row. That entry may lead to no sentence
    at all, if a constraint forbids what it needs, and then what was lost is everything. One band is the rule.
    """
    width = -0.45 * float(np.log(jnp.finfo(log_a.dtype).tiny))  # leaves as much for small entries of the matrix

    def is_left(state: tuple[Array, Array]) -> Array:
        return jnp.any(state[0] > -jnp.inf)

    def add_band(state: tuple[Array, Array]) -> tuple[Array, Array]:
        left, total = state
        top = jnp.max(left, axis=1, keepdims=True)
        top = jnp.where(top > -jnp.inf, top, 0)
        is_in = left > top - width
        band = jnp.log(jnp.tensordot(jnp.exp(jnp.where(is_in, left - top, -jnp.inf)), matrix, (1, axis))) + top
        return jnp.where(is_in, -jnp.inf, left), jnp.logaddexp(total, band)

    return jax.lax.while_loop(is_left, add_band, (log_a, jnp.full_like(log_a, -jnp.inf)))[1]


@log_matmul.defjvp
def _(axis: int, primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """A loop of unknown length has no reverse mode: differentiate the sum. Memory: rows × V × V.

    (Row after row by ``lax.map`` would keep the same for the reverse mode, which JAX 0.8 cannot take through it.)
    """
    result = log_matmul(*primals, axis)
    matrix, turn = (array if axis == 0 else array.T for array in (primals[1], tangents[1]))

    def of_row(row: tuple[Array, Array, Array]) -> Array:
        log_a, change, result = row
        is_there = (log_a > -jnp.inf)[:, None] & (result > -jnp.inf)[None]
        share = jnp.exp(jnp.where(is_there, log_a[:, None] - result[None], -jnp.inf))
        change = jnp.where(log_a > -jnp.inf, change, 0)
        return jnp.sum(share * (change[:, None] * matrix + turn), axis=0)

    return result, jax.vmap(of_row)((primals[0], tangents[0], result))


def weights(log_weights: Float[Array, "rows V"]) -> Float[Array, "rows V"]:
    top = jnp.max(log_weights, axis=1, keepdims=True)
    return jnp.exp(log_weights - jnp.where(top > -jnp.inf, top, 0))

"""One recursion along a chain, for every model whose paths run from state to state: lattices of sentences, tag sequences.

A message holds, for each state, the ⊕ over all paths that end there (or start there, read backwards). Its next one is a
product with the matrix of the steps, :math:`m'_j=\\bigoplus_im_i\\otimes M_{ij}`, and what a model adds between two products.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

__all__ = ["finite_max", "log_matmul", "max_matmul", "messages", "weights"]

BAND = 0.45  # of the range of exponents, for the entries of a message; about as much is left for those of the matrix


def finite_max(values: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """The maximum, or 0 if nothing is possible, so that subtracting it leaves −inf as it is."""
    top = jnp.max(values, axis=axis, keepdims=keepdims)
    return jnp.where(top > -jnp.inf, top, 0)


def messages(
    step: Callable[[Array, Any], Array], first: Array, inputs: PyTree, *, reverse: bool = False
) -> tuple[Float[Array, "n ..."], Float[Array, " n"]]:
    """All messages of a recursion, ``m ← step(m, input)``, each rescaled to a largest entry of zero.

    Returns them in the order of the positions (so that ``first`` is the last one if ``reverse``), and what the rescaling
    took out of each: their sum is the scale of the whole, to be added up at once and not step by step, which rounds more.
    """

    def rescaled(message: Array) -> tuple[Array, Array]:
        top = finite_max(message)
        return message - top, top

    def move(message: Array, given: PyTree) -> tuple[Array, tuple[Array, Array]]:
        message, top = rescaled(step(message, given))
        return message, (message, top)

    start = rescaled(first)
    later = jax.lax.scan(move, start[0], inputs, reverse=reverse)[1]

    def in_order(one: Array, others: Array) -> Array:
        return jnp.concatenate([others, one[None]] if reverse else [one[None], others])

    return in_order(start[0], later[0]), in_order(start[1], later[1])


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def log_matmul(log_a: Float[Array, "rows V"], matrix: Float[Array, "V V"], axis: int) -> Float[Array, "rows V"]:
    """Log of exp(log_a) times the matrix along its ``axis``, one product for each band of entries of comparable size.

    A common scale would lose what is e^87 times below the largest entry of its row. That entry may lead to no end at
    all, if a constraint forbids what it needs, and then what was lost is everything. One band is the rule.
    """
    width = -BAND * float(np.log(jnp.finfo(log_a.dtype).tiny))

    def is_left(state: tuple[Array, Array]) -> Array:
        return jnp.any(state[0] > -jnp.inf)

    def add_band(state: tuple[Array, Array]) -> tuple[Array, Array]:
        left, total = state
        top = finite_max(left, 1, keepdims=True)
        is_in = left > top - width
        shares = jnp.exp(jnp.where(is_in, left - top, -jnp.inf))
        band = jnp.log(jnp.tensordot(shares, matrix, (1, axis), precision="highest")) + top
        return jnp.where(is_in, -jnp.inf, left), jnp.logaddexp(total, band)

    # The first band stands before the loop, which is then seldom entered.
    return jax.lax.while_loop(is_left, add_band, add_band((log_a, jnp.full_like(log_a, -jnp.inf))))[1]


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


def max_matmul(log_a: Float[Array, "rows V"], log_matrix: Float[Array, "V V"], axis: int) -> Float[Array, "rows V"]:
    """The best step into each state instead of the sum over all, row after row: memory V × V."""
    return jax.lax.map(lambda row: jnp.max(jnp.expand_dims(row, 1 - axis) + log_matrix, axis=axis), log_a)


def weights(log_weights: Float[Array, "rows V"]) -> Float[Array, "rows V"]:
    """Exponentials on a scale of its own for each row."""
    return jnp.exp(log_weights - finite_max(log_weights, 1, keepdims=True))

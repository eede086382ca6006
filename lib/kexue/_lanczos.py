"""Lanczos iteration for a symmetric matrix that is only known by its products."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Krylov(NamedTuple):
    """An orthonormal basis in which the matrix is tridiagonal; rows are zero once the space is exhausted."""

    basis: Float[Array, "steps dim"]
    diagonal: Float[Array, " steps"]
    off_diagonal: Float[Array, " steps"]
    """The last entry leads out of the basis."""


def lanczos(product: Callable[[Array], Array], start: Array, steps: int, passes: int = 2) -> Krylov:
    """``steps`` products, each result made orthogonal to all the earlier ones, ``passes`` times."""
    tiny = jnp.finfo(start.dtype).eps

    def step(carry, k):
        basis, vector, size = carry
        basis = jax.lax.dynamic_update_index_in_dim(basis, vector, k, 0)
        image = product(vector)
        size = jnp.maximum(size, jnp.sqrt(image @ image))
        diagonal = vector @ image
        for _ in range(passes):
            image = image - (basis @ image) @ basis
        length = jnp.sqrt(image @ image)
        is_exhausted = length <= 10 * tiny * size
        following = jnp.where(is_exhausted, 0, image / jnp.where(is_exhausted, 1, length))
        return (basis, following, size), (diagonal, jnp.where(is_exhausted, 0, length))

    length = jnp.sqrt(start @ start)
    first = start / jnp.where(length == 0, 1, length)
    carry = jnp.zeros((steps, start.size), start.dtype), first, jnp.zeros((), start.dtype)
    (basis, _, _), (diagonal, off_diagonal) = jax.lax.scan(step, carry, jnp.arange(steps))
    return Krylov(basis, diagonal, off_diagonal)


def tridiagonal(krylov: Krylov) -> Array:
    """The matrix in the basis, without what leads out of it."""
    beside = krylov.off_diagonal[:-1]
    return jnp.diag(krylov.diagonal) + jnp.diag(beside, 1) + jnp.diag(beside, -1)

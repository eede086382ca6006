"""Euclidean norms with a derivative where the vector is zero."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def safe_norm(x: Float[Array, "*batch dim"]) -> Float[Array, "*batch"]:
    """Norm along the last axis; no overflow in the square, and derivative 0 instead of NaN where it is zero."""
    largest = jax.lax.stop_gradient(jnp.max(jnp.abs(x), axis=-1, initial=0))
    is_zero = largest == 0
    scale = jnp.where(is_zero, 1, largest)
    squares = jnp.sum((x / scale[..., None]) ** 2, axis=-1)
    return jnp.where(is_zero, 0, scale * jnp.sqrt(jnp.where(is_zero, 1, squares)))

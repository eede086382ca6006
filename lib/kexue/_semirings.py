"""Semirings: one recursion over all paths sums them, or finds the best of them, with the same lines.

⊗ prolongs a path, ⊕ joins paths that end at one place. Where weights are logarithms, ⊗ adds them; if ⊕ is then the
logarithm of a sum, the recursion ends in log Z, and its gradient holds the marginals; if it is the maximum, in the best
path's score, and its gradient marks that path. With the sum and the product of numbers the recursion counts.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["COUNT", "LOG", "MAX", "Semiring", "first_max", "log_sum"]


def log_sum(values: Float[Array, "..."], axis: int = -1) -> Float[Array, "..."]:
    r""":math:`\log\sum_i e^{v_i}`; where nothing is possible, −inf with a gradient of zero instead of NaN."""
    top = jax.lax.stop_gradient(jnp.max(values, axis=axis, keepdims=True))
    top = jnp.where(top > -jnp.inf, top, 0)
    total = jnp.sum(jnp.exp(values - top), axis=axis)
    possible = total > 0
    return jnp.where(possible, jnp.log(jnp.where(possible, total, 1)) + jnp.squeeze(top, axis), -jnp.inf)


def first_max(values: Float[Array, "..."], axis: int = -1) -> Float[Array, "..."]:
    """The maximum, whose gradient goes to the first of several equal entries: one path, not a mixture of them."""
    first = jnp.expand_dims(jnp.argmax(values, axis=axis), axis)
    return jnp.squeeze(jnp.take_along_axis(values, first, axis=axis), axis)


class Semiring(NamedTuple):
    """What a recursion over paths needs to know."""

    sum: Callable[..., Array]
    """⊕ over one axis: ``sum(values, axis)``."""
    times: Callable[[Array, Array], Array]
    """⊗."""
    zero: float
    """No path."""
    one: float
    """A path that has not begun."""


LOG = Semiring(log_sum, jnp.add, -jnp.inf, 0.0)
MAX = Semiring(first_max, jnp.add, -jnp.inf, 0.0)
COUNT = Semiring(jnp.sum, jnp.multiply, 0.0, 1.0)

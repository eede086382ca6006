"""A chain of tags with its scores, checked at the door, and the messages that run along it in both directions."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Bool, Float, Int

from ..._chains import BAND, finite_max, log_matmul, messages
from ..._check import floating
from ..._semirings import LOG

Numbers = ArrayLike | Sequence


class Chain(NamedTuple):
    """All scores of all tag sequences; steps from ``length`` on do not count."""

    emissions: Float[Array, "T k"]
    transitions: Float[Array, "k k"]
    start: Float[Array, " k"]
    end: Float[Array, " k"]
    length: Int[Array, ""]

    @property
    def is_inside(self) -> Bool[Array, " T"]:
        """Whether a step is one of the sequence."""
        return jnp.arange(self.emissions.shape[0], dtype=jnp.int32) < self.length


def chain(emissions: Numbers, transitions: Numbers, start: Any, end: Any, length: Any) -> Chain:
    """Check everything that is known before tracing, and bring all scores to one type, float32 at least."""
    h, g = floating(emissions), floating(transitions)
    if h.ndim != 2 or h.size == 0:
        raise ValueError(f"emissions must have one row a step and one column a tag, got shape {h.shape}")
    (T, k), ends = h.shape, {}
    if g.shape != (k, k):
        raise ValueError(f"transitions must have one row and one column a tag, shape {(k, k)}, got {g.shape}")
    for name, scores in (("start", start), ("end", end)):
        ends[name] = jnp.zeros(k, h.dtype) if scores is None else floating(scores)
        if ends[name].shape != (k,):
            raise ValueError(f"{name} must have one score a tag, shape {(k,)}, got {ends[name].shape}")
    scores = (h, g, ends["start"], ends["end"])
    if any(jnp.iscomplexobj(array) for array in scores):
        raise ValueError("emissions, transitions, start and end must be real, got complex numbers")
    dtype = max((jnp.dtype(jnp.float32), *(array.dtype for array in scores)), key=lambda d: jnp.finfo(d).bits)
    h, g, a, b = (array.astype(dtype) for array in scores)
    length = _length(length, T)
    return Chain(jnp.where(jnp.arange(T, dtype=jnp.int32)[:, None] < length, h, 0), g, a, b, length)


def _length(length: Any, T: int) -> Int[Array, ""]:
    length = jnp.asarray(T if length is None else length)
    if length.shape or not jnp.issubdtype(length.dtype, jnp.integer):
        raise ValueError(f"length must be one integer, got {length.dtype} of shape {length.shape}; vmap over sequences")
    if not isinstance(length, jax.core.Tracer) and not 1 <= int(length) <= T:
        raise ValueError(f"length must be from 1 to the {T} steps of emissions, got {int(length)}")
    return length.astype(jnp.int32)


def tag_ids(tags: Numbers, of: Chain) -> Int[Array, " T"]:
    """Tags as integers, one a step; those from ``length`` on may be anything."""
    (T, k), ids = of.emissions.shape, jnp.asarray(tags)
    if ids.shape != (T,) or not jnp.issubdtype(ids.dtype, jnp.integer):
        raise ValueError(f"tags must be one integer a step, shape {(T,)}, got {ids.dtype} of shape {ids.shape}")
    if not isinstance(ids, jax.core.Tracer) and not isinstance(of.length, jax.core.Tracer):
        known = np.asarray(ids)[: int(of.length)]
        if wrong := [(step, int(tag)) for step, tag in enumerate(known) if not 0 <= tag < k]:
            raise ValueError(f"tags must be ids in [0, {k}), got {wrong[0][1]} at step {wrong[0][0]}")
    return ids.astype(jnp.int32)


def forward(of: Chain) -> tuple[Float[Array, "T k"], Float[Array, " T"]]:
    """Log of the sum over all beginnings that end in a tag, that tag's emission included; and the scales."""
    product, first = _product(of.transitions, 0), of.start + of.emissions[0]

    def run(product: Callable) -> tuple[Array, Array]:
        def step(message: Array, given: tuple[Array, Array]) -> Array:
            emission, is_inside = given
            return jnp.where(is_inside, product(message) + emission, message)

        return messages(step, first, (of.emissions[1:], of.is_inside[1:]))

    return product(run)


def backward(of: Chain) -> Float[Array, "T k"]:
    """Log of the sum over all that may follow a tag, up to a constant for each step; from the last step on ``end``."""
    product = _product(of.transitions, 1)

    def run(product: Callable) -> Array:
        def step(message: Array, given: tuple[Array, Array]) -> Array:
            emission, is_inside = given
            return jnp.where(is_inside, product(message + emission), message)

        return messages(step, of.end, (of.emissions[1:], of.is_inside[1:]), reverse=True)[0]

    return product(run)


def _product(transitions: Float[Array, "k k"], axis: int) -> Callable[[Callable], Any]:
    """Run a recursion with products of the exponentials, or with sums of logarithms if those would underflow."""
    top = finite_max(transitions)
    lowest = jnp.min(jnp.where(transitions > -jnp.inf, transitions, top))
    widest = -(1 - BAND) * float(np.log(jnp.finfo(transitions.dtype).tiny))

    def fast(message: Array) -> Array:
        return log_matmul(message[None], jnp.exp(transitions - top), axis)[0] + top

    def wide(message: Array) -> Array:
        return LOG.sum(jnp.expand_dims(message, 1 - axis) + transitions, axis)

    return lambda run: jax.lax.cond(top - lowest < widest, lambda: run(fast), lambda: run(wide))

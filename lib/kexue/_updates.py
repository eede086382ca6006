"""What every optimizer does alike: numbers that may be schedules, and leaves that are not to be moved."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree


def at(value: Any, step: Array) -> Any:
    """What a number or schedule is at a step."""
    return value(step) if callable(value) else value


def like(value: Any, leaf: Any) -> Array:
    """A number in the dtype of a leaf, so that neither promotes the other."""
    return jnp.asarray(value).astype(jnp.result_type(leaf))


def is_inexact(leaf: Any) -> bool:
    """Whether a leaf holds floats or complex numbers; nothing else is moved by an optimizer."""
    return jnp.issubdtype(getattr(leaf, "dtype", None) or jnp.result_type(leaf), jnp.inexact)


def map_inexact(function: Callable[..., Any], updates: PyTree, *rest: PyTree) -> PyTree:
    """`jax.tree.map` over leaves of real or complex floats; any other leaf becomes zeros, and so stays where it is."""

    def on_leaf(leaf: Any, *others: Any) -> Any:
        return function(leaf, *others) if is_inexact(leaf) else jnp.zeros_like(leaf)

    return jax.tree.map(on_leaf, updates, *rest)

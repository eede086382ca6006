"""Clear errors at the door, for whatever is known before tracing."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array


def require(name: str, value: Any, allowed: str, holds: Callable[[Any], Any]) -> None:
    """Raise a `ValueError` unless a number known statically satisfies `holds`; tracers and arrays on a device pass."""
    if isinstance(value, int | float | np.ndarray | np.generic) and not np.all(holds(value)):
        raise ValueError(f"{name} must be {allowed}, got {value!r}")


def positive(name: str, value: Any) -> None:
    """Require ``0 < value < inf``."""
    require(name, value, "positive and finite", lambda v: (v > 0) & np.isfinite(v))


def not_negative(name: str, value: Any) -> None:
    """Require ``0 <= value < inf``."""
    require(name, value, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))


def at_least_one(name: str, value: int) -> None:
    """Require a count of at least one."""
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")


def square(name: str, array: Any) -> None:
    """Require a non-empty square matrix."""
    if array.ndim != 2 or array.shape[0] != array.shape[1] or array.size == 0:
        raise ValueError(f"{name} must be a non-empty square matrix, got shape {tuple(array.shape)}")


def floating(array: Any) -> Array:
    """As a JAX array of floats: integers and truth values, in which lengths and rates would be cut off, take JAX's default."""
    if not isinstance(array, jax.Array):
        array = np.asarray(array)  # before JAX cuts large integers off
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        array = array.astype(jnp.result_type(float))
    return jnp.asarray(array)


def batch(name: str, examples: Any) -> None:
    """Require at least one example, of any shape, along a leading axis."""
    if examples.ndim == 0 or examples.size == 0:
        raise ValueError(f"{name} must hold at least one point of at least one dimension, got shape {examples.shape}")

"""What every optimizer here does with a leaf: the dtype of its averages, leaves that stand still, rates that change."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._updates import is_inexact

Rate: TypeAlias = ScalarLike | Callable[[Any], Any]


def widened_dtype(leaf: Any) -> Any:
    """Float32 at least: half precision cannot hold an average that changes by less than a 256th a step."""
    dtype = jnp.result_type(leaf)
    return dtype if jnp.finfo(dtype).bits >= 32 else jnp.dtype("float32")


def widened(leaf: Array) -> Array:
    """The leaf in that dtype."""
    return leaf.astype(widened_dtype(leaf))


def real_dtype(leaf: Array) -> Any:
    """Of a complex leaf, the dtype of its real part."""
    return jnp.finfo(leaf.dtype).dtype


def absolute_square(leaf: Array) -> Array:
    """:math:`|g|^2`, real."""
    return jnp.real(leaf * jnp.conj(leaf))


def update_leaves(function: Callable, updates: PyTree, params: Any, *states: PyTree) -> tuple[PyTree, ...]:
    """Map ``function(update, param, *states) -> (update, *states)`` over leaves that move; a zero update for the others.

    A tree of states may hold a tree at the place of a leaf, or None at the place of one that stands still.
    """
    leaves, structure = jax.tree.flatten(updates)  # type: Any, Any
    beside = [None] * len(leaves) if params is None else structure.flatten_up_to(params)
    rows = []
    for update, param, *state in zip(leaves, beside, *map(structure.flatten_up_to, states), strict=True):
        moves = is_inexact(update) and (param is None or is_inexact(param)) and all(s is not None for s in state)
        rows.append(
            function(jnp.asarray(update), param, *state) if moves else (_at_rest(update, param), *state),
        )
    columns = zip(*rows, strict=True) if rows else [()] * (1 + len(states))
    return tuple(structure.unflatten(column) for column in columns)


def _at_rest(update: Any, param: Any) -> Any:
    if param is not None:
        return jnp.zeros_like(param)  # the gradient of an integer may have no numbers in it at all
    return update if update.dtype == jax.dtypes.float0 else jnp.zeros_like(update)


def average(kept: Array, old: Array, new: Array) -> Array:
    """``kept * old + (1 - kept) * new``, where ``1 - kept`` is formed before rounding to the dtype of the leaf."""
    return times(old, kept) + times(new, 1 - kept)


def times(leaf: Array, factor: Array) -> Array:
    """A leaf, complex perhaps, times real numbers."""
    return leaf * factor.astype(leaf.dtype)


class StepState(NamedTuple):
    """The number of updates so far, for a schedule."""

    step: Array


def with_rate(rate: Rate, apply: Callable[[Array, Array, Any], Array]) -> optax.GradientTransformationExtraArgs:
    """The link ``apply(rate, update, param)``, the rate a number or a schedule of the count of updates."""

    def init(params: PyTree) -> StepState | optax.EmptyState:
        del params
        return StepState(jnp.zeros((), jnp.int32)) if callable(rate) else optax.EmptyState()

    def update(updates: PyTree, state: Any, params: Any = None, **extra: Any) -> tuple[PyTree, Any]:
        del extra
        number = jnp.asarray(rate(state.step) if callable(rate) else rate)

        def step(u: Array, p: Any) -> tuple[Array]:
            wide = widened(u)
            return (apply(number.astype(real_dtype(wide)), wide, p).astype(u.dtype),)

        (updates,) = update_leaves(step, updates, params)
        return updates, StepState(optax.safe_increment(state.step)) if callable(rate) else state

    return optax.GradientTransformationExtraArgs(init, update)


def given(param: Any) -> Array:
    """A leaf of the parameters, where the update depends on it."""
    if param is None:
        raise ValueError("params must be given to update, because the step depends on them, got None")
    return widened(jnp.asarray(param))

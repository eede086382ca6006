"""What every wrapper does to trees: walk them leaf by leaf, match them path by path, find a state inside another."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import keystr, tree_flatten_with_path
from jaxtyping import Array, PyTree

from ..._check import require
from ..._updates import is_inexact


class CountedState(NamedTuple):
    """How many updates there were, and the state of the wrapped optimizer."""

    step: Array
    inner_state: PyTree


def afterwards(
    inner: optax.GradientTransformation, change: Callable[[PyTree, Array, PyTree], PyTree]
) -> optax.GradientTransformationExtraArgs:
    """The optimizer whose updates are those of `inner`, passed through ``change(updates, count, params)``."""
    inner = optax.with_extra_args_support(inner)

    def init(params: PyTree) -> CountedState:
        return CountedState(jnp.zeros((), jnp.int32), inner.init(params))

    def update(
        updates: PyTree, state: CountedState, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, CountedState]:
        updates, inner_state = inner.update(updates, state.inner_state, params, **extra_args)
        return change(updates, state.step, params), CountedState(optax.safe_increment(state.step), inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def is_empty(node: Any) -> bool:
    """A place in a tree that holds no array: ``None``, an empty container, or what `optax.masked` leaves behind."""
    return not jax.tree.leaves(node)


def map_leaves(function: Callable[..., Any], tree: PyTree, *trees: PyTree) -> PyTree:
    """`jax.tree.map` that leaves empty places as they are."""
    return jax.tree.map(
        lambda leaf, *others: leaf if is_empty(leaf) else function(leaf, *others), tree, *trees, is_leaf=is_empty
    )


def wide(*leaves: Any) -> np.dtype:
    """The dtype to compute in: that of the leaves, but at least 32 bits a number."""
    return np.result_type(*(np.promote_types(jnp.result_type(leaf), np.float32) for leaf in leaves))


def strong_copy(leaf: Any) -> Array:
    """The leaf in memory of its own, so that the original can be donated."""
    if isinstance(leaf, jax.ShapeDtypeStruct):
        raise ValueError(f"params must hold numbers to copy, got {leaf}: use jax.eval_shape(optimizer.init, params)")
    return jnp.array(leaf, dtype=jnp.result_type(leaf), copy=True)


def applied(theta: Any, u: Any) -> Array:
    """What `optax.apply_updates` will make of a parameter; integers stay."""
    theta = jnp.asarray(theta)
    if not is_inexact(theta):
        return theta
    dtype = wide(theta, u)
    return (theta.astype(dtype) + jnp.asarray(u, dtype)).astype(theta.dtype)


def select(mask: Any, new: Any, old: Any) -> Any:
    """`jnp.where`, decided while tracing where `mask` is known by then."""
    if isinstance(mask, bool | np.bool_):
        return new if mask else old
    return jnp.where(mask, new, old)


def matched(name: str, tree: PyTree, whole_name: str, whole: PyTree) -> PyTree:
    """For each leaf of `whole` the leaf of `tree` at the same path or above it, in the structure of `whole`."""
    given = dict(tree_flatten_with_path(tree, is_leaf=is_empty)[0])
    places, structure = tree_flatten_with_path(whole, is_leaf=is_empty)
    found, covered = [], set()
    for path, leaf in places:
        above = next((path[:n] for n in range(len(path) + 1) if path[:n] in given), path)
        if not is_empty(leaf) and is_empty(given.get(above)):
            raise ValueError(f"{name} must match {whole_name}, got nothing at {_place(path)}")
        # Nothing is asked of what stands at or below an empty place.
        covered.add(path if is_empty(leaf) else above)
        found.append(leaf if is_empty(leaf) else given[above])
    for path, leaf in given.items():
        if not is_empty(leaf) and not any(path[:n] in covered for n in range(len(path) + 1)):
            raise ValueError(f"{whole_name} must match {name}, got nothing at {_place(path)}")
    return jax.tree.unflatten(structure, found)


def _place(path: tuple[Any, ...]) -> str:
    return keystr(path) or "the root"


def spread_mask(name: str, mask: Any, updates: PyTree) -> PyTree:
    """A mask (``None``, a tree of booleans or its upper part, or a function of the tree) as one boolean a leaf."""
    if mask is None:
        return map_leaves(lambda _: True, updates)
    is_function = callable(mask) and jax.tree_util.all_leaves([mask])  # a tree may be callable too: an Equinox module
    mask = matched(name, mask(updates) if is_function else mask, "the updates", updates)
    for path, leaf in tree_flatten_with_path(mask, is_leaf=is_empty)[0]:
        if not is_empty(leaf) and (np.shape(leaf) != () or not jnp.issubdtype(jnp.result_type(leaf), bool)):
            raise ValueError(f"{name} must hold one boolean a leaf, got {leaf!r} at {_place(path)}")
    return mask


def matched_params(wrapper: str, params: PyTree, updates: PyTree) -> PyTree:
    """The parameters in the structure of the updates, or a `ValueError` that names the first path that differs."""
    if params is None and jax.tree.leaves(updates):
        raise ValueError(f"{wrapper} needs the parameters, got None: call update(updates, state, params)")
    params = matched("params", params, "the updates", updates)
    places = tree_flatten_with_path(updates, is_leaf=is_empty)[0]
    for (path, update), param in zip(places, jax.tree.leaves(params, is_leaf=is_empty), strict=True):
        if not is_empty(update) and np.shape(update) != np.shape(param):
            found = f"{np.shape(param)} at {_place(path)}"
            raise ValueError(f"params must have the shape of the updates, {np.shape(update)}, got {found}")
    return params


def find_state(kind: type, wrapper: str, state: PyTree) -> Any:
    """The one state of a wrapper in the state of a chain, a partition or other wrappers; of nested ones the outermost."""
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, kind))
    found = [node for node in nodes if isinstance(node, kind)]
    if len(found) != 1:
        raise ValueError(f"state must hold the state of exactly one {wrapper}, got {len(found)}")
    return found[0]


def whole_number(name: str, value: Any) -> None:
    """Require an integer of at least one; traced values pass."""
    require(
        name, value, "an integer of at least 1", lambda v: np.issubdtype(np.asarray(v).dtype, np.integer) & (v >= 1)
    )

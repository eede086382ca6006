"""Gradients of several tasks as a tree with a leading axis: lengths, angles and weighted sums."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from ..._check import floating, require


def vector(name: str, numbers: Any) -> Float[Array, " tasks"]:
    """As a vector of real floats with one number for each task."""
    numbers = floating(numbers)
    if numbers.ndim != 1 or numbers.size == 0 or jnp.iscomplexobj(numbers):
        raise ValueError(f"{name} must be one real number for each task, got {numbers.dtype} of shape {numbers.shape}")
    return numbers


def single(array: Array) -> Array:
    """In float32 at least."""
    return array.astype(jnp.float32) if jnp.finfo(array.dtype).bits < 32 else array


def known(name: str, numbers: Array, allowed: str, holds: Any) -> None:
    """`require`, of arrays on a device too; tracers pass."""
    if not isinstance(numbers, jax.core.Tracer):
        require(name, np.asarray(numbers), allowed, holds)


def task_count(name: str, grads: PyTree) -> int:
    """Length of the leading axis that all leaves share."""
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(grads)]
    counts = {shape[0] if shape else 0 for shape in shapes}
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"{name} must have leaves with one leading axis of at least one task, got shapes {shapes}")
    return counts.pop()


def rows(grads: PyTree) -> list[Float[Array, "tasks _"]]:
    """The leaves as matrices of real floats, at least float32; those of integers are left out."""
    leaves = [leaf for leaf in map(jnp.asarray, jax.tree.leaves(grads)) if jnp.issubdtype(leaf.dtype, jnp.inexact)]
    dtype = jnp.float64 if any(jnp.finfo(leaf.dtype).bits == 64 for leaf in leaves) else jnp.float32
    flat = [leaf.reshape(len(leaf), -1) for leaf in leaves]
    parts = [part for m in flat for part in ((m.real, m.imag) if jnp.iscomplexobj(m) else (m,))]
    return [part.astype(dtype) for part in parts]


def norms(grads: PyTree) -> Float[Array, " tasks"]:
    """Lengths of the gradients over the whole tree."""
    largest, scaled = _scaled(grads)
    return largest * jnp.sqrt(jnp.stack([jnp.sum(part**2, axis=1) for part in scaled]).sum(axis=0))


def length(direction: PyTree) -> Float[Array, ""]:
    """Length of one direction over the whole tree."""
    return norms(jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], direction))[0]


def norms_and_cosines(grads: PyTree) -> tuple[Float[Array, " tasks"], Float[Array, "tasks tasks"]]:
    """Lengths of the gradients, and the matrix of their cosines, 0 where a gradient is zero."""
    largest, scaled = _scaled(grads)
    gram = jnp.stack([jnp.matmul(part, part.T, precision="highest") for part in scaled]).sum(axis=0)
    lengths = jnp.sqrt(jnp.diagonal(gram))
    shrink = inverse(lengths)
    return largest * lengths, shrink[:, None] * gram * shrink[None, :]


def _scaled(grads: PyTree) -> tuple[Float[Array, " tasks"], list[Float[Array, "tasks _"]]]:
    # The largest entry is taken out first: the squares of a task's gradient may lie outside of float32's range.
    parts = rows(grads) or [jnp.zeros((task_count("grads", grads), 1))]
    largest = jnp.stack([jnp.max(jnp.abs(part), axis=1, initial=0) for part in parts]).max(axis=0)
    return largest, [part / jnp.where(largest == 0, 1, largest)[:, None] for part in parts]


def cosines_with(grads: PyTree, direction: PyTree) -> Float[Array, " tasks"]:
    """Cosines of the gradients with one direction; 0 where either is zero."""
    both = [_scaled(tree)[1] for tree in (grads, jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], direction))]
    inner = [jnp.matmul(g, u[0], precision="highest") for g, u in zip(*both, strict=True)]
    squares = [jnp.stack([jnp.sum(part**2, axis=1) for part in parts]).sum(axis=0) for parts in both]
    return jnp.stack(inner).sum(axis=0) * inverse(jnp.sqrt(squares[0])) * inverse(jnp.sqrt(squares[1]))


def combine(weights: Float[Array, " tasks"], grads: PyTree) -> PyTree:
    """Σ w_i g_i, leaf by leaf in the leaf's dtype; zero for leaves of integers."""

    def total(leaf: Any) -> Array:
        leaf = jnp.asarray(leaf)
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return jnp.zeros_like(leaf[0])
        real = jnp.float64 if jnp.finfo(leaf.dtype).bits == 64 else jnp.float32
        wide = leaf if jnp.iscomplexobj(leaf) else leaf.astype(real)
        return jnp.tensordot(weights.astype(wide.dtype), wide, axes=1, precision="highest").astype(leaf.dtype)

    return jax.tree.map(total, grads)


def products(grads: PyTree, direction: PyTree) -> Float[Array, " tasks"]:
    """⟨g_i, u⟩ over the whole tree; for complex leaves the real part."""
    one = rows(jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], direction))
    parts = [jnp.matmul(g, u[0], precision="highest") for g, u in zip(rows(grads), one, strict=True)]
    return jnp.stack(parts).sum(axis=0) if parts else jnp.zeros(task_count("grads", grads))


def inverse(numbers: Float[Array, "..."]) -> Float[Array, "..."]:
    """1/x, and 0 at 0: what a zero gradient counts for."""
    return jnp.where(numbers == 0, 0, 1 / jnp.where(numbers == 0, 1, numbers))

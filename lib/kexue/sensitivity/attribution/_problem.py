"""What every attribution begins with: one scalar function of one flat vector, and the checks of its arguments."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Int, Num, PyTree

from ..._check import at_least_one

__all__ = ["Example", "Problem", "Target", "problem", "weighted_sum"]

Example = PyTree[Num[Array | np.ndarray, "..."]]
Target = int | Int[Array | np.ndarray, ""] | np.integer | None


class Problem(NamedTuple):
    """A scalar function of a flat vector, between two points."""

    value: Callable[[Float[Array, " size"]], Float[Array, ""]]
    x: Float[Array, " size"]
    baseline: Float[Array, " size"]
    unravel: Callable[[Float[Array, " size"]], Any]

    def change(self) -> Float[Array, ""]:
        """F(x) - F(baseline), which the parts of a complete attribution add up to."""
        return self.value(self.x) - self.value(self.baseline)


def problem(
    function: Callable[..., Any], x: Any, baseline: Any = None, target: Target = None, *, name: str = "baseline"
) -> Problem:
    """Check the arguments and flatten; a missing baseline is zero. `name` is what the caller calls the baseline."""
    flat, unravel = _flat("x", x)
    if baseline is None:
        start = jnp.zeros_like(flat)
    else:
        expected, found = _shapes(x), _shapes(baseline)
        if expected != found:
            raise ValueError(f"{name} must have the shape of x, {expected}, got {found}")
        start = _flat(name, baseline)[0].astype(flat.dtype)
    return Problem(_scalar(function, target, jax.eval_shape(unravel, flat), unravel), flat, start, unravel)


def _flat(name: str, tree: Any) -> tuple[Array, Callable[[Array], Any]]:
    leaves = jax.tree.leaves(tree)
    if not leaves or not all(jnp.issubdtype(jnp.result_type(leaf), jnp.floating) for leaf in leaves):
        found = ", ".join(sorted({str(jnp.result_type(leaf)) for leaf in leaves})) or "nothing"
        raise ValueError(f"{name} must hold real floating-point numbers, got {found}")
    return ravel_pytree(jax.tree.map(jnp.asarray, tree))


def _shapes(tree: Any) -> Any:
    leaves, structure = jax.tree.flatten(tree)
    shapes = [jnp.shape(leaf) for leaf in leaves]
    return shapes[0] if jax.tree_util.treedef_is_leaf(structure) else jax.tree.unflatten(structure, shapes)


def _scalar(function: Callable[..., Any], target: Target, like: Any, unravel: Callable[..., Any]) -> Callable[..., Any]:
    """One number of the function's output, as a function of the flat vector."""
    output = jax.eval_shape(function, like)
    if not hasattr(output, "shape") or not jnp.issubdtype(output.dtype, jnp.floating):
        raise ValueError(f"function must return one array of real floating-point numbers, got {output}")
    if target is None:
        if output.shape != ():
            raise ValueError(
                f"function must return a scalar, got shape {output.shape}: give target= to say which entry is explained"
            )
        return lambda flat: function(unravel(flat))
    if len(output.shape) != 1:
        raise ValueError(f"target needs a function that returns a vector, got shape {output.shape}")
    classes = output.shape[0]
    if not isinstance(target, jax.core.Tracer) and not 0 <= int(target) < classes:
        raise ValueError(f"target must be in [0, {classes}), got {int(target)}")
    # Inside jit and vmap a wrong target is not known: it gives NaN, not a neighbour's value.
    return lambda flat: (
        function(unravel(flat)).at[target].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
    )


def weighted_sum(
    term: Callable[[Any], Float[Array, " size"]], items: Any, weights: Array, chunk: int | None
) -> tuple[Float[Array, " size"], Int[Array, ""]]:
    """The sum of weighted terms, at most ``chunk`` of them in memory; and the first term that is not finite, or -1."""
    n = weights.shape[0]
    if chunk is not None:
        at_least_one("chunk", chunk)

    def part(items: Any, weights: Array) -> tuple[Array, Array]:
        terms = jax.vmap(term)(items)
        return jnp.matmul(weights, terms, precision="highest"), ~jnp.isfinite(terms).all(axis=1)

    if chunk is None or chunk >= n:
        total, is_bad = part(items, weights)
    else:
        rows = -(-n // chunk)
        order = np.minimum(np.arange(rows * chunk), n - 1)  # the last chunk repeats the last term, with weight zero
        is_new = jnp.asarray(np.arange(rows * chunk) < n, weights.dtype)
        batches = jax.tree.map(lambda a: a[order].reshape(rows, chunk, *a.shape[1:]), items)

        def step(total: Array, batch: Any) -> tuple[Array, Array]:
            addend, is_bad = part(*batch)
            return total + addend, is_bad

        shape = jax.eval_shape(term, jax.tree.map(lambda a: a[0], items))
        start = jnp.zeros(shape.shape, shape.dtype)
        total, is_bad = jax.lax.scan(step, start, (batches, (weights[order] * is_new).reshape(rows, chunk)))
        is_bad = is_bad.ravel()[:n]
    return total, jnp.where(is_bad.any(), jnp.argmax(is_bad), -1).astype(jnp.int32)

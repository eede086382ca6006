"""A function over the grid of the sliders' values, in one batched evaluation."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .sliders import Slider


def evaluate(
    function: Callable[..., Any], sliders: Sequence[Slider]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """One `jit(vmap(function))` over the product of the sliders, the last slider running fastest.

    Returns the fields that change, with the grid's points as leading axis, and those that do not, once.
    """
    import jax
    import jax.numpy as jnp

    try:
        inspect.signature(function).bind(**{slider.name: None for slider in sliders})
    except TypeError as error:
        raise ValueError(f"the function's parameters and the sliders do not match: {error}") from error
    axes = np.meshgrid(*(_arriving(slider) for slider in sliders), indexing="ij")
    points = {slider.name: jnp.asarray(axis.ravel()) for slider, axis in zip(sliders, axes, strict=True)}
    try:
        output = jax.jit(jax.vmap(lambda parameters: function(**parameters)))(points)
    except (
        jax.errors.ConcretizationTypeError,
        jax.errors.NonConcreteBooleanIndexError,
        jax.errors.TracerArrayConversionError,
        jax.errors.TracerIntegerConversionError,
    ) as error:
        raise ValueError(_NOT_TRACEABLE + str(error).partition("\n")[0]) from error
    except TypeError as error:
        if "concrete" not in str(error):
            raise
        raise ValueError(_NOT_TRACEABLE + str(error).partition("\n")[0]) from error
    fields = {name: _plain(np.asarray(leaf)) for name, leaf in _leaves(output, "")}
    if not fields:
        raise ValueError("the function returned an empty dict: nothing to draw")
    for name, leaf in fields.items():
        _check_field(name, leaf, sliders)
    constants = {name: np.asarray(leaf[0]) for name, leaf in fields.items() if np.all(leaf == leaf[:1])}
    return {name: leaf for name, leaf in fields.items() if name not in constants}, constants


def _arriving(slider: Slider) -> np.ndarray:
    """The values as the function receives them, in JAX's current precision.

    Whole numbers are integers where they fit, floats where they do not; names arrive as their positions.
    """
    import jax.numpy as jnp

    bits = 8 * jnp.result_type(float).itemsize
    limits = np.iinfo(f"int{bits}")
    whole = all(isinstance(value, int) for value in slider.values)
    if whole and limits.min <= min(slider.values) and max(slider.values) <= limits.max:
        return np.asarray(slider.values, f"int{bits}")
    exact = np.asarray(slider.values, float)
    with np.errstate(over="ignore"):
        arriving = exact.astype(f"float{bits}")
    different = np.zeros(len(exact), bool)
    different[np.unique(arriving, return_index=True)[1]] = True
    vanishing = (exact != 0) & (np.abs(arriving) < np.finfo(arriving.dtype).tiny)  # XLA takes such numbers for 0
    lost = ~different | vanishing | ~np.isfinite(arriving) | (whole & (arriving != exact))
    if lost.any():
        raise ValueError(
            f"slider {slider.name!r} holds {slider.values[int(np.argmax(lost))]}, which {bits}-bit numbers cannot tell "
            "from its neighbours or cannot hold"
            + ("; use jax.config.update('jax_enable_x64', True)" if bits == 32 else "")
        )
    return arriving


def _plain(leaf: np.ndarray) -> np.ndarray:
    """Half precision of JAX, which NumPy counts among the records, as float32."""
    return leaf.astype(np.float32) if leaf.dtype.kind == "V" and leaf.dtype.names is None else leaf


_NOT_TRACEABLE = (
    "the shape of the function's output, or a Python `if` or loop in it, depends on a parameter, so that one jit(vmap) "
    "cannot evaluate it on the grid; keep the shape fixed (a mask, jnp.where, lax.cond). JAX says: "
)


def _leaves(output: Any, prefix: str) -> list[tuple[str, Any]]:
    if not isinstance(output, Mapping):
        kind = type(output).__name__
        raise ValueError(
            "the function must return a dict of 0-d or 1-d arrays, "
            + (f"but its entry {prefix[:-1]!r} is a {kind}" if prefix else f"not a {kind}")
        )
    leaves: list[tuple[str, Any]] = []
    for key, value in output.items():
        if not isinstance(key, str) or not key or set(key) & set(".[]:\\'\""):
            raise ValueError(f"field {key!r}: a field's name must be a string without . : [ ] \\ or quotes")
        if hasattr(value, "shape"):
            leaves.append((prefix + key, value))
        else:
            leaves += _leaves(value, prefix + key + "_")
    return leaves


def _check_field(name: str, leaf: np.ndarray, sliders: Sequence[Slider]) -> None:
    if name in {slider.name for slider in sliders}:
        raise ValueError(f"field {name!r} has the name of a slider; every record holds the sliders' values already")
    if leaf.ndim > 2:
        raise ValueError(
            f"field {name!r} has shape {leaf.shape[1:]}; explore draws 0-d and 1-d arrays: ravel it or split it"
        )
    if leaf.dtype.kind not in "biuf":
        raise ValueError(f"field {name!r} holds {leaf.dtype} values; only real numbers can be drawn")
    if leaf[0].size == 0:
        raise ValueError(f"field {name!r} is empty")
    bad = ~np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        place = np.unravel_index(first, [len(slider.values) for slider in sliders])
        where = ", ".join(f"{slider.name} = {slider.labels[i]}" for slider, i in zip(sliders, place, strict=True))
        value = leaf[first][~np.isfinite(leaf[first])].flat[0]
        raise ValueError(
            f"field {name!r} is {value} at {where} (and at {bad.sum()} of {len(leaf)} grid points in all); "
            "clip it, or mask it with a number that lies outside the axes"
        )

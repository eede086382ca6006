"""What the state of an optimizer weighs."""

from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

__all__ = ["state_bytes"]


def state_bytes(optimizer: Any, params: PyTree) -> int:
    """Bytes that the state of an optimizer will occupy for given parameters, without making it.

    Parameters
    ----------
    optimizer : optax.GradientTransformation
        Or anything else with a function ``init`` of the parameters.
    params : pytree
        Arrays, Python numbers, or `jax.ShapeDtypeStruct` where only shape and dtype are known.

    Returns
    -------
    int
        The sum over all arrays of the state, counters included.

    Raises
    ------
    ValueError
        If ``optimizer`` has no ``init``, or a leaf of ``params`` has no shape and dtype.

    Notes
    -----
    Time: a trace of ``init``. No memory, whatever the size of the parameters. Between updates the state is all that
    an optimizer keeps; during one it may need room for temporary arrays.

    Examples
    --------
    >>> import optax
    >>> layer = jax.ShapeDtypeStruct((4096, 4096), "float32")
    >>> state_bytes(optax.adam(1e-3), layer), state_bytes(optax.sgd(0.1), layer)
    (134217732, 0)
    """
    if not callable(getattr(optimizer, "init", None)):
        raise ValueError(f"optimizer must have a function init, as optax's have, got {optimizer!r}")
    shapes = jax.tree_util.tree_map_with_path(_shape, params)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(jax.eval_shape(optimizer.init, shapes)))


def _shape(path: Any, leaf: Any) -> jax.ShapeDtypeStruct:
    if isinstance(leaf, bool | int | float | complex):
        leaf = jax.eval_shape(lambda: jax.numpy.asarray(leaf))
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise ValueError(f"params{jax.tree_util.keystr(path)} must be an array or a shape with a dtype, got {leaf!r}")
    return jax.ShapeDtypeStruct(np.shape(leaf) if isinstance(leaf, np.generic) else leaf.shape, leaf.dtype)

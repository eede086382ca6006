"""One way to use many devices: split the batch, copy everything else, and let ``jit`` do the rest.

A computation on a split batch runs where its data are; JAX's compiler inserts the communication, within a machine
or, after ``jax.distributed.initialize``, between machines. The code that computes does not change::

    data, params = parallel.split(data), parallel.replicate(params)
    run = jax.jit(fit)(params, data)
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

__all__ = ["mesh", "replicate", "split"]


def mesh(devices: Sequence[jax.Device] | None = None) -> Mesh:
    """Arrange devices along one axis called ``"batch"``.

    Parameters
    ----------
    devices : sequence of jax.Device, optional
        Default: all devices of all processes.

    Returns
    -------
    jax.sharding.Mesh
        Shape (devices,), in the order given. The compiler chooses the sharding of intermediate values.

    Raises
    ------
    ValueError
        If ``devices`` is empty or names a device twice.

    Examples
    --------
    >>> print(mesh(jax.devices()[:1]).axis_names)
    ('batch',)
    """
    devices = jax.devices() if devices is None else list(devices)
    if not devices or len(set(devices)) < len(devices):
        raise ValueError(f"devices={devices!r} is not allowed: name at least one device, and each one once.")
    return Mesh(np.asarray(devices), ("batch",), axis_types=(AxisType.Auto,))


def split(tree: PyTree, mesh: Mesh | None = None) -> PyTree:
    """Spread the leading axis of every array over the devices: each one gets an equal run of consecutive rows.

    Works under ``jit``, where it constrains the sharding of an intermediate value.

    Parameters
    ----------
    tree : pytree of arrays (batch, ...)
        In a computation of several processes, each process passes the same, whole tree. Random keys may be split too.
    mesh : jax.sharding.Mesh, optional
        With an axis ``"batch"``. Default: :func:`mesh` of all devices.

    Returns
    -------
    pytree of jax.Array
        Same values and shapes, sharded along the leading axis.

    Raises
    ------
    ValueError
        If a leaf has no leading axis, if the axis is no multiple of the number of devices, or if ``mesh`` has another
        axis than ``"batch"``.

    Examples
    --------
    >>> rows = split({"x": np.ones((4, 2))}, mesh(jax.devices()[:1]))
    >>> print(rows["x"].sharding.shard_shape((4, 2)))  # what one of the devices holds; here there is only one
    (4, 2)
    """
    mesh = _batch_mesh(mesh)
    devices = mesh.shape["batch"]

    def place(path: Any, leaf: Any) -> jax.Array:
        name = f"tree{jax.tree_util.keystr(path)}"
        if not _is_array(leaf) or leaf.ndim == 0:
            raise ValueError(f"{name}={leaf!r} has no leading axis to split; use replicate for it.")
        if leaf.shape[0] % devices:
            raise ValueError(
                f"{name} has {leaf.shape[0]} rows, which {devices} devices cannot share equally: "
                f"drop {leaf.shape[0] % devices} rows or add {-leaf.shape[0] % devices}."
            )
        return _put(leaf, NamedSharding(mesh, PartitionSpec("batch")))

    return jax.tree_util.tree_map_with_path(place, tree)


def replicate(tree: PyTree, mesh: Mesh | None = None) -> PyTree:
    """Copy every array to all devices.

    Works under ``jit``, where it constrains the sharding of an intermediate value.

    Parameters
    ----------
    tree : pytree
        Leaves that are not arrays, such as the activation function of an Equinox module, are left alone. In a
        computation of several processes, each process passes the same tree.
    mesh : jax.sharding.Mesh, optional
        With an axis ``"batch"``. Default: :func:`mesh` of all devices.

    Returns
    -------
    pytree
        Same values and shapes; every device holds all of them.

    Raises
    ------
    ValueError
        If ``mesh`` has another axis than ``"batch"``.

    Examples
    --------
    >>> print(replicate(np.arange(3.0)).sharding.is_fully_replicated)
    True
    """
    sharding = NamedSharding(_batch_mesh(mesh), PartitionSpec())
    return jax.tree.map(lambda leaf: _put(leaf, sharding) if _is_array(leaf) else leaf, tree)


# In the functions above, the argument ``mesh`` hides the function of that name.
_all_devices = mesh


def _batch_mesh(mesh: Mesh | None) -> Mesh:
    mesh = _all_devices() if mesh is None else mesh
    if mesh.axis_names != ("batch",):
        raise ValueError(f"mesh has the axes {mesh.axis_names}; it must have one, 'batch', as kexue.parallel.mesh has.")
    return mesh


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, jax.Array | np.ndarray)


def _put(leaf: jax.Array | np.ndarray, sharding: NamedSharding) -> jax.Array:
    if isinstance(leaf, jax.core.Tracer):
        return jax.lax.with_sharding_constraint(leaf, sharding)
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        # JAX does not move typed keys to the devices of other processes, only the integers that they are made of.
        data = _put(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
    return jax.device_put(leaf, sharding)

"""A Lipschitz constant of a whole network, from the certified norms of its weights."""

import functools
import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..norms.certificate import certified_norm
from .normalization import SpectralNorm
from .orthonormal import group_sort

__all__ = ["product_bound"]

# The largest slope of each activation, rounded up.
_RECTIFIERS = (jax.nn.relu, jax.nn.relu6, jax.nn.leaky_relu, jax.nn.elu, jax.nn.celu, jax.nn.softplus, jnp.abs)
_SQUASHERS = (jnp.tanh, jax.nn.tanh, jax.nn.soft_sign, jax.nn.hard_tanh, jax.nn.log_sigmoid, jnp.sin, jnp.cos)
_SLOPES = {
    1.0: (*_RECTIFIERS, *_SQUASHERS, jax.nn.identity, group_sort),
    0.25: (jax.nn.sigmoid,),
    1.1: (jax.nn.silu, jax.nn.mish),
    1.13: (jax.nn.gelu,),
}


def product_bound(model: Any) -> Float[Array, ""]:
    r"""A Lipschitz constant of a network, from the norms of its weights.

    Also known as the spectral product bound, a certified global Lipschitz bound.

    .. math:: C\le\prod_l\lVert W_l\rVert_2\cdot\prod_l\sup\lvert\phi_l'\rvert

    Each norm is an upper bound from :func:`~kexue.sensitivity.certified_norm`, not an estimate.

    Parameters
    ----------
    model
        A composition: ``eqx.nn.MLP``, ``eqx.nn.Sequential``, or a tuple or list, of ``eqx.nn.Linear``,
        :class:`~kexue.sensitivity.SpectralNorm`, ``eqx.nn.Conv`` (padded by zeros or circularly; bounded by
        :math:`\sqrt{\text{kernel size}}` times the norm of the reshaped kernel), plain matrices, and activations with
        a known slope: those of ``jax.nn`` that have one, ``jnp.tanh``, ``jnp.abs`` or
        :func:`~kexue.sensitivity.group_sort`.

    Returns
    -------
    float
        Differentiable: each norm has the gradient :math:`uv^\top`.

    Raises
    ------
    ValueError
        If ``model`` holds no weight, or anything of which no Lipschitz constant is known (an attention layer has
        none).

    Notes
    -----
    Time: one certified norm a layer. The matrices are padded with zeros to a common shape, so that one compiled program
    serves them all.

    Examples
    --------
    >>> print(f"{product_bound([2 * jnp.eye(3), jax.nn.relu, jnp.ones((1, 3)) / 3**0.5]):.5f}")
    2.00000

    References
    ----------
    Szegedy et al., "Intriguing properties of neural networks", 2014, arXiv:1312.6199, section 4.3.
    """
    matrices, factor = _parts(model)
    if not matrices:
        raise ValueError(f"model must hold at least one weight, got {model!r}")
    rows, columns = (max(w.shape[axis] for w in matrices) for axis in (0, 1))
    padded = jnp.stack([jnp.pad(w, ((0, rows - w.shape[0]), (0, columns - w.shape[1]))) for w in matrices])
    rounding = 1 + 2 * len(matrices) * float(jnp.finfo(padded.dtype).eps)
    return jnp.prod(jax.vmap(certified_norm)(padded).upper) * (factor * rounding)


def _parts(node: Any) -> tuple[list[Array], float]:
    """The matrices of a composition, and the factor that its activations contribute."""
    if isinstance(node, SpectralNorm):
        return _parts(node.used)
    if isinstance(node, eqx.nn.Linear):
        return [node.weight.reshape(node.weight.shape[0], -1)], 1.0
    if isinstance(node, eqx.nn.Conv) and node.padding_mode in ("ZEROS", "CIRCULAR"):
        copies = math.prod(node.kernel_size) * _repeats(node)
        return [node.weight.reshape(node.weight.shape[0], -1)], math.sqrt(copies) * (1 + 1e-6)
    if eqx.is_inexact_array(node) and node.ndim == 2:
        return [node], 1.0
    if isinstance(node, eqx.nn.Lambda):
        return _parts(node.fn)
    if isinstance(node, eqx.nn.Identity):
        return [], 1.0
    if isinstance(node, eqx.nn.MLP):
        hidden = len(node.layers) - 1
        return _chain([*node.layers, *[node.activation] * hidden, node.final_activation])
    if isinstance(node, eqx.nn.Sequential | tuple | list):
        return _chain(list(node))
    return [], _slope(node)


def _repeats(conv: eqx.nn.Conv) -> int:
    """How often a pixel may stand in the padded image, where circular padding is wider than keeps the size."""
    if conv.padding_mode != "CIRCULAR" or isinstance(conv.padding, str):
        return 1
    reach = [dilation * (size - 1) for size, dilation in zip(conv.kernel_size, conv.dilation, strict=True)]
    return math.prod(
        1 if sum(sides) <= span else 1 + sum(side > 0 for side in sides)
        for sides, span in zip(conv.padding, reach, strict=True)
    )


def _chain(nodes: list[Any]) -> tuple[list[Array], float]:
    parts = [_parts(node) for node in nodes]
    return [w for matrices, _ in parts for w in matrices], math.prod(factor for _, factor in parts)


def _slope(function: Any) -> float:
    if isinstance(function, functools.partial) and function.func is group_sort:
        return 1.0  # whatever the group
    for slope, activations in _SLOPES.items():
        if any(function is activation for activation in activations):
            return slope
    if callable(function) and not isinstance(function, eqx.Module) and _is_identity(function):
        return 1.0
    raise ValueError(f"model holds {function!r}, of which no Lipschitz constant is known")


def _is_identity(function: Callable[[Array], Any]) -> bool:
    try:
        program = jax.make_jaxpr(function)(jax.ShapeDtypeStruct((2,), jnp.float32)).jaxpr
    except Exception:  # whatever it is, it is not a function of one array
        return False
    return not program.eqns and list(program.outvars) == list(program.invars)

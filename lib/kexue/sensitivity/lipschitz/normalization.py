"""Layers divided by their own spectral norm, and a penalty on it; both with power iterations that are kept warm."""

from typing import Any, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from ..._check import positive
from ..norms.estimates import _unit, power_iteration

__all__ = ["SpectralNorm", "advance", "spectral_penalty"]

Model = TypeVar("Model")


class SpectralNorm(eqx.Module):
    r"""A linear layer whose weight is used as :math:`\tau W/\hat\sigma(W)`.

    The estimate is :math:`\hat\sigma=\lVert W^\top u\rVert\le\sigma_1`, with a vector :math:`u` that the module carries
    and that :func:`advance` moves by one power iteration:

    >>> layer = SpectralNorm(eqx.nn.Linear(3, 2, key=jax.random.key(0)), target=2.0, key=jax.random.key(1))
    >>> print(f"{jnp.linalg.norm(layer.weight, ord=2):.3f}")
    2.000

    In a training loop call ``model = advance(model)`` after each step, or let the optimizer do it:
    ``optax.chain(optax.adam(1e-3), after_each_step(advance))``. If :math:`G` is the gradient with respect to the
    normalised weight :math:`\bar W`, the layer's own weight receives

    .. math:: \nabla_W=\frac{\tau}{\hat\sigma}\Big(G-\frac{\langle G,\bar W\rangle}{\tau}\,uv^\top\Big),
              \qquad\langle W,\nabla_W\rangle=0.

    Parameters
    ----------
    layer : eqx.nn.Linear or eqx.nn.Conv
        Of a convolution, the kernel is reshaped to (channels out, everything else). Its operator norm is up to
        :math:`\sqrt{k_hk_w}` times as large; see :func:`~kexue.sensitivity.conv_norm`.
    target : float, positive, or None
        The norm :math:`\tau` that the weight shall have. None leaves the weight alone and only keeps track of its
        norm, which is what :func:`spectral_penalty` needs.
    key : PRNG key
        Draws the first :math:`u`, which is then improved by 15 iterations.

    Raises
    ------
    ValueError
        If ``layer`` has no weight of at least two axes, or ``target`` is not positive.

    Notes
    -----
    Time: one matrix-vector product a call, and two for each :func:`advance`. An estimate from below means a norm that
    is a little too large: measure the result by :func:`~kexue.sensitivity.certified_norm`.

    References
    ----------
    Miyato et al., "Spectral normalization for generative adversarial networks", 2018, arXiv:1802.05957, equation 12.
    """

    layer: Any
    u: Float[Array, " rows"]
    target: float | None = eqx.field(static=True)

    def __init__(self, layer: Any, *, target: float | int | None = 1.0, key: Key[Array, ""]):
        weight: Any = getattr(layer, "weight", None)
        if not eqx.is_inexact_array(weight) or weight.ndim < 2:
            raise ValueError(f"layer must have a weight of at least two axes, as eqx.nn.Linear has, got {layer!r}")
        if target is not None:
            positive("target", target)
        matrix = _matrix(weight)
        start = jax.random.normal(key, matrix.shape[:1], matrix.dtype)
        self.layer, self.target = layer, None if target is None else float(target)
        self.u = power_iteration(matrix, start, 15)[1]

    @property
    def estimate(self) -> Float[Array, ""]:
        r""":math:`\hat\sigma`, never above the norm of the unnormalised weight; its gradient is :math:`uv^\top`."""
        matrix, u = _matrix(self.layer.weight), _unit(jax.lax.stop_gradient(self.u))
        v = _unit(u @ jax.lax.stop_gradient(matrix))
        return u @ (matrix @ v)

    @property
    def weight(self) -> Float[Array, "..."]:
        """The weight as it is used."""
        if self.target is None:
            return self.layer.weight
        estimate = self.estimate
        return self.layer.weight * (self.target / jnp.where(estimate == 0, 1, estimate))

    @property
    def used(self) -> Any:
        """The layer with the weight as it is used."""
        return eqx.tree_at(lambda layer: layer.weight, self.layer, self.weight)

    def __call__(self, x: Float[Array, "..."], *, key: Key[Array, ""] | None = None) -> Float[Array, "..."]:
        """Apply the layer to one example."""
        return self.used(x)


def advance(model: Model) -> Model:
    """One power iteration in every :class:`SpectralNorm` of a model; weights stay as they are.

    Parameters
    ----------
    model : pytree

    Returns
    -------
    pytree
        Of the same structure.

    Raises
    ------
    ValueError
        If the model has no :class:`SpectralNorm`.

    Examples
    --------
    >>> layer = SpectralNorm(eqx.nn.Linear(3, 2, key=jax.random.key(0)), key=jax.random.key(1))
    >>> print(advance(layer).estimate >= layer.estimate - 1e-6)
    True
    """
    _wrapped(model)

    def move(node: Any) -> Any:
        if not isinstance(node, SpectralNorm):
            return node
        u = power_iteration(_matrix(node.layer.weight), node.u)[1]
        return eqx.tree_at(lambda node: node.u, node, u)

    return jax.tree.map(move, model, is_leaf=_is_wrapped)


def spectral_penalty(model: PyTree) -> Float[Array, ""]:
    r"""Sum of squared norm estimates, :math:`\sum_l\hat\sigma(W_l)^2`, over all :class:`SpectralNorm` of a model.

    Parameters
    ----------
    model : pytree
        Layers are usually wrapped as ``SpectralNorm(layer, target=None, key=key)``, which changes nothing else.

    Returns
    -------
    float
        Never above :math:`\sum\sigma_1^2`. Its gradient :math:`2\hat\sigma uv^\top` has rank one: it pushes on one
        direction of each matrix, where weight decay pushes on all.

    Raises
    ------
    ValueError
        If the model has no :class:`SpectralNorm`.

    Examples
    --------
    >>> layer = eqx.nn.Linear(2, 2, key=jax.random.key(0))
    >>> layer = eqx.tree_at(lambda layer: layer.weight, layer, jnp.diag(jnp.array([3.0, 1.0])))
    >>> print(f"{spectral_penalty(SpectralNorm(layer, target=None, key=jax.random.key(1))):.4f}")
    9.0000

    References
    ----------
    Yoshida and Miyato, "Spectral norm regularization for improving the generalizability of deep learning", 2017,
    arXiv:1705.10941, equation 5.
    """
    return sum((node.estimate**2 for node in _wrapped(model)[1:]), _wrapped(model)[0].estimate ** 2)


def _matrix(weight: Array) -> Array:
    return weight.reshape(weight.shape[0], -1)


def _is_wrapped(node: Any) -> bool:
    return isinstance(node, SpectralNorm)


def _wrapped(model: PyTree) -> list[SpectralNorm]:
    found = [node for node in jax.tree.leaves(model, is_leaf=_is_wrapped) if _is_wrapped(node)]
    if not found:
        raise ValueError("model must contain a SpectralNorm, got none: wrap its layers first")
    return found

"""RMSprop, with one scale per coordinate, per tensor or for everything at once.

The whole chapter turns on one question: the gradient is divided by the root of *what*? The argument ``per`` is that
question. ``per="coordinate"`` is RMSprop as everybody uses it; ``per="tree"`` divides by one number and only
changes the clock of gradient descent.
"""

import functools
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree, ScalarLike

from .._check import require

__all__ = ["RootMeanSquareState", "rmsprop", "rmsprop_floor", "scale_by_root_mean_square"]

Scope = Literal["coordinate", "leaf", "tree"]


class RootMeanSquareState(NamedTuple):
    """The moving mean square :math:`G`: one number per coordinate, or one per tensor."""

    mean_square: PyTree[Array]


def _not_negative(name: str, value: Any) -> None:
    require(name, value, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))


def _squares(gradient: PyTree, per: str) -> PyTree:
    """:math:`g^2` by coordinate, or the squared 2-norm of the tensor or of the whole tree."""
    if per == "coordinate":
        return jax.tree.map(lambda g: g * g, gradient)
    norms = jax.tree.map(lambda g: jnp.sum(g * g), gradient)
    if per == "leaf":
        return norms
    widest = functools.reduce(np.promote_types, (norm.dtype for norm in jax.tree.leaves(norms)), np.dtype("float32"))
    total = sum(norm.astype(widest) for norm in jax.tree.leaves(norms))
    return jax.tree.map(lambda norm: jnp.asarray(total).astype(norm.dtype), norms)


def scale_by_root_mean_square(
    decay: ScalarLike = 0.9,
    eps: ScalarLike = 1e-8,
    *,
    eps_in_sqrt: bool = True,
    per: Scope = "coordinate",
) -> optax.GradientTransformation:
    r"""Divide the gradient by the root of its moving mean square: :func:`rmsprop` without the learning rate.

    Parameters
    ----------
    decay : float in [0, 1)
        :math:`\lambda`, the share of the old mean square that is kept. A traced value is accepted.
    eps : float, at least 0
        :math:`\epsilon`. A traced value is accepted.
    eps_in_sqrt : bool
        Divide by :math:`\sqrt{G+\epsilon}` (the post, the default) or by :math:`\sqrt G+\epsilon` (Adam, PyTorch).
    per : {"coordinate", "leaf", "tree"}
        What shares one :math:`G`: nothing, the entries of a tensor, or all parameters. In the last two cases
        :math:`g^2` stands for the squared 2-norm.

    Returns
    -------
    optax.GradientTransformation
        Its state is a :class:`RootMeanSquareState` that starts at zero.

    Raises
    ------
    ValueError
        If ``decay``, ``eps`` or ``per`` is out of range.

    Notes
    -----
    A gradient that has been zero from the start gives a zero update, also with ``eps=0``.
    Cost of an update: a few operations a parameter; memory: one number a parameter, or one a tensor.

    Examples
    --------
    >>> transform = scale_by_root_mean_square(decay=0.0, eps=0.0)
    >>> gradient = jnp.array([1e-6, -300.0])
    >>> print(transform.update(gradient, transform.init(gradient))[0])
    [ 1. -1.]
    """
    require("decay", decay, "in [0, 1)", lambda value: (value >= 0) & (value < 1))
    _not_negative("eps", eps)
    if per not in ("coordinate", "leaf", "tree"):
        raise ValueError(f"per must be 'coordinate', 'leaf' or 'tree', got {per!r}")

    def init(params: PyTree) -> RootMeanSquareState:
        zeros = jnp.zeros_like if per == "coordinate" else lambda leaf: jnp.zeros((), jnp.asarray(leaf).dtype)
        return RootMeanSquareState(jax.tree.map(zeros, params))

    def update(updates: PyTree, state: RootMeanSquareState, params: Any = None) -> tuple[PyTree, RootMeanSquareState]:
        del params
        mean_square = jax.tree.map(
            lambda G, square: (decay * G + (1 - decay) * square).astype(G.dtype),
            state.mean_square,
            _squares(updates, per),
        )

        def divide(g: Array, G: Array) -> Array:
            root = jnp.sqrt(G + eps) if eps_in_sqrt else jnp.sqrt(G) + eps
            # 0/0 when eps = 0 and the gradient never moved: the update is zero, and so must be its derivative.
            return jnp.where(root > 0, g / jnp.where(root > 0, root, 1), 0).astype(g.dtype)

        return jax.tree.map(divide, updates, mean_square), RootMeanSquareState(mean_square)

    return optax.GradientTransformation(init, update)


def rmsprop(
    learning_rate: ScalarLike | optax.Schedule,
    decay: ScalarLike = 0.9,
    eps: ScalarLike = 1e-8,
    *,
    eps_in_sqrt: bool = True,
    per: Scope = "coordinate",
) -> optax.GradientTransformation:
    r"""RMSprop as the post writes it, :math:`\epsilon` inside the root and :math:`G_0=0`.

    .. math:: G_{n+1} = \lambda G_n + (1-\lambda) g_{n+1}^2, \qquad
              \theta_{n+1} = \theta_n - \frac{\tilde\gamma}{\sqrt{G_{n+1}+\epsilon}}\, g_{n+1}

    With ``decay=0, eps=0`` this is sign descent; with ``per="tree"`` in addition, normalised gradient descent,
    which is gradient descent on another clock. Only ``per="tree"`` commutes with rotations of the parameters.

    Parameters
    ----------
    learning_rate : float, array or optax schedule
        :math:`\tilde\gamma`, the length of a step in each coordinate.
    decay, eps, eps_in_sqrt, per
        As in :func:`scale_by_root_mean_square`.

    Returns
    -------
    optax.GradientTransformation

    Raises
    ------
    ValueError
        If ``learning_rate`` is a negative number, or another argument is out of range.

    Examples
    --------
    >>> optimizer = rmsprop(0.01, decay=0.9, eps=0.0)
    >>> update, _ = optimizer.update(jnp.array(5.0), optimizer.init(jnp.array(5.0)))
    >>> print(f"{update:.4f}")  # a start at zero overshoots: 1 / sqrt(1 - 0.9) = 3.16 steps in one
    -0.0316

    References
    ----------
    Tieleman and Hinton, lecture 6.5 of "Neural Networks for Machine Learning", 2012.
    """
    _not_negative("learning_rate", learning_rate)
    return optax.chain(
        scale_by_root_mean_square(decay, eps, eps_in_sqrt=eps_in_sqrt, per=per),
        optax.scale_by_learning_rate(learning_rate),
    )


def rmsprop_floor(
    curvatures: Float[Array, " dim"], learning_rate: ScalarLike, eps: ScalarLike = 0.0
) -> Float[Array, ""]:
    r"""The loss at which RMSprop with a constant rate stalls on :math:`\frac12\sum_i h_i\theta_i^2`.

    Each coordinate ends in the 2-cycle :math:`\theta_i^2 = \tilde\gamma^2/4 - \epsilon/h_i^2`, or at zero where the
    right-hand side is negative (:math:`\tilde\gamma h_i < 2\sqrt\epsilon`). Hence

    .. math:: L_\infty = \tfrac12 \sum_i \max\Big(\frac{\tilde\gamma^2 h_i}{4} - \frac{\epsilon}{h_i},\, 0\Big)
              \;\longrightarrow\; \frac{\tilde\gamma^2}{8} \operatorname{tr} H \quad (\epsilon\to0).

    The cycle attracts for every decay :math:`0<\lambda<1`: errors shrink by :math:`\sqrt\lambda` a step.

    Parameters
    ----------
    curvatures : float (dim,), positive
        The diagonal :math:`h_i` of an axis-aligned Hessian.
    learning_rate : float, at least 0
    eps : float, at least 0
        :math:`\epsilon` *inside* the root.

    Returns
    -------
    float, scalar array

    Raises
    ------
    ValueError
        If ``curvatures`` is empty or a Python number is negative.

    Examples
    --------
    >>> print(rmsprop_floor(jnp.array([1.0, 3.0]), 0.1))  # 0.1^2 * 4 / 8
    0.005
    """
    if curvatures.shape[0] == 0:
        raise ValueError("curvatures must hold at least one number, got none")
    _not_negative("learning_rate", learning_rate)
    _not_negative("eps", eps)
    return jnp.sum(jnp.maximum(learning_rate**2 * curvatures / 4 - eps / curvatures, 0)) / 2

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

from .._check import not_negative, require
from .._updates import at, like, map_inexact

__all__ = ["RootMeanSquareState", "rmsprop", "rmsprop_floor", "scale_by_root_mean_square"]

Scope = Literal["coordinate", "leaf", "tree"]


class RootMeanSquareState(NamedTuple):
    """The moving mean square :math:`G`, real: one number per coordinate, or one per tensor; the step's number."""

    mean_square: PyTree[Array]
    """The moving mean of squared gradients, real: like the parameters, or one number for each tensor."""
    step: Array
    """Updates so far."""


def _real(leaf: Any) -> np.dtype:
    """The dtype of a leaf's modulus."""
    dtype = jnp.result_type(leaf)
    return jnp.finfo(dtype).dtype if jnp.issubdtype(dtype, jnp.inexact) else dtype


def _squares(gradient: PyTree, per: str) -> PyTree:
    """Square of the modulus by coordinate, or the squared 2-norm of the tensor or of the whole tree."""
    squares = map_inexact(lambda g: jnp.real(g * jnp.conj(g)), gradient)
    if per == "coordinate":
        return squares
    norms = jax.tree.map(jnp.sum, squares)
    if per == "leaf":
        return norms
    floats = [norm for norm in jax.tree.leaves(norms) if jnp.issubdtype(norm.dtype, jnp.floating)]
    widest = functools.reduce(np.promote_types, (norm.dtype for norm in floats), np.dtype("float32"))
    total = sum(norm.astype(widest) for norm in floats)
    return jax.tree.map(lambda norm: jnp.asarray(total).astype(norm.dtype), norms)


def scale_by_root_mean_square(
    decay: ScalarLike | optax.Schedule = 0.9,
    eps: ScalarLike | optax.Schedule = 1e-8,
    *,
    eps_in_sqrt: bool = True,
    per: Scope = "coordinate",
) -> optax.GradientTransformationExtraArgs:
    r"""Divide the gradient by the root of its moving mean square: :func:`rmsprop` without the learning rate.

    Parameters
    ----------
    decay : float in [0, 1), array or optax schedule
        :math:`\lambda`, the share of the old mean square that is kept.
    eps : float, at least 0, array or optax schedule
        :math:`\epsilon`.
    eps_in_sqrt : bool
        Divide by :math:`\sqrt{G+\epsilon}` (the post, the default) or by :math:`\sqrt G+\epsilon` (Adam, PyTorch).
    per : {"coordinate", "leaf", "tree"}
        What shares one :math:`G`: nothing, the entries of a tensor, or all parameters. In the last two cases
        :math:`g^2` stands for the squared 2-norm.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is a :class:`RootMeanSquareState` that starts at zero. Of a complex coordinate :math:`g^2` is the
        squared modulus; leaves of integers stay where they are; further keyword arguments of ``update`` are ignored.

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
    not_negative("eps", eps)
    if per not in ("coordinate", "leaf", "tree"):
        raise ValueError(f"per must be 'coordinate', 'leaf' or 'tree', got {per!r}")

    def init(params: PyTree) -> RootMeanSquareState:
        if per == "coordinate":
            zeros = jax.tree.map(lambda leaf: jnp.zeros_like(leaf, dtype=_real(leaf)), params)
        else:
            zeros = jax.tree.map(lambda leaf: jnp.zeros((), _real(leaf)), params)
        return RootMeanSquareState(zeros, jnp.zeros([], jnp.int32))

    def update(
        updates: PyTree, state: RootMeanSquareState, params: Any = None, **extra_args: Any
    ) -> tuple[PyTree, RootMeanSquareState]:
        del params, extra_args
        share, floor = at(decay, state.step), at(eps, state.step)
        mean_square = map_inexact(
            lambda G, square: like(share, G) * G + like(1 - share, G) * square.astype(G.dtype),
            state.mean_square,
            _squares(updates, per),
        )

        def divide(g: Any, G: Array) -> Array:
            root = jnp.sqrt(G + like(floor, G)) if eps_in_sqrt else jnp.sqrt(G) + like(floor, G)
            # 0/0 when eps = 0 and the gradient never moved: the update is zero, and so must be its derivative.
            return jnp.where(root > 0, g / like(jnp.where(root > 0, root, 1), g), 0)

        updates = map_inexact(divide, updates, mean_square)
        return updates, RootMeanSquareState(mean_square, optax.safe_increment(state.step))

    return optax.GradientTransformationExtraArgs(init, update)


def rmsprop(
    learning_rate: ScalarLike | optax.Schedule,
    decay: ScalarLike | optax.Schedule = 0.9,
    eps: ScalarLike | optax.Schedule = 1e-8,
    *,
    eps_in_sqrt: bool = True,
    per: Scope = "coordinate",
) -> optax.GradientTransformationExtraArgs:
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
    optax.GradientTransformationExtraArgs

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
    not_negative("learning_rate", learning_rate)
    scaling = scale_by_root_mean_square(decay, eps, eps_in_sqrt=eps_in_sqrt, per=per)

    def update(
        updates: PyTree, state: RootMeanSquareState, params: Any = None, **extra_args: Any
    ) -> tuple[PyTree, RootMeanSquareState]:
        del params, extra_args
        rate = at(learning_rate, state.step)
        updates, state = scaling.update(updates, state)
        return map_inexact(lambda u: -like(rate, u) * u, updates), state

    return optax.GradientTransformationExtraArgs(scaling.init, update)


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
    not_negative("learning_rate", learning_rate)
    not_negative("eps", eps)
    return jnp.sum(jnp.maximum(learning_rate**2 * curvatures / 4 - eps / curvatures, 0)) / 2

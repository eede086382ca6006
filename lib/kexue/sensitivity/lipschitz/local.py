"""How far a network's output moves: slopes at points, radii that are safe, attacks on those that are not."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int, Num

from ..._check import at_least_one, batch, floating, require
from ..._compiled import compiled

__all__ = ["certified_radius", "local_lipschitz", "pgd_l2", "wasserstein_critic_estimate"]


def local_lipschitz(model: Callable[[Array], Any], xs: Num[Array | np.ndarray, "..."]) -> Float[Array, " batch"]:
    r"""Norm of a network's Jacobian at each point, :math:`\lVert Df(x_i)\rVert_2`.

    The largest of them is a *lower* bound of the Lipschitz constant: somewhere else the network may be steeper.

    Parameters
    ----------
    model : callable
        One example to a vector or a scalar.
    xs : float (batch, ...)
        Examples of any shape, such as images: the Jacobian is that of the flattened example.

    Returns
    -------
    float (batch,)

    Raises
    ------
    ValueError
        If ``xs`` is empty or ``model`` returns neither a scalar nor a vector.

    Notes
    -----
    Time: one reverse pass for each output, and a small singular value decomposition, at each point.

    Examples
    --------
    >>> print(local_lipschitz(lambda x: jnp.abs(jnp.stack([3 * x[0], x[1]])), jnp.array([[1.0, -1.0]])))
    [3.]
    """
    xs = floating(xs)
    batch("xs", xs)
    shape = jax.eval_shape(model, jax.ShapeDtypeStruct(xs.shape[1:], xs.dtype)).shape
    if len(shape) > 1:
        raise ValueError(f"model must return a scalar or a vector for one example, got shape {shape}")
    jacobians = jax.vmap(jax.jacrev(lambda x: jnp.atleast_1d(model(x))))(xs)
    return jnp.max(jnp.linalg.svd(jacobians.reshape(*jacobians.shape[:2], -1), compute_uv=False), axis=-1)


def certified_radius(
    logits: ArrayLike | Sequence, labels: ArrayLike | Sequence, lipschitz: float | int | Float[Array, ""]
) -> Float[Array, " batch"]:
    r"""How far an input can move before the class can change, :math:`m/(\sqrt2\,C)` for a margin :math:`m`.

    The difference of two logits changes by at most :math:`\sqrt2\,C\lVert\delta\rVert_2`.

    Parameters
    ----------
    logits : float (batch, classes)
        At least two classes.
    labels : int (batch,)
        The true classes.
    lipschitz : float, at least 0
        A bound :math:`C` on the network's Lipschitz constant in the 2-norm; see :func:`~kexue.sensitivity.product_bound`.

    Returns
    -------
    float (batch,)
        Negative where the prediction is wrong: no perturbation shorter than its absolute value makes it right.
        Infinite where ``lipschitz`` is zero, NaN where the margin is zero too.

    Raises
    ------
    ValueError
        If ``logits`` has another rank, there are fewer than two classes, the lengths differ, or ``lipschitz`` is
        negative.

    Examples
    --------
    >>> print(certified_radius(jnp.array([[3.0, 1.0, 0.0]]), jnp.array([0]), 2**0.5))
    [1.]

    References
    ----------
    Tsuzuku, Sato and Sugiyama, "Lipschitz-margin training", 2018, arXiv:1802.04034, proposition 1.
    """
    require("lipschitz", lipschitz, "at least 0", lambda value: value >= 0)
    return _margins(logits, labels) / (math.sqrt(2) * lipschitz)


def _margins(logits: ArrayLike | Sequence, labels: ArrayLike | Sequence) -> Array:
    """True logit minus the largest other one."""
    logits, labels = floating(logits), jnp.asarray(labels)
    if logits.ndim != 2:
        raise ValueError(f"logits must have one row of classes for each example, (batch, classes), got {logits.shape}")
    if logits.shape[1] < 2:
        raise ValueError(f"logits must have at least two classes, got {logits.shape[1]}")
    if labels.shape != logits.shape[:1]:
        raise ValueError(f"labels must have one entry for each row of logits, {logits.shape[0]}, got {labels.shape}")
    known = labels if isinstance(labels, jax.core.Tracer) else np.asarray(labels)
    require("labels", known, f"classes from 0 to {logits.shape[1] - 1}", lambda y: (y >= 0) & (y < logits.shape[1]))
    is_true = jnp.arange(logits.shape[1])[None, :] == labels[:, None]
    others = jnp.max(jnp.where(is_true, -jnp.inf, logits), axis=1)
    return jnp.sum(jnp.where(is_true, logits, 0), axis=1) - others


def pgd_l2(
    model: Callable[[Array], Array],
    x: Num[Array | np.ndarray, "..."],
    y: Int[Array, " _"],
    eps: float | int | Float[Array, ""],
    steps: int = 20,
) -> Float[Array, "batch ..."]:
    r"""Search the ball :math:`\lVert\delta\rVert_2\le\epsilon` for a point that is misjudged, by projected gradients.

    Also known as the PGD attack (projected gradient descent).

    Each step goes :math:`2.5\,\epsilon/\text{steps}` downhill on the margin and back into the ball; the point with the
    smallest margin on the way is kept. It starts at ``x`` and is deterministic. What it finds is an upper bound of the
    robust accuracy, as a certificate is a lower bound.

    Parameters
    ----------
    model : callable
        One example to logits ``(classes,)``.
    x : float (batch, ...)
        Examples of any shape, such as images: the ball is that of the 2-norm over all numbers of one.
    y : int (batch,)
        The true classes.
    eps : float, at least 0
    steps : int, at least 1

    Returns
    -------
    float (batch, ...)
        Of the shape of ``x``, within ``eps`` of ``x``, up to rounding; never of larger margin than ``x``.

    Raises
    ------
    ValueError
        If ``x`` is empty, ``steps`` below 1, ``eps`` negative, the lengths differ, or the model does not return at least
        two classes.

    Notes
    -----
    Time: ``steps + 1`` gradients.

    Examples
    --------
    >>> linear = lambda x: jnp.stack([x[0], -x[0]])
    >>> print(pgd_l2(linear, jnp.array([[0.5, 0.0]]), jnp.array([0]), 1.0))
    [[-0.5  0. ]]

    References
    ----------
    Madry et al., "Towards deep learning models resistant to adversarial attacks", 2018, arXiv:1706.06083.
    """
    at_least_one("steps", steps)
    require("eps", eps, "at least 0", lambda value: value >= 0)
    x = floating(x)
    batch("x", x)
    return _attack(model, steps, x, jnp.asarray(y), jnp.asarray(eps, x.dtype))


@compiled(0, 1)
def _attack(model: Callable, steps: int, x: Array, y: Array, eps: Array) -> Array:
    start = x.reshape(len(x), -1)

    def margins(rows: Array) -> tuple[Array, Array]:
        value = _margins(jax.vmap(model)(rows.reshape(x.shape)), y)
        return jnp.sum(value), value

    def step(carry: tuple[Array, Array, Array], _: None) -> tuple[tuple[Array, Array, Array], None]:
        delta, best, lowest = carry
        (_, value), slope = jax.value_and_grad(margins, has_aux=True)(start + delta)
        is_better = value < lowest
        best, lowest = jnp.where(is_better[:, None], delta, best), jnp.where(is_better, value, lowest)
        delta = delta - 2.5 * eps / steps * slope / _at_least_tiny(_length(slope))
        delta = delta * jnp.minimum(1, eps / _at_least_tiny(_length(delta)))
        return (delta, best, lowest), None

    nothing = jnp.zeros_like(start)
    (delta, best, lowest), _ = jax.lax.scan(step, (nothing, nothing, jnp.full(len(x), jnp.inf, x.dtype)), length=steps)
    is_better = margins(start + delta)[1] < lowest
    return x + jnp.where(is_better[:, None], delta, best).reshape(x.shape)


def _length(rows: Array) -> Array:
    return jnp.linalg.norm(rows, axis=1, keepdims=True)


def _at_least_tiny(length: Array) -> Array:
    return jnp.maximum(length, jnp.finfo(length.dtype).tiny)


def wasserstein_critic_estimate(
    critic: Callable[[Array], Array], p: Num[Array | np.ndarray, "..."], q: Num[Array | np.ndarray, "..."]
) -> Float[Array, ""]:
    r"""What a critic thinks that two samples are apart, :math:`\operatorname{mean}f(p_i)-\operatorname{mean}f(q_j)`.

    For a critic with Lipschitz constant 1 it is at most the Wasserstein-1 distance of the two samples, and the best
    critic attains it.

    Parameters
    ----------
    critic : callable
        One example to a real scalar.
    p, q : float (n, ...), (m, ...)
        Examples of any shape.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the shapes of the examples differ, a sample is empty, or the critic returns anything but one real number.

    Examples
    --------
    >>> print(wasserstein_critic_estimate(lambda x: x[0], jnp.array([[3.0], [5.0]]), jnp.array([[1.0]])))
    3.0

    References
    ----------
    Arjovsky, Chintala and Bottou, "Wasserstein generative adversarial networks", 2017, arXiv:1701.07875, equation 2.
    """
    p, q = jnp.asarray(p), jnp.asarray(q)
    for name, sample in (("p", p), ("q", q)):
        batch(name, sample)
    if p.shape[1:] != q.shape[1:]:
        raise ValueError(f"q must hold examples of the shape of those of p, {p.shape[1:]}, got {q.shape[1:]}")
    image = jax.eval_shape(critic, jax.ShapeDtypeStruct(p.shape[1:], p.dtype))
    if getattr(image, "shape", None) != ():
        raise ValueError(f"critic must return one real number, of shape (), for one example, got {image}")
    return jnp.mean(jax.vmap(critic)(jnp.asarray(p))) - jnp.mean(jax.vmap(critic)(jnp.asarray(q)))

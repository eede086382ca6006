"""How curved the loss is in the coordinates that an adaptive optimizer sees, and how much curvature it can stand."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key, PyTree

from .._check import at_least_one, require
from .._lanczos import lanczos, tridiagonal

__all__ = ["Sharpness", "ema_momentum_threshold", "preconditioned_sharpness", "rotate_loss"]


class Sharpness(NamedTuple):
    """An estimate of the largest eigenvalue, and how far at most an eigenvalue is from it."""

    value: Float[Array, ""]
    """The estimate."""
    residual: Float[Array, ""]
    """An eigenvalue is at most this far from it."""


def ema_momentum_threshold(beta: float | Float[Array, "..."]) -> Float[Array, "..."]:
    r"""The largest stable :math:`\eta h` for momentum in averaged form, :math:`2(1+\beta)/(1-\beta)`.

    On :math:`\frac h2\theta^2` the iteration
    :math:`m\leftarrow\beta m+(1-\beta)h\theta,\ \theta\leftarrow\theta-\eta m` contracts if and only if
    :math:`0<\eta h` is below this number: 38 for :math:`\beta=0.9`.

    Parameters
    ----------
    beta : float or array, in [0, 1)

    Returns
    -------
    float array of the shape of ``beta``

    Raises
    ------
    ValueError
        If ``beta`` is a number outside ``[0, 1)``.

    Examples
    --------
    >>> print(ema_momentum_threshold(0.0), ema_momentum_threshold(0.5))
    2.0 6.0

    References
    ----------
    Cohen et al., "Adaptive gradient methods at the edge of stability", 2022, arXiv:2207.14484.
    """
    require("beta", beta, "in [0, 1)", lambda value: (value >= 0) & (value < 1))
    beta = jnp.asarray(beta)
    return 2 * (1 + beta) / (1 - beta)


def rotate_loss(
    loss: Callable[[Float[Array, " dim"]], Array], q: Float[Array, "dim dim"]
) -> Callable[[Float[Array, " dim"]], Array]:
    r"""The same landscape seen in other coordinates: :math:`\theta\mapsto L(Q\theta)` with orthogonal :math:`Q`.

    Parameters
    ----------
    loss : callable
        A vector of parameters to a scalar.
    q : float (dim, dim)
        Orthogonal. Inside ``jit`` and ``vmap`` its values are not known and not checked.

    Returns
    -------
    callable
        A start :math:`\theta_0` of ``loss`` corresponds to the start :math:`Q^\top\theta_0` of the rotated one.

    Raises
    ------
    ValueError
        If ``q`` is known and :math:`Q^\top Q` differs from the identity by more than 1e-5 in an entry.

    Examples
    --------
    >>> quarter_turn = jnp.array([[0.0, -1.0], [1.0, 0.0]])
    >>> print(rotate_loss(lambda theta: theta[0], quarter_turn)(jnp.array([1.0, 2.0])))
    -2.0
    """
    if not isinstance(q, jax.core.Tracer):
        defect = float(jnp.max(jnp.abs(q.T @ q - jnp.eye(q.shape[0], dtype=q.dtype))))
        if not defect <= 1e-5:
            raise ValueError(f"q must be orthogonal: q.T @ q may differ from the identity by 1e-5, got {defect:.2g}")
    return lambda theta: loss(q @ theta)


def preconditioned_sharpness(
    loss: Callable[[PyTree], Array],
    params: PyTree[Float[Array, "..."]],
    opt_state: Any,
    *,
    key: Key[Array, ""],
    b2: float = 0.999,
    eps: float = 1e-8,
    iterations: int = 20,
) -> Sharpness:
    r"""Largest eigenvalue of :math:`P^{-1/2}HP^{-1/2}` for Adam, :math:`P=\operatorname{diag}(\sqrt{\hat v}+\epsilon)`.

    Adam with learning rate :math:`\eta` behaves on curvature :math:`H` like averaged momentum on this matrix; it is
    stable while :math:`\eta` times the result is below :func:`ema_momentum_threshold`. Computed by Lanczos iteration
    on Hessian-vector products, without forming a matrix.

    Parameters
    ----------
    loss : callable
        Parameters to scalar, twice differentiable.
    params : pytree of float arrays
    opt_state
        State of ``optax.adam`` or of a chain that contains ``optax.scale_by_adam``, after at least one update.
    key : PRNG key
        For the random start vector.
    b2, eps : float
        As given to Adam.
    iterations : int, at least 1
        Hessian-vector products; at most the number of parameters are used.

    Returns
    -------
    Sharpness
        ``value``, never above the truth, and ``residual``: some eigenvalue lies within it of ``value``.

    Raises
    ------
    ValueError
        If ``iterations`` or ``b2`` is out of range, or ``opt_state`` has no second moment.

    Notes
    -----
    Time: ``iterations`` gradients of a gradient; memory: ``iterations`` copies of the parameters.

    Examples
    --------
    >>> loss, params = lambda theta: 3 * theta @ theta, jnp.array([1.0, 2.0])  # Hessian 6, gradient (6, 12)
    >>> gradient = jax.grad(loss)(params)
    >>> state = optax.ScaleByAdamState(jnp.array(1), mu=0.1 * gradient, nu=0.001 * gradient**2)  # after one step
    >>> print(f"{preconditioned_sharpness(loss, params, state, key=jax.random.key(0)).value:.3f}")  # max 6/6, 6/12
    1.000

    References
    ----------
    Cohen et al., "Adaptive gradient methods at the edge of stability", 2022, arXiv:2207.14484.
    """
    at_least_one("iterations", iterations)
    require("b2", b2, "in [0, 1)", lambda value: (value >= 0) & (value < 1))
    second_moment, count = (optax.tree_utils.tree_get(opt_state, name) for name in ("nu", "count"))
    if second_moment is None or count is None:
        raise ValueError(f"opt_state must hold a second moment, as optax.adam's does, got {opt_state!r}")

    flat, unravel = ravel_pytree(params)
    corrected = ravel_pytree(second_moment)[0] / (1 - b2 ** jnp.asarray(count, flat.dtype))
    root = jnp.sqrt(jnp.sqrt(corrected) + eps)  # the root of the preconditioner

    def hessian_product(vector):
        gradient = jax.grad(lambda theta: loss(unravel(theta)))
        return jax.jvp(gradient, (flat,), (vector / root,))[1] / root

    start = jax.random.normal(key, flat.shape, flat.dtype)
    krylov = lanczos(hessian_product, start, min(iterations, flat.size))
    ritz_values, vectors = jnp.linalg.eigh(tridiagonal(krylov))
    return Sharpness(ritz_values[-1], jnp.abs(krylov.off_diagonal[-1] * vectors[-1, -1]))

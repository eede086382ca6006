"""Which differential equation does a trajectory obey? Its parameters, from the trajectory or from its derivatives."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import floating
from .cells import OdeCell, observe, unroll, whole_steps
from .least_squares import FitResult, checked_search, least_squares

__all__ = ["check_states", "fit_parameters", "regress_derivatives"]


def fit_parameters(
    field: Callable[..., Any],
    params0: PyTree,
    x0: Any,
    times: Any,
    values: PyTree,
    *,
    step: ScalarLike,
    method: str = "rk4",
    log_space: Any = True,
    max_iter: int = 300,
    mask: PyTree = None,
    sigma: Any = None,
) -> FitResult:
    r"""Fit the parameters of :math:`\dot x=f(x,t;p)` to a trajectory that was seen at some times.

    .. math:: &\min_p\sum_k\big\lVert x_p(t_k)-y_k\big\rVert^2,\\
              &x_p=\text{the unrolled cell from }x_0,

    by the Levenberg-Marquardt method in :math:`\ln p`, with the Jacobian from forward differentiation.

    What is recovered is the *map* of one step: an Euler cell that fits perfectly has parameters wrong by
    :math:`O(h)`, see :func:`~kexue.dynamics.euler_bias`, and an RK4 cell by :math:`O(h^4)`.

    Parameters
    ----------
    field : callable
        ``field(x, t, params)``, the velocity, of the structure and shapes of ``x``.
    params0 : pytree of floats
        Where the search starts. It finds a local minimum: start from `regress_derivatives`, or take
        `multiple_shooting`.
    x0 : pytree of arrays, or callable
        The state at time 0; ``x0(params)`` if it is to be found as well.
    times : float (seen,)
        Multiples of ``step`` (float, above 0) in any order, known before tracing.
    values : pytree of arrays (seen, ...)
        The states then.
    method
        Of the `OdeCell`.
    log_space : bool, or a pytree of them
        Search among positive parameters by their logarithms; otherwise among all, in units of their starts. A tree
        such as ``(True, False)`` says it for each part of ``params0``.
    max_iter : int, at least 1
    mask : pytree of bool (seen, ...), optional
        Like ``values``; false where nothing was observed. There ``values`` may be anything.
    sigma : float, optional
        Standard deviation of the noise. Without it the covariance takes it from the residuals.

    Returns
    -------
    FitResult
        Look at ``converged`` before anything else.

    Raises
    ------
    ValueError
        A time that is not a multiple of ``step``; ``log_space`` with a start that is not positive; values or a mask of
        another shape than ``x0`` at those times, or not finite; fewer values than parameters; a number out of range.

    Notes
    -----
    Time of an iteration: one trajectory for each parameter, and one. Memory: a few states for each step and parameter.
    One compilation for a field, a step and shapes. Works under ``jit`` and ``vmap``, over starts, values and masks.
    The search is ``optimistix.LevenbergMarquardt``, on residuals in units of the data's norm. ``params`` can be
    differentiated with respect to ``values`` and ``x0``, by the implicit function theorem. Use double precision for
    more than three digits.

    Examples
    --------
    >>> times = np.array([1.0, 2.0, 3.0])
    >>> fit = fit_parameters(lambda x, t, a: -a * x, 1.0, jnp.ones(1), times, np.exp(-0.7 * times)[:, None], step=0.25)
    >>> print(f"{fit.params:.3f}", bool(fit.converged))
    0.700 True

    References
    ----------
    K. Levenberg, A method for the solution of certain non-linear problems in least squares, 1944; D. Marquardt, 1963.
    """
    index, cell = whole_steps(times, step), OdeCell(field, step, method)
    params0, sigma, is_log = checked_search(params0, log_space, max_iter, sigma)
    if not callable(x0):
        x0 = jax.tree.map(floating, x0)
    values = jax.tree.map(floating, values)
    mask = check_states(jax.eval_shape(x0, params0) if callable(x0) else x0, len(index), values, mask)
    known = _count(mask)
    if not isinstance(known, jax.core.Tracer) and known < len(is_log):
        raise ValueError(f"values must be at least as many as the parameters ({len(is_log)}), got {known}")
    mask = jax.tree.map(jnp.asarray, mask)
    return _fit(cell, params0, x0, jnp.asarray(index), values, mask, sigma, is_log, max(1, int(index.max())), max_iter)


@eqx.filter_jit
def _fit(
    cell: Any, params0: Any, x0: Any, index: Any, values: Any, mask: Any, sigma: Any, is_log: Any, steps: int, most: int
) -> FitResult:
    def residuals(params: PyTree) -> Array:
        fitted = OdeCell(lambda x, t: cell.field(x, t, params), cell.step, cell.method)
        seen = observe(unroll(fitted, x0(params) if callable(x0) else x0, steps), index)
        return _flat(lambda x, y, m: jnp.where(m, x - y.astype(x.dtype), 0), seen, values, mask)

    data = _flat(lambda y, m: jnp.where(m, y, 0), values, mask)
    return least_squares(residuals, params0, data, sigma, is_log, most, _count(mask))


def regress_derivatives(
    field: Callable[..., Any],
    params0: PyTree,
    times: Any,
    values: PyTree,
    *,
    log_space: Any = True,
    max_iter: int = 300,
) -> FitResult:
    r"""Fit the parameters of :math:`\dot x=f(x,t;p)` to finite differences of a trajectory: no solver, and a bias.

    .. math:: \min_p\sum_k\big\lVert f(y_k,t_k;p)-d_k\big\rVert^2

    with :math:`d_k` the derivative at :math:`t_k` of the parabola through :math:`y_{k-1},y_k,y_{k+1}`. For a field that
    is linear in its parameters the loss is convex in them, so this is where `fit_parameters` should start. The result
    itself is wrong by the squared distance of the times, and noise is divided by that distance.

    Parameters
    ----------
    field, params0, log_space, max_iter
        As in `fit_parameters`.
    times : float (seen,)
        Increasing, at least three; they need not be multiples of anything.
    values : pytree of arrays (seen, ...)
        Whole states.

    Returns
    -------
    FitResult
        ``sse`` is that of the derivatives; the covariance does not know of the bias.

    Raises
    ------
    ValueError
        Times that do not increase, values of another number or not finite, a start as in `fit_parameters`.

    Notes
    -----
    Time of an iteration: one field for each parameter and time. Works under ``jit`` and ``vmap``.

    Examples
    --------
    >>> times = np.linspace(0.0, 2.0, 21)
    >>> fit = regress_derivatives(lambda x, t, a: -a * x, 1.0, times, np.exp(-0.7 * times)[:, None])
    >>> print(f"{fit.params:.4f} {np.sinh(0.07) / 0.1:.4f}")
    0.7006 0.7006

    References
    ----------
    J. Varah, A spline least squares method for numerical parameter estimation in differential equations, 1982.
    """
    times, values = floating(times), jax.tree.map(floating, values)
    if times.ndim != 1 or len(times) < 3:
        raise ValueError(f"times must be one axis of at least three numbers, got shape {times.shape}")
    if not isinstance(times, jax.core.Tracer) and not np.all(np.diff(np.asarray(times)) > 0):
        raise ValueError("times must increase")
    params0, _, is_log = checked_search(params0, log_space, max_iter, None)
    check_states(jax.tree.map(lambda leaf: leaf[0] if leaf.size else leaf, values), len(times), values, None)
    inner = sum(leaf[1:-1].size for leaf in jax.tree.leaves(values))
    if inner < len(is_log):
        raise ValueError(f"inner values must be at least as many as the parameters ({len(is_log)}), got {inner}")
    return _regress(field, params0, times, values, is_log, max_iter)


@eqx.filter_jit
def _regress(field: Any, params0: PyTree, times: Array, values: PyTree, is_log: Any, most: int) -> FitResult:
    def slope(y: Array) -> Array:
        gaps = jnp.diff(times).astype(y.dtype).reshape(-1, *[1] * (y.ndim - 1))
        before, after = gaps[:-1], gaps[1:]
        secants = jnp.diff(y, axis=0) / gaps
        return (after * secants[:-1] + before * secants[1:]) / (before + after)

    inner = jax.tree.map(lambda y: y[1:-1], values)
    slopes = _flat(slope, values)

    def residuals(params: PyTree) -> Array:
        velocity = jax.vmap(lambda x, t: field(x, t, params))(inner, times[1:-1])
        return ravel_pytree(velocity)[0] - slopes

    return least_squares(residuals, params0, slopes, None, is_log, most, slopes.size)


def check_states(x0: PyTree, seen: int, values: PyTree, mask: PyTree) -> PyTree:
    """The mask, all true unless given, once values and mask are known to be like `x0` at each time."""
    if any(jnp.issubdtype(leaf.dtype, jnp.complexfloating) for leaf in jax.tree.leaves((x0, values))):
        raise ValueError("x0 and values must be real: make real and imaginary parts two leaves of the state")
    wanted = jax.tree.map(lambda leaf: (seen, *leaf.shape), x0)
    if jax.tree.map(np.shape, values) != wanted:
        raise ValueError(f"values must have a state for each time, {wanted}, got {jax.tree.map(np.shape, values)}")
    if mask is None:
        mask = jax.tree.map(lambda leaf: np.ones(leaf.shape, bool), values)
    if jax.tree.map(np.shape, mask) != wanted or any(
        not jnp.issubdtype(leaf.dtype, jnp.bool_) for leaf in jax.tree.leaves(mask)
    ):
        raise ValueError(f"mask must hold truth values, of shape {wanted}, got {jax.tree.map(np.shape, mask)}")
    for y, m in zip(jax.tree.leaves(values), jax.tree.leaves(mask), strict=True):
        is_traced = isinstance(y, jax.core.Tracer) or isinstance(m, jax.core.Tracer)
        if not is_traced and not np.isfinite(np.asarray(y)[np.asarray(m)]).all():
            raise ValueError("values must be finite where they are observed; a mask takes out what is missing")
    return mask


def _flat(function: Callable[..., Array], *trees: PyTree) -> Array:
    return ravel_pytree(jax.tree.map(function, *trees))[0]


def _count(mask: PyTree) -> Any:
    return sum(leaf.sum() for leaf in jax.tree.leaves(mask))

"""Fit a trajectory in windows that need not join yet: what still works where trajectories are chaotic."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import at_least_one, floating, positive
from .cells import OdeCell, unroll, whole_steps
from .identification import check_states
from .least_squares import FitResult, checked_search, least_squares

__all__ = ["multiple_shooting"]


def multiple_shooting(
    field: Callable[..., Any],
    params0: PyTree,
    x0: PyTree,
    times: Any,
    values: PyTree,
    *,
    step: ScalarLike,
    windows: int,
    continuity: Any = 10.0,
    method: str = "rk4",
    log_space: Any = True,
    max_iter: int = 300,
    sigma: Any = None,
) -> FitResult:
    r"""Fit the parameters of :math:`\dot x=f(x,t;p)`, and the states where windows of the trajectory start.

    .. math:: &\min_{p,s}\sum_k\big\lVert x_{p,s}(t_k)-y_k\big\rVert^2\\
              &\qquad+c^2\sum_w\big\lVert x_{p,s_w}(t_{w+1})-s_{w+1}\big\rVert^2

    The derivative of a trajectory with respect to its parameters grows with the length of a window instead of the
    whole. At :math:`c\to\infty` this is `fit_parameters`; at a finite :math:`c` the flow may be kicked at each joint,
    with noise :math:`1/c` of that of the data.

    Parameters
    ----------
    field, params0, x0, step, method, log_space, max_iter, sigma
        As in `fit_parameters`; ``x0`` is known.
    times : float (seen,)
        Increasing multiples of ``step``, known before tracing.
    values : pytree of arrays (seen, ...)
        Whole states. Starts of windows begin on the straight lines between them.
    windows : int, at least 1
        Of equal numbers of steps, the last as long as the others even if less of it was seen.
    continuity : float
        :math:`c>0`.

    Returns
    -------
    FitResult
        Parameters and their covariance, without the starts; ``sse`` includes the penalty.

    Raises
    ------
    ValueError
        As in `fit_parameters`, or more windows than steps.

    Notes
    -----
    Time of an iteration: one trajectory for each parameter and start, and a least-squares problem of as many unknowns.

    Examples
    --------
    >>> times = np.array([1.0, 2.0, 3.0])
    >>> data = np.exp(-0.7 * times)[:, None]
    >>> fit = multiple_shooting(lambda x, t, a: -a * x, 1.0, jnp.ones(1), times, data, step=0.25, windows=3)
    >>> print(f"{fit.params:.3f}", fit.covariance.shape)
    0.700 (1, 1)

    References
    ----------
    H. Bock, Recent advances in parameter identification techniques for ODE, 1983.
    """
    index, cell = whole_steps(times, step), OdeCell(field, step, method)
    at_least_one("windows", windows)
    positive("continuity", continuity)
    if np.any(np.diff(index) <= 0):
        raise ValueError("times must increase")
    if windows > index[-1]:
        raise ValueError(f"windows must be at most the number of steps, {index[-1]}, got {windows}")
    x0, values = jax.tree.map(floating, x0), jax.tree.map(floating, values)
    check_states(x0, len(index), values, None)
    params0, sigma, is_log = checked_search(params0, log_space, max_iter, sigma)
    length = -(-int(index[-1]) // windows)
    joints = length * np.arange(1, windows)
    starts0 = jax.tree.map(lambda x, y: _interpolated(joints, index, x, y.astype(x.dtype)), x0, values)
    free = sum(leaf.size for leaf in jax.tree.leaves(starts0))
    is_log = np.concatenate([is_log, np.zeros(free, bool)])
    fit = _shoot(
        cell, params0, starts0, x0, jnp.asarray(index), values, sigma, is_log, floating(continuity), length, max_iter
    )
    known = len(is_log) - free
    return fit._replace(params=fit.params[0], covariance=fit.covariance[:known, :known])


def _interpolated(joints: np.ndarray, index: np.ndarray, x0: Array, values: Array) -> Array:
    after = np.minimum(np.searchsorted(index, joints), len(index) - 1)
    nodes, states = np.concatenate([[0], index]), jnp.concatenate([x0[None], values])
    share = (joints - nodes[after]) / np.maximum(nodes[after + 1] - nodes[after], 1)
    share = jnp.asarray(np.minimum(share, 1), x0.dtype).reshape(-1, *[1] * x0.ndim)
    return (1 - share) * states[after] + share * states[after + 1]


@eqx.filter_jit
def _shoot(
    cell: Any,
    params0: Any,
    starts0: Any,
    x0: Any,
    index: Array,
    values: Any,
    sigma: Any,
    is_log: Any,
    continuity: Array,
    length: int,
    most: int,
) -> FitResult:
    windows = len(jax.tree.leaves(starts0)[0]) + 1
    window = jnp.minimum(index // length, windows - 1)
    begins = jnp.arange(windows).astype(float) * (length * cell.step)

    def residuals(unknown: tuple[PyTree, PyTree]) -> Array:
        params, starts = unknown
        fitted = OdeCell(lambda x, t: cell.field(x, t, params), cell.step, cell.method)
        every = jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), x0, starts)
        paths = jax.vmap(lambda x, t: unroll(fitted, x, length, t0=t))(every, begins)
        misfit = jax.tree.map(
            lambda path, y: path[window, index - window * length] - y.astype(path.dtype), paths, values
        )
        jumps = jax.tree.map(lambda path, s: continuity.astype(s.dtype) * (path[:-1, -1] - s), paths, starts)
        return ravel_pytree((misfit, jumps))[0]

    data = ravel_pytree(values)[0]
    count = data.size + ravel_pytree(starts0)[0].size
    return least_squares(residuals, (params0, starts0), data, sigma, is_log, most, count)

"""The flows that first-order optimizers discretise."""

from collections.abc import Callable

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, PyTree, Real, ScalarLike

from .._check import positive, require

Loss = Callable[..., Float[Array, ""]]
Times = Real[Array, " times"] | Real[np.ndarray, " times"]


def gradient_flow(
    loss: Loss,
    params: PyTree,
    times: Times,
    *,
    solver: diffrax.AbstractSolver | None = None,
    tolerance: float | None = None,
) -> PyTree:
    r"""Integrate the gradient flow, of which gradient descent is the Euler scheme.

    .. math:: \dot\theta = -\nabla L(\theta), \qquad \theta(0) = \texttt{params}.

    Parameters
    ----------
    loss
        :math:`L`, from a pytree like `params` to a scalar.
    params
        The start: a pytree of floating-point arrays.
    times
        Shape ``(times,)``, increasing, not negative: when to look at the flow.
    solver
        A diffrax solver; default ``diffrax.Tsit5()``. Take an implicit one,
        ``diffrax.Kvaerno5()``, when the largest curvature times the last time exceeds some thousands.
    tolerance
        Relative and absolute local error of the adaptive steps;
        default 1e-6 in single precision, 1e-12 in double.

    Returns
    -------
    PyTree
        Like `params`, each leaf with a leading axis ``times``.

    Raises
    ------
    ValueError
        `times` empty, decreasing or negative; `tolerance` not positive; a leaf of `params` not floating.
        At run time, diffrax raises when 65,536 steps do not suffice.

    Notes
    -----
    Cost: a few gradients a step; the number of steps grows with the largest curvature.
    Works under `jit`, `vmap` and `grad`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> path = gradient_flow(lambda x: 0.5 * x**2, jnp.array(1.0), jnp.array([0.0, 1.0]))
    >>> print(f"{path[1]:.4f}")
    0.3679
    """
    return _integrate(Partial(_descent, loss), params, params, times, 0.0, solver, tolerance)


def momentum_flow(
    loss: Loss,
    params: PyTree,
    times: Times,
    damping: ScalarLike,
    *,
    solver: diffrax.AbstractSolver | None = None,
    tolerance: float | None = None,
) -> PyTree:
    r"""Integrate a particle with friction that starts at rest: the flow behind the heavy ball.

    .. math:: \ddot\theta + \lambda\dot\theta = -\nabla L(\theta), \qquad \theta(0) = \texttt{params},\ \dot\theta(0) = 0.

    Parameters
    ----------
    loss, params, times, solver, tolerance
        As in `gradient_flow`.
    damping
        The friction :math:`\lambda \ge 0`, one over time.

    Returns
    -------
    PyTree
        The positions: like `params`, each leaf with a leading axis ``times``.

    Raises
    ------
    ValueError
        As in `gradient_flow`, and for a negative `damping`.

    Examples
    --------
    Without friction, an oscillator:

    >>> import jax.numpy as jnp
    >>> path = momentum_flow(lambda x: 0.5 * x**2, jnp.array(1.0), jnp.array([jnp.pi]), 0.0)
    >>> print(path.round(4))
    [-1.]

    References
    ----------
    B. Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
    """
    require("damping", damping, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))
    at_rest = jax.tree.map(jnp.zeros_like, params)
    field = Partial(_inertial, loss, damping)
    return _integrate(field, params, (params, at_rest), times, 0.0, solver, tolerance)[0]


def nesterov_flow(
    loss: Loss,
    params: PyTree,
    times: Times,
    *,
    solver: diffrax.AbstractSolver | None = None,
    tolerance: float | None = None,
) -> PyTree:
    r"""Integrate the flow behind Nesterov's method, whose friction fades as :math:`3/t`.

    .. math:: \ddot X + \frac{3}{t}\dot X + \nabla L(X) = 0, \qquad X(0) = \texttt{params},\ \dot X(0) = 0.

    Parameters
    ----------
    loss, params, times, solver, tolerance
        As in `gradient_flow`.

    Returns
    -------
    PyTree
        The positions: like `params`, each leaf with a leading axis ``times``.

    Raises
    ------
    ValueError
        As in `gradient_flow`.

    Notes
    -----
    The singular first instant is stepped over by :math:`X(t) = X(0) - \frac{t^2}{8}\nabla L + O(t^4)`
    (put the series into the equation: :math:`\ddot X + 3\ddot X = -\nabla L` at :math:`t = 0`).

    Examples
    --------
    On :math:`\frac12x^2` the solution is :math:`2J_1(t)/t`:

    >>> import jax.numpy as jnp
    >>> path = nesterov_flow(lambda x: 0.5 * x**2, jnp.array(1.0), jnp.array([0.0, 2.0]))
    >>> print(path.round(4))
    [1.     0.5767]

    References
    ----------
    W. Su, S. Boyd, E. Candès, A differential equation for modeling Nesterov's accelerated gradient method,
    2014, arXiv:1503.01243, equation 3.
    """
    # The neglected term is of the order of (curvature × t0²)²: far below the tolerance in either precision.
    t0 = 1e-4
    slope = jax.grad(loss)(params)
    position = jax.tree.map(lambda x, g: x - t0**2 / 8 * g, params, slope)
    velocity = jax.tree.map(lambda g: -t0 / 4 * g, slope)
    field = Partial(_inertial, loss, None)
    return _integrate(field, params, (position, velocity), times, t0, solver, tolerance)[0]


def modified_loss(loss: Loss, learning_rate: ScalarLike) -> Loss:
    r"""Return the loss whose gradient flow gradient descent follows to second order in the step.

    .. math:: \tilde L = L + \frac{\gamma}{4}\lVert\nabla L\rVert^2 .

    Parameters
    ----------
    loss
        :math:`L`, from a pytree to a scalar.
    learning_rate
        The step :math:`\gamma \ge 0`.

    Returns
    -------
    Callable
        :math:`\tilde L`, to be called as `loss` (its further arguments are passed on).
        One value costs one gradient of `loss`; a gradient of it costs a Hessian-vector product.

    Raises
    ------
    ValueError
        `learning_rate` negative or not finite.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> float(modified_loss(lambda x: 0.5 * x**2, 0.4)(jnp.array(1.0)))  # 1/2 + 0.4/4
    0.6000000238418579

    References
    ----------
    D. Barrett, B. Dherin, Implicit gradient regularization, 2021, arXiv:2009.11162, equation 2.
    """
    require("learning_rate", learning_rate, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))

    def penalised(params, *args):
        value, slope = jax.value_and_grad(loss)(params, *args)
        steepness = sum(jnp.sum(g**2) for g in jax.tree.leaves(slope))
        return value + learning_rate / 4 * steepness

    return penalised


def _descent(loss, t, theta, args):
    return jax.tree.map(jnp.negative, jax.grad(loss)(theta))


def _inertial(loss, damping, t, state, args):
    """A particle with friction; without a number for `damping` with Nesterov's, 3/t."""
    theta, velocity = state
    friction = 3 / t if damping is None else damping
    force = jax.grad(loss)(theta)
    return velocity, jax.tree.map(lambda v, g: (-friction * v - g).astype(v.dtype), velocity, force)


def _integrate(field, params, state, times, start, solver, tolerance):
    """Solve an ODE by adaptive steps; `params` only for its dtype.

    `field` is a `Partial` of a function of this module, never a new closure: a second bare call compiles nothing.
    """
    leaves = jax.tree.leaves(params)
    if not leaves or not all(jnp.issubdtype(jnp.result_type(leaf), jnp.floating) for leaf in leaves):
        raise ValueError(f"params must be a pytree of floating-point arrays, got {params!r}")
    dtype = jnp.result_type(*leaves)
    if times.size == 0:
        raise ValueError("times must not be empty")
    if not isinstance(times, jax.core.Tracer):
        # NumPy, as arithmetic on a JAX array would be traced inside `jit`.
        instants = np.asarray(times)
        if np.any(np.diff(instants) <= 0) or instants[0] < 0:
            raise ValueError(f"times must be increasing and not negative, got {instants}")
    if tolerance is None:
        tolerance = 1e-12 if dtype == jnp.float64 else 1e-6
    positive("tolerance", tolerance)
    # diffrax promotes the state to the dtype of the times, so the times take the state's.
    times = jnp.maximum(jnp.asarray(times, dtype), jnp.asarray(start, dtype))
    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(field),
        solver or diffrax.Tsit5(),
        t0=jnp.asarray(start, dtype),
        t1=times[-1],
        dt0=None,
        y0=state,
        saveat=diffrax.SaveAt(ts=times),
        stepsize_controller=diffrax.PIDController(rtol=tolerance, atol=tolerance),
        max_steps=2**16,
    )
    return solution.ys

"""The flows behind adaptive optimizers: what they become when the learning rate goes to zero."""

from collections.abc import Callable

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
from jax.tree_util import Partial
from jaxtyping import Array, Float, PyTree, ScalarLike

from .._check import positive, require
from .flows import Times, _integrate

__all__ = ["adagrad_flow", "adam_flow", "arc_length_flow", "sign_flow"]

Loss = Callable[..., Float[Array, ""]]


def arc_length_flow(
    loss: Loss,
    params: PyTree,
    lengths: Times,
    *,
    solver: diffrax.AbstractSolver | None = None,
    tolerance: float | None = None,
) -> PyTree:
    r"""Integrate the gradient flow by arc length: the same curve, walked at speed one.

    .. math:: \frac{d\theta}{ds} = -\frac{\nabla L}{\lVert\nabla L\rVert}, \qquad \theta(0) = \texttt{params}.

    Parameters
    ----------
    loss, params, solver, tolerance
        As in `gradient_flow`.
    lengths
        Shape ``(times,)``, increasing, not negative: after which lengths of the walk to look at it. They must stop
        short of the minimum, which is a finite length away: the equation has no direction to go from there.

    Returns
    -------
    PyTree
        Like `params`, each leaf with a leading axis ``times``.

    Raises
    ------
    ValueError
        As in `gradient_flow`. At run time diffrax raises beyond the minimum, where 65,536 steps do not suffice.

    Notes
    -----
    Cost: a few gradients a step. Works under `jit`, `vmap` and `grad`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> bowl = lambda theta: jnp.sum(theta**2) / 2
    >>> path = arc_length_flow(bowl, jnp.array([3.0, 4.0]), jnp.array([2.5]))  # the origin is 5 away
    >>> print(path.round(4))
    [[1.5 2. ]]
    """
    return _integrate(Partial(_at_speed_one, loss), params, params, lengths, 0.0, solver, tolerance)


def sign_flow(
    loss: Loss,
    params: PyTree,
    times: Times,
    eps: ScalarLike = 1e-3,
    *,
    solver: diffrax.AbstractSolver | None = None,
    tolerance: float | None = None,
) -> PyTree:
    r"""Integrate the soft sign flow, the limit of Adam and RMSprop for *fixed* decays and a vanishing rate.

    .. math:: \dot\theta_i = -\frac{\partial_i L}{\lvert\partial_i L\rvert + \epsilon}, \qquad t = n\eta.

    For :math:`\epsilon\to0` this is steepest descent in the :math:`\infty`-norm; it follows another curve than
    gradient flow.

    Parameters
    ----------
    loss, params, times, solver, tolerance
        As in `gradient_flow`.
    eps
        The slope :math:`\epsilon > 0` below which a coordinate slows down.

    Returns
    -------
    PyTree
        Like `params`, each leaf with a leading axis ``times``.

    Raises
    ------
    ValueError
        As in `gradient_flow`, and for an `eps` that is not positive.

    Notes
    -----
    The equation is stiff for a small `eps`: the number of steps grows like (curvature) · (last time) / `eps`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> path = sign_flow(lambda theta: jnp.sum(theta), jnp.array([1.0, 2.0]), jnp.array([0.5]), eps=1.0)
    >>> print(path.round(4))  # speed 1 / (1 + 1)
    [[0.75 1.75]]

    References
    ----------
    C. Ma, L. Wu, W. E, A qualitative study of the dynamic behavior for adaptive gradient algorithms, 2020,
    arXiv:2009.06125. L. Balles, P. Hennig, Dissecting Adam, 2018, arXiv:1705.07774.
    """
    positive("eps", eps)
    return _integrate(Partial(_soft_signs, loss, eps), params, params, times, 0.0, solver, tolerance)


def adam_flow(
    loss: Loss,
    params: PyTree,
    times: Times,
    a: ScalarLike,
    b: ScalarLike,
    eps: ScalarLike = 1e-8,
    *,
    solver: diffrax.AbstractSolver | None = None,
    tolerance: float | None = None,
) -> PyTree:
    r"""Integrate Adam's flow with memory: the limit of :math:`\beta_1=1-a\eta,\ \beta_2=1-b\eta` for :math:`\eta\to0`.

    .. math:: \dot\theta = -\frac{\hat m}{\sqrt{\hat v}+\epsilon},\qquad
              \dot{\hat m} = \frac{a\,(g-\hat m)}{1-e^{-at}},\qquad
              \dot{\hat v} = \frac{b\,(g^2-\hat v)}{1-e^{-bt}},\qquad t = n\eta.

    It is the system :math:`\dot m=a(g-m)`, :math:`\dot v=b(g^2-v)`, written for the corrected averages
    :math:`\hat m=m/(1-e^{-at})` and :math:`\hat v=v/(1-e^{-bt})`: plain means of what has been seen as long as
    :math:`t` is small, exponential ones later.

    Parameters
    ----------
    loss, params, times, solver, tolerance
        As in `gradient_flow`.
    a, b
        Rates of forgetting, positive, one over time.
    eps
        :math:`\epsilon \ge 0`, outside the root.

    Returns
    -------
    PyTree
        Like `params`, each leaf with a leading axis ``times``.

    Raises
    ------
    ValueError
        As in `gradient_flow`, and for an `a`, `b` or `eps` out of range.

    Notes
    -----
    At :math:`t=0` the right-hand side is 0/0. The solution starts one Euler step after it, at :math:`t_0=10^{-7}`,
    with :math:`\hat m=g_0` and :math:`\hat v=g_0^2`: an error of the order of :math:`t_0^2` in the position.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> path = adam_flow(lambda theta: 5 * jnp.sum(theta), jnp.array([1.0, 2.0]), jnp.array([0.5]), a=2.0, b=1.0)
    >>> print(path.round(4))  # a constant slope, whatever it is, is walked at speed one
    [[0.5 1.5]]

    References
    ----------
    A. Barakat, P. Bianchi, Convergence and dynamical behavior of the ADAM algorithm, 2021, arXiv:1810.02263.
    A. da Silva, M. Gazeau, A general system of differential equations to model first-order adaptive algorithms,
    2020, arXiv:1810.13108.
    """
    positive("a", a)
    positive("b", b)
    require("eps", eps, "at least 0 and finite", lambda value: (value >= 0) & np.isfinite(value))
    t0 = 1e-7
    m = jax.grad(loss)(params)
    v = jax.tree.map(jnp.square, m)
    theta = jax.tree.map(lambda theta, speed: theta + t0 * speed, params, _adam_velocity(m, v, eps))
    return _integrate(Partial(_adam, loss, a, b, eps), params, (theta, m, v), times, t0, solver, tolerance)[0]


def adagrad_flow(
    loss: Loss,
    params: PyTree,
    times: Times,
    *,
    solver: diffrax.AbstractSolver | None = None,
    tolerance: float | None = None,
) -> PyTree:
    r"""Integrate AdaGrad's flow. Its time step is the *square* of the learning rate.

    .. math:: \dot\theta = -\frac{g}{\sqrt K},\qquad \dot K = g^2,\qquad K(0)=0,\qquad t = n\eta^2.

    Parameters
    ----------
    loss, params, times, solver, tolerance
        As in `gradient_flow`.

    Returns
    -------
    PyTree
        Like `params`, each leaf with a leading axis ``times``. A coordinate whose first gradient is zero stays.

    Raises
    ------
    ValueError
        As in `gradient_flow`.

    Notes
    -----
    Near the start :math:`\theta\approx\theta_0-2\sqrt t\,\operatorname{sign} g_0`. Hence it is solved in
    :math:`s=\sqrt t` for :math:`\theta` and the mean :math:`k=K/t`, which are smooth there:
    :math:`\theta'=-2g/\sqrt k,\ k'=2(g^2-k)/s`, from one Euler step after zero.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> path = adagrad_flow(lambda theta: 5 * jnp.sum(theta), jnp.array([3.0]), jnp.array([0.25, 1.0]))
    >>> print(path.round(4)[:, 0])  # 3 - 2 sqrt(t)
    [2. 1.]

    References
    ----------
    J. Duchi, E. Hazan, Y. Singer, Adaptive subgradient methods for online learning and stochastic optimization,
    JMLR 2011 (the algorithm).
    """
    s0 = 1e-7
    if not isinstance(times, jax.core.Tracer):
        require("times", np.asarray(times), "at least 0 and finite", lambda value: (value >= 0) & np.isfinite(value))
        times = np.asarray(times)  # its root below is then known before tracing, and checked like any other times
    roots = times**0.5
    gradient = jax.grad(loss)(params)
    k = jax.tree.map(jnp.square, gradient)
    theta = jax.tree.map(lambda theta, slope: theta + s0 * slope, params, _adagrad_slopes(gradient, k))
    return _integrate(Partial(_adagrad, loss), params, (theta, k), roots, s0, solver, tolerance)[0]


def _at_speed_one(loss, s, theta, args):
    gradient = jax.grad(loss)(theta)
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in jax.tree.leaves(gradient)))
    return jax.tree.map(lambda g: -g / norm, gradient)


def _soft_signs(loss, eps, t, theta, args):
    return jax.tree.map(lambda g: -g / (jnp.abs(g) + eps), jax.grad(loss)(theta))


def _adam_velocity(m, v, eps):
    return jax.tree.map(lambda m, v: -m / (jnp.sqrt(v) + eps), m, v)


def _adam(loss, a, b, eps, t, state, args):
    theta, m, v = state
    gradient = jax.grad(loss)(theta)
    to_gradient, to_square = (rate / -jnp.expm1(-jnp.asarray(rate) * t) for rate in (a, b))
    dm = jax.tree.map(lambda g, m: to_gradient * (g - m), gradient, m)
    dv = jax.tree.map(lambda g, v: to_square * (g * g - v), gradient, v)
    return _adam_velocity(m, v, eps), dm, dv


def _adagrad_slopes(gradient, k):
    # k = 0 only where the gradient has been zero so far: 0/1 instead of 0/0.
    return jax.tree.map(lambda g, k: -2 * g / jnp.sqrt(jnp.where(k > 0, k, 1)), gradient, k)


def _adagrad(loss, s, state, args):
    theta, k = state
    gradient = jax.grad(loss)(theta)
    moves = jax.tree.map(lambda k: k > 0, k)
    dk = jax.tree.map(lambda g, k, m: jnp.where(m, 2 * (g * g - k) / s, 0), gradient, k, moves)
    return jax.tree.map(lambda slope, m: jnp.where(m, slope, 0), _adagrad_slopes(gradient, k), moves), dk

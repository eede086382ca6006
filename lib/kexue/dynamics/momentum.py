"""Optimizers with momentum: the heavy ball, and Nesterov's method."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import ScalarLike

from .._check import positive
from .._updates import at, like, map_inexact
from .coefficients import check_pair


class HeavyBallState(NamedTuple):
    """What the next step of `heavy_ball` needs: the velocity buffer, and the step's number."""

    trace: optax.Updates
    """The velocity buffer, like the parameters."""
    step: jax.Array
    """Updates so far."""


class NesterovState(NamedTuple):
    """What the next step of `nesterov` needs: the step's number and the last gradient step's end, relative to y."""

    step: jax.Array
    """Updates so far."""
    offset: optax.Updates
    """Where the last gradient step ended, relative to the point at which the gradient was taken."""


def heavy_ball(
    learning_rate: ScalarLike | optax.Schedule,
    momentum: ScalarLike | optax.Schedule,
    *,
    half_step_start: bool = False,
) -> optax.GradientTransformationExtraArgs:
    r"""Polyak's heavy ball, with a first step that keeps it a second-order integrator.

    .. math:: \theta_{n+1} = \theta_n + \beta(\theta_n - \theta_{n-1}) - \alpha\nabla L(\theta_n).

    The ordinary start :math:`\theta_{-1} = \theta_0` gives the particle a push of size
    :math:`h/2` times the slope and makes the method first order. A particle that starts at rest moves
    by :math:`-\frac{h^2}{2}\nabla L = -\frac{\alpha}{1+\beta}\nabla L` instead.

    Parameters
    ----------
    learning_rate : float, array or optax schedule
        :math:`\alpha > 0`; a schedule is called with the number of steps done.
    momentum : float, array or optax schedule
        :math:`\beta`, with :math:`-1 < \beta < 1`.
    half_step_start
        Scale the first step by :math:`1/(1+\beta)`. Without it, this is ``optax.sgd(learning_rate, momentum)``.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Works in `optax.chain`, under `jit` and `vmap`, on any pytree; leaves of integers stay where they are, and
        further keyword arguments of ``update`` are ignored. Memory: one copy of the parameters.

    Raises
    ------
    ValueError
        `learning_rate` or `momentum` a number out of range.

    Notes
    -----
    The velocity is in units of the gradient, as in ``optax.sgd``: with a scheduled rate the displacement that is
    repeated is :math:`\beta\alpha_n/\alpha_{n-1}` times the last one.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> optimizer = heavy_ball(0.1, 0.9, half_step_start=True)
    >>> step, _ = optimizer.update(jnp.array(1.9), optimizer.init(jnp.array(1.0)))
    >>> print(step)
    -0.1

    References
    ----------
    B. Polyak, Some methods of speeding up the convergence of iteration methods, 1964.
    """
    check_pair(learning_rate, momentum)

    def init(params):
        return HeavyBallState(optax.tree.zeros_like(params), jnp.zeros([], jnp.int32))

    def update(updates, state, params=None, **extra_args):
        del params, extra_args
        rate, beta = at(learning_rate, state.step), at(momentum, state.step)
        weight = jnp.where((state.step == 0) & half_step_start, 1 / (1 + beta), 1.0)
        trace = map_inexact(lambda g, m: like(weight, m) * g + like(beta, m) * m, updates, state.trace)
        step = map_inexact(lambda m: -like(rate, m) * m, trace)
        return step, HeavyBallState(trace, optax.safe_increment(state.step))

    return optax.GradientTransformationExtraArgs(init, update)


def nesterov(learning_rate: ScalarLike | optax.Schedule) -> optax.GradientTransformationExtraArgs:
    r"""Nesterov's method for convex losses, with the momentum that grows as :math:`k/(k+3)`.

    .. math:: x_{k+1} = y_k - s\nabla L(y_k), \qquad y_{k+1} = x_{k+1} + \frac{k}{k+3}(x_{k+1} - x_k).

    The parameters are the :math:`y_k`, where gradients are taken. (``optax.sgd(nesterov=True)`` keeps
    the factor constant.)

    Parameters
    ----------
    learning_rate : float, array or optax schedule
        :math:`s > 0`; a schedule is called with :math:`k`. The guarantee :math:`L(x_k) - L^* \le 2\lVert x_0 - x^*\rVert^2/(s(k+1)^2)`
        needs a constant :math:`s \le 1/\mathcal L`.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Works in `optax.chain`, under `jit` and `vmap`, on any pytree; leaves of integers stay where they are, and
        further keyword arguments of ``update`` are ignored. Memory: one copy of the parameters.

    Raises
    ------
    ValueError
        `learning_rate` a number that is not positive.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> optimizer = nesterov(0.1)
    >>> step, _ = optimizer.update(jnp.array(1.0), optimizer.init(jnp.array(1.0)))
    >>> print(step)  # no momentum at k = 0
    -0.1

    References
    ----------
    Y. Nesterov, A method of solving a convex programming problem with convergence rate O(1/k²), 1983.
    W. Su, S. Boyd, E. Candès, 2014, arXiv:1503.01243, equation 1.
    """
    positive("learning_rate", learning_rate)

    def init(params):
        return NesterovState(jnp.zeros([], jnp.int32), optax.tree.zeros_like(params))

    def update(updates, state, params=None, **extra_args):
        del params, extra_args
        rate, k = at(learning_rate, state.step), state.step.astype(float)
        # offset = x_k − y_k, so that the state never holds a second copy of the parameters.
        move = map_inexact(lambda g, o: -like(rate, g) * g - o, updates, state.offset)  # x_{k+1} − x_k
        extra = map_inexact(lambda m: like(k / (k + 3), m) * m, move)
        step = map_inexact(lambda g, e: -like(rate, g) * g + e, updates, extra)
        return step, NesterovState(optax.safe_increment(state.step), jax.tree.map(jnp.negative, extra))

    return optax.GradientTransformationExtraArgs(init, update)

"""Optimizers with momentum: the heavy ball, and Nesterov's method."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from .._check import positive
from .coefficients import check_pair


class HeavyBallState(NamedTuple):
    """What the next step of `heavy_ball` needs: the velocity buffer, and whether it is the first step."""

    trace: optax.Updates
    is_first: jax.Array


class NesterovState(NamedTuple):
    """What the next step of `nesterov` needs: the step's number and the last gradient step's end, relative to y."""

    step: jax.Array
    offset: optax.Updates


def heavy_ball(learning_rate: float, momentum: float, *, half_step_start: bool = False) -> optax.GradientTransformation:
    r"""Polyak's heavy ball, with a first step that keeps it a second-order integrator.

    .. math:: \theta_{n+1} = \theta_n + \beta(\theta_n - \theta_{n-1}) - \alpha\nabla L(\theta_n).

    The ordinary start :math:`\theta_{-1} = \theta_0` gives the particle a push of size
    :math:`h/2` times the slope and makes the method first order. A particle that starts at rest moves
    by :math:`-\frac{h^2}{2}\nabla L = -\frac{\alpha}{1+\beta}\nabla L` instead.

    Parameters
    ----------
    learning_rate
        :math:`\alpha > 0`.
    momentum
        :math:`\beta`, with :math:`-1 < \beta < 1`.
    half_step_start
        Scale the first step by :math:`1/(1+\beta)`. Without it, this is ``optax.sgd(learning_rate, momentum)``.

    Returns
    -------
    optax.GradientTransformation
        Works in `optax.chain`, under `jit` and `vmap`, on any pytree.

    Raises
    ------
    ValueError
        `learning_rate` or `momentum` out of range.

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
        return HeavyBallState(optax.tree.zeros_like(params), jnp.array(True))

    def update(updates, state, params=None):
        del params
        weight = jnp.where(state.is_first & half_step_start, 1 / (1 + momentum), 1.0)
        trace = jax.tree.map(lambda g, m: weight.astype(m.dtype) * g + momentum * m, updates, state.trace)
        step = jax.tree.map(lambda m: -learning_rate * m, trace)
        return step, HeavyBallState(trace, jnp.array(False))

    return optax.GradientTransformation(init, update)


def nesterov(learning_rate: float) -> optax.GradientTransformation:
    r"""Nesterov's method for convex losses, with the momentum that grows as :math:`k/(k+3)`.

    .. math:: x_{k+1} = y_k - s\nabla L(y_k), \qquad y_{k+1} = x_{k+1} + \frac{k}{k+3}(x_{k+1} - x_k).

    The parameters are the :math:`y_k`, where gradients are taken. (``optax.sgd(nesterov=True)`` keeps
    the factor constant.)

    Parameters
    ----------
    learning_rate
        :math:`s > 0`; the guarantee :math:`L(x_k) - L^* \le 2\lVert x_0 - x^*\rVert^2/(s(k+1)^2)`
        needs :math:`s \le 1/\mathcal L`.

    Returns
    -------
    optax.GradientTransformation
        Works in `optax.chain`, under `jit` and `vmap`, on any pytree.

    Raises
    ------
    ValueError
        `learning_rate` not positive.

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
        return NesterovState(jnp.array(0), optax.tree.zeros_like(params))

    def update(updates, state, params=None):
        del params
        factor = state.step / (state.step + 3)
        # offset = x_k − y_k, so that the state never holds a second copy of the parameters.
        move = jax.tree.map(lambda g, o: -learning_rate * g - o, updates, state.offset)  # x_{k+1} − x_k
        extra = jax.tree.map(lambda m: factor.astype(m.dtype) * m, move)
        step = jax.tree.map(lambda g, e: -learning_rate * g + e, updates, extra)
        return step, NesterovState(state.step + 1, jax.tree.map(jnp.negative, extra))

    return optax.GradientTransformation(init, update)

"""An average of the weights that were passed through, beside any optimizer."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import require
from ..._updates import is_inexact
from ._leaves import applied, find_state, is_empty, map_leaves, matched_params, strong_copy, wide

__all__ = ["AverageState", "average", "averaged_params"]


class AverageState(NamedTuple):
    """How many weights were averaged, their average, and the state of the wrapped optimizer."""

    step: Array
    """How many weights were averaged."""
    average: PyTree
    """Like the parameters; for reading, take `averaged_params`."""
    inner_state: PyTree
    """Of the wrapped optimizer."""


def average(
    inner: optax.GradientTransformation, decay: ScalarLike = 0.999, *, bias_correction: bool = True
) -> optax.GradientTransformationExtraArgs:
    r"""Keep an exponential moving average of the weights; the updates are those of ``inner``.

    .. math:: &\bar\theta_t = \bar\theta_{t-1} + w_t(\theta_t-\bar\theta_{t-1}),\\
              &w_t = \frac{1-\beta}{1-\beta^t}\quad\text{or}\quad w_t = 1-\beta

    With the first weight the average is :math:`\sum_i\beta^{t-i}\theta_i/\sum_i\beta^{t-i}` over
    :math:`\theta_1,\dots,\theta_t` (what Adam's bias correction would make of a sum that starts at 0); with the second
    it starts at :math:`\theta_0`, which stays in it with the weight :math:`\beta^t`.

    Parameters
    ----------
    inner
        Any optimizer. The average is over :math:`\theta_t=\theta_{t-1}+u_t` with *its* update: wrap it last, or the
        average is over weights that another wrapper changed afterwards.
    decay : float in [0, 1)
        :math:`\beta`. A traced value is accepted.
    bias_correction : bool
        The first of the two weights.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is an :class:`AverageState`; read it with :func:`averaged_params`.

    Raises
    ------
    ValueError
        If ``decay`` is out of range; in ``update``, if the parameters are missing or do not match the updates.

    Notes
    -----
    Memory: a copy of the parameters in at least float32, for the small weights :math:`w_t` would be lost in bfloat16.
    Leaves of integers keep their last value. The copy is safe where the parameters are donated.

    Examples
    --------
    >>> optimizer = average(optax.sgd(1.0), 0.5)
    >>> weights = jnp.array(0.0)
    >>> state = optimizer.init(weights)
    >>> for _ in range(2):
    ...     step, state = optimizer.update(jnp.array(-3.0), state, weights)
    ...     weights = optax.apply_updates(weights, step)
    >>> print(f"{averaged_params(state):.4f}")  # (0.5 * 3 + 6) / 1.5
    5.0000

    References
    ----------
    B. Polyak, A. Juditsky, Acceleration of stochastic approximation by averaging, 1992.
    P. Izmailov et al., Averaging weights leads to wider optima, UAI 2018, arXiv:1803.05407.
    """
    require("decay", decay, "in [0, 1)", lambda v: (v >= 0) & (v < 1))
    inner = optax.with_extra_args_support(inner)

    def init(params: PyTree) -> AverageState:
        copies = map_leaves(lambda p: strong_copy(p).astype(wide(p)) if is_inexact(p) else strong_copy(p), params)
        return AverageState(jnp.zeros((), jnp.int32), copies, inner.init(params))

    def update(
        updates: PyTree, state: AverageState, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, AverageState]:
        updates, inner_state = inner.update(updates, state.inner_state, params, **extra_args)
        count = optax.safe_increment(state.step)
        weight = _weight(decay, count) if bias_correction else 1 - decay

        def follow(mean: Array, u: Any, theta: Any) -> Array:
            if is_empty(u):
                return mean
            moved = applied(theta, u).astype(mean.dtype)
            return mean + jnp.asarray(weight, mean.dtype) * (moved - mean) if is_inexact(mean) else moved

        params = matched_params("average", params, updates)
        return updates, AverageState(count, map_leaves(follow, state.average, updates, params), inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _weight(decay: Any, count: Array) -> Array:
    """(1 − β) / (1 − β^t), with 1 − β taken before it is rounded."""
    fresh = jnp.asarray(1 - decay, jnp.result_type(float))
    return fresh / -jnp.expm1(count.astype(fresh.dtype) * jnp.log1p(-fresh))


def averaged_params(state: PyTree) -> PyTree:
    """The averaged weights, for evaluation.

    Parameters
    ----------
    state
        Of an optimizer in which :func:`average` stands exactly once, however deep: in a chain, a partition, another
        wrapper. Of nested ones the outermost counts.

    Returns
    -------
    pytree
        In at least float32; ``optax.tree.cast_like(averaged_params(state), params)`` has the parameters' own dtypes.

    Raises
    ------
    ValueError
        If there is no such state, or more than one.

    Examples
    --------
    >>> optimizer = optax.chain(optax.clip(1.0), average(optax.sgd(0.1)))
    >>> print(averaged_params(optimizer.init(jnp.array(2.0))))
    2.0
    """
    return find_state(AverageState, "average", state).average

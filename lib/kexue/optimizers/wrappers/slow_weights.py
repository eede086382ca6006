"""Lookahead: weights that follow an optimizer at a distance, and now and then pull it back."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import require
from ..._updates import at, is_inexact
from ._leaves import applied, find_state, is_empty, map_leaves, matched_params, strong_copy, whole_number, wide

__all__ = ["LookaheadState", "lookahead", "slow_params"]


class LookaheadState(NamedTuple):
    """How many updates there were, the slow weights, and the state of the wrapped optimizer."""

    step: Array
    """Updates so far."""
    slow: PyTree
    """The slow weights, like the parameters."""
    inner_state: PyTree
    """Of the wrapped optimizer."""


def lookahead(
    inner: optax.GradientTransformation, sync_period: int | Array = 5, slow_step: ScalarLike | optax.Schedule = 0.5
) -> optax.GradientTransformationExtraArgs:
    r"""Lookahead around any optimizer, on plain parameters.

    Every :math:`k` updates the slow weights :math:`\Theta` go part of the way to the fast ones, which return to them:

    .. math:: \Theta\leftarrow\Theta+\alpha(\theta-\Theta),\qquad \theta\leftarrow\Theta .

    With :math:`\alpha=1` this is the inner optimizer; with :math:`k=1`, SGD at the rate :math:`\alpha\gamma`.

    Parameters
    ----------
    inner
        Any optimizer; its state is kept at a synchronisation.
    sync_period : int, at least 1
        :math:`k`. A traced value is accepted.
    slow_step : float in (0, 1], array or schedule
        :math:`\alpha`. A traced value is accepted.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Takes and updates the fast weights. Its state is a :class:`LookaheadState`; evaluate :func:`slow_params`.
        Whatever changes the update afterwards keeps the two from being synchronised: wrap it last.

    Raises
    ------
    ValueError
        If ``sync_period`` or ``slow_step`` is out of range; in ``update``, if the parameters are missing or do not
        match the updates: the first path that differs is named.

    Notes
    -----
    Memory: a copy of the parameters, made in ``init``, so that they can be donated. Time, where state and parameters
    are donated: the slow weights are read at each step, in the same loop as the update itself, and written at
    synchronisations only.

    Examples
    --------
    >>> optimizer = lookahead(optax.sgd(1.0), sync_period=2)
    >>> weights = jnp.array(0.0)
    >>> state = optimizer.init(weights)
    >>> for _ in range(4):
    ...     step, state = optimizer.update(jnp.array(1.0), state, weights)
    ...     weights = optax.apply_updates(weights, step)
    ...     print(f"{weights} {slow_params(state)}")
    -1.0 0.0
    -1.0 -1.0
    -2.0 -1.0
    -2.0 -2.0

    References
    ----------
    M. Zhang, J. Lucas, G. Hinton, J. Ba, Lookahead optimizer: k steps forward, 1 step back, 2019, arXiv:1907.08610.
    """
    whole_number("sync_period", sync_period)
    require("slow_step", slow_step, "in (0, 1]", lambda v: (v > 0) & (v <= 1))
    inner = optax.with_extra_args_support(inner)

    def init(params: PyTree) -> LookaheadState:
        return LookaheadState(jnp.zeros((), jnp.int32), map_leaves(strong_copy, params), inner.init(params))

    def update(
        updates: PyTree, state: LookaheadState, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, LookaheadState]:
        updates, inner_state = inner.update(updates, state.inner_state, params, **extra_args)
        params = matched_params("lookahead", params, updates)
        count = optax.safe_increment(state.step)
        is_synchronised = count % jnp.asarray(sync_period, count.dtype) == 0
        alpha = at(slow_step, state.step)

        def pull_back(u: Array, theta: Array, slow: Array) -> Array:
            if not (is_inexact(u) and is_inexact(theta)):
                return u
            dtype = wide(u, theta)
            ahead = jnp.asarray(theta, dtype) + jnp.asarray(u, dtype) - jnp.asarray(slow, dtype)
            # Written so that α = 1 changes no bit.
            back = jnp.asarray(u, dtype) - (1 - jnp.asarray(alpha, dtype)) * ahead
            return jnp.where(is_synchronised, back.astype(u.dtype), u)

        def ahead(slow: Array, u: Any, theta: Any) -> Array:
            return slow if is_empty(u) else applied(theta, u)

        updates = map_leaves(pull_back, updates, params, state.slow)
        # The fast weights as they will be, to the last bit. The branch is given nothing that is not computed anyway
        # (`optax.apply_updates` adds the same): so the compiler has nothing to copy where the slow weights stay.
        fast = map_leaves(ahead, state.slow, updates, params)
        slow = jax.lax.cond(is_synchronised, lambda new, old: new, lambda new, old: old, fast, state.slow)
        return updates, LookaheadState(count, slow, inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def slow_params(state: PyTree) -> PyTree:
    """The slow weights, for evaluation; at a synchronisation the fast ones are the same.

    Parameters
    ----------
    state
        Of an optimizer in which :func:`lookahead` stands exactly once, however deep: in a chain, a partition, another
        wrapper. Of nested ones the outermost counts.

    Returns
    -------
    pytree
        Shapes and dtypes of the parameters.

    Raises
    ------
    ValueError
        If there is no such state, or more than one.

    Examples
    --------
    >>> optimizer = optax.chain(optax.clip(1.0), lookahead(optax.adam(0.1)))
    >>> print(slow_params(optimizer.init(jnp.array(2.0))))
    2.0
    """
    return find_state(LookaheadState, "lookahead", state).slow

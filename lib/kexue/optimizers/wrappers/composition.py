"""Wrappers of wrappers: in one order, in both orders, and all combinations of six under one `vmap`."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree, ScalarLike, Shaped

from ._leaves import map_leaves, spread_mask
from .accumulation import accumulate
from .decay import weight_decay
from .layer_adaptation import layer_adapt
from .lazy import lazy
from .schedules import with_schedule
from .slow_weights import lookahead

__all__ = ["commutator", "compose", "switchboard"]

Wrapper = Callable[[optax.GradientTransformation], optax.GradientTransformation]


def compose(*wrappers: Any) -> Wrapper:
    """Several wrappers as one; the last is the innermost.

    Parameters
    ----------
    *wrappers
        Functions from an optimizer to an optimizer, such as ``functools.partial(accumulate, every_k=4)``.

    Returns
    -------
    callable
        ``compose(a, b)(optimizer)`` is ``a(b(optimizer))``.

    Raises
    ------
    ValueError
        If one of them is not callable: an optimizer is none.

    Examples
    --------
    >>> from functools import partial
    >>> lamb = compose(partial(layer_adapt, rate=0.01), partial(weight_decay, rate=0.01, decay=0.1))(optax.adam(0.01))
    >>> weights = jnp.array([3.0, 4.0])
    >>> update, _ = lamb.update(jnp.array([1.0, 1.0]), lamb.init(weights), weights)
    >>> print(f"{jnp.linalg.norm(update):.4f}")
    0.0500
    """
    for position, wrapper in enumerate(wrappers):
        if not callable(wrapper):
            raise ValueError(f"wrappers must be functions of an optimizer, got {wrapper!r} at position {position}")
    return lambda inner: functools.reduce(lambda optimizer, wrapper: wrapper(optimizer), reversed(wrappers), inner)


def commutator(
    wrapper_a: Wrapper,
    wrapper_b: Wrapper,
    base: optax.GradientTransformation,
    loss: Callable[[PyTree, PyTree], Any],
    params: PyTree,
    batches: PyTree,
) -> Float[Array, ""]:
    r"""How much the order of two wrappers matters, as a fraction of the way.

    .. math:: \frac{\lVert\theta_{AB}-\theta_{BA}\rVert}{\lVert\theta_{\rm base}-\theta_0\rVert}

    Parameters
    ----------
    wrapper_a, wrapper_b
        Functions from an optimizer to an optimizer.
    base
        The optimizer inside both.
    loss : callable
        ``loss(params, batch)``, a real scalar.
    params : pytree of float arrays
        :math:`\theta_0`.
    batches : pytree
        One batch for each step along the leading axis.

    Returns
    -------
    float
        NaN if ``base`` does not move.

    Notes
    -----
    Time: three training runs. Compiled once for the same functions (*the same objects*), whatever the arrays.

    Examples
    --------
    >>> from functools import partial
    >>> schedule = partial(with_schedule, rho=lambda count: 1 / (1 + count))
    >>> adapt = partial(layer_adapt, rate=0.01)
    >>> start, targets = jnp.array([1.0, 2.0]), jnp.zeros((20, 2))
    >>> loss = lambda weights, target: jnp.sum((weights - target) ** 2)
    >>> print(f"{commutator(adapt, schedule, optax.adam(0.01), loss, start, targets):.2f}")  # the schedule is divided out
    1.18
    """
    return _commutator(wrapper_a, wrapper_b, base, loss, params, batches)


@functools.partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _commutator(a: Wrapper, b: Wrapper, base: Any, loss: Any, params: PyTree, batches: PyTree) -> Array:
    def end(optimizer: optax.GradientTransformation) -> PyTree:
        def step(carry: tuple[PyTree, PyTree], batch: PyTree) -> tuple[tuple[PyTree, PyTree], None]:
            weights, state = carry
            updates, state = optimizer.update(jax.grad(loss)(weights, batch), state, weights)
            return (optax.apply_updates(weights, updates), state), None

        return jax.lax.scan(step, (params, optimizer.init(params)), batches)[0][0]

    ab, ba, alone = end(compose(a, b)(base)), end(compose(b, a)(base)), end(base)
    return optax.tree.norm(optax.tree.sub(ab, ba)) / optax.tree.norm(optax.tree.sub(alone, params))


def switchboard(
    flags: Shaped[Array | np.ndarray, " six"] | Sequence[Any],
    rate: ScalarLike,
    rho: optax.Schedule,
    *,
    decay: ScalarLike = 0.01,
    every_k: int = 2,
    sync_period: int = 5,
    slow_step: ScalarLike = 0.5,
    mask: Any = None,
) -> optax.GradientTransformationExtraArgs:
    """Adam in six wrappers, each of which a flag switches on: all 64 combinations are one `vmap`.

    The nesting is lookahead(accumulate(lazy(schedule(layer(decay(Adam)))))). A wrapper that is off has its identity
    setting: no decay, no scaling, the factor 1, every step, a slow step of 1.

    Parameters
    ----------
    flags : bool or int (6,)
        For decay, layer adaptation, schedule, accumulation, Lookahead and lazy rows, in this order. Traced or not.
    rate : float, array
        Of Adam. A traced value is accepted.
    rho, decay, every_k, sync_period, slow_step
        As in :func:`~kexue.optimizers.with_schedule`, :func:`~kexue.optimizers.weight_decay`,
        :func:`~kexue.optimizers.accumulate` and :func:`~kexue.optimizers.lookahead`. The schedule counts updates, of
        which accumulation makes fewer.
    mask : tree of booleans, or function from the updates to one, optional
        Which leaves decay, are scaled and have rows: by default those of at least two dimensions.

    Returns
    -------
    optax.GradientTransformationExtraArgs

    Raises
    ------
    ValueError
        If ``flags`` are not six booleans or integers, or another argument is out of range.

    Notes
    -----
    Under ``vmap`` over flags every wrapper runs for every combination: 64 runs cost 64 of the fullest one.

    Examples
    --------
    >>> flags = jnp.array([[0, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]])
    >>> weights = jnp.ones((1, 1))
    >>> def first_step(switches):
    ...     optimizer = switchboard(switches, 0.1, lambda count: 1.0, decay=0.5)
    ...     return optimizer.update(weights, optimizer.init(weights), weights)[0][0, 0]
    >>> print(*(f"{step:.3f}" for step in jax.vmap(first_step)(flags)))
    -0.100 -0.150
    """
    flags = jnp.asarray(flags)
    if flags.shape != (6,) or not (flags.dtype == bool or jnp.issubdtype(flags.dtype, jnp.integer)):
        raise ValueError(f"flags must be six booleans or integers, got shape {flags.shape} of {flags.dtype}")
    decays, adapts, schedules, accumulates, looks_ahead, is_lazy = flags != 0
    leaves = _matrices if mask is None else mask

    def masked(flag: Array) -> Callable[[PyTree], PyTree]:
        return lambda updates: map_leaves(
            lambda is_marked: is_marked if is_marked is False else is_marked & flag,
            spread_mask("mask", leaves, updates),
        )

    return compose(
        lambda inner: lookahead(inner, sync_period, jnp.where(looks_ahead, slow_step, 1.0)),
        lambda inner: accumulate(inner, jnp.where(accumulates, every_k, 1)),
        lambda inner: lazy(inner, masked(is_lazy)),
        lambda inner: with_schedule(inner, lambda count: jnp.where(schedules, rho(count), 1.0)),
        lambda inner: layer_adapt(inner, rate, masked(adapts)),
        lambda inner: weight_decay(inner, rate, decay, masked(decays)),
    )(optax.adam(rate))


def _matrices(updates: PyTree) -> PyTree:
    return map_leaves(lambda leaf: jnp.ndim(leaf) >= 2, updates)

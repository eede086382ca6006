"""One training loop: gradient steps of any optax optimizer on any pytree, as one :func:`jax.lax.scan`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key, PyTree

__all__ = ["Run", "train"]


class Run(NamedTuple):
    """What :func:`train` returns."""

    params: PyTree
    """The parameters after the last update; the structure of the start."""
    opt_state: PyTree
    """The optimizer's state after the last update."""
    losses: Float[Array, " steps"]
    """The loss *before* each update; under stochastic batches, the loss of that update's batch."""
    history: PyTree
    """``record(params)`` before each update and after the last (leading axis steps + 1); None without ``record``."""


def train(
    loss: Callable[..., Any],
    params: PyTree,
    optimizer: optax.GradientTransformation,
    steps: int,
    *,
    batch: Callable[[Key[Array, ""]], Any] | None = None,
    key: Key[Array, ""] | None = None,
    record: Callable[[Any], Any] | None = None,
) -> Run:
    r"""Minimise a loss by ``steps`` updates of an optimizer.

    .. math:: \theta_{k+1} &= \theta_k + u_k, \qquad k = 0, \dots, \text{steps} - 1, \\
              (u_k, s_{k+1}) &= \operatorname{update}\big(\nabla L(\theta_k; B_k), s_k, \theta_k\big)

    Works under ``jit``, ``vmap`` (over keys, learning rates, starts) and ``grad``. Called bare it compiles on each
    call: wrap repeated calls in ``jax.jit`` (``eqx.filter_jit`` for modules), and hand data to it as an argument.

    Parameters
    ----------
    loss : callable
        ``loss(params)``, or ``loss(params, batch(key))`` when ``batch`` is given; returns a real scalar.
    params : pytree
        The start. Floating-point arrays (JAX or NumPy) are trained; every other leaf, such as an integer array, a
        Python number or an Equinox module's activation function, is kept as it is.
    optimizer : optax.GradientTransformation
        Transformations with extra arguments receive ``value``, ``grad`` and ``value_fn``, so ``optax.lbfgs`` and
        ``optax.contrib.reduce_on_plateau`` work too.
    steps : int, at least 1
        Number of updates; a Python integer, because it is the length of a scan.
    batch : callable, optional
        ``batch(key)`` draws the data of one update. A loss with noise of its own can take ``batch=lambda key: key``.
    key : key, optional
        Update ``k`` draws with ``jax.random.fold_in(key, k)``: a shorter run is the beginning of a longer one.
    record : callable, optional
        ``record(params)``, a pytree of arrays to store along the way.

    Returns
    -------
    Run
        ``params``, ``opt_state``, ``losses`` (steps,) and ``history``.

    Raises
    ------
    ValueError
        If ``steps`` is not an integer of at least 1, if one of ``batch`` and ``key`` comes without the other, if
        ``params`` holds no floating-point array, or if the loss is not a real scalar.

    Notes
    -----
    Time: ``steps`` gradients. Memory: one copy of parameters and state, reused from step to step, and the history.

    Examples
    --------
    >>> run = train(lambda x: (x - 3) ** 2, jnp.array(0.0), optax.sgd(0.25), steps=3)
    >>> print(run.params, run.losses)
    2.625 [9.     2.25   0.5625]
    """
    _check(steps, batch, key)
    params, static = eqx.partition(params, eqx.is_inexact_array)
    if not jax.tree.leaves(params):
        raise ValueError("params holds no floating-point array, so there is nothing to train.")
    params = jax.tree.map(jnp.asarray, params)
    optimizer = optax.with_extra_args_support(optimizer)

    def objective(params: PyTree, *data: Any) -> Array:
        return _real_scalar(loss(eqx.combine(params, static), *data))

    def observe(params: PyTree) -> PyTree:
        return None if record is None else jax.tree.map(jnp.asarray, record(eqx.combine(params, static)))

    def step(carry: tuple[PyTree, PyTree], k: Array) -> tuple[tuple[PyTree, PyTree], tuple[Array, PyTree]]:
        params, opt_state = carry
        data = () if batch is None or key is None else (batch(jax.random.fold_in(key, k)),)
        value, gradient = jax.value_and_grad(objective)(params, *data)
        # JAX's gradient with respect to a complex number points to the conjugate of the steepest ascent.
        gradient = jax.tree.map(jnp.conj, gradient)
        updates, next_state = optimizer.update(
            gradient, opt_state, params, value=value, grad=gradient, value_fn=lambda params: objective(params, *data)
        )
        return (optax.apply_updates(params, updates), next_state), (value, observe(params))

    # No donation here: the caller's jit compiles this loop, and only that jit can give buffers away. Inside the
    # compiled scan, parameters and state are updated in place anyway.
    start = (params, optimizer.init(params))
    (params, opt_state), (losses, history) = jax.lax.scan(step, start, jnp.arange(steps))
    history = jax.tree.map(lambda past, last: jnp.concatenate([past, last[None]]), history, observe(params))
    return Run(eqx.combine(params, static), opt_state, losses, history)


def _check(steps: Any, batch: Any, key: Any) -> None:
    is_integer = hasattr(steps, "__index__") and not isinstance(steps, bool | jax.Array)
    if not is_integer or steps < 1:
        raise ValueError(f"steps={steps!r} is not allowed: it must be a Python integer of at least 1.")
    if (batch is None) != (key is None):
        given, missing = ("batch", "key") if key is None else ("key", "batch")
        raise ValueError(f"{given} is given but {missing} is not: random batches need both, a full batch neither.")


def _real_scalar(value: Any) -> Array:
    is_leaf = jax.tree_util.all_leaves([value])
    if not is_leaf or jnp.shape(value) or not jnp.issubdtype(jnp.result_type(value), jnp.floating):
        found = jax.tree.map(lambda leaf: f"{jnp.result_type(leaf)}{jnp.shape(leaf)}", value)
        raise ValueError(f"loss must return one real number, a scalar; it returned {found}.")
    return value

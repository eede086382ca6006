"""A batch that does not fit into memory, had by waiting: the optimizer waits, or the gradient does."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.tree_util import keystr, tree_leaves_with_path
from jaxtyping import Array, DTypeLike, PyTree

from ..._updates import at, is_inexact
from ._leaves import is_empty, map_leaves, whole_number, wide

__all__ = ["AccumulateState", "accumulate", "accumulated_value_and_grad"]


class AccumulateState(NamedTuple):
    """Gradients gathered since the last update, updates so far, the gradients' mean, the wrapped optimizer's state."""

    gathered: Array
    """Gradients since the last update."""
    step: Array
    """Updates so far."""
    mean: PyTree
    """Of the gradients gathered, like the parameters."""
    inner_state: PyTree
    """Of the wrapped optimizer."""


def accumulate(
    inner: optax.GradientTransformation,
    every_k: int | Array | Callable[[Array], Any],
    *,
    accumulator_dtype: DTypeLike | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Call an optimizer on the mean of every :math:`k` gradients, and hold still in between.

    .. math:: \nabla L_{\cup B_i}(\theta) = \frac1k\sum_{i=1}^k\nabla L_{B_i}(\theta)

    With micro-batches of equal size this is the large batch: between two updates the parameters and *everything* in
    the inner state are held, the counter of the bias correction and of a schedule included.

    Parameters
    ----------
    inner
        Any optimizer. Decay, clipping and schedules belong inside.
    every_k : int, at least 1, or schedule
        :math:`k`, or a function of the number of updates so far: a batch that grows. A traced value is accepted.
    accumulator_dtype : floating-point dtype, optional
        Of the mean so far. Without it, that of the parameters, but at least float32: in bfloat16 the mean of a
        hundred gradients would stand still.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its update is 0 but for every :math:`k`-th. The state is an :class:`AccumulateState`.

    Raises
    ------
    ValueError
        If ``every_k`` is no integer of at least 1, or ``accumulator_dtype`` not floating-point.

    Notes
    -----
    On the other micro-steps ``inner`` is not run at all (``lax.cond``), unless ``every_k`` is batched by ``vmap``; then
    what it emits is discarded by selection, never by multiplication with 0, which a NaN would survive. The last call's
    keyword arguments reach it. Memory: one copy of the gradients. Gradients of integer leaves are taken to be 0.

    Examples
    --------
    >>> optimizer = accumulate(optax.sgd(1.0), 2)
    >>> state = optimizer.init(jnp.array(0.0))
    >>> steps = []
    >>> for gradient in (1.0, 3.0, 5.0, 5.0):
    ...     step, state = optimizer.update(jnp.array(gradient), state)
    ...     steps.append(float(step))
    >>> steps
    [0.0, -2.0, 0.0, -5.0]

    References
    ----------
    J. Su, archives/6794, 2019, https://kexue.fm/archives/6794.
    """
    if not callable(every_k):
        whole_number("every_k", every_k)
    if accumulator_dtype is not None and not jnp.issubdtype(accumulator_dtype, jnp.floating):
        raise ValueError(f"accumulator_dtype must be floating-point, got {accumulator_dtype!r}")
    inner = optax.with_extra_args_support(inner)

    def init(params: PyTree) -> AccumulateState:
        zeros = map_leaves(lambda p: jnp.zeros_like(p, dtype=_accumulator(p, accumulator_dtype)), params)
        return AccumulateState(jnp.zeros((), jnp.int32), jnp.zeros((), jnp.int32), zeros, inner.init(params))

    def update(
        updates: PyTree, state: AccumulateState, params: PyTree = None, **extra_args: Any
    ) -> tuple[PyTree, AccumulateState]:
        def gather(mean: Array, g: Any) -> Array:
            if is_empty(g) or not is_inexact(mean):
                return mean
            new = jnp.asarray(g).astype(mean.dtype)
            # What the last update left behind is overwritten, not added to: a NaN ends with its own k gradients.
            return jnp.where(state.gathered == 0, new, mean + (new - mean) / (state.gathered + 1).astype(mean.dtype))

        mean = map_leaves(gather, state.mean, updates)
        gradient = map_leaves(
            lambda g, m: m.astype(jnp.result_type(g)) if is_inexact(m) and is_inexact(g) else m, updates, mean
        )

        def apply() -> tuple[PyTree, PyTree]:
            new_updates, inner_state = inner.update(gradient, state.inner_state, params, **extra_args)
            return new_updates, jax.tree.map(_like, inner_state, state.inner_state)

        def hold() -> tuple[PyTree, PyTree]:
            return jax.tree.map(lambda u: jnp.zeros(u.shape, u.dtype), jax.eval_shape(apply)[0]), state.inner_state

        k = jnp.asarray(at(every_k, state.step), state.gathered.dtype)
        is_last = state.gathered >= k - 1
        new_updates, inner_state = jax.lax.cond(is_last, apply, hold)
        gathered = jnp.where(is_last, 0, state.gathered + 1)
        step = jnp.where(is_last, optax.safe_increment(state.step), state.step)
        return new_updates, AccumulateState(gathered, step, mean, inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _accumulator(leaf: Any, dtype: Any) -> Any:
    if not is_inexact(leaf):
        return jnp.result_type(leaf)
    if dtype is None:
        return wide(leaf)
    is_complex = jnp.issubdtype(jnp.result_type(leaf), jnp.complexfloating)
    return np.promote_types(dtype, np.complex64) if is_complex else dtype


def _like(new: Any, old: Any) -> Any:
    return jnp.asarray(new) if jnp.result_type(new) == jnp.result_type(old) else jnp.asarray(new).astype(old.dtype)


def accumulated_value_and_grad(
    loss_fn: Callable[..., tuple[Any, Any]], every_k: int
) -> Callable[..., tuple[Array, PyTree]]:
    r"""Value and gradient of a mean over a large batch, one micro-batch in memory at a time.

    .. math:: L(\theta) = \frac{\sum_i S_i(\theta)}{\sum_i N_i},\qquad
              \nabla L = \frac{\sum_i\nabla S_i}{\sum_i N_i}

    With one division at the end this is exact also where the micro-batches count differently, as with masked tokens:
    the mean of their means is not the mean.

    Parameters
    ----------
    loss_fn : callable
        ``loss_fn(params, batch, *rest)`` to the *sum* of the losses and their number (which does not depend on the
        parameters), two real scalars.
    every_k : int, at least 1
        The number of micro-batches.

    Returns
    -------
    callable
        ``(params, batch, *rest)`` to the value and the gradient, in the dtypes of the parameters. Each leaf of
        ``batch`` has the micro-batches along its leading axis: ``(every_k, ...)``.

    Raises
    ------
    ValueError
        If ``every_k`` is no integer of at least 1; when called, if a leaf of ``batch`` has another leading axis, or
        ``loss_fn`` does not return two real scalars.

    Notes
    -----
    Time: ``every_k`` gradients, one after the other (``lax.scan``). Memory: one micro-batch's activations and one
    gradient in at least float32. If nothing is counted, value and gradient are NaN.

    Examples
    --------
    >>> def loss(w, batch):
    ...     x, counts = batch
    ...     return jnp.sum(counts * (w - x) ** 2), jnp.sum(counts)
    >>> batch = jnp.array([[1.0, 2.0], [6.0, 0.0]]), jnp.array([[1, 1], [1, 0]], jnp.float32)
    >>> value, slope = accumulated_value_and_grad(loss, 2)(jnp.array(0.0), batch)
    >>> print(f"{value:.4f} {slope:.4f}")  # (1 + 4 + 36) / 3 and -2 * 3
    13.6667 -6.0000
    """
    whole_number("every_k", every_k)

    def value_and_grad(params: PyTree, batch: PyTree, *rest: Any) -> tuple[Array, PyTree]:
        for path, leaf in tree_leaves_with_path(batch):
            if np.shape(leaf)[:1] != (every_k,):
                place = keystr(path) or "the root"
                raise ValueError(f"batch must have a leading axis of {every_k} at {place}, got shape {np.shape(leaf)}")

        def sums(micro_batch: PyTree) -> PyTree:
            return jax.value_and_grad(loss_fn, has_aux=True)(params, micro_batch, *rest)

        def add(total: PyTree, micro_batch: PyTree) -> tuple[PyTree, None]:
            return jax.tree.map(lambda t, s: t + jnp.asarray(s).astype(t.dtype), total, sums(micro_batch)), None

        first = jax.tree.map(lambda leaf: leaf[0], batch)
        _check_scalars(jax.eval_shape(loss_fn, params, first, *rest))
        zeros = jax.tree.map(_zero, jax.eval_shape(sums, first))
        ((total, count), gradient), _ = jax.lax.scan(add, zeros, batch, length=every_k)
        return (
            total / count.astype(total.dtype),
            jax.tree.map(lambda g, p: (g / count.astype(g.dtype)).astype(jnp.result_type(p)), gradient, params),
        )

    return value_and_grad


def _zero(shape: jax.ShapeDtypeStruct) -> Array:
    return jnp.zeros(shape.shape, wide(shape) if is_inexact(shape) else jnp.int32)


def _check_scalars(returned: Any) -> None:
    leaves = returned if isinstance(returned, tuple) and len(returned) == 2 else ()
    if not leaves or not all(
        jax.tree_util.all_leaves([leaf]) and leaf.shape == () and not jnp.issubdtype(leaf.dtype, jnp.complexfloating)
        for leaf in leaves
    ):
        raise ValueError(f"loss_fn must return a sum and a count, two real scalars, got {returned}")

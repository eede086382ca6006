"""AdaFactor: the second moment of a matrix kept as one number a row and one a column."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import not_negative, positive, require
from ..._updates import is_inexact
from ._leaves import (
    Rate,
    absolute_square,
    average,
    given,
    real_dtype,
    times,
    update_leaves,
    widened,
    widened_dtype,
    with_rate,
)
from .averages import Decay, decay_power

__all__ = ["FactoredState", "Factors", "adafactor", "scale_by_factored_rms"]

SMALLEST = float(np.finfo(np.float32).tiny)


class Factors(NamedTuple):
    """The averaged mean squares of the rows and of the columns of a tensor."""

    row: Array
    """Means over the last axis."""
    column: Array
    """Means over the last axis but one."""


class FactoredState(NamedTuple):
    """What the next step of `scale_by_factored_rms` needs."""

    step: Array
    """Steps so far, int32."""
    mean_square: PyTree
    """By leaf: `Factors`, or one number an entry, or None where it holds integers."""


def scale_by_factored_rms(
    decay: Decay, eps: ScalarLike = 1e-30, min_dim_to_factor: int = 128
) -> optax.GradientTransformationExtraArgs:
    r"""Divide the gradient by the root of its averaged squares, of which only row and column means are kept.

    .. math:: &\hat v_{ij}=\frac{r_ic_j}{\bar r},\\
              &r_i=\frac1n\sum_jv_{ij},\\
              &c_j=\frac1m\sum_iv_{ij},\\
              &u_{ij}=\frac{g_{ij}}{\sqrt{\hat v_{ij}}}

    Of all tables :math:`a_ib_j` this one is the closest to :math:`v` in generalised Kullback-Leibler divergence.
    It has the same row and column sums, and because these are linear in :math:`v`, their moving averages are those of
    the moving average: :math:`r` and :math:`c` are all that is stored.

    Parameters
    ----------
    decay : callable
        From the step :math:`t=1,2,\dots` (int32) to the share of the old average that is kept.
    eps : float, at least 1.2e-38
        Added to the squared gradient. May be traced.
    min_dim_to_factor : int, at least 1
        A tensor of rank 2 or more is factored over its two longest axes (of equal ones, the last) if both are at least
        this long; further axes hold separate tables. Every other leaf keeps one number an entry.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is a :class:`FactoredState`. Leaves of integers get a zero update.

    Raises
    ------
    ValueError
        If ``eps`` or ``min_dim_to_factor`` is out of range; from ``init``, if an axis has length zero.

    Notes
    -----
    Memory: :math:`m+n` numbers for a matrix of :math:`mn`, in float32 at least. Time: two passes over the gradient
    for the means, and one for the update, which no table :math:`\hat v` interrupts.

    Examples
    --------
    >>> optimizer = scale_by_factored_rms(lambda t: 0.0, min_dim_to_factor=2)
    >>> gradient = jnp.array([[1.0, 2.0], [3.0, 6.0]])  # its square is a table of rank one: nothing is lost
    >>> print(optimizer.update(gradient, optimizer.init(gradient))[0])
    [[1. 1.]
     [1. 1.]]

    References
    ----------
    Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, arXiv:1804.04235, section 3.
    """
    require("eps", eps, "at least 1.2e-38 and finite", lambda value: (value >= SMALLEST) & np.isfinite(value))
    require("min_dim_to_factor", min_dim_to_factor, "at least 1", lambda value: value >= 1)

    def init(params: PyTree) -> FactoredState:
        start = lambda path, p: _start(path, p, min_dim_to_factor) if is_inexact(p) else None  # noqa: E731
        return FactoredState(jnp.zeros((), jnp.int32), jax.tree_util.tree_map_with_path(start, params))

    def update(updates: PyTree, state: FactoredState, params: Any = None, **extra: Any) -> tuple[PyTree, FactoredState]:
        del extra
        t = optax.safe_increment(state.step)
        kept = jnp.asarray(decay(t), jnp.result_type(float))

        def step(g: Array, _: Any, v: Any) -> tuple[Array, Any]:
            axes = _factored_axes(g.shape, min_dim_to_factor) if isinstance(v, Factors) else None
            u, v = _whole(kept, widened(g), v, eps) if axes is None else _factored(kept, widened(g), v, eps, axes)
            return u.astype(g.dtype), v

        updates, mean_square = update_leaves(step, updates, params, state.mean_square)
        return updates, FactoredState(t, mean_square)

    return optax.GradientTransformationExtraArgs(init, update)


def adafactor(
    learning_rate: Rate | None = None,
    *,
    c: ScalarLike = 0.8,
    clip: Rate | None = 1.0,
    relative: bool = True,
    eps: tuple[ScalarLike, ScalarLike] = (1e-30, 1e-3),
    momentum: ScalarLike | None = None,
    min_dim_to_factor: int = 128,
) -> optax.GradientTransformationExtraArgs:
    r"""AdaFactor: Adam's second moment in two vectors, clipped updates, steps relative to the size of the weights.

    .. math:: &\hat v_t=b_t\hat v_{t-1}+(1-b_t)(g_t^2+\epsilon_1)\ \text{(factored)},\\
              &b_t=1-t^{-c},\\
              &u_t=\frac{g_t}{\sqrt{\hat v_t}}

    .. math:: \theta_t=\theta_{t-1}-\alpha_t\max\big(\epsilon_2,\operatorname{RMS}(\theta_{t-1})\big)
              \frac{u_t}{\max(1,\operatorname{RMS}(u_t)/d)}

    Parameters
    ----------
    learning_rate : float, array, optax schedule or None
        :math:`\alpha`; None is the paper's :math:`\min(t^{-1/2},10^{-2})`, a twentieth of it with ``relative=False``.
    c : float, positive
        The power in :math:`b_t`; above 1 the first gradients are never forgotten. May be traced.
    clip : float, array, optax schedule or None
        :math:`d`, the largest root mean square that the :math:`u` of a tensor may have; None does not clip.
    relative : bool
        Whether steps are multiplied by :math:`\max(\epsilon_2,\operatorname{RMS}(\theta))` of their tensor. A rate of
        :math:`10^{-2}` then means one percent of the weights.
    eps : pair of floats
        :math:`\epsilon_1`, at least 1.2e-38, and :math:`\epsilon_2`, at least 0. May be traced.
    momentum : float in [0, 1), optional
        :math:`\beta_1` of an average of the clipped :math:`u`, before the rate, not corrected for its start at zero.
        It needs one number a parameter.
    min_dim_to_factor : int, at least 1
        As in :func:`scale_by_factored_rms`; static under ``optax.inject_hyperparams``.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        ``update`` needs the parameters if ``relative``. The same updates as ``optax.adafactor`` at equal options and
        a given rate: with ``momentum`` only for a constant rate and ``relative=False``, because optax averages after
        the rate. (Without a rate optax multiplies by 1.)

    Raises
    ------
    ValueError
        If a number is out of range; from ``init``, if an axis has length zero; from ``update``, if ``params`` is
        missing.

    Notes
    -----
    Memory: :math:`m+n` numbers for a matrix of :math:`mn`. Time: four passes over the gradient and one over the
    parameters.

    Examples
    --------
    >>> optimizer = adafactor(0.01)
    >>> params, gradient = jnp.array([3.0, -3.0]), jnp.array([7.0, 1e-3])
    >>> print(optimizer.update(gradient, optimizer.init(params), params)[0])  # one percent of 3, whatever the gradient
    [-0.03 -0.03]

    References
    ----------
    Shazeer and Stern, "Adafactor: adaptive learning rates with sublinear memory cost", 2018, arXiv:1804.04235,
    algorithms 4 and 5.
    """
    _check(learning_rate, clip, eps, momentum)
    links = [scale_by_factored_rms(decay_power(c), eps[0], min_dim_to_factor)]
    if clip is not None:
        links.append(with_rate(clip, lambda d, u, _: times(u, 1 / jnp.maximum(1, _root_mean_square(u) / d))))
    if momentum is not None:
        links.append(_average_of_updates(momentum))

    def move(rate: Array, u: Array, p: Any) -> Array:
        if relative:
            rate = rate * jnp.maximum(_root_mean_square(given(p)).astype(rate.dtype), jnp.asarray(eps[1], rate.dtype))
        return times(u, -rate)

    return optax.chain(*links, with_rate(_paper_rate(relative) if learning_rate is None else learning_rate, move))


def _check(learning_rate: Any, clip: Any, eps: Any, momentum: Any) -> None:
    not_negative("learning_rate", learning_rate)
    positive("clip", clip)
    if not isinstance(eps, tuple | list) or len(eps) != 2:
        raise ValueError(f"eps must be a pair of numbers, got {eps!r}")
    not_negative("eps[1]", eps[1])
    require("momentum", momentum, "in [0, 1)", lambda value: (value >= 0) & (value < 1))


def _paper_rate(relative: bool) -> optax.Schedule:
    factor = 1 if relative else 0.05
    return lambda count: factor * jnp.minimum(jax.lax.rsqrt((count + 1).astype(jnp.result_type(float))), 0.01)


def _average_of_updates(momentum: ScalarLike) -> optax.GradientTransformationExtraArgs:
    def init(params: PyTree) -> PyTree:
        return jax.tree.map(lambda p: jnp.zeros_like(p, widened_dtype(p)) if is_inexact(p) else None, params)

    def update(updates: PyTree, state: PyTree, params: Any = None, **extra: Any) -> tuple[PyTree, PyTree]:
        del extra

        def step(u: Array, _: Any, m: Array) -> tuple[Array, Array]:
            m = average(jnp.asarray(momentum), m, widened(u))
            return m.astype(u.dtype), m

        return update_leaves(step, updates, params, state)

    return optax.GradientTransformationExtraArgs(init, update)


def _factored_axes(shape: tuple[int, ...], min_dim: int) -> tuple[int, int] | None:
    """The two longest axes, the first of them first; None where one of them is too short."""
    longest = np.argsort(shape, kind="stable")[-2:]
    if len(shape) < 2 or shape[longest[0]] < min_dim:
        return None
    return int(min(longest)), int(max(longest))


def _start(path: Any, param: Any, min_dim: int) -> Any:
    shape, dtype = jnp.shape(param), real_dtype(jnp.zeros((), widened_dtype(param)))
    if 0 in shape:
        name = f"params{jax.tree_util.keystr(path)}"
        raise ValueError(f"{name} must have no axis of length zero, whose mean does not exist, got shape {shape}")
    axes = _factored_axes(shape, min_dim)
    if axes is None:
        return jnp.zeros_like(param, dtype)

    def sums(table: Any) -> list[Array]:
        return [jnp.sum(jnp.moveaxis(table, axes, (-2, -1)), axis) for axis in (-1, -2)]

    # Like the parameter's sums, so that they lie on the devices on which it lies.
    like = jax.eval_shape(sums, param) if isinstance(param, jax.ShapeDtypeStruct) else sums(param)
    return Factors(*(jnp.zeros_like(total, dtype) for total in like))


def _whole(kept: Array, g: Array, v: Array, eps: ScalarLike) -> tuple[Array, Array]:
    v = average(kept, v, absolute_square(g) + jnp.asarray(eps, v.dtype))
    return times(g, jax.lax.rsqrt(v)), v


def _factored(kept: Array, g: Array, v: Factors, eps: ScalarLike, axes: tuple[int, int]) -> tuple[Array, Factors]:
    tables = jnp.moveaxis(g, axes, (-2, -1))
    square, eps = absolute_square(tables), jnp.asarray(eps, v.row.dtype)
    row = average(kept, v.row, _mean_of_rows(square) + eps)
    column = average(kept, v.column, _mean_of_columns(square) + eps)
    # One factor after the other: the product of both would overflow where a row and a column are zero.
    by_row = jax.lax.rsqrt(row) * jnp.sqrt(jnp.mean(row, axis=-1, keepdims=True))
    u = times(times(tables, by_row[..., None]), jax.lax.rsqrt(column)[..., None, :])
    return jnp.moveaxis(u, (-2, -1), axes), Factors(row, column)


def _mean_of_rows(square: Array) -> Array:
    # As a product: XLA computes `square` inside of it, but for a long sum writes `square` to memory first on CPUs.
    ones = jnp.full(square.shape[-1:], 1 / square.shape[-1], square.dtype)
    return jnp.matmul(square, ones, precision="highest")


def _mean_of_columns(square: Array) -> Array:
    # Eight rows are added at a time, for the same reason: only an eighth of `square` is ever written.
    rows, columns = square.shape[-2:]
    eights = square[..., : rows // 8 * 8, :].reshape(*square.shape[:-2], rows // 8, 8, columns)
    added = sum(eights[..., i, :] for i in range(8))
    return (jnp.sum(added, axis=-2) + jnp.sum(square[..., rows // 8 * 8 :, :], axis=-2)) / rows


def _root_mean_square(x: Array) -> Array:
    square = absolute_square(x)
    return jnp.sqrt(jnp.mean(_mean_of_rows(square) if x.ndim >= 2 else square))

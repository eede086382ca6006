"""A learning rate that changes, as a factor around any optimizer; piecewise linear factors from a dictionary."""

import itertools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._updates import at, is_inexact
from ._leaves import afterwards, map_leaves, wide

__all__ = ["piecewise_linear", "with_schedule"]


def with_schedule(
    inner: optax.GradientTransformation, rho: ScalarLike | optax.Schedule
) -> optax.GradientTransformationExtraArgs:
    r"""Multiply the updates of any optimizer by a factor that depends on the step.

    .. math:: u'_t = \rho(t)\,u_t,\qquad t=0,1,2,\dots

    Parameters
    ----------
    inner
        Any optimizer.
    rho : schedule, float or array
        From the number of updates so far to the factor. A traced value is accepted.

    Returns
    -------
    optax.GradientTransformationExtraArgs

    Notes
    -----
    Time: one multiplication a parameter. Memory: one counter. Inside :func:`~kexue.optimizers.layer_adapt` it has no
    effect, and :func:`~kexue.optimizers.weight_decay` belongs inside of it: then it schedules the decay too, as in
    ``optax.adamw``.

    Examples
    --------
    >>> optimizer = with_schedule(optax.sgd(1.0), piecewise_linear({2: 1.0}))
    >>> state = optimizer.init(jnp.array(0.0))
    >>> steps = []
    >>> for _ in range(4):
    ...     step, state = optimizer.update(jnp.array(1.0), state)
    ...     steps.append(float(step))
    >>> steps
    [-0.0, -0.5, -1.0, -1.0]
    """

    def change(updates: PyTree, count: Array, params: PyTree) -> PyTree:
        factor = at(rho, count)

        def scale(u: Array) -> Array:
            return (jnp.asarray(factor, wide(u)) * u.astype(wide(u))).astype(u.dtype) if is_inexact(u) else u

        return map_leaves(scale, updates)

    return afterwards(inner, change)


def piecewise_linear(
    points: Mapping[Any, Any] | Sequence[tuple[Any, Any]], from_zero: bool = True
) -> Callable[[Any], Array]:
    r"""The factor that goes through given points in straight lines, and stays where the last one is.

    .. math:: \rho(t) = \rho_i + (\rho_{i+1}-\rho_i)\,\frac{t-t_i}{t_{i+1}-t_i},\qquad t_i\le t\le t_{i+1}

    This is ``numpy.interp``. (``optax.piecewise_interpolate_schedule`` takes factors from one point to the next, not
    values.)

    Parameters
    ----------
    points : dictionary or sequence of pairs
        Steps :math:`t_i` (integers, at least 0, increasing) and values :math:`\rho_i` (any finite numbers).
    from_zero : bool
        Start at (0, 0) where no value is given for step 0: warm-up, in which **the first step has size 0**. Otherwise
        the first value holds from the beginning.

    Returns
    -------
    callable
        From a step, or an array of them, to the factor in JAX's default float type. Works as an optax schedule.

    Raises
    ------
    ValueError
        If ``points`` is empty, a step is no integer or outside [0, 2^31 - 2], or they do not increase, or a
        value is not finite.

    Examples
    --------
    >>> rho = piecewise_linear({1000: 1.0, 2000: 0.1})
    >>> print(rho(jnp.array([0, 500, 1000, 1500, 9000])))
    [0.   0.5  1.   0.55 0.1 ]
    """
    pairs = list(points.items() if isinstance(points, Mapping) else points)
    steps, values = _checked(pairs)
    if from_zero and steps[0] > 0:
        steps, values = [0, *steps], [0.0, *values]
    # The last value once more, so that there is always a line to be on.
    ends, values = np.array([*steps, steps[-1] + 1]), [*values, values[-1]]

    def rho(count: Any) -> Array:
        t, dtype = jnp.asarray(count), jnp.result_type(float)
        t = t.astype(jnp.int32) if jnp.issubdtype(t.dtype, jnp.integer) else t
        knots, heights = jnp.asarray(ends, t.dtype), jnp.stack([jnp.asarray(value, dtype) for value in values])
        t = jnp.clip(t, knots[0], knots[-1])
        i = jnp.clip(jnp.searchsorted(knots, t, side="right") - 1, 0, len(ends) - 2)
        # Steps are subtracted as they come: as float32, integers beyond 2^24 would be rounded first.
        part = (t - knots[i]).astype(dtype) / (knots[i + 1] - knots[i]).astype(dtype)
        return heights[i] + part * (heights[i + 1] - heights[i])

    return rho


def _checked(pairs: list[tuple[Any, Any]]) -> tuple[list[int], list[Any]]:
    if not pairs:
        raise ValueError("points must hold at least one step and its value, got none")
    try:
        steps = [operator.index(step) for step, _ in pairs]
    except TypeError:
        raise ValueError(f"the steps of points must be integers, got {[step for step, _ in pairs]}") from None
    if steps[0] < 0 or steps[-1] > 2**31 - 2 or any(b <= a for a, b in itertools.pairwise(steps)):
        raise ValueError(f"the steps of points must increase, from at least 0 to at most 2^31 - 2, got {steps}")
    values = [value for _, value in pairs]
    if any(isinstance(value, int | float | np.number) and not np.isfinite(value) for value in values):
        raise ValueError(f"the values of points must be finite, got {values}")
    return steps, values

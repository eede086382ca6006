"""One step of an ODE solver as a recurrent cell, and the loop that unrolls it."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PyTree, ScalarLike

from ..._check import at_least_one, floating, positive

__all__ = ["OdeCell", "observe", "unroll", "whole_steps"]

METHODS = ("euler", "heun", "rk4")


class OdeCell(eqx.Module):
    r"""A recurrent cell whose weights are a differential equation :math:`\dot x=f(x,t)`.

    ==========  ==========================================================================================
    ``euler``   :math:`x_{n+1}=x_n+hf(x_n,t_n)`: one field a step, first order
    ``heun``    :math:`x_{n+1}=x_n+\frac h2(k_1+k_2)`, :math:`k_2=f(x_n+hk_1,t_n+h)`: two, second order
    ``rk4``     the classical Runge-Kutta method: four, fourth order
    ==========  ==========================================================================================

    Parameters
    ----------
    field : callable
        ``field(x, t)``, the velocity, of the structure and shapes of ``x``. A function, or a module with weights.
    step : float
        :math:`h>0`; may be a traced number.
    method : {"euler", "heun", "rk4"}

    Raises
    ------
    ValueError
        An unknown method, ``step`` not positive, or a field of another structure or shape than its state.

    Notes
    -----
    Called as ``cell(x, t)``, it returns the state one step later; ``x`` is *one* state, an array of any shape or a
    pytree, real or complex, and keeps its dtypes. Integers become floats.

    Examples
    --------
    >>> decay = lambda x, t: -x
    >>> print([f"{OdeCell(decay, 0.5, method)(1.0, 0.0):.5f}" for method in ("euler", "heun", "rk4")], np.exp(-0.5).round(5))
    ['0.50000', '0.62500', '0.60677'] 0.60653

    References
    ----------
    Hairer, Nørsett, Wanner, Solving Ordinary Differential Equations I, 1993, section II.1.
    """

    field: Callable[..., Any]
    step: ScalarLike
    method: str = eqx.field(static=True, default="euler")

    def __check_init__(self) -> None:
        positive("step", self.step)
        if self.method not in METHODS:
            raise ValueError(f"method must be one of {', '.join(map(repr, METHODS))}, got {self.method!r}")

    def __call__(self, x: PyTree, t: ScalarLike = 0.0) -> PyTree:
        """The state at ``t + step``, from the state at ``t``."""
        x, t = jax.tree.map(floating, x), floating(t)
        shapes = jax.tree.map(np.shape, x)

        def velocity(fraction: float, slope: PyTree = None) -> PyTree:
            """After that fraction of a step along a slope."""
            there = x if slope is None else self._moved(x, fraction, slope)
            found = self.field(there, t + fraction * jnp.asarray(self.step, t.dtype))
            if jax.tree.map(np.shape, found) != shapes:
                raise ValueError(
                    f"field must return what it is given, {shapes}; it returned {jax.tree.map(np.shape, found)}"
                )
            return found

        k1 = velocity(0.0)
        if self.method == "euler":
            return self._moved(x, 1.0, k1)
        if self.method == "heun":
            k2 = velocity(1.0, k1)
            return self._moved(x, 0.5, jax.tree.map(jnp.add, k1, k2))
        k2 = velocity(0.5, k1)
        k3 = velocity(0.5, k2)
        k4 = velocity(1.0, k3)
        return self._moved(x, 1 / 6, jax.tree.map(lambda a, b, c, d: a + 2 * b + 2 * c + d, k1, k2, k3, k4))

    def _moved(self, x: PyTree, fraction: float, slope: PyTree) -> PyTree:
        return jax.tree.map(lambda leaf, v: leaf + jnp.asarray(fraction * self.step, leaf.dtype) * v, x, slope)


def unroll(cell: Callable[..., Any], x0: PyTree, steps: int, *, t0: ScalarLike = 0.0) -> PyTree:
    r"""Run a cell from a start: the forward pass of a recurrent network, and the numerical solution of an ODE.

    .. math:: x_{n+1}=\operatorname{cell}(x_n,\,t_0+nh),\qquad n=0,\dots,\text{steps}-1.

    Parameters
    ----------
    cell : callable
        An `OdeCell`, or any ``cell(x, t)`` with an attribute ``step``, such as a scheme of your own.
    x0 : pytree of arrays
        The state at ``t0``; integers become floats.
    steps : int, at least 1
        A Python integer, because it is the length of a :func:`jax.lax.scan`.
    t0 : float
        Time of the start; matters only to a field that depends on time.

    Returns
    -------
    pytree
        Like ``x0``, each leaf with a leading axis of ``steps + 1`` states: the n-th belongs to :math:`t_0+nh`.

    Raises
    ------
    ValueError
        ``steps`` below 1, or a cell that does not return the structure, shapes and dtypes that it is given.

    Notes
    -----
    One compilation for a cell, a length and a shape of ``x0``; later calls compile nothing if the field is the same
    function. Works under ``jit``, ``vmap`` and both modes of ``grad``. Memory of the reverse mode: a few states for
    each step and field.

    Examples
    --------
    >>> turn = lambda x, t: jnp.stack([-x[1], x[0]])
    >>> print(unroll(OdeCell(turn, jnp.pi / 8, "rk4"), jnp.array([1.0, 0.0]), 4)[-1].round(2) + 0)
    [0. 1.]
    """
    at_least_one("steps", steps)
    x0 = jax.tree.map(floating, x0)
    found = jax.eval_shape(cell, x0, floating(t0))
    if _signature(found) != _signature(x0):
        raise ValueError(f"the cell must return what it is given, {_signature(x0)}; it returned {_signature(found)}")
    return _unroll(cell, x0, steps, floating(t0))


@eqx.filter_jit
def _unroll(cell: Any, x0: PyTree, steps: int, t0: Array) -> PyTree:
    # Times in at least single precision, multiplied out so that rounding does not pile up.
    is_double = any(jnp.finfo(leaf.dtype).bits == 64 for leaf in jax.tree.leaves(x0))
    dtype = jnp.float64 if is_double else jnp.float32
    times = t0.astype(dtype) + jnp.arange(steps).astype(dtype) * jnp.asarray(cell.step, dtype)

    def advance(x: PyTree, t: Array) -> tuple[PyTree, PyTree]:
        x = cell(x, t)
        return x, x

    path = jax.lax.scan(advance, x0, times)[1]
    return jax.tree.map(lambda first, rest: jnp.concatenate([first[None], rest]), x0, path)


def observe(trajectory: PyTree, index: Int[Array, " seen"] | Int[np.ndarray, " seen"] | list[int]) -> PyTree:
    """Pick the states at given numbers of steps out of a trajectory.

    Parameters
    ----------
    trajectory : pytree of arrays (steps + 1, ...)
        From `unroll`.
    index : int (seen,)
        Numbers of steps, from 0 for the start to ``steps``.

    Returns
    -------
    pytree
        Each leaf of shape (seen, ...). Where a *traced* index is out of range, not a number.

    Raises
    ------
    ValueError
        An index that is not a whole number, or out of range.

    Examples
    --------
    >>> print(observe(jnp.array([1.0, 2.0, 4.0]), [0, 2]))
    [1. 4.]
    """
    lengths = {len(leaf) for leaf in jax.tree.leaves(trajectory)}
    if len(lengths) > 1:
        raise ValueError(f"trajectory must have one number of states in all its leaves, got {sorted(lengths)}")
    length = lengths.pop() if lengths else 0
    if not isinstance(index, jax.core.Tracer):
        index = np.asarray(index)
        if index.ndim != 1 or not np.issubdtype(index.dtype, np.integer):
            raise ValueError(f"index must be one axis of integers, got shape {index.shape} of {index.dtype}")
        if np.any((index < 0) | (index >= length)):
            raise ValueError(f"index must be from 0 to {length - 1}, got {index.min()} to {index.max()}")
    inside = (index >= 0) & (index < length)
    where = jnp.where(inside, index, length)  # a negative index would count from the end
    return jax.tree.map(lambda leaf: leaf.at[where].get(mode="fill"), trajectory)


def whole_steps(times: Any, step: ScalarLike) -> np.ndarray:
    """How many steps each time is away from the start; raises unless all are whole and not negative."""
    positive("step", step)
    if isinstance(times, jax.core.Tracer) or isinstance(step, jax.core.Tracer):
        raise ValueError("times and step must be known before tracing: they decide how long the loop is")
    times = np.asarray(times)
    if times.ndim != 1 or times.size == 0:
        raise ValueError(f"times must be one axis of at least one number, got shape {times.shape}")
    exact = times.astype(np.float64) / np.asarray(step, np.float64)
    index = np.rint(exact)
    # What rounding to single precision can have done to the times, or to a step such as 0.1.
    rounding = np.minimum(8 * np.finfo(np.float32).eps * np.maximum(index, 1), 0.01)
    is_wrong = ~(np.abs(exact - index) <= rounding) | (index < 0)
    if is_wrong.any():
        raise ValueError(f"times must be multiples of step ({step}), and not negative, got {times[is_wrong][0]}")
    return index.astype(int)


def _signature(tree: PyTree) -> Any:
    return jax.tree.map(lambda leaf: f"{leaf.dtype}{list(leaf.shape)}", tree)

"""Schedules of temperatures, and what a temperature guarantees."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ..._check import at_least_one, positive, require

__all__ = ["geometric_temperatures", "ground_state_bound", "linear_temperatures", "logarithmic_temperatures"]


def geometric_temperatures(first: float, last: float, steps: int) -> Float[Array, " steps"]:
    r"""Temperatures :math:`T_k=T_1\,(T_n/T_1)^{(k-1)/(n-1)}`: each step cools by the same factor.

    Parameters
    ----------
    first, last : float, positive
    steps : int, at least 1

    Returns
    -------
    float (steps,)

    Raises
    ------
    ValueError
        If a temperature is not positive and finite, or ``steps`` is below 1.

    Examples
    --------
    >>> print(geometric_temperatures(1.0, 0.01, 3))
    [1.   0.1  0.01]

    References
    ----------
    Kirkpatrick, Gelatt, Vecchi, Science 220, 1983.
    """
    _ends(first, last, steps)
    return first * (last / first) ** jnp.linspace(0.0, 1.0, steps)


def linear_temperatures(first: float, last: float, steps: int) -> Float[Array, " steps"]:
    r"""Temperatures :math:`T_k=T_1+(T_n-T_1)\frac{k-1}{n-1}`: each step cools by the same amount.

    Parameters
    ----------
    first, last : float, positive
    steps : int, at least 1

    Returns
    -------
    float (steps,)

    Raises
    ------
    ValueError
        If a temperature is not positive and finite, or ``steps`` is below 1.

    Examples
    --------
    >>> print(linear_temperatures(1.0, 0.5, 3))
    [1.   0.75 0.5 ]
    """
    _ends(first, last, steps)
    return first + (last - first) * jnp.linspace(0.0, 1.0, steps)


def logarithmic_temperatures(depth: float, steps: int) -> Float[Array, " steps"]:
    r"""Temperatures :math:`T_k=c/\ln(k+1)`, slow enough to reach a minimum with probability one.

    This holds if and only if :math:`c` is at least the depth of the deepest valley that is not the lowest. It is a
    statement about infinite time: after a million steps the temperature is still :math:`c/14`.

    Parameters
    ----------
    depth : float, positive
        The constant :math:`c`, in units of the energy.
    steps : int, at least 1

    Returns
    -------
    float (steps,)

    Raises
    ------
    ValueError
        If ``depth`` is not positive and finite, or ``steps`` is below 1.

    Examples
    --------
    >>> print(1 / logarithmic_temperatures(2.0, 2))  # ln 2 / 2, ln 3 / 2
    [0.3465736  0.54930615]

    References
    ----------
    Hajek, "Cooling schedules for optimal annealing", Mathematics of Operations Research 13, 1988.
    """
    positive("depth", depth)
    at_least_one("steps", steps)
    return depth / jnp.log(jnp.arange(2.0, steps + 2.0))


def ground_state_bound(states: int, gap: float, temperature: float | Float[Array, "..."]) -> Float[Array, "..."]:
    r"""Least mass that :math:`\pi_T\propto e^{-E/T}` can give to the minima: :math:`1-(n-1)\,e^{-\delta/T}`.

    Every state that is not a minimum lies higher by :math:`\delta` or more.

    Parameters
    ----------
    states : int, at least 1
        The number :math:`n` of states.
    gap : float, positive
        The difference :math:`\delta` between the two lowest energies.
    temperature : float or array, positive

    Returns
    -------
    float array of the shape of ``temperature``
        Negative, hence void, where the temperature is high.

    Raises
    ------
    ValueError
        If ``states`` is below 1, or ``gap`` or ``temperature`` is not positive.

    Examples
    --------
    >>> print(f"{ground_state_bound(200, 0.5, 0.03):.4f}")
    1.0000
    """
    at_least_one("states", states)
    positive("gap", gap)
    positive("temperature", temperature)
    return 1 - (states - 1) * jnp.exp(-gap / jnp.asarray(temperature))


def known_temperatures(temperatures: Any) -> None:
    """Require an array of positive, finite numbers, if it is known."""
    if temperatures.ndim != 1 or temperatures.size == 0:
        raise ValueError(f"temperatures must have shape (steps,), got {tuple(temperatures.shape)}")
    if not isinstance(temperatures, jax.core.Tracer):
        require("temperatures", np.asarray(temperatures), "positive and finite", lambda t: (t > 0) & np.isfinite(t))


def _ends(first: float, last: float, steps: int) -> None:
    positive("first", first)
    positive("last", last)
    at_least_one("steps", steps)

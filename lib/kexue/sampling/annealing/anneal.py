"""Simulated annealing: a Markov chain whose temperature falls while it runs, and what it found on the way."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PyTree

from ..._check import at_least_one, positive, require

__all__ = [
    "Annealed",
    "anneal",
    "geometric_temperatures",
    "ground_state_bound",
    "linear_temperatures",
    "logarithmic_temperatures",
]


class Annealed(NamedTuple):
    """The best state that each chain visited, where each chain ended, and the share of accepted proposals."""

    best: PyTree
    best_energy: Float[Array, " chains"]
    position: PyTree
    energy: Float[Array, " chains"]
    acceptance: Float[Array, " chains"]
    trace: tuple[PyTree, Float[Array, "chains records"]] | None


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


def anneal(
    energy: Callable[[Any], Array],
    temperatures: Float[Array, " steps"] | Float[np.ndarray, " steps"],
    keys: Key[Array, " chains"],
    positions: PyTree,
    *,
    propose: Callable[[Array, Any, Array], Any] | None = None,
    kernel_at: Callable[[Array], Any] | None = None,
    every: int | None = None,
) -> Annealed:
    r"""Simulated annealing of many chains: step :math:`k` leaves :math:`\pi_{T_k}\propto e^{-E/T_k}` invariant.

    With ``propose``, a proposal :math:`y` is accepted if :math:`-T_k\ln u>E(y)-E(x)`, :math:`u` uniform on (0, 1).

    Parameters
    ----------
    energy : callable
        A position to a scalar, to be minimised. A proposal with energy NaN is never accepted.
    temperatures : float (steps,), positive
        One for each step: a schedule of this module, or any array.
    keys : PRNG keys (chains,)
        A chain depends on its own key only.
    positions : pytree of arrays (chains, ...)
        Where the chains start.
    propose : callable
        ``propose(key, position, temperature) -> position``, symmetric: :math:`q(y\leftarrow x)=q(x\leftarrow y)`.
    kernel_at : callable
        Instead of ``propose``: ``kernel_at(temperature)`` returns a kernel (``init``, ``step``) for the log density
        :math:`-E/T`, for instance ``lambda T: random_walk(lambda x: -energy(x) / T, 0.1)``.
    every : int, optional
        Record position and energy after each ``every``-th step.

    Returns
    -------
    Annealed
        ``best`` and ``best_energy`` of each chain's whole history, start included; ``trace`` is a pair of positions
        (chains, steps // every, ...) and energies, or None.

    Raises
    ------
    ValueError
        If a temperature is not positive and finite, an energy at the start is NaN (both if known), ``every`` does not
        divide the steps, or not exactly one of ``propose`` and ``kernel_at`` is given.

    Notes
    -----
    One evaluation of the energy a step with ``propose``, three with ``kernel_at``, whose state must be scored anew at
    each temperature. The states of a run at falling temperature are draws from no law.

    Examples
    --------
    >>> energy = lambda x: (x**2 - 1) ** 2 + 0.3 * x  # two valleys, the left one is lower
    >>> step = lambda key, x, T: x + jax.random.normal(key)
    >>> run = anneal(energy, geometric_temperatures(1.0, 1e-3, 1000), jax.random.split(jax.random.key(0), 8),
    ...              jnp.ones(8), propose=step)
    >>> print(jnp.all(abs(run.best + 1.035) < 0.05))
    True

    References
    ----------
    Kirkpatrick, Gelatt, Vecchi, "Optimization by simulated annealing", Science 220, 1983.
    """
    known_temperatures(temperatures)
    steps = temperatures.shape[0]
    if (propose is None) == (kernel_at is None):
        raise ValueError("exactly one of propose and kernel_at must be given")
    if every is not None and (every < 1 or steps % every):
        raise ValueError(f"every must divide the number of steps, {steps}, got {every}")
    energies = jax.vmap(energy)(positions)
    known_energies(energies)
    # compiled once for these functions: pass the same objects again, and a second call costs no tracing
    return _run(energy, propose, kernel_at, every, jnp.asarray(temperatures, energies.dtype), keys, positions, energies)


@partial(jax.jit, static_argnums=(0, 1, 2, 3))
def _run(
    energy: Callable,
    propose: Callable | None,
    kernel_at: Callable | None,
    every: int | None,
    temperatures: Array,
    keys: Array,
    positions: Any,
    energies: Array,
) -> Annealed:
    steps = temperatures.shape[0]
    transition = _metropolis(energy, propose) if propose is not None else _driven(energy, kernel_at)

    def step(state: tuple, now: tuple) -> tuple[tuple, None]:
        x, e, best, lowest, accepted = state
        x, e, is_accepted = transition(*now, x, e)
        is_best = e < lowest
        best = jax.tree.map(lambda new, old: jnp.where(is_best, new, old), x, best)
        return (x, e, best, jnp.where(is_best, e, lowest), accepted + is_accepted.astype(e.dtype)), None

    def one_chain(key: Array, x: Any, e: Array) -> Annealed:
        def stretch(state: tuple, now: tuple) -> tuple[tuple, Any]:
            state, _ = jax.lax.scan(step, state, now)
            return state, state[:2] if every else None

        length = every or steps
        shape = (steps // length, length)
        now = (jax.random.split(key, shape), temperatures.reshape(shape))
        state, trace = jax.lax.scan(stretch, (x, e, x, e, jnp.zeros_like(e)), now)
        return Annealed(state[2], state[3], *state[:2], state[4] / steps, trace)

    return jax.vmap(one_chain)(keys, positions, energies)


def _metropolis(energy: Callable, propose: Callable) -> Callable:
    def transition(key: Array, temperature: Array, x: Any, e: Array) -> tuple[Any, Array, Bool[Array, ""]]:
        propose_key, accept_key = jax.random.split(key)
        y = propose(propose_key, x, temperature)
        proposed = energy(y)
        threshold = -temperature * jnp.log1p(-jax.random.uniform(accept_key, dtype=e.dtype))  # uniform may be zero
        is_accepted = (proposed - e < threshold) | (proposed <= e)
        return (
            jax.tree.map(lambda a, b: jnp.where(is_accepted, a, b), y, x),
            jnp.where(is_accepted, proposed, e),
            is_accepted,
        )

    return transition


def _driven(energy: Callable, kernel_at: Callable | None) -> Callable:
    assert kernel_at is not None

    def transition(key: Array, temperature: Array, x: Any, e: Array) -> tuple[Any, Array, Bool[Array, ""]]:
        kernel = kernel_at(temperature)
        state, info = kernel.step(key, kernel.init(x))
        return state.position, energy(state.position), info.is_accepted

    return transition


def known_temperatures(temperatures: Any) -> None:
    """Require an array of positive, finite numbers, if it is known."""
    if temperatures.ndim != 1 or temperatures.size == 0:
        raise ValueError(f"temperatures must have shape (steps,), got {tuple(temperatures.shape)}")
    if not isinstance(temperatures, jax.core.Tracer):
        require("temperatures", np.asarray(temperatures), "positive and finite", lambda t: (t > 0) & np.isfinite(t))


def known_energies(energies: Array) -> None:
    """Require that no start has an energy of NaN, if it is known."""
    if not isinstance(energies, jax.core.Tracer) and np.isnan(energies).any():
        bad = int(np.flatnonzero(np.isnan(energies))[0])
        raise ValueError(f"positions must have an energy that is a number, got NaN at the start of chain {bad}")


def _ends(first: float, last: float, steps: int) -> None:
    positive("first", first)
    positive("last", last)
    at_least_one("steps", steps)

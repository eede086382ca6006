"""Simulated annealing: a Markov chain whose temperature falls while it runs, and what it found on the way."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Key, PyTree

from ..._check import floating
from .temperatures import known_temperatures

__all__ = ["Annealed", "anneal"]


class Annealed(NamedTuple):
    """The best state that each chain visited, where each chain ended, and the share of accepted proposals."""

    best: PyTree
    """The best position of each chain; leading axis ``chains``."""
    best_energy: Float[Array, " chains"]
    """Its energy."""
    position: PyTree
    """Where each chain ended."""
    energy: Float[Array, " chains"]
    """The energy there."""
    acceptance: Float[Array, " chains"]
    """Share of the proposals that were accepted."""
    trace: tuple[PyTree, Float[Array, "chains records"]] | None
    """Positions and energies every so many steps, if asked for."""


def anneal(
    energy: Callable[[Any], Array],
    temperatures: ArrayLike | Sequence,
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
        A position to a scalar, a number or a count, to be minimised. A proposal with energy NaN is never accepted.
    temperatures : float (steps,), positive
        One for each step: a schedule, such as `geometric_temperatures`, or any array.
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
    >>> from kexue.sampling import geometric_temperatures
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
    temperatures = floating(temperatures)
    known_temperatures(temperatures)
    steps = temperatures.shape[0]
    if (propose is None) == (kernel_at is None):
        raise ValueError("exactly one of propose and kernel_at must be given")
    if every is not None and (every < 1 or steps % every):
        raise ValueError(f"every must divide the number of steps, {steps}, got {every}")
    energies = floating(jax.vmap(energy)(positions))
    known_energies(energies)
    # compiled once for these functions: pass the same objects again, and a second call costs no tracing
    return _run(energy, propose, kernel_at, every, jnp.asarray(temperatures, energies.dtype), keys, positions, energies)


def anneal_chains(
    energy: Callable,
    propose: Callable | None,
    kernel_at: Callable | None,
    every: int | None,
    temperatures: Array,
    keys: Array,
    positions: Any,
    energies: Array,
) -> Annealed:
    """Anneal chains whose starting energies are known and checked."""
    steps = temperatures.shape[0]
    number = lambda x: energy(x).astype(energies.dtype)  # noqa: E731 - counts are energies too
    transition = _metropolis(number, propose) if propose is not None else _driven(number, kernel_at)

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


_run = jax.jit(anneal_chains, static_argnums=(0, 1, 2, 3))


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


def known_energies(energies: Array) -> None:
    """Require that no start has an energy of NaN, if it is known."""
    if not isinstance(energies, jax.core.Tracer) and np.isnan(energies).any():
        bad = int(np.flatnonzero(np.isnan(energies))[0])
        raise ValueError(f"positions must have an energy that is a number, got NaN at the start of chain {bad}")

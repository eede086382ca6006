"""Many chains at once: a scan over steps under a map over chains, on one device or on many."""

from collections.abc import Callable
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from ..._check import at_least_one

__all__ = ["run_chains"]


def _position(state: Any, info: Any) -> Any:
    return state.position


def run_chains(
    kernel: Any,
    keys: Array,
    positions: PyTree,
    steps: int,
    *,
    thin: int = 1,
    record: Callable[[Any, Any], PyTree] = _position,
) -> tuple[Any, PyTree, PyTree]:
    """Run one Markov chain for each key.

    Parameters
    ----------
    kernel : Kernel
        Of this package or any ``init``/``step`` pair in blackjax's form, its HMC and NUTS among them.
    keys : PRNG keys (chains,)
        Step ``n`` of a chain uses ``fold_in(key, n)``: a chain depends on its own key alone, not on how many others run
        beside it, or where.
    positions : pytree of arrays (chains, ...)
        Where they start. Over-disperse them: chains that start together cannot disagree. Keys and positions that
        `kexue.parallel.split` has spread over devices run there, with no communication between the devices.
    steps : int, at least 1
    thin : int, at least 1
        Every ``thin``-th state is recorded; it must divide ``steps``. States where the chain stayed count like others.
    record : callable, optional
        ``record(state, info)``, what is kept of a draw; default: the position.

    Returns
    -------
    states : as the kernel's, with a leading axis of chains
        At the end.
    trace : pytree of arrays (chains, steps // thin, ...)
        What was recorded.
    acceptance : array (chains, ...)
        Mean of ``info.is_accepted`` over all steps (of ``info.acceptance_rate`` where there is no such field).

    Raises
    ------
    ValueError
        No chains, keys and positions of different lengths, ``steps`` or ``thin`` below 1, ``thin`` that does not divide
        ``steps``; and, seen after the run, a start with a density of NaN or zero, or a proposal that was not finite or had a
        density of NaN. Inside an outer ``jit`` the last two are Equinox run-time errors.

    Notes
    -----
    Compiled once for a kernel, a record, a number of steps and the shapes: build a kernel once and keep it.

    Examples
    --------
    >>> from kexue.sampling import random_walk
    >>> kernel, keys = random_walk(lambda x: -(x**2) / 2, 2.4), jax.random.split(jax.random.key(0), 4)
    >>> states, trace, acceptance = run_chains(kernel, keys, jnp.array([-3.0, -1.0, 1.0, 3.0]), steps=100, thin=2)
    >>> print(trace.shape, acceptance.shape)
    (4, 50) (4,)
    """
    at_least_one("steps", steps)
    at_least_one("thin", thin)
    if steps % thin:
        raise ValueError(f"thin must divide steps: {steps} steps are no multiple of thin={thin}")
    leaves = jax.tree.leaves(positions)
    chains = {jnp.shape(leaf)[:1] for leaf in leaves} | {tuple(keys.shape[:1])}
    if not jnp.issubdtype(keys.dtype, jax.dtypes.prng_key) or keys.ndim != 1 or keys.shape[0] == 0:
        raise ValueError(
            f"keys must be a vector of at least one key, as jax.random.split makes it, got {keys.dtype}{keys.shape}"
        )
    if not leaves or len(chains) > 1:
        shapes = jax.tree.map(jnp.shape, positions)
        raise ValueError(f"positions must have one row for each of the {keys.shape[0]} keys, got shapes {shapes}")
    traced = any(isinstance(leaf, jax.core.Tracer) for leaf in [keys, *leaves])
    run = _run if traced else _compiled
    states, trace, acceptance, bad_start, bad_proposal = run(kernel, keys, positions, steps, thin, record)
    results = (states, trace, acceptance)
    results = _stop_if(bad_start, "log_density must be a number above -inf at the start of every chain", results)
    return _stop_if(bad_proposal, "a proposal left the space: it was not finite or its log_density was NaN", results)


def _run(
    kernel: Any, keys: Array, positions: PyTree, steps: int, thin: int, record: Callable[[Any, Any], PyTree]
) -> tuple[Any, ...]:
    def chain(key: Array, position: PyTree) -> tuple[Any, ...]:
        def step(n: Array, carry: Any) -> Any:
            state, total, bad, _ = carry
            state, info = kernel.step(jax.random.fold_in(key, n), state)
            return state, jax.tree.map(jnp.add, total, _accepted(info)), bad | _is_nan(info), info

        def draw(state: Any, n: Array) -> tuple[Any, PyTree]:
            if thin == 1:
                state, info = kernel.step(jax.random.fold_in(key, n), state)
                total, bad = _accepted(info), _is_nan(info)
            else:
                shapes = jax.eval_shape(kernel.step, key, state)[1]
                none = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
                start = (state, _accepted(none), jnp.array(False), none)
                state, total, bad, info = jax.lax.fori_loop(n * thin, (n + 1) * thin, step, start)
            return state, (record(state, info), total, bad)

        state = kernel.init(position)
        value = getattr(state, "log_density", jnp.zeros(()))
        state, (trace, totals, bad) = jax.lax.scan(draw, state, jnp.arange(steps // thin))
        return state, trace, jax.tree.map(lambda t: t.sum(0) / steps, totals), ~jnp.all(value > -jnp.inf), jnp.any(bad)

    states, trace, acceptance, bad_start, bad = jax.vmap(chain)(keys, positions)
    return states, trace, acceptance, jnp.any(bad_start), jnp.any(bad)


_compiled = partial(jax.jit, static_argnums=(0, 3, 4, 5))(_run)


def _accepted(info: Any) -> PyTree:
    flags = info.is_accepted if hasattr(info, "is_accepted") else info.acceptance_rate
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), flags)


def _is_nan(info: Any) -> Array:
    return jnp.any(jnp.isnan(info.log_ratio)) if hasattr(info, "log_ratio") else jnp.array(False)


def _stop_if(flag: Array, message: str, results: Any) -> Any:
    if isinstance(flag, jax.core.Tracer):
        return eqx.error_if(results, flag, message)
    if flag:
        raise ValueError(message)
    return results

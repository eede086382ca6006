"""Annealing on a box of continuous coordinates: moves of all sizes, then a local search from where the chains stopped."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Key

from ..._check import at_least_one, floating, positive, require
from ..._compiled import compiled
from .anneal import Annealed, anneal_chains
from .temperatures import geometric_temperatures, known_temperatures

__all__ = ["anneal_box", "box_move", "newton_descent"]

Energy = Callable[[Float[Array, " dim"]], Float[Array, ""]]
Bounds = ArrayLike | Sequence


def box_move(lower: Bounds, upper: Bounds, *, decades: float = 3.0, coordinatewise: float = 0.9) -> Callable:
    r"""A symmetric proposal on a box: a normal step of random size, mostly of one coordinate, reflected at the walls.

    The size is :math:`10^{-Du}` times the box's width, :math:`u` uniform on (0, 1): moves across the box and moves
    :math:`10^D` times smaller are equally likely, so that no step size has to be tuned or cooled.

    Parameters
    ----------
    lower, upper : float (dim,)
        Finite, ``lower < upper`` in every coordinate.
    decades : float, positive
        The range :math:`D` of sizes.
    coordinatewise : float in [0, 1]
        Probability of moving one coordinate; otherwise all move.

    Returns
    -------
    callable
        ``propose(key, position, temperature) -> position`` for `anneal`.

    Raises
    ------
    ValueError
        If the box is empty or not finite, or a number is out of range.

    Examples
    --------
    >>> move = box_move(jnp.zeros(2), jnp.ones(2))
    >>> y = move(jax.random.key(0), jnp.array([0.0, 1.0]), 1.0)
    >>> print(jnp.all((y >= 0) & (y <= 1)))
    True
    """
    lower, upper = _box(lower, upper)
    positive("decades", decades)
    require("coordinatewise", coordinatewise, "in [0, 1]", lambda p: (p >= 0) & (p <= 1))
    dim = lower.size

    def propose(key: Array, x: Array, temperature: float | Array) -> Array:
        low, high = jnp.asarray(lower, x.dtype), jnp.asarray(upper, x.dtype)
        width = high - low
        size_key, which_key, normal_key, one_key = jax.random.split(key, 4)
        size = 10.0 ** (-decades * jax.random.uniform(size_key, dtype=x.dtype))
        moves = (jnp.arange(dim) == jax.random.randint(which_key, (), 0, dim)) | (
            jax.random.uniform(one_key) >= coordinatewise
        )
        y = x + size * width * jnp.where(moves, jax.random.normal(normal_key, (dim,), x.dtype), 0.0)
        unfolded = jnp.mod(y - low, 2 * width)
        reflected = jnp.clip(low + jnp.where(unfolded > width, 2 * width - unfolded, unfolded), low, high)
        return jnp.where((low <= y) & (y <= high), y, reflected)

    return propose


def newton_descent(energy: Energy, x: Float[Array, " dim"], lower: Bounds, upper: Bounds, steps: int) -> Array:
    r"""Local search: Newton steps :math:`-|H|^{-1}\nabla E`, shortened until they descend, kept in the box.

    :math:`|H|` has the Hessian's eigenvalues without their signs, so that saddle points repel.

    Parameters
    ----------
    energy : callable
        Twice differentiable near ``x``. Where it is not, the search stays where it is.
    x, lower, upper : float (dim,)
    steps : int, at least 1

    Returns
    -------
    float (dim,)
        With an energy not above that of ``x``.

    Raises
    ------
    ValueError
        If ``steps`` is below 1, or the box is empty or not finite.

    Notes
    -----
    A step takes one Hessian, its eigenvectors and five energies: for tens of coordinates, not for thousands.

    Examples
    --------
    >>> bowl = lambda x: (x[0] - 1) ** 2 + 10 * (x[1] + 2) ** 2
    >>> print(newton_descent(bowl, jnp.zeros(2), jnp.full(2, -5.0), jnp.full(2, 5.0), 1))
    [ 1. -2.]
    """
    x = floating(x)
    lower, upper = _box(lower, upper)
    at_least_one("steps", steps)

    low, high = jnp.asarray(lower, x.dtype), jnp.asarray(upper, x.dtype)

    def step(x: Array, _: None) -> tuple[Array, None]:
        curvatures, axes = jnp.linalg.eigh(jax.hessian(energy)(x))
        strength = jnp.maximum(jnp.abs(curvatures), 1e-6 * jnp.max(jnp.abs(curvatures)))
        direction = axes @ (axes.T @ jax.grad(energy)(x) / strength)
        direction = jnp.where(jnp.isfinite(direction), direction, 0.0)
        fractions = jnp.array([0.0, 1.0, 0.3, 0.1, 0.01], x.dtype)
        candidates = jax.vmap(lambda fraction: jnp.clip(x - fraction * direction, low, high))(fractions)
        energies = jax.vmap(energy)(candidates)
        return candidates[jnp.argmin(jnp.where(jnp.isnan(energies), jnp.inf, energies))], None

    return jax.lax.scan(step, x, length=steps)[0]


def anneal_box(
    energy: Energy,
    lower: Bounds,
    upper: Bounds,
    key: Key[Array, ""],
    *,
    chains: int = 32,
    steps: int = 4000,
    temperatures: ArrayLike | Sequence | None = None,
    local_steps: int = 8,
) -> Annealed:
    r"""Minimise a function on a box: independent annealed chains from random starts, each ended by a local search.

    The annealing finds the valley, the local search (:func:`newton_descent` from each chain's best point) its floor.

    Parameters
    ----------
    energy : callable
        A vector to a scalar; +inf where the vector is not allowed.
    lower, upper : float (dim,)
        Finite, ``lower < upper``.
    key : PRNG key
    chains, steps : int, at least 1
    temperatures : float (steps,), optional
        Default: geometric from 1/10 to 1/500 of the standard deviation of the energy at the random starts. Replaces
        ``steps``.
    local_steps : int, at least 0
        Newton steps at the end; 0 for an energy that cannot be differentiated.

    Returns
    -------
    Annealed
        ``best[jnp.argmin(best_energy)]`` is the answer.

    Raises
    ------
    ValueError
        If the box is empty or not finite, a count is too small, a temperature is not positive, or the energy is NaN
        at a start or finite at none.

    Notes
    -----
    ``chains * steps`` energies. The accuracy is that of the dtype: a minimum of zero that is written as a difference of
    large numbers needs float64. Most moves change one coordinate, which suits functions that are nearly separable; no
    other knowledge of the function is used.

    Examples
    --------
    >>> rastrigin = lambda x: jnp.sum(x**2 + 20 * jnp.sin(jnp.pi * x) ** 2)
    >>> run = anneal_box(rastrigin, jnp.full(3, -5.0), jnp.full(3, 5.5), jax.random.key(0), chains=8, steps=1000)
    >>> print(jnp.min(run.best_energy) < 1e-6)
    True
    """
    lower, upper = _box(lower, upper)
    for name, value in (("chains", chains), ("steps", steps)):
        at_least_one(name, value)
    require("local_steps", local_steps, "at least 0", lambda n: n >= 0)
    start_key, chain_key = jax.random.split(key)
    starts, energies = _starts(energy, chains, lower, upper, start_key)
    _known_starts(energies)
    if temperatures is None:
        is_inside = jnp.isfinite(energies)  # a wall is no scale
        spread = jnp.std(energies, where=is_inside) if chains > 1 else jnp.abs(energies[0])
        spread = jnp.where(jnp.isfinite(spread), spread, 0)
        tiny = jnp.finfo(spread.dtype).tiny  # a constant function is annealed at any temperature
        cooling = geometric_temperatures(0.1, 1 / 500, steps).astype(spread.dtype)
        temperatures = jnp.maximum(spread, 1e3 * tiny) * cooling
    temperatures = floating(temperatures)
    known_temperatures(temperatures)
    keys = jax.random.split(chain_key, chains)
    return _search(energy, local_steps, lower, upper, keys, starts, energies, temperatures.astype(energies.dtype))


@compiled(0, 1)
def _starts(energy: Energy, chains: int, lower: Array, upper: Array, key: Array) -> tuple[Array, Array]:
    fractions = jax.random.uniform(key, (chains, lower.size), lower.dtype)
    starts = jax.vmap(lambda fraction: lower + (upper - lower) * fraction)(fractions)
    return starts, floating(jax.vmap(energy)(starts))


@compiled(0, 1)
def _search(
    energy: Energy,
    local_steps: int,
    lower: Array,
    upper: Array,
    keys: Array,
    starts: Array,
    energies: Array,
    temperatures: Array,
) -> Annealed:
    run = anneal_chains(energy, box_move(lower, upper), None, None, temperatures, keys, starts, energies)
    if local_steps == 0:
        return run
    best = jax.vmap(lambda x: newton_descent(energy, x, lower, upper, local_steps))(run.best)
    return run._replace(best=best, best_energy=jax.vmap(energy)(best).astype(energies.dtype))


def _known_starts(energies: Array) -> None:
    """Of random starts, unlike given ones, the caller knows nothing: say where the energy fails, and what is allowed."""
    if isinstance(energies, jax.core.Tracer):
        return
    values = np.asarray(energies)
    if np.isnan(values).any():
        raise ValueError(
            f"energy must be a number or +inf everywhere in the box, got NaN at {np.isnan(values).sum()} of "
            f"{values.size} random starts"
        )
    if not np.isfinite(values).any():
        raise ValueError(f"energy must be finite somewhere in the box, got none at {values.size} random starts")


def _box(lower: Any, upper: Any) -> tuple[Array, Array]:
    lower, upper = floating(lower), floating(upper)
    if lower.ndim != 1 or lower.size == 0 or lower.shape != upper.shape:
        raise ValueError(f"lower and upper must have one shape (dim,), got {tuple(lower.shape)}, {tuple(upper.shape)}")
    if isinstance(lower, jax.core.Tracer) or isinstance(upper, jax.core.Tracer):
        return lower, upper
    low, high = np.asarray(lower), np.asarray(upper)
    if not (np.isfinite(low).all() and np.isfinite(high).all() and (low < high).all()):
        raise ValueError(f"lower must be below upper, both finite, in every coordinate, got {low} and {high}")
    return lower, upper

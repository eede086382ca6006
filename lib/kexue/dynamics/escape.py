"""Noise in a landscape with more than one valley, in one dimension, where everything can be computed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, ScalarLike

from .._check import at_least_one, positive
from .._compiled import compiled

Potential = Callable[[Float[Array, ""]], Float[Array, ""]]


class StationaryDensity(NamedTuple):
    """A stationary density on a grid, and how far one more step of the chain would move it (total variation)."""

    density: Float[Array, " grid"]
    """At the points of the grid; its sum times their distance is one."""
    residual: Float[Array, ""]
    """Total variation between it and what one more step makes of it."""


def stationary_density(
    potential: Potential,
    learning_rate: ScalarLike,
    temperature: ScalarLike,
    grid: Float[Array, " grid"],
    *,
    doublings: int = 24,
) -> StationaryDensity:
    r"""Exact stationary density of gradient descent with Gaussian noise, at a finite step.

    The iteration :math:`x' = x - \gamma L'(x) + \sqrt{2\gamma T}\,\varepsilon` has Gaussian transition densities.
    On a uniform grid they form a row-stochastic matrix, which is squared `doublings` times.

    Parameters
    ----------
    potential
        :math:`L`, scalar to scalar.
    learning_rate, temperature
        :math:`\gamma > 0`, :math:`T > 0`.
    grid
        Uniform and increasing, shape ``(grid,)``, wide enough that the density vanishes at its ends and
        with a spacing of at most :math:`\sqrt{2\gamma T}` (then the quadrature's error is below 1e-8).
    doublings
        The chain has run for :math:`2^{\texttt{doublings}}` steps.

    Returns
    -------
    StationaryDensity
        ``density`` of integral one, and ``residual``: the total variation between it and its image under one step.

    Raises
    ------
    ValueError
        A number out of range, or fewer than three grid points.

    Notes
    -----
    Cost: `doublings` products of ``grid × grid`` matrices. Products and sums of positive numbers only, and rows
    renormalised: every entry keeps its relative accuracy, so that single precision resolves
    escape times of a million steps. Under `vmap`, a batch of matrix products.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> grid = jnp.linspace(-8, 8, 161)
    >>> law = stationary_density(lambda x: 0.5 * x**2, 1.0, 1.0, grid)
    >>> print(round(float(jnp.sum(grid**2 * law.density) * 0.1), 3))  # T/(1 − γ/2), not T
    2.0
    """
    positive("learning_rate", learning_rate)
    positive("temperature", temperature)
    at_least_one("doublings", doublings)
    if grid.shape[0] < 3:
        raise ValueError(f"grid must have at least 3 points, got {grid.shape[0]}")
    return _stationary(potential, doublings, learning_rate, temperature, grid)


@compiled(0, 1)
def _stationary(
    potential: Potential, doublings: int, learning_rate: Any, temperature: Any, grid: Array
) -> StationaryDensity:
    kernel = jax.nn.softmax(_log_transition(potential, learning_rate, temperature, grid, grid), axis=1)

    def double(power, _):
        power = jnp.matmul(power, power, precision="highest")
        return power / power.sum(axis=1, keepdims=True), None

    power = jax.lax.scan(double, kernel, length=doublings)[0]
    mass = power.mean(axis=0)
    residual = jnp.abs(jnp.matmul(mass, kernel, precision="highest") - mass).sum() / 2
    return StationaryDensity(mass / (grid[1] - grid[0]), residual)


def first_passage_time(
    potential: Potential,
    temperature: ScalarLike,
    start: float,
    target: float,
    *,
    lower: float,
    points: int = 4001,
) -> Float[Array, ""]:
    r"""Mean time at which the diffusion first reaches a point to its right: exact, by quadrature.

    For :math:`dx = -L'(x)\,dt + \sqrt{2T}\,dW`,

    .. math:: \tau = \frac1T\int_a^b e^{L(y)/T}\int_{-\infty}^y e^{-L(z)/T}\,dz\,dy .

    Parameters
    ----------
    potential
        :math:`L`, scalar to scalar.
    temperature
        :math:`T > 0`.
    start, target
        :math:`a < b`. (For a passage to the left, mirror the potential.)
    lower
        Stands for :math:`-\infty`: a point far up the left wall, or a reflecting wall.
    points
        Of the trapezoidal rule, at least 3.

    Returns
    -------
    Array
        :math:`\tau`, in units of the flow's time (learning rate × steps). ``inf`` when it overflows.

    Raises
    ------
    ValueError
        Unless ``lower < start < target``, `temperature` is positive and there are enough points.

    Notes
    -----
    Cost: `points` values of the potential. The exponentials are summed as logarithms, so barriers of any height are safe.

    Examples
    --------
    With no potential and a wall at 0, :math:`\tau = (b^2 - a^2)/2T`:

    >>> import jax.numpy as jnp
    >>> print(first_passage_time(lambda x: 0.0 * x, 1.0, 1.0, 2.0, lower=0.0).round(4))
    1.5

    References
    ----------
    C. Gardiner, Handbook of Stochastic Methods, 2004, section 5.2.
    """
    positive("temperature", temperature)
    _ordered(lower=lower, start=start, target=target)
    if points < 3:
        raise ValueError(f"points must be at least 3, got {points}")
    grid = jnp.linspace(lower, target, points)
    spacing = (target - lower) / (points - 1)
    energy = jax.vmap(potential)(grid) / temperature
    log_inner = _log_cumulative(-energy)
    log_outer = _log_cumulative(energy + log_inner)
    # ∫ from start to target; start lies between two points of the grid.
    before = jnp.interp(start, grid, jnp.exp(log_outer - log_outer[-1]))
    return jnp.exp(log_outer[-1] + 2 * jnp.log(spacing)) * (1 - before) / temperature


def discrete_passage_time(
    potential: Potential,
    learning_rate: ScalarLike,
    temperature: ScalarLike,
    start: float,
    target: float,
    *,
    lower: float,
    points: int = 401,
) -> Float[Array, ""]:
    r"""Mean time at which noisy gradient descent itself, with its finite step, first passes a point to its right.

    The mean number of steps solves :math:`(I - P)\,n = 1`, with :math:`P` the transition density of
    :math:`x' = x - \gamma L'(x) + \sqrt{2\gamma T}\,\varepsilon` on :math:`(\texttt{lower}, \texttt{target})`.

    Parameters
    ----------
    potential, temperature, start, target, lower
        As in `first_passage_time`.
    learning_rate
        :math:`\gamma > 0`.
    points
        Of the quadrature; their spacing must not exceed :math:`\sqrt{2\gamma T}`.

    Returns
    -------
    Array
        :math:`\gamma n(\texttt{start})`: the mean passage time in units of the flow's time.

    Raises
    ------
    ValueError
        Unless ``lower < start < target``, the numbers are positive and there are enough points.

    Notes
    -----
    Cost: one ``points × points`` linear system, of condition number about the number of steps: use double
    precision beyond some 10,000 steps.

    Examples
    --------
    Longer than the diffusion's 1.5 (see `first_passage_time`), as an iteration can jump over the target and back unseen:

    >>> time = discrete_passage_time(lambda x: 0.5 * x**2, 0.1, 1.0, 0.0, 1.0, lower=-6.0)
    >>> print(bool(time > first_passage_time(lambda x: 0.5 * x**2, 1.0, 0.0, 1.0, lower=-6.0)))
    True
    """
    positive("learning_rate", learning_rate)
    positive("temperature", temperature)
    _ordered(lower=lower, start=start, target=target)
    if points < 3:
        raise ValueError(f"points must be at least 3, got {points}")
    # Midpoints: the kernel is smooth inside, and cut off at the target.
    spacing = (target - lower) / points
    grid = jnp.linspace(lower, target, points, endpoint=False) + spacing / 2
    kernel = spacing * jnp.exp(_log_transition(potential, learning_rate, temperature, grid, grid))
    first = spacing * jnp.exp(_log_transition(potential, learning_rate, temperature, jnp.array([start]), grid))
    steps = jnp.linalg.solve(jnp.eye(points, dtype=kernel.dtype) - kernel, jnp.ones(points, kernel.dtype))
    return jnp.asarray(learning_rate * (1 + jnp.sum(first[0] * steps)))


def kramers_time(potential: Potential, temperature: ScalarLike, minimum: float, saddle: float) -> Float[Array, ""]:
    r"""Mean escape time over a barrier, in the limit of low temperature: Kramers' formula.

    .. math:: \tau \approx \frac{2\pi}{\sqrt{L''(m)\,\lvert L''(s)\rvert}}\;e^{(L(s)-L(m))/T} .

    Parameters
    ----------
    potential
        :math:`L`, scalar to scalar.
    temperature
        :math:`T > 0`, much less than the barrier :math:`L(s) - L(m)`.
    minimum, saddle
        The bottom :math:`m` of the valley and the top :math:`s` of the barrier.

    Returns
    -------
    Array
        :math:`\tau`. The relative error is of the order of :math:`T`, not less: compare `first_passage_time`.

    Raises
    ------
    ValueError
        `temperature` not positive.

    Examples
    --------
    >>> print(f"{kramers_time(lambda x: x**4 / 4 - x**2 / 2, 0.1, -1.0, 0.0):.2f}")
    54.13

    References
    ----------
    H. Kramers, Brownian motion in a field of force and the diffusion model of chemical reactions, 1940.
    """
    positive("temperature", temperature)
    bottom, top = jnp.asarray(minimum, float), jnp.asarray(saddle, float)
    bend = jax.grad(jax.grad(potential))
    barrier = potential(top) - potential(bottom)
    return 2 * jnp.pi / jnp.sqrt(bend(bottom) * jnp.abs(bend(top))) * jnp.exp(barrier / temperature)


def _log_transition(potential, learning_rate, temperature, sources, targets):
    """Logarithm of the Gaussian density of one noisy step, shape ``(sources, targets)``."""
    means = sources - learning_rate * jax.vmap(jax.grad(potential))(sources)
    variance = 2 * jnp.asarray(learning_rate * temperature, sources.dtype)
    return -((targets[None, :] - means[:, None]) ** 2) / (2 * variance) - jnp.log(2 * jnp.pi * variance) / 2


def _log_cumulative(log_values):
    """Logarithm of the running trapezoidal sum (spacing one), −∞ at the first point."""
    log_cells = jnp.logaddexp(log_values[1:], log_values[:-1]) - jnp.log(2.0).astype(log_values.dtype)
    return jnp.concatenate([jnp.full(1, -jnp.inf, log_values.dtype), jax.lax.cumlogsumexp(log_cells)])


def _ordered(**points: float) -> None:
    (a, lower), (b, start), (c, target) = points.items()
    if not lower < start < target:
        raise ValueError(f"{a} < {b} < {c} is required, got {lower}, {start}, {target}")

"""Parallel tempering: hot chains that cross between modes, cold ones that inherit what they find."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from .kernels import Info, Kernel, LogDensity, State

__all__ = ["TemperingInfo", "TemperingState", "geometric_ladder", "parallel_tempering"]


class TemperingState(NamedTuple):
    """All replicas, the cold one first. ``position`` and ``log_density`` are those of the cold one."""

    replicas: PyTree
    """States of the kernel; leading axis ``replicas``, the cold one first."""
    log_densities: Float[Array, " replicas"]
    """Of the target, not tempered, at each replica."""
    walkers: Int[Array, " replicas"]
    """Which start each replica came from."""
    time: Int[Array, ""]
    """Steps so far."""

    @property
    def position(self) -> PyTree:
        """The cold replica: the one that samples the target."""
        return jax.tree.map(lambda leaf: leaf[0], self.replicas)

    @property
    def log_density(self) -> Array:
        """Log-density of the cold replica."""
        return self.log_densities[0]


class TemperingInfo(NamedTuple):
    """Moves within each temperature, and which neighbours changed places."""

    is_accepted: Float[Array, " replicas"]
    """Of the move within each temperature."""
    log_ratio: Array
    """Its Hastings ratio, in logarithms."""
    swap_probability: Float[Array, " pairs"]
    """Of neighbouring temperatures; 0 where none was offered in this step."""
    is_swapped: Array
    """Which neighbours changed places."""


def geometric_ladder(number: int, lowest: float) -> Float[np.ndarray, " number"]:
    r"""Inverse temperatures from 1 down to ``lowest`` in equal ratios.

    Parameters
    ----------
    number : int, at least 2
    lowest : float in (0, 1)

    Returns
    -------
    float64 array (number,)

    Raises
    ------
    ValueError
        Out of range.

    Examples
    --------
    >>> print(geometric_ladder(3, 0.01))
    [1.   0.1  0.01]
    """
    if number < 2 or not 0 < lowest < 1:
        raise ValueError(f"a ladder needs at least 2 steps and a lowest value in (0, 1), got {number} and {lowest}")
    return np.geomspace(1.0, lowest, number)


def parallel_tempering(log_density: LogDensity, betas: Any, kernel_at: Callable[[LogDensity, Array], Kernel]) -> Kernel:
    r"""Replicas at the inverse temperatures :math:`\beta_1=1>\beta_2>\dots`, which exchange their states.

    One step moves every replica within its :math:`\rho^{\beta_i}`, then offers neighbours (the pairs that begin at even and
    at odd places in turn) to change places with probability

    .. math:: \min\Big(1,e^{(\beta_i-\beta_j)(\log\rho(x_j)-\log\rho(x_i))}\Big).

    Parameters
    ----------
    log_density : callable
        :math:`\log\rho`.
    betas : array (replicas,)
        From 1, strictly decreasing, positive. Under ``jit`` the values are not checked.
    kernel_at : callable
        ``kernel_at(tempered_log_density, beta) -> Kernel`` with `State` and `Info`: how to move at one temperature. Wider
        steps where it is hot: ``lambda f, beta: random_walk(f, 2.4 / jnp.sqrt(beta))``.

    Returns
    -------
    Kernel
        With `TemperingState` and `TemperingInfo`; ``state.position`` is the cold replica's, so that loops for single
        chains work unchanged. All replicas start where they are told.

    Raises
    ------
    ValueError
        ``betas`` that are not such a ladder; as in `metropolis_hastings`.

    Notes
    -----
    A step costs ``replicas`` steps of one chain, batched. ``state.walkers`` tells which start each replica came from; a
    ladder works if walkers travel from end to end and back.

    Examples
    --------
    >>> from kexue.sampling import random_walk
    >>> two_modes = lambda x: jnp.logaddexp(-(x - 6) ** 2 / 2, -(x + 6) ** 2 / 2)
    >>> kernel = parallel_tempering(two_modes, geometric_ladder(5, 0.02), lambda f, beta: random_walk(f, 2.4 / jnp.sqrt(beta)))
    >>> state, info = kernel.step(jax.random.key(0), kernel.init(jnp.array(6.0)))
    >>> print(state.replicas.shape, info.swap_probability.shape)
    (5,) (4,)

    References
    ----------
    C. J. Geyer, Markov chain Monte Carlo maximum likelihood, 1991. S. Syed et al., Non-reversible parallel tempering,
    Journal of the Royal Statistical Society B 84, 2022, arXiv:1905.02939 (on taking even and odd pairs in turn).
    """
    betas = _ladder(betas)
    count = betas.shape[0]

    def init(position: Any, key: Array | None = None) -> TemperingState:
        del key
        position = jax.tree.map(jnp.asarray, position)
        value = kernel_at(log_density, jnp.ones(())).init(position).log_density
        replicas = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (count, *leaf.shape)), position)
        return TemperingState(replicas, jnp.broadcast_to(value, (count,)), jnp.arange(count), jnp.zeros((), jnp.int32))

    def within(key: Array, x: Any, value: Array, beta: Array) -> tuple[Any, Array, Info]:
        kernel = kernel_at(lambda y: beta.astype(value.dtype) * log_density(y), beta)
        before = beta.astype(value.dtype) * value
        state, info = kernel.step(key, State(x, before))
        # A state that did not move keeps its density to the last bit.
        after = jnp.where(state.log_density == before, value, state.log_density / beta.astype(value.dtype))
        return state.position, after, Info(*(jnp.mean(jnp.asarray(leaf, value.dtype)) for leaf in info[:2]))

    def step(key: Array, state: TemperingState) -> tuple[TemperingState, TemperingInfo]:
        move_key, swap_key = jax.random.split(key)
        keys = jax.random.split(move_key, count)
        replicas, values, info = jax.vmap(within)(keys, state.replicas, state.log_densities, betas)
        log_ratio = (betas[:-1] - betas[1:]).astype(values.dtype) * (values[1:] - values[:-1])
        uniform = jax.random.uniform(swap_key, (count - 1,), values.dtype)
        offered = jnp.arange(count - 1) % 2 == state.time % 2
        is_swapped = offered & (jnp.log1p(-uniform) < log_ratio)
        order = jnp.arange(count)
        order = order + jnp.append(is_swapped, False).astype(int) - jnp.append(False, is_swapped).astype(int)
        replicas = jax.tree.map(lambda leaf: leaf[order], replicas)
        following = TemperingState(replicas, values[order], state.walkers[order], state.time + 1)
        chance = jnp.exp(jnp.minimum(log_ratio, 0.0))
        return following, TemperingInfo(info.is_accepted, info.log_ratio, chance, is_swapped)

    return Kernel(init, step)


def _ladder(betas: Any) -> Array:
    if not isinstance(betas, jax.core.Tracer):
        values = np.asarray(betas, float)
        falls = values.ndim == 1 and values.size >= 2 and np.all(np.diff(values) < 0)
        if not falls or not abs(values[0] - 1) < 1e-6 or not values[-1] > 0:
            raise ValueError(f"betas must fall strictly from 1 to a positive number, got {np.asarray(betas).tolist()}")
    return jnp.asarray(betas)

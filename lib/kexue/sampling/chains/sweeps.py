"""Kernels that are always right about one part: Gibbs sampling, and one kernel after another."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from .kernels import Info, Kernel, LogDensity, State, initialiser, same_kind

__all__ = ["cycle", "gibbs"]


def gibbs(
    log_density: LogDensity, draw: Callable[[Array, Any, Array], Any], blocks: Any, *, scan: str = "systematic"
) -> Kernel:
    r"""Gibbs sampling: redraw one block after the other from its law given the rest.

    A proposal from :math:`\pi(x_b\mid x_{\text{rest}})` has a Hastings ratio of one, so it is always accepted.

    Parameters
    ----------
    log_density : callable
        Evaluated once a sweep, to report it; the draws do not need it.
    draw : callable
        ``draw(key, x, block) -> x`` with the block redrawn from its exact conditional law.
    blocks : array (blocks, ...)
        What ``draw`` gets, row by row: indices of sites, say.
    scan : {"systematic", "random"}
        One step is a sweep through all blocks in their order, or the same number of blocks picked at random. A random
        scan is reversible, a sweep is not; both leave the target invariant.

    Returns
    -------
    Kernel
        ``Info.is_accepted`` is true and ``Info.log_ratio`` zero.

    Raises
    ------
    ValueError
        No blocks, an unknown scan, or as in `metropolis_hastings`.

    Examples
    --------
    Two normal coordinates with correlation 0.9:

    >>> draw = lambda key, x, i: x.at[i].set(0.9 * x[1 - i] + 0.19**0.5 * jax.random.normal(key))
    >>> kernel = gibbs(lambda x: -(x @ x - 1.8 * x[0] * x[1]) / 0.38, draw, jnp.arange(2))
    >>> state, info = kernel.step(jax.random.key(0), kernel.init(jnp.zeros(2)))

    References
    ----------
    S. Geman, D. Geman, IEEE Transactions on Pattern Analysis and Machine Intelligence 6, 1984.
    """
    if scan not in ("systematic", "random"):
        raise ValueError(f"scan must be 'systematic' or 'random', got {scan!r}")
    blocks = jnp.asarray(blocks)
    if blocks.ndim == 0 or blocks.shape[0] == 0:
        raise ValueError(f"blocks must have at least one row, got shape {blocks.shape}")

    def step(key: Array, state: State) -> tuple[State, Info]:
        def redraw(x: Any, place: tuple[Array, Array]) -> tuple[Any, None]:
            key, block = place
            y = draw(key, x, block)
            same_kind(x, y)
            return y, None

        count, picked = blocks.shape[0], blocks
        if scan == "random":
            order_key, key = jax.random.split(key)
            picked = blocks[jax.random.randint(order_key, (count,), 0, count)]
        position, _ = jax.lax.scan(redraw, state.position, (jax.random.split(key, count), picked))
        value = jnp.asarray(log_density(position)).astype(state.log_density.dtype)
        return State(position, value), Info(jnp.array(True), jnp.where(jnp.isnan(value), value, jnp.zeros_like(value)))

    return Kernel(initialiser(log_density), step)


def cycle(*kernels: Kernel) -> Kernel:
    """One kernel after the other; what each of them leaves invariant, their cycle leaves invariant.

    Parameters
    ----------
    *kernels : Kernel
        With the same density and kind of position; the first one's ``init`` is used.

    Returns
    -------
    Kernel
        Its `Info` has one more axis, over the kernels. A kernel with an array in its ``is_accepted`` reports the mean.

    Raises
    ------
    ValueError
        No kernel.

    Examples
    --------
    >>> from kexue.sampling import random_walk
    >>> log_density = lambda x: -x @ x / 2
    >>> kernel = cycle(random_walk(log_density, 0.1), random_walk(log_density, 3.0))
    >>> print(kernel.step(jax.random.key(0), kernel.init(jnp.zeros(2)))[1].is_accepted.shape)
    (2,)
    """
    if not kernels:
        raise ValueError("cycle needs at least one kernel, got none")

    def step(key: Array, state: State) -> tuple[State, Info]:
        infos = []
        for kernel, part in zip(kernels, jax.random.split(key, len(kernels)), strict=True):
            state, info = kernel.step(part, state)
            infos.append(Info(*(jnp.mean(jnp.asarray(leaf, state.log_density.dtype)) for leaf in info[:2])))
        return state, jax.tree.map(lambda *leaves: jnp.stack(leaves), *infos)

    return Kernel(kernels[0].init, step)

"""Perturbed maxima by drawing the noise: samples of the winner, and how often each score wins."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..._check import at_least_one
from .noises import Noise, check_scores, named_noise

__all__ = ["MonteCarlo", "perturbed_monte_carlo", "sample_perturbed"]


def sample_perturbed(
    key: Key[Array, ""], mu: Float[Array, "*batch n"], noise: str | Noise = "gumbel", shape: tuple[int, ...] = ()
) -> Int[Array, "..."]:
    """Draws of the winner: add noise, take the largest.

    Parameters
    ----------
    key : PRNG key
    mu, noise
        As for :func:`perturbed_argmax`; a user's noise needs ``quantile`` or ``draw``.
    shape : tuple of ints
        Draws for each row: the result has shape ``shape + mu.shape[:-1]``.

    Raises
    ------
    ValueError
        If there are fewer than two scores, one that is known is not finite, or the noise is unknown.

    Examples
    --------
    >>> print(sample_perturbed(jax.random.key(0), jnp.array([0.0, 9.0]), "uniform", (4,)))
    [1 1 1 1]
    """
    noise = named_noise(noise)
    check_scores("mu", mu)
    shape = (*shape, *mu.shape)
    return jnp.argmax(jnp.broadcast_to(mu, shape) + noise.sample(key, shape, mu.dtype), axis=-1)


class MonteCarlo(NamedTuple):
    """What :func:`perturbed_monte_carlo` returns."""

    probs: Float[Array, "*batch n"]
    """Relative frequencies."""
    standard_error: Float[Array, "*batch n"]
    """Of each: the root of p(1 − p)/draws."""


def perturbed_monte_carlo(
    key: Key[Array, ""], mu: Float[Array, "*batch n"], noise: str | Noise = "gumbel", draws: int = 10_000
) -> MonteCarlo:
    """How often each score wins in so many draws; no derivative.

    Parameters
    ----------
    key, mu, noise
        As for :func:`sample_perturbed`.
    draws : int, at least 1

    Raises
    ------
    ValueError
        As :func:`sample_perturbed`; or if ``draws`` is below one.

    Examples
    --------
    >>> print(perturbed_monte_carlo(jax.random.key(0), jnp.array([0.0, 9.0]), "uniform", 10).probs)
    [0. 1.]
    """
    at_least_one("draws", draws)
    winners = sample_perturbed(key, mu, noise, (draws,))
    probs = jnp.mean(jax.nn.one_hot(winners, mu.shape[-1], dtype=mu.dtype), axis=0)
    return MonteCarlo(probs, jnp.sqrt(probs * (1 - probs) / draws))

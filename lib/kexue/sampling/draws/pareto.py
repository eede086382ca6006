"""Pareto-smoothed importance sampling: fit the tail of the weights, and read off whether to believe them."""

from collections.abc import Sequence
from math import floor, sqrt
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..._check import floating, positive
from .importance import check_log_weights

__all__ = ["ParetoSmoothed", "pareto_smooth"]


class ParetoSmoothed(NamedTuple):
    """Weights whose largest members were replaced by what a fitted tail expects of them."""

    log_weights: Float[Array, " n"]
    """Normalised: their exponentials add up to one."""
    k: Float[Array, ""]
    r"""Shape :math:`\hat k` of the tail: moments of order :math:`1/\hat k` and above are infinite. Above 0.7 the
    error bars of ordinary sample sizes are not to be trusted; above 1 not even a mean exists."""


def pareto_smooth(log_weights: ArrayLike | Sequence, r_eff: float = 1.0) -> ParetoSmoothed:
    r"""Fit a generalised Pareto distribution to the largest weights and replace them by its quantiles.

    The tail are the :math:`M=\min(n/5,3\sqrt{n/r})` largest weights, measured from the next one, :math:`u`; its j-th
    smallest becomes :math:`u+\tfrac\sigma k\big[(1-\tfrac{j-1/2}M)^{-k}-1\big]`, but no more than the largest weight.
    The fit is the approximate posterior mean of Zhang and Stephens, pulled towards 0.5 as by ten observations.
    Also known as Pareto smoothed importance sampling, PSIS.

    Parameters
    ----------
    log_weights : float (n,), n ≥ 25
        Up to a constant; −inf is a weight of zero.
    r_eff : positive float
        :math:`r`: how many independent draws one of these is worth, below 1 for draws of a Markov chain. See
        :func:`kexue.sampling.effective_sample_size`, over n.

    Returns
    -------
    ParetoSmoothed
        Where the tail is constant there is nothing to smooth: ``k`` is −inf. Where a quarter of it or more equals the
        largest weight below it, no tail can be fitted: ``k`` is −inf if all weights together are worth more draws than
        the tail has, as few different weights are that are near each other, and else +inf. The weights are then only
        normalised.

    Raises
    ------
    ValueError
        If n is below 25, ``r_eff`` is not positive, or concrete weights are NaN, +inf, or all −inf.

    Notes
    -----
    A partial sort, and 30 + √M sums over the tail. Float32 moves ``k`` by about 1e-4.

    Examples
    --------
    >>> heavy = jax.random.pareto(jax.random.key(0), 1.0, (10_000,))  # P(w > t) = 1/t: no mean
    >>> print(f"{pareto_smooth(jnp.log(heavy)).k:.0f}")
    1

    References
    ----------
    Vehtari, Simpson, Gelman, Yao and Gabry, "Pareto smoothed importance sampling", 2024, arXiv:1507.02646.
    Zhang and Stephens, "A new and efficient estimation method for the generalized Pareto distribution", 2009.
    """
    log_weights = floating(log_weights)
    check_log_weights(log_weights)
    n = log_weights.shape[0]
    if n < 25:
        raise ValueError(f"log_weights must hold at least 25 weights, so that five are a tail, got {n}")
    positive("r_eff", r_eff)
    M = max(5, min(floor(3 * sqrt(n / r_eff)), n // 5))
    log_weights = log_weights - jnp.max(log_weights)
    # A full sort would take nine tenths of the time, and without the barrier XLA makes one of this.
    largest, ids = jax.lax.optimization_barrier(jax.lax.top_k(log_weights, M + 1))
    tail_ids, cutoff = ids[:M][::-1], jnp.exp(largest[M])
    excess = jnp.exp(largest[:M][::-1]) - cutoff
    quarter = excess[int(M / 4 + 0.5) - 1]
    can_fit = quarter > 0
    k, σ = fit_pareto_tail(jnp.where(can_fit, excess, jnp.arange(1.0, M + 1, dtype=excess.dtype)))
    p = (jnp.arange(M, dtype=excess.dtype) + 0.5) / M
    safe = jnp.where(k == 0, 1, k)
    quantile = jnp.where(k == 0, -σ * jnp.log1p(-p), σ * jnp.expm1(-safe * jnp.log1p(-p)) / safe)
    smoothed = jnp.minimum(jnp.log(cutoff + quantile), 0)
    log_weights = log_weights.at[tail_ids].set(jnp.where(can_fit, smoothed, log_weights[tail_ids]))
    weights = jnp.exp(log_weights)
    is_harmless = (excess[-1] == excess[0]) | (weights.sum() ** 2 > M * (weights**2).sum())
    k = jnp.where(can_fit, k, jnp.where(is_harmless, -jnp.inf, jnp.inf))
    return ParetoSmoothed(log_weights - jax.nn.logsumexp(log_weights), k)


def fit_pareto_tail(excess: Float[Array, " M"]) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Shape and scale of a generalised Pareto distribution from its sorted, positive draws."""
    M = excess.shape[0]
    candidates = 30 + floor(sqrt(M))
    j = jnp.arange(1, candidates + 1, dtype=excess.dtype)
    b = (1 - jnp.sqrt(candidates / (j - 0.5))) / (3 * excess[int(M / 4 + 0.5) - 1]) + 1 / excess[-1]
    shape = lambda b: jnp.log1p(-b * excess).mean()  # noqa: E731
    k = jax.vmap(shape)(b)
    weight = jax.nn.softmax(M * (jnp.log(-b / k) - k - 1))
    b = (weight * b).sum()
    k = shape(b)
    return (M * k + 5) / (M + 10), -k / b

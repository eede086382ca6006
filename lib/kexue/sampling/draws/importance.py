"""Importance sampling: draws from one distribution, weighted so that they speak for another."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..._check import floating

__all__ = ["ImportanceEstimate", "check_log_weights", "importance_effective_sample_size", "importance_estimate"]


class ImportanceEstimate(NamedTuple):
    """A mean under the target, with the error bar that the weights themselves claim."""

    mean: Float[Array, "..."]
    """The weighted mean."""
    standard_error: Float[Array, "..."]
    """Estimated from the same weights: it misses what they miss. See :func:`kexue.sampling.pareto_smooth`."""
    effective_sample_size: Float[Array, ""]
    """How many equal weights these are worth."""
    log_z: Float[Array, ""]
    """Log of the mean weight: the target's normaliser if the proposal was normalised."""
    log_z_standard_error: Float[Array, ""]
    r"""Standard error of the mean weight, relative to it; equal to :math:`\sqrt{1/\mathrm{ESS}-1/N}`."""


def importance_effective_sample_size(log_weights: ArrayLike | Sequence) -> Float[Array, ""]:
    r"""How many equal weights these weights are worth: :math:`(\sum w)^2/\sum w^2`, from 1 to n.

    Divided by n it tends to :math:`1/(1+\chi^2(\pi\Vert q))`, if that :math:`\chi^2` is finite.

    Parameters
    ----------
    log_weights : float (n,)
        Up to a constant; −inf is a weight of zero.

    Returns
    -------
    float ()

    Raises
    ------
    ValueError
        If there are no weights, or concrete ones are NaN, +inf, or all −inf.

    Examples
    --------
    >>> print(importance_effective_sample_size(jnp.log(jnp.array([1.0, 1.0, 2.0]))))  # 16 / 6
    2.6666667

    References
    ----------
    Kong, Liu and Wong, "Sequential imputations and Bayesian missing data problems", 1994.
    """
    log_weights = floating(log_weights)
    check_log_weights(log_weights)
    w = jnp.exp(log_weights - jnp.max(log_weights))
    return w.sum() ** 2 / (w**2).sum()


def importance_estimate(log_weights: ArrayLike | Sequence, values: ArrayLike | Sequence) -> ImportanceEstimate:
    r"""Self-normalised importance sampling: :math:`\hat\mu=\sum_i\bar w_if(x_i)` with :math:`\bar w=w/\sum w`.

    Its standard error by the delta method is :math:`\sqrt{\sum_i\bar w_i^2\,(f(x_i)-\hat\mu)^2}`.

    Parameters
    ----------
    log_weights : float (n,)
        :math:`\log\rho(x_i)-\log q(x_i)`, each up to a constant.
    values : float (n, ...)
        :math:`f(x_i)`.

    Returns
    -------
    ImportanceEstimate

    Raises
    ------
    ValueError
        If there are no weights, or concrete ones are NaN, +inf, or all −inf.

    Examples
    --------
    >>> x = 2 * jax.random.normal(jax.random.key(0), (50_000,))  # from N(0, 4), for N(0, 1)
    >>> estimate = importance_estimate(-(x**2) / 2 + x**2 / 8, x**2)
    >>> print(f"{estimate.mean:.2f}")
    1.00

    References
    ----------
    Owen, *Monte Carlo theory, methods and examples*, 2013, chapter 9.
    """
    log_weights, values = floating(log_weights), floating(values)
    check_log_weights(log_weights)
    if values.ndim == 0 or values.shape[0] != log_weights.shape[0]:
        raise ValueError(
            f"values must have one entry for each of the {log_weights.shape[0]} weights, got {values.shape}"
        )
    n, top = log_weights.shape[0], jnp.max(log_weights)
    w = jnp.exp(log_weights - top)
    share = (w / w.sum()).reshape(n, *(1,) * (values.ndim - 1))
    mean = (share * values).sum(axis=0)
    error = jnp.sqrt((share**2 * (values - mean[None]) ** 2).sum(axis=0))
    ess = w.sum() ** 2 / (w**2).sum()
    return ImportanceEstimate(mean, error, ess, jnp.log(w.mean()) + top, jnp.sqrt(jnp.maximum(1 / ess - 1 / n, 0)))


def check_log_weights(log_weights: Float[Array, "..."]) -> None:
    """Refuse weights that cannot be weights."""
    if log_weights.ndim != 1:
        raise ValueError(f"log_weights must be a vector, got shape {log_weights.shape}")
    if log_weights.shape[0] == 0:
        raise ValueError("log_weights must hold at least one weight, got none")
    if not isinstance(log_weights, jax.core.Tracer):
        known = np.asarray(log_weights)
        if np.isnan(known).any() or not np.isfinite(known.max()):
            raise ValueError(f"log_weights must be finite or -inf, and finite somewhere, got maximum {known.max()}")

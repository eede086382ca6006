r"""The categorical distribution :math:`P(\arg\max_j(\mu_j+\epsilon_j)=i)` of any noise, with exact structure.

Given that the maximum falls at :math:`x`, class :math:`i` has won with probability proportional to
:math:`r(x-\mu_i)`, :math:`r=\varphi/\Phi`. One set of nodes :math:`x_k` therefore serves all classes.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._check import at_least_one
from .noises import NOISES, Noise, check_scores, named_noise
from .perturbed_nodes import MaximumNodes, nodes_of_the_maximum

__all__ = [
    "PerturbedArgmax",
    "exponential_noise_probs",
    "fenchel_young_loss",
    "perturbed_argmax",
    "perturbed_argmax_log_probs",
    "perturbed_argmax_probs",
    "perturbed_max",
]


class PerturbedArgmax(NamedTuple):
    """What :func:`perturbed_argmax` returns."""

    log_probs: Float[Array, "*batch n"]
    """The logarithms of the probabilities, which add up to one; −inf where a bounded noise gives an exact zero."""
    expected_max: Float[Array, "*batch"]
    """The expected maximum; its gradient is the probabilities. Infinite for a noise without mean."""
    residual: Float[Array, "*batch"]
    """What the quadrature made of the number one, minus one, before it was divided out: an estimate of its error."""


def perturbed_argmax(
    mu: Float[Array, "*batch n"], noise: str | Noise = "gumbel", *, nodes: int = 32
) -> PerturbedArgmax:
    r"""Which score wins after noise has been added, in closed form or by quadrature.

    .. math:: p_i=\int\frac{r(x-\mu_i)}{\sum_jr(x-\mu_j)}\,dF(x),\qquad F(x)=\prod_j\Phi(x-\mu_j),\qquad
              r=\frac\varphi\Phi

    Parameters
    ----------
    mu : float (..., n)
        Scores, finite, at least two.
    noise : {"gumbel", "normal", "logistic", "laplace", "exponential", "uniform", "cauchy"} or Noise
        Independent and the same for all classes; of scale one. For scale :math:`\tau`, divide the scores by it.
    nodes : int, at least 1
        Of the whole line, or of each piece between kinks: see :func:`nodes_of_the_maximum`. Not used by
        ``"gumbel"``. For ``"uniform"`` and ``"exponential"`` :math:`\lceil n/2\rceil` nodes are exact.

    Returns
    -------
    PerturbedArgmax
        Log probabilities, expected maximum, and the residual of the quadrature.

    Raises
    ------
    ValueError
        If there are fewer than two scores, a score is not finite (known values only; traced ones give NaN), the noise
        is unknown, or ``nodes`` is below one.

    Notes
    -----
    Time and memory per row: ``n * nodes`` for smooth noises; ``n**2 * nodes`` for ``"laplace"``, ``"uniform"`` and
    ``"cauchy"``, which have pieces. The derivative with respect to ``mu`` is the quadrature of
    :math:`\partial p_i/\partial\mu_j=-\int r_ir_jF\,dx`: with any number of nodes the Jacobian of the probabilities is
    symmetric and positive semidefinite and its rows add up to zero. It costs as much as the value. Second derivatives
    are those of the quadrature and right for smooth noises only.

    Where a probability is zero or underflows, its logarithm has derivative zero if it is −inf.

    Examples
    --------
    >>> result = perturbed_argmax(jnp.array([0.8, 0.0]), "normal")
    >>> print(f"{jnp.exp(result.log_probs[0]):.4f}", abs(result.residual) < 1e-5)  # the normal distribution function at 0.8/√2
    0.7142 True

    References
    ----------
    Su, kexue.fm/archives/9085, 2022. McFadden, "Econometric models of probabilistic choice", 1981.
    """
    noise = named_noise(noise)
    at_least_one("nodes", nodes)
    check_scores("mu", mu)
    if noise is NOISES["gumbel"]:
        total = jax.scipy.special.logsumexp(mu, axis=-1)
        return PerturbedArgmax(mu - total[..., None], total + float(np.euler_gamma), jnp.zeros_like(total))
    rows = mu.reshape(-1, mu.shape[-1])
    log_probs, expected, residual = _rows(rows, noise, nodes)
    batch = mu.shape[:-1]
    if not noise.has_mean:
        expected = jnp.full_like(expected, jnp.inf)
    return PerturbedArgmax(log_probs.reshape(mu.shape), expected.reshape(batch), residual.reshape(batch))


def perturbed_argmax_probs(
    mu: Float[Array, "*batch n"], noise: str | Noise = "gumbel", nodes: int = 32
) -> Float[Array, "*batch n"]:
    """The probabilities of :func:`perturbed_argmax`.

    Examples
    --------
    >>> print(*(f"{p:.3g}" for p in perturbed_argmax_probs(jnp.array([1.5, 0.4, 0.9]), "uniform")))  # 1.1 behind: zero
    0.92 0 0.08
    """
    return jnp.exp(perturbed_argmax(mu, noise, nodes=nodes).log_probs)


def perturbed_argmax_log_probs(
    mu: Float[Array, "*batch n"], noise: str | Noise = "gumbel", nodes: int = 32
) -> Float[Array, "*batch n"]:
    """The log probabilities of :func:`perturbed_argmax`; nothing underflows on the way to them.

    Examples
    --------
    >>> print(f"{perturbed_argmax_log_probs(jnp.array([0.0, -200.0]), 'exponential')[1]:.2f}")  # -200 - ln 2
    -200.69
    """
    return perturbed_argmax(mu, noise, nodes=nodes).log_probs


def perturbed_max(
    mu: Float[Array, "*batch n"], noise: str | Noise = "gumbel", nodes: int = 32
) -> Float[Array, "*batch"]:
    r"""The expected maximum :math:`\Omega(\mu)=E\max_i(\mu_i+\epsilon_i)`; its gradient is the probabilities.

    Parameters
    ----------
    mu, noise, nodes
        As for :func:`perturbed_argmax`.

    Raises
    ------
    ValueError
        As :func:`perturbed_argmax`; or if the noise has no mean (``"cauchy"``).

    Examples
    --------
    >>> print(perturbed_max(jnp.zeros(2), "exponential").round(4))  # 1 + 1/2
    1.5
    """
    noise = named_noise(noise)
    if not noise.has_mean:
        raise ValueError(f"noise must have a mean for its expected maximum, got {noise.name!r}")
    return perturbed_argmax(mu, noise, nodes=nodes).expected_max


def fenchel_young_loss(
    mu: Float[Array, "*batch n"], target: Int[Array, "*batch"], noise: str | Noise = "gumbel", nodes: int = 32
) -> Float[Array, "*batch"]:
    r"""The loss whose gradient is probabilities minus target, for any noise: :math:`\Omega(\mu)-\mu_y-E\epsilon\ge0`.

    For Gumbel noise it is the cross entropy. For a bounded noise, where the cross entropy is infinite and without
    gradient beyond the gap 1, it is finite and convex, and zero once the target leads by the noise's width.

    Parameters
    ----------
    mu, noise, nodes
        As for :func:`perturbed_argmax`.
    target : int (...)
        The class :math:`y` of each row, 0 to n − 1.

    Raises
    ------
    ValueError
        As :func:`perturbed_max`; or if a known target is out of range.

    Examples
    --------
    >>> loss = fenchel_young_loss(jnp.array([[2.0, 0.0], [0.0, 2.0]]), jnp.array([0, 0]), "uniform")
    >>> print(loss.round(4) + 0.0)  # right by more than the width, and wrong by as much
    [0. 2.]

    References
    ----------
    Blondel, Martins and Niculae, "Learning with Fenchel–Young losses", JMLR 2020, arXiv:1901.02324.
    """
    classes = mu.shape[-1] if mu.ndim else 0
    if not isinstance(target, jax.core.Tracer) and np.any((np.asarray(target) < 0) | (np.asarray(target) >= classes)):
        raise ValueError(f"target must be from 0 to {classes - 1}, got {np.asarray(target)!r}")
    noise = named_noise(noise)
    expected = perturbed_max(mu, noise, nodes)
    own = jnp.take_along_axis(mu, target[..., None], axis=-1)[..., 0]
    if noise.mean is None:  # the maximum of a single score
        return expected - own - _rows(jnp.zeros((1, 1), mu.dtype), noise, nodes)[1][0]
    return expected - own - noise.mean


def exponential_noise_probs(mu: Float[Array, "*batch n"]) -> Float[Array, "*batch n"]:
    r"""Exponential noise in closed form, as a signed sum over the subsets of rivals.

    .. math:: p_i=\sum_{S\not\ni i}(-1)^{|S|}e^{\sum_{j\in S}(\mu_j-\mu_i)}\frac{\tau_i^{|S|+1}}{|S|+1},\qquad
              \tau_i=e^{\mu_i-\max\mu}

    Parameters
    ----------
    mu : float (..., n)
        At least two scores and at most 12.

    Raises
    ------
    ValueError
        If there are fewer than 2 or more than 12 scores, or one that is known is not finite.

    Notes
    -----
    :math:`2^n` terms of both signs: an exact reference for small ``n``. ``perturbed_argmax(mu, "exponential")`` has
    positive terms only and is exact up to twice as many classes as nodes.

    Examples
    --------
    >>> print(exponential_noise_probs(jnp.array([0.8, 0.0])))  # 1 - exp(-0.8)/2
    [0.77533555 0.22466448]
    """
    check_scores("mu", mu)
    n = mu.shape[-1]
    if n > 12:
        raise ValueError(f"mu must have at most 12 scores, got {n}: use perturbed_argmax(mu, 'exponential')")
    subsets = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    size = subsets.sum(1)
    weights = jnp.asarray(
        (1 - subsets) * ((-1.0) ** size / (size + 1))[:, None], mu.dtype
    )  # (2**n, n), zero if i is in S
    below = mu - mu.max(-1, keepdims=True)
    products = jnp.exp(below @ jnp.asarray(subsets.T, mu.dtype))  # with the factor tau_i^|S| already in it
    return jnp.exp(below) * (products @ weights)


@partial(jax.jit, static_argnames=("noise", "nodes"))
def _rows(mu: Array, noise: Noise, nodes: int) -> tuple[Array, Array, Array]:
    return jax.vmap(lambda row: _row(row, noise, nodes))(mu)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2))
def _row(mu: Array, noise: Noise, nodes: int) -> tuple[Array, Array, Array]:
    return _summary(mu, _table(mu, noise, nodes))


@_row.defjvp
def _row_jvp(noise: Noise, nodes: int, primals: Any, tangents: Any) -> Any:
    (mu,), (v,) = primals, tangents
    table = _table(mu, noise, nodes)
    log_probs, expected, residual = _summary(mu, table)
    # d ln p_i = E[sum_j r_j (v_i - v_j) | i has won]. The largest r at each node is a factor of its own: it may be
    # huge where the maximum is never seen.
    unit = table.log_r.max(1, keepdims=True)
    unit = jnp.where(unit > -jnp.inf, unit, 0)
    r = jnp.exp(table.log_r - unit)
    marginal = log_probs + jnp.log1p(residual)
    given_win = jnp.exp(table.joint + unit - jnp.where(marginal > -jnp.inf, marginal, 0)[None, :])
    slope = v * (r.sum(1) @ given_win) - (r @ v) @ given_win
    return (log_probs, expected, residual), (slope, jnp.exp(log_probs) @ v, jnp.zeros_like(residual))


def _summary(mu: Array, table: "_Table") -> tuple[Array, Array, Array]:
    at, log_cdf, _, joint = table
    log_probs = _logsumexp(joint, 0)
    log_total = _logsumexp(log_probs, 0)
    if at.edge is None:
        highest = mu.max()
        expected = highest + jnp.exp(joint - log_total).sum(1) @ (at.x - highest)
    else:  # by parts: as functions of exp(-x), 1 - F has no logarithm, and x has one
        is_beyond = at.x > at.edge
        height = jnp.where(is_beyond, -jnp.expm1(log_cdf), -jnp.exp(log_cdf))
        expected = at.edge + jnp.exp(at.log_weights) @ height
    return log_probs - log_total, expected, jnp.expm1(log_total)


class _Table(NamedTuple):
    at: MaximumNodes
    log_cdf: Array  # ln F(x_k)
    log_r: Array  # ln r(x_k - mu_i)
    joint: Array  # log probability that class i wins with its maximum at x_k


def _table(mu: Array, noise: Noise, nodes: int) -> _Table:
    at = nodes_of_the_maximum(jax.lax.stop_gradient(mu), noise, nodes)
    above = at.x[:, None] - mu[None, :]
    log_cdf, log_pdf = noise.log_cdf(above), noise.log_density(above)
    log_distribution = log_cdf.sum(1)
    log_weights = (at.log_weights + log_distribution)[:, None]
    is_possible = (log_weights > -jnp.inf) & (log_pdf > -jnp.inf)
    log_r = jnp.where(is_possible, log_pdf - jnp.where(is_possible, log_cdf, 0), -jnp.inf)
    return _Table(at, log_distribution, log_r, jnp.where(is_possible, log_weights + log_r, -jnp.inf))


def _logsumexp(a: Array, axis: int) -> Array:
    return jax.scipy.special.logsumexp(a, axis=axis)

"""Gumbel noise: samples without replacement, and samples that can be differentiated at a price."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..._check import positive
from .noises import Noise, check_scores, named_noise

__all__ = ["gumbel_softmax", "gumbel_top_k", "plackett_luce_log_prob"]


def gumbel_top_k(
    key: Key[Array, ""], log_weights: Float[Array, "*batch n"], k: int
) -> tuple[Int[Array, "*batch k"], Float[Array, "*batch k"]]:
    r"""Draw k of n without replacement: the k largest of :math:`\mu_i+g_i` with Gumbel noise, in order.

    Parameters
    ----------
    key : PRNG key
    log_weights : float (..., n)
        :math:`\mu`; not necessarily normalised. Rows are drawn independently. −inf is drawn after all others.
    k : int, 1 to n

    Returns
    -------
    (indices, perturbed) : int32 (..., k), float (..., k)
        The order is that of successive draws. ``perturbed`` are the noisy scores, decreasing; the one of rank k + 1
        would be the threshold of the sample.

    Raises
    ------
    ValueError
        If ``k`` is not from 1 to n, or a known weight is NaN or +inf, or all of a row are −inf.

    Notes
    -----
    One pass over the weights, and a partial sort. :func:`plackett_luce_log_prob` is the probability of the result.

    Examples
    --------
    >>> indices, perturbed = gumbel_top_k(jax.random.key(0), jnp.log(jnp.array([0.2, 0.5, 0.3])), k=2)
    >>> print(indices, bool(perturbed[0] > perturbed[1]))
    [1 0] True

    References
    ----------
    Kool, van Hoof and Welling, "Stochastic beams and where to find them", ICML 2019, arXiv:1903.06059.
    """
    check_scores("log_weights", log_weights, least=1, masked=True)
    n = log_weights.shape[-1]
    if not 1 <= k <= n:
        raise ValueError(f"k must be from 1 to n = {n}, got {k}")
    noisy = log_weights + jax.random.gumbel(key, log_weights.shape, log_weights.dtype)
    perturbed, indices = jax.lax.top_k(noisy, k)
    return indices, perturbed


def plackett_luce_log_prob(
    log_weights: Float[Array, "*batch n"], order: Int[Array, "*batch k"]
) -> Float[Array, "*batch"]:
    r"""Probability that successive draws without replacement give exactly this order.

    .. math:: \ln P(i_1,\dots,i_k)=\sum_{r=1}^k\Big(\mu_{i_r}-\ln\sum_{j\notin\{i_1,\dots,i_{r-1}\}}e^{\mu_j}\Big)

    Parameters
    ----------
    log_weights : float (..., n)
        :math:`\mu`, finite; not necessarily normalised.
    order : int (..., k)
        Distinct indices, 0 to n − 1. Of traced ones, repeated ones give −inf.

    Raises
    ------
    ValueError
        If k is not from 1 to n, or a known index is repeated or out of range, or a known weight is not finite.

    Notes
    -----
    Time ``n + k``: what is left is a reverse cumulative log-sum-exp, without subtraction, so that nothing cancels when
    nearly all of the weight has been drawn.

    Examples
    --------
    >>> log_weights = jnp.log(jnp.array([0.2, 0.5, 0.3]))
    >>> print(jnp.exp(plackett_luce_log_prob(log_weights, jnp.array([2, 0]))).round(4))  # 0.3 * 0.2 / 0.7
    0.0857
    """
    check_scores("log_weights", log_weights, least=1)
    n, k = log_weights.shape[-1], order.shape[-1] if order.ndim else 0
    if not 1 <= k <= n:
        raise ValueError(f"order must hold 1 to n = {n} indices, got shape {tuple(order.shape)}")
    if not isinstance(order, jax.core.Tracer):
        _check_order(np.asarray(order), n)
    is_drawn = jax.nn.one_hot(order, n, dtype=order.dtype).sum(-2)
    rest = jnp.where(is_drawn > 0, -jnp.inf, log_weights)
    is_left = (k < n) | (is_drawn == 0).any(-1, keepdims=True)  # of nothing the log has no second derivative
    never = jnp.where(
        is_left, jax.scipy.special.logsumexp(jnp.where(is_left, rest, 0), axis=-1, keepdims=True), -jnp.inf
    )
    drawn = jnp.take_along_axis(log_weights, order, axis=-1)
    backwards = jnp.concatenate(
        [never, drawn[..., ::-1]], axis=-1
    )  # what is left before the last draw, the last but one, …
    left = jax.lax.cumlogsumexp(backwards, axis=backwards.ndim - 1)[..., :0:-1]
    return jnp.where((is_drawn > 1).any(-1), -jnp.inf, (drawn - left).sum(-1))


def gumbel_softmax(
    key: Key[Array, ""],
    logits: Float[Array, "*batch n"],
    temperature: Any,
    *,
    noise: str | Noise = "gumbel",
    straight_through: bool = False,
) -> Float[Array, "*batch n"]:
    r"""A differentiable stand-in for the winner: the softmax of :math:`(\mu+\epsilon)/\tau` (Concrete distribution).

    Parameters
    ----------
    key : PRNG key
    logits : float (..., n)
        :math:`\mu`, at least two; −inf never wins.
    temperature : positive float or scalar array
        :math:`\tau`. As :math:`\tau\to0` the sample becomes one-hot, its gradient unbiased and its variance infinite.
    noise : str or Noise
        Gumbel gives the Gumbel-softmax; any other noise its analogue.
    straight_through : bool
        Return the one-hot winner, with the gradient of the relaxed sample.

    Returns
    -------
    float (..., n)
        Non-negative, adding up to one.

    Raises
    ------
    ValueError
        If there are fewer than two logits, a known one is NaN or +inf or all of a row are −inf, the temperature is not
        one number or known and not positive, or the noise is unknown.

    Notes
    -----
    The expectation of a nonlinear function of a relaxed sample, and its gradient, are biased. For a function of the
    winner alone, :func:`perturbed_argmax_probs` has the exact gradient.

    Examples
    --------
    >>> soft = gumbel_softmax(jax.random.key(1), jnp.array([0.0, 1.0, 2.0]), 0.5)
    >>> hard = gumbel_softmax(jax.random.key(1), jnp.array([0.0, 1.0, 2.0]), 0.5, straight_through=True)
    >>> print(hard, bool(soft.argmax() == hard.argmax()))
    [0. 0. 1.] True

    References
    ----------
    Jang, Gu and Poole, "Categorical reparameterization with Gumbel-softmax", ICLR 2017, arXiv:1611.01144. Maddison,
    Mnih and Teh, "The concrete distribution", ICLR 2017, arXiv:1611.00712.
    """
    check_scores("logits", logits, masked=True)
    known = None if isinstance(temperature, jax.core.Tracer) else np.asarray(temperature)
    if known is not None:
        positive("temperature", known)
    if jnp.ndim(temperature):
        raise ValueError(f"temperature must be one number, got shape {jnp.shape(temperature)}")
    noisy = logits + named_noise(noise).sample(key, logits.shape, logits.dtype)
    behind = noisy - jax.lax.stop_gradient(
        noisy.max(axis=-1, keepdims=True)
    )  # the quotient may overflow, downwards only
    tau = jnp.maximum(jnp.asarray(temperature, logits.dtype), jnp.finfo(logits.dtype).tiny)
    soft = jax.nn.softmax(behind / tau, axis=-1)
    if not straight_through:
        return soft
    hard = jax.nn.one_hot(jnp.argmax(noisy, axis=-1), logits.shape[-1], dtype=logits.dtype)
    return hard + (soft - jax.lax.stop_gradient(soft))


def _check_order(order: np.ndarray, n: int) -> None:
    ranked = np.sort(order, axis=-1)
    if ranked.min() < 0 or ranked.max() >= n or np.any(ranked[..., 1:] == ranked[..., :-1]):
        raise ValueError(f"order must hold distinct indices from 0 to {n - 1}, got {order!r}")

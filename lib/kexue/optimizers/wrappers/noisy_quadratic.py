"""The noisy quadratic model, in which the expected loss of SGD and of Lookahead is known exactly."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Real, ScalarLike

from ..._check import at_least_one, not_negative, require
from ._leaves import whole_number

__all__ = ["noisy_quadratic_loss"]


def noisy_quadratic_loss(
    rate: ScalarLike | Real[Array | np.ndarray, " steps"],
    curvature: Real[Array | np.ndarray, " d"],
    noise: ScalarLike | Real[Array | np.ndarray, "#d"],
    steps: int,
    k: int | Array | None = None,
    alpha: ScalarLike | None = None,
    *,
    start: ScalarLike | Real[Array | np.ndarray, "#d"] = 1.0,
) -> Float[Array, ""]:
    r"""Expected loss after SGD or Lookahead on a quadratic whose minimum is seen with noise.

    .. math:: &L = \tfrac12\sum_i a_i\theta_i^2,\\
              &\theta_i\leftarrow(1-\gamma a_i)\theta_i+\gamma a_i\xi_i,\quad\operatorname{Var}\xi_i=\sigma_i^2

    Means, variances and the covariance of fast and slow weights obey linear recursions: nothing is sampled.

    Parameters
    ----------
    rate : float, or array (steps,)
        :math:`\gamma`, constant or for each step. A traced value is accepted.
    curvature : float (d,)
        :math:`a_i`.
    noise : float, or array (d,) or (1,)
        :math:`\sigma_i^2`, at least 0.
    steps : int, at least 1
    k, alpha : int and float in (0, 1], optional, both or neither
        Lookahead's :math:`k` and :math:`\alpha`; without them plain SGD.
    start : float, or array (d,) or (1,)
        Where the parameters start, not random.

    Returns
    -------
    float
        :math:`E\,L` of the slow weights after the last step, of the only ones for SGD.

    Raises
    ------
    ValueError
        If a number known before tracing is out of range, ``rate`` has another length than ``steps``, or only one of
        ``k`` and ``alpha`` is given.

    Notes
    -----
    Time: ``steps`` times a few operations a dimension; ``jax.vmap`` over rates. Memory: five numbers a dimension.

    Examples
    --------
    >>> print(f"{noisy_quadratic_loss(0.5, jnp.ones(1), jnp.zeros(1), 2):.5f}")  # 0.5 * 0.5^4
    0.03125
    >>> loss = noisy_quadratic_loss(0.5, jnp.ones(1), jnp.ones(1), 200, k=5, alpha=0.5)
    >>> print(f"{2 * loss:.4f}")  # the stationary variance
    0.1134

    References
    ----------
    M. Zhang, J. Lucas, G. Hinton, J. Ba, Lookahead optimizer, 2019, arXiv:1907.08610, proposition 2.
    G. Zhang et al., Which algorithmic choices matter at which batch sizes?, 2019, arXiv:1907.04164.
    """
    at_least_one("steps", steps)
    not_negative("rate", rate)
    if (k is None) != (alpha is None):
        raise ValueError(f"k and alpha must be given together, got k={k!r} and alpha={alpha!r}")
    k, alpha = (1, 1.0) if k is None or alpha is None else (k, alpha)
    whole_number("k", k)
    require("alpha", alpha, "in (0, 1]", lambda v: (v > 0) & (v <= 1))
    a = jnp.asarray(curvature, jnp.result_type(float))
    rates, sigma2, alpha, theta = (jnp.asarray(number, a.dtype) for number in (rate, noise, alpha, start))
    if rates.ndim == 1 and len(rates) != steps:
        raise ValueError(f"rate must be one number or one for each of the {steps} steps, got {len(rates)}")

    def step(carry: Any, now: tuple[Array, Array]) -> tuple[Any, None]:
        mean, slow_mean, variance, slow_variance, covariance = carry
        t, gamma = now
        r = 1 - gamma * a
        mean, variance, covariance = r * mean, r**2 * variance + (gamma * a) ** 2 * sigma2, r * covariance
        is_synchronised = (t + 1) % k == 0
        new_mean = (1 - alpha) * slow_mean + alpha * mean
        new_variance = (1 - alpha) ** 2 * slow_variance + alpha**2 * variance + 2 * alpha * (1 - alpha) * covariance
        together = new_mean, new_mean, new_variance, new_variance, new_variance
        apart = mean, slow_mean, variance, slow_variance, covariance
        return tuple(jnp.where(is_synchronised, new, old) for new, old in zip(together, apart, strict=True)), None

    theta, zero = jnp.broadcast_to(theta, a.shape), jnp.zeros_like(a)
    now = jnp.arange(steps), jnp.broadcast_to(rates, (steps,))
    (_, mean, _, variance, _), _ = jax.lax.scan(step, (theta, theta, zero, zero, zero), now)
    return jnp.sum(a * (mean**2 + variance)) / 2

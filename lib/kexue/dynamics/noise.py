"""Where noisy gradient descent comes to rest: chains, and exact stationary covariances."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Key, ScalarLike

from .._check import at_least_one, floating, positive, require, square


def langevin(
    loss: Callable[[Float[Array, " dim"]], Float[Array, ""]],
    key: Key[Array, ""],
    positions: Float[Array, "chains dim"],
    learning_rate: ScalarLike,
    temperature: ScalarLike,
    steps: int,
) -> Float[Array, "chains dim"]:
    r"""Run chains of gradient descent with Gaussian noise of a given temperature.

    .. math:: \theta_{n+1} = \theta_n - \gamma\nabla L(\theta_n) + \sqrt{2\gamma T}\,\varepsilon_n ,
              \qquad \varepsilon_n \sim \mathcal N(0, I),

    which is SGD with gradient noise :math:`\sigma^2 I`, :math:`T = \gamma\sigma^2/2`.

    Parameters
    ----------
    loss
        :math:`L`, from one position ``(dim,)`` to a scalar.
    key
        A JAX random key.
    positions
        Where the chains start. Put it on many devices with `kexue.parallel.split`.
    learning_rate
        :math:`\gamma > 0`.
    temperature
        :math:`T \ge 0`.
    steps
        How many, at least 1 (static: it is the length of a loop).

    Returns
    -------
    Array
        Where the chains end, shape ``(chains, dim)``.

    Raises
    ------
    ValueError
        A number out of range, or no chains.

    Notes
    -----
    Cost: ``steps × chains`` gradients and Gaussian draws, memory of one state.
    There is no accept-reject step: the step size biases the law, which `stationary_density` computes.

    Examples
    --------
    >>> import jax, jax.numpy as jnp
    >>> ends = langevin(lambda x: 0.5 * jnp.sum(x**2), jax.random.key(0), jnp.zeros((4000, 1)), 0.1, 1.0, 100)
    >>> print(bool(abs(ends.var() - 1 / 0.95) < 0.1))  # T/(1 − γ/2)
    True

    References
    ----------
    Q. Li, C. Tai, W. E, Stochastic modified equations and adaptive stochastic gradient algorithms, 2017, arXiv:1511.06251.
    """
    positive("learning_rate", learning_rate)
    require("temperature", temperature, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))
    at_least_one("steps", steps)
    at_least_one("number of chains in positions", positions.shape[0])
    slope = jax.vmap(jax.grad(loss))
    learning_rate = jnp.asarray(learning_rate, positions.dtype)
    amplitude = jnp.sqrt(2 * learning_rate * jnp.asarray(temperature, positions.dtype))

    def step(theta, key):
        noise = jax.random.normal(key, theta.shape, theta.dtype)
        return theta - learning_rate * slope(theta) + amplitude * noise, None

    return jax.lax.scan(step, positions, jax.random.split(key, steps))[0]


def sgd_stationary_cov(
    hessian: ArrayLike | Sequence,
    noise_cov: ArrayLike | Sequence,
    learning_rate: ScalarLike,
    momentum: ScalarLike = 0.0,
) -> Float[Array, "dim dim"]:
    r"""Exact stationary covariance of the noisy heavy ball on a quadratic.

    For :math:`\theta_{n+1} = \theta_n + \beta(\theta_n - \theta_{n-1}) - \alpha(H\theta_n + \xi_n)`,
    :math:`\operatorname{Cov}\xi_n = C`: in the eigenbasis of :math:`H`, with :math:`u_i = \alpha a_i`,

    .. math:: \Sigma_{ij} = \frac{\alpha^2(1-\beta^2)\,C_{ij}}
              {(1-\beta)^2\bigl[(1+\beta)(u_i+u_j) - u_iu_j\bigr] + \beta(u_i-u_j)^2} .

    Without momentum it solves :math:`\Sigma = (I-\alpha H)\Sigma(I-\alpha H) + \alpha^2C`.

    Parameters
    ----------
    hessian
        :math:`H`, symmetric positive definite, shape ``(dim, dim)``.
    noise_cov
        :math:`C`, symmetric positive semidefinite, shape ``(dim, dim)``.
    learning_rate
        :math:`\alpha`, with :math:`0 < \alpha a_{\max} < 2(1+\beta)`.
    momentum
        :math:`-1 < \beta < 1`.

    Returns
    -------
    Array
        :math:`\Sigma`, shape ``(dim, dim)``; ``nan`` throughout if an eigenvalue of `hessian`
        is outside the stable range, which only the run time knows.

    Raises
    ------
    ValueError
        Matrices not square or not of one shape; a number out of range; outside `jit`,
        an eigenvalue of `hessian` outside the stable range.

    Notes
    -----
    Cost: one symmetric eigendecomposition, ``O(dim³)``; a general Lyapunov solver works on ``(2 dim)``-matrices.
    No differences of nearly equal numbers, so single precision suffices however small the learning rate.

    Examples
    --------
    At :math:`\alpha a = 1` the variance is twice what the diffusion says, 1/2:

    >>> import jax.numpy as jnp
    >>> print(sgd_stationary_cov(jnp.eye(1), jnp.eye(1), 1.0))
    [[1.]]

    References
    ----------
    S. Mandt, M. Hoffman, D. Blei, Stochastic gradient descent as approximate Bayesian inference, 2017, arXiv:1704.04289.
    """
    hessian = floating(hessian)
    noise_cov = floating(noise_cov).astype(hessian.dtype)
    square("hessian", hessian)
    if noise_cov.shape != hessian.shape:
        raise ValueError(f"noise_cov must have the shape of hessian, {hessian.shape}, got {noise_cov.shape}")
    positive("learning_rate", learning_rate)
    require("momentum", momentum, "between -1 and 1, both excluded", lambda v: (v > -1) & (v < 1))
    alpha, beta = jnp.asarray(learning_rate, hessian.dtype), jnp.asarray(momentum, hessian.dtype)
    curvature, basis = jnp.linalg.eigh(hessian)
    u = alpha * curvature
    is_stable = jnp.all((u > 0) & (u < 2 * (1 + beta)))
    if not isinstance(is_stable, jax.core.Tracer) and not is_stable:
        raise ValueError(
            f"learning_rate must make 0 < learning_rate × eigenvalue < 2 (1 + momentum) = {float(2 * (1 + beta)):g}; "
            f"got products from {float(u.min()):g} to {float(u.max()):g}"
        )
    ui, uj = u[:, None], u[None, :]
    decay = (1 - beta) ** 2 * ((1 + beta) * (ui + uj) - ui * uj) + beta * (ui - uj) ** 2
    rotated = basis.T @ noise_cov @ basis
    sigma = basis @ (alpha**2 * (1 - beta**2) * rotated / decay) @ basis.T
    return jnp.where(is_stable, sigma, jnp.nan)


def minibatch_stationary_cov(
    inputs: ArrayLike | Sequence, residuals: ArrayLike | Sequence, learning_rate: ScalarLike, batch: int
) -> Float[Array, "dim dim"]:
    r"""Exact stationary covariance of mini-batch SGD on a least-squares problem.

    For :math:`L = \frac1{2n}\sum_i(x_i^\top\theta - y_i)^2` and :math:`B` rows drawn with replacement at each step,
    the deviation from the optimum has a covariance that solves, with :math:`H = \langle xx^\top\rangle` and
    the residuals :math:`r` at the optimum,

    .. math:: \Sigma = (I-\gamma H)\Sigma(I-\gamma H) + \frac{\gamma^2}{B}\Bigl[\langle r^2xx^\top\rangle
              + \langle xx^\top\Sigma\,xx^\top\rangle - H\Sigma H\Bigr].

    The last two terms are the noise that grows with the distance from the optimum; `sgd_stationary_cov` lacks them.

    Parameters
    ----------
    inputs
        The rows :math:`x_i`, shape ``(n, dim)`` (a column of ones for the intercept).
    residuals
        :math:`x_i^\top\theta^* - y_i` at the least-squares optimum, shape ``(n,)``.
    learning_rate
        :math:`\gamma > 0`.
    batch
        :math:`B \ge 1`.

    Returns
    -------
    Array
        :math:`\Sigma`, shape ``(dim, dim)``. Meaningless beyond the stable range of :math:`\gamma`
        (an eigenvalue is then negative).

    Raises
    ------
    ValueError
        Shapes that do not fit, or a number out of range.

    Notes
    -----
    Cost: ``O(n dim⁴ + dim⁶)``: for tens of dimensions.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> print(minibatch_stationary_cov(jnp.ones((2, 1)), jnp.array([1.0, -1.0]), 1.0, 4))
    [[0.25]]

    References
    ----------
    A. Dieuleveut, A. Durmus, F. Bach, Bridging the gap between constant step size stochastic gradient descent
    and Markov chains, 2020, arXiv:1707.06386.
    """
    inputs = floating(inputs)
    residuals = floating(residuals).astype(inputs.dtype)
    positive("learning_rate", learning_rate)
    at_least_one("batch", batch)
    n, dim = inputs.shape
    if n == 0 or dim == 0:
        raise ValueError(f"inputs must not be empty, got shape {inputs.shape}")
    if residuals.shape != (n,):
        raise ValueError(f"residuals must have shape ({n},), one per row of inputs, got {residuals.shape}")
    gamma = jnp.asarray(learning_rate, inputs.dtype)
    identity, hessian = jnp.eye(dim, dtype=inputs.dtype), inputs.T @ inputs / n
    weighted = inputs * residuals[:, None]
    noise = weighted.T @ weighted / n
    contraction = identity - gamma * hessian
    squares = jnp.einsum("ni,nj->nij", inputs, inputs).reshape(n, dim * dim)
    fourth = (squares.T @ squares / n).reshape(dim, dim, dim, dim)  # ⟨x_i x_j x_k x_l⟩
    carried = jnp.einsum("ik,jl->ijkl", contraction, contraction)
    spread = fourth - jnp.einsum("ik,jl->ijkl", hessian, hessian)
    update = (carried + gamma**2 / batch * spread).reshape(dim * dim, dim * dim)
    full = jnp.eye(dim * dim, dtype=inputs.dtype) - update
    sigma = jnp.linalg.solve(full, (gamma**2 / batch * noise).reshape(-1)).reshape(dim, dim)
    return (sigma + sigma.T) / 2

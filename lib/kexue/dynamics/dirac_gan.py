"""The Dirac GAN: the smallest game that a generator and a discriminator can play, for the losses in common use."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array, Complex, Float, Real

from .._check import require
from .._norms import safe_norm

__all__ = ["angular_momentum", "dirac_eigenvalues", "dirac_field", "game_energy"]

Number = float | int | Real[Array, "..."] | Real[np.ndarray, "..."]
KINDS = ("saturating", "non-saturating", "wgan", "wgan_normalized", "gan_qp", "lsgan", "hinge")

# 48 Gauss-Hermite nodes integrate a logistic function of a Gaussian of width 2 to eleven digits.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(48)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()


def dirac_field(
    kind: str, *, lam: Number = 0.0, center: Number = 0.0, sigma: Number = 0.0
) -> Callable[[Float[Array, "2 dim"]], Float[Array, "2 dim"]]:
    r"""The vector field of a GAN whose discriminator is linear and whose generator shifts a point, or a cloud.

    The data are at the origin, the generator puts its sample at :math:`\theta`, the discriminator is
    :math:`D(x)=\varphi\cdot x`. Every kind has the form

    .. math:: \dot\varphi = -A\,\theta - w\,\varphi - 2\lambda\Big(1-\frac{c}{\lVert\varphi\rVert}\Big)\varphi,
              \qquad \dot\theta = B\,\varphi, \qquad s = \varphi\cdot\theta,

    where the last term of the first equation is the gradient penalty :math:`\lambda(\lVert\nabla D\rVert-c)^2`.

    ===================  ======================================  ====================================================
    ``kind``             :math:`A,\ B,\ w` for :math:`\sigma=0`  loss of the discriminator (+), of the generator (−)
    ===================  ======================================  ====================================================
    ``saturating``       logistic(s), logistic(s), 0             :math:`\log` logistic :math:`(-D)`, zero-sum
    ``non-saturating``   logistic(s), logistic(−s), 0            the generator raises :math:`\log` logistic :math:`(D)`
    ``wgan``             1, 1, 0                                 :math:`D(x)-D(G)`; WGAN-GP with ``lam``, ``center=1``
    ``wgan_normalized``  1/‖φ‖, 1/‖φ‖, −s/‖φ‖³                   the same with :math:`D=\varphi\cdot x/\lVert\varphi\rVert`
    ``gan_qp``           1 + s/(λ‖θ‖), 1, 0                      :math:`-s-s^2/(2\lambda\lVert\theta\rVert)`; no penalty
    ``lsgan``            1 + s, 1 − s, 0                         least squares with labels 1 and −1
    ``hinge``            1 if s > −1 else 0, 1, 0                :math:`-\max(0,1-D(x))-\max(0,1+D(G))`
    ===================  ======================================  ====================================================

    With a width :math:`\sigma` the data are :math:`N(0,\sigma^2I)` and the samples :math:`N(\theta,\sigma^2I)`; the
    field is then the exact expectation.

    Parameters
    ----------
    kind
        One of the names above.
    lam
        Weight :math:`\lambda\ge0` of the gradient penalty; for ``gan_qp`` that of the quadratic potential, positive.
    center
        Its centre :math:`c\ge0`.
    sigma
        Width :math:`\sigma\ge0` of data and samples; must be 0 for ``gan_qp``, whose loss compares pairs.

    Returns
    -------
    Callable
        ``field(z)`` for ``z = [φ, θ]`` of shape (2, dim), to be followed: both players' losses fall along it.

    Raises
    ------
    ValueError
        An unknown kind; a number below its range.

    Notes
    -----
    ``wgan_normalized`` is not a number at :math:`\varphi=0`. With :math:`c\ne0` the penalty is discontinuous there,
    and taken as zero. Cost: a scalar product; with a width, 48 logistic functions more. Works under `jit` and `vmap`,
    also over ``lam``, ``center`` and ``sigma``.

    Examples
    --------
    >>> print(dirac_field("wgan", lam=0.5)(jnp.array([[1.0, 2.0], [3.0, 4.0]])))
    [[-4. -6.]
     [ 1.  2.]]

    References
    ----------
    L. Mescheder, A. Geiger, S. Nowozin, Which training methods for GANs do actually converge?, 2018, arXiv:1801.04406.
    """
    _check(kind, lam, center, sigma)

    def field(z: Float[Array, "2 dim"]) -> Float[Array, "2 dim"]:
        if z.ndim != 2 or z.shape[0] != 2:
            raise ValueError(f"z must have shape (2, dim), discriminator above generator, got {z.shape}")
        phi, theta = z
        λ, c, σ = (jnp.asarray(value, z.dtype) for value in (lam, center, sigma))
        has_width = not (isinstance(sigma, int | float) and sigma == 0)
        A, B, w = _coefficients(kind, phi, theta, λ, σ, has_width)
        direction = phi / jnp.where((length := safe_norm(phi)) > 0, length, 1)
        penalty = 0 if kind == "gan_qp" else 2 * λ * (phi - c * direction)
        return jnp.stack([-A * theta - w * phi - penalty, B * phi])

    return field


def _coefficients(kind: str, phi: Array, theta: Array, λ: Array, σ: Array, has_width: bool) -> tuple[Any, Any, Any]:
    """A, B and w of the table above, at this point."""
    s, one, zero = phi @ theta, jnp.ones((), phi.dtype), jnp.zeros((), phi.dtype)
    spread = σ * safe_norm(phi)  # of D over the cloud
    if kind in ("saturating", "non-saturating"):
        nodes, weights = (
            (jnp.asarray(v, phi.dtype) for v in (_NODES, _WEIGHTS)) if has_width else (zero[None], one[None])
        )
        fake, real = jax.nn.sigmoid(s + spread * nodes), jax.nn.sigmoid(spread * nodes)
        A = weights @ fake
        w = σ**2 * (weights @ (fake * (1 - fake) + real * (1 - real)))  # Stein: E[f(aε)ε] = a E[f'(aε)]
        return A, A if kind == "saturating" else weights @ jax.nn.sigmoid(-s - spread * nodes), w
    if kind == "wgan_normalized":
        length = safe_norm(phi)
        return 1 / length, 1 / length, -s / length**3
    if kind == "gan_qp":
        length = safe_norm(theta)
        return 1 + s / (λ * jnp.where(length > 0, length, 1)), one, zero
    if kind == "lsgan":
        return 1 + s, 1 - s, 2 * σ**2
    if kind == "hinge":
        is_point = spread == 0
        a = jnp.where(is_point, 1, spread)
        tails = σ**2 / a * (norm.pdf(1 / a) + norm.pdf((1 + s) / a))
        return (
            jnp.where(is_point, (s > -1).astype(phi.dtype), norm.cdf((1 + s) / a)),
            one,
            jnp.where(is_point, 0, tails),
        )
    return one, one, zero


def dirac_eigenvalues(kind: str, *, lam: Number = 0.0, sigma: Number = 0.0) -> Complex[Array, "... 2"]:
    r"""The two eigenvalues of the game's Jacobian at its equilibrium, with a zero-centred penalty.

    .. math:: \mu_\pm = -\frac m2 \pm \sqrt{\frac{m^2}{4}-k^2}, \qquad m = 2\lambda + w(\sigma),

    with :math:`k=\frac12,\ w=\frac{\sigma^2}{2}` for the two vanilla losses, :math:`k=1,\ w=2\sigma^2` for ``lsgan``
    and :math:`k=1,\ w=0` for ``wgan``, ``hinge`` and ``gan_qp`` (which knows no penalty: :math:`\pm i`). In
    :math:`d` dimensions each occurs :math:`d` times. The flow converges locally if both real parts are negative.

    Parameters
    ----------
    kind, lam, sigma
        As in `dirac_field`; ``lam`` and ``sigma`` may be arrays.

    Returns
    -------
    Array
        Complex, shape of ``lam`` and ``sigma`` broadcast, and a last axis of two: :math:`\mu_+,\mu_-`.

    Raises
    ------
    ValueError
        As in `dirac_field`; ``wgan_normalized``, which has no Jacobian at :math:`\varphi=0`.

    Examples
    --------
    >>> print(dirac_eigenvalues("wgan", lam=0.6))
    [-0.6+0.8j -0.6-0.8j]

    References
    ----------
    L. Mescheder, A. Geiger, S. Nowozin, Which training methods for GANs do actually converge?, 2018, arXiv:1801.04406.
    """
    _check(kind, lam, 0.0, sigma)
    if kind == "wgan_normalized":
        raise ValueError("kind must be one with a Jacobian at the equilibrium; 'wgan_normalized' has none at φ = 0")
    λ, σ = jnp.asarray(lam, float), jnp.asarray(sigma, float)
    λ, σ = jnp.broadcast_arrays(λ, σ)
    own = {"saturating": σ**2 / 2, "non-saturating": σ**2 / 2, "lsgan": 2 * σ**2}.get(kind, 0 * σ)
    half = jnp.zeros_like(λ) if kind == "gan_qp" else λ + own / 2
    k = 0.5 if "saturating" in kind else 1.0
    m = half.astype(jnp.complex64 if half.dtype == jnp.float32 else jnp.complex128)
    root = jnp.sqrt(m**2 - k**2)
    return jnp.stack([-m + root, -m - root], axis=-1)


def angular_momentum(z: Float[Array, "*batch 2 dim"]) -> Float[Array, "*batch dim dim"]:
    r"""What a loss that sees only :math:`\varphi\cdot\theta` can never change: :math:`\theta\varphi^\top-\varphi\theta^\top`.

    Along :math:`\dot\varphi=-A\theta-\kappa\varphi,\ \dot\theta=B\varphi` it obeys :math:`\dot\ell=-\kappa\ell`,
    whatever :math:`A` and :math:`B`; and :math:`\lVert\varphi\rVert^2+\lVert\theta\rVert^2\ge2\lvert\ell\rvert`.

    Parameters
    ----------
    z
        ``[φ, θ]``, shape (…, 2, dim).

    Returns
    -------
    Array
        Antisymmetric, shape (…, dim, dim); in the plane its one number is ``[..., 0, 1]``.

    Raises
    ------
    ValueError
        Another shape.

    Examples
    --------
    >>> print(angular_momentum(jnp.array([[1.0, 2.0], [3.0, 4.0]]))[0, 1])
    2.0
    """
    _check_pair(z)
    phi, theta = z[..., 0, :], z[..., 1, :]
    product = theta[..., :, None] * phi[..., None, :]
    return product - jnp.swapaxes(product, -1, -2)


def game_energy(z: Float[Array, "*batch 2 dim"]) -> Float[Array, "*batch"]:
    r"""The squared distance to the equilibrium, :math:`\lVert\varphi\rVert^2+\lVert\theta\rVert^2`.

    Parameters
    ----------
    z
        ``[φ, θ]``, shape (…, 2, dim).

    Returns
    -------
    Array
        Shape (…).

    Raises
    ------
    ValueError
        Another shape.

    Examples
    --------
    >>> print(game_energy(jnp.array([[1.0, 2.0], [3.0, 4.0]])))
    30.0
    """
    _check_pair(z)
    return jnp.sum(z**2, axis=(-2, -1))


def _check(kind: str, lam: Any, center: Any, sigma: Any) -> None:
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(map(repr, KINDS))}, got {kind!r}")
    for name, value in (("lam", lam), ("center", center), ("sigma", sigma)):
        require(name, value, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))
    if kind == "gan_qp":
        require("sigma", sigma, "0 for 'gan_qp', whose loss compares pairs", lambda v: v == 0)
        require("lam", lam, "positive for 'gan_qp', which divides by it", lambda v: v > 0)


def _check_pair(z: Array) -> None:
    if z.ndim < 2 or z.shape[-2] != 2:
        raise ValueError(f"z must have shape (..., 2, dim), discriminator above generator, got {z.shape}")

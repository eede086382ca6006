"""Two coefficients of the heavy ball, two numbers of a particle with friction, and what they do to a quadratic."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Complex, Float

from .._check import positive, require

__all__ = [
    "characteristic_roots",
    "companion_radius",
    "heavy_ball_from_ode",
    "ode_from_heavy_ball",
    "tuned_heavy_ball",
]


def heavy_ball_from_ode(damping: ArrayLike, step: ArrayLike) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    r"""Learning rate and momentum of the central-difference scheme for a particle with friction.

    .. math:: \alpha = \frac{h^2}{1 + \lambda h/2}, \qquad \beta = \frac{1 - \lambda h/2}{1 + \lambda h/2}.

    Parameters
    ----------
    damping
        The friction :math:`\lambda \ge 0`, any shape.
    step
        The time step :math:`h > 0`, of a shape that broadcasts with `damping`.

    Returns
    -------
    (learning_rate, momentum)
        :math:`\alpha` and :math:`\beta`; :math:`\beta < 0` when :math:`\lambda h > 2`.

    Raises
    ------
    ValueError
        `damping` negative, `step` not positive.

    Examples
    --------
    >>> learning_rate, momentum = heavy_ball_from_ode(1.0, 0.1)
    >>> print(learning_rate.round(5), momentum.round(5))
    0.00952 0.90476
    """
    require("damping", damping, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))
    positive("step", step)
    damping, step = jnp.broadcast_arrays(damping, step)
    half = damping * step / 2
    return step**2 / (1 + half), (1 - half) / (1 + half)


def ode_from_heavy_ball(
    learning_rate: ArrayLike, momentum: ArrayLike
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    r"""Friction and time step of which a heavy ball is the central-difference scheme.

    .. math:: h = \sqrt{\frac{2\alpha}{1+\beta}}, \qquad \lambda = \frac{2}{h}\,\frac{1-\beta}{1+\beta}.

    Parameters
    ----------
    learning_rate
        :math:`\alpha > 0`, any shape.
    momentum
        :math:`-1 < \beta < 1`, of a shape that broadcasts with `learning_rate`.

    Returns
    -------
    (damping, step)
        :math:`\lambda` and :math:`h`.

    Raises
    ------
    ValueError
        `learning_rate` or `momentum` out of range.

    Examples
    --------
    >>> damping, step = ode_from_heavy_ball(0.01, 0.9)
    >>> print(damping.round(4), step.round(4))
    1.026 0.1026
    """
    check_pair(learning_rate, momentum)
    learning_rate, momentum = jnp.broadcast_arrays(learning_rate, momentum)
    step = jnp.sqrt(2 * learning_rate / (1 + momentum))
    return 2 / step * (1 - momentum) / (1 + momentum), step


def tuned_heavy_ball(smallest: ArrayLike, largest: ArrayLike) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    r"""Learning rate and momentum that contract fastest on a quadratic.

    .. math:: \alpha = \frac{4}{(\sqrt{\mathcal L} + \sqrt{\mu})^2}, \qquad
              \beta = \Bigl(\frac{\sqrt\kappa - 1}{\sqrt\kappa + 1}\Bigr)^2, \qquad \kappa = \mathcal L/\mu,

    which makes every root of modulus :math:`\sqrt\beta`.

    Parameters
    ----------
    smallest, largest
        The extreme curvatures :math:`0 < \mu \le \mathcal L`, any shapes that broadcast.

    Returns
    -------
    (learning_rate, momentum)
        :math:`\alpha` and :math:`\beta`.

    Raises
    ------
    ValueError
        A curvature not positive, or `smallest` above `largest`.

    Notes
    -----
    On losses that are not quadratic this tuning may cycle for ever: see the chapter's last section.

    Examples
    --------
    >>> learning_rate, momentum = tuned_heavy_ball(1.0, 25.0)
    >>> print(f"{learning_rate:.4f} {momentum:.4f}")
    0.1111 0.4444

    References
    ----------
    B. Polyak, 1964; L. Lessard, B. Recht, A. Packard, 2016, arXiv:1408.3595, section 2.
    """
    positive("smallest", smallest)
    positive("largest", largest)
    require("smallest", smallest, f"at most largest ({largest})", lambda v: v <= largest)
    low, high = (jnp.sqrt(h) for h in jnp.broadcast_arrays(smallest, largest))
    return 4 / (low + high) ** 2, ((high - low) / (high + low)) ** 2


def characteristic_roots(
    learning_rate: ArrayLike, momentum: ArrayLike, curvature: ArrayLike
) -> Complex[Array, "... 2"]:
    r"""The two roots whose powers make up the heavy ball's path along one curvature.

    .. math:: z^2 - (1 + \beta - \alpha a)\,z + \beta = 0 .

    Parameters
    ----------
    learning_rate, momentum, curvature
        :math:`\alpha`, :math:`\beta`, :math:`a`: real, of shapes that broadcast to ``...``.

    Returns
    -------
    Array
        Complex, shape ``(..., 2)``; a conjugate pair on the circle of radius :math:`\sqrt\beta`
        when the motion oscillates, two real numbers when it does not.

    Examples
    --------
    >>> print(abs(characteristic_roots(0.1, 0.81, 5.0)).round(4))
    [0.9 0.9]
    """
    learning_rate, momentum, curvature = jnp.broadcast_arrays(learning_rate, momentum, curvature)
    trace = 1 + momentum - learning_rate * curvature
    discriminant = trace**2 - 4 * momentum
    real, imaginary = jnp.sqrt(jnp.maximum(discriminant, 0.0)), jnp.sqrt(jnp.maximum(-discriminant, 0.0))
    # For real roots take the larger one first and the other from their product β: no cancellation.
    large = (trace + jnp.where(trace < 0, -real, real)) / 2
    small = jnp.where(large == 0, 0.0, momentum / jnp.where(large == 0, 1.0, large))
    is_real = discriminant >= 0
    first = jax.lax.complex(jnp.where(is_real, large, trace / 2), imaginary / 2)
    second = jax.lax.complex(jnp.where(is_real, small, trace / 2), -imaginary / 2)
    return jnp.stack([first, second], axis=-1)


def companion_radius(learning_rate: ArrayLike, momentum: ArrayLike, curvature: ArrayLike) -> Float[Array, "..."]:
    r"""Spectral radius of the heavy ball on one curvature: the factor an error shrinks by at each step, in the end.

    Below one exactly if :math:`0 < \alpha a < 2(1+\beta)` (for :math:`\lvert\beta\rvert < 1`).

    Parameters
    ----------
    learning_rate, momentum, curvature
        :math:`\alpha`, :math:`\beta`, :math:`a`: real, of shapes that broadcast to ``...``.

    Returns
    -------
    Array
        Real, shape ``...``.

    Examples
    --------
    >>> print(companion_radius(0.1, 0.0, 5.0))  # without momentum: |1 − αa|
    0.5
    """
    return jnp.max(jnp.abs(characteristic_roots(learning_rate, momentum, curvature)), axis=-1)


def check_pair(learning_rate: ArrayLike | Callable, momentum: ArrayLike | Callable) -> None:
    """Require a positive learning rate and a momentum inside (-1, 1), where they are known."""
    positive("learning_rate", learning_rate)
    require("momentum", momentum, "between -1 and 1, both excluded", lambda v: (v > -1) & (v < 1))

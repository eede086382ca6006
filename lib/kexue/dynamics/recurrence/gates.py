"""What differential equations say about gates: leaky integration, memories of a given length, a neutral cell."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, ScalarLike

from ..._check import at_least_one, floating, positive, require

__all__ = ["AntisymmetricCell", "chrono_bias", "leaky_integrator"]


def leaky_integrator(tau: Any, dt: Any, *, exact: bool = True) -> Float[Array, "*shape"]:
    r"""The gate that makes :math:`h\leftarrow h+z(n-h)` one step of :math:`\tau\dot h=-h+n`.

    .. math:: &z=1-e^{-\Delta t/\tau}\quad\text{(exact, for an input that is constant during the step)},\\
              &z=\Delta t/\tau\quad\text{(Euler)}.

    Euler's overshoots beyond :math:`\Delta t=\tau` and diverges beyond :math:`2\tau`.

    Parameters
    ----------
    tau : float (...)
        Time constant, positive; an array holds one for each unit.
    dt : float (...)
        Step, at least 0. Broadcasts against ``tau``.
    exact : bool

    Returns
    -------
    float (...)
        :math:`z`, the share of the new value. ``equinox.nn.GRUCell`` and ``torch.nn.GRUCell`` call the share of the
        *old* one ``z``: their gate is :math:`1-z`.

    Raises
    ------
    ValueError
        ``tau`` not positive, or ``dt`` negative.

    Examples
    --------
    >>> print(f"{leaky_integrator(10.0, 1.0):.5f} {leaky_integrator(10.0, 1.0, exact=False):.5f}")
    0.09516 0.10000

    References
    ----------
    C. Tallec, Y. Ollivier, Can recurrent neural networks warp time?, 2018, arXiv:1804.11188, section 1.
    """
    positive("tau", tau)
    require("dt", dt, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))
    ratio = floating(dt) / floating(tau)
    return -jnp.expm1(-ratio) if exact else ratio


def chrono_bias(horizon: Any) -> Float[Array, "*shape"]:
    r"""The bias of a forget gate that remembers for a given number of steps.

    .. math:: b=\ln(T-1),\qquad \sigma(b)=1-\frac1T,\qquad \tau=\frac{-1}{\ln\sigma(b)}\to T.

    Parameters
    ----------
    horizon : float (...)
        :math:`T>1`. For memories of many lengths, one draw for each unit: uniform between 2 and the longest.

    Returns
    -------
    float (...)
        For the forget gate; an LSTM's input gate takes its negative.

    Raises
    ------
    ValueError
        ``horizon`` not above 1.

    Examples
    --------
    >>> forget = jax.nn.sigmoid(chrono_bias(jnp.array([10.0, 1000.0])))
    >>> print((-1 / jnp.log(forget)).round(1))
    [  9.5 999.5]

    References
    ----------
    C. Tallec, Y. Ollivier, Can recurrent neural networks warp time?, 2018, arXiv:1804.11188, section 2.
    """
    require("horizon", horizon, "above 1 and finite", lambda v: (v > 1) & np.isfinite(v))
    return jnp.log(floating(horizon) - 1)


class AntisymmetricCell(eqx.Module):
    r"""A recurrent cell along whose linear flow nothing grows or fades: the eigenvalues are imaginary.

    .. math:: h_{n+1}=h_n+\varepsilon\tanh\big((W-W^\top-\gamma I)h_n+Vx_n+b\big)

    In continuous time. Euler's method multiplies a mode of frequency :math:`\omega` by
    :math:`\sqrt{(1-\varepsilon\gamma)^2+\varepsilon^2\omega^2}` a step, which exceeds one unless
    :math:`\gamma\ge\varepsilon(\gamma^2+\omega^2)/2`.

    Parameters
    ----------
    size, input_size : int, at least 1
        Of the state and of the input.
    step : float
        :math:`\varepsilon>0`.
    damping : float
        :math:`\gamma\ge0`.
    key : PRNG key
        :math:`W\sim\mathcal N(0,1/\text{size})` and :math:`V\sim\mathcal N(0,1/\text{input size})`; :math:`b=0`.

    Raises
    ------
    ValueError
        A number out of range, or an input or a state of another shape.

    Notes
    -----
    Called as ``cell(input, hidden)``, on one example, like ``equinox.nn.GRUCell``. ``step`` and ``damping`` are no
    arrays and so are not trained. A step costs the square of the size.

    Examples
    --------
    >>> cell = AntisymmetricCell(3, 2, step=0.1, damping=0.0, key=jax.random.key(0))
    >>> generator = jax.jacobian(cell, argnums=1)(jnp.zeros(2), jnp.zeros(3)) - jnp.eye(3)
    >>> print(bool(jnp.allclose(generator, -generator.T, atol=1e-6)))
    True

    References
    ----------
    B. Chang, M. Chen, E. Haber, E. Chi, AntisymmetricRNN, 2019, arXiv:1902.09689, equation 11.
    """

    weight: Float[Array, "size size"]
    input_weight: Float[Array, "size input_size"]
    bias: Float[Array, " size"]
    step: ScalarLike
    damping: ScalarLike

    def __init__(
        self, size: int, input_size: int, *, step: ScalarLike, damping: ScalarLike, key: Key[Array, ""]
    ) -> None:
        at_least_one("size", size)
        at_least_one("input_size", input_size)
        positive("step", step)
        require("damping", damping, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))
        recurrent, driving = jax.random.split(key)
        self.weight = jax.random.normal(recurrent, (size, size)) / size**0.5
        self.input_weight = jax.random.normal(driving, (size, input_size)) / input_size**0.5
        self.bias = jnp.zeros(size)
        self.step, self.damping = step, damping

    def __call__(self, input: Array, hidden: Array, *, key: Any = None) -> Array:
        """The next state; ``key`` is ignored."""
        del key
        size, input_size = self.input_weight.shape
        if jnp.shape(hidden) != (size,) or jnp.shape(input) != (input_size,):
            wanted = f"shapes ({input_size},) and ({size},)"
            raise ValueError(f"input and hidden must have {wanted}, got {jnp.shape(input)} and {jnp.shape(hidden)}")
        turn = self.weight @ hidden - hidden @ self.weight
        drive = turn - self.damping * hidden + self.input_weight @ input + self.bias
        return hidden + self.step * jnp.tanh(drive)

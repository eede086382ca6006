"""One inhabitant of the zoo as a pytree of numbers, so that a zoo is an array axis."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._check import at_least_one, positive, require
from .objectives import loss_index

__all__ = ["GANSpec", "stack_specs"]

_Number = Array | np.ndarray
_PLACES = ("data", "interpolates", "samples")


class GANSpec(eqx.Module):
    r"""One inhabitant of the zoo, as a pytree of numbers.

    The discriminator minimises its loss plus :math:`\lambda E\big\lvert\lVert\nabla D\rVert-c\big\rvert^{k}`.

    Parameters
    ----------
    loss : str
        A name in `LOSSES`.
    penalty, center, power : float
        :math:`\lambda\ge0`, :math:`c\ge0`, :math:`k\ge1`. R1 is ``center=0, at="data"`` with
        :math:`\lambda=\gamma/2`; WGAN-GP is ``center=1, at="interpolates"``; WGAN-div ``center=0, power=6``.
    at : "data", "interpolates" or "samples"
        Where the slope is taken.
    spectral : float, at least 0
        Every weight matrix :math:`W` of the discriminator is used as ``spectral`` :math:`W/\sigma_1(W)`; 0 for no
        spectral normalisation.
    b1 : float in [0, 1)
        Adam's first moment, :math:`\beta_1`, of both players.
    learning_rate : float, positive
        Of both players.
    simultaneous : bool
        Show the generator the discriminator as it was before its step, as training by one backward pass does.

    Raises
    ------
    ValueError
        If a name is unknown or a number out of range.

    Notes
    -----
    The numbers may be traced, except for names and flags. `train_gan` leaves out of its program what is known to be
    unused: the eleven other losses, the slopes at weight 0, the normalisation at 0.

    Examples
    --------
    >>> zoo = stack_specs([GANSpec("hinge", spectral=1.5), GANSpec("Wasserstein", penalty=1.0, center=1.0)])
    >>> print(zoo.loss, zoo.penalty)
    [5 4] [0. 1.]
    """

    loss: Int[_Number, "..."]
    penalty: Float[_Number, "..."]
    center: Float[_Number, "..."]
    power: Float[_Number, "..."]
    at: Int[_Number, "..."]
    spectral: Float[_Number, "..."]
    b1: Float[_Number, "..."]
    learning_rate: Float[_Number, "..."]
    simultaneous: Bool[_Number, "..."]

    def __init__(
        self,
        loss: str = "non-saturating",
        *,
        penalty: float | Float[Array, ""] = 0.0,
        center: float | Float[Array, ""] = 0.0,
        power: float | Float[Array, ""] = 2.0,
        at: str = "data",
        spectral: float | Float[Array, ""] = 0.0,
        b1: float | Float[Array, ""] = 0.0,
        learning_rate: float | Float[Array, ""] = 3e-3,
        simultaneous: bool = False,
    ):
        for name, value in (("penalty", penalty), ("center", center), ("spectral", spectral)):
            require(name, value, "at least 0", lambda number: number >= 0)
        require("power", power, "at least 1", lambda number: number >= 1)
        require("b1", b1, "in [0, 1)", lambda number: (number >= 0) & (number < 1))
        positive("learning_rate", learning_rate)
        if at not in _PLACES:
            raise ValueError(f"at must be one of {', '.join(map(repr, _PLACES))}, got {at!r}")
        self.loss, self.at = (np.asarray(i, np.int32) for i in (loss_index(loss), _PLACES.index(at)))
        self.simultaneous = np.asarray(simultaneous)
        self.penalty, self.center, self.power = map(_number, (penalty, center, power))
        self.spectral, self.b1, self.learning_rate = map(_number, (spectral, b1, learning_rate))


def stack_specs(specs: Sequence[GANSpec]) -> GANSpec:
    """Several inhabitants as one pytree with a leading axis, for `vmap`.

    Parameters
    ----------
    specs : sequence of GANSpec, at least one

    Returns
    -------
    GANSpec
        Leaves (len(specs),).

    Raises
    ------
    ValueError
        If there are none.

    Examples
    --------
    >>> stack_specs([GANSpec(b1=0.0), GANSpec(b1=0.5), GANSpec(b1=0.9)]).b1.shape
    (3,)
    """
    at_least_one("number of specs", len(specs))
    return jax.tree.map(lambda *leaves: np.stack(leaves), *specs)


def _number(value: Any) -> Any:
    """NumPy unless it is traced: what is known before tracing can be left out of the program."""
    return value if isinstance(value, jax.Array) else np.asarray(value, jnp.result_type(float))

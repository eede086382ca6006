r"""A dozen games between a generator and a discriminator, as losses of raw scores.

Every loss is a function of :math:`r=D(x)` on a batch of data and :math:`f=D(G(z))` on a batch of samples; a high score
says "data". Both players *minimise*. Relativistic losses pair ``real[i]`` with ``fake[i]``.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._check import require

__all__ = ["LOSSES", "PlayerLosses", "gan_losses", "loss_index", "selected_loss"]

_softplus = jax.nn.softplus


class PlayerLosses(NamedTuple):
    """What the two players minimise."""

    discriminator: Float[Array, "..."]
    """What the discriminator minimises."""
    generator: Float[Array, "..."]
    """What the generator minimises."""


Scores = Float[Array, "..."]


def saturating(real: Scores, fake: Scores) -> PlayerLosses:
    """Goodfellow et al. 2014, the minimax game: the generator's slope dies where the discriminator is sure."""
    value = jnp.mean(_softplus(-real)) + jnp.mean(_softplus(fake))
    return PlayerLosses(value, -jnp.mean(_softplus(fake)))


def non_saturating(real: Scores, fake: Scores) -> PlayerLosses:
    """Goodfellow et al. 2014, the game that is played: the same discriminator, another generator."""
    return PlayerLosses(saturating(real, fake).discriminator, jnp.mean(_softplus(-fake)))


def least_squares(real: Scores, fake: Scores) -> PlayerLosses:
    """Mao et al. 2017 with labels 1 and -1; the generator wants to be labelled 1."""
    value = (jnp.mean((real - 1) ** 2) + jnp.mean((fake + 1) ** 2)) / 2
    return PlayerLosses(value, jnp.mean((fake - 1) ** 2) / 2)


def least_squares_zero(real: Scores, fake: Scores) -> PlayerLosses:
    """Mao et al. 2017, equation 8: the same discriminator; the generator wants to be labelled 0."""
    return PlayerLosses(least_squares(real, fake).discriminator, jnp.mean(fake**2) / 2)


def wasserstein(real: Scores, fake: Scores) -> PlayerLosses:
    """Arjovsky et al. 2017; it needs a discriminator whose slope is bounded by other means."""
    return PlayerLosses(jnp.mean(fake) - jnp.mean(real), -jnp.mean(fake))


def hinge(real: Scores, fake: Scores) -> PlayerLosses:
    """Lim and Ye 2017: scores beyond the margin of one cost the discriminator nothing."""
    value = jnp.mean(jnp.maximum(1 - real, 0)) + jnp.mean(jnp.maximum(1 + fake, 0))
    return PlayerLosses(value, -jnp.mean(fake))


def kl(real: Scores, fake: Scores) -> PlayerLosses:
    """Nowozin et al. 2016, the conjugate of t log t."""
    growth = jnp.mean(jnp.exp(fake - 1))
    return PlayerLosses(growth - jnp.mean(real), -growth)


def reverse_kl(real: Scores, fake: Scores) -> PlayerLosses:
    """Nowozin et al. 2016, the conjugate of -log t."""
    return PlayerLosses(jnp.mean(jnp.exp(-real)) + jnp.mean(fake) - 1, -jnp.mean(fake))


def rsgan(real: Scores, fake: Scores) -> PlayerLosses:
    """Jolicoeur-Martineau 2018: which of the two is the real one?"""
    _pairs(real, fake)
    return PlayerLosses(jnp.mean(_softplus(fake - real)), jnp.mean(_softplus(real - fake)))


def ragan(real: Scores, fake: Scores) -> PlayerLosses:
    """Jolicoeur-Martineau 2018: each score against the mean score of the other side."""
    data, samples = real - jnp.mean(fake), fake - jnp.mean(real)
    value = jnp.mean(_softplus(-data)) + jnp.mean(_softplus(samples))
    return PlayerLosses(value, jnp.mean(_softplus(data)) + jnp.mean(_softplus(-samples)))


def ralsgan(real: Scores, fake: Scores) -> PlayerLosses:
    """Jolicoeur-Martineau 2018, the least-squares form of the relativistic average."""
    data, samples = real - jnp.mean(fake), fake - jnp.mean(real)
    value = (jnp.mean((data - 1) ** 2) + jnp.mean((samples + 1) ** 2)) / 2
    return PlayerLosses(value, (jnp.mean((data + 1) ** 2) + jnp.mean((samples - 1) ** 2)) / 2)


def gan_qp(real: Scores, fake: Scores, distance: Scores, *, weight: float | Float[Array, ""] = 10.0) -> PlayerLosses:
    """Su 2018: the score difference, less its square over the distance of the two points."""
    _pairs(real, fake, distance)
    gap = real - fake
    is_apart = distance > 0  # two points that coincide have the same score: they say nothing
    cost = jnp.where(is_apart, gap**2 / (2 * weight * jnp.where(is_apart, distance, 1)), 0)
    return PlayerLosses(jnp.mean(cost - gap), jnp.mean(gap))


def _pairs(*scores: Array) -> None:
    if len({jnp.shape(one) for one in scores}) > 1:
        raise ValueError(
            f"real and fake must have one entry a pair, got shapes {', '.join(str(jnp.shape(s)) for s in scores)}"
        )


LOSSES: dict[str, Callable[..., PlayerLosses]] = {
    "saturating": saturating,
    "non-saturating": non_saturating,
    "least squares": least_squares,
    "least squares, target 0": least_squares_zero,
    "Wasserstein": wasserstein,
    "hinge": hinge,
    "KL": kl,
    "reverse KL": reverse_kl,
    "RSGAN": rsgan,
    "RaGAN": ragan,
    "RaLSGAN": ralsgan,
    "GAN-QP": gan_qp,
}
"""Name to ``loss(real, fake) -> PlayerLosses``; GAN-QP takes the distance of each pair as a third argument."""


def loss_index(name: str) -> int:
    """Position of a loss in `LOSSES`, by which a batched program selects it.

    Parameters
    ----------
    name : str

    Returns
    -------
    int

    Raises
    ------
    ValueError
        If there is no loss of that name.

    Examples
    --------
    >>> loss_index("hinge")
    5
    """
    if name not in LOSSES:
        raise ValueError(f"loss must be one of {', '.join(map(repr, LOSSES))}, got {name!r}")
    return list(LOSSES).index(name)


def gan_losses(
    real: Float[Array, " batch"], fake: Float[Array, " _"], distance: Float[Array, " _"] | None = None
) -> PlayerLosses:
    r"""All losses of the zoo at once, in the order of `LOSSES`.

    Parameters
    ----------
    real, fake : float (batch,)
        Raw scores of data and of samples, of one length; high means "data".
    distance : float (batch,), at least 0, optional
        :math:`\lVert x_i-y_i\rVert` of the ``i``-th pair, for GAN-QP; ones unless given.

    Returns
    -------
    PlayerLosses
        ``discriminator`` and ``generator``, (12,) each.

    Raises
    ------
    ValueError
        If the batches are empty or differ in length.

    Notes
    -----
    Time: a dozen passes over two vectors, which is nothing beside the networks. To *train* with one loss selected by
    a traced index use `selected_loss`: the derivative of an overflowing loss, times zero, would be NaN.

    Examples
    --------
    >>> losses = gan_losses(jnp.array([2.0, 0.5]), jnp.array([-1.0, 0.0]))
    >>> print(losses.discriminator[loss_index("hinge")], losses.generator[loss_index("hinge")])
    0.75 0.5
    """
    _check(real, fake, distance)
    distance = jnp.ones_like(real) if distance is None else distance
    found = [LOSSES[name](real, fake, *((distance,) if name == "GAN-QP" else ())) for name in LOSSES]
    return PlayerLosses(jnp.stack([one.discriminator for one in found]), jnp.stack([one.generator for one in found]))


def selected_loss(
    index: int | Int[Array | np.ndarray, ""],
    real: Float[Array, " batch"],
    fake: Float[Array, " _"],
    distance: Float[Array, " _"],
) -> PlayerLosses:
    """The loss at one position of `LOSSES`, which may be traced: the zoo as an array axis.

    Parameters
    ----------
    index : int
        From `loss_index`. If it is known before tracing only that loss is computed; a traced one outside the table is
        clamped, as JAX does.
    real, fake, distance : float (batch,)
        As in `gan_losses`.

    Returns
    -------
    PlayerLosses
        Two scalars, with finite derivatives whenever those of the selected loss are finite.

    Raises
    ------
    ValueError
        If a concrete ``index`` is not in the table, or the batches are empty or differ in length.

    Examples
    --------
    >>> scores = jnp.array([1.0, 200.0])
    >>> print(jax.grad(lambda f: selected_loss(4, scores, f, scores).generator)(scores))  # exp(200) does no harm
    [-0.5 -0.5]
    """
    require("index", index, f"in [0, {len(LOSSES)})", lambda i: (i >= 0) & (i < len(LOSSES)))
    _check(real, fake, distance)
    if not isinstance(index, jax.core.Tracer):
        loss = list(LOSSES.values())[int(index)]
        return loss(real, fake, distance) if loss is gan_qp else loss(real, fake)
    discriminator, generator = [], []
    for i, (name, loss) in enumerate(LOSSES.items()):
        # Losses that are not wanted are computed at score zero: where alone would multiply their overflow by zero.
        mine = [jnp.where(index == i, scores, 0) for scores in (real, fake)]
        one = loss(*mine, *((distance,) if name == "GAN-QP" else ()))
        discriminator.append(one.discriminator)
        generator.append(one.generator)
    return PlayerLosses(jnp.stack(discriminator)[index], jnp.stack(generator)[index])


def _check(real: Array, fake: Array, distance: Array | None) -> None:
    if real.size == 0 or real.shape != fake.shape or (distance is not None and distance.shape != real.shape):
        shapes = [None if a is None else np.shape(a) for a in (real, fake, distance)]
        raise ValueError(f"real, fake and distance must be batches of one length, at least 1, got shapes {shapes}")

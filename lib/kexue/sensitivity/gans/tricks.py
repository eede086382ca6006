"""Tricks of the trade, each a small pure function: one backward pass, orthogonality, truncation, minibatch deviation."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from ..._check import positive
from .objectives import PlayerLosses

__all__ = ["minibatch_deviation", "one_pass_loss", "orthogonal_penalty", "truncated_normal"]


def one_pass_loss(
    loss: Callable[[Array, Array], PlayerLosses],
    generator: Callable[[Array], Array],
    discriminator: Callable[[Array], Array],
    real: Float[Array, "batch ..."],
    latents: Float[Array, "_ latent"],
) -> Float[Array, ""]:
    r"""One scalar whose gradient holds the gradients of both players.

    .. math:: \ell_D(r,\bar f)+\ell_G(r,f)-\ell_G(r,\bar f),\qquad \bar f=D(\bot G(z)),

    where :math:`\bot` stops the gradient at the *sample*. The last two terms have the same derivative in the
    discriminator's weights, and only the middle one sees the generator's.

    Parameters
    ----------
    loss : callable
        ``loss(real, fake) -> PlayerLosses`` of two batches of scores, such as an entry of `LOSSES`.
    generator, discriminator : callable
        On one example. Differentiate with respect to both: one gradient, for a *simultaneous* step.
    real : float (batch, ...)
        Examples of any shape.
    latents : float (batch, latent)

    Returns
    -------
    float
        Its value is the discriminator's loss.

    Raises
    ------
    ValueError
        If the batches are empty or differ in length.

    Notes
    -----
    Time: the generator once, the discriminator on data, on samples, and on samples once more.

    Examples
    --------
    >>> def game(players):
    ...     theta, phi = players
    ...     loss = lambda real, fake: PlayerLosses(jnp.mean(fake - real), -jnp.mean(fake))
    ...     data, latents = jnp.full((1, 1), 3.0), jnp.zeros((1, 1))
    ...     return one_pass_loss(loss, lambda z: z + theta, lambda x: phi * x[0], data, latents)
    >>> theta, phi = jax.grad(game)((1.0, 0.5))
    >>> print(theta, phi)  # the generator feels -phi, the discriminator theta - 3
    -0.5 -2.0
    """
    if len(real) == 0 or len(real) != len(latents):
        raise ValueError(
            f"real and latents must be batches of one length, at least 1, got {len(real)} and {len(latents)}"
        )
    score = jax.vmap(discriminator)
    samples = jax.vmap(generator)(latents)
    r, f, f_bar = score(real), score(samples), score(jax.lax.stop_gradient(samples))
    return loss(r, f_bar).discriminator + loss(r, f).generator - loss(r, f_bar).generator


def orthogonal_penalty(w: Float[Array, "..."]) -> Float[Array, ""]:
    r"""Sum of squared inner products of different columns, :math:`\lVert W^\top W\odot(1-I)\rVert_F^2`.

    It asks the columns to be orthogonal and says nothing about their lengths.

    Parameters
    ----------
    w : float (rows, columns)

    Returns
    -------
    float, at least 0

    Raises
    ------
    ValueError
        If ``w`` is not a matrix.

    Examples
    --------
    >>> print(orthogonal_penalty(jnp.array([[3.0, 1.0], [0.0, 2.0]])))  # twice 3 squared
    18.0

    References
    ----------
    Brock, Donahue and Simonyan, "Large scale GAN training for high fidelity natural image synthesis", 2018,
    arXiv:1809.11096, equation 3.
    """
    if w.ndim != 2:
        raise ValueError(f"w must be a matrix, got shape {w.shape}")
    gram = w.T @ w
    return jnp.sum(jnp.where(jnp.eye(len(gram), dtype=bool), 0, gram) ** 2)


def truncated_normal(
    key: Key[Array, ""], threshold: float | Float[Array, ""], shape: tuple[int, ...]
) -> Float[Array, "..."]:
    r"""Latents of which each coordinate is a standard normal number conditioned on :math:`\lvert z\rvert\le\tau`.

    Parameters
    ----------
    key : PRNG key
    threshold : float, positive
        :math:`\tau`; it may be traced.
    shape : tuple of int

    Returns
    -------
    float, of the shape that was asked for

    Raises
    ------
    ValueError
        If a concrete ``threshold`` is not positive and finite.

    Examples
    --------
    >>> print(jnp.abs(truncated_normal(jax.random.key(0), 0.5, (1000,))).max() <= 0.5)
    True

    References
    ----------
    Brock, Donahue and Simonyan, 2018, arXiv:1809.11096, section 3.1.
    """
    positive("threshold", threshold)
    threshold = jnp.asarray(threshold, jnp.result_type(float))
    return jax.random.truncated_normal(key, -threshold, threshold, shape, threshold.dtype)


def minibatch_deviation(x: Float[Array, "..."]) -> Float[Array, "..."]:
    """Tell the discriminator how varied its batch is: one more feature, the mean over features of their deviation.

    Also known as the minibatch standard deviation layer.

    Parameters
    ----------
    x : float (batch, dim)
        Features of a batch, all real or all generated; at least two rows.

    Returns
    -------
    float (batch, dim + 1)
        ``x`` and, in the last column, one number that all rows share. Its derivative is 0 where a feature is constant.

    Raises
    ------
    ValueError
        If there are fewer than two rows or no features.

    Examples
    --------
    >>> print(minibatch_deviation(jnp.array([[0.0, 1.0], [2.0, 1.0]])))
    [[0.  1.  0.5]
     [2.  1.  0.5]]

    References
    ----------
    Karras et al., "Progressive growing of GANs", 2018, arXiv:1710.10196, section 3.
    """
    if x.ndim != 2 or len(x) < 2 or x.shape[1] == 0:
        raise ValueError(f"x must be a batch of at least two rows with at least one feature, got shape {x.shape}")
    variance = jnp.var(x, axis=0)
    is_varied = variance > 0  # the root has no derivative at zero
    deviation = jnp.where(is_varied, jnp.sqrt(jnp.where(is_varied, variance, 1)), 0)
    return jnp.concatenate([x, jnp.full((len(x), 1), jnp.mean(deviation), x.dtype)], axis=1)

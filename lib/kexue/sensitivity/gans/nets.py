"""Small networks for both players, on one example each; their leaves are arrays, so that `vmap` makes many of them."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..._check import at_least_one

__all__ = ["ConditionalGenerator", "Perceptron", "ProjectionDiscriminator", "player_pair"]


class Perceptron(eqx.Module):
    r"""Affine maps with leaky ReLUs between them, :math:`x\mapsto W_L\,\rho(\cdots\rho(W_1x+b_1))+b_L`.

    Parameters
    ----------
    widths : sequence of int, each at least 1
        Input, hidden layers, output; at least two.
    key : PRNG key
    slope : float
        Of :math:`\rho` below zero; 0 is the ReLU.

    Raises
    ------
    ValueError
        If there are fewer than two widths or one is below 1.

    Examples
    --------
    >>> net = Perceptron((2, 16, 3), key=jax.random.key(0))
    >>> print(net(jnp.ones(2)).shape)
    (3,)
    """

    layers: tuple[eqx.nn.Linear, ...]
    slope: float = eqx.field(static=True)

    def __init__(self, widths: Sequence[int], *, key: Key[Array, ""], slope: float = 0.0):
        if len(widths) < 2 or min(widths) < 1:
            raise ValueError(f"widths must be at least two numbers of at least 1, got {tuple(widths)}")
        keys = jax.random.split(key, len(widths) - 1)
        self.layers = tuple(
            eqx.nn.Linear(n_in, n_out, key=k) for n_in, n_out, k in zip(widths[:-1], widths[1:], keys, strict=True)
        )
        self.slope = slope

    def features(self, x: Float[Array, " inputs"]) -> Float[Array, " hidden"]:
        """What the last affine map sees."""
        for layer in self.layers[:-1]:
            x = layer(x)
            x = jnp.where(x > 0, x, self.slope * x)
        return x

    def __call__(self, x: Float[Array, " inputs"]) -> Float[Array, " outputs"]:
        """One example."""
        return self.layers[-1](self.features(x))


class _Score(eqx.Module):
    """A perceptron with one output, as a scalar."""

    net: Perceptron

    def __call__(self, x: Float[Array, " dim"]) -> Float[Array, ""]:
        return self.net(x)[0]


def player_pair(
    key: Key[Array, ""], *, dim: int = 2, latent: int = 2, width: int = 32, slope: float = 0.1
) -> tuple[eqx.Module, eqx.Module]:
    r"""A generator :math:`z\mapsto x` and a discriminator :math:`x\mapsto D(x)` with two hidden layers each.

    Parameters
    ----------
    key : PRNG key
    dim, latent, width : int, at least 1
        Of the data, of :math:`z`, of the hidden layers.
    slope : float
        Of the discriminator's leaky ReLU; the generator's is a ReLU.

    Returns
    -------
    (generator, discriminator)
        The discriminator returns its raw score, a scalar.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> generator, discriminator = player_pair(jax.random.key(0))
    >>> print(discriminator(generator(jnp.zeros(2))).shape)
    ()
    """
    for name, size in (("dim", dim), ("latent", latent), ("width", width)):
        at_least_one(name, size)
    key_g, key_d = jax.random.split(key)
    generator = Perceptron((latent, width, width, dim), key=key_g)
    return generator, _Score(Perceptron((dim, width, width, 1), key=key_d, slope=slope))


class ConditionalGenerator(eqx.Module):
    r"""Images of a wanted class: :math:`(z,y)\mapsto\tanh(\text{net}([z,e_y]))`.

    Parameters
    ----------
    classes, dim, latent, width : int, at least 1
    key : PRNG key

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> generator = ConditionalGenerator(10, 64, 16, 64, key=jax.random.key(0))
    >>> print(generator(jnp.zeros(16), jnp.array(3)).shape)
    (64,)
    """

    net: Perceptron
    classes: int = eqx.field(static=True)

    def __init__(self, classes: int, dim: int, latent: int, width: int, *, key: Key[Array, ""]):
        for name, size in (("classes", classes), ("dim", dim), ("latent", latent), ("width", width)):
            at_least_one(name, size)
        self.net = Perceptron((latent + classes, width, width, dim), key=key)
        self.classes = classes

    def __call__(self, z: Float[Array, " latent"], label: Int[Array, ""]) -> Float[Array, " dim"]:
        """One image with values in (-1, 1)."""
        return jnp.tanh(self.net(jnp.concatenate([z, jax.nn.one_hot(label, self.classes, dtype=z.dtype)])))


class ProjectionDiscriminator(eqx.Module):
    r"""Score of an image for a class, :math:`D(x,y)=\psi(\phi(x))+\langle v_y,\phi(x)\rangle`.

    If both classes' log ratios are linear in the features this form is exact: the second term is the log ratio of the
    two posteriors of the class, the first that of the images.

    Parameters
    ----------
    classes, dim, width : int, at least 1
    key : PRNG key
    slope : float
        Of the leaky ReLU.

    Raises
    ------
    ValueError
        If a size is below 1.

    Examples
    --------
    >>> discriminator = ProjectionDiscriminator(10, 64, 32, key=jax.random.key(0))
    >>> print(discriminator(jnp.zeros(64), jnp.array(3)).shape)
    ()

    References
    ----------
    Miyato and Koyama, "cGANs with projection discriminator", 2018, arXiv:1802.05637, equation 4.
    """

    net: Perceptron
    embedding: Float[Array, "classes width"]

    def __init__(self, classes: int, dim: int, width: int, *, key: Key[Array, ""], slope: float = 0.1):
        for name, size in (("classes", classes), ("dim", dim), ("width", width)):
            at_least_one(name, size)
        key_net, key_embedding = jax.random.split(key)
        self.net = Perceptron((dim, width, width, 1), key=key_net, slope=slope)
        self.embedding = jax.random.normal(key_embedding, (classes, width)) / jnp.sqrt(float(width))

    def __call__(self, x: Float[Array, " dim"], label: Int[Array, ""]) -> Float[Array, ""]:
        """One example."""
        features = self.net.features(x)
        return self.net.layers[-1](features)[0] + self.embedding[label] @ features

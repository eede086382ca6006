"""One training loop for the whole zoo: every choice is a number, so that `vmap` over numbers trains a zoo at once."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Key, PyTree

from ..._check import at_least_one, require
from ..lipschitz.penalties import slopes
from ..norms.estimates import power_iteration
from .nets import player_pair
from .objectives import PlayerLosses, selected_loss
from .spec import GANSpec

__all__ = ["GANRun", "train_gan"]


class GANRun(NamedTuple):
    """What :func:`train_gan` returns."""

    generator: PyTree
    """After the last step."""
    average: PyTree
    """The exponential moving average of the generator's weights."""
    discriminator: PyTree
    """After the last step; with spectral normalisation, already normalised."""
    history: PyTree
    """``record(generator, average, discriminator)`` every ``every`` steps; None without ``record``."""


def train_gan(
    key: Key[Array, ""],
    spec: GANSpec,
    *,
    sample_data: Callable[[Key[Array, ""], int], Any],
    steps: int,
    batch: int = 64,
    players: Callable[[Key[Array, ""]], tuple[Any, Any]] = player_pair,
    latent: int = 2,
    average: float = 0.99,
    b2: float = 0.99,
    record: Callable[[Any, Any, Any], Any] | None = None,
    every: int | None = None,
) -> GANRun:
    r"""Train a generator against a discriminator, one step of Adam each in turn.

    .. math:: \phi&\leftarrow\operatorname{Adam}\big(\nabla_\phi[\ell_D+\lambda E\lvert\lVert\nabla D\rVert-c\rvert^k]\big),\\
              \theta&\leftarrow\operatorname{Adam}(\nabla_\theta\ell_G),\qquad
              \bar\theta\leftarrow a\bar\theta+(1-a)\theta

    Works under ``jit`` and ``vmap`` over keys, specs and whatever ``sample_data`` closes over:
    ``jax.vmap(jax.vmap(run, (None, 0)), (0, None))(keys, zoo)`` trains a zoo for several seeds, with the same weights
    at the start and the same random numbers for all inhabitants of one seed.

    Parameters
    ----------
    key : PRNG key
    spec : GANSpec
        Of scalars; ``vmap`` takes care of a stack.
    sample_data : callable
        ``sample_data(key, batch)`` returns examples (batch, …) of any shape, or a pair of them and of conditions
        (batch, …), which both players then receive as a second argument.
    steps : int, at least 1
        Steps of either player.
    batch : int, at least 1
    players : callable
        ``players(key)`` returns two Equinox modules on one example: the generator ``latent`` → example, the
        discriminator example → raw score. `player_pair` unless given.
    latent : int, at least 1
        Dimension of :math:`z\sim\mathcal N(0,I)`.
    average : float in [0, 1)
        :math:`a`, the memory of the generator's average.
    b2 : float in [0, 1)
        Adam's second moment.
    record : callable, optional
        ``record(generator, average, discriminator)``, a pytree of arrays to keep.
    every : int, optional
        Steps between records; must divide ``steps``, which is the default.

    Returns
    -------
    GANRun

    Raises
    ------
    ValueError
        If a number is out of range, or ``every`` does not divide ``steps``.

    Notes
    -----
    Time: about eighteen passes through a network a step, a third of them for the slopes, which are computed whatever
    their weight. The losses cost nothing beside that. Spectral normalisation takes one warm-started step of power
    iteration a training step, an estimate from below.

    Examples
    --------
    >>> data = lambda key, n: 3.0 + 0.1 * jax.random.normal(key, (n, 1))
    >>> players = lambda key: player_pair(key, dim=1, latent=1, width=16)
    >>> train = lambda key: train_gan(key, GANSpec(), sample_data=data, steps=400, players=players, latent=1)
    >>> print(abs(jax.jit(train)(jax.random.key(0)).average(jnp.zeros(1))[0] - 3) < 0.3)
    True

    References
    ----------
    Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1; Miyato et al. 2018, arXiv:1802.05957 (spectral
    normalisation); Yazıcı et al. 2019, arXiv:1806.04498 (the average).
    """
    every = steps if every is None else every
    _check(steps, every, batch, latent, average=average, b2=b2, b1=spec.b1)
    key_players, key_steps, key_vectors = jax.random.split(key, 3)
    (g, g_static), (d, d_static) = (eqx.partition(net, eqx.is_inexact_array) for net in players(key_players))
    adam = optax.flatten(optax.adam(spec.learning_rate, b1=spec.b1, b2=b2))  # fewer kernels to compile

    def step(state: _State, k: Array) -> tuple[_State, None]:
        key_data, key_noise = jax.random.split(jax.random.fold_in(key_steps, k))
        drawn = sample_data(key_data, batch)
        real, *condition = drawn if isinstance(drawn, tuple) else (drawn,)
        # One draw compiles three times faster than three.
        noise = jax.random.normal(key_noise, (batch, 2 * latent + 1), real.dtype)
        z_d, z_g, place = noise[:, :latent], noise[:, latent:-1], noise[:, -1:]

        def loss_d(d: PyTree) -> tuple[Array, PyTree]:
            vectors = _power_iteration(d, state.vectors, spec.spectral)
            d = _normalised(d, vectors, spec.spectral)
            score = eqx.combine(d, d_static)
            losses, fake = _meet(spec, eqx.combine(state.g, g_static), score, z_d, real, condition)
            position = _position(spec.at, place).reshape(-1, *(1,) * (real.ndim - 1))
            points = real + position * (fake - real)
            return losses.discriminator + _steepness(spec, score, points, condition), vectors

        gradient, vectors = jax.grad(loss_d, has_aux=True)(state.d)
        d, adam_d = _update(adam, gradient, state.adam_d, state.d)
        opponent = jax.tree.map(lambda old, new: jnp.where(spec.simultaneous, old, new), state.d, d)
        score = eqx.combine(_normalised(opponent, vectors, spec.spectral), d_static)
        loss_g = lambda g: _meet(spec, eqx.combine(g, g_static), score, z_g, real, condition)[0].generator  # noqa: E731
        g, adam_g = _update(adam, jax.grad(loss_g)(state.g), state.adam_g, state.g)
        mean = jax.tree.map(lambda old, new: average * old + (1 - average) * new, state.mean, g)
        return _State(g, mean, d, adam_g, adam_d, vectors), None

    def finished(state: _State) -> tuple[Any, Any, Any]:
        d = _normalised(state.d, state.vectors, spec.spectral)
        return eqx.combine(state.g, g_static), eqx.combine(state.mean, g_static), eqx.combine(d, d_static)

    def stage(state: _State, ks: Array) -> tuple[_State, Any]:
        state, _ = jax.lax.scan(step, state, ks)
        return state, None if record is None else record(*finished(state))

    start = _State(g, g, d, adam.init(g), adam.init(d), _start_vectors(key_vectors, d))
    state, history = jax.lax.scan(stage, start, jnp.arange(steps).reshape(-1, every))
    return GANRun(*finished(state), history)


class _State(NamedTuple):
    g: PyTree
    mean: PyTree
    d: PyTree
    adam_g: PyTree
    adam_d: PyTree
    vectors: PyTree
    """A left singular vector for each weight matrix of the discriminator."""


def _meet(
    spec: GANSpec, generator: Any, score: Any, z: Array, real: Array, condition: list[Any]
) -> tuple[PlayerLosses, Array]:
    """Losses of both players on one batch, and the samples."""
    fake = jax.vmap(generator)(z, *condition)
    squares = jnp.sum((real - fake).reshape(len(real), -1) ** 2, axis=1)
    distance = jnp.sqrt(squares + 1e-12)  # differentiable where two points coincide
    r, f = (jax.vmap(score)(points, *condition) for points in (real, fake))
    return selected_loss(spec.loss, r, f, distance), fake


def _position(at: Any, noise: Array) -> Array:
    """0 for the data, 1 for the samples, random for the interpolates."""
    uniform = jax.scipy.special.ndtr(noise)
    return jnp.select([at == 0, at == 1], [jnp.zeros_like(uniform), uniform], jnp.ones_like(uniform))


def _steepness(spec: GANSpec, score: Any, points: Array, condition: list[Any]) -> Array:
    if _is_zero(spec.penalty):
        return jnp.zeros((), points.dtype)
    slope = jax.vmap(lambda x, *y: slopes(lambda point: score(point, *y), x[None])[0])(points, *condition)
    return jnp.asarray(spec.penalty) * jnp.mean(jnp.abs(slope - spec.center) ** spec.power)


def _start_vectors(key: Array, d: PyTree) -> PyTree:
    """For each matrix a vector to start from, and nothing, as an array, for every other leaf."""
    return jax.tree.map(lambda w: jax.random.normal(key, w.shape[:1] if w.ndim == 2 else (0,), w.dtype), d)


def _power_iteration(d: PyTree, vectors: PyTree, gain: Any) -> PyTree:
    if _is_zero(gain):
        return vectors
    return jax.tree.map(lambda w, u: power_iteration(w, u)[1] if w.ndim == 2 else u, d, vectors)


def _normalised(d: PyTree, vectors: PyTree, gain: Any) -> PyTree:
    """Every matrix over its leading singular value, times the gain; as it is where the gain is zero."""
    if _is_zero(gain):
        return d

    def normalise(w: Array, u: Array) -> Array:
        if w.ndim != 2:
            return w
        image = u @ w
        sigma = image @ jax.lax.stop_gradient(image / jnp.linalg.norm(image))  # its gradient is that of u W v
        is_wanted = (gain > 0) & (sigma > 0)
        return jnp.where(is_wanted, gain / jnp.where(is_wanted, sigma, 1), 1) * w

    return jax.tree.map(normalise, d, vectors)


def _is_zero(number: Any) -> bool:
    return not isinstance(number, jax.core.Tracer) and not np.any(number)


def _update(optimizer: optax.GradientTransformation, gradient: PyTree, state: PyTree, params: PyTree) -> Any:
    with jax.numpy_dtype_promotion("standard"):  # optax itself is not strict
        updates, state = optimizer.update(gradient, state, params)
    return optax.apply_updates(params, updates), state


def _check(steps: int, every: int, batch: int, latent: int, **memories: Any) -> None:
    for name, count in (("steps", steps), ("batch", batch), ("latent", latent), ("every", every)):
        at_least_one(name, count)
    for name, memory in memories.items():
        known = memory if isinstance(memory, float | int | jax.core.Tracer) else np.asarray(memory)
        require(name, known, "in [0, 1)", lambda value: (value >= 0) & (value < 1))
    if steps % every:
        raise ValueError(f"every must divide steps, {steps}, got {every}")

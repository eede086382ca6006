"""What keeps a critic from being steep: penalties on its slope, and the clipping of its weights."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key, Num, PyTree

from ..._check import batch, floating, require
from ..._norms import safe_norm

__all__ = ["after_each_step", "clip_weights", "gradient_penalty", "keep_weights_clipped", "slopes"]


def slopes(critic: Callable[[Array], Any], points: Num[Array | np.ndarray, "..."]) -> Float[Array, " batch"]:
    r"""How steep a function is at each point, :math:`\lVert\nabla f(x_i)\rVert_2`.

    Also known as the gradient norm.

    Parameters
    ----------
    critic : callable
        One example to a real scalar, differentiable almost everywhere.
    points : float (batch, ...)
        Examples of any shape, such as images: the norm is over all numbers of one.

    Returns
    -------
    float (batch,)
        Where a gradient is exactly zero, the derivative of its norm is taken to be zero, not NaN.

    Raises
    ------
    ValueError
        If ``points`` is empty, or ``critic`` returns anything but one real number.

    Notes
    -----
    Time: one gradient of the critic at each point, in one batch.

    Examples
    --------
    >>> print(slopes(lambda x: jnp.sum(x**2), jnp.array([[3.0, 4.0], [0.0, 0.0]])))
    [10.  0.]
    """
    return safe_norm(_gradients(critic, "points", points))


def gradient_penalty(
    critic: Callable[[Array], Any],
    real: Num[Array | np.ndarray, "..."],
    fake: Num[Array | np.ndarray, "..."],
    key: Key[Array, ""] | None,
    *,
    center: float | int | Float[Array, ""] = 1.0,
    one_sided: bool = False,
    at: str = "interpolates",
) -> Float[Array, ""]:
    r"""Mean squared distance of a critic's slopes from where they should be, without its weight :math:`\lambda`.

    .. math:: \frac1b\sum_i\big(\lVert\nabla f(x_i)\rVert-c\big)^2
              \quad\text{or, one-sided,}\quad
              \frac1b\sum_i\max\big(\lVert\nabla f(x_i)\rVert-c,\,0\big)^2

    Parameters
    ----------
    critic : callable
        One example to a real scalar.
    real, fake : float (batch, ...)
        Of one shape. Examples may have any shape, such as images: the norm is over all numbers of one.
    key : PRNG key
        Draws one position :math:`\alpha_i\in[0,1)` for each pair; may be None unless ``at="interpolates"``.
    center : float, at least 0
        The slope :math:`c` that costs nothing. Zero gives the mean of the squared slope.
    one_sided : bool
        Forgive slopes below ``center``.
    at : "interpolates", "data" or "samples"
        Where slopes are taken: at :math:`x_i=\text{real}_i+\alpha_i(\text{fake}_i-\text{real}_i)`, at ``real``, or at
        ``fake``. The zero-centred penalty "R1" is :math:`\frac\gamma2` times ``at="data", center=0``, and "R2" the
        same ``at="samples"``.

    Returns
    -------
    float, at least 0
        Its first derivatives are finite everywhere; with ``center=0`` it is as smooth as the critic.

    Raises
    ------
    ValueError
        If ``at`` is unknown, the shapes differ or are empty, ``center`` is negative, ``key`` is missing where it is
        needed, or ``critic`` returns anything but one real number.

    Notes
    -----
    Time: one gradient at each of ``batch`` points; training the critic differentiates through it once more.

    Examples
    --------
    >>> real, fake, key = jnp.zeros((4, 2)), jnp.ones((4, 2)), jax.random.key(0)
    >>> print(gradient_penalty(lambda x: 3 * x[0], real, fake, key))  # slope 3, so (3 - 1)²
    4.0
    >>> print(gradient_penalty(lambda x: 0.5 * x[0], real, fake, key, one_sided=True))
    0.0

    References
    ----------
    Gulrajani et al., "Improved training of Wasserstein GANs", 2017, arXiv:1704.00028, equation 3; Petzka, Fischer
    and Lukovnikov, "On the regularization of Wasserstein GANs", 2018, arXiv:1709.08894 (one-sided); Mescheder, Geiger
    and Nowozin, "Which training methods for GANs do actually converge?", 2018, arXiv:1801.04406 (R1, R2).
    """
    require("center", center, "at least 0 and finite", lambda value: (value >= 0) & np.isfinite(value))
    real, fake = floating(real), floating(fake)
    if real.shape != fake.shape:
        raise ValueError(f"fake must have the shape of real, {real.shape}, got {fake.shape}")
    name, points = _where(at, real, fake, key)
    gradients = _gradients(critic, name, points)
    center = jnp.asarray(center, gradients.dtype)
    excess = safe_norm(gradients) - center
    squared_excess = (jnp.maximum(excess, 0) if one_sided else excess) ** 2
    # A norm has a kink at zero and its square has none. Near an equilibrium of a GAN the slopes are zero, and there
    # the second derivatives of this penalty decide over stability: with the centre at zero, take no root at all.
    return jnp.mean(jnp.where(center == 0, jnp.sum(gradients**2, axis=1), squared_excess))


def _where(at: str, real: Array, fake: Array, key: Array | None) -> tuple[str, Array]:
    """Name and array of the points at which slopes are taken."""
    if at == "data":
        return "real", real
    if at == "samples":
        return "fake", fake
    if at != "interpolates":
        raise ValueError(f"at must be 'interpolates', 'data' or 'samples', got {at!r}")
    if key is None:
        raise ValueError("key must be a PRNG key for at='interpolates', got None")
    position = jax.random.uniform(key, (len(real),) + (1,) * (real.ndim - 1), real.dtype)
    return "real", real + position * (fake - real)


def _gradients(critic: Callable[[Array], Any], name: str, points: Any) -> Array:
    """One row for each example, whatever its shape."""
    points = floating(points)
    batch(name, points)
    image = jax.eval_shape(critic, jax.ShapeDtypeStruct(points.shape[1:], points.dtype))
    shape, dtype = getattr(image, "shape", None), getattr(image, "dtype", None)
    if shape != () or dtype is None or not jnp.issubdtype(dtype, jnp.floating):
        raise ValueError(f"critic must return one real number, of shape (), for one example, got {image}")
    return jax.vmap(jax.grad(critic))(points).reshape(len(points), -1)


def clip_weights(model: PyTree, bound: float | int | Float[Array, ""]) -> PyTree:
    r"""Move each weight into :math:`[-b,b]`: the constraint of the first Wasserstein GAN.

    It bounds the Lipschitz constant, but by a number that depends on width and depth: an :math:`m\times n` matrix with
    entries in :math:`[-b,b]` has a spectral norm of at most :math:`b\sqrt{mn}`.

    Parameters
    ----------
    model : pytree
        Every real floating-point array is clipped; all other leaves (integers, functions, Python numbers) stay.
    bound : float, at least 0

    Returns
    -------
    pytree
        Of the same structure and dtypes.

    Raises
    ------
    ValueError
        If ``bound`` is negative or NaN.

    Examples
    --------
    >>> print(clip_weights({"w": jnp.array([-2.0, 0.005, 2.0]), "steps": 7}, 0.01))
    {'steps': 7, 'w': Array([-0.01 ,  0.005,  0.01 ], dtype=float32)}

    References
    ----------
    Arjovsky, Chintala and Bottou, "Wasserstein generative adversarial networks", 2017, arXiv:1701.07875.
    """
    require("bound", bound, "at least 0", lambda value: value >= 0)

    def clip(leaf: Any) -> Any:
        if not (isinstance(leaf, jax.Array | np.ndarray) and jnp.issubdtype(leaf.dtype, jnp.floating)):
            return leaf
        limit = jnp.asarray(bound, leaf.dtype)
        return jnp.clip(leaf, -limit, limit)

    return jax.tree.map(clip, model)


def keep_weights_clipped(bound: float | int | Float[Array, ""]) -> optax.GradientTransformation:
    """Weight clipping as the last link of an ``optax.chain``: every update ends inside ``[-bound, bound]``.

    Parameters
    ----------
    bound : float, at least 0

    Returns
    -------
    optax.GradientTransformation
        Its update needs ``params``. An update is a difference, so a weight may pass the bound by one rounding error.

    Raises
    ------
    ValueError
        If ``bound`` is negative or NaN, or ``params`` is missing in an update.

    Examples
    --------
    >>> optimizer = optax.chain(optax.sgd(1.0), keep_weights_clipped(0.5))
    >>> weight = jnp.array([0.0, 0.25])
    >>> updates, _ = optimizer.update(jnp.array([3.0, 0.5]), optimizer.init(weight), weight)
    >>> print(optax.apply_updates(weight, updates))
    [-0.5  -0.25]
    """
    require("bound", bound, "at least 0", lambda value: value >= 0)
    return after_each_step(lambda params: clip_weights(params, bound))


def after_each_step(function: Callable[[PyTree], PyTree]) -> optax.GradientTransformation:
    r"""A constraint as the last link of an ``optax.chain``: parameters become ``function(parameters)`` after each step.

    .. math:: u\leftarrow f(\theta+u)-\theta

    Parameters
    ----------
    function : callable
        Parameters to parameters of the same structure, shapes and dtypes: a projection such as :func:`clip_weights`,
        or :func:`~kexue.sensitivity.advance`, which moves no weight but keeps the vectors of a power iteration warm.

    Returns
    -------
    optax.GradientTransformation
        Its update needs ``params``.

    Raises
    ------
    ValueError
        If ``params`` is missing in an update.

    Examples
    --------
    >>> optimizer = optax.chain(optax.sgd(0.5), after_each_step(jnp.abs))
    >>> updates, _ = optimizer.update(jnp.array(4.0), optimizer.init(jnp.array(1.0)), jnp.array(1.0))
    >>> print(1.0 + updates)
    1.0
    """

    def update(updates: PyTree, state: Any, params: PyTree | None = None) -> tuple[PyTree, Any]:
        if params is None:
            raise ValueError("params must be handed to the update of a constraint, got None")
        ends = function(optax.apply_updates(params, updates))
        return jax.tree.map(lambda end, start: end - start, ends, params), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)

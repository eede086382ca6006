"""Spectral norms from below, by power iteration, and of operators that are only known by their products."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, Key, PyTree

from ..._check import at_least_one, require
from ..._compiled import compiled
from ..._lanczos import lanczos, tridiagonal

__all__ = ["operator_norm", "operator_norm_bound", "power_iteration"]


def power_iteration(
    w: Float[Array, "rows columns"], u: Float[Array, " _"], steps: int = 1
) -> tuple[Float[Array, ""], Float[Array, " rows"], Float[Array, " columns"]]:
    r"""Estimate a spectral norm from below, starting where the last estimate ended.

    .. math:: v\leftarrow\frac{W^\top u}{\lVert W^\top u\rVert},\qquad u\leftarrow\frac{Wv}{\lVert Wv\rVert},\qquad
              \hat\sigma=u^\top Wv\le\sigma_1

    **Never an upper bound**: at a gap :math:`\sigma_2/\sigma_1` it is too small by a relative
    :math:`O\big((\sigma_2/\sigma_1)^{4r}\big)` after :math:`r` steps, and if :math:`u` is orthogonal to the first
    singular vector it may stay at :math:`\sigma_2` for ever. For a bound see
    :func:`~kexue.sensitivity.certified_norm`.

    Parameters
    ----------
    w : float (rows, columns)
    u : float (rows,)
        Any vector; keep the returned one for the next call (a *warm start*) while ``w`` changes slowly.
    steps : int, at least 1

    Returns
    -------
    sigma : float
        Its gradient with respect to ``w`` is :math:`uv^\top`; ``u`` and ``v`` are held fixed, and at
        :math:`u_1,v_1` that is the exact gradient.
    u, v : float (rows,) and (columns,)
        Unit vectors, or zero where ``w`` maps them to zero; constants under differentiation.

    Raises
    ------
    ValueError
        If ``u`` does not have one entry for each row, or ``steps`` is below 1.

    Notes
    -----
    Time: two matrix-vector products a step.

    Examples
    --------
    >>> sigma, u, v = power_iteration(jnp.diag(jnp.array([3.0, 1.0])), jnp.ones(2), steps=5)
    >>> print(f"{sigma:.6f}")
    3.000000

    References
    ----------
    Miyato et al., "Spectral normalization for generative adversarial networks", 2018, arXiv:1802.05957.
    """
    at_least_one("steps", steps)
    if u.shape != w.shape[:1]:
        raise ValueError(f"u must have one entry for each row of w, shape {w.shape[:1]}, got {u.shape}")
    fixed = jax.lax.stop_gradient(w)

    def step(_: Any, vectors: tuple[Array, Array]) -> tuple[Array, Array]:
        v = _unit(vectors[0] @ fixed)
        return _unit(fixed @ v), v

    vectors = jax.lax.stop_gradient(u), jnp.zeros(w.shape[1], w.dtype)
    u, v = step(0, vectors) if steps == 1 else jax.lax.fori_loop(0, steps, step, vectors)
    return u @ (w @ v), u, v


def _unit(vector: Array) -> Array:
    # The largest entry is taken out first, so that squares neither overflow nor vanish.
    largest = jnp.max(jnp.abs(vector))
    scaled = vector / jnp.where(largest == 0, 1, largest)
    length = jnp.sqrt(scaled @ scaled)
    return scaled / jnp.where(largest == 0, 1, length)


def operator_norm(linear_fn: Callable[[PyTree], PyTree], x0: PyTree, steps: int = 50) -> Float[Array, ""]:
    r"""Norm of a linear function from below, by power iteration on :math:`A^\top A` through ``jax.vjp``.

    Parameters
    ----------
    linear_fn : callable
        Linear; its transpose is derived, not asked for.
    x0 : pytree of float arrays
        Where the iteration starts, and the shape of an input. Not orthogonal to the answer: random, say.
    steps : int, at least 1

    Returns
    -------
    float
        :math:`\lVert Ax\rVert` for a unit vector :math:`x`: never above the norm, but for rounding.

    Raises
    ------
    ValueError
        If ``steps`` is below 1 or ``linear_fn`` does not map zero to zero (checked outside of ``jit``).

    Notes
    -----
    Time: two products a step. Of a differentiable function ``f`` the norm of the Jacobian at ``x`` is
    ``operator_norm(jax.linearize(f, x)[1], x0)``.

    Examples
    --------
    >>> print(f"{operator_norm(lambda x: jnp.cumsum(x), jnp.ones(2)):.5f}")  # the golden ratio
    1.61803
    """
    at_least_one("steps", steps)
    _check_linear(linear_fn, x0)
    return _power_norm(linear_fn, steps, x0)


@compiled(0, 1)
def _power_norm(linear_fn: Callable, steps: int, x0: PyTree) -> Array:
    product, forward, start = _flat(linear_fn, x0)
    anywhere = jax.random.normal(jax.random.key(0), start.shape, start.dtype)
    start = jnp.where(jnp.any(start != 0), start, anywhere)  # zeros tell the shape, and no direction
    x = jax.lax.fori_loop(0, steps, lambda _, x: _unit(product(x)), _unit(start))
    image = forward(x)
    return jnp.sqrt(image @ image)


def operator_norm_bound(
    linear_fn: Callable[[PyTree], PyTree],
    x0: PyTree,
    key: Key[Array, ""],
    *,
    steps: int = 64,
    failure: float = 1e-6,
) -> Float[Array, ""]:
    r"""Upper bound of the norm of a linear function from its products alone, false with a stated probability.

    No number of products below the dimension excludes a large singular value in a direction that none of them has
    seen. A *random* start sees every direction: for the first right singular vector :math:`x_1`,

    .. math:: P\big(\lvert x_1^\top q_1\rvert<\delta\big)\le\delta\sqrt{2n/\pi}.

    The Lanczos vector after :math:`k` steps is a known polynomial of degree :math:`k` of the operator applied to
    :math:`q_1`, and is a unit vector: :math:`p_k(\sigma_1^2)\,\lvert x_1^\top q_1\rvert\le1`. Beyond the largest Ritz
    value :math:`p_k` increases, so :math:`\sigma_1^2` is at most where it reaches :math:`1/\delta`.

    Parameters
    ----------
    linear_fn : callable
        Linear; its transpose is derived through ``jax.vjp``.
    x0 : pytree of float arrays
        Shape and dtype of an input; its values are not used.
    key : PRNG key
        Draws the start: the probability is over this key.
    steps : int, at least 1
        At most the dimension of the input is used.
    failure : float in (0, 1)

    Returns
    -------
    float
        At least the norm, except with probability ``failure``. Products are taken to be accurate to
        :math:`10\epsilon\lVert A\rVert^2`, which limits the bound to a relative :math:`\epsilon\sqrt n/` ``failure``:
        use float64.

    Raises
    ------
    ValueError
        If ``steps`` or ``failure`` is out of range, or ``linear_fn`` does not map zero to zero (checked outside of
        ``jit``).

    Notes
    -----
    Time: two products a step, and ``steps`` squared times the dimension for orthogonality.

    Examples
    --------
    >>> with jax.enable_x64(True):
    ...     x0 = jnp.zeros(100, jnp.float64)
    ...     bound = operator_norm_bound(lambda x: jnp.cumsum(x), x0, jax.random.key(0))
    >>> print(f"{bound:.4f}", f"{1 / (2 * np.sin(np.pi / 402)):.4f}")
    63.9809 63.9809

    References
    ----------
    Hochstenbach, "Probabilistic upper bounds for the matrix two-norm", Journal of Scientific Computing 57, 2013.
    """
    at_least_one("steps", steps)
    require("failure", failure, "in (0, 1)", lambda value: (value > 0) & (value < 1))
    _check_linear(linear_fn, x0)
    return _bound(linear_fn, steps, float(failure), x0, key)


@compiled(0, 1, 2)
def _bound(linear_fn: Callable, steps: int, failure: float, x0: PyTree, key: Array) -> Array:
    product, _, start = _flat(linear_fn, x0)
    start = jax.random.normal(key, start.shape, start.dtype)
    size = jnp.max(jnp.abs(product(_unit(start))))  # taken out, because lengths are computed from squares
    size = jnp.where(size > 0, size, 1)
    krylov = lanczos(lambda x: product(x) / size, start, min(steps, start.size))
    theta = jnp.linalg.eigvalsh(tridiagonal(krylov))
    top = jnp.where(theta[-1] > 0, theta[-1], 1)
    component = failure * math.sqrt(math.pi / (2 * start.size))
    rounding = 10 * float(jnp.finfo(start.dtype).eps) * math.sqrt(len(theta))
    log_lengths = jnp.sum(jnp.log(krylov.off_diagonal / top))

    def is_possible(excess: Array) -> Array:
        """Could the first eigenvalue be ``(1 + excess) * top``, with a component of the start of that size?"""
        shrinkage = jnp.exp(log_lengths - jnp.sum(jnp.log(1 + excess - theta / top)))
        return shrinkage + rounding / excess >= component

    def halve(_: Array, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = (ends[0] + ends[1]) / 2
        goes_up = is_possible(jnp.exp(middle))
        return jnp.where(goes_up, middle, ends[0]), jnp.where(goes_up, ends[1], middle)

    ends = jnp.asarray(math.log(rounding), theta.dtype), jnp.asarray(math.log(10 / component), theta.dtype)
    excess = jnp.exp(jax.lax.fori_loop(0, 60, halve, ends)[1])
    return jnp.where(theta[-1] > 0, jnp.sqrt(top * (1 + excess)) * jnp.sqrt(size), 0)


def _check_linear(linear_fn: Callable[[PyTree], PyTree], x0: PyTree) -> None:
    leaves = jax.tree.leaves(x0)
    size, kinds = sum(np.size(leaf) for leaf in leaves), {jnp.result_type(leaf) for leaf in leaves}
    if size == 0 or not all(jnp.issubdtype(kind, jnp.floating) for kind in kinds):
        raise ValueError(f"x0 must hold floating-point numbers, got {', '.join(map(str, kinds))} of size {size}")
    for image in jax.tree.leaves(linear_fn(jax.tree.map(jnp.zeros_like, x0))):
        if not isinstance(image, jax.core.Tracer) and np.any(np.asarray(image)):
            raise ValueError(f"linear_fn must map zero to zero, got an entry {np.abs(np.asarray(image)).max():.3g}")


def _flat(linear_fn: Callable[[PyTree], PyTree], x0: PyTree) -> tuple[Callable, Callable, Array]:
    """The products x → AᵀAx and x → Ax on flat vectors, and the flat start."""
    start, unravel = ravel_pytree(x0)

    def forward(x: Array) -> Array:
        return ravel_pytree(linear_fn(unravel(x)))[0]

    _, transpose = jax.vjp(forward, jnp.zeros_like(start))
    return lambda x: transpose(forward(x))[0], forward, start

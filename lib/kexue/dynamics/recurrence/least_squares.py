"""Nonlinear least squares by the Levenberg-Marquardt method, in coordinates that suit parameters, with certificates."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optimistix as optx
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float, Int, PyTree

from ..._check import at_least_one, floating, positive

__all__ = ["FitResult", "checked_search", "least_squares"]


class FitResult(NamedTuple):
    """Parameters that were fitted, how well the data determine them, and whether the search is at its end.

    Coordinates of the search are logarithms of the parameters, or else parameters in units of their start.
    """

    params: PyTree
    """Of the structure of the start."""
    covariance: Float[Array, "size size"]
    """Gauss-Newton covariance of the parameters, in the order of their leaves; infinite where nothing is known."""
    sse: Float[Array, ""]
    """Sum of squared residuals, over what was observed."""
    gradient_norm: Float[Array, ""]
    """Largest slope, in the search's coordinates, of half the squared residuals over the squared data."""
    next_step: Float[Array, ""]
    """How far one more Gauss-Newton step would move a coordinate: for logarithms, a relative change."""
    iterations: Int[Array, ""]
    """Trial points of the search."""
    converged: Bool[Array, ""]
    """The search ended by itself, and ``next_step`` is below the square root of the precision."""


def least_squares(
    residuals: Callable[[Any], Array],
    params0: PyTree,
    data: Array,
    sigma: Any,
    is_log: Array,
    max_iter: int,
    count: Any,
) -> FitResult:
    """Minimise the squares of `residuals(params)`, of which `count` are not fixed at zero.

    `data` sets their unit, without which a damping means nothing; `is_log` says which entries of the flat parameters
    are searched by their logarithms.
    """
    start, restore = ravel_pytree(params0)
    unit = jnp.where(start == 0, 1, jnp.abs(start))
    norm = jnp.sqrt(jnp.sum(data**2))
    norm = jnp.where(norm == 0, 1, norm)
    wide = jnp.result_type(float)  # optimistix searches in this precision, and no other

    def params(u: Array) -> Array:
        u = u.astype(start.dtype)
        return jnp.where(is_log, jnp.exp(jnp.where(is_log, u, 0)), unit * u)

    def scaled(u: Array, _: Any = None) -> Array:
        return (residuals(restore(params(u))) / norm).astype(wide)

    precision = float(jnp.finfo(start.dtype).eps)
    solver: Any = optx.LevenbergMarquardt(rtol=precision**0.6, atol=precision**0.6)
    u0 = jnp.where(is_log, jnp.log(jnp.where(is_log, start, 1)), start / unit).astype(wide)
    found: Any = optx.least_squares(scaled, solver, u0, max_steps=max_iter, throw=False)

    r, jacobian = scaled(found.value), jax.jacfwd(scaled)(found.value)
    covariance, next_step = _gauss_newton(r, jacobian, count if sigma is None else None)
    best, norm = params(found.value), norm.astype(wide)
    slopes = jnp.where(is_log, best, unit).astype(wide)  # of the parameters in the coordinates
    scale = jnp.ones((), wide) if sigma is None else (sigma.astype(wide) / norm) ** 2
    covariance = jnp.outer(slopes, slopes) * covariance * scale
    is_done = found.result == optx.RESULTS.successful
    return FitResult(
        params=restore(best),
        covariance=jnp.where(jnp.isfinite(covariance), covariance, jnp.inf),
        sse=jnp.sum(r**2) * norm**2,
        gradient_norm=jnp.max(jnp.abs(jacobian.T @ r)),
        next_step=next_step,
        iterations=found.stats["num_steps"],
        converged=is_done & (next_step <= precision**0.5),
    )


def _gauss_newton(r: Array, jacobian: Array, count: Any) -> tuple[Array, Array]:
    """Covariance of the coordinates, for noise as large as the residuals or else of size one; the next step's size."""
    size = jacobian.shape[1]
    q, triangle = jnp.linalg.qr(jacobian)
    inverse = jax.scipy.linalg.solve_triangular(triangle, jnp.eye(size, dtype=r.dtype))
    covariance = inverse @ inverse.T
    if count is not None:
        spare = jnp.asarray(count, r.dtype) - size
        covariance = covariance * jnp.where(spare > 0, jnp.sum(r**2) / spare, jnp.inf)
    return covariance, jnp.max(jnp.abs(inverse @ (q.T @ r)))


def checked_search(params0: PyTree, log_space: Any, max_iter: int, sigma: Any) -> tuple[PyTree, Any, np.ndarray]:
    """The start as floats, the noise as an array, and which of the flat parameters are searched by their logarithms."""
    at_least_one("max_iter", max_iter)
    if sigma is not None:
        positive("sigma", sigma)
        sigma = floating(sigma)
    params0 = jax.tree.map(floating, params0)
    leaves = jax.tree.leaves(params0)
    is_single = all(leaf.dtype in (jnp.float32, jnp.float64) for leaf in leaves)
    if not is_single or sum(leaf.size for leaf in leaves) == 0:
        raise ValueError(f"params0 must hold at least one number, in float32 or float64, got {params0!r}")
    try:
        spread = jax.tree.map(
            lambda flag, part: [np.full(leaf.shape, flag) for leaf in jax.tree.leaves(part)], log_space, params0
        )
    except ValueError:
        raise ValueError(
            f"log_space must be one truth value, or one for each part of params0, got {log_space}"
        ) from None
    flags = jax.tree.leaves(spread)
    for leaf, flag in zip(leaves, flags, strict=True):
        if not isinstance(leaf, jax.core.Tracer):
            numbers = np.asarray(leaf)
            if not np.isfinite(numbers).all():
                raise ValueError(f"params0 must be finite, got {numbers}")
            if not (numbers[flag] > 0).all():
                raise ValueError(f"params0 must be positive where log_space is on, got {numbers}")
    return params0, sigma, np.concatenate([flag.ravel() for flag in flags])

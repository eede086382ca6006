"""A spectral norm from above: a number that the norm provably does not exceed, at a fraction of the price of an SVD."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Num

from ..._lanczos import lanczos, tridiagonal

__all__ = ["CertifiedNorm", "certified_norm"]

_STEPS, _RITZ, _TIGHT = 40, 4, 4e-7
_SMALL = 128  # up to this many columns an eigenvalue decomposition is cheap enough
_UNIT32, _UNIT64 = 2.0**-24, 2.0**-53
_EXACT = jax.lax.Precision.HIGHEST  # a GPU or TPU would otherwise shorten the factors of a product


class CertifiedNorm(NamedTuple):
    """Two numbers with the spectral norm between them, and a direction that is stretched by nearly as much."""

    upper: Float[Array, ""]
    """The norm does not exceed it, rounding included."""
    lower: Float[Array, ""]
    """The norm is at least this, rounding included."""
    v: Float[Array, " columns"]
    """A unit vector that is stretched by nearly as much."""


def certified_norm(w: Num[Array | np.ndarray, "..."], start: Float[Array, " _"] | None = None) -> CertifiedNorm:
    r"""Upper and lower bounds of the spectral norm :math:`\sigma_1(W)`, rounding errors included.

    A Ritz value, however well it has converged, bounds :math:`\sigma_1` from below: a small residual says that *some*
    singular value is near, not that it is the first. What excludes a larger one is a Cholesky factorisation. If

    .. math:: \rho I+XCX^\top-W^\top W\succeq 0

    has been shown for a few Ritz vectors :math:`X`, then on the orthogonal complement of :math:`X` no direction is
    stretched by more than :math:`\sqrt\rho`, and the residuals :math:`r_j=\lVert W^\top Wx_j-\theta_jx_j\rVert` bound
    how the two subspaces interact:

    .. math:: \sigma_1^2\le\lambda_{\max}\begin{pmatrix}\operatorname{diag}\theta&r\\r^\top&\rho\end{pmatrix}
              \approx\theta_1+\frac{r_1^2}{\theta_1-\rho}.

    The factorisation may be coarse, because :math:`\rho` may lie percents below :math:`\theta_1`: it is done in
    float32, with its rounding error bounded and added to :math:`\rho`. Only :math:`\theta` and :math:`r` need float64,
    and they cost two products with a few columns. Where the two bounds end further apart than 4e-7 (more than six
    singular values crowd at the top, or the start vector misses the first), :math:`\rho I-W^\top W` is factorised in
    float64 instead, with :math:`\rho` just above the Ritz value; and if that fails, just above an eigenvalue.

    Parameters
    ----------
    w : float (rows, columns)
        Float32 or float64; the computation is the same. Numbers too small to be normal count as zero, as in XLA.
    start : float (min(rows, columns),), optional
        Where the Lanczos iteration starts; a fixed random vector by default. It affects speed, never validity.

    Returns
    -------
    CertifiedNorm
        ``lower`` ≤ :math:`\sigma_1` ≤ ``upper``, in the dtype of ``w``, or in float32 where JAX allows no other (which is
        rounded outwards); ``upper`` exceeds the norm by less than 1e-6 of it, and a zero matrix has ``upper = 0``. ``v``
        is the unit vector behind ``lower``. All are NaN if an entry of ``w`` is not finite. Both bounds are
        differentiable: their gradient is :math:`uv^\top`.

    Raises
    ------
    ValueError
        If ``w`` is empty or no matrix of float32 or float64, or ``start`` has the wrong length.

    Notes
    -----
    What is certified: :math:`\sigma_1(W)\le` ``upper`` for the numbers stored in ``w``, if each addition and
    multiplication has a relative error of at most one unit roundoff, :math:`2^{-24}` or :math:`2^{-53}`, sums taken in
    any order; that is IEEE arithmetic without Strassen-like products. The backward error of a Cholesky factor is then at
    most :math:`\gamma_{n+1}\lvert L\rvert\lvert L\rvert^\top`; twice that is allowed for, since libraries may multiply
    by reciprocals. Where there are more columns than rows, :math:`WW^\top` takes the place of :math:`W^\top W`.

    Time: one product :math:`W^\top W` and one Cholesky factorisation in float32 and 40 matrix-vector products; the two
    repairs cost 2 and 15 times as much. Memory: four matrices of the size of :math:`W^\top W`. Under ``vmap`` a repair
    runs for all matrices as soon as one needs it. Where the smaller side is at most 128, eigenvalues are cheap: they and
    the factorisation in float64 are all there is.

    Examples
    --------
    >>> bound = certified_norm(jnp.array([[0.0, 3.0], [0.0, 4.0]]))
    >>> print(f"{bound.lower:.5f} {bound.upper:.5f}", bool(bound.upper >= 5))
    5.00000 5.00000 True

    References
    ----------
    Parlett, "The symmetric eigenvalue problem", 1998, chapter 10 (residual bounds); Rump, "Verification of positive
    definiteness", BIT 46, 2006; Higham, "Accuracy and stability of numerical algorithms", 2002, theorem 10.3.
    """
    if w.ndim != 2 or w.size == 0 or w.dtype not in (np.float32, np.float64):
        raise ValueError(f"w must be a non-empty matrix of float32 or float64, got {w.dtype} of shape {w.shape}")
    if start is None:
        start = jnp.asarray(np.random.RandomState(0).standard_normal(min(w.shape)), jnp.float32)
    elif start.shape != (min(w.shape),):
        raise ValueError(f"start must have shape {(min(w.shape),)}, the smaller side of w, got {start.shape}")
    fixed = w if isinstance(w, np.ndarray) else jax.lax.stop_gradient(w)  # which would cut float64 off
    is_single = w.dtype == np.float32 or jnp.result_type(float) == np.float32
    with jax.enable_x64(True):
        upper, lower, u, v = _certify(fixed, jnp.asarray(jax.lax.stop_gradient(start), jnp.float32))
        if is_single:  # the nearest float32 may lie on the wrong side
            outwards = lambda bound, side: jnp.nextafter(bound.astype(jnp.float32), jnp.float32(side))  # noqa: E731
            is_zero = upper == 0
            upper, lower = outwards(upper, np.inf), jnp.maximum(outwards(lower, -np.inf), 0)
            upper, u, v = jnp.where(is_zero, 0, upper), u.astype(jnp.float32), v.astype(jnp.float32)
    stretch = u @ (jnp.asarray(w, v.dtype) @ v)  # adds nothing but its gradient
    attached = stretch - jax.lax.stop_gradient(stretch)
    return CertifiedNorm(upper + attached, lower + attached, v)


class _State(NamedTuple):
    """Bounds of the largest eigenvalue of W Wᵀ and the vector behind the lower one."""

    upper: Array
    lower: Array
    vector: Array


@jax.jit
def _certify(w: Array, start: Array) -> tuple[Array, Array, Array, Array]:
    w = w.astype(jnp.float64)
    rows, columns = w.shape
    wide = w if rows <= columns else w.T  # so that the smaller product is W Wᵀ, which is faster than WᵀW
    largest = jnp.max(jnp.abs(wide))
    scale = jnp.where(largest > 0, _power_of_two(largest), 1)
    wide = wide / scale  # exact; the largest entry is now in [1, 2)
    ceiling = _ceiling(wide)  # of the largest eigenvalue, even if all entries were positive

    by_eigenvalues = lambda state: _dense(wide, ceiling, _eigen(wide, ceiling, state))  # noqa: E731
    if wide.shape[0] <= _SMALL:
        state = by_eigenvalues(_State(ceiling, jnp.zeros_like(ceiling), jnp.zeros(wide.shape[0])))
    else:
        is_loose = lambda state: ~(state.upper <= (1 + _TIGHT) ** 2 * state.lower) & (largest > 0)  # noqa: E731
        state = _mixed(wide, ceiling, start)
        state = _if(is_loose, lambda state: _dense(wide, ceiling, state), state)
        state = _if(is_loose, by_eigenvalues, state)

    v, root = state.vector, jnp.sqrt(jnp.where(largest > 0, jnp.stack(state[:2]), 0))
    root = jnp.where(jnp.isfinite(largest), root * jnp.array([1 + 1e-15, 1 - 1e-15]) * scale, jnp.nan)
    image = v @ wide
    length = jnp.sqrt(image @ image)
    other = image / jnp.where(length > 0, length, 1)
    return root[0], root[1], *((v, other) if rows <= columns else (other, v))


def _ceiling(w: Array) -> Array:
    size = jnp.abs(w.astype(jnp.float32))
    rounding = 1.01 + 4 * _gamma(max(w.shape), _UNIT32)
    return (rounding * jnp.max(jnp.sum(size, axis=0)) * jnp.max(jnp.sum(size, axis=1))).astype(jnp.float64)


def _power_of_two(x: Array) -> Array:
    """The largest power of two that is not above a normal positive float64: its sign and exponent, without the rest.

    ``jnp.frexp`` cannot be compiled in JAX 0.12 where float64 is allowed for a few lines only.
    """
    bits = jax.lax.bitcast_convert_type(x, jnp.uint64) & np.uint64(0xFFF0000000000000)
    return jax.lax.bitcast_convert_type(bits, jnp.float64)


def _mixed(w: Array, ceiling: Array, start: Array) -> _State:
    """Ritz pairs judged in float64, everything orthogonal to them in float32."""
    (n, m), u = w.shape, _UNIT32
    count = min(_RITZ, n)
    gram = _gram(w.astype(jnp.float32))
    with jax.enable_x64(False):  # its counters too
        krylov = lanczos(lambda x: jnp.matmul(gram, x, precision=_EXACT), start, min(_STEPS, n), passes=1)
        x = krylov.basis.T @ jnp.linalg.eigh(tridiagonal(krylov))[1][:, -count:]
    theta, residual, off, skew, vector = _ritz(w, ceiling, x.astype(jnp.float64))

    # One power of two scales all of x: no rounding, so that its span is the same in both precisions.
    c = (2 * _power_of_two(jnp.sqrt(jnp.maximum(theta[-1], 1)))) ** 2
    size = 1.01 * jnp.sum(x * x).astype(jnp.float64)
    slack = (_gamma(m, u) + 6 * u) * ceiling + (_gamma(count, u) + 4 * u) * c * size + 4 * u * theta[-1]
    rho = (theta[-1] - jnp.maximum(3 * slack, (theta[-1] - theta[0]) / 2)).astype(jnp.float32)
    scaled = x * jnp.sqrt(c).astype(jnp.float32)
    deflated = rho * jnp.eye(n, dtype=jnp.float32) + jnp.matmul(scaled, scaled.T, precision=_EXACT) - gram
    outside = rho.astype(jnp.float64) + slack + _cholesky_slack(deflated, u)  # NaN if not positive definite

    diagonal = theta + off
    arrow = jnp.block([[jnp.diag(diagonal), residual[:, None]], [residual[None, :], outside[None, None]]])
    top = jnp.linalg.eigvalsh(jnp.nan_to_num(arrow, nan=1.0))[-1] * (1 + 1e-11)
    # Sylvester's criterion decides, not the eigenvalue solver.
    is_above = (top > diagonal[-1]) & (top - outside > (1 + 1e-12) * jnp.sum(residual**2 / (top - diagonal)))
    upper = jnp.where(is_above & (skew < 0.1) & (rho > 0), top / (1 - skew), ceiling)
    return _State(jnp.fmin(upper, ceiling), jnp.maximum(jnp.nan_to_num((theta[-1] - off) / (1 + skew)), 0), vector)


def _ritz(w: Array, ceiling: Array, x: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Ritz values in the span of x, norms of their residuals, errors of both, the first Ritz vector."""
    norm = jnp.linalg.norm
    y = w.T @ x
    image, inner, overlap = w @ y, y.T @ y, x.T @ x
    overlap = overlap + jnp.diag(jnp.where(jnp.diag(overlap) == 0, 1.0, 0.0))  # no vector there, no direction to test
    root = jnp.linalg.cholesky(overlap)
    solve = lambda b: jax.scipy.linalg.solve_triangular(root, b, lower=True)  # noqa: E731
    theta, rotation = jnp.linalg.eigh(solve(solve(inner).T))
    t = jax.scipy.linalg.solve_triangular(root, rotation, lower=True, trans=1)
    residual = norm(image @ t - (x @ t) * theta[None, :], axis=0)
    rounding = 8 * sum(w.shape) * _UNIT64 * jnp.maximum(norm(x) * norm(t), 1) ** 2
    skew = norm(t.T @ overlap @ t - jnp.eye(len(theta))) + rounding
    off = norm(t.T @ inner @ t - jnp.diag(theta)) + rounding * ceiling
    vector = x @ t[:, -1]
    length = jnp.sqrt(vector @ vector)
    return theta, residual + rounding * ceiling, off, skew, vector / jnp.where(length > 0, length, 1)


def _dense(w: Array, ceiling: Array, state: _State) -> _State:
    """Factorise ρI − W Wᵀ in float64, with ρ just above the lower bound."""
    (n, m), u = w.shape, _UNIT64
    slack = (_gamma(m, u) + 6 * u) * ceiling
    rho = state.lower * (1 + _TIGHT) + 3 * slack
    bound = rho + slack + _cholesky_slack(rho * jnp.eye(n) - _gram(w), u)
    return state._replace(upper=jnp.fmin(bound, state.upper))


def _eigen(w: Array, ceiling: Array, state: _State) -> _State:
    """Replace a vector that missed the first singular value."""
    vector = jnp.linalg.eigh(_gram(w))[1][:, -1]
    image = vector @ w
    lower = (image @ image) / (vector @ vector) - 8 * sum(w.shape) * _UNIT64 * ceiling
    is_better = lower > state.lower
    return _State(state.upper, jnp.where(is_better, lower, state.lower), jnp.where(is_better, vector, state.vector))


def _gram(w: Array) -> Array:
    return jnp.matmul(w, w.T, precision=_EXACT)


def _gamma(n: int, u: float) -> float:
    """Relative error of a sum of n products."""
    return n * u / (1 - n * u) if n * u < 0.5 else float("nan")


def _cholesky_slack(matrix: Array, u: float) -> Array:
    """How far below zero an eigenvalue may be although the factorisation ran to its end; NaN if it did not."""
    factor = jnp.abs(jax.lax.linalg.cholesky(matrix, symmetrize_input=False))
    size = jnp.max(jnp.sum(factor, axis=0)) * jnp.max(jnp.sum(factor, axis=1))
    return 1.02 * 2 * _gamma(len(matrix) + 1, u) * size.astype(jnp.float64)


def _if(predicate, repair, state: _State) -> _State:
    """``repair(state)`` where needed. Unlike ``cond``, a loop that ends at once costs nothing under ``vmap``."""
    run = lambda carry: (repair(carry[0]), jnp.bool_(False))  # noqa: E731
    return jax.lax.while_loop(lambda carry: carry[1], run, (state, predicate(state)))[0]

"""Two proposals for continuous states: a step from here, or a draw that ignores here."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from ..._check import require
from .kernels import Info, Kernel, LogDensity, Proposal, State, accept, initialiser, known_rule, metropolis_hastings

__all__ = ["independent_metropolis", "random_walk"]


def random_walk(log_density: LogDensity, scale: Any, *, rule: str = "metropolis") -> Kernel:
    r"""Random-walk Metropolis: :math:`y=x+L\xi` with normal :math:`\xi`.

    Parameters
    ----------
    log_density : callable
        As in `metropolis_hastings`.
    scale
        :math:`L`: a positive number, a vector of them (one a coordinate), or a square matrix. The best general choice is
        :math:`2.38/\sqrt d` times a Cholesky factor of the target's covariance, which makes a walk on any Gaussian as
        good as on a round one.
    rule : {"metropolis", "barker"}

    Returns
    -------
    Kernel
        For arrays, and for pytrees of arrays of one floating dtype, flattened in their own order.

    Raises
    ------
    ValueError
        A scale that is not positive or has the wrong shape; positions that are not floating; and as in
        `metropolis_hastings`.

    Notes
    -----
    One call of the random generator a step, which is most of the cost of a step on a small target.

    Examples
    --------
    >>> kernel = random_walk(lambda x: -x @ x / 2, 1.7)
    >>> state, info = kernel.step(jax.random.key(0), kernel.init(jnp.zeros(2)))
    >>> print(state.position.shape, state.log_density == -state.position @ state.position / 2)
    (2,) True

    References
    ----------
    G. Roberts, A. Gelman, W. Gilks, Annals of Applied Probability 7, 1997.
    """
    known_rule(rule)
    if isinstance(scale, jax.Array) and not isinstance(scale, jax.core.Tracer):
        scale = np.asarray(scale)
    if np.ndim(scale) < 2:
        require("scale", scale, "positive and finite", lambda v: (v > 0) & np.isfinite(v))
    else:
        require("scale", scale, "a matrix of finite numbers", np.isfinite)

    def step(key: Array, state: State) -> tuple[State, Info]:
        x, unravel = ravel_pytree(state.position)
        if not jnp.issubdtype(x.dtype, jnp.floating):
            raise ValueError(f"positions of a random walk must be floating-point numbers, got {x.dtype}")
        # One draw of d + 1 uniforms in (-1, 1) serves d normals and the decision.
        uniform = jax.random.uniform(
            key, (x.size + 1,), x.dtype, minval=jnp.nextafter(x.dtype.type(-1), x.dtype.type(0))
        )
        normal = jnp.sqrt(x.dtype.type(2)) * jax.lax.erf_inv(uniform[:-1])
        y = unravel(x + _stretch(scale, normal))
        return accept(log_density, state, y, None, abs(uniform[-1]), rule)

    return Kernel(initialiser(log_density), step)


def independent_metropolis(
    log_density: LogDensity,
    draw: Callable[[Array], Any],
    log_proposal: LogDensity,
    *,
    rule: str = "metropolis",
) -> Kernel:
    r"""Metropolis-Hastings with proposals that do not look at the state: :math:`r=w(y)/w(x)` with :math:`w=\rho/q`.

    Parameters
    ----------
    log_density : callable
        As in `metropolis_hastings`.
    draw : callable
        ``draw(key) -> y``, a sample of :math:`q`.
    log_proposal : callable
        :math:`\log q`, up to a constant.
    rule : {"metropolis", "barker"}

    Returns
    -------
    Kernel

    Raises
    ------
    ValueError
        As in `metropolis_hastings`.

    Notes
    -----
    Converges geometrically if and only if :math:`w` is bounded: with :math:`w\le w_{\max}` each step forgets at least a
    share :math:`Z/w_{\max}`.

    Examples
    --------
    >>> kernel = independent_metropolis(lambda x: -abs(x), lambda key: jax.random.cauchy(key), lambda x: -jnp.log1p(x**2))
    >>> state, info = kernel.step(jax.random.key(0), kernel.init(jnp.array(0.0)))

    References
    ----------
    L. Tierney, Annals of Statistics 22, 1994.
    """

    def proposal(key: Array, x: Any) -> Proposal:
        y = draw(key)
        return Proposal(y, log_proposal(x) - log_proposal(y))

    return metropolis_hastings(log_density, proposal, rule=rule)


def _stretch(scale: Any, normal: Array) -> Array:
    scale = jnp.asarray(scale).astype(normal.dtype)
    if scale.ndim > 2 or any(size != normal.size for size in scale.shape):
        raise ValueError(
            f"scale must be a number, a vector of {normal.size} or a square matrix of that size, got shape {scale.shape}"
        )
    return scale @ normal if scale.ndim == 2 else scale * normal

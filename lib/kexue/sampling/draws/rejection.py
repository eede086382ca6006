"""Rejection sampling: exact draws from a target under an envelope, and an error where the envelope has a hole."""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key, PyTree

from ..._check import at_least_one, require

__all__ = ["Rejection", "rejection_sample"]


class Rejection(NamedTuple):
    """All proposals, and which of them are draws from the target."""

    proposals: PyTree[Array]
    """Leading axis: ``number``."""
    is_accepted: Bool[Array, " number"]
    """Which proposals are draws from the target."""
    log_m: Float[Array, ""]
    """The envelope that was used."""
    acceptance: Float[Array, ""]
    """Accepted part; its expectation is Z/M."""
    log_z: Float[Array, ""]
    """Log of M times the accepted part: the target's normaliser. −inf if nothing was accepted."""

    def accepted(self) -> PyTree[Array]:
        """The accepted draws alone. Their number is random: not under ``jit``."""
        kept = np.flatnonzero(np.asarray(self.is_accepted))
        return jax.tree.map(lambda leaf: leaf[kept], self.proposals)


def rejection_sample(
    key: Key[Array, ""],
    propose: Callable[[Key[Array, ""], int], PyTree[Array]],
    log_ratio: Callable[[PyTree[Array]], Float[Array, " number"]],
    number: int,
    *,
    log_m: float | Float[Array, ""] | None = None,
) -> Rejection:
    r"""Propose :math:`x\sim q`, keep it with probability :math:`\rho(x)/(Mq(x))`.

    Parameters
    ----------
    key : PRNG key
    propose : callable
        ``propose(key, number)``: independent draws from q, a pytree with leading axis ``number``.
    log_ratio : callable
        Those draws to :math:`\log\rho-\log q`, shape (number,); −inf where the target is zero.
    number : int, at least 1
        Proposals, not draws kept.
    log_m : float, optional
        A bound on the ratio. Without it, twice the largest ratio among ``number`` proposals of a pilot run is taken:
        an estimate, which the run itself may refute.

    Returns
    -------
    Rejection

    Raises
    ------
    ValueError
        If a ratio is above ``log_m``: the draws would follow the wrong distribution; if a ratio is NaN; if no ratio
        of the pilot run is finite; if ``number`` or ``log_m`` makes no sense. Under ``jit`` a violated envelope and a
        NaN are errors at run time (``eqx.error_if``).

    Notes
    -----
    ``number`` ratios, twice that without ``log_m``.

    Examples
    --------
    >>> cube = lambda key, number: jax.random.uniform(key, (number, 2), minval=-1.0)
    >>> in_disc = lambda x: jnp.where((x**2).sum(1) < 1, 0.0, -jnp.inf)
    >>> run = rejection_sample(jax.random.key(0), cube, in_disc, 40_000, log_m=0.0)
    >>> print(f"{4 * run.acceptance:.2f}")
    3.13

    References
    ----------
    von Neumann, "Various techniques used in connection with random digits", 1951.
    """
    at_least_one("number", number)
    require("log_m", log_m, "finite", np.isfinite)
    key, pilot_key, u_key = jax.random.split(key, 3)
    if log_m is None:
        pilot = log_ratio(propose(pilot_key, number))
        top = jnp.max(pilot)
        is_wrong = ~jnp.isfinite(top)
        top = _refuse(top, is_wrong, "log_ratio must be finite somewhere in the pilot run, and nowhere NaN or +inf")
        log_m = top + log(2.0)
    proposals = propose(key, number)
    ratios = log_ratio(proposals)
    if ratios.shape != (number,):
        raise ValueError(f"log_ratio must return shape {(number,)}, one number a proposal, got {ratios.shape}")
    log_m = jnp.asarray(log_m, ratios.dtype)
    # Rounding of a ratio that equals the bound is no violation. A NaN is not below anything.
    is_wrong = ~(jnp.max(ratios) <= log_m + 1e-5 * (1 + jnp.abs(log_m)))
    ratios = _refuse(ratios, is_wrong, "log_ratio must nowhere exceed log_m, nor be NaN: the envelope is violated")
    is_accepted = jnp.log(jax.random.uniform(u_key, (number,), ratios.dtype)) < ratios - log_m
    acceptance = is_accepted.mean(dtype=ratios.dtype)
    return Rejection(proposals, is_accepted, log_m, acceptance, jnp.log(acceptance) + log_m)


def _refuse(value: Array, is_wrong: Bool[Array, ""], message: str) -> Array:
    if isinstance(is_wrong, jax.core.Tracer):
        return eqx.error_if(value, is_wrong, message)
    if is_wrong:
        raise ValueError(f"{message}; the largest is {jnp.max(value)}")
    return value

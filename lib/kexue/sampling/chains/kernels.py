"""Markov kernels that leave a density invariant: propose, compare, accept or stay.

A kernel is a pair ``init(position) -> state``, ``step(key, state) -> (state, info)``, the form of blackjax, whose loops
can drive these kernels. A `State` is what the next step needs, an `Info` what diagnostics want.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

__all__ = [
    "Info",
    "Kernel",
    "Proposal",
    "State",
    "acceptance_probability",
    "metropolis_hastings",
]

LogDensity = Callable[[Any], Array]


class State(NamedTuple):
    """What the next step needs."""

    position: PyTree
    """Where the chain is."""
    log_density: Array
    """Log of the target density there."""


class Info(NamedTuple):
    """What diagnostics want: accepted or not, and the log of the Hastings ratio before the minimum with one is taken."""

    is_accepted: Array
    """Whether the proposal was taken."""
    log_ratio: Array
    """Log of the Hastings ratio; above zero the proposal is taken for certain."""


class Kernel(NamedTuple):
    """``init(position, key=None) -> state`` and ``step(key, state) -> (state, info)``."""

    init: Callable[..., Any]
    """From a position to a state."""
    step: Callable[..., tuple[Any, Any]]
    """From a random key and a state to the next state, and an `Info`."""


class Proposal(NamedTuple):
    r"""A proposed state, and :math:`\log q(x\leftarrow y)-\log q(y\leftarrow x)`: how much easier the way back is."""

    position: PyTree
    """What is proposed."""
    log_ratio: Array
    """Log-probability of the way back less that of the way there."""


def acceptance_probability(log_ratio: Array, rule: str = "metropolis") -> Array:
    r"""Probability of accepting a proposal whose Hastings ratio is :math:`r`.

    :math:`\min(1,r)` after Metropolis and Hastings, :math:`r/(1+r)` after Barker. Both satisfy
    :math:`A(r)=r\,A(1/r)`, which is all that detailed balance asks for; the first is the largest such function.

    Parameters
    ----------
    log_ratio : float array
        :math:`\log r`. A NaN is never accepted.
    rule : {"metropolis", "barker"}

    Returns
    -------
    float array of the same shape

    Raises
    ------
    ValueError
        An unknown rule.

    Examples
    --------
    >>> print(acceptance_probability(jnp.log(jnp.array([0.5, 2.0]))), acceptance_probability(jnp.array(0.0), "barker"))
    [0.5 1. ] 0.5

    References
    ----------
    W. K. Hastings, Biometrika 57, 1970. P. H. Peskun, Biometrika 60, 1973.
    """
    known_rule(rule)
    log_ratio = jnp.where(jnp.isnan(log_ratio), -jnp.inf, log_ratio)
    return jnp.exp(jnp.minimum(log_ratio, 0.0)) if rule == "metropolis" else jax.nn.sigmoid(log_ratio)


def metropolis_hastings(
    log_density: LogDensity,
    proposal: Callable[[Array, Any], Any],
    *,
    symmetric: bool = False,
    rule: str = "metropolis",
) -> Kernel:
    r"""Metropolis-Hastings: propose :math:`y`, accept it with a probability that makes the target stationary.

    .. math:: A(y\leftarrow x)=\min\Big(1,\frac{q(x\leftarrow y)\,\rho(y)}{q(y\leftarrow x)\,\rho(x)}\Big)

    Parameters
    ----------
    log_density : callable
        :math:`\log\rho`, from a position to a scalar, up to a constant; ``-inf`` where the target is zero.
    proposal : callable
        ``proposal(key, x) -> Proposal(y, log_ratio)``. Every random choice counts in ``log_ratio``, that of a place
        to change as well. ``y`` has the structure, shapes and dtypes of ``x``.
    symmetric : bool
        True: :math:`q(y\leftarrow x)=q(x\leftarrow y)`, and ``proposal`` returns ``y`` alone.
    rule : {"metropolis", "barker"}

    Returns
    -------
    Kernel
        With `State` and `Info`.

    Raises
    ------
    ValueError
        From ``init``: a start with a density of NaN or zero, if known. From ``step``: a proposal of another structure,
        shape or dtype than the state, or one without a log-ratio that is not declared symmetric. A proposal that is not
        finite, or whose density is NaN, is not accepted; its ``log_ratio`` is NaN, at which `run_chains` stops.

    Examples
    --------
    Steps to the right or left on the integers, towards a Poisson law of mean 3:

    >>> log_density = lambda k: jnp.where(k < 0, -jnp.inf, k * jnp.log(3.0) - jax.lax.lgamma(k + 1.0))
    >>> step = lambda key, k: k + 2 * jax.random.bernoulli(key).astype(int) - 1
    >>> kernel = metropolis_hastings(log_density, step, symmetric=True)
    >>> state, info = kernel.step(jax.random.key(0), kernel.init(jnp.array(0)))

    References
    ----------
    N. Metropolis et al., Journal of Chemical Physics 21, 1953. W. K. Hastings, Biometrika 57, 1970.
    """
    known_rule(rule)

    def step(key: Array, state: State) -> tuple[State, Info]:
        propose_key, accept_key = jax.random.split(key)
        found = proposal(propose_key, state.position)
        if isinstance(found, Proposal):
            y, q_ratio = found
        elif symmetric:
            y, q_ratio = found, None
        else:
            raise ValueError(
                "proposal must return Proposal(position, log_ratio), or the position alone if symmetric=True is passed; "
                f"it returned {type(found).__name__} without a log-ratio"
            )
        uniform = jax.random.uniform(accept_key, dtype=state.log_density.dtype)
        return accept(log_density, state, y, q_ratio, uniform, rule)

    return Kernel(initialiser(log_density), step)


def accept(
    log_density: LogDensity, state: State, y: Any, q_ratio: Array | None, uniform: Array, rule: str
) -> tuple[State, Info]:
    """Move to ``y`` with the acceptance probability of the rule, else stay; ``uniform`` decides."""
    same_kind(state.position, y)
    dtype = state.log_density.dtype
    proposed = jnp.asarray(log_density(y)).astype(dtype)
    log_ratio = proposed - state.log_density
    if q_ratio is not None:
        log_ratio = log_ratio + jnp.asarray(q_ratio).astype(dtype)
    for leaf in jax.tree.leaves(y):
        if jnp.issubdtype(jnp.result_type(leaf), jnp.floating):
            log_ratio = jnp.where(jnp.all(jnp.isfinite(leaf)), log_ratio, jnp.nan)
    log_uniform = jnp.log1p(-uniform.astype(dtype))  # of a number in (0, 1]
    bound = jax.nn.log_sigmoid(log_ratio) if rule == "barker" else log_ratio
    is_accepted = log_uniform < bound  # false if it is NaN
    position = jax.tree.map(lambda new, old: jnp.where(is_accepted, new, old), y, state.position)
    return State(position, jnp.where(is_accepted, proposed, state.log_density)), Info(is_accepted, log_ratio)


def initialiser(log_density: LogDensity) -> Callable[..., State]:
    def init(position: Any, key: Array | None = None) -> State:
        del key  # blackjax's loops pass one
        position = jax.tree.map(jnp.asarray, position)
        value = jnp.asarray(log_density(position))
        if value.ndim or not jnp.issubdtype(value.dtype, jnp.floating):
            raise ValueError(f"log_density must return one floating-point number, got {value.dtype}{value.shape}")
        if not isinstance(value, jax.core.Tracer) and not value > -jnp.inf:
            raise ValueError(f"log_density must be a number above -inf at the start, got {float(value)}")
        return State(position, value)

    return init


def same_kind(x: Any, y: Any) -> None:
    kind = lambda tree: jax.tree.map(lambda leaf: f"{jnp.result_type(leaf)}{list(jnp.shape(leaf))}", tree)  # noqa: E731
    if kind(x) != kind(y):
        raise ValueError(f"a proposal must be of the same kind as the state, {kind(x)}; got {kind(y)}")


def known_rule(rule: str) -> None:
    if rule not in ("metropolis", "barker"):
        raise ValueError(f"rule must be 'metropolis' or 'barker', got {rule!r}")

"""How two players take turns: the update rules of a game, and the matrix that decides whether they settle."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Float, PyTree, ScalarLike

from .._check import at_least_one, positive, require, square
from .games import _with_start, check_start

__all__ = ["play", "scheme_matrix"]

SCHEMES = ("alternating", "simultaneous", "extragradient", "optimistic", "consensus", "proximal")
Pair = tuple[PyTree, PyTree]


def play(
    field: Callable[[Any], Any],
    z0: PyTree,
    learning_rate: ScalarLike,
    steps: int,
    *,
    scheme: str = "alternating",
    momentum: ScalarLike = 0.0,
    lr_ratio: ScalarLike = 1.0,
    critic_steps: int = 1,
    consensus: ScalarLike = 0.0,
) -> PyTree:
    r"""Let two players take steps along their fields, and return the path of the game.

    With :math:`v` the field, :math:`\gamma` the rates and :math:`\beta` the momentum, every rule is
    :math:`z_{n+1}=z_n+\gamma\,d_n+\beta(z_n-z_{n-1})`:

    =================  ============================================================================================
    ``simultaneous``   :math:`d_n=v(z_n)`: Euler's method
    ``alternating``    the discriminator moves, then the generator answers its *new* position
    ``extragradient``  :math:`d_n=v(z_n+\gamma v(z_n))`: look ahead, then step from where you stand
    ``optimistic``     :math:`d_n=2v(z_n)-v(z_{n-1})`: the same for the price of one field a step
    ``consensus``      :math:`d_n=v-\eta J^\top v`: both also descend :math:`\frac12\lVert v\rVert^2`
    ``proximal``       :math:`d_n=v(z_n+\gamma d_n)`: the implicit Euler method, by four steps of Newton's method
    =================  ============================================================================================

    Parameters
    ----------
    field
        From ``z`` to velocities of the same structure, as `dirac_field` makes them.
    z0
        The start ``[φ, θ]``, discriminator first: an array of shape (2, …) or a pair of pytrees.
    learning_rate
        :math:`\gamma`, of the generator; positive.
    steps
        At least 1.
    scheme
        One of the names above.
    momentum
        :math:`\beta` in (−1, 1).
    lr_ratio
        The discriminator's rate over the generator's; positive.
    critic_steps
        Moves of the discriminator to one of the generator; more than one only for ``alternating``.
    consensus
        :math:`\eta\ge0`, for ``consensus``.

    Returns
    -------
    PyTree
        Like ``z0``, each leaf with a leading axis ``steps + 1``.

    Raises
    ------
    ValueError
        An unknown scheme, a number out of range, an option of another scheme, a start that is no pair.

    Notes
    -----
    Fields a step: one (``simultaneous``, ``optimistic``), two (``extragradient``; ``consensus`` as one and its
    transpose), ``critic_steps + 1`` (``alternating``); ``proximal`` solves a dense linear system and is a reference
    for small games. Before the first step both players rest. Works under `jit` and `vmap`.

    Examples
    --------
    >>> rotate = lambda z: jnp.stack([-z[1], z[0]])
    >>> print(play(rotate, jnp.array([[1.0], [0.0]]), 0.5, 2)[..., 0])
    [[1.    0.   ]
     [1.    0.5  ]
     [0.75  0.875]]

    References
    ----------
    G. Gidel et al., A variational inequality perspective on generative adversarial networks, 2019, arXiv:1802.10551.
    """
    positive("learning_rate", learning_rate)
    at_least_one("steps", steps)
    _check(scheme, momentum, lr_ratio, critic_steps, consensus)
    is_array = not isinstance(z0, tuple | list)
    if np.shape(z0)[:1] != (2,) if is_array else len(z0) != 2:
        raise ValueError(f"z0 must be an array of shape (2, ...) or a pair (φ, θ), got {jax.tree.map(np.shape, z0)}")
    z0 = check_start(field, z0)
    rates, restore = (learning_rate * lr_ratio, learning_rate), _restorer(z0)

    def velocity(pair: Pair) -> Pair:
        φ, θ = field(restore(pair))
        return φ, θ

    def step(state: Any, _: None) -> tuple[Any, PyTree]:
        now, before, past = state
        if scheme == "alternating":
            now, before = _take_turns(velocity, now, before, rates, momentum, critic_steps)
        else:
            direction, past = _direction(velocity, now, rates, scheme, past, consensus)
            after = tuple(
                _push(x, v, rate, momentum, b) for x, v, rate, b in zip(now, direction, rates, before, strict=True)
            )
            now, before = after, now
        return (now, before, past), restore(now)

    start = (z0[0], z0[1])
    past = velocity(start) if scheme == "optimistic" else None
    return _with_start(z0, jax.lax.scan(step, (start, start, past), length=steps)[1])


def _restorer(z0: PyTree) -> Callable[[Pair], PyTree]:
    if not isinstance(z0, tuple | list):
        return jnp.stack
    kind: Any = type(z0)
    return lambda pair: kind(*pair) if hasattr(kind, "_fields") else kind(pair)


def _push(x: PyTree, direction: PyTree, rate: Any, momentum: Any, before: PyTree) -> PyTree:
    def moved(x: Array, v: Array, b: Array) -> Array:
        return x + jnp.asarray(rate, x.dtype) * v + jnp.asarray(momentum, x.dtype) * (x - b)

    return jax.tree.map(moved, x, direction, before)


def _take_turns(velocity: Any, now: Pair, before: Pair, rates: Any, momentum: Any, critic_steps: int) -> Any:
    """The discriminator's moves, then the generator's answer; the two positions and the two before them."""
    (φ, θ), (φ_before, θ_before) = now, before

    def move(_: Any, carry: Pair) -> Pair:
        φ, φ_before = carry
        return _push(φ, velocity((φ, θ))[0], rates[0], momentum, φ_before), φ

    φ, φ_before = jax.lax.fori_loop(0, critic_steps, move, (φ, φ_before))
    return (φ, _push(θ, velocity((φ, θ))[1], rates[1], momentum, θ_before)), (φ_before, θ)


def _direction(velocity: Any, now: Pair, rates: Any, scheme: str, past: Any, consensus: Any) -> tuple[Pair, Any]:
    """Where both players go when they move at once, and the field to be remembered."""
    if scheme == "proximal":
        return _implicit(velocity, now, rates), past
    if scheme == "consensus":
        here, transposed = jax.vjp(velocity, now)
        back = transposed(here)[0]
        return jax.tree.map(lambda v, b: v - jnp.asarray(consensus, v.dtype) * b, here, back), past
    here = velocity(now)
    if scheme == "extragradient":
        return velocity(_ahead(now, here, rates)), past
    if scheme == "optimistic":
        return jax.tree.map(lambda v, old: 2 * v - old, here, past), here
    return here, past


def _ahead(now: Pair, direction: Pair, rates: Any) -> Pair:
    walk = lambda rate: lambda x, v: x + jnp.asarray(rate, x.dtype) * v  # noqa: E731
    φ, θ = (jax.tree.map(walk(rate), x, v) for x, v, rate in zip(now, direction, rates, strict=True))
    return φ, θ


def _implicit(velocity: Any, now: Pair, rates: Any) -> Pair:
    """Solve d = v(z + γd) by Newton's method, from d = v(z)."""
    flat, unravel = ravel_pytree(velocity(now))
    residual = lambda d: d - ravel_pytree(velocity(_ahead(now, unravel(d), rates)))[0]  # noqa: E731
    newton = lambda _, d: d - jnp.linalg.solve(jax.jacfwd(residual)(d), residual(d))  # noqa: E731
    return unravel(jax.lax.fori_loop(0, 4, newton, flat))


def scheme_matrix(
    jacobian: Float[Array, "size _"] | Float[np.ndarray, "size _"],
    learning_rate: ScalarLike,
    scheme: str = "alternating",
    *,
    momentum: ScalarLike = 0.0,
    lr_ratio: ScalarLike = 1.0,
    critic_steps: int = 1,
    consensus: ScalarLike = 0.0,
    split: int | None = None,
) -> Float[Array, "n n"] | Float[np.ndarray, "n n"]:
    r"""The linear map that one step of `play` is, close to an equilibrium.

    Its eigenvalues decide: all inside the unit circle, and the players settle; one outside, and they do not.

    Parameters
    ----------
    jacobian
        :math:`J` of the field at the equilibrium, from `game_jacobian`: (size, size), a JAX or NumPy array.
    learning_rate, scheme, momentum, lr_ratio, critic_steps, consensus
        As in `play`.
    split
        How many coordinates are the discriminator's; half of them unless given.

    Returns
    -------
    Array
        On :math:`z`, (size, size); with momentum or ``optimistic`` on :math:`(z_n,z_{n-1})`, twice that size.
        A NumPy array for a NumPy Jacobian, without any compilation.

    Raises
    ------
    ValueError
        As in `play`; a Jacobian that is not square, a `split` that leaves a player without coordinates.

    Examples
    --------
    >>> rotation = np.array([[0.0, -1.0], [1.0, 0.0]])
    >>> for scheme in ("simultaneous", "alternating", "extragradient"):
    ...     print(abs(np.linalg.eigvals(scheme_matrix(rotation, 0.5, scheme))).max().round(4))
    1.118
    1.0
    0.9014

    References
    ----------
    G. Gidel et al., Negative momentum for improved game dynamics, 2019, arXiv:1807.04740.
    """
    positive("learning_rate", learning_rate)
    _check(scheme, momentum, lr_ratio, critic_steps, consensus)
    square("jacobian", jacobian)
    size = jacobian.shape[0]
    split = size // 2 if split is None else split
    if not 0 < split < size:
        raise ValueError(f"split must leave both players some of the {size} coordinates, got {split}")
    xp: Any = jnp if isinstance(jacobian, jax.Array) else np
    one, is_first = xp.eye(size, dtype=jacobian.dtype), np.arange(size) < split
    rates = learning_rate * xp.where(is_first, lr_ratio, 1.0)
    go = (rates[:, None] * jacobian).astype(jacobian.dtype)
    memory = scheme == "optimistic" or not (isinstance(momentum, int | float) and momentum == 0)

    def part(mine: Any, ahead: Any, back: Any) -> Any:
        """The step of those coordinates that move; the others keep their place and their past."""
        keep, β = one * mine[:, None], momentum * one
        if not memory:
            return one + keep @ ahead
        return xp.block([[one + keep @ (ahead + β), keep @ (back - β)], [keep, one - keep]]).astype(jacobian.dtype)

    zero = 0 * one
    if scheme == "alternating":
        first, second = (part(mine.astype(jacobian.dtype), go, zero) for mine in (is_first, ~is_first))
        return second @ xp.linalg.matrix_power(first, critic_steps)
    directions = {
        "simultaneous": lambda: (go, zero),
        "extragradient": lambda: (go @ (one + go), zero),
        "optimistic": lambda: (2 * go, -go),
        "consensus": lambda: (go - consensus * rates[:, None].astype(go.dtype) * (jacobian.T @ jacobian), zero),
        "proximal": lambda: (xp.linalg.inv(one - go) - one, zero),
    }
    return part(np.ones(size, jacobian.dtype), *directions[scheme]())


def _check(scheme: str, momentum: Any, lr_ratio: Any, critic_steps: int, consensus: Any) -> None:
    if scheme not in SCHEMES:
        raise ValueError(f"scheme must be one of {', '.join(map(repr, SCHEMES))}, got {scheme!r}")
    require("momentum", momentum, "in (-1, 1)", lambda v: (v > -1) & (v < 1))
    positive("lr_ratio", lr_ratio)
    at_least_one("critic_steps", critic_steps)
    if critic_steps > 1 and scheme != "alternating":
        raise ValueError(f"critic_steps must be 1 unless the scheme is 'alternating', got {critic_steps}")
    require("consensus", consensus, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))
    if scheme != "consensus":
        require("consensus", consensus, "0 unless the scheme is 'consensus'", lambda v: v == 0)

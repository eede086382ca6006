"""Gradients bent on the way back: functions that only return their argument, with a backward rule of their own."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import floating, positive, require
from ..._norms import safe_norm
from ..._updates import like, map_inexact
from .paths import by_path, check_rules

__all__ = ["bend_gradients", "clip_gradient_norm", "reverse_gradient", "scale_gradient"]


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def _bent(rule: Callable[[PyTree, Array], PyTree], x: PyTree, number: Array) -> PyTree:
    return x


def _forward(rule: Callable[[PyTree, Array], PyTree], x: PyTree, number: Array) -> tuple[PyTree, Array]:
    return x, number


def _backward(rule: Callable[[PyTree, Array], PyTree], number: Array, cotangent: PyTree) -> tuple[PyTree, Array]:
    return rule(cotangent, number), jnp.zeros_like(number)


_bent.defvjp(_forward, _backward)


def _bend(rule: Callable[[PyTree, Array], PyTree], x: PyTree, number: Any) -> PyTree:
    moved, kept = eqx.partition(x, eqx.is_inexact_array)
    return eqx.combine(_bent(rule, moved, floating(number)), kept)


def _scaled(cotangent: PyTree, factor: Array) -> PyTree:
    return jax.tree.map(lambda c: like(factor, c) * c, cotangent)


def scale_gradient(x: PyTree, s: ScalarLike) -> PyTree:
    r"""The argument itself, whose gradient is multiplied by a number on the way back.

    .. math:: f(x)=x,\qquad \bar x\mapsto s\,\bar x

    Under gradient descent a layer ``layer(scale_gradient(weights, s), …)`` learns at :math:`s` times the rate; under
    Adam nothing changes, because it divides by the gradient's own scale (see
    :func:`~kexue.optimizers.rates_by_path`). On the *input* of a layer it scales the gradients of all before.

    Parameters
    ----------
    x : pytree
        Leaves that are not arrays of floats pass as they are.
    s : float or array, scalar
        Any sign; at 0 this is `jax.lax.stop_gradient`. May be traced; its own gradient is zero.

    Returns
    -------
    pytree
        ``x``.

    Raises
    ------
    ValueError
        ``s`` a number that is not finite.

    Notes
    -----
    The rule is that of the *first* backward pass. Differentiated once more, in either mode, the bent gradient is an
    ordinary function of ``x``: here the second derivative is :math:`sH`, not :math:`s^2H`. Of ``f`` itself JAX refuses
    forward-mode derivatives (`jax.jvp`, `jax.linearize`) with a `TypeError`.

    Examples
    --------
    >>> print(jax.grad(lambda x: scale_gradient(x, 0.1) ** 2)(3.0))
    0.6
    """
    require("s", s, "finite", np.isfinite)
    return _bend(_scaled, x, s)


def reverse_gradient(x: PyTree, s: ScalarLike = 1.0) -> PyTree:
    r"""The argument itself, whose gradient changes its sign on the way back.

    .. math:: f(x)=x,\qquad \bar x\mapsto -s\,\bar x

    What comes before learns to *hinder* what comes after, which itself learns to succeed: features, say, from which
    the domain of an example cannot be told.

    Parameters
    ----------
    x : pytree
        Leaves that are not arrays of floats pass as they are.
    s : float or array, scalar
        May be traced; its own gradient is zero.

    Returns
    -------
    pytree
        ``x``.

    Raises
    ------
    ValueError
        ``s`` a number that is not finite.

    Notes
    -----
    The second derivative is :math:`-sH`, as for :func:`scale_gradient`.

    Examples
    --------
    >>> print(jax.grad(lambda x: reverse_gradient(x) ** 2)(3.0))
    -6.0

    References
    ----------
    Y. Ganin et al., Domain-adversarial training of neural networks, JMLR 2016, arXiv:1505.07818.
    """
    require("s", s, "finite", np.isfinite)
    return _bend(_scaled, x, -floating(s))


def clip_gradient_norm(x: PyTree, max_norm: ScalarLike, ord: int | float = 2) -> PyTree:
    r"""The argument itself, whose gradient is shortened to a norm on the way back.

    .. math:: f(x)=x,\qquad \bar x\mapsto \min\Big(1,\frac{c}{\lVert\bar x\rVert_p}\Big)\,\bar x

    Parameters
    ----------
    x : pytree
        The norm is that of all its floating leaves together; other leaves pass as they are.
    max_norm : float or array, scalar, positive
        :math:`c`. May be traced; its own gradient is zero.
    ord : 1, 2 or inf
        :math:`p`: the sum of the moduli, the length, or the largest modulus.

    Returns
    -------
    pytree
        ``x``.

    Raises
    ------
    ValueError
        ``max_norm`` not positive, another ``ord``.

    Notes
    -----
    Under `jax.vmap` each member of a batch is clipped on its own, if ``x`` is mapped over: per-example clipping of the
    gradients of hidden activations, say. Norms are computed in float32 at least, squares do not overflow; a gradient
    whose norm is not finite passes as it is. The second derivative is the rule's Jacobian times :math:`H`, as for
    :func:`scale_gradient`.

    Examples
    --------
    >>> print(jax.grad(lambda x: jnp.sum(clip_gradient_norm(x, 5.0) ** 2))(jnp.array([3.0, 4.0])))
    [3. 4.]
    """
    positive("max_norm", max_norm)
    if ord not in _CLIPPED:
        raise ValueError(f"ord must be 1, 2 or inf, got {ord!r}")
    return _bend(_CLIPPED[ord], x, max_norm)


def _clipped(length: Callable[[Array], Array], cotangent: PyTree, max_norm: Array) -> PyTree:
    leaves = jax.tree.leaves(cotangent)
    if not leaves:
        return cotangent
    widest = functools.reduce(np.promote_types, (jnp.finfo(c.dtype).dtype for c in leaves), np.dtype("float32"))
    bound = max_norm.astype(widest)
    # Of lengths the length is that of the whole.
    whole = length(jnp.stack([length(jnp.abs(c).astype(widest).ravel()) for c in leaves]))
    is_long = (whole > bound) & jnp.isfinite(whole)
    return _scaled(cotangent, jnp.where(is_long, bound / jnp.where(is_long, whole, 1), 1))


_LENGTHS: dict[float, Callable[[Array], Array]] = {
    1: jnp.sum,
    2: safe_norm,
    np.inf: functools.partial(jnp.max, initial=0),
}
_CLIPPED = {ord: functools.partial(_clipped, length) for ord, length in _LENGTHS.items()}


def bend_gradients(
    rules: Mapping[str, ScalarLike | Callable[[Array], Array]],
) -> optax.GradientTransformationExtraArgs:
    r"""The same for parameters: put the gradient of each leaf through a function that is found by the leaf's path.

    .. math:: g_i \leftarrow \psi_i(g_i)

    Chained **before** an optimizer. A scaled gradient scales the steps of gradient descent, and does nothing to Adam's;
    to change a rate whatever the optimizer, see :func:`~kexue.optimizers.rates_by_path`.

    Parameters
    ----------
    rules : mapping from regular expressions to float, array or function
        Paths are matched as in :func:`~kexue.optimizers.rates_by_path`: whole, and the first rule counts. A number
        multiplies (0 drops the gradient, a negative one reverses it); a function maps one leaf's gradient to an array
        of its shape, `jax.numpy.sign` for one. Leaves that no rule matches keep their gradients.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Without state. Leaves of integers stay where they are.

    Raises
    ------
    ValueError
        A number that is not finite, a key that is no regular expression; by ``init`` and ``update``, a rule that
        matches no leaf (a tree without leaves passes), or a function that changes the shape.

    Examples
    --------
    >>> bent = bend_gradients({"encoder": -1.0, "head": jnp.sign})
    >>> gradient = {"encoder": jnp.array(2.0), "head": jnp.array(0.3), "scale": jnp.array(5.0)}
    >>> print(jax.tree.map(float, bent.update(gradient, bent.init(gradient))[0]))
    {'encoder': -2.0, 'head': 1.0, 'scale': 5.0}
    """
    check_rules(rules)
    for rule, number in rules.items():
        require(f"bend_gradients: {rule}", number, "finite", np.isfinite)

    def bend(gradient: Any, rule: Any) -> Array:
        if not callable(rule):
            return like(rule, gradient) * gradient
        bent = like(rule(gradient), gradient)
        if bent.shape != jnp.shape(gradient):
            raise ValueError(f"rules must keep the shape of a gradient, {jnp.shape(gradient)}, got {bent.shape}")
        return bent

    def init(params: PyTree) -> optax.EmptyState:
        by_path(rules, 1.0, params)
        return optax.EmptyState()

    def update(updates: PyTree, state: Any, params: Any = None, **extra_args: Any) -> tuple[PyTree, Any]:
        del params, extra_args
        return map_inexact(bend, updates, by_path(rules, 1.0, updates)), state

    return optax.GradientTransformationExtraArgs(init, update)

r"""Integrated gradients without quadrature, for networks whose gradient jumps.

One hidden layer has a closed form for any activation; a deeper network with a piecewise linear activation is walked
from kink to kink.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

__all__ = ["mean_slopes", "one_layer_attribution", "preactivations", "walk_from_kink_to_kink"]


def mean_slopes(
    activation: Callable[[Array], Array], start: Float[Array, "..."], end: Float[Array, "..."]
) -> Float[Array, "..."]:
    r"""The mean of :math:`\sigma'` between two points: :math:`\big(\sigma(z)-\sigma(\bar z)\big)/(z-\bar z)`.

    Where the two are so close, on one side of zero, that the quotient would be rounding error, it is the slope in the
    middle.

    Parameters
    ----------
    activation : callable
        Acts entry by entry. Kinks elsewhere than at zero are allowed.
    start, end : float arrays of one shape

    Returns
    -------
    float array of that shape
        For ReLU, the share of the way from ``start`` to ``end`` on which the unit is on.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> print(mean_slopes(jax.nn.relu, jnp.array([-1.0, 1.0, -3.0]), jnp.array([3.0, 2.0, -1.0])))
    [0.75 1.   0.  ]
    """
    if start.shape != end.shape:
        raise ValueError(f"start must have the shape of end, {end.shape}, got {start.shape}")
    distance = end - start
    near = jnp.finfo(start.dtype).eps ** (1 / 3) * (1 + jnp.abs(start) + jnp.abs(end))
    is_close = ((start > 0) == (end > 0)) & (jnp.abs(distance) < near) | (distance == 0)
    slope = jax.jvp(activation, ((start + end) / 2,), (jnp.ones_like(start),))[1]
    return jnp.where(is_close, slope, (activation(end) - activation(start)) / jnp.where(is_close, 1, distance))


def one_layer_attribution(
    w_in: Float[Array, "hidden inputs"],
    b_in: Float[Array, "..."],
    w_out: Float[Array, "..."],
    x: Float[Array, "..."],
    baseline: Float[Array, "..."],
    activation: Callable[[Array], Array] = jax.nn.relu,
) -> Float[Array, " inputs"]:
    r"""Integrated gradients of :math:`F(x)=w^\top\sigma(Wx+b)+c` in closed form.

    .. math:: \mathrm{IG}_i=(x_i-\bar x_i)\sum_jw_jW_{ji}\,
              \frac{\sigma(z_j)-\sigma(\bar z_j)}{z_j-\bar z_j},\qquad z=Wx+b,\ \bar z=W\bar x+b

    On the straight line each :math:`z_j` moves evenly, so the mean of :math:`\sigma'(z_j)` is a difference quotient.
    Exact for any activation, up to rounding. (DeepLIFT's rescale rule is this quotient, used in every layer.)

    Parameters
    ----------
    w_in, b_in : float (hidden, inputs), (hidden,)
    w_out : float (hidden,)
        The row of the output matrix that belongs to the explained output.
    x, baseline : float (inputs,)
    activation : callable
        Acts entry by entry.

    Returns
    -------
    float (inputs,)

    Raises
    ------
    ValueError
        If the shapes do not fit together.

    Notes
    -----
    Two products with ``w_in`` and one with its transpose: the cost of one gradient.

    Examples
    --------
    >>> eye = jnp.eye(2)  # relu(x1 - 1) + relu(x2): the first is on for half of the way
    >>> print(one_layer_attribution(eye, jnp.array([-1.0, 0.0]), jnp.ones(2), jnp.array([2.0, 3.0]), jnp.zeros(2)))
    [1. 3.]

    References
    ----------
    Shrikumar, Greenside and Kundaje, "Learning important features through propagating activation differences", 2017,
    arXiv:1704.02685.
    """
    hidden, inputs = w_in.shape
    for name, array, shape in (
        ("b_in", b_in, (hidden,)),
        ("w_out", w_out, (hidden,)),
        ("x", x, (inputs,)),
        ("baseline", baseline, (inputs,)),
    ):
        if array.shape != shape:
            raise ValueError(f"{name} must have shape {shape} beside w_in {w_in.shape}, got {array.shape}")
    slopes = mean_slopes(activation, w_in @ baseline + b_in, w_in @ x + b_in)
    return (x - baseline) * ((w_out * slopes) @ w_in)


def one_layer_weights(function: Any, target: Any) -> tuple[Array, Array, Array] | None:
    """The weights of an Equinox MLP with one hidden layer and a linear output; None for any other function."""
    if not isinstance(function, eqx.nn.MLP) or function.depth != 1 or function.in_size == "scalar":
        return None
    if any(map(eqx.is_array, jax.tree.leaves(function.activation))):
        return None  # a learnt activation, one for each unit
    if jax.make_jaxpr(function.final_activation)(jnp.zeros(())).eqns:
        return None
    first, last = function.layers
    row = 0 if target is None else target
    w_out = last.weight.at[row].get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)
    bias = jnp.zeros(first.weight.shape[0], first.weight.dtype) if first.bias is None else first.bias
    return first.weight, bias, w_out


def preactivations(mlp: eqx.nn.MLP, x: Float[Array, "..."]) -> Float[Array, " units"]:
    """What every activation of an Equinox MLP is applied to, hidden layers and output, in one vector.

    Parameters
    ----------
    mlp : eqx.nn.MLP
    x : float (inputs,)
        One example.

    Returns
    -------
    float (units,)

    Raises
    ------
    ValueError
        If the network was built with ``scan=True``.

    Examples
    --------
    >>> mlp = eqx.nn.MLP(2, 3, width_size=4, depth=2, key=jax.random.key(0))
    >>> print(preactivations(mlp, jnp.ones(2)).shape)
    (11,)
    """
    if getattr(mlp, "scan", False):
        raise ValueError("the pre-activations of an MLP with scan=True are not at hand: build it with scan=False")
    found = []
    for i, layer in enumerate(mlp.layers):
        z = layer(x)
        found.append(jnp.ravel(z))
        if i < len(mlp.layers) - 1:
            own = jax.tree.map(lambda leaf, i=i: leaf[i] if eqx.is_array(leaf) else leaf, mlp.activation)
            x = eqx.filter_vmap(lambda activation, z: activation(z))(own, z)
    return jnp.concatenate(found)


def walk_from_kink_to_kink(
    value: Callable[[Array], Array],
    kinks: Callable[[Array], Array],
    x: Float[Array, " size"],
    baseline: Float[Array, " size"],
    pieces: int,
) -> tuple[Float[Array, " size"], Int[Array, ""], Int[Array, ""], Bool[Array, ""]]:
    r"""The mean gradient of a piecewise linear function on the line from ``baseline`` to ``x``.

    Between two kinks every pre-activation is linear in :math:`\alpha`, so the next kink is known in advance: the
    smallest :math:`\alpha-z_j/\dot z_j` ahead. The gradient of the piece counts with the length of the piece.

    Parameters
    ----------
    value : callable
        A vector to a scalar, linear wherever no entry of ``kinks`` changes its sign.
    kinks : callable
        A vector to the vector of numbers :math:`z` at whose zeros the function may bend.
    x, baseline : float (size,)
    pieces : int, at least 1
        The walk stops after so many.

    Returns
    -------
    (mean gradient, pieces, first piece with a gradient that is not finite or -1, whether the walk stopped early)

    Notes
    -----
    A gradient and a forward derivative of ``kinks`` for each piece, one after the other; under ``vmap`` until the
    example with the most pieces has arrived. The position of a kink is rounded like :math:`z_j/\dot z_j`.
    """
    direction = x - baseline
    zero, one = np.zeros((), x.dtype), np.ones((), x.dtype)
    # Looked at just behind the beginning of a piece, so that the kink just passed is not met again.
    step = np.asarray(4 * jnp.finfo(x.dtype).eps, x.dtype)

    def walk(state: Any) -> Any:
        begin, total, count, bad = state
        here = jnp.minimum(begin + step, one)
        z, speed = jax.jvp(lambda alpha: kinks(baseline + alpha * direction), (here,), (one,))
        # Zeros count as ahead: which side a unit is on is not settled there, nor what it does to the next layer.
        is_ahead = (z * speed <= 0) & (speed != 0)
        ahead = jnp.where(is_ahead, -z / jnp.where(speed == 0, one, speed), jnp.inf)
        end = jnp.minimum(here + ahead.min(initial=jnp.inf), one)
        gradient = jax.grad(value)(baseline + (begin + end) / 2 * direction)  # in the middle, away from rounding
        bad = jnp.where((bad < 0) & ~jnp.isfinite(gradient).all(), count, bad)
        return end, total + (end - begin) * gradient, count + 1, bad

    def is_underway(state: Any) -> Any:
        return (state[0] < 1) & (state[2] < pieces)

    count, bad = jnp.zeros((), jnp.int32), jnp.full((), -1, jnp.int32)
    start = jnp.asarray(zero), jnp.zeros_like(x), count, bad
    end, mean, count, bad = jax.lax.while_loop(is_underway, walk, start)
    return mean, count, bad, end < 1

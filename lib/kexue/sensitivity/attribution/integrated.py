"""Integrated gradients: the change of a function along a path, divided among the coordinates."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jaxtyping import Array

from ..._check import at_least_one
from ._problem import Example, Problem, Target, problem, weighted_sum
from .gradients import Attribution, finish
from .piecewise_linear import one_layer_attribution, one_layer_weights, preactivations, walk_from_kink_to_kink
from .rules import RULES, quadrature

__all__ = ["expected_gradients", "integrated_gradients"]


def integrated_gradients(
    function: Callable[..., Any],
    x: Example,
    baseline: Example,
    *,
    nodes: int = 50,
    rule: str = "gauss",
    path: Callable[[Array], Any] | None = None,
    target: Target = None,
    chunk: int | None = None,
    kinks: Callable[[Any], Array] | None = None,
    pieces: int = 1_000,
) -> Attribution:
    r"""The share of each coordinate in :math:`F(x)-F(\bar x)`, along a path from the baseline to the input.

    .. math:: \mathrm{IG}_i=\int_0^1\partial_iF(\gamma(\alpha))\,\gamma_i'(\alpha)\,d\alpha,\qquad
              \gamma(\alpha)=\bar x+\alpha(x-\bar x)\ \text{ by default.}

    Parameters
    ----------
    function : callable
        One example to a scalar, or to a vector if ``target`` is given. For a batch: ``jax.vmap``.
        Any of JAX: plain, Equinox, Flax (Linen or NNX, in inference mode).
    x : float array or pytree of float arrays
        The input.
    baseline : like ``x``
        Where the path begins. It is a choice, so there is no default.
    nodes : int
        Gradients along the path; at least 1, or 2 for ``"lobatto"`` and ``"trapezoid"``. Not used by ``"exact"``.
    rule : {"gauss", "lobatto", "left", "right", "midpoint", "trapezoid", "exact"}
        A rule of :func:`quadrature`, or ``"exact"`` for networks that are linear between kinks.
    path : callable, optional
        :math:`\gamma`: a number in [0, 1] to a point like ``x``, differentiable, with :math:`\gamma(0)=\bar x` and
        :math:`\gamma(1)=x`.
    target : int, optional
        Which entry of the output is explained. Where it is not known in advance (``vmap``), a target out of range
        gives NaN.
    chunk : int, optional
        At most this many nodes in memory at once.
    kinks : callable, optional
        For ``rule="exact"`` and any function: one example to a vector of all numbers at whose zeros ``function`` may
        bend. Not needed for an ``eqx.nn.MLP``.
    pieces : int, at least 1
        For ``rule="exact"``: stop after so many linear pieces.

    Returns
    -------
    Attribution
        ``values`` like ``x``; ``residual``, their sum minus :math:`F(x)-F(\bar x)`; ``nonfinite``, the first node
        whose gradient is not finite.

    Raises
    ------
    ValueError
        If ``baseline`` has another shape than ``x``; the function returns a vector and no target is given; the target
        is out of range; the rule is unknown or has too few nodes; the path does not lead from ``baseline`` to ``x``
        (inside ``jit``, where this is not known, an error at run time); ``rule="exact"`` gets a path, or a function
        that is no ``eqx.nn.MLP`` without ``kinks``; ``chunk`` or ``pieces`` is below one.

    Notes
    -----
    Quadrature: ``nodes`` gradients, at once or in chunks; differentiable. ``rule="exact"``: for an ``eqx.nn.MLP`` with
    one hidden layer and a linear output, any activation, a closed form for the price of one gradient. Otherwise one
    gradient and one forward derivative a piece, one after the other, about as many pieces as units that switch; the
    function must be linear between the zeros of the pre-activations, as with ReLU. If it is not, the residual shows it.

    Examples
    --------
    >>> F = lambda x: x[0] ** 2 * x[1]
    >>> result = integrated_gradients(F, jnp.array([1.0, 1.0]), jnp.zeros(2), nodes=3)
    >>> print(result.values, f"{result.residual:.0e}")
    [0.6666667  0.33333334] 0e+00

    References
    ----------
    Sundararajan, Taly and Yan, "Axiomatic attribution for deep networks", 2017, arXiv:1703.01365, section 3.
    """
    if rule != "exact" and rule not in RULES:
        raise ValueError(f"rule={rule!r} is not allowed: it must be one of {', '.join(map(repr, RULES))}, 'exact'")
    subject = problem(function, x, baseline, target)
    if rule == "exact":
        return _exact(function, subject, target, path, kinks, pieces)
    direction = subject.x - subject.baseline
    alphas, weights = (jnp.asarray(a, subject.x.dtype) for a in quadrature(rule, nodes))

    if path is None:

        def gradient(alpha: Array) -> Array:
            return jax.grad(subject.value)(subject.baseline + alpha * direction)

        mean, nonfinite = weighted_sum(gradient, alphas, weights, chunk)
        return finish(subject, direction * mean, nodes, nonfinite)

    gamma, faults = _checked(path, subject)

    def slopes(alpha: Array) -> Array:
        point, velocity = jax.jvp(gamma, (alpha,), (jnp.ones_like(alpha),))
        return jax.grad(subject.value)(point) * velocity

    values, nonfinite = weighted_sum(slopes, alphas, weights, chunk)
    for is_off, message in faults:
        values = eqx.error_if(values, is_off, message)
    return finish(subject, values, nodes, nonfinite)


def expected_gradients(
    function: Callable[..., Any],
    x: Example,
    baselines: Example,
    *,
    nodes: int = 50,
    rule: str = "gauss",
    target: Target = None,
    chunk: int | None = None,
    kinks: Callable[[Any], Array] | None = None,
    pieces: int = 1_000,
) -> Attribution:
    r"""Integrated gradients averaged over baselines: complete with respect to :math:`F(x)-E[F(\bar x)]`.

    Parameters
    ----------
    function, x, nodes, rule, target, kinks, pieces
        As for :func:`integrated_gradients`.
    baselines : like ``x`` with a leading axis
        One baseline a row, for example training data.
    chunk : int, optional
        At most this many nodes in memory at once; then one baseline after the other.

    Returns
    -------
    Attribution
        ``residual`` is the mean of the residuals, ``nonfinite`` the first bad node of any baseline, ``evaluations``
        the total.

    Raises
    ------
    ValueError
        As :func:`integrated_gradients`; or if there is no baseline.

    Notes
    -----
    The cost of :func:`integrated_gradients` for each baseline. Every baseline is integrated to the end, instead of
    sampling one point of the path for each: the only error left is that of the sample of baselines.

    Examples
    --------
    >>> baselines = jnp.array([[0.0, 0.0], [2.0, 2.0]])
    >>> print(*expected_gradients(jnp.prod, jnp.array([1.0, 1.0]), baselines, nodes=1)[:2])
    [-0.5 -0.5] 0.0

    References
    ----------
    Erion et al., "Improving performance of deep learning models with axiomatic attribution priors and expected
    gradients", 2021, arXiv:1906.10670.
    """
    counts = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(baselines)}
    if len(counts) != 1 or not all(count and count[0] > 0 for count in counts):
        raise ValueError(f"baselines must have a leading axis of length at least 1, got {sorted(counts)}")

    def one(baseline: Any) -> Attribution:
        return integrated_gradients(
            function, x, baseline, nodes=nodes, rule=rule, target=target, chunk=chunk, kinks=kinks, pieces=pieces
        )

    each = jax.vmap(one)(baselines) if chunk is None else jax.lax.map(one, baselines)
    bad = jnp.where(each.nonfinite < 0, jnp.iinfo(jnp.int32).max, each.nonfinite).min()
    return Attribution(
        jax.tree.map(lambda values: values.mean(0), each.values),
        each.residual.mean(),
        each.evaluations.sum(),
        jnp.where((each.nonfinite >= 0).any(), bad, -1),
        each.exhausted.any(),
    )


def _checked(
    path: Callable[[Array], Any], subject: Problem
) -> tuple[Callable[[Array], Array], list[tuple[Array, str]]]:
    """The path as a function to flat vectors, and what may turn out to be wrong with its ends at run time."""

    def gamma(alpha: Array) -> Array:
        return ravel_pytree(path(alpha))[0].astype(subject.x.dtype)

    zero = jnp.zeros((), subject.x.dtype)
    like, found = jax.eval_shape(subject.unravel, subject.x), jax.eval_shape(path, zero)
    if jax.tree.map(jnp.shape, found) != jax.tree.map(jnp.shape, like):
        raise ValueError(f"path must return points like x, {like}, got {found}")
    start, end = subject.baseline, subject.x
    scale = jnp.maximum(jnp.abs(start).max(initial=0), jnp.abs(end).max(initial=0))
    faults: list[tuple[Array, str]] = []
    for where, alpha, wanted in (("start at baseline", zero, start), ("end at x", zero + 1, end)):
        distance = jnp.abs(gamma(alpha) - wanted).max(initial=0)
        is_off = ~(distance <= jnp.sqrt(jnp.finfo(scale.dtype).eps) * scale)
        if isinstance(is_off, jax.core.Tracer):
            faults.append((is_off, f"path must {where}"))
        elif is_off:
            raise ValueError(f"path must {where}: path({alpha:.0f}) is off by {distance:.2g}")
    return gamma, faults


def _exact(
    function: Any, subject: Problem, target: Target, path: Any, kinks: Callable[[Any], Array] | None, pieces: int
) -> Attribution:
    at_least_one("pieces", pieces)
    if path is not None:
        raise ValueError("path must be None for rule='exact', which follows the straight line")
    weights = one_layer_weights(function, target) if kinks is None else None
    if weights is not None:
        w_in, b_in, w_out = weights
        values = one_layer_attribution(w_in, b_in, w_out, subject.x, subject.baseline, function.activation)
        return finish(subject, values, 1, jnp.where(jnp.isfinite(values).all(), -1, 0))
    if kinks is None:
        if not isinstance(function, eqx.nn.MLP):
            raise ValueError("rule='exact' must be told where the function may bend: give kinks=, or an eqx.nn.MLP")
        bends = lambda flat: preactivations(function, subject.unravel(flat))  # noqa: E731
    else:
        bends = lambda flat: jnp.ravel(kinks(subject.unravel(flat)))  # noqa: E731
    mean, count, bad, is_exhausted = walk_from_kink_to_kink(subject.value, bends, subject.x, subject.baseline, pieces)
    return finish(subject, (subject.x - subject.baseline) * mean, count, bad, is_exhausted)

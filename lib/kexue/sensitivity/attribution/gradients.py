"""Attributions by the gradient at the input: saliency, gradient × input, SmoothGrad; and how well they add up."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from ..._check import at_least_one, require
from ._problem import Example, Problem, Target, problem, weighted_sum

__all__ = ["Attribution", "completeness_gap", "gradient_times_input", "saliency", "smoothgrad"]


class Attribution(NamedTuple):
    """Parts of the input and what they contributed, with the certificate of the computation."""

    values: PyTree[Float[Array, "..."]]
    """One number for each number of the input, in the input's shape."""
    residual: Float[Array, ""]
    """The sum of the values minus ``F(x) - F(baseline)``: zero if they are complete. A check of the arithmetic."""
    evaluations: Int[Array, ""]
    """How often the function or its gradient was evaluated along the way."""
    nonfinite: Int[Array, ""]
    """The first node, sample or mask at which the gradient was not finite, or -1. Then values are NaN or infinite."""
    exhausted: Bool[Array, ""]
    """Whether ``rule="exact"`` ran out of pieces before the end of the path; the rest of the path is then missing."""


def finish(
    subject: Problem, values: Array, evaluations: Any, nonfinite: Any = -1, exhausted: Any = False
) -> Attribution:
    """Put flat values into the input's shape and add the residual."""
    return Attribution(
        subject.unravel(values),
        values.sum() - subject.change(),
        jnp.asarray(evaluations, jnp.int32),
        jnp.asarray(nonfinite, jnp.int32),
        jnp.asarray(exhausted, bool),
    )


def completeness_gap(
    function: Callable[..., Any], x: Example, baseline: Example, values: Example, *, target: Target = None
) -> Float[Array, ""]:
    r"""By how much attributions miss the effect: :math:`\sum_ia_i-(F(x)-F(\bar x))`.

    Parameters
    ----------
    function : callable
        One example to a scalar, or to a vector if ``target`` is given.
    x, baseline : float array or pytree of float arrays
        The input and the point of comparison.
    values : like ``x``
        The attributions :math:`a_i`, wherever they come from.
    target : int, optional
        Which entry of the output is explained.

    Returns
    -------
    float scalar

    Raises
    ------
    ValueError
        If ``baseline`` or ``values`` has another shape than ``x``, if the function returns a vector and no target is
        given, or if the target is out of range.

    Examples
    --------
    >>> x = jnp.array([1.0, 2.0])
    >>> print(completeness_gap(jnp.prod, x, jnp.zeros(2), jnp.array([0.5, 1.0])))
    -0.5
    """
    subject = problem(function, x, baseline, target)
    parts = problem(function, x, values, target, name="values").baseline
    return parts.sum() - subject.change()


def saliency(
    function: Callable[..., Any], x: Example, baseline: Example | None = None, *, target: Target = None
) -> Attribution:
    r"""The gradient :math:`\partial_iF(x)`: how much a small change would matter, here and now.

    Parameters
    ----------
    function : callable
        One example to a scalar, or to a vector if ``target`` is given.
    x : float array or pytree of float arrays
    baseline : like ``x``, optional
        For the residual only; zero unless given.
    target : int, optional
        Which entry of the output is explained.

    Returns
    -------
    Attribution
        A gradient is not meant to add up to anything; the residual says by how much it does not.

    Raises
    ------
    ValueError
        As :func:`completeness_gap`.

    Notes
    -----
    One gradient.

    Examples
    --------
    >>> print(saliency(jnp.prod, jnp.array([3.0, 2.0])).values)
    [2. 3.]

    References
    ----------
    Simonyan, Vedaldi and Zisserman, "Deep inside convolutional networks", 2014, arXiv:1312.6034.
    """
    subject = problem(function, x, baseline, target)
    gradient = jax.grad(subject.value)(subject.x)
    return finish(subject, gradient, 1, _first_bad(gradient))


def gradient_times_input(
    function: Callable[..., Any], x: Example, baseline: Example | None = None, *, target: Target = None
) -> Attribution:
    r"""The first-order expansion :math:`(x_i-\bar x_i)\,\partial_iF(x)`, complete for linear functions only.

    Parameters
    ----------
    function, x, target
        As for :func:`saliency`.
    baseline : like ``x``, optional
        :math:`\bar x`; zero unless given.

    Returns
    -------
    Attribution
        The residual is the remainder of the expansion.

    Raises
    ------
    ValueError
        As :func:`completeness_gap`.

    Examples
    --------
    >>> print(*gradient_times_input(jnp.prod, jnp.array([3.0, 2.0]))[:2])
    [6. 6.] 6.0
    """
    subject = problem(function, x, baseline, target)
    gradient = jax.grad(subject.value)(subject.x)
    return finish(subject, (subject.x - subject.baseline) * gradient, 1, _first_bad(gradient))


def smoothgrad(
    function: Callable[..., Any],
    x: Example,
    key: Key[Array, ""],
    *,
    sigma: float,
    samples: int = 50,
    baseline: Example | None = None,
    target: Target = None,
    chunk: int | None = None,
) -> Attribution:
    r"""The mean gradient in a Gaussian neighbourhood, :math:`E[\nabla F(x+\sigma\xi)]`, :math:`\xi\sim N(0,1)`.

    Parameters
    ----------
    function, x, baseline, target
        As for :func:`saliency`.
    key : PRNG key
    sigma : float, at least 0
        Width of the neighbourhood, in the unit of ``x``.
    samples : int, at least 1
    chunk : int, optional
        At most this many samples in memory at once.

    Returns
    -------
    Attribution
        ``nonfinite`` is the first sample with a gradient that is not finite.

    Raises
    ------
    ValueError
        As :func:`completeness_gap`; or if ``sigma`` is negative, or ``samples`` or ``chunk`` below one.

    Notes
    -----
    ``samples`` gradients; the noise does not depend on ``chunk``.

    Examples
    --------
    >>> result = smoothgrad(lambda x: x @ x, jnp.array([3.0, 2.0]), jax.random.key(0), sigma=0.0, samples=4)
    >>> print(result.values, result.evaluations)
    [6. 4.] 4

    References
    ----------
    Smilkov et al., "SmoothGrad: removing noise by adding noise", 2017, arXiv:1706.03825.
    """
    require("sigma", sigma, "at least 0 and finite", lambda value: 0 <= value < float("inf"))
    at_least_one("samples", samples)
    subject = problem(function, x, baseline, target)

    def gradient(key: Array) -> Array:
        return jax.grad(subject.value)(subject.x + sigma * jax.random.normal(key, subject.x.shape, subject.x.dtype))

    weights = jnp.full(samples, 1 / samples, subject.x.dtype)
    mean, nonfinite = weighted_sum(gradient, jax.random.split(key, samples), weights, chunk)
    return finish(subject, mean, samples, nonfinite)


def _first_bad(gradient: Array) -> Array:
    return jnp.where(jnp.isfinite(gradient).all(), -1, 0)

"""A learning rate changed without touching the optimizer: it trains the parameters divided by a scale."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree

from ..._check import positive, require
from ..._updates import like

__all__ = ["reparametrize", "scaling_exponent"]


def reparametrize(inner: optax.GradientTransformation, scale: PyTree) -> optax.GradientTransformationExtraArgs:
    r"""Train :math:`\phi=\theta/\lambda` with an optimizer, while :math:`\theta` is what the model sees.

    .. math:: \nabla_\phi L=\lambda\nabla_\theta L,\qquad \theta_{n+1}-\theta_n=\lambda\,(\phi_{n+1}-\phi_n)

    For an optimizer with :math:`h(c\,\theta,g/c)=c^{\,1-e}h(\theta,g)` as its displacement, this multiplies the
    learning rate by :math:`\lambda^e`, and :func:`scaling_exponent` measures :math:`e`:

    ===========  ====================================================================================
    :math:`e`    optimizers
    ===========  ====================================================================================
    2            gradient descent, momentum, Nesterov
    1            RMSprop, Adagrad, Adam, Lion, sign descent, Muon: the step does not see the gradient's scale
    0            LARS, LAMB, Adafactor with parameter scale, Newton: the step is in units of the parameter
    ===========  ====================================================================================

    Exactly :math:`\lambda^e` needs :math:`\epsilon` in the gradient's new units: Adam with :math:`\epsilon` on
    :math:`\phi` is Adam with rate :math:`\lambda\alpha` and :math:`\epsilon/\lambda` on :math:`\theta`. AdamW's decay,
    :math:`\alpha w\theta` a step, does not follow: on :math:`\theta` it is that of the decay :math:`w/\lambda` at the
    rate :math:`\lambda\alpha`.

    Parameters
    ----------
    inner : optax.GradientTransformation
        Any optimizer; it sees the gradient with respect to :math:`\phi`, and :math:`\phi` as parameters.
    scale : float or array, positive, or a prefix of the parameters' tree with such leaves
        :math:`\lambda`. Not a schedule: when :math:`\lambda` changes, :math:`\phi` and the optimizer's moments must.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is that of ``inner``. Of the extra arguments ``grad`` and ``value_fn`` are translated to
        :math:`\phi`, so that line searches and ``optax.lbfgs`` work too; others are handed on.

    Raises
    ------
    ValueError
        A scale that is not positive, or a schedule; by ``init`` and ``update``, a scale that is no prefix of the tree.

    Notes
    -----
    Time: three multiplications a parameter above ``inner``. A clip by the global norm inside of ``inner`` sees all
    layers at once: a scale for one of them changes the clipping of all.

    Examples
    --------
    >>> optimizer = reparametrize(optax.sgd(1.0), 0.1)
    >>> update, _ = optimizer.update(jnp.array(1.0), optimizer.init(jnp.array(1.0)))
    >>> print(f"{update:.2f}")  # the rate times 0.1²
    -0.01

    References
    ----------
    J. Su, archives/6418, 2019: exponents 2 and 1. The symmetry of G. Yang, E. Hu, Feature learning in infinite-width
    neural networks, ICML 2021, arXiv:2011.14522.
    """
    for factor in jax.tree.leaves(scale):
        if callable(factor):
            raise ValueError(f"scale must be a number or a tree of numbers, not a schedule, got {factor!r}")
        positive("scale", factor)
    inner = optax.with_extra_args_support(inner)

    def times(tree: PyTree) -> PyTree:
        return _on_prefix(lambda factor, leaf: like(factor, leaf) * leaf, scale, tree)

    def over(tree: PyTree) -> PyTree:
        return _on_prefix(lambda factor, leaf: leaf / like(factor, leaf), scale, tree)

    def translate(extra_args: dict[str, Any]) -> dict[str, Any]:
        if "grad" in extra_args:
            extra_args["grad"] = times(extra_args["grad"])
        if "value_fn" in extra_args:
            value_fn = extra_args["value_fn"]
            extra_args["value_fn"] = lambda phi, *rest, **more: value_fn(times(phi), *rest, **more)
        return extra_args

    def init(params: PyTree) -> PyTree:
        return inner.init(over(params))

    def update(updates: PyTree, state: PyTree, params: Any = None, **extra_args: Any) -> tuple[PyTree, PyTree]:
        phi = None if params is None else over(params)
        updates, state = inner.update(times(updates), state, phi, **translate(extra_args))
        return times(updates), state

    return optax.GradientTransformationExtraArgs(init, update)


def _on_prefix(function: Callable[[Any, Any], Any], scale: PyTree, tree: PyTree) -> PyTree:
    """A function of a factor and a leaf, over the leaves of floats; integers stay, and shapes without numbers."""

    def on_leaf(leaf: Any, factor: Any) -> Any:
        stays = isinstance(leaf, jax.ShapeDtypeStruct) or not jnp.issubdtype(jnp.result_type(leaf), jnp.inexact)
        return leaf if stays else function(factor, leaf)

    try:
        factors = jax.tree.map(lambda factor, branch: jax.tree.map(lambda _: factor, branch), scale, tree)
    except ValueError as error:
        raise ValueError(f"scale must be a prefix of the parameters' tree: {error}") from None
    return jax.tree.map(on_leaf, tree, factors)


def scaling_exponent(
    optimizer: optax.GradientTransformation,
    params: PyTree,
    gradient: PyTree,
    scales: Sequence[float] = (0.01, 0.1, 1.0, 10.0, 100.0),
) -> Float[Array, " slopes"]:
    r"""The exponent :math:`e` with which :func:`reparametrize` multiplies an optimizer's rate, measured on its first step.

    .. math:: e_i=\frac{\log\lVert\Delta\theta(\lambda_{i+1})\rVert-\log\lVert\Delta\theta(\lambda_i)\rVert}
                       {\log\lambda_{i+1}-\log\lambda_i}

    It says what units the step has: 2 for gradient descent, 1 for optimizers that see only the direction or the signs
    of the gradient, 0 for those whose step is relative to the parameter. Where the numbers differ there is no exponent,
    because a constant of the optimizer has units: Adam's :math:`\epsilon` among small gradients, Adadelta's.

    Parameters
    ----------
    optimizer : optax.GradientTransformation
    params, gradient : pytrees of float arrays
        Where the step is made, and the gradient there; not zero.
    scales : increasing sequence of positive floats, at least two

    Returns
    -------
    float (len(scales) - 1,)
        A slope for each two neighbouring scales; not finite where the step is zero.

    Raises
    ------
    ValueError
        Fewer than two scales, or ones that are not positive and increasing.

    Notes
    -----
    Time: one step a scale, all at once by `jax.vmap`; in the precision of ``params``.

    Examples
    --------
    >>> params, gradient = jnp.array([1.0, 2.0]), jnp.array([0.3, -0.4])
    >>> print(scaling_exponent(optax.sgd(0.1), params, gradient).round(3) + 0.0)
    [2. 2. 2. 2.]
    >>> print(scaling_exponent(optax.lamb(0.1, eps=1e-20), params, gradient).round(3) + 0.0)
    [0. 0. 0. 0.]
    """
    grid = np.asarray(scales, float)
    if grid.size < 2:
        raise ValueError(f"scales must be at least two, got {scales!r}")
    require(
        "scales",
        grid,
        "positive, finite and increasing",
        lambda v: (v[0] > 0) & np.isfinite(v) & (np.diff(v, prepend=0) > 0),
    )

    def displacement(scale: Array) -> Array:
        scaled = reparametrize(optimizer, scale)
        return optax.tree.norm(scaled.update(gradient, scaled.init(params), params)[0])

    logs = jnp.log(jax.vmap(displacement)(jnp.asarray(grid, jnp.result_type(float))))
    return jnp.diff(logs) / np.diff(np.log(grid)).astype(logs.dtype)

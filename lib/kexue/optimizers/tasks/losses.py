"""One loss from many, by their values alone: in units of a reference, by a power mean, by learned uncertainties."""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from ..._check import floating, require
from ._gram import known, single, vector

__all__ = ["log_sum_loss", "optimal_log_variances", "power_mean", "prior_loss", "relative_loss", "uncertainty_loss"]


def relative_loss(losses: Float[Array, " tasks"], reference: Float[Array, " tasks"]) -> Float[Array, ""]:
    r"""Sum of the losses, each in units of a reference that is held fixed.

    .. math:: L = \sum_i \frac{L_i}{r_i}

    With :math:`r_i` the loss at the start, or that of the best constant prediction (:func:`prior_loss`), a new unit
    of one task, :math:`L_i\to c_iL_i` and :math:`r_i\to c_ir_i`, changes nothing; a shift :math:`L_i\to L_i+c_i` does.

    Parameters
    ----------
    losses : float (tasks,)
    reference : float (tasks,), positive
        A constant under differentiation.

    Returns
    -------
    float
        NaN, and so is its gradient, where a traced reference is not positive.

    Raises
    ------
    ValueError
        If the two are not vectors of one length, or a reference that is known is not positive and finite.

    Examples
    --------
    >>> print(f"{relative_loss(jnp.array([1.0, 300.0]), jnp.array([2.0, 900.0])):.4f}")
    0.8333

    References
    ----------
    Su, 2022, https://kexue.fm/archives/8870.
    """
    losses, reference = vector("losses", losses), vector("reference", reference)
    if losses.shape != reference.shape:
        raise ValueError(f"reference must have the shape of losses, {losses.shape}, got {reference.shape}")
    known("reference", reference, "positive and finite", lambda r: (r > 0) & np.isfinite(r))
    return _relative(losses, reference)


def _relative(losses: Array, reference: Array) -> Array:
    valid = jnp.where(reference > 0, reference, jnp.nan)
    return jnp.sum(losses / jax.lax.stop_gradient(valid).astype(losses.dtype))


def log_sum_loss(losses: Float[Array, " tasks"]) -> Float[Array, ""]:
    r"""The number of tasks, with the gradient of the sum of the logarithms: each loss in units of itself.

    .. math:: &L = \sum_i\frac{L_i}{\mathrm{sg}(L_i)} = n,\\
              &\nabla L = \sum_i\nabla\log L_i = \frac nG\nabla G, \quad G = \Big(\prod_iL_i\Big)^{1/n}

    Invariant to the scale of each loss, not to a shift. Where a loss can reach zero its gradient outgrows all others
    there: give such a loss a floor, ``relative_loss(losses, losses + floor)``, at the price of the invariance.

    Parameters
    ----------
    losses : float (tasks,), positive

    Returns
    -------
    float
        The constant ``tasks``: watch the losses instead. NaN, and so is the gradient, where a loss is not positive:
        the gradient of a negative one would point uphill.

    Raises
    ------
    ValueError
        If ``losses`` is not a vector.

    Examples
    --------
    >>> losses = jnp.array([0.5, 4.0])
    >>> print(log_sum_loss(losses), jax.grad(log_sum_loss)(losses))
    2.0 [2.   0.25]

    References
    ----------
    Chennupati et al., "MultiNet++", 2019, arXiv:1904.08492; Su, 2022, https://kexue.fm/archives/8870.
    """
    losses = vector("losses", losses)
    return _relative(losses, losses)


def power_mean(losses: Float[Array, " tasks"], gamma: ArrayLike) -> Float[Array, ""]:
    r"""Generalised mean: from the smallest loss over the geometric and the ordinary mean to the largest.

    .. math:: &M_\gamma = \Big(\frac1n\sum_iL_i^\gamma\Big)^{1/\gamma},\\
              &\frac{\partial M_\gamma}{\partial L_i} = \frac1n\Big(\frac{L_i}{M_\gamma}\Big)^{\gamma-1},\\
              &M_0 = \Big(\prod_iL_i\Big)^{1/n}

    Increases with :math:`\gamma`. A factor of all losses comes out in front; a factor of one of them leaves the
    direction of the gradient as it was only at :math:`\gamma=0`, a shift only at :math:`\gamma=1`.

    Parameters
    ----------
    losses : float (tasks,), not negative
    gamma : float
        Finite; may be traced. Held fixed under differentiation.

    Returns
    -------
    float
        Accurate to rounding near :math:`\gamma=0` and at large :math:`\lvert\gamma\rvert`. NaN where a loss is
        negative. At a loss of zero the value is right, and the gradient, which for :math:`\gamma<1` has a pole
        there, is infinite or NaN.

    Raises
    ------
    ValueError
        If ``losses`` is not a vector, or ``gamma`` is known and not one finite number.

    Examples
    --------
    >>> losses = jnp.array([1.0, 4.0])
    >>> print([f"{power_mean(losses, gamma):.3f}" for gamma in (-100, -1, 0, 1, 100)])
    ['1.007', '1.600', '2.000', '2.500', '3.972']
    >>> print(jax.grad(power_mean)(losses, 0.0))
    [1.   0.25]
    """
    losses = vector("losses", losses)
    require("gamma", gamma, "finite", np.isfinite)
    if jnp.ndim(gamma) != 0:
        raise ValueError(f"gamma must be one number, got shape {jnp.shape(gamma)}")
    wide = single(losses)
    return _power_mean(wide, jnp.asarray(gamma).astype(wide.dtype)).astype(losses.dtype)


@jax.custom_jvp
@jax.jit
def _power_mean(losses: Array, gamma: Array) -> Array:
    # Against the largest loss (the smallest, for γ < 0) all exponents are at most 0, so that nothing overflows and
    # log1p and expm1 keep every digit as γ goes to 0.
    reference = jnp.where(gamma > 0, jnp.max(losses), jnp.min(losses))
    logs = jnp.log(losses) - jnp.log(reference)
    exponent = jnp.where(gamma == 0, 1, gamma)
    growth = jnp.log1p(jnp.mean(jnp.expm1(exponent * logs))) / exponent
    mean = reference * jnp.exp(jnp.where(gamma == 0, jnp.mean(logs), growth))
    is_zero = (jnp.max(losses) == 0) | ((gamma <= 0) & (reference == 0))
    return jnp.where(is_zero & jnp.all(losses >= 0), 0, mean)


@_power_mean.defjvp
def _power_mean_jvp(primals: tuple[Array, Array], tangents: tuple[Any, Any]) -> tuple[Array, Array]:
    losses, gamma = primals
    mean = _power_mean(losses, gamma)
    return mean, jnp.mean((losses / mean) ** (gamma - 1) * tangents[0])


def prior_loss(targets: Any, kind: Literal["classes", "regression"]) -> Float[Array, ""]:
    r"""Loss of the best constant prediction: what a model without inputs would reach.

    .. math:: &H(p) = -\sum_kp_k\log p_k\ \text{ for classes},\\
              &\operatorname{E}\lVert y-\operatorname{E}y\rVert^2\ \text{ for regression}

    Parameters
    ----------
    targets : int (examples,) for "classes"; (examples, ...) for "regression"
        Labels of any values; or vectors, whose squared distance is *summed* over all axes but the first: divide by
        their size if the loss averages over it.
    kind : "classes" or "regression"
        Cross entropy in nats, or squared error.

    Returns
    -------
    float
        Zero if all targets are alike, which is no unit for a loss.

    Raises
    ------
    ValueError
        If ``kind`` is neither, there is no example, labels are not integers, or targets are complex.

    Notes
    -----
    Time: N log N for classes (their number need not be known), N for regression.

    Examples
    --------
    >>> print(prior_loss(jnp.array([0, 1, 1, 0]), "classes"), prior_loss(jnp.array([1.0, 3.0]), "regression"))
    0.6931472 1.0
    """
    if kind not in ("classes", "regression"):
        raise ValueError(f"kind must be 'classes' or 'regression', got {kind!r}")
    targets = jnp.asarray(targets)
    if targets.ndim == 0 or targets.size == 0 or jnp.iscomplexobj(targets):
        raise ValueError(f"targets must be real, at least one example, got {targets.dtype} of shape {targets.shape}")
    if kind == "regression":
        wide = single(floating(targets))
        return jnp.sum((wide - wide.mean(axis=0, keepdims=True)) ** 2) / len(wide)
    if targets.ndim != 1 or jnp.issubdtype(targets.dtype, jnp.floating):
        raise ValueError(f"targets must be integer labels (examples,), got {targets.dtype} of shape {targets.shape}")
    ordered = jnp.sort(targets)
    counts = jnp.searchsorted(ordered, ordered, side="right") - jnp.searchsorted(ordered, ordered)
    return -jnp.mean(jnp.log(counts / len(targets)))


def uncertainty_loss(losses: Float[Array, " tasks"], log_variances: Float[Array, " tasks"]) -> Float[Array, ""]:
    r"""Losses divided by variances that are learned with them.

    .. math:: &L = \frac12\sum_i\big(e^{-s_i}L_i + s_i\big),\\
              &\min_sL = \frac12\sum_i(1+\log L_i)\ \text{ at }\ s_i=\log L_i

    At the minimum over :math:`s` the gradient is half that of :func:`log_sum_loss`, invariant to the scale of each
    loss. Away from it, it is not: from :math:`s=0` an optimizer with steps of 0.003 needs thousands of them for a
    loss of 900, so start at :func:`optimal_log_variances` of the first losses.

    Parameters
    ----------
    losses, log_variances : float (tasks,)

    Returns
    -------
    float
        Differentiable in both. Any loss is accepted, but only a positive one has a best variance: with a negative
        one, :math:`s_i\to-\infty` is rewarded without end.

    Raises
    ------
    ValueError
        If the two are not vectors of one length.

    Examples
    --------
    >>> losses = jnp.array([1.0, 900.0])
    >>> print(f"{uncertainty_loss(losses, jnp.zeros(2)):.2f}")
    450.50
    >>> print(f"{uncertainty_loss(losses, optimal_log_variances(losses)):.2f}")
    4.40

    References
    ----------
    Kendall, Gal, Cipolla, "Multi-task learning using uncertainty to weigh losses", 2018, arXiv:1705.07115.
    """
    losses, log_variances = vector("losses", losses), vector("log_variances", log_variances)
    if losses.shape != log_variances.shape:
        raise ValueError(f"log_variances must have the shape of losses, {losses.shape}, got {log_variances.shape}")
    s = log_variances.astype(losses.dtype)
    return jnp.sum(losses * jnp.exp(-s) + s) / 2


def optimal_log_variances(losses: Float[Array, " tasks"]) -> Float[Array, " tasks"]:
    r"""Where :func:`uncertainty_loss` is smallest, :math:`s_i=\log L_i`: also where its training should start.

    Parameters
    ----------
    losses : float (tasks,), positive

    Returns
    -------
    float (tasks,)
        A constant under differentiation. NaN where a loss is negative, :math:`-\infty` where it is zero.

    Raises
    ------
    ValueError
        If ``losses`` is not a vector.

    Examples
    --------
    >>> print([f"{s:.4f}" for s in optimal_log_variances(jnp.array([1.0, 900.0]))])
    ['0.0000', '6.8024']
    """
    return jax.lax.stop_gradient(jnp.log(vector("losses", losses)))

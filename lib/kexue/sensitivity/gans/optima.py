r"""What the games are about when the discriminator is ideal: closed forms for two laws on finitely many atoms."""

import jax.numpy as jnp
from jax.scipy.special import rel_entr
from jaxtyping import Array, Float

from .objectives import loss_index

__all__ = ["game_value", "jensen_shannon", "optimal_discriminator", "total_variation", "triangular_discrimination"]

Law = Float[Array, "..."]


def jensen_shannon(p: Law, q: Law) -> Float[Array, ""]:
    r"""Jensen-Shannon divergence in nats, :math:`\frac12\mathrm{KL}(p\Vert m)+\frac12\mathrm{KL}(q\Vert m)`.

    Parameters
    ----------
    p, q : float (...)
        Probabilities, of one shape; :math:`m` is their mean. Zeros are allowed.

    Returns
    -------
    float in [0, log 2]

    Examples
    --------
    >>> print(jensen_shannon(jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])))
    0.6931472
    """
    _one_shape(p, q)
    mean = (p + q) / 2
    return (jnp.sum(rel_entr(p, mean)) + jnp.sum(rel_entr(q, mean))) / 2


def total_variation(p: Law, q: Law) -> Float[Array, ""]:
    r"""Half of the sum of absolute differences, :math:`\frac12\sum\lvert p-q\rvert`.

    Parameters
    ----------
    p, q : float (atoms,)

    Returns
    -------
    float in [0, 1]

    Examples
    --------
    >>> print(total_variation(jnp.array([0.5, 0.5]), jnp.array([0.25, 0.75])))
    0.25
    """
    _one_shape(p, q)
    return jnp.sum(jnp.abs(p - q)) / 2


def triangular_discrimination(p: Law, q: Law) -> Float[Array, ""]:
    r"""The symmetric chi-square :math:`\sum(p-q)^2/(p+q)`, which is Pearson's between :math:`2q` and :math:`p+q`.

    Parameters
    ----------
    p, q : float (atoms,)
        Atoms without any mass count for nothing.

    Returns
    -------
    float in [0, 2]

    Examples
    --------
    >>> print(triangular_discrimination(jnp.array([1.0, 0.0]), jnp.array([0.5, 0.5])).round(4))
    0.6667
    """
    _one_shape(p, q)
    total = p + q
    return jnp.sum(jnp.where(total > 0, (p - q) ** 2 / jnp.where(total > 0, total, 1), 0))


def optimal_discriminator(
    loss: str, p: Law, q: Float[Array, " _"], *, distance: Float[Array, "_ _"] | None = None, weight: float = 10.0
) -> Float[Array, " atoms"]:
    r"""The scores :math:`D^*` that minimise the discriminator's expected loss, atom by atom.

    ============================== ==================================================================================
    saturating, non-saturating     :math:`\ln(p/q)`
    least squares (both targets)   :math:`(p-q)/(p+q)`
    hinge                          :math:`\operatorname{sign}(p-q)`
    KL, reverse KL                 :math:`1+\ln(p/q)`, :math:`\ln(p/q)`
    RSGAN                          :math:`\ln(p/q)` up to a constant
    GAN-QP                         :math:`L^+(p-q)` up to a constant, :math:`L` the Laplacian of the graph with the
                                   weights :math:`(p_iq_j+p_jq_i)/(\lambda d_{ij})`
    ============================== ==================================================================================

    Parameters
    ----------
    loss : str
        A name in `LOSSES`. The Wasserstein loss has no optimum without a constraint; for RaGAN and RaLSGAN no closed
        form is given.
    p, q : float (atoms,)
        Probabilities. Positive at least in one of the two everywhere; where one is zero a logarithm is infinite.
    distance : float (atoms, atoms), symmetric
        Of the atoms, positive off the diagonal; for GAN-QP only.
    weight : float
        :math:`\lambda` of GAN-QP.

    Returns
    -------
    float (atoms,)

    Raises
    ------
    ValueError
        If the loss is unknown or has no closed form, the laws differ in shape, or GAN-QP comes without ``distance``.

    Notes
    -----
    Time: linear in the atoms; for GAN-QP one eigendecomposition.

    Examples
    --------
    >>> p, q = jnp.array([0.75, 0.25]), jnp.array([0.25, 0.75])
    >>> print(optimal_discriminator("least squares", p, q))
    [ 0.5 -0.5]

    References
    ----------
    Goodfellow et al. 2014, arXiv:1406.2661; Mao et al. 2017, arXiv:1611.04076; Nowozin et al. 2016, arXiv:1606.00709;
    Lim and Ye 2017, arXiv:1705.02894; Jolicoeur-Martineau 2018, arXiv:1807.00734; Su 2018, arXiv:1811.07296.
    """
    _check(loss, p, q)
    if loss.startswith("least squares"):
        return (p - q) / (p + q)
    if loss == "hinge":
        return jnp.sign(p - q)
    if loss == "GAN-QP":
        return jnp.linalg.pinv(_laplacian(p, q, distance, weight), hermitian=True) @ (p - q)
    log_ratio = jnp.log(p) - jnp.log(q)
    return 1 + log_ratio if loss == "KL" else log_ratio


def game_value(
    loss: str, p: Law, q: Float[Array, " _"], *, distance: Float[Array, "_ _"] | None = None, weight: float = 10.0
) -> Float[Array, ""]:
    r"""The smallest expected loss of the discriminator, in closed form.

    ============================== ==================================================================================
    saturating, non-saturating     :math:`2\ln2-2\,\mathrm{JS}(p,q)`
    least squares (both targets)   :math:`1-\frac12\sum(p-q)^2/(p+q)`
    hinge                          :math:`2-2\,\mathrm{TV}(p,q)`
    KL, reverse KL                 :math:`-\mathrm{KL}(p\Vert q)`, :math:`-\mathrm{KL}(q\Vert p)`
    RSGAN                          :math:`\ln2-\mathrm{JS}(p\otimes q,\,q\otimes p)`
    GAN-QP                         :math:`-\frac12(p-q)^\top L^+(p-q)`, with :math:`L` of `optimal_discriminator`
    ============================== ==================================================================================

    Parameters
    ----------
    loss, p, q, distance, weight
        As in `optimal_discriminator`.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        As in `optimal_discriminator`.

    Examples
    --------
    >>> p, q = jnp.array([0.75, 0.25]), jnp.array([0.25, 0.75])
    >>> print(game_value("hinge", p, q), game_value("least squares", p, q))
    1.0 0.75
    """
    _check(loss, p, q)
    if loss.startswith("least squares"):
        return 1 - triangular_discrimination(p, q) / 2
    if loss == "hinge":
        return 2 - 2 * total_variation(p, q)
    if loss in ("KL", "reverse KL"):
        return -jnp.sum(rel_entr(p, q) if loss == "KL" else rel_entr(q, p))
    if loss == "RSGAN":
        pairs = p[:, None] * q[None, :]
        return jnp.log(2.0).astype(p.dtype) - jensen_shannon(pairs, pairs.T)
    if loss == "GAN-QP":
        return -(p - q) @ optimal_discriminator(loss, p, q, distance=distance, weight=weight) / 2
    return 2 * jnp.log(2.0).astype(p.dtype) - 2 * jensen_shannon(p, q)


def _laplacian(p: Law, q: Law, distance: Array | None, weight: float) -> Array:
    """Conductances between the atoms: GAN-QP's optimum is the potential of a network that carries the current p - q."""
    if distance is None or distance.shape != (len(p), len(p)):
        found = None if distance is None else distance.shape
        raise ValueError(f"distance must be a matrix of {len(p)} x {len(p)} for GAN-QP, got shape {found}")
    pairs = p[:, None] * q[None, :]
    is_apart = distance > 0
    conductance = jnp.where(is_apart, (pairs + pairs.T) / (weight * jnp.where(is_apart, distance, 1)), 0)
    return jnp.diag(jnp.sum(conductance, axis=1)) - conductance


def _one_shape(p: Array, q: Array) -> None:
    if jnp.shape(p) != jnp.shape(q):
        raise ValueError(f"p and q must have one shape, got {jnp.shape(p)} and {jnp.shape(q)}")


def _check(loss: str, p: Array, q: Array) -> None:
    loss_index(loss)
    if loss in ("Wasserstein", "RaGAN", "RaLSGAN"):
        raise ValueError(f"loss must be one with a closed form, not 'Wasserstein', 'RaGAN' or 'RaLSGAN', got {loss!r}")
    if p.shape != q.shape or p.size == 0:
        raise ValueError(f"p and q must be laws on the same atoms, at least one, got shapes {p.shape} and {q.shape}")

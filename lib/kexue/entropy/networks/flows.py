"""Where a walker is, and what flows along each link: undirected networks, and directed ones with teleportation."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..._check import require, square
from .links import Links, links, links_of_matrix

__all__ = ["Flow", "directed_flow", "stationary_distribution", "undirected_flow"]


class Flow(eqx.Module):
    """What a walker does in a step, in the long run. Arrays of the host in double precision, but JAX's will do."""

    visits: Float[Array | np.ndarray, " n"]
    """Probability of each node; they sum to one."""
    source: Int[Array | np.ndarray, " E"]
    target: Int[Array | np.ndarray, " E"]
    flow: Float[Array | np.ndarray, " E"]
    """Probability that a step goes along the link. An undirected link is listed in both directions."""
    teleport: Float[Array | np.ndarray, " n"]
    """Probability that a step starts at the node and is a recorded teleportation."""
    landing: Float[Array | np.ndarray, " n"]
    """Probability that such a step ends at the node."""


def undirected_flow(network: Links | ArrayLike | Sequence) -> Flow:
    r"""The walk that leaves a node along its links, each with probability proportional to its weight.

    .. math:: p_\alpha=\frac{k_\alpha}{\sum_\beta k_\beta},\qquad F_{\alpha\beta}=\frac{w_{\alpha\beta}}{\sum_\beta k_\beta}

    with :math:`k_\alpha=\sum_\beta w_{\alpha\beta}`. A loop counts once in :math:`k_\alpha`.

    Parameters
    ----------
    network : Links, or float (n, n)
        Links listed once each, or the symmetric matrix of weights.

    Returns
    -------
    Flow
        Without teleportation. Nodes without links are never visited. A network in several pieces works: a walker stays
        in its piece, and pieces are weighted by their degrees.

    Raises
    ------
    ValueError
        If a matrix is not symmetric, or as for :func:`kexue.entropy.links`.

    Examples
    --------
    >>> print(undirected_flow([[0, 1, 1], [1, 0, 0], [1, 0, 0]]).visits)
    [0.5  0.25 0.25]

    References
    ----------
    Rosvall and Bergstrom, 2008, arXiv:0707.0609.
    """
    if not isinstance(network, Links):
        matrix = np.asarray(network, float)
        square("network", matrix)
        if not np.array_equal(matrix, matrix.T):
            a, b = (int(i) for i in np.argwhere(matrix != matrix.T)[0])
            raise ValueError(
                f"network must be symmetric to be undirected, got {matrix[a, b]} from {a} to {b} and {matrix[b, a]} back"
            )
        both = links_of_matrix(matrix)
    else:
        once = _checked(network)
        back = once.source != once.target
        both = Links(
            np.append(once.source, once.target[back]),
            np.append(once.target, once.source[back]),
            np.append(once.weight, once.weight[back]),
            once.nodes,
        )
    flow = both.weight / both.weight.sum()
    none = np.zeros(both.nodes)
    return Flow(np.bincount(both.source, flow, both.nodes), both.source, both.target, flow, none, none)


def directed_flow(
    network: Links | ArrayLike | Sequence, teleportation: float = 0.15, *, recorded: bool = False, to: str = "links"
) -> Flow:
    r"""The walk that follows links, and now and then lands anywhere.

    :math:`p` is :func:`kexue.entropy.stationary_distribution`. Recorded, a teleportation is a step like any other and
    is written down. Unrecorded, it only serves to find :math:`p`; then one step along links is taken and counted:

    .. math:: F_{\alpha\beta}\propto p_\alpha P_{\alpha\beta},\qquad p'_\beta=\sum_\alpha F_{\alpha\beta}

    Parameters
    ----------
    network : Links, or float (n, n)
        Row to column.
    teleportation : float, in (0, 1)
        Probability of a teleportation; from a node without a way out it is one.
    recorded : bool
    to : {"links", "nodes"}
        Where a teleportation lands: at all nodes alike; or at links, that is in proportion to the weight that leaves a
        node (unrecorded: the step that follows is then along a link drawn from all by weight) or enters it (recorded).

    Returns
    -------
    Flow

    Raises
    ------
    ValueError
        If ``teleportation`` or ``to`` is none of these, all links lead nowhere, or as for :func:`kexue.entropy.links`.

    Notes
    -----
    The defaults are those of the ``infomap`` package, 2.16; the other three are its flags ``--to-nodes`` and
    ``--recorded-teleportation``. About 36/teleportation passes over the links.

    Examples
    --------
    >>> flow = directed_flow([[0, 1, 0], [0, 0, 1], [1, 1, 0]])
    >>> print(flow.visits.round(3))
    [0.202 0.411 0.387]

    References
    ----------
    Lambiotte and Rosvall, 2012, arXiv:1112.5252 (unrecorded, and to links).
    """
    require("teleportation", teleportation, "in (0, 1)", lambda τ: (τ > 0) & (τ < 1))
    if to not in ("links", "nodes"):
        raise ValueError(f"to={to!r} is not allowed: it must be 'links' or 'nodes'")
    ways = _checked(network) if isinstance(network, Links) else links_of_matrix(network)
    n, none = ways.nodes, np.zeros(ways.nodes)
    landing = np.full(n, 1 / n)
    if to == "links":
        landing = np.bincount(ways.target if recorded else ways.source, ways.weight, n) / ways.weight.sum()
    with jax.enable_x64(True):
        p = np.asarray(stationary_distribution(ways, teleportation, landing))
    leaving = np.bincount(ways.source, ways.weight, n)
    flow = p[ways.source] * ways.weight / leaving[ways.source]
    if recorded:
        teleport = np.where(leaving > 0, teleportation * p, p)
        return Flow(p, ways.source, ways.target, (1 - teleportation) * flow, teleport, landing)
    flow = flow / flow.sum()
    return Flow(np.bincount(ways.target, flow, n), ways.source, ways.target, flow, none, none)


def stationary_distribution(
    network: Links, teleportation: ArrayLike = 0.15, landing: ArrayLike | Sequence | None = None
) -> Float[Array, " n"]:
    r"""Where a walker on a directed network is in the long run, by power iteration.

    .. math:: p_\beta=(1-\tau)\sum_\alpha p_\alpha P_{\alpha\beta}+\Big(\tau+(1-\tau)\sum_{\alpha\,\text{dangling}}p_\alpha\Big)v_\beta

    with the weights of the links that leave a node, over their sum, in :math:`P`; a dangling node has none.

    Parameters
    ----------
    network : Links
        May be traced.
    teleportation : float, in (0, 1)
        :math:`\tau`; may be traced.
    landing : float (n,), optional
        :math:`v`, summing to one. Default: all nodes alike.

    Returns
    -------
    float (n,)

    Raises
    ------
    ValueError
        If ``teleportation`` is out of range or ``landing`` has another length.

    Notes
    -----
    The error shrinks by 1 − τ each time, so the number of steps is known before: until it is below the rounding of the
    type, 223 of them in double precision at 0.15. Works under ``jit`` and ``vmap``.

    Examples
    --------
    >>> p = stationary_distribution(links([0, 1, 1], [1, 0, 2]))
    >>> print(*(f"{share:.3f}" for share in p))
    0.303 0.394 0.303

    References
    ----------
    Brin and Page, "The anatomy of a large-scale hypertextual Web search engine", 1998.
    """
    require("teleportation", teleportation, "in (0, 1)", lambda τ: (τ > 0) & (τ < 1))
    weight = jnp.asarray(network.weight)
    n, source, target = network.nodes, jnp.asarray(network.source), jnp.asarray(network.target)
    τ = jnp.asarray(teleportation, weight.dtype)
    v = jnp.full(n, 1 / n, weight.dtype) if landing is None else jnp.asarray(landing, weight.dtype)
    if v.shape != (n,):
        raise ValueError(f"landing must have one entry for each of the {n} nodes, got shape {v.shape}")
    return _iterate(source, target, weight, τ, v)


@jax.jit
def _iterate(
    source: Int[Array, " E"],
    target: Int[Array, " E"],
    weight: Float[Array, " E"],
    τ: Float[Array, ""],
    v: Float[Array, " n"],
) -> Float[Array, " n"]:
    leaving = jnp.zeros_like(v).at[source].add(weight)
    along = (1 - τ) * weight / leaving[source]

    def step(_: Int[Array, ""], p: Float[Array, " n"]) -> Float[Array, " n"]:
        walked = jnp.zeros_like(p).at[target].add(p[source] * along)
        return walked + (1 - jnp.sum(walked)) * v

    steps = jnp.ceil(jnp.log(jnp.finfo(weight.dtype).eps / 2) / jnp.log1p(-τ)).astype(jnp.int32) + 1
    return jax.lax.fori_loop(0, steps, step, v)


def _checked(network: Links) -> Links:
    """Links that somebody may have made by hand."""
    return links(network.source, network.target, network.weight, network.nodes)

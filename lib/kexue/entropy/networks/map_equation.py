"""The map equation: bits per step of a walk that is written down with a name for every module."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlogy
from jaxtyping import Array, ArrayLike, Float, Int

from .flows import Flow

__all__ = ["MapTerms", "map_equation", "map_equation_terms", "modularity", "move_changes"]


class MapTerms(NamedTuple):
    """Bits per step that each code book costs. Modules are the labels 0 to n − 1; an unused one costs nothing."""

    enters: Float[Array, ""]
    """Names of modules, written on entry."""
    exits: Float[Array, " n"]
    """The word of each module that says: out of here."""
    visits: Float[Array, " n"]
    """Names of the nodes within each module."""


class _Modules(NamedTuple):
    """Sums over modules; also over a node alone."""

    p: Array
    out: Array
    into: Array
    start: Array
    land: Array


def map_equation(flow: Flow, labels: ArrayLike | Sequence) -> Float[Array, ""]:
    r"""Bits per step of a walk written with one code book for the modules and one within each.

    .. math:: L&=e\,H(\mathcal E)+\sum_ip^\circlearrowright_iH(\mathcal P^i)\\
        &=h(e)-\sum_ih(e_i)-\sum_ih(x_i)-\sum_\alpha h(p_\alpha)\\
        &\quad+\sum_ih\Big(x_i+\sum_{\alpha\in i}p_\alpha\Big)

    with :math:`h(x)=x\log_2x`, the flow :math:`x_i` out of a module, :math:`e_i` into it, :math:`e=\sum_ie_i`.
    On undirected networks, and where teleportation is recorded, :math:`e_i=x_i`. One module: the entropy of the nodes.

    Parameters
    ----------
    flow : Flow
    labels : int (n,), in [0, n)
        The module of each node. May be traced.

    Returns
    -------
    float, in bits
        In JAX's precision: about six digits unless ``jax_enable_x64`` is on. The smaller the better.

    Raises
    ------
    ValueError
        If a node has no label, or one that is no integer or out of range.

    Notes
    -----
    Links plus nodes. Works under ``jit``, and under ``vmap`` over labels.

    Examples
    --------
    >>> from kexue.entropy import ring_of_cliques, undirected_flow
    >>> network, clique = ring_of_cliques(30, 5)
    >>> print(f"{map_equation(undirected_flow(network), clique):.4f} bits")
    3.2106 bits

    References
    ----------
    Rosvall and Bergstrom, 2008, arXiv:0707.0609; Rosvall, Axelsson and Bergstrom, 2009, arXiv:0906.1405, equation 4.
    """
    terms = map_equation_terms(flow, labels)
    return terms.enters + jnp.sum(terms.exits) + jnp.sum(terms.visits)


def map_equation_terms(flow: Flow, labels: ArrayLike | Sequence) -> MapTerms:
    """What each code book costs: see :func:`kexue.entropy.map_equation`, of which these are the parts.

    Parameters
    ----------
    flow : Flow
    labels : int (n,), in [0, n)

    Returns
    -------
    MapTerms

    Raises
    ------
    ValueError
        As for :func:`kexue.entropy.map_equation`.

    Examples
    --------
    >>> from kexue.entropy import ring_of_cliques, undirected_flow
    >>> network, clique = ring_of_cliques(30, 5)
    >>> terms = map_equation_terms(undirected_flow(network), clique)
    >>> print(f"{terms.enters:.3f} + {terms.exits.sum():.3f} + {terms.visits.sum():.3f}")
    0.446 + 0.326 + 2.439
    """
    labels = _labels(labels, flow.visits.shape[0])
    modules, p = _measure(flow, labels), jnp.asarray(flow.visits)
    leaves, enters = _crossings(modules, jnp.sum(jnp.asarray(flow.teleport)))
    written = modules.p + leaves
    names = jnp.zeros_like(p).at[labels].add(_plogp(p))
    visits = xlogy(modules.p, written) / jnp.log(2).astype(p.dtype) - names
    exits = xlogy(leaves, written) / jnp.log(2).astype(p.dtype) - _plogp(leaves)
    return MapTerms(_plogp(jnp.sum(enters)) - jnp.sum(_plogp(enters)), exits, visits)


def move_changes(flow: Flow, labels: ArrayLike | Sequence, node: ArrayLike) -> Float[Array, " n"]:
    """By how many bits the code grows if one node moves to module 0, 1, …, n − 1, without counting all again.

    Two modules change, and the flow into modules; every other term of :func:`kexue.entropy.map_equation` stays.

    Parameters
    ----------
    flow : Flow
    labels : int (n,), in [0, n)
    node : int, in [0, n)
        May be traced: ``vmap`` gives the table for all nodes.

    Returns
    -------
    float (n,), in bits
        Negative where the code becomes shorter; 0 at the node's own module. An unused label stands for a module of
        its own.

    Raises
    ------
    ValueError
        If ``node`` is out of range, or as for :func:`kexue.entropy.map_equation`.

    Notes
    -----
    One pass over the links, then a few operations for each module.

    Examples
    --------
    >>> from kexue.entropy import ring_of_cliques, undirected_flow
    >>> network, clique = ring_of_cliques(4, 3)
    >>> change = move_changes(undirected_flow(network), clique, 2)  # of the last node of the first clique
    >>> print(*(f"{bits:.3f}" for bits in change[:5]))  # its own, the next, the others, alone
    0.000 0.283 0.495 0.495 0.322
    """
    n = flow.visits.shape[0]
    if isinstance(node, int | np.integer) and not 0 <= node < n:
        raise ValueError(f"node must be in [0, {n}), got {node}")
    labels, node = _labels(labels, n), jnp.asarray(node).astype(jnp.int32)
    modules, jumps = _measure(flow, labels), jnp.sum(jnp.asarray(flow.teleport))
    source, target, along = _ways(flow)
    other, zero = source != target, jnp.zeros_like(modules.p)
    to = zero.at[labels[target]].add(jnp.where((source == node) & other, along, 0))  # from the node to each module
    back = zero.at[labels[source]].add(jnp.where((target == node) & other, along, 0))
    rates = (jnp.asarray(rate)[node] for rate in (flow.visits, flow.teleport, flow.landing))
    p, start, land = rates
    out, into = jnp.sum(to), jnp.sum(back)

    def cost(modules: _Modules) -> tuple[Array, Array]:
        leaves, enters = _crossings(modules, jumps)
        return _plogp(leaves + modules.p) - _plogp(leaves) - _plogp(enters), enters

    def changed(sign: int) -> tuple[Array, Array]:
        """Of cost and inflow, once the node has joined (+1) or left (−1) each module."""
        parts = p, out - to - back, into - to - back, start, land
        before, after = (
            cost(modules),
            cost(_Modules(*(m + sign * part for m, part in zip(modules, parts, strict=True)))),
        )
        return after[0] - before[0], after[1] - before[1]

    own = labels[node]
    (left, less), (joined, more) = changed(-1), changed(1)
    inflow = jnp.sum(cost(modules)[1])
    index = _plogp(inflow + less[own] + more) - _plogp(inflow)
    return jnp.where(jnp.arange(n, dtype=jnp.int32) == own, 0, left[own] + joined + index)


def modularity(flow: Flow, labels: ArrayLike | Sequence) -> Float[Array, ""]:
    r"""The share of the flow that stays inside modules, less what would by chance.

    .. math:: Q=\sum_i\Big(\sum_{\alpha,\beta\in i}F_{\alpha\beta}-\Big(\sum_{\alpha\in i}p_\alpha\Big)^2\Big)

    Parameters
    ----------
    flow : Flow
        Of an undirected network: for one of another kind this is not the directed modularity.
    labels : int (n,), in [0, n)

    Returns
    -------
    float
        In [−1/2, 1). The larger the better.

    Raises
    ------
    ValueError
        As for :func:`kexue.entropy.map_equation`.

    Examples
    --------
    >>> from kexue.entropy import ring_of_cliques, undirected_flow
    >>> network, clique = ring_of_cliques(30, 5)
    >>> flow = undirected_flow(network)
    >>> print(f"{modularity(flow, clique):.4f}, cliques joined in pairs: {modularity(flow, clique // 2):.4f}")
    0.8758, cliques joined in pairs: 0.8879

    References
    ----------
    Newman and Girvan, 2004, arXiv:cond-mat/0308217.
    """
    labels = _labels(labels, flow.visits.shape[0])
    source, target, along = _ways(flow)
    return jnp.sum(jnp.where(labels[source] == labels[target], along, 0)) - jnp.sum(_measure(flow, labels).p ** 2)


def _plogp(x: Array) -> Array:
    """X log₂ x; what rounding leaves below 0 counts as 0."""
    return xlogy(jnp.maximum(x, 0), jnp.maximum(x, 0)) / jnp.log(2).astype(x.dtype)


def _ways(flow: Flow) -> tuple[Array, Array, Array]:
    return jnp.asarray(flow.source, jnp.int32), jnp.asarray(flow.target, jnp.int32), jnp.asarray(flow.flow)


def _measure(flow: Flow, labels: Int[Array, " n"]) -> _Modules:
    source, target, along = _ways(flow)
    source, target = labels[source], labels[target]
    crossing = jnp.where(source != target, along, 0)
    zero = jnp.zeros(len(labels), along.dtype)
    p, start, land = (zero.at[labels].add(jnp.asarray(rate)) for rate in (flow.visits, flow.teleport, flow.landing))
    return _Modules(p, zero.at[source].add(crossing), zero.at[target].add(crossing), start, land)


def _crossings(modules: _Modules, jumps: Array) -> tuple[Array, Array]:
    """Flow out of each module and into it, along links and by teleportation to another."""
    return modules.out + modules.start * (1 - modules.land), modules.into + modules.land * (jumps - modules.start)


def _labels(labels: ArrayLike | Sequence, n: int) -> Int[Array, " n"]:
    if not isinstance(labels, jax.Array):
        labels = np.asarray(labels)
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(f"labels must be integers, got {labels.dtype}")
    if labels.shape != (n,):
        missing = f": node {len(labels)} has none" if labels.ndim == 1 and len(labels) < n else ""
        raise ValueError(f"labels must name a module for each of the {n} nodes, got shape {labels.shape}{missing}")
    if not isinstance(labels, jax.core.Tracer):
        known = np.asarray(labels)
        bad = (known < 0) | (known >= n)
        if bad.any():
            node = int(np.argmax(bad))
            raise ValueError(f"labels must be in [0, {n}), got {known[node]} for node {node}")
    return jnp.asarray(labels).astype(jnp.int32)

"""Networks with known communities: power laws for the degrees of the nodes and for the sizes of the communities."""

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..._check import at_least_one, require
from .links import Links, links

__all__ = ["planted_power_law"]

ROUNDS = 20


def planted_power_law(
    key: Key[Array, ""],
    nodes: int,
    mixing: float,
    *,
    degrees: tuple[int, int] = (6, 50),
    sizes: tuple[int, int] = (20, 60),
    exponents: tuple[float, float] = (2.5, 1.5),
) -> tuple[Links, Int[np.ndarray, " n"]]:
    r"""Draw a network whose communities are known: each node has a share ``mixing`` of its links in other communities.

    Degrees are drawn from a power law, :math:`P(k)\propto k^{-2.5}`, sizes of communities from another; nodes join
    communities in random order, provided that their links inside find room there. Ends of links are then matched at
    random, inside and outside; what makes a loop, or a link that exists already, is matched again.

    Parameters
    ----------
    key : PRNG key
    nodes : int
        At least the largest size.
    mixing : float, in [0, 1]
    degrees, sizes : pairs of int
        Smallest and largest degree of a node, size of a community.
    exponents : pair of float
        Of the degrees and of the sizes.

    Returns
    -------
    (Links, int (nodes,))
        Each link once, for :func:`kexue.entropy.undirected_flow`; and the community of each node.

    Raises
    ------
    ValueError
        If ``mixing`` is out of range, a pair is not in order, or there are fewer nodes than a community may have.

    Notes
    -----
    On the host. Simpler than the benchmark of Lancichinetti and others, and of its kind: there the degrees are kept
    exactly, by rewiring; here the links that find no free partner in twenty rounds are dropped.

    Examples
    --------
    >>> import jax
    >>> network, community = planted_power_law(jax.random.key(0), 300, 0.3)
    >>> outside = community[network.source] != community[network.target]
    >>> print(network.nodes, f"{outside.mean():.2f}")
    300 0.32

    References
    ----------
    Lancichinetti, Fortunato and Radicchi, 2008, arXiv:0805.4770.
    """
    require("mixing", mixing, "in [0, 1]", lambda μ: (μ >= 0) & (μ <= 1))
    for name, (low, high) in (("degrees", degrees), ("sizes", sizes)):
        at_least_one(name, low)
        if low > high:
            raise ValueError(f"{name} must be (smallest, largest), got {(low, high)}")
    if nodes < sizes[1]:
        raise ValueError(f"nodes must be at least the largest size, {sizes[1]}, got {nodes}")
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    degree = _power_law(rng, *degrees, exponents[0], nodes)
    inside = rng.binomial(degree, 1 - mixing)
    community = _join(rng, inside, _sizes(rng, nodes, sizes, exponents[1]))
    at_home = [np.repeat(np.flatnonzero(community == c), inside[community == c]) for c in range(community.max() + 1)]
    pairs = [_match(rng, ends) for ends in at_home]
    pairs.append(_match(rng, np.repeat(np.arange(nodes), degree - inside), community))
    source, target = np.concatenate(pairs).T
    return links(source, target, nodes=nodes), community


def _power_law(rng: np.random.Generator, low: int, high: int, exponent: float, number: int) -> Int[np.ndarray, " n"]:
    values = np.arange(low, high + 1)
    weights: Float[np.ndarray, " k"] = values ** -float(exponent)
    return rng.choice(values, number, p=weights / weights.sum())


def _sizes(rng: np.random.Generator, nodes: int, sizes: tuple[int, int], exponent: float) -> Int[np.ndarray, " c"]:
    """Sizes that add up to all nodes: drawn until they do, and the overlap taken off them evenly."""
    drawn = _power_law(rng, *sizes, exponent, 1 + nodes // sizes[0])
    drawn = drawn[: 1 + int(np.argmax(np.cumsum(drawn) >= nodes))]
    return np.diff(np.round(np.cumsum(np.append(0, drawn)) * nodes / drawn.sum())).astype(int)


def _join(
    rng: np.random.Generator, inside: Int[np.ndarray, " n"], sizes: Int[np.ndarray, " c"]
) -> Int[np.ndarray, " n"]:
    """Nodes of many links choose first, among the free places of communities that are large enough."""
    free, community = sizes.copy(), np.zeros(len(inside), int)
    for node in np.lexsort((rng.random(len(inside)), -inside)):
        room = free * (sizes > inside[node])
        weights = room if room.any() else free
        community[node] = rng.choice(len(sizes), p=weights / weights.sum())
        free[community[node]] -= 1
    return community


def _match(
    rng: np.random.Generator, ends: Int[np.ndarray, " m"], community: Int[np.ndarray, " n"] | None = None
) -> Int[np.ndarray, "pairs 2"]:
    """Pairs of different ends, each pair once, in different communities if these are given; the rest tries again."""
    found, ends = np.empty((0, 2), int), np.sort(ends)
    for _ in range(ROUNDS):
        pairs = np.sort(rng.permutation(ends)[: len(ends) // 2 * 2].reshape(-1, 2), axis=1)
        group = pairs if community is None else community[pairs]
        more = np.unique(np.concatenate([found, pairs[group[:, 0] != group[:, 1]]]), axis=0)
        size = 1 + int(max(ends.max(initial=0), more.max(initial=0)))
        used = np.bincount(more.ravel(), minlength=size) - np.bincount(found.ravel(), minlength=size)
        ends = np.repeat(np.arange(size), np.bincount(ends, minlength=size) - used)
        found = more
    return found

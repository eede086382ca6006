"""A walk written down in bits: Huffman codes, one for the modules and one within each."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Int, Key

from ..._check import at_least_one
from .flows import Flow
from .map_equation import _labels

__all__ = ["TwoLevelCode", "decode_walk", "encode_walk", "huffman_code", "random_walk", "two_level_code"]


class TwoLevelCode(NamedTuple):
    """Code words, strings of 0 and 1. What is never written has none; the only word of a book is the empty one."""

    labels: Int[np.ndarray, " n"]
    """The module of each node."""
    enters: list[str | None]
    """Names of modules."""
    exits: list[str | None]
    """For each module the word that leaves it, from the same book as its nodes' names."""
    nodes: list[str | None]
    """Names of nodes, unique within a module only."""
    bits: float
    """Expected bits per step."""


def huffman_code(weights: ArrayLike | Sequence) -> list[str | None]:
    r"""The binary words, none the beginning of another, of the smallest mean length.

    The two rarest are joined, as often as there are two. The mean length lies between the entropy and one bit more.

    Parameters
    ----------
    weights : float (K,), at least 0
        Probabilities, or counts.

    Returns
    -------
    list of str
        ``None`` for weights of 0. A single word is empty.

    Raises
    ------
    ValueError
        If ``weights`` is no row of finite numbers of at least 0.

    Notes
    -----
    K log K. Ties go to the earlier, so the code is always the same.

    Examples
    --------
    >>> huffman_code([4, 2, 1, 0, 1])
    ['1', '01', '001', None, '000']

    References
    ----------
    Huffman, "A method for the construction of minimum-redundancy codes", 1952.
    """
    w = np.asarray(weights, float)
    if w.ndim != 1 or not np.all((w >= 0) & (w < np.inf)):
        raise ValueError(f"weights must be a row of finite numbers of at least 0, got {weights!r}")
    words: list[str | None] = [None] * len(w)
    heap = [(float(weight), i, [i]) for i, weight in enumerate(w) if weight > 0]
    for _, i, _ in heap:
        words[i] = ""
    heapq.heapify(heap)
    while len(heap) > 1:
        (w1, first, ones), (w0, second, zeros) = heapq.heappop(heap), heapq.heappop(heap)
        for bit, members in (("0", zeros), ("1", ones)):
            for i in members:
                words[i] = bit + str(words[i])
        heapq.heappush(heap, (w0 + w1, min(first, second), zeros + ones))
    return words


def two_level_code(flow: Flow, labels: ArrayLike | Sequence) -> TwoLevelCode:
    """Huffman codes for the modules' names, and within each module for its nodes' names and its exit.

    Parameters
    ----------
    flow : Flow
    labels : int (n,), in [0, n)

    Returns
    -------
    TwoLevelCode
        Its ``bits`` exceed the map equation by less than one bit for each word written.

    Raises
    ------
    ValueError
        As for :func:`kexue.entropy.map_equation`.

    Notes
    -----
    On the host.

    Examples
    --------
    >>> from kexue.entropy import ring_of_cliques, undirected_flow
    >>> network, clique = ring_of_cliques(4, 4)
    >>> code = two_level_code(undirected_flow(network), clique)
    >>> print(code.nodes[:4], code.exits[0], code.enters, f"{code.bits:.2f}")
    ['10', '000', '11', '01'] 001 ['11', '10', '01', '00'] 2.93
    """
    module, p = np.asarray(_labels(labels, len(flow.visits))), np.asarray(flow.visits, float)
    number = int(module.max()) + 1
    source, target = module[np.asarray(flow.source)], module[np.asarray(flow.target)]
    along = np.where(source != target, np.asarray(flow.flow, float), 0)
    start, land = (np.bincount(module, np.asarray(rate, float), number) for rate in (flow.teleport, flow.landing))
    leaves = np.bincount(source, along, number) + start * (1 - land)
    enters = np.bincount(target, along, number) + land * (start.sum() - start)
    names = huffman_code(enters)
    exits: list[str | None] = [None] * number
    nodes: list[str | None] = [None] * len(p)
    for i in range(number):
        members = np.flatnonzero(module == i)
        *book, exits[i] = huffman_code(np.append(p[members], leaves[i]))
        for node, name in zip(members, book, strict=True):
            nodes[node] = name
    rates, words = np.concatenate([enters, leaves, p]), names + exits + nodes
    bits = sum(rate * len(word) for rate, word in zip(rates, words, strict=True) if word)
    return TwoLevelCode(module, names, exits, nodes, float(bits))


def encode_walk(code: TwoLevelCode, walk: ArrayLike | Sequence) -> str:
    """A walk as one string of bits; every step writes its node, and a change of module an exit and a name before it.

    Parameters
    ----------
    code : TwoLevelCode
    walk : nodes, in the order of the walk

    Returns
    -------
    str
        Of 0 and 1. The first node is preceded by the name of its module.

    Raises
    ------
    ValueError
        If the walk does what the flow of the code never does.

    Examples
    --------
    >>> from kexue.entropy import ring_of_cliques, undirected_flow
    >>> network, clique = ring_of_cliques(4, 4)
    >>> code = two_level_code(undirected_flow(network), clique)
    >>> encode_walk(code, [0, 1, 3, 4])  # 11 10 000 01, 001 out of the first clique, 10 into the next, 10
    '1110000010011010'
    """
    written: list[str | None] = []
    now = -1
    for node in np.asarray(walk).tolist():
        module = int(code.labels[node])
        if now < 0:
            written.append(code.enters[module] or "")  # a module that is never entered has no name
        elif module != now:
            written += [code.exits[now], code.enters[module]]
        written.append(code.nodes[node])
        now = module
    words = [word for word in written if word is not None]
    if len(words) < len(written):
        raise ValueError("walk must only do what the flow of the code does, got a word that has no code")
    return "".join(words)


def decode_walk(code: TwoLevelCode, bits: str) -> list[int]:
    """The walk that was written: no separators are needed, as no word is the beginning of another of its book.

    Parameters
    ----------
    code : TwoLevelCode
        Of at least two modules, whose nodes have names of at least one bit.
    bits : str

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If the bits are no walk of this code.

    Examples
    --------
    >>> from kexue.entropy import ring_of_cliques, undirected_flow
    >>> network, clique = ring_of_cliques(4, 4)
    >>> code = two_level_code(undirected_flow(network), clique)
    >>> decode_walk(code, encode_walk(code, [0, 1, 3, 4]))
    [0, 1, 3, 4]
    """
    index = {word: i for i, word in enumerate(code.enters) if word is not None}
    books = [{word: -1} if word is not None else {} for word in code.exits]
    for node, word in enumerate(code.nodes):
        if word is not None:
            books[code.labels[node]][word] = node
    walk: list[int] = []
    book, word = index, ""
    for bit in bits:
        word += bit
        if word in book:
            found, word = book[word], ""
            if book is index:
                book = books[found]
            elif found < 0:
                book = index
            else:
                walk.append(found)
    if word or book is index:
        raise ValueError(f"bits must end with the name of a node, got a rest of {word!r}")
    return walk


def random_walk(key: Key[Array, ""], flow: Flow, steps: int) -> Int[Array, " steps"]:
    """Where a walker is at each of so many steps, along links with the probabilities of the flow.

    Parameters
    ----------
    key : PRNG key
    flow : Flow
        Without recorded teleportation. The walk starts at a node drawn by its visits.
    steps : int, at least 1

    Returns
    -------
    int (steps,)
        In a network in pieces the walk stays in the one that it starts in.

    Raises
    ------
    ValueError
        If ``steps`` is below one.

    Notes
    -----
    A search among the links for each step; works under ``jit``, and under ``vmap`` over keys.

    Examples
    --------
    >>> import jax
    >>> from kexue.entropy import ring_of_cliques, undirected_flow
    >>> walk = random_walk(jax.random.key(0), undirected_flow(ring_of_cliques(3, 4)[0]), 1000)
    >>> print(walk.shape)
    (1000,)
    """
    at_least_one("steps", steps)
    p, along = jnp.asarray(flow.visits), jnp.asarray(flow.flow)
    order = jnp.argsort(jnp.asarray(flow.source), stable=True)
    target, upto = jnp.asarray(flow.target)[order], jnp.cumsum(along[order])
    counts = jnp.zeros(len(p), jnp.int32).at[jnp.asarray(flow.source)].add(1)
    end = jnp.cumsum(counts)
    before = jnp.concatenate([jnp.zeros(1, upto.dtype), upto])
    u = jax.random.uniform(key, (steps,), upto.dtype)

    def step(node: Array, u: Array) -> tuple[Array, Array]:
        first, last = end[node] - counts[node], end[node]
        place = before[first] + u * (before[last] - before[first])
        link = jnp.clip(jnp.searchsorted(upto, place, side="right"), first, last - 1)
        return target[link].astype(jnp.int32), node

    start = jnp.clip(jnp.searchsorted(jnp.cumsum(p), u[0] * jnp.sum(p), side="right"), 0, len(p) - 1).astype(jnp.int32)
    return jax.lax.scan(step, start, jnp.roll(u, -1))[1]

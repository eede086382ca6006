"""Local search on many networks at once: rounds of moves that do not touch one another, and aggregation.

On the host, in NumPy and sparse products: shapes change with every aggregation, and each would be compiled anew. Several
networks, or copies of one, are the blocks of a single one without links between them, so one array operation serves all.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_matrix

LEAST_GAIN = 1e-11  # in bits: above the rounding of a difference of codelengths


class Blocks(NamedTuple):
    """Nodes of several networks. A link's flow there and back is one complex number: one product adds up both."""

    links: csr_matrix
    """complex (n, n): from the row's node to the column's, and i times the way back; the diagonal is empty."""
    rates: np.ndarray
    """(3, n): visits, outgoing and landing teleportation."""
    block: np.ndarray
    """int (n,): which network a node belongs to."""
    jumps: np.ndarray
    """(blocks,): flow that teleports."""


class Modules(NamedTuple):
    """What the map equation knows of K modules."""

    rates: np.ndarray
    """(3, K): as of the nodes."""
    crossing: np.ndarray
    """complex (K,): flow along links that leaves a module, and i times what enters it."""
    block: np.ndarray
    """int (K,)."""
    inflow: np.ndarray
    """(blocks,): flow into modules, all in all."""


class Moves(NamedTuple):
    """The best move of each of some nodes."""

    node: np.ndarray
    old: np.ndarray
    new: np.ndarray
    left: np.ndarray
    """Crossing of the old module afterwards."""
    joined: np.ndarray
    """Crossing of the new one."""
    inflow: np.ndarray
    """Change of the flow into modules."""
    saving: np.ndarray
    """Bits saved apart from the term in which all modules meet, that of the flow into them."""
    gain: np.ndarray
    """Bits saved if this move alone is made."""


def plogp(x: np.ndarray) -> np.ndarray:
    """X log₂ x, with 0 at 0; what rounding leaves below is 0 as well."""
    safe = np.where(x > 0, x, 1.0)
    return safe * np.log2(safe)


def turned(z: np.ndarray) -> np.ndarray:
    """The way there becomes the way back."""
    return z.imag + 1j * z.real


def costs(crossing: np.ndarray, rates: np.ndarray, jumps: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What modules add to the codelength, and the flow that enters them."""
    visits, start, land = rates
    leaves, enters = crossing.real + start * (1 - land), crossing.imag + land * (jumps - start)
    return plogp(leaves + visits) - plogp(leaves) - plogp(enters), enters


def measure(blocks: Blocks, labels: np.ndarray, number: int) -> Modules:
    """Count the flows of modules 0 to ``number`` − 1."""
    links = blocks.links.tocoo()
    outside = labels[links.row] != labels[links.col]
    source, flow = labels[links.row[outside]], links.data[outside]
    crossing = np.bincount(source, flow.real, number) + 1j * np.bincount(source, flow.imag, number)
    rates = np.stack([np.bincount(labels, rate, number) for rate in blocks.rates])
    block = np.zeros(number, int)
    block[labels] = blocks.block
    _, enters = costs(crossing, rates, blocks.jumps[block])
    return Modules(rates, crossing, block, np.bincount(block, enters, len(blocks.jumps)))


def codelengths(blocks: Blocks, labels: np.ndarray) -> np.ndarray:
    """The map equation of every block, in bits, but for the sum over its nodes, which no partition changes."""
    modules = measure(blocks, labels, int(labels.max()) + 1)
    cost, _ = costs(modules.crossing, modules.rates, blocks.jumps[modules.block])
    return plogp(modules.inflow) + np.bincount(modules.block, cost, len(blocks.jumps))


class Movers(NamedTuple):
    """Nodes that look for a better module."""

    degree: np.ndarray
    """complex: flow along all their links, there and back."""
    rates: np.ndarray
    jumps: np.ndarray
    inflow: np.ndarray
    """Of their block: flow that teleports, flow into modules."""

    def some(self, which: np.ndarray) -> "Movers":
        """With repetition."""
        return Movers(self.degree[which], self.rates[:, which], self.jumps[which], self.inflow[which])


def change(modules: Modules, module: np.ndarray, movers: Movers, met: np.ndarray, sign: int) -> tuple[np.ndarray, ...]:
    """A module's crossing, cost and inflow, once a node joins (+1) or leaves (−1) those that it ``met`` in it."""
    crossing = modules.crossing[module] + sign * (movers.degree - met - turned(met))
    return crossing, *costs(crossing, modules.rates[:, module] + sign * movers.rates, movers.jumps)


def best_moves(
    blocks: Blocks, labels: np.ndarray, modules: Modules, nodes: np.ndarray, rng: np.random.Generator
) -> Moves:
    """For each node with links the neighbouring module, or an empty one, that shortens the code most, if any does.

    The last modules are empty, one for each block.
    """
    rows, block, old = blocks.links[nodes], blocks.block[nodes], labels[nodes]
    shared = rows @ membership(labels, len(modules.crossing))
    degree = np.asarray(rows.sum(axis=1)).ravel()
    movers = Movers(degree, blocks.rates[:, nodes], blocks.jumps[block], modules.inflow[block])

    # An option is a node and a module: for each node its neighbouring modules, then the empty one of its block.
    every = np.arange(len(nodes))
    row = np.append(np.repeat(every, np.diff(shared.indptr)), every)
    new = np.append(shared.indices, len(modules.crossing) - len(blocks.jumps) + block)
    met = np.append(shared.data, np.zeros(len(nodes)))
    own = new == old[row]
    inside = np.zeros(len(nodes), complex)
    inside[row[own]] = met[own]
    cost, enters = costs(modules.crossing, modules.rates, blocks.jumps[modules.block])  # without any move
    left, cost_left, enters_left = change(modules, old, movers, inside, -1)
    joined, cost_joined, enters_joined = change(modules, new, movers.some(row), met, 1)
    saving = (cost[old] - cost_left)[row] + cost[new] - cost_joined
    inflow, total = (enters_left - enters[old])[row] + enters_joined - enters[new], movers.inflow[row]
    gain = np.where(own, -np.inf, saving + plogp(total) - plogp(total + inflow))
    best = best_options(gain, row, shared.indptr, rng)
    moves = Moves(nodes, old, new[best], left, joined[best], inflow[best], saving[best], gain[best])
    return take(moves, gain[best] > LEAST_GAIN)


def best_options(gain: np.ndarray, row: np.ndarray, starts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Index of each row's largest gain; equal ones are chosen from at random, but the empty module comes last."""
    noisy = gain + LEAST_GAIN * rng.random(len(gain))
    rows = len(starts) - 1
    noisy[-rows:] -= LEAST_GAIN
    top = np.maximum(np.maximum.reduceat(noisy[:-rows], starts[:-1]), noisy[-rows:])
    is_top, best = noisy == top[row], np.zeros(rows, int)
    best[row[is_top]] = np.flatnonzero(is_top)
    return best


def membership(labels: np.ndarray, number: int) -> csr_matrix:
    """One row a node, with a 1 in the column of its module."""
    return csr_matrix((np.ones(len(labels)), labels, np.arange(len(labels) + 1)), (len(labels), number))


def take(moves: Moves, which: np.ndarray) -> Moves:
    """Some of the moves."""
    return Moves(*(part[which] for part in moves))


def apart(moves: Moves, modules: Modules, rng: np.random.Generator) -> Moves:
    """As many of the moves, in random order, as do not touch a module twice: what these save adds up, but for one term.

    Where that term spoils the sum, the best move of the block is left.
    """
    turn = rng.permutation(len(moves.node))
    first = np.full(len(modules.crossing), len(turn))
    np.minimum.at(first, moves.old, turn)
    np.minimum.at(first, moves.new, turn)
    moves = take(moves, (first[moves.old] == turn) & (first[moves.new] == turn))
    block, blocks = modules.block[moves.old], len(modules.inflow)
    more, saving = (np.bincount(block, part, blocks) for part in (moves.inflow, moves.saving))
    together = saving + plogp(modules.inflow) - plogp(modules.inflow + more)
    best = np.full(blocks, -np.inf)
    np.maximum.at(best, block, moves.gain)
    return take(moves, (together >= best)[block] | (moves.gain == best[block]))


def sweep(blocks: Blocks, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move single nodes until no move shortens the code of its block."""
    linked = np.diff(blocks.links.indptr) > 0
    active, at_rest = linked.copy(), True
    labels, modules = renumbered(blocks, labels)
    while active.any():
        in_use = int(np.count_nonzero(np.bincount(labels)))
        looking = some_of(np.flatnonzero(active), in_use, rng)
        moves = best_moves(blocks, labels, modules, looking, rng)
        active[looking] = False
        active[moves.node] = True  # also those that shall wait
        moved = apart(moves, modules, rng)
        active[blocks.links[moved.node].indices] = True
        labels[moved.node] = moved.new
        follow(modules, moved, blocks)
        at_rest &= len(moved.node) == 0
        slots = len(modules.crossing) - len(blocks.jumps)
        if in_use < slots // 2 or (moved.new >= slots).any():
            labels, modules = renumbered(blocks, labels)
        if not active.any() and not at_rest:  # what others did to its module may move a node: all have the last word
            active, at_rest = linked.copy(), True
    return np.unique(labels, return_inverse=True)[1]


def some_of(nodes: np.ndarray, modules: int, rng: np.random.Generator) -> np.ndarray:
    """About as many of the nodes as there are modules: of more, most would have to wait for one another."""
    number = max(modules, len(nodes) // 8)
    return nodes if len(nodes) <= number else rng.choice(nodes, number, replace=False)


def renumbered(blocks: Blocks, labels: np.ndarray) -> tuple[np.ndarray, Modules]:
    """Modules in a row, then an empty one for each block."""
    labels = np.unique(labels, return_inverse=True)[1]
    number, empty = int(labels.max()) + 1, len(blocks.jumps)
    modules = measure(blocks, labels, number + empty)
    modules.block[number:] = np.arange(empty)
    return labels, modules


def follow(modules: Modules, moved: Moves, blocks: Blocks) -> None:
    """Write down what modules are after moves that do not touch one twice."""
    rates = blocks.rates[:, moved.node]
    modules.rates[:, moved.old] -= rates
    modules.rates[:, moved.new] += rates
    modules.crossing[moved.old], modules.crossing[moved.new] = moved.left, moved.joined
    np.add.at(modules.inflow, blocks.block[moved.node], moved.inflow)


def aggregate(blocks: Blocks, labels: np.ndarray) -> Blocks:
    """The network whose nodes are the modules."""
    number = int(labels.max()) + 1
    member = membership(labels, number)
    links = (member.T @ blocks.links @ member).tocsr()
    links.setdiag(0)
    links.eliminate_zeros()
    modules = measure(blocks, labels, number)
    return Blocks(links, modules.rates, modules.block, blocks.jumps)


def climb(blocks: Blocks, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sweep, make nodes of the modules, and sweep again, until no module moves."""
    labels = sweep(blocks, labels, rng)
    while True:
        above = aggregate(blocks, labels)
        moved = sweep(above, np.arange(len(above.block)), rng)
        if moved.max() + 1 == len(moved):
            return labels
        labels = moved[labels]


def split_and_climb(blocks: Blocks, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Coarse tuning: divide every module as a network of its own, and move the parts, not the nodes."""
    links = blocks.links.tocoo()
    inside = labels[links.row] == labels[links.col]
    cut = csr_matrix((links.data[inside], (links.row[inside], links.col[inside])), links.shape)
    no_jumps = np.stack([blocks.rates[0], 0 * blocks.rates[0], 0 * blocks.rates[0]])
    part = climb(Blocks(cut, no_jumps, labels, np.zeros(labels.max() + 1)), np.arange(len(labels)), rng)
    whose = np.zeros(part.max() + 1, int)
    whose[part] = labels
    return climb(aggregate(blocks, part), whose, rng)[part]

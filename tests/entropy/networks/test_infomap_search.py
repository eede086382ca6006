"""The search, against the infomap package and against all partitions of small networks."""

from itertools import product

import infomap
import jax
import networkx
import numpy as np
import pytest

from kexue.entropy import (
    directed_flow,
    infomap_search,
    links,
    map_equation,
    move_changes,
    planted_power_law,
    ring_of_cliques,
    undirected_flow,
)
from kexue.entropy.networks import _sweeps
from kexue.entropy.networks.search import _copies

KEY = jax.random.key(0)


def best_of_package(network, **options):
    theirs = infomap.Network()
    for a, b, weight in zip(network.source.tolist(), network.target.tolist(), network.weight.tolist(), strict=True):
        theirs.add_link(a, b, weight)
    return theirs.run(two_level=True, num_trials=10, seed=1, **options).codelength


def exactly(flow, labels):
    with jax.enable_x64(True):
        return float(map_equation(flow, labels))


def karate():
    graph = networkx.karate_club_graph()
    return links(*np.array([(a, b, w) for a, b, w in graph.edges(data="weight")]).T.astype(int))


@pytest.mark.parametrize(
    ("network", "slack"),
    [(karate(), 1e-10), (ring_of_cliques(30, 5)[0], 1e-10), (ring_of_cliques(30, 3)[0], 3e-3)],
    ids=["karate", "cliques", "triangles"],
)
def test_the_code_is_as_short_as_the_package_s(network, slack):
    flow = undirected_flow(network)
    found = infomap_search(KEY, flow)
    assert found.codelength == pytest.approx(best_of_package(network), abs=slack)
    assert found.codelength == pytest.approx(exactly(flow, found.labels), abs=1e-13)
    assert found.codelengths.shape == (10,)
    assert found.codelengths.min() == found.codelength
    masses = np.bincount(found.labels, flow.visits)
    assert (np.diff(masses) <= 1e-15).all()


@pytest.mark.parametrize("mixing", [0.2, 0.5])
def test_planted_networks_are_found_as_well_as_the_package_finds_them(mixing):
    network, community = planted_power_law(jax.random.key(3), 400, mixing)
    flow = undirected_flow(network)
    found = infomap_search(KEY, flow)
    assert found.codelength < 1.001 * best_of_package(network)
    assert found.codelength <= exactly(flow, community) + 1e-12
    assert found.codelength == pytest.approx(exactly(flow, found.labels), abs=1e-12)


@pytest.mark.parametrize("recorded", [False, True])
def test_directed_networks_too(recorded):
    rng = np.random.default_rng(1)
    block = np.repeat(np.arange(4), 10)
    weights = (rng.random((40, 40)) < np.where(block[:, None] == block, 0.4, 0.05)) * rng.integers(1, 4, (40, 40))
    source, target = np.nonzero(weights)
    network = links(source, target, weights[source, target])
    flow = directed_flow(network, recorded=recorded, to="nodes")
    found = infomap_search(KEY, flow)
    theirs = best_of_package(network, directed=True, recorded_teleportation=recorded, to_nodes=True)
    assert found.codelength < 1.0001 * theirs
    assert found.codelength == pytest.approx(exactly(flow, found.labels), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_of_all_partitions_of_seven_nodes_none_is_shorter(seed):
    rng = np.random.default_rng(seed)
    weights = np.triu(rng.random((7, 7)) ** 3, 1)
    flow = undirected_flow(weights + weights.T)
    grown = [[0]]
    for _ in range(6):
        grown = [[*labels, new] for labels in grown for new in range(max(labels) + 2)]
    with jax.enable_x64(True):
        lengths = np.asarray(jax.jit(jax.vmap(lambda labels: map_equation(flow, labels)))(np.array(grown)))
    assert len(grown) == 877
    assert infomap_search(KEY, flow).codelength == pytest.approx(float(lengths.min()), abs=1e-12)


def test_pieces_stay_apart_and_nodes_without_links_stay_alone():
    network = links([0, 1, 2, 3, 4, 5, 6], [1, 2, 0, 4, 5, 3, 3], nodes=9)
    found = infomap_search(KEY, undirected_flow(network))
    assert len({*found.labels[:3]}) == 1
    assert len({*found.labels[3:7]}) == 1
    assert len({*found.labels}) == 4
    complete = undirected_flow(np.ones((6, 6)) - np.eye(6))
    assert infomap_search(KEY, complete).labels.tolist() == [0] * 6


def test_seeds_are_independent_and_repeatable():
    network, _ = planted_power_law(jax.random.key(5), 200, 0.35)
    flow = undirected_flow(network)
    rough = infomap_search(KEY, flow, seeds=8, tune=False)
    again = infomap_search(KEY, flow, seeds=8, tune=False)
    np.testing.assert_array_equal(rough.labels, again.labels)
    assert len({*rough.codelengths.round(9)}) > 1
    tuned = infomap_search(KEY, flow, seeds=8)
    assert tuned.codelengths.mean() < rough.codelengths.mean() - 1e-3
    assert infomap_search(KEY, flow, seeds=1).codelengths.shape == (1,)
    with pytest.raises(ValueError, match="seeds must be at least 1, got 0"):
        infomap_search(KEY, flow, seeds=0)


@pytest.mark.parametrize("recorded", [False, True])
def test_gains_of_a_round_are_what_a_recount_finds(recorded):
    """Moves of single nodes, alone and together, of two copies with different labels."""
    rng = np.random.default_rng(2)
    weights = (rng.random((30, 30)) < 0.2) * rng.random((30, 30))
    blocks = _copies(directed_flow(weights, recorded=recorded), 2)
    labels, modules = _sweeps.renumbered(blocks, np.append(rng.integers(0, 6, 30), 6 + rng.integers(0, 9, 30)))
    before = _sweeps.codelengths(blocks, labels)
    moves = _sweeps.best_moves(blocks, labels, modules, np.flatnonzero(np.diff(blocks.links.indptr)), rng)
    assert len(moves.node) > 20
    for node, new, gain in zip(moves.node, moves.new, moves.gain, strict=True):
        after = np.where(np.arange(60) == node, new, labels)
        saved = before - _recount(blocks, after)
        assert saved[blocks.block[node]] == pytest.approx(gain, abs=1e-12)
        assert saved[1 - blocks.block[node]] == pytest.approx(0, abs=1e-12)
    some = _sweeps.apart(moves, modules, rng)
    touched = np.concatenate([some.old, some.new])
    assert len(some.node) > 2
    assert len({*touched}) == len(touched)
    labels[some.node] = some.new
    _sweeps.follow(modules, some, blocks)
    counted = _sweeps.measure(blocks, labels, len(modules.crossing))
    for ours, theirs in zip(modules[:2] + modules[3:], counted[:2] + counted[3:], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-15)


def _recount(blocks, labels):
    return _sweeps.codelengths(blocks, np.unique(labels, return_inverse=True)[1])


def test_in_single_precision_six_digits_are_right():
    flow = undirected_flow(karate())
    labels = np.arange(34) % 5
    assert map_equation(flow, labels).dtype == move_changes(flow, labels, 3).dtype == np.float32
    assert float(map_equation(flow, labels)) == pytest.approx(exactly(flow, labels), rel=1e-6)


def test_a_path_of_four_is_best_undivided_or_cut_in_the_middle():
    flow = undirected_flow(links([0, 1, 2], [1, 2, 3]))
    best = min(exactly(flow, labels) for labels in product(range(4), repeat=4))
    assert infomap_search(KEY, flow).codelength == pytest.approx(best, abs=1e-12)

"""Flows and the map equation, against the infomap package, plain entropies, and a recount after every move."""

from functools import partial

import infomap
import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from scipy.linalg import eig

from kexue.entropy import (
    Links,
    directed_flow,
    links,
    links_of_matrix,
    map_equation,
    map_equation_terms,
    modularity,
    move_changes,
    ring_of_cliques,
    stationary_distribution,
    undirected_flow,
)
from kexue.entropy.networks.flows import _iterate

N = 14
LABELS = np.arange(N) % 4


@pytest.fixture(autouse=True, scope="module")
def _double():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def matrix():
    """Directed, weighted, with a loop and a node without a way out."""
    rng = np.random.default_rng(0)
    weights = (rng.random((N, N)) < 0.25) * rng.integers(1, 5, (N, N)).astype(float)
    weights[7], weights[3, 3] = 0, 2
    return weights


@pytest.fixture(scope="module")
def flows(matrix):
    kinds = {
        (recorded, to): directed_flow(matrix, 0.2, recorded=recorded, to=to)
        for recorded in (False, True)
        for to in ("links", "nodes")
    }
    return {"undirected": undirected_flow(matrix + matrix.T)} | kinds


def codelength_of_package(matrix, labels, **options):
    """Of this partition, without any search."""
    network = infomap.Network()
    for node in range(len(matrix)):
        network.add_node(node)
    directed = options.get("directed", False)
    for a, b in np.argwhere(matrix):
        if directed or a <= b:
            network.add_link(int(a), int(b), float(matrix[a, b]))
    start = dict(enumerate(labels.tolist()))
    return network.run(two_level=True, no_infomap=True, initial_partition=start, **options).codelength


def entropies(flow, labels):
    """The definition: code books and their use, with teleportation as links of a full matrix."""
    F = np.zeros((len(flow.visits),) * 2)
    np.add.at(F, (flow.source, flow.target), flow.flow)
    F += np.outer(flow.teleport, flow.landing)

    def H(rates):
        rates = np.array([rate for rate in rates if rate > 0])
        return -(rates * np.log2(rates / rates.sum())).sum()  # times its use

    leave = {i: F[labels == i][:, labels != i].sum() for i in set(labels)}
    enter = [F[labels != i][:, labels == i].sum() for i in set(labels)]
    return H(enter) + sum(H([leave[i], *flow.visits[labels == i]]) for i in set(labels))


def test_codelengths_are_those_of_the_package(matrix, flows):
    both = matrix + matrix.T
    assert float(map_equation(flows["undirected"], LABELS)) == pytest.approx(
        codelength_of_package(both, LABELS), abs=1e-10
    )
    for (recorded, to), flow in list(flows.items())[1:]:
        theirs = codelength_of_package(
            matrix,
            LABELS,
            directed=True,
            teleportation_probability=0.2,
            recorded_teleportation=recorded,
            to_nodes=to == "nodes",
        )
        assert float(map_equation(flow, LABELS)) == pytest.approx(theirs, abs=1e-10)


def test_the_defaults_are_the_package_s_defaults(matrix):
    ours = map_equation(directed_flow(matrix), LABELS)
    assert float(ours) == pytest.approx(codelength_of_package(matrix, LABELS, directed=True), abs=1e-10)


@pytest.mark.parametrize("kind", ["undirected", (False, "links"), (False, "nodes"), (True, "links"), (True, "nodes")])
def test_codelengths_and_terms_are_entropies(flows, kind):
    flow = flows[kind]
    assert flow.visits.sum() == pytest.approx(1, abs=1e-13)
    assert flow.flow.sum() + flow.teleport.sum() == pytest.approx(1, abs=1e-13)
    arriving = np.bincount(flow.target, flow.flow, N) + flow.teleport.sum() * flow.landing
    np.testing.assert_allclose(arriving, flow.visits, atol=1e-13)
    for labels in (LABELS, np.zeros(N, int), np.arange(N), np.arange(N) // 5):
        terms = map_equation_terms(flow, labels)
        total = terms.enters + terms.exits.sum() + terms.visits.sum()
        assert float(map_equation(flow, labels)) == pytest.approx(entropies(flow, labels), abs=1e-13)
        assert float(total) == pytest.approx(entropies(flow, labels), abs=1e-13)
    entropy = -(flow.visits[flow.visits > 0] * np.log2(flow.visits[flow.visits > 0])).sum()
    together = map_equation_terms(flow, np.zeros(N, int))
    assert float(together.visits[0]) == pytest.approx(entropy, abs=1e-13)
    assert float(together.enters) == pytest.approx(0, abs=1e-13)
    assert float(together.exits.sum()) == pytest.approx(0, abs=1e-13)


@pytest.mark.parametrize("kind", ["undirected", (False, "links"), (True, "nodes")])
def test_the_change_of_a_move_is_that_of_a_full_recount(flows, kind):
    flow, nodes = flows[kind], np.arange(N)
    table = jax.jit(jax.vmap(lambda node: move_changes(flow, LABELS, node)))(nodes)
    moved = np.where(np.eye(N, dtype=bool)[:, None], nodes[:, None], LABELS)  # (node, to, n)
    recount = jax.jit(jax.vmap(jax.vmap(lambda labels: map_equation(flow, labels))))(moved)
    np.testing.assert_allclose(table, recount - map_equation(flow, LABELS), atol=1e-13)
    assert np.abs(np.asarray(table)).max() > 0.1
    np.testing.assert_array_equal(np.asarray(table)[nodes, LABELS], 0)


def test_a_stationary_distribution_is_the_dominant_eigenvector(matrix):
    landing = np.arange(1, N + 1) / (N * (N + 1) / 2)
    for τ, v in ((0.15, None), (0.5, landing)):
        spread = np.full(N, 1 / N) if v is None else v
        P = np.where(matrix.sum(1, keepdims=True) > 0, matrix / np.maximum(matrix.sum(1, keepdims=True), 1), spread)
        values, vectors = eig(((1 - τ) * P + τ * spread).T)
        expected = np.real(vectors[:, np.argmax(values.real)])
        ours = stationary_distribution(links_of_matrix(matrix), τ, v)
        np.testing.assert_allclose(ours, expected / expected.sum(), atol=1e-15)


def test_a_stationary_distribution_at_many_rates_at_once(matrix):
    network, τs = links_of_matrix(matrix), jnp.array([0.05, 0.15, 0.9])
    many = jax.jit(jax.vmap(lambda τ: stationary_distribution(network, τ)))(τs)
    for row, τ in zip(many, τs, strict=True):
        np.testing.assert_allclose(row, stationary_distribution(network, τ), atol=1e-14)
    single = Links(network.source, network.target, network.weight.astype(np.float32), network.nodes)
    assert stationary_distribution(single).dtype == jnp.float32
    np.testing.assert_allclose(stationary_distribution(single), many[1], atol=1e-6)


def test_the_second_call_compiles_nothing(matrix):
    directed_flow(matrix, 0.3)
    before = _iterate._cache_size()
    directed_flow(matrix, 0.4)
    assert _iterate._cache_size() == before > 0


def test_a_ring_has_closed_forms():
    """Flow out of a clique: 2 of m(k(k−1)+2); of a pair of cliques the same."""
    m, k = 30, 3
    network, clique = ring_of_cliques(m, k)
    flow, q, h = undirected_flow(network), 2 / (m * (k * (k - 1) + 2)), lambda x: x * np.log2(x)
    names = 2 * m * h(k / (m * (k * (k - 1) + 2))) + m * (k - 2) * h((k - 1) / (m * (k * (k - 1) + 2)))
    for joined, modules in ((1, m), (2, m // 2)):
        L = h(modules * q) - 2 * modules * h(q) - names + modules * h(q + joined / m)
        assert float(map_equation(flow, clique // joined)) == pytest.approx(L, abs=1e-13)
        Q = 1 - 2 / (joined * (k * (k - 1) + 2)) - joined / m
        assert float(modularity(flow, clique // joined)) == pytest.approx(Q, abs=1e-13)


def test_modularity_is_that_of_networkx(matrix):
    weights = matrix + matrix.T
    np.fill_diagonal(weights, 0)
    graph = networkx.from_numpy_array(weights)
    theirs = networkx.community.modularity(graph, [{*np.flatnonzero(i == LABELS).tolist()} for i in range(4)])
    assert float(modularity(undirected_flow(weights), LABELS)) == pytest.approx(theirs, abs=1e-14)


def test_a_network_in_pieces_and_a_node_without_links_work():
    flow = undirected_flow(links([0, 1, 2, 3, 4, 5], [1, 2, 0, 4, 5, 3], nodes=7))
    assert flow.visits[6] == 0
    apart = map_equation(flow, [0, 0, 0, 1, 1, 1, 2])
    assert float(apart) == pytest.approx(np.log2(3), abs=1e-14)  # no name is ever written but those of three nodes
    assert float(map_equation(flow, np.zeros(7, int))) == pytest.approx(np.log2(6), abs=1e-14)


def test_kinds_of_input(flows):
    flow = flows["undirected"]
    expected = float(map_equation(flow, LABELS))
    for labels in (LABELS.tolist(), LABELS.astype(np.int8), jnp.asarray(LABELS), LABELS.astype(np.uint32)):
        assert float(map_equation(flow, labels)) == pytest.approx(expected, abs=1e-14)
    assert float(jax.jit(map_equation)(flow, LABELS)) == pytest.approx(expected, abs=1e-14)
    slope = jax.grad(lambda along: map_equation(flow.__class__(*_parts(flow)[:3], along, *_parts(flow)[4:]), LABELS))
    assert np.isfinite(slope(jnp.asarray(flow.flow))).all()


def _parts(flow):
    return jax.tree.leaves(flow)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:-1], rf"a module for each of the {N} nodes, got shape \(13,\): node 13 has none"),
        (np.append(LABELS, 0), rf"a module for each of the {N} nodes, got shape \(15,\)"),
        (LABELS * 1.0, "labels must be integers, got float64"),
        (LABELS > 1, "labels must be integers, got bool"),
        (np.where(np.arange(N) == 5, -1, LABELS), rf"labels must be in \[0, {N}\), got -1 for node 5"),
        (LABELS + N, rf"labels must be in \[0, {N}\), got 14 for node 0"),
    ],
)
def test_bad_partitions_are_refused_in_one_sentence(flows, labels, message):
    for function in (map_equation, map_equation_terms, modularity, partial(move_changes, node=0)):
        with pytest.raises(ValueError, match=message):
            function(flows["undirected"], labels)


def test_bad_numbers_are_refused_in_one_sentence(matrix, flows):
    with pytest.raises(ValueError, match=r"node must be in \[0, 14\), got 14"):
        move_changes(flows["undirected"], LABELS, 14)
    for bad in (0.0, 1.0, -0.1):
        with pytest.raises(ValueError, match=r"teleportation must be in \(0, 1\)"):
            directed_flow(matrix, bad)
        with pytest.raises(ValueError, match=r"teleportation must be in \(0, 1\)"):
            stationary_distribution(links_of_matrix(matrix), bad)
    with pytest.raises(ValueError, match="to='anywhere' is not allowed: it must be 'links' or 'nodes'"):
        directed_flow(matrix, to="anywhere")
    with pytest.raises(ValueError, match="landing must have one entry for each of the 14 nodes"):
        stationary_distribution(links_of_matrix(matrix), landing=np.ones(3) / 3)

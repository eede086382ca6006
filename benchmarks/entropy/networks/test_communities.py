"""The map equation beside the infomap package: a given partition, and the search from ten starts.

The benchmark graph of Lancichinetti, Fortunato and Radicchi with 5,000 nodes and 49,000 links, and its planted partition.
"""

from time import perf_counter

import jax
import networkx
import numpy as np
import pytest

from kexue.entropy import infomap_search, links, map_equation, undirected_flow

infomap = pytest.importorskip("infomap")


def timed(call):
    before = perf_counter()
    result = call()
    return perf_counter() - before, result


@pytest.fixture(scope="module")
def graph():
    drawn = networkx.LFR_benchmark_graph(
        5000, 2.5, 1.5, 0.4, average_degree=15, max_degree=100, min_community=30, max_community=300, seed=5
    )
    drawn.remove_edges_from(networkx.selfloop_edges(drawn))
    first = np.array([min(drawn.nodes[node]["community"]) for node in range(5000)])
    return np.array(drawn.edges()), np.unique(first, return_inverse=True)[1]


@pytest.fixture(scope="module")
def ours(graph):
    with jax.enable_x64(True):
        flow = jax.device_put(undirected_flow(links(*graph[0].T)))
        length, labels = jax.jit(lambda labels: map_equation(flow, labels)), jax.numpy.asarray(graph[1])

    def codelength():
        with jax.enable_x64(True):
            return jax.block_until_ready(length(labels))

    return {"codelength": codelength, "search": lambda: infomap_search(jax.random.key(0), flow).codelength}


@pytest.fixture(scope="module")
def theirs(graph):
    network = infomap.Network()
    network.add_links(graph[0])
    start = dict(enumerate(graph[1].tolist()))
    return {
        "codelength": lambda: network.run(two_level=True, no_infomap=True, initial_partition=start).codelength,
        "search": lambda: network.run(two_level=True, num_trials=10, seed=1).codelength,
    }


@pytest.mark.benchmark(group="map equation of one partition, 5,000 nodes and 49,000 links")
@pytest.mark.parametrize(
    "who", [pytest.param("ours", id="kexue.entropy.map_equation"), pytest.param("theirs", id="infomap, no search")]
)
def test_codelength(measure, request, who):
    measure(request.getfixturevalue(who)["codelength"], tolerance=1e-11)


FOUND: dict[str, tuple[float, float]] = {}


@pytest.mark.benchmark(group="search for the shortest code, best of ten seeds, 5,000 nodes and 49,000 links")
@pytest.mark.parametrize(
    "who", [pytest.param("ours", id="kexue.entropy.infomap_search"), pytest.param("theirs", id="infomap, ten trials")]
)
def test_search(benchmark, request, who):
    """Ours takes seconds: one round, and not again beside the peer."""
    search = request.getfixturevalue(who)["search"]
    seconds, found = timed(search)
    ours, reference = FOUND.setdefault("ours", (seconds, found))
    difference = (found - reference) / reference
    assert difference > -1e-3, "ours is longer by more than a thousandth"
    benchmark.pedantic(search, rounds=1)
    ratio = benchmark.stats.stats.median / ours
    benchmark.extra_info.update(first_call=seconds, difference=difference, ours=ours, ratio=ratio)

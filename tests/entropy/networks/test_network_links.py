"""Networks as arrays, drawn and made by rule, and what is refused."""

import jax
import networkx
import numpy as np
import pytest

from kexue.entropy import links, links_of_matrix, planted_power_law, ring_of_cliques, undirected_flow


def test_a_ring_is_that_of_networkx():
    network, clique = ring_of_cliques(5, 4)
    ours = {tuple(sorted(pair)) for pair in zip(network.source.tolist(), network.target.tolist(), strict=True)}
    theirs = networkx.ring_of_cliques(5, 4)
    assert len(ours) == len(network.weight) == theirs.number_of_edges()
    assert networkx.is_isomorphic(networkx.Graph(list(ours)), theirs)
    inside = [clique[a] == clique[b] for a, b in ours]
    assert sum(inside) == 5 * 6


def test_lists_matrices_and_integers():
    matrix = [[0, 2, 0], [0, 0, 1], [3, 0, 0]]
    by_arrays, by_matrix = links([0, 1, 2], [1, 2, 0], [2, 1, 3]), links_of_matrix(matrix)
    for network in (by_arrays, by_matrix, links_of_matrix(np.array(matrix, np.int8))):
        rebuilt = np.zeros((3, 3))
        np.add.at(rebuilt, (network.source, network.target), network.weight)
        np.testing.assert_array_equal(rebuilt, matrix)
    assert links([0, 1], [1, 2], [1.0, 0.0], nodes=7).nodes == 7
    assert len(links([0, 1], [1, 2], [1.0, 0.0]).weight) == 1


@pytest.mark.parametrize("mixing", [0.0, 0.4, 1.0])
def test_planted_networks_are_what_was_asked_for(mixing):
    shares, degrees = [], []
    for seed in range(4):
        network, community = planted_power_law(jax.random.key(seed), 500, mixing, degrees=(8, 40), sizes=(30, 70))
        sizes = np.bincount(community)
        assert sizes.sum() == 500
        assert sizes.min() >= 20 and sizes.max() <= 80
        assert np.all(network.source < network.target)  # neither loops nor links listed twice
        assert len({*zip(network.source.tolist(), network.target.tolist(), strict=True)}) == len(network.weight)
        shares.append(np.mean(community[network.source] != community[network.target]))
        degrees.append(2 * len(network.weight) / 500)
    k = np.arange(8, 41)
    expected = (k * k**-2.5).sum() / (k**-2.5).sum()
    assert np.mean(degrees) == pytest.approx(expected, rel=0.1)
    assert np.mean(shares) == pytest.approx(mixing, abs=0.04)
    assert mixing not in (0, 1) or set(shares) == {mixing}
    assert (np.bincount(network.source, minlength=500) + np.bincount(network.target, minlength=500)).max() > 20


def test_planted_networks_follow_their_key():
    one, other, again = (planted_power_law(jax.random.key(seed), 100, 0.3)[0].source for seed in (0, 1, 0))
    np.testing.assert_array_equal(one, again)
    assert len(one) != len(other) or (one != other).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: links([0, 1], [1, 0], [1.0, -2.0]), r"weight must be at least 0 .* got -2.0 for the link 1 to 0"),
        (lambda: links([0], [1], [np.nan]), "weight must be at least 0 and finite, got nan"),
        (lambda: links([], []), "at least one link"),
        (lambda: links([0], [1], [0.0]), "at least one link of positive weight, got none"),
        (lambda: links([0.5], [1]), "source must be a row of integers"),
        (lambda: links([0], [-1]), "target must be at least 0, got -1"),
        (lambda: links([0, 1], [1]), "one entry for each link"),
        (lambda: links([0], [4], nodes=4), "nodes must exceed the largest node of a link, 4, got 4"),
        (lambda: links_of_matrix(np.zeros((3, 3))), "at least one link"),
        (lambda: links_of_matrix(np.ones((2, 3))), "matrix must be a non-empty square"),
        (lambda: undirected_flow([[0, 1], [2, 0]]), "symmetric to be undirected, got 1.0 from 0 to 1 and 2.0 back"),
        (lambda: undirected_flow([[0, -1], [-1, 0]]), "weight must be at least 0"),
        (lambda: ring_of_cliques(2, 5), "cliques must be at least 3, got 2"),
        (lambda: ring_of_cliques(3, 1), "size must be at least 2, got 1"),
        (lambda: planted_power_law(jax.random.key(0), 300, 1.2), r"mixing must be in \[0, 1\], got 1.2"),
        (lambda: planted_power_law(jax.random.key(0), 30, 0.2), "nodes must be at least the largest size, 60, got 30"),
        (lambda: planted_power_law(jax.random.key(0), 300, 0.2, degrees=(9, 5)), "degrees must be"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(call, message):
    with pytest.raises(ValueError, match=message):
        call()

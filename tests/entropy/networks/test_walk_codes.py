"""Huffman codes of both levels, against entropies, brute force and a walk that is really written down."""

import jax
import numpy as np
import pytest

from kexue.entropy import (
    decode_walk,
    directed_flow,
    encode_walk,
    huffman_code,
    links,
    map_equation,
    planted_power_law,
    random_walk,
    ring_of_cliques,
    two_level_code,
    undirected_flow,
)


def test_huffman_s_words_are_a_prefix_code_and_the_shortest():
    rng = np.random.default_rng(0)
    for size in (2, 3, 4, 5):
        for _ in range(10):
            weights = rng.random(size) ** 3
            words = huffman_code(weights)
            assert not any(a != b and b.startswith(a) for a in words for b in words)
            assert sum(2.0 ** -len(word) for word in words) == pytest.approx(1)
            mean = sum(w * len(word) for w, word in zip(weights, words, strict=True))
            p = weights / weights.sum()
            assert -(p * np.log2(p)).sum() <= mean / weights.sum() + 1e-12 < 1 - (p * np.log2(p)).sum()
            lengths = np.stack(np.meshgrid(*[np.arange(1, size)] * size), -1).reshape(-1, size)
            possible = lengths[(2.0**-lengths).sum(1) <= 1 + 1e-12]
            assert mean == pytest.approx((possible @ weights).min())


def test_what_never_happens_has_no_word():
    assert huffman_code([0, 3, 0]) == [None, "", None]
    assert huffman_code([]) == []
    assert huffman_code([1, 1, 1, 1]) == huffman_code(np.ones(4, np.int8))
    with pytest.raises(ValueError, match="weights must be a row of finite numbers of at least 0"):
        huffman_code([1, -1])


@pytest.fixture(scope="module")
def planted():
    network, community = planted_power_law(jax.random.key(0), 200, 0.2)
    return undirected_flow(network), community


def test_a_walk_is_read_back_and_costs_what_was_expected(planted):
    flow, community = planted
    code = two_level_code(flow, community)
    walk = np.asarray(random_walk(jax.random.key(1), flow, 40_000))
    bits = encode_walk(code, walk)
    assert decode_walk(code, bits) == walk.tolist()
    assert len(bits) / len(walk) == pytest.approx(code.bits, abs=0.05)
    L = float(map_equation(flow, community))
    q = sum(f for a, b, f in zip(flow.source, flow.target, flow.flow, strict=True) if community[a] != community[b])
    assert L <= code.bits < L + 1 + 2 * q
    assert code.bits < two_level_code(flow, np.zeros(200, int)).bits


def test_one_module_is_one_huffman_code(planted):
    flow, _ = planted
    code = two_level_code(flow, np.zeros(200, int))
    assert code.nodes == huffman_code(flow.visits)
    assert (code.enters, code.exits) == ([None], [None])
    assert len(encode_walk(code, [0, 1])) == len(code.nodes[0]) + len(code.nodes[1])


def test_recorded_teleportation_is_coded_too():
    flow = directed_flow([[0, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]], recorded=True, to="nodes")
    code = two_level_code(flow, [0, 0, 1, 1])
    q = 0.15 / 2  # out of each module half of the teleportations lead to the other; four names, an exit of 1 in 8
    assert code.bits == pytest.approx(q * 1 + q * 2 + (1 / 4 + 1 / 4) * 1 + (1 / 4 + 1 / 4) * 2)
    assert decode_walk(code, encode_walk(code, [0, 1, 2, 3, 0])) == [0, 1, 2, 3, 0]


def test_a_walk_uses_links_by_their_weight():
    network = links([0, 0, 1, 3], [1, 2, 2, 4], [1, 3, 2, 1])
    flow = undirected_flow(network)
    walks = np.asarray(jax.vmap(lambda key: random_walk(key, flow, 400))(jax.random.split(jax.random.key(0), 200)))
    steps = np.zeros((5, 5))
    np.add.at(steps, (walks[:, :-1].ravel(), walks[:, 1:].ravel()), 1)
    expected = np.zeros((5, 5))
    np.add.at(expected, (flow.source, flow.target), flow.flow / flow.visits[flow.source])
    np.testing.assert_allclose(steps / steps.sum(1, keepdims=True), expected, atol=0.02)
    assert ((steps > 0) == (expected > 0)).all()
    starts = np.bincount(walks[:, 0], minlength=5) / 200
    np.testing.assert_allclose(starts, flow.visits, atol=0.1)


def test_bad_walks_and_bits_are_refused_in_one_sentence():
    flow = undirected_flow(ring_of_cliques(4, 4)[0])
    code = two_level_code(flow, np.arange(16) // 4)
    with pytest.raises(ValueError, match="bits must end with the name of a node, got a rest of '0'"):
        decode_walk(code, encode_walk(code, [0, 1]) + "0")
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        random_walk(jax.random.key(0), flow, 0)
    pieces = two_level_code(undirected_flow(links([0, 1, 2, 3, 4, 5], [1, 2, 0, 4, 5, 3])), [0, 0, 0, 1, 1, 1])
    with pytest.raises(ValueError, match="walk must only do what the flow of the code does"):
        encode_walk(pieces, [0, 1, 3])

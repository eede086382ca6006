"""The layer: its constraints, its gradients, and that it learns what transitions are for."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.language import LinearChainCRF, bmes_grammar, crf_log_z, crf_marginals
from kexue.training import train

H = np.random.default_rng(0).normal(0, 2, (6, 4)).astype(np.float32)


def test_a_new_layer_counts_the_legal_sequences():
    crf = LinearChainCRF(4, **bmes_grammar()._asdict())
    for n in (1, 2, 6):  # each gap between two characters is a cut or not
        np.testing.assert_allclose(crf.log_z(np.zeros((n, 4))), (n - 1) * np.log(2), atol=1e-6)
    np.testing.assert_allclose(crf.log_z(np.zeros((6, 4)), 3, "tree"), 2 * np.log(2), rtol=1e-6)


def test_the_layer_is_its_functions_with_scores_of_minus_infinity():
    legal, first, last = bmes_grammar()
    crf = LinearChainCRF(4, legal=legal, legal_start=first, legal_end=last)
    crf = eqx.tree_at(lambda c: (c.transitions, c.start), crf, (jnp.eye(4), jnp.arange(4.0)))
    scores = {
        "transitions": np.where(legal, np.eye(4), -np.inf),
        "start": np.where(first, np.arange(4.0), -np.inf),
        "end": np.where(last, 0, -np.inf),
    }
    np.testing.assert_allclose(crf.log_z(H, 4), crf_log_z(H, **scores, length=4), rtol=1e-6)
    for found, expected in zip(crf.marginals(H), crf_marginals(H, **scores), strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-6)
    tags, best = crf.viterbi(H)
    few, found = crf.k_best(H, 40)
    assert few[0].tolist() == tags.tolist() and found[0] == best
    assert np.isfinite(found).sum() == 2**5  # all legal sequences, and no other
    np.testing.assert_allclose(jax.nn.logsumexp(found), crf.log_z(H), rtol=1e-6)
    np.testing.assert_allclose(crf.nll(H, tags), crf.log_z(H) - best, rtol=1e-5)
    drawn = np.asarray(crf.sample(jax.random.key(0), H, 200))
    assert {tuple(path) for path in drawn.tolist()} <= {tuple(path) for path in few.tolist()}


def test_forbidden_steps_have_no_gradient_and_nothing_is_nan():
    crf = LinearChainCRF(4, **bmes_grammar()._asdict())
    slope = eqx.filter_grad(lambda crf: crf.nll(H, np.array([0, 2, 3, 0, 1, 2])))(crf)
    assert slope.legal is None and all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))
    assert not np.any(slope.transitions[~bmes_grammar().legal]) and not np.any(slope.start[jnp.array([1, 2])])
    assert np.all(slope.transitions[bmes_grammar().legal] != 0)


def test_training_recovers_the_transitions_of_a_chain():
    """Tags drawn from a Markov chain, emissions of zero: the softmax over sequences can become that chain."""
    chain = np.array([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9], [0.3, 0.4, 0.3]])
    draw, tags = np.random.default_rng(0), np.zeros((256, 12), int)
    tags[:, 0] = draw.integers(0, 3, 256)
    for t in range(1, 12):
        tags[:, t] = (draw.uniform(size=(256, 1)) > np.cumsum(chain, 1)[tags[:, t - 1]]).sum(1)
    loss = lambda crf: jnp.mean(jax.vmap(crf.nll, (None, 0))(jnp.zeros((12, 3)), jnp.asarray(tags)))  # noqa: E731
    with jax.numpy_dtype_promotion("standard"):  # optax raises floats to integer powers
        crf = jax.jit(lambda crf: train(loss, crf, optax.adam(0.1), 200).params)(LinearChainCRF(3))
    pairs = crf.marginals(np.zeros((12, 3)))[1]
    found = np.asarray(pairs.sum(0) / pairs.sum((0, 2))[:, None])
    counts = np.zeros((3, 3))
    np.add.at(counts, (tags[:, :-1], tags[:, 1:]), 1)
    np.testing.assert_allclose(found, counts / counts.sum(1, keepdims=True), atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tags": 0}, "tags must be at least 1, got 0"),
        ({"tags": 3, "legal": np.ones((4, 4), bool)}, r"legal must hold truth values of shape \(3, 3\), got bool of"),
        ({"tags": 2, "legal": np.ones((2, 2))}, "legal must hold truth values of shape .*, got float64"),
        ({"tags": 2, "legal_start": [False, False]}, "legal_start must allow something, got False everywhere"),
        ({"tags": 2, "legal_end": [True]}, r"legal_end must hold truth values of shape \(2,\)"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        LinearChainCRF(**arguments)

"""The step by hand against autodiff of the loss as it is written."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.optimizers.methods.skipgram import skipgram_step

WORDS, DIM, BATCH, NEGATIVES = 7, 4, 12, 3  # more pairs than words: every row occurs several times


def tables(dtype=jnp.float32):
    rng = np.random.default_rng(0)
    return tuple(jnp.asarray(rng.standard_normal((WORDS, DIM)), dtype) for _ in range(2))


def ids(seed=1):
    rng = np.random.default_rng(seed)
    return tuple(jnp.asarray(rng.integers(0, WORDS, shape)) for shape in (BATCH, BATCH, (BATCH, NEGATIVES)))


def loss(pair, centre, target, negatives):
    embed_in, embed_out = pair
    h = embed_in[centre]
    near = jnp.sum(h * embed_out[target], axis=1)
    far = jnp.einsum("bd,bkd->bk", h, embed_out[negatives])
    return -jnp.sum(jax.nn.log_sigmoid(near)) - jnp.sum(jax.nn.log_sigmoid(-far))


def test_is_the_gradient():
    with jax.enable_x64(True):
        pair = tables(jnp.float64)
        slopes = jax.grad(loss)(pair, *ids())
        for moved, table, slope in zip(skipgram_step(*pair, *ids(), 0.3), pair, slopes, strict=True):
            np.testing.assert_allclose(moved, table - 0.3 * slope, rtol=1e-12)


def test_jit_vmap_and_dtypes():
    pair = tables()
    eager = skipgram_step(*pair, *ids(), 0.3)
    together = jax.jit(jax.vmap(lambda rate: skipgram_step(*pair, *ids(), rate)))(jnp.array([0.0, 0.3]))
    for table, alone, both in zip(pair, eager, together, strict=True):
        np.testing.assert_allclose(both, jnp.stack([table, alone]), rtol=1e-5, atol=1e-6)
    for alone, half in zip(eager, skipgram_step(*tables(jnp.bfloat16), *ids(), 0.3), strict=True):
        assert half.dtype == jnp.bfloat16
        np.testing.assert_allclose(half.astype(jnp.float32), alone, atol=0.1)


def test_only_rows_of_the_batch_move_and_an_empty_batch_moves_none():
    pair = tables()
    for moved, table, row in zip(
        skipgram_step(*pair, jnp.array([2]), jnp.array([3]), jnp.array([[5, 5]]), 1.0), pair, ({2}, {3, 5}), strict=True
    ):
        assert set(np.flatnonzero(np.any(np.asarray(moved != table), axis=1))) == row
    none = jnp.zeros(0, int), jnp.zeros(0, int), jnp.zeros((0, 2), int)
    for moved, table in zip(skipgram_step(*pair, *none, 1.0), pair, strict=True):
        np.testing.assert_array_equal(moved, table)


def test_an_id_beyond_the_last_shows():
    pair = tables()
    embed_in, embed_out = skipgram_step(*pair, jnp.array([1, 2]), jnp.array([0, WORDS]), jnp.array([[3], [4]]), 1.0)
    assert set(np.flatnonzero(np.isnan(embed_in).any(axis=1))) == {2}
    assert not np.isnan(embed_in[1]).any() and not np.isnan(embed_out[0]).any()


@pytest.mark.parametrize(
    "change, error, words",
    [
        ({"centre": jnp.ones(BATCH)}, TypeError, "centre must hold integers"),
        ({"negatives": jnp.ones((BATCH, 2))}, TypeError, "negatives must hold integers"),
        ({"embed_out": jnp.ones((WORDS, 2))}, ValueError, "embed_in and embed_out must be two tables alike"),
        ({"target": jnp.zeros(3, int)}, ValueError, r"must have shapes \(b,\), \(b,\) and \(b, k\)"),
        ({"learning_rate": -1.0}, ValueError, "learning_rate must be at least 0 and finite, got -1.0"),
    ],
)
def test_bad_input(change, error, words):
    step = getattr(skipgram_step, "__wrapped__", skipgram_step)  # past the checks of shapes that only tests make
    names = ("embed_in", "embed_out", "centre", "target", "negatives")
    good = dict(zip(names, (*tables(), *ids()), strict=True)) | {"learning_rate": 0.1}
    with pytest.raises(error, match=words):
        step(**(good | change))

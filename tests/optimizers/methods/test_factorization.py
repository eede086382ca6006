"""The factors against scikit-learn's NMF, the information against NumPy, and both on tables that are hard."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jax.test_util import check_grads
from sklearn.decomposition import NMF
from sklearn.metrics import mutual_info_score

from kexue.optimizers.methods.factorization import factor_second_moment, mutual_information


def gamma(seed, shape=(12, 9)):
    return np.random.default_rng(seed).gamma(0.7, size=shape)


def divergence(table, approximation):
    inside = table > 0
    return (table[inside] * np.log(table[inside] / approximation[inside])).sum() - table.sum() + approximation.sum()


@pytest.mark.parametrize("shape", [(12, 9), (3, 5), (1, 4)])
def test_the_factors_are_those_of_nmf(shape):
    table = gamma(0, shape)
    model = NMF(1, beta_loss="kullback-leibler", solver="mu", init="random", random_state=0, tol=0, max_iter=200)
    best = model.fit_transform(table) @ model.components_
    with jax.enable_x64(True):
        row, column = map(np.asarray, factor_second_moment(table))
    np.testing.assert_allclose(np.outer(row, column), best, rtol=1e-6)
    np.testing.assert_allclose(row, table.sum(1), rtol=1e-14)
    np.testing.assert_allclose(row.sum() * column, table.sum(0), rtol=1e-14)


def test_no_other_product_is_closer():
    table, rng = gamma(1), np.random.default_rng(2)
    with jax.enable_x64(True):
        row, column = map(np.asarray, factor_second_moment(table))
    least = divergence(table, np.outer(row, column))
    for _ in range(50):
        near = np.outer(row * np.exp(0.01 * rng.normal(size=12)), column * np.exp(0.01 * rng.normal(size=9)))
        assert divergence(table, near) > least


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 7), columns=st.integers(1, 7), zeros=st.booleans())
def test_information_is_the_least_divergence_over_the_sum(seed, rows, columns, zeros):
    table = gamma(seed, (rows, columns))
    if zeros and table.size > 2:
        table[np.unravel_index(table.argsort(None)[: table.size // 2], table.shape)] = 0
    with jax.enable_x64(True):
        row, column = map(np.asarray, factor_second_moment(table))
        information = float(mutual_information(table))
    assert information == pytest.approx(divergence(table, np.outer(row, column)) / table.sum(), abs=1e-12)
    assert -1e-12 <= information <= np.log(min(rows, columns)) + 1e-12


def test_information_of_counts_is_scikit_learn_s():
    counts = np.array([[3, 1, 0], [2, 0, 5]])
    labels = [(i, j) for i in range(2) for j in range(3) for _ in range(counts[i, j])]
    assert float(mutual_information(counts)) == pytest.approx(mutual_info_score(*zip(*labels, strict=True)), rel=1e-5)
    assert float(mutual_information(counts.tolist())) == float(mutual_information(counts))


def test_information_of_rank_one_is_zero_in_float32_at_any_scale():
    table = np.outer(gamma(3)[0], gamma(4)[0]).astype(np.float32)
    for scale in (1e-30, 1.0, 1e30):
        assert abs(float(mutual_information(table * np.float32(scale)))) < 1e-6
        assert float(mutual_information(np.float32(scale) * np.eye(4, dtype=np.float32))) == pytest.approx(
            np.log(4), rel=1e-6
        )


def test_leading_axes_hold_separate_tables():
    tables = np.stack([gamma(5), gamma(6)])
    row, column = factor_second_moment(tables)
    assert row.shape == (2, 12) and column.shape == (2, 9)
    np.testing.assert_allclose(mutual_information(tables), [mutual_information(t) for t in tables], rtol=1e-6)
    np.testing.assert_allclose(jax.jit(jax.vmap(mutual_information))(tables), mutual_information(tables), rtol=1e-6)


def test_derivative_is_finite_where_entries_are_positive():
    with jax.enable_x64(True):
        table = jnp.asarray(0.5 + gamma(7, (3, 4)))
        check_grads(mutual_information, (table,), order=1, modes=["rev"])


@pytest.mark.parametrize("function", [factor_second_moment, mutual_information])
@pytest.mark.parametrize(
    "table, message",
    [
        (np.ones(3), "table must have rows and columns, got shape"),
        ([[1.0, -1.0], [2.0, 3.0]], "table must hold finite numbers of at least 0"),
        ([[1.0, np.nan], [2.0, 3.0]], "table must hold finite numbers of at least 0"),
        (np.full((2, 2), np.inf), "table must hold finite numbers of at least 0"),
        (np.zeros((2, 3)), "table must have a positive sum"),
        (np.zeros((0, 3)), "table must have a positive sum"),
        (np.stack([np.ones((2, 2)), np.zeros((2, 2))]), "table must have a positive sum"),
    ],
)
def test_bad_tables(function, table, message):
    with pytest.raises(ValueError, match=message):
        function(table)

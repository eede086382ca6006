"""Tables that need no network: their contents, their cards, their splits."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import TypeCheckError
from sklearn.datasets import load_diabetes

from kexue import data, parallel

BUNDLED = ("diabetes", "breast_cancer", "wine", "digits")


@pytest.mark.parametrize("name", BUNDLED)
def test_the_card_says_what_the_table_holds(name):
    table = getattr(data, name)()
    card = next(card for card in data.cards() if card.name == name)
    rows, columns = table.inputs.shape
    assert card.size.startswith(f"{rows:,} rows × {columns} columns, ")
    assert table.targets.shape == (rows,) and len(table) == rows and len(table.names) == columns
    if table.classes:
        assert f"{len(table.classes)} classes" in card.size
        counts = np.bincount(table.targets)
        assert len(counts) == len(table.classes) and counts.min() > 0
        stated = re.findall(r"\d+", card.size.partition("classes")[2])
        assert stated in ([], [str(count) for count in counts])


def test_each_public_data_set_has_one_card_in_order_and_each_card_is_complete():
    cards = data.cards()
    helpers = {"Card", "Reviews", "Table", "cards", "clauses", "folder", "split"}
    assert sorted(card.name for card in cards) == sorted(set(data.__all__) - helpers)
    for card in cards:
        for field, text in card._asdict().items():
            assert text and text == text.strip() and "\n" not in text, (card.name, field)
    licences = {card.name: card.licence for card in cards}
    assert licences["mnist"].startswith("CC BY-SA 3.0")
    assert {licences[name] for name in ("breast_cancer", "wine", "digits")} == {"CC BY 4.0"}
    assert "none stated" in licences["diabetes"]


def test_diabetes_in_units_and_standardised():
    table = data.diabetes()
    np.testing.assert_array_equal(table.inputs[0], np.float32([59, 2, 32.1, 101, 157, 93.2, 38, 4, 4.8598, 87]))
    assert (table.targets[0], table.targets.min(), table.targets.max()) == (151, 25, 346)
    # scikit-learn distributes a second file in which each column has mean 0 and sum of squares 1.
    scaled = load_diabetes(scaled=True).data * np.sqrt(len(table))
    np.testing.assert_allclose(data.diabetes(standardize=True).inputs, scaled, atol=1e-5)
    np.testing.assert_array_equal(data.diabetes(standardize=True).targets, table.targets)


@pytest.mark.parametrize("name", BUNDLED)
def test_standardised_columns_have_mean_0_and_variance_1_or_never_change(name):
    raw, table = getattr(data, name)(), getattr(data, name)(standardize=True)
    inputs = np.asarray(table.inputs, np.float64)
    constant = np.ptp(np.asarray(raw.inputs), axis=0) == 0
    assert constant.sum() == (3 if name == "digits" else 0)
    assert not inputs[:, constant].any()
    np.testing.assert_allclose(inputs.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(inputs[:, ~constant].std(axis=0), 1, rtol=1e-6)


def test_wine_is_badly_scaled_and_digits_are_images():
    deviations = data.wine().inputs.std(axis=0)
    assert data.wine().names[int(deviations.argmax())] == "proline"
    assert 2000 < deviations.max() / deviations.min() < 3000
    digits = data.digits()
    assert (digits.inputs.min(), digits.inputs.max()) == (0, 16)
    # The first image is a zero: dark ring, empty middle.
    first = digits.inputs[0].reshape(8, 8)
    assert digits.classes[digits.targets[0]] == "0" and first[3:5, 3:5].max() == 0 and first[3:5, 1:7].max() >= 8


def test_dtypes_follow_the_precision_of_jax():
    assert data.diabetes().inputs.dtype == data.diabetes().targets.dtype == jnp.float32
    assert data.wine().targets.dtype == jnp.int32
    with jax.enable_x64(True):
        table = data.diabetes(standardize=True)
        assert table.inputs.dtype == table.targets.dtype == jnp.float64
        np.testing.assert_allclose(table.inputs.std(axis=0), 1, rtol=1e-13)
        assert data.wine().targets.dtype == jnp.int32


def test_a_table_is_a_pytree_of_its_two_arrays():
    table = data.wine()
    assert len(jax.tree.leaves(table)) == 2
    doubled = jax.jit(lambda t: jax.tree.map(lambda leaf: 2 * leaf, t))(table)
    assert isinstance(doubled, data.Table) and doubled.names == table.names
    np.testing.assert_array_equal(doubled.inputs, 2 * table.inputs)
    means = jax.vmap(lambda row: row.inputs.mean())(table)
    np.testing.assert_allclose(means, table.inputs.mean(axis=1), rtol=1e-6)
    np.testing.assert_array_equal(parallel.split(table).inputs, table.inputs)


def test_a_table_of_mismatched_rows_is_refused():
    with pytest.raises(TypeCheckError):
        data.Table(jnp.ones((3, 2)), jnp.ones(4), ("a", "b"))


def numbered(rows: int) -> data.Table:
    return data.Table(jnp.arange(2.0 * rows).reshape(rows, 2), jnp.arange(rows), ("a", "b"), ())


def test_split_is_the_same_each_time_and_everywhere():
    one, two = data.split(numbered(10), 0.6)
    # NumPy's RandomState(0), the same on every machine.
    assert one.targets.tolist() + two.targets.tolist() == [2, 8, 4, 9, 1, 6, 7, 3, 0, 5]
    assert len(one) == 6
    other, _ = data.split(numbered(10), 0.6, seed=1)
    assert other.targets.tolist() != one.targets.tolist()


@pytest.mark.parametrize(("rows", "fraction"), [(2, 0.5), (7, 0.3), (100, 0.999), (178, 0.75)])
def test_split_holds_each_row_once_and_whole(rows, fraction):
    if round(fraction * rows) == rows:
        with pytest.raises(ValueError, match=r"both tables must receive a row"):
            data.split(numbered(rows), fraction)
        return
    one, two = data.split(numbered(rows), fraction)
    assert len(one) == round(fraction * rows)
    assert sorted([*one.targets.tolist(), *two.targets.tolist()]) == list(range(rows))
    for table in (one, two):
        np.testing.assert_array_equal(table.inputs[:, 0], 2 * table.targets.astype(jnp.float32))


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, 1.5, float("nan"), 0.01])
def test_split_with_a_bad_fraction(fraction):
    with pytest.raises(ValueError, match=r"fraction=.* of 10 rows is not allowed"):
        data.split(numbered(10), fraction)


def test_without_scikit_learn(monkeypatch):
    monkeypatch.setattr("kexue.data._bundled.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"kexue\.data\.wine .* pip install scikit-learn"):
        data.wine()

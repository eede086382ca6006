"""Rates by path against optax.partition; first match, freezing, schedules, and rules that match nothing."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import discriminative_rates, rates_by_path
from kexue.training import train

PARAMS = {
    "encoder": [{"kernel": jnp.array([1.0, -2.0]), "bias": jnp.array(0.5)}, {"kernel": jnp.array([0.3, 0.7])}],
    "head": {"kernel": jnp.array([2.0, -1.0]), "bias": jnp.array(-0.4)},
}
RULES = {".*/bias": 0.0, "encoder/0/.*": 0.1, "encoder/1/.*": 3.0}
LABELS = {"encoder": [{"kernel": "low", "bias": "none"}, {"kernel": "high"}], "head": {"kernel": "one", "bias": "none"}}


def loss(params):
    return sum(jnp.sum(jnp.cosh(leaf) * (i + 1)) for i, leaf in enumerate(jax.tree.leaves(params)))


def trajectory(optimizer, steps=12):
    return jax.jit(lambda params: train(loss, params, optimizer, steps, record=lambda p: p).history)(PARAMS)


def assert_same(ours, theirs, rtol=1e-6):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol), ours, theirs)


@pytest.mark.parametrize(
    "optimizer", [lambda rate: optax.sgd(rate, momentum=0.9), optax.adam, optax.adamw], ids=["sgd", "adam", "adamw"]
)
def test_equals_partition_with_scaled_rates(optimizer):
    rates = {"none": 0.0, "low": 0.001, "high": 0.03, "one": 0.01}
    theirs = optax.partition({label: optimizer(rate) for label, rate in rates.items()}, LABELS)
    with jax.numpy_dtype_promotion("standard"):  # which optax's Adam needs
        ours = trajectory(optax.chain(optimizer(0.01), rates_by_path(RULES)))
        assert_same(ours, trajectory(theirs), rtol=1e-5)
    assert np.ptp(ours["head"]["bias"]) == 0 < np.ptp(ours["head"]["kernel"])


def test_schedules_and_traced_numbers():
    def schedule(n):
        return 1 / (1.0 + n.astype(jnp.float32))

    def moved(factor):
        return trajectory(optax.chain(optax.sgd(0.01), rates_by_path({"encoder/.*": factor}, default=schedule)), 3)

    theirs = {"encoder": optax.sgd(0.002), "head": optax.sgd(lambda n: 0.01 * schedule(n))}
    batched = jax.vmap(moved)(jnp.array([0.0, 0.2]))
    assert_same(jax.tree.map(lambda leaf: leaf[1], batched), trajectory(optax.partition(theirs, label_of), 3))
    assert np.ptp(batched["encoder"][0]["kernel"][0], axis=0).max() == 0


def label_of(tree):
    return {name: jax.tree.map(lambda _: name, branch) for name, branch in tree.items()}  # noqa: B023


def test_the_first_rule_counts_and_matches_the_whole_path():
    updates = {"1": jnp.ones(()), "10": jnp.ones(()), "a": {"1": jnp.ones(())}, "none": None}
    transform = rates_by_path({"1": 2.0, "a/.*": 3.0, ".*": 5.0, "1.*": 7.0})
    scaled, _ = transform.update(updates, transform.init(updates))
    assert scaled == {"1": 2, "10": 5, "a": {"1": 3}, "none": None}


def test_zero_freezes_whatever_the_update():
    updates = {"a": jnp.array([jnp.nan, jnp.inf]), "n": jnp.array([7, 8])}
    transform = rates_by_path({"a": 0})
    scaled, _ = transform.update(updates, transform.init(updates))
    assert not scaled["a"].any() and not scaled["n"].any() and scaled["n"].dtype == updates["n"].dtype


def test_discriminative_rates_are_powers():
    transform = discriminative_rates(["embed", "layers/0/.*", "layers/1/.*"], default=4.0)
    updates = {"embed": jnp.ones(()), "layers": [{"w": jnp.ones(())}, {"w": jnp.ones(())}], "head": jnp.ones(())}
    scaled, _ = transform.update(updates, transform.init(updates))
    np.testing.assert_allclose(
        [scaled["embed"], *(layer["w"] for layer in scaled["layers"])], 2.6 ** -np.array([2.0, 1, 0]), rtol=1e-6
    )
    assert scaled["head"] == 4


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: rates_by_path({"a": -1.0}), "a must be at least 0 and finite, got -1.0"),
        (lambda: rates_by_path({}, default=float("nan")), "default must be at least 0"),
        (lambda: rates_by_path({"(": 1.0}), r"rules must have regular expressions as keys, got '\('"),
        (
            lambda: rates_by_path({"encoder": 1.0}).init(PARAMS),
            "rules: 'encoder' matches none of the paths 'encoder/0/bias', ",
        ),
        (lambda: discriminative_rates(["a", "a"]), "layers must name each layer once"),
        (lambda: discriminative_rates(["a"], decay=0.0), "decay must be positive"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_rule_that_an_update_misses_is_named_too():
    transform = rates_by_path({"a": 1.0})
    state = transform.init({"a": jnp.ones(2)})
    with pytest.raises(ValueError, match="'a' matches none of the paths 'b'"):
        transform.update({"b": jnp.ones(2)}, state)
    assert transform.update({}, state)[0] == {}

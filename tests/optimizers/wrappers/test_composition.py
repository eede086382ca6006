"""Composition: all 64 combinations against the wrappers themselves, and which of the 15 pairs commute."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import (
    accumulate,
    commutator,
    compose,
    layer_adapt,
    lazy,
    lookahead,
    piecewise_linear,
    switchboard,
    weight_decay,
    with_schedule,
)

RATE, DECAY, STEPS = 0.02, 0.1, 60
RHO = piecewise_linear({10: 1.0, STEPS: 0.1})
# A wrapper that can be switched off by a traced number, in the order of the switchboard's flags.
SWITCHED = {
    "decay": lambda on, inner: weight_decay(inner, RATE, jnp.where(on, DECAY, 0.0)),
    "layer": lambda on, inner: layer_adapt(inner, RATE, on),
    "schedule": lambda on, inner: with_schedule(inner, lambda t: jnp.where(on, RHO(t), 1.0)),
    "accumulate": lambda on, inner: accumulate(inner, jnp.where(on, 4, 1)),
    "lookahead": lambda on, inner: lookahead(inner, 5, jnp.where(on, 0.5, 1.0)),
    "lazy": lambda on, inner: lazy(inner, on),
}
NAMES = list(SWITCHED)
PAIRS = list(itertools.combinations(range(6), 2))


def problem():
    """Factors of a table of ratings, of which each batch sees a few users: the others have no gradient."""
    random = np.random.default_rng(0)
    truth = random.normal(size=(30, 3)) @ random.normal(size=(3, 8))
    users, items = random.integers(30, size=(STEPS, 16)), random.integers(8, size=(STEPS, 16))
    start = {"items": 0.5 * random.normal(size=(8, 3)), "users": 0.5 * random.normal(size=(30, 3))}
    return jax.tree.map(jnp.asarray, (start, (users, items, truth[users, items])))


def loss(params, batch):
    users, items, ratings = batch
    return jnp.mean((jnp.sum(params["users"][users] * params["items"][items], axis=1) - ratings) ** 2)


def train(objective, optimizer, start, batches):
    def step(carry, batch):
        params, state = carry
        updates, state = optimizer.update(jax.grad(objective)(params, batch), state, params)
        return (optax.apply_updates(params, updates), state), None

    return jax.lax.scan(step, (start, optimizer.init(start)), batches)[0][0]


def distance(first, second):
    return np.sqrt(sum(np.sum((np.asarray(first[name]) - np.asarray(second[name])) ** 2) for name in first))


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


@pytest.fixture(scope="module")
def orders():
    """The weights after one wrapper around another, for every ordered pair: twelve switches, one compilation."""

    def end(outer, inner, start, batches):
        optimizer = optax.adam(RATE)
        for switches in (inner, outer):
            for on, wrapper in zip(switches, SWITCHED.values(), strict=True):
                optimizer = wrapper(on, optimizer)
        return train(loss, optimizer, start, batches)

    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        start, batches = problem()
        one = np.eye(6, dtype=bool)
        outer = np.stack([*(one[i] for i, _ in PAIRS), *(one[j] for _, j in PAIRS), np.zeros(6, bool)])
        inner = np.stack([*(one[j] for _, j in PAIRS), *(one[i] for i, _ in PAIRS), np.zeros(6, bool)])
        ends = jax.jit(jax.vmap(end, in_axes=(0, 0, None, None)))(outer, inner, start, batches)
        ends = [jax.tree.map(lambda leaf, n=n: np.asarray(leaf[n]), ends) for n in range(31)]
        way = distance(ends[30], start)
        return {
            frozenset((NAMES[i], NAMES[j])): distance(ends[n], ends[15 + n]) / way for n, (i, j) in enumerate(PAIRS)
        }


def test_exactly_two_pairs_commute(orders):
    commute = {frozenset(("layer", "accumulate")), frozenset(("schedule", "lazy"))}
    assert max(orders[pair] for pair in commute) < 1e-14
    assert min(value for pair, value in orders.items() if pair not in commute) > 1e-4


def test_the_worst_pair_is_a_schedule_inside_layer_adaptation(orders):
    worst = max(orders, key=orders.get)
    assert worst == {"layer", "schedule"}
    assert orders[worst] > 0.3


def test_commutator_is_the_same_number_and_compiles_once(orders):
    adapt, scheduled = partial(layer_adapt, rate=RATE), partial(with_schedule, rho=RHO)
    traces = []

    def counted(params, batch):
        traces.append(None)
        return loss(params, batch)

    adam = optax.adam(RATE)
    value = commutator(adapt, scheduled, adam, counted, *problem())
    np.testing.assert_allclose(value, orders[frozenset(("layer", "schedule"))], rtol=1e-10)
    before = len(traces)
    commutator(adapt, scheduled, adam, counted, *problem())
    assert len(traces) == before


def test_switchboard_is_the_nesting_that_it_says():
    start, batches = problem()
    start, batches = start | {"bias": jnp.ones(3)}, jax.tree.map(lambda leaf: leaf[:24], batches)
    is_matrix = {"bias": False, "items": True, "users": True}
    wrappers = {
        "lookahead": partial(lookahead, sync_period=3, slow_step=0.4),
        "accumulate": partial(accumulate, every_k=4),
        "lazy": partial(lazy, is_table=is_matrix),
        "schedule": partial(with_schedule, rho=RHO),
        "layer": partial(layer_adapt, rate=RATE, mask=is_matrix),
        "decay": partial(weight_decay, rate=RATE, decay=DECAY, mask=is_matrix),
    }

    def with_bias(params, batch):
        return loss(params, batch) + jnp.sum((params["bias"] * batch[2][:3]) ** 2)

    def run(flags):
        options = {"decay": DECAY, "every_k": 4, "sync_period": 3, "slow_step": 0.4}
        return train(with_bias, switchboard(flags, RATE, RHO, **options), start, batches)

    flags = np.array(list(itertools.product([0, 1], repeat=6)))
    together = jax.jit(jax.vmap(run))(flags)
    for n in (26, 63):
        chosen = [wrapper for name, wrapper in wrappers.items() if flags[n, NAMES.index(name)]]
        optimizer = compose(*chosen)(optax.adam(RATE))
        alone = jax.jit(partial(train, with_bias, optimizer))(start, batches)
        jax.tree.map(lambda a, b, n=n: np.testing.assert_allclose(a[n], b, rtol=1e-11), together, alone)
    ends = np.stack([leaf.reshape(64, -1) for leaf in jax.tree.leaves(together) if leaf.shape[1:] == (30, 3)])[0]
    assert len(np.unique(ends.round(9), axis=0)) == 64


def test_compose_puts_the_last_innermost():
    def named(name):
        return lambda inner: (name, inner)

    assert compose(named("a"), named("b"), named("c"))("base") == ("a", ("b", ("c", "base")))
    assert compose()("base") == "base"
    with pytest.raises(ValueError, match="wrappers must be functions of an optimizer, got .* at position 1"):
        compose(named("a"), optax.adam(0.1))

"""Every optimizer of the library is one row, and inherits every check below; optax's own stand among them as controls.

How the state lies on eight devices is seen by a process of its own: ``python tests/test_optimizers.py 1 0 PORT``.
"""

import functools
import json
from collections.abc import Callable
from contextlib import nullcontext
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from kexue.dynamics import heavy_ball, nesterov, rmsprop, scale_by_root_mean_square
from kexue.optimizers import (
    accumulate,
    adafactor,
    adax,
    adaxw,
    average,
    bend_gradients,
    discriminative_rates,
    layer_adapt,
    lazy,
    lookahead,
    rates_by_path,
    reparametrize,
    weight_decay,
    with_schedule,
)


class Row(NamedTuple):
    """One optimizer: how it is made, from which numbers, and which checks it is known to fail."""

    make: Callable[..., optax.GradientTransformation]
    numbers: dict[str, float]
    fixed: frozenset[str] = frozenset()
    """The numbers that may be traced, but not schedules."""
    fails: frozenset[str] = frozenset()
    """Names of tests; the row must fail them."""
    is_strict: bool = True
    """Whether it works without implicit promotion of dtypes."""


def ours(make, fixed=(), fails=(), **numbers):
    return Row(make, numbers, frozenset(fixed), frozenset(fails))


def control(make, fails=(), **numbers):
    """Of optax, whose schedules are rates and whose arithmetic promotes."""
    fails = {"test_integers_stay", *fails}
    return Row(make, numbers, frozenset(numbers) - {"learning_rate"}, frozenset(fails), is_strict=False)


def is_matrix(tree):
    return jax.tree.map(lambda leaf: leaf.ndim == 2, tree)


# A copy of the parameters starts the state, and a shape has no numbers to copy: refused, with what to do instead.
COPIES = ["test_init_from_shapes_alone"]
MEAN_SQUARE = {"learning_rate": 0.1, "decay": 0.8, "eps": 1e-3}
ROWS = {
    "heavy_ball": ours(heavy_ball, learning_rate=0.1, momentum=0.9),
    "heavy_ball, half step": ours(functools.partial(heavy_ball, half_step_start=True), learning_rate=0.1, momentum=0.5),
    "nesterov": ours(nesterov, learning_rate=0.1),
    "scale_by_root_mean_square": ours(scale_by_root_mean_square, decay=0.9, eps=1e-3),
    "rmsprop": ours(rmsprop, **MEAN_SQUARE),
    "rmsprop, eps outside": ours(functools.partial(rmsprop, eps_in_sqrt=False), **MEAN_SQUARE),
    "rmsprop by leaf": ours(functools.partial(rmsprop, per="leaf"), **MEAN_SQUARE),
    "rmsprop by tree": ours(functools.partial(rmsprop, per="tree"), **MEAN_SQUARE),
    "adafactor": ours(
        lambda learning_rate, clip: adafactor(learning_rate, clip=clip, momentum=0.9, min_dim_to_factor=2),
        learning_rate=0.1,
        clip=1.0,
    ),
    "adax": ours(adax, fixed=["b1", "b2", "eps"], learning_rate=0.1, b1=0.9, b2=0.01, eps=1e-6),
    "adaxw": ours(adaxw, fixed=["b2"], learning_rate=0.1, b2=0.01, weight_decay=0.1),
    "accumulate": ours(lambda rate: accumulate(heavy_ball(rate, 0.9), 2), fixed=["rate"], rate=0.1),
    "average": ours(
        lambda rate, decay: average(heavy_ball(rate, 0.9), decay), fixed=["decay"], fails=COPIES, rate=0.1, decay=0.9
    ),
    "layer_adapt": ours(lambda rate: layer_adapt(rmsprop(rate), rate), rate=0.1),
    "lazy": ours(lambda rate: lazy(heavy_ball(rate, 0.9), is_matrix, freeze_moments=True), rate=0.1),
    "lookahead": ours(
        lambda rate, slow_step: lookahead(rmsprop(rate), 2, slow_step), fails=COPIES, rate=0.1, slow_step=0.5
    ),
    "weight_decay": ours(lambda rate, decay: weight_decay(rmsprop(rate), rate, decay), rate=0.1, decay=0.1),
    "with_schedule": ours(lambda rate, rho: with_schedule(rmsprop(rate), rho), rate=0.1, rho=0.5),
    "rates_by_path": ours(lambda w, rest: rates_by_path({"w": w, "[hs]": 0.5}, rest), w=0.1, rest=2.0),
    "discriminative_rates": ours(lambda decay: discriminative_rates(["w", "h"], decay), fixed=["decay"], decay=0.5),
    "bend_gradients": ours(
        lambda factor: bend_gradients({"w": factor, "[hs]": lambda g: 2 * g}), fixed=["factor"], factor=-0.5
    ),
    "reparametrize": ours(lambda scale: reparametrize(rmsprop(0.02), scale), fixed=["scale"], scale=0.1),
    "optax.sgd": control(optax.sgd, learning_rate=0.1, momentum=0.9),
    "optax.adam": control(optax.adam, learning_rate=0.1, b1=0.9, b2=0.99, eps=1e-3),
    "optax.adamw": control(optax.adamw, learning_rate=0.1, weight_decay=0.1),
    "optax.adafactor": control(
        lambda learning_rate: optax.adafactor(learning_rate, min_dim_size_to_factor=2), learning_rate=0.1
    ),
    "optax.lamb": control(optax.lamb, learning_rate=0.1, weight_decay=0.1),
    "optax.lion": control(optax.lion, learning_rate=0.01, b1=0.9, b2=0.99),
}
PHASE = np.complex64(np.exp(0.7j))
STEPS = 4


def tree(seed):
    rng = np.random.default_rng(seed)
    shapes = {"w": (3, 2), "h": (4,), "z": (2,), "s": ()}
    return {"none": None} | {name: jnp.asarray(rng.normal(size=shape), jnp.float32) for name, shape in shapes.items()}


START, GRADIENTS = tree(0), [tree(seed) for seed in range(1, STEPS + 1)]


class Follower:
    """The steps of one row's optimizer, compiled once for each kind of arguments, and how often that was."""

    def __init__(self, row):
        self.row, self.traces = row, 0
        self.step = jax.jit(self.eager)
        self.batched = jax.jit(jax.vmap(self.eager))

    def eager(self, numbers, params, state, gradient):
        self.traces += 1
        updates, state = self.row.make(**numbers).update(gradient, state, params)
        return updates, optax.apply_updates(params, updates), state

    def init(self, params):
        return self.row.make(**self.row.numbers).init(params)

    def follow(self, step, numbers, params, state, gradients):
        """All updates, and what is there at the end."""
        history = []
        for gradient in gradients:
            updates, params, state = step(numbers, params, state, gradient)
            history.append(updates)
        return history, params, state

    @functools.cached_property
    def numbers(self):
        # Where no promotion is wanted, in a dtype that is not every leaf's.
        number_of = jnp.float32 if self.row.is_strict else float
        return {name: number_of(number) for name, number in self.row.numbers.items()}

    @functools.cached_property
    def path(self):
        return self.follow(self.step, self.numbers, START, self.init(START), GRADIENTS)


followers = functools.cache(lambda name: Follower(ROWS[name]))


@pytest.fixture(params=ROWS)
def follower(request):
    """A row's steps; a check that it is known to fail must fail."""
    row, check = ROWS[request.param], request.node.originalname
    if check in row.fails:
        request.applymarker(pytest.mark.xfail(strict=True))
    with nullcontext() if row.is_strict else jax.numpy_dtype_promotion("standard"):
        yield followers(request.param)


def assert_close(ours, theirs, rtol=1e-5, atol=1e-7):
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=rtol, atol=atol), ours, theirs)


def kinds(tree):
    return jax.tree.map(lambda leaf: (jnp.shape(leaf), jnp.result_type(leaf)), tree)


def test_jit_equals_eager_and_numbers_may_be_traced(follower):
    start = follower.init(START)
    assert_close(follower.path[:2], follower.follow(follower.eager, follower.row.numbers, START, start, GRADIENTS)[:2])


def test_the_second_call_compiles_nothing_nor_does_a_state_from_a_file(follower):
    end = follower.path
    traces = follower.traces
    half = follower.follow(follower.step, follower.numbers, START, follower.init(START), GRADIENTS[:2])
    leaves, structure = jax.tree.flatten(half[1:])
    params, state = structure.unflatten([np.array(leaf) for leaf in leaves])
    rest = follower.follow(follower.step, follower.numbers, params, state, GRADIENTS[2:])
    assert follower.traces == traces
    assert_close((half[0] + rest[0], *rest[1:]), end, rtol=0, atol=0)


def test_vmap_over_starts_gradients_and_rates_equals_a_loop(follower):
    def stack(*trees):
        return jax.tree.map(lambda *leaves: jnp.stack([*map(jnp.asarray, leaves)]), *trees)

    halves = jax.tree.map(lambda number: number / 2, follower.numbers)
    other = follower.follow(follower.step, halves, GRADIENTS[0], follower.init(GRADIENTS[0]), GRADIENTS[::-1])
    together = follower.follow(
        follower.batched,
        stack(follower.numbers, halves),
        stack(START, GRADIENTS[0]),
        stack(follower.init(START), follower.init(GRADIENTS[0])),
        [stack(one, two) for one, two in zip(GRADIENTS, GRADIENTS[::-1], strict=True)],
    )
    assert_close(together, jax.tree.map(lambda *leaves: np.stack(leaves), follower.path, other))


def test_half_precision_and_complex_leaves(follower):
    """In bfloat16 nearly the same; where all gradients are turned in the complex plane, so are the updates."""

    def mixed(tree):
        return tree | {"h": tree["h"].astype(jnp.bfloat16), "z": PHASE * tree["z"].astype(jnp.complex64)}

    state = follower.init(mixed(START))
    mixed_path = follower.follow(follower.step, follower.numbers, mixed(START), state, map(mixed, GRADIENTS))
    assert kinds(mixed_path[2]) == kinds(state)
    for ours, real in zip(mixed_path[0], follower.path[0], strict=True):
        assert kinds(ours) == kinds(mixed(real))
        size = np.abs(real["h"]).max()
        np.testing.assert_allclose(np.asarray(ours["h"], np.float32), real["h"], rtol=0.03, atol=0.03 * size)
        np.testing.assert_allclose(ours["z"], PHASE * np.asarray(real["z"]), rtol=2e-3, atol=1e-6)


def test_schedules_in_place_of_numbers(follower):
    """As `optax.inject_hyperparams` does it, which makes the optimizer anew at each step."""
    row = follower.row

    def schedule(number):
        return lambda count: number / (1 + 0.3 * jnp.asarray(count, jnp.float32))

    numbers = {name: number if name in row.fixed else schedule(number) for name, number in row.numbers.items()}
    if row.fixed == set(numbers):
        pytest.skip("takes no schedule")

    def follow(optimizer):
        def step(_, params, state, gradient):
            updates, state = optimizer.update(gradient, state, params)
            return updates, optax.apply_updates(params, updates), state

        return follower.follow(jax.jit(step), None, START, optimizer.init(START), GRADIENTS)[:2]

    injected = optax.inject_hyperparams(row.make, static_args=row.fixed)
    assert_close(follow(row.make(**numbers)), follow(injected(**numbers)), rtol=1e-4)


def test_unknown_extra_arguments_are_ignored(follower):
    optimizer = follower.row.make(**follower.row.numbers)
    state = optimizer.init(START)
    plain = optimizer.update(GRADIENTS[0], state, START)
    assert_close(optimizer.update(GRADIENTS[0], state, START, value=jnp.float32(1.0), unexpected=None), plain, 0, 0)


def test_a_tree_without_leaves(follower):
    optimizer = follower.row.make(**follower.row.numbers)
    assert optimizer.update({"none": None}, optimizer.init({"none": None}), {"none": None})[0] == {"none": None}


def test_integers_stay(follower):
    optimizer = follower.row.make(**follower.row.numbers)
    params, gradient = (tree | {"h": jnp.array([3, 5])} for tree in (START, GRADIENTS[0]))
    gradient = gradient | {"h": jnp.zeros(2, int)}
    state = optimizer.init(params)
    updates, new_state = optimizer.update(gradient, state, params)
    assert kinds(new_state) == kinds(state) and kinds(updates) == kinds(params)
    np.testing.assert_array_equal(optax.apply_updates(params, updates)["h"], [3, 5])


def test_the_state_has_the_same_shapes_under_eval_shape(follower):
    optimizer = follower.row.make(**follower.row.numbers)
    assert kinds(jax.eval_shape(optimizer.init, START)) == kinds(optimizer.init(START))


def test_init_from_shapes_alone(follower):
    optimizer = follower.row.make(**follower.row.numbers)
    assert kinds(optimizer.init(jax.eval_shape(lambda: START))) == kinds(optimizer.init(START))


@pytest.mark.parametrize("optimizer", [average(heavy_ball(0.1, 0.9), 0.9), lookahead(rmsprop(0.1), 2, 0.5)])
def test_what_copies_the_parameters_says_how_to_begin_from_shapes(optimizer):
    with pytest.raises(ValueError, match=r"params must hold numbers to copy, got .*: use jax.eval_shape"):
        optimizer.init(jax.eval_shape(lambda: START))


def shardings():
    """For each row what has lost the parameters' sharding on eight devices."""
    split = NamedSharding(Mesh(np.array(jax.devices()), ("x",)), PartitionSpec("x"))
    params = jax.device_put({"w": jnp.ones((8, 4)), "h": jnp.ones((16, 2))}, split)
    shapes = {leaf.shape for leaf in params.values()}

    def lost(tree):
        leaves = (leaf for leaf in jax.tree.leaves(tree) if leaf.shape in shapes)
        return [str(leaf.sharding) for leaf in leaves if not leaf.sharding.is_equivalent_to(split, leaf.ndim)]

    problems = {}
    for name, row in ROWS.items():
        optimizer = row.make(**row.numbers)
        state = optimizer.init(params)
        new = jax.jit(optimizer.update)(params, state, params)
        problems[name] = {"init": lost(state), "update": lost(new)}
    return problems


def test_state_and_updates_are_split_over_devices_as_the_parameters_are(run_job):
    (problems,) = run_job(1, 8)
    assert set(problems) == set(ROWS)
    assert not {name: found for name, found in problems.items() if found["init"] or found["update"]}


if __name__ == "__main__":
    print(json.dumps(shardings()))

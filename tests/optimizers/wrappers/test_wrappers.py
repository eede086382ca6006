"""What every wrapper owes: each is one row of a table and inherits every check."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import (
    accumulate,
    average,
    averaged_params,
    layer_adapt,
    lazy,
    lookahead,
    piecewise_linear,
    slow_params,
    switchboard,
    weight_decay,
    with_schedule,
)

RATE = 0.1
INNER = optax.sgd(RATE, momentum=0.9)
IS_TABLE = {"b": False, "s": (False,), "w": True}
WRAPPERS = {
    "accumulate": partial(accumulate, every_k=2),
    "average": partial(average, decay=0.5),
    "decay": partial(weight_decay, rate=RATE, decay=0.5, mask=IS_TABLE),
    "layer": partial(layer_adapt, rate=RATE),
    "lazy": partial(lazy, is_table=IS_TABLE),
    "lazy with its moments": partial(lazy, is_table=lambda tree: IS_TABLE, freeze_moments=True),
    "lookahead": partial(lookahead, sync_period=2),
    "schedule": partial(with_schedule, rho=piecewise_linear({2: 1.0, 4: 0.5})),
}
NEED_PARAMS = ("average", "decay", "layer", "lookahead")
every_wrapper = pytest.mark.parametrize("wrapper", WRAPPERS.values(), ids=WRAPPERS.keys())


def tree(seed):
    draw = np.random.default_rng(seed).normal
    w = draw(size=(4, 3))
    w[seed % 4] = 0  # a word that is absent
    leaves = {"b": draw(size=3), "s": (np.array(0.5 + seed),), "w": w}
    return jax.tree.map(lambda leaf: jnp.array(leaf, jnp.float32), leaves)


def gradients(number=5):
    return jax.tree.map(lambda *leaves: np.stack(leaves), *(tree(n) for n in range(1, number + 1)))


def follow(optimizer, params, gradients):
    """All updates, and the weights and the state at the end."""

    def step(carry, gradient):
        updates, state = optimizer.update(gradient, carry[1], carry[0])
        return (optax.apply_updates(carry[0], updates), state), updates

    (params, state), updates = jax.lax.scan(step, (params, optimizer.init(params)), gradients)
    return updates, params, state


def assert_same(first, second, **tolerance):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), first, second)


def signature(something):
    return jax.tree.map(lambda leaf: (jnp.shape(leaf), jnp.asarray(leaf).dtype, jnp.asarray(leaf).weak_type), something)


@every_wrapper
class TestEveryWrapper:
    def test_jit_equals_eager_compiles_once_and_buffers_can_be_donated(self, wrapper):
        optimizer, traces = wrapper(INNER), []

        def step(params, state, gradient):
            traces.append(None)
            updates, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, updates), state

        compiled = jax.jit(step, donate_argnums=(0, 1))
        fast, slow = tree(0), tree(0)
        fast_state, slow_state = optimizer.init(fast), optimizer.init(slow)
        for n in range(1, 3):
            fast, fast_state = compiled(fast, fast_state, tree(n))
        assert len(traces) == 1
        for n in range(1, 3):
            slow, slow_state = step(slow, slow_state, tree(n))
        assert_same((fast, fast_state), (slow, slow_state), rtol=1e-5, atol=1e-6)

    def test_dtypes_and_structure_are_kept(self, wrapper):
        # One tree with every dtype: float64 only where it is switched on.
        with jax.enable_x64(True):
            dtypes = (jnp.bfloat16, jnp.float16, jnp.float32, jnp.float64, jnp.complex64, jnp.complex128)
            params = {"b": tuple(jnp.ones(3, dtype) for dtype in dtypes), "s": (None,), "w": jnp.ones((4, 3))}
            inner = optax.sgd(RATE, momentum=0.5)
            optimizer = wrapper(inner)
            state = jax.jit(optimizer.init)(params)
            updates, new_state = jax.jit(optimizer.update)(params, state, params)
            assert signature(updates) == signature(params)
            assert signature(new_state) == signature(state)
            # All leaves are ones: whatever their dtypes, they must have gone the same way.
            ends = [complex(leaf[0]) for leaf in updates["b"]]
            np.testing.assert_allclose(ends, ends[3], rtol=1e-2)
            np.testing.assert_allclose(ends[4:], ends[3], rtol=1e-6)

    def test_integers_stay_and_places_without_gradient_are_passed_over(self, wrapper):
        params = {"b": jnp.arange(3), "s": (jnp.array(2.0),), "w": jnp.ones((4, 3))}
        gradient = {"b": jnp.zeros(3, jnp.int32), "s": (None,), "w": jnp.ones((4, 3))}
        only_floats = optax.masked(optax.sgd(RATE), {"b": False, "s": (True,), "w": True})
        optimizer = wrapper(only_floats)
        state = optimizer.init(params)
        for _ in range(2):
            updates, new_state = jax.jit(optimizer.update)(gradient, state, params)
            assert jax.tree.structure(new_state) == jax.tree.structure(state)
            state = new_state
        assert updates["s"] == (None,)
        assert updates["b"].dtype == jnp.int32
        assert not updates["b"].any()
        assert np.all(updates["w"] != 0)

    def test_keyword_arguments_reach_the_wrapped_optimizer(self, wrapper):
        def update(updates, state, params=None, *, factor, **extra_args):
            return jax.tree.map(lambda g: factor * g, updates), state

        inner = optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)
        optimizer, params = wrapper(inner), tree(0)
        assert isinstance(optimizer, optax.GradientTransformationExtraArgs)
        state = optimizer.init(params)
        for _ in range(2):  # the second is the one that accumulation acts on
            updates, state = optimizer.update(tree(1), state, params, factor=3.0, unknown="a word")
        assert np.any(updates["b"] != 0)
        wrapper(optax.sgd(RATE)).update(tree(1), wrapper(optax.sgd(RATE)).init(params), params, factor=3.0)  # ignored

    def test_init_needs_only_shapes(self, wrapper):
        optimizer, params = wrapper(INNER), tree(0)
        shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), params)
        assert jax.eval_shape(optimizer.init, shapes) == jax.eval_shape(optimizer.init, params)
        doubled = optax.tree_utils.tree_map_params(optimizer, lambda leaf: 2 * leaf, optimizer.init(params))
        assert jax.tree.structure(doubled) == jax.tree.structure(optimizer.init(params))

    def test_inside_chain_partition_and_masked(self, wrapper):
        """A partition in which everything has one label, and a mask that is true, change nothing."""
        optimizer, params = wrapper(INNER), tree(0)
        alone = jax.jit(partial(follow, optimizer))(params, gradients())[0]
        nested = optax.chain(
            optax.identity(),
            optax.partition({"all": optax.masked(optimizer, True)}, lambda p: jax.tree.map(lambda _: "all", p)),
        )
        assert_same(jax.jit(partial(follow, nested))(params, gradients())[0], alone, rtol=1e-6, atol=1e-7)
        # Half of a tree: the other leaves are not seen, a mask for the whole tree still fits.
        half = optax.masked(optimizer, {"b": False, "s": (False,), "w": True})
        updates = jax.jit(partial(follow, half))(params, gradients())[0]
        np.testing.assert_allclose(updates["w"], alone["w"], rtol=1e-6, atol=1e-7)
        np.testing.assert_array_equal(updates["b"], gradients()["b"])

    def test_an_empty_tree_and_a_bare_scalar(self, wrapper):
        keywords = dict.fromkeys({"is_table", "mask"} & wrapper.keywords.keys(), True)
        optimizer = partial(wrapper, **keywords)(optax.sgd(RATE))
        assert optimizer.update({}, optimizer.init({}), {})[0] == {}
        if "is_table" not in keywords:
            updates, _ = optimizer.update(jnp.array(1.0), optimizer.init(jnp.array(1.0)), jnp.array(1.0))
            assert updates.shape == ()


@pytest.mark.parametrize("name", NEED_PARAMS)
def test_missing_and_other_parameters_are_refused(name):
    optimizer = WRAPPERS[name](optax.sgd(RATE))
    state = optimizer.init(tree(0))
    with pytest.raises(ValueError, match=r"needs the parameters, got None: call update\(updates, state, params\)"):
        optimizer.update(tree(1), state)
    without = {"w": jnp.ones((4, 3)), "s": (jnp.array(1.0),)}
    with pytest.raises(ValueError, match=r"params must match the updates, got nothing at \['b'\]"):
        optimizer.update(tree(1), state, without)
    with pytest.raises(ValueError, match=r"the updates must match params, got nothing at \['extra'\]"):
        optimizer.update(tree(1), state, tree(0) | {"extra": jnp.ones(2)})
    with pytest.raises(ValueError, match=r"shape of the updates, \(3,\), got \(3, 1\) at \['b'\]"):
        optimizer.update(tree(1), state, tree(0) | {"b": jnp.ones((3, 1))})


@pytest.mark.parametrize(
    "mask, words",
    [
        ({"b": True, "s": (True,)}, r"must match the updates, got nothing at \['w'\]"),
        ({"b": True, "s": (True, True), "w": True}, r"the updates must match .*, got nothing at \['s'\]\[1\]"),
        ({"b": 1.0, "s": True, "w": True}, r"must hold one boolean a leaf, got 1.0 at \['b'\]"),
        ({"b": None, "s": True, "w": True}, r"must match the updates, got nothing at \['b'\]"),
        (np.array([True, False]), r"must hold one boolean a leaf, got .* at \['b'\]"),
    ],
)
@pytest.mark.parametrize("wrapper", ["decay", "layer", "lazy"])
def test_a_mask_that_does_not_match_is_refused(wrapper, mask, words):
    name = "is_table" if wrapper == "lazy" else "mask"
    optimizer = partial(WRAPPERS[wrapper], **{name: mask})(optax.sgd(RATE))
    with pytest.raises(ValueError, match=name + ".*" + words if words[0] == "m" else words):
        optimizer.update(tree(1), optimizer.init(tree(0)), tree(0))


def test_a_mask_may_be_the_upper_part_of_a_tree_or_traced():
    def first(mask):
        optimizer = weight_decay(optax.set_to_zero(), 1.0, 0.5, mask)
        return optimizer.update(tree(1), optimizer.init(tree(0)), tree(0))[0]

    expected = jax.tree.map(lambda leaf: -0.5 * leaf, tree(0))
    upper = first({"b": False, "s": True, "w": np.True_})
    assert_same(upper, expected | {"b": jnp.zeros(3)}, rtol=1e-6)
    traced = jax.jit(lambda on: first({"b": False, "s": on, "w": True}))
    assert_same(traced(True), upper, rtol=1e-6)
    assert not traced(False)["s"][0].any()


def test_states_are_found_however_deep_and_must_be_there_once():
    params = {"a": jnp.ones(2), "b": jnp.ones(2)}
    inner = optax.chain(optax.clip(1.0), average(lookahead(INNER), 0.9))
    state = optax.inject_hyperparams(lambda rate: accumulate(inner, 2))(rate=0.1).init(params)
    assert_same(slow_params(state), params)
    assert_same(averaged_params(state), params)
    with pytest.raises(ValueError, match="exactly one lookahead, got 0"):
        slow_params(INNER.init(params))
    both = optax.partition({"a": lookahead(optax.sgd(1.0)), "b": lookahead(optax.sgd(2.0))}, {"a": "a", "b": "b"})
    with pytest.raises(ValueError, match="exactly one lookahead, got 2"):
        slow_params(both.init(params))


# Every number may be a traced array: one row for each, from the number to an optimizer.
NUMBERS = {
    "rate of the decay": (lambda x: weight_decay(optax.sgd(x), x, 0.5), [0.1, 0.3]),
    "decay": (lambda x: weight_decay(optax.sgd(0.1), 0.1, x), [0.1, 0.3]),
    "rate of the layers": (lambda x: layer_adapt(optax.sgd(x), x), [0.1, 0.3]),
    "trust coefficient": (lambda x: layer_adapt(optax.sgd(0.1), 0.1, trust_coefficient=x), [0.1, 0.3]),
    "factor": (lambda x: with_schedule(optax.sgd(0.1), x), [0.1, 0.3]),
    "value of the schedule": (lambda x: with_schedule(optax.sgd(0.1), piecewise_linear({0: 1.0, 3: x})), [0.1, 0.3]),
    "slow step": (lambda x: lookahead(optax.sgd(0.1), 2, x), [0.5, 1.0]),
    "period": (lambda x: lookahead(optax.sgd(0.1), x), [1, 2]),
    "accumulation": (lambda x: accumulate(optax.sgd(0.1, momentum=0.9), x), [1, 2]),
    "average": (lambda x: average(optax.sgd(0.1), x), [0.0, 0.5]),
}


@pytest.mark.parametrize("make, values", NUMBERS.values(), ids=NUMBERS.keys())
def test_vmap_over_a_number_equals_a_loop(make, values):
    start, steps = tree(0), gradients(3)

    def run(number):
        return follow(make(number), start, steps)[1:]

    together = jax.jit(jax.vmap(run))(jnp.array(values))
    alone = jax.jit(lambda: run(values[1]))()
    assert_same(jax.tree.map(lambda leaf: leaf[1], together), alone, rtol=1e-5, atol=1e-6)


def test_schedules_of_the_step_stand_for_every_rate():
    def rate(count):
        return 0.1 / (1 + count.astype(jnp.float32))

    inner = optax.sgd(rate)
    params, grads = tree(0), gradients(3)
    for wrapper, by_hand in (
        (weight_decay(inner, rate, 0.5), lambda u, theta, g, t: u - t * 0.5 * theta),
        (weight_decay(inner, 0.1, rate), lambda u, theta, g, t: u - t * 0.1 * theta),
        (layer_adapt(inner, rate), lambda u, theta, g, t: -g * t * np.linalg.norm(theta) / np.linalg.norm(g)),
    ):
        theta = np.asarray(params["b"])
        updates = jax.jit(partial(follow, wrapper))(params, grads)[0]
        for n in range(3):
            g, t = np.asarray(grads["b"][n]), 0.1 / (1 + n)
            expected = by_hand(-t * g, theta, g, t)
            np.testing.assert_allclose(updates["b"][n], expected, rtol=1e-5)
            theta = theta + expected


def test_rates_can_be_injected():
    params = tree(0)
    injected = optax.inject_hyperparams(lambda rate, decay: weight_decay(optax.sgd(rate), rate, decay))(0.1, 0.5)
    plain = weight_decay(optax.sgd(0.1), 0.1, 0.5)
    assert_same(
        jax.jit(partial(follow, injected))(params, gradients())[0],
        jax.jit(partial(follow, plain))(params, gradients())[0],
        rtol=1e-5,
        atol=1e-6,
    )
    direct = optax.inject_hyperparams(lookahead, static_args=("inner", "sync_period"))(
        inner=optax.sgd(0.1), sync_period=2, slow_step=optax.linear_schedule(1.0, 0.5, 3)
    )
    assert jax.jit(partial(follow, direct))(params, gradients())[1]["w"].shape == (4, 3)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: accumulate(optax.sgd(1.0), 0), "every_k must be an integer of at least 1, got 0"),
        (
            lambda: accumulate(optax.sgd(1.0), 2, accumulator_dtype=jnp.int32),
            "accumulator_dtype must be floating-point",
        ),
        (lambda: average(optax.sgd(1.0), 1.0), r"decay must be in \[0, 1\), got 1.0"),
        (lambda: weight_decay(optax.sgd(1.0), -1.0, 0.1), "rate must be at least 0 and finite, got -1.0"),
        (lambda: weight_decay(optax.sgd(1.0), 1.0, -0.1), "decay must be at least 0 and finite, got -0.1"),
        (lambda: layer_adapt(optax.sgd(1.0), float("nan")), "rate must be at least 0 and finite, got nan"),
        (lambda: layer_adapt(optax.sgd(1.0), 1.0, trust_coefficient=-1.0), "trust_coefficient must be at least 0"),
        (lambda: lookahead(optax.sgd(1.0), 0), "sync_period must be an integer of at least 1, got 0"),
        (lambda: lookahead(optax.sgd(1.0), 5, 0.0), r"slow_step must be in \(0, 1\], got 0.0"),
        (lambda: lookahead(optax.sgd(1.0), 5, 1.5), r"slow_step must be in \(0, 1\], got 1.5"),
        (lambda: switchboard(jnp.zeros(6), 0.1, lambda count: 1.0), r"flags must be six booleans or integers"),
    ],
)
def test_bad_numbers_are_refused_at_once(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_a_scalar_has_no_rows():
    optimizer = lazy(optax.sgd(1.0), True)
    with pytest.raises(ValueError, match="is_table must mark arrays with rows, got a scalar"):
        optimizer.update(jnp.array(1.0), optimizer.init(jnp.array(1.0)))

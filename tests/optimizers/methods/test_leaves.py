"""What every optimizer of the room does with leaves: one row each, and each inherits all checks."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers.methods.adafactor import adafactor, scale_by_factored_rms
from kexue.optimizers.methods.adax import adax, adaxw, scale_by_decay
from kexue.optimizers.methods.averages import decay_adam, decay_power


def falling(count):
    return 0.1 / (1 + count.astype(jnp.float32))


OPTIMIZERS = {
    "scale_by_decay": scale_by_decay(decay_adam(0.9)),
    "adax": adax(0.02, b2=0.1),
    "adaxw, schedules and mask": adaxw(falling, weight_decay=falling, mask={"w": True, "b": False, "i": False}),
    "scale_by_factored_rms": scale_by_factored_rms(decay_power(0.8), min_dim_to_factor=2),
    "adafactor": adafactor(min_dim_to_factor=2, momentum=0.9),
    "adafactor, schedules": adafactor(falling, clip=falling, relative=False, min_dim_to_factor=3),
}


def tree(seed, dtype=jnp.float32):
    normal = np.random.default_rng(seed).standard_normal
    imaginary = 1j if jnp.issubdtype(dtype, jnp.complexfloating) else 0
    return {
        "w": jnp.asarray(normal((3, 2)) + imaginary * normal((3, 2)), dtype),
        "b": (jnp.asarray(normal(4) + imaginary * normal(4), dtype), None, jnp.asarray(normal(), dtype)),
        "i": jnp.array([1, 2]),
    }


def gradient(seed, dtype=jnp.float32):
    return tree(seed, dtype) | {"i": np.zeros(2, jax.dtypes.float0)}


def run(optimizer, dtype=jnp.float32, steps=3):
    params, updates = tree(0, dtype), []
    state = optimizer.init(params)
    for n in range(steps):
        update, state = optimizer.update(gradient(n + 1, dtype), state, params, value=1.0)
        params = optax.apply_updates(params, update)
        updates.append(update)
    return updates, state, params


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
class TestEveryOptimizer:
    def test_jit_is_eager_and_compiles_once(self, optimizer):
        traces = []

        @jax.jit
        def step(g, state, params):
            traces.append(None)
            update, state = optimizer.update(g | {"i": jnp.zeros_like(params["i"])}, state, params)
            return optax.apply_updates(params, update), state

        params = tree(0)
        state = optimizer.init(params)
        for n in range(3):
            g = gradient(n + 1)
            del g["i"]
            params, state = step(g, state, params)
        assert len(traces) == 1
        eager = run(optimizer)[2]
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), params, eager)

    @pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.complex64])
    def test_dtypes_are_kept_and_right(self, optimizer, dtype):
        updates, state, params = run(optimizer, dtype)
        assert jax.tree.map(lambda u: (u.shape, u.dtype), updates[-1]) == jax.tree.map(
            lambda p: (p.shape, p.dtype), params
        )
        assert {leaf.dtype for leaf in jax.tree.leaves(state)} <= {jnp.dtype(d) for d in ("i4", "f4", "c8")}
        np.testing.assert_array_equal(params["i"], [1, 2])
        if dtype != jnp.complex64:  # the averages are float32: only parameters and gradients are rounded
            exact = run(optimizer)[0]
            for a, b in zip(jax.tree.leaves(updates), jax.tree.leaves(exact), strict=True):
                np.testing.assert_allclose(a.astype(jnp.float32), b.astype(jnp.float32), rtol=0.05, atol=0.02)

    def test_state_needs_only_shapes_and_is_like_the_parameters(self, optimizer):
        shapes = jax.eval_shape(optimizer.init, tree(0))
        state = optimizer.init(tree(0))
        assert jax.tree.map(lambda x: (x.shape, x.dtype), shapes) == jax.tree.map(lambda x: (x.shape, x.dtype), state)
        assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(state))

    def test_scalars_empty_trees_and_float64(self, optimizer):
        if optimizer is not OPTIMIZERS["adaxw, schedules and mask"]:
            assert optimizer.update({}, optimizer.init({}), {})[0] == {}
            update, _ = optimizer.update(0.5, optimizer.init(2.0), 2.0)
            assert update.shape == () and update.dtype == jnp.float32
        with jax.enable_x64(True):
            assert run(optimizer, jnp.float64, 2)[0][-1]["w"].dtype == jnp.float64

    def test_zero_gradients_move_nothing_but_by_decay(self, optimizer):
        params, state = tree(0), optimizer.init(tree(0))
        for _ in range(2):
            update, state = optimizer.update(jax.tree.map(jnp.zeros_like, params), state, params)
            still = update["b"] if optimizer is OPTIMIZERS["adaxw, schedules and mask"] else update
            assert all(np.all(np.asarray(leaf) == 0) for leaf in jax.tree.leaves(still))

    def test_inside_optax(self, optimizer):
        if optimizer is OPTIMIZERS["adaxw, schedules and mask"]:
            return
        floats = {"w": tree(0)["w"], "b": tree(0)["b"][0]}
        labelled = optax.partition({"a": optimizer, "z": optax.set_to_zero()}, {"w": "a", "b": "z"})
        chained = optax.chain(optax.clip_by_global_norm(1e9), optax.masked(optimizer, {"w": True, "b": False}))
        alone = optimizer.update(floats["w"], optimizer.init(floats["w"]), floats["w"])[0]
        for wrapped in (labelled, chained):
            update = wrapped.update(floats, wrapped.init(floats), floats)[0]
            np.testing.assert_allclose(update["w"], alone, rtol=1e-6)


def test_every_number_may_be_traced():
    params, g = tree(0)["w"], tree(1)["w"]

    def by_adax(rate):
        optimizer = adaxw(rate, 0.5 * rate, rate, rate, weight_decay=rate)
        return optimizer.update(g, optimizer.init(params), params)[0]

    def by_adafactor(rate):
        optimizer = adafactor(rate, c=rate, clip=rate, eps=(rate, rate), momentum=rate, min_dim_to_factor=2)
        return optimizer.update(g, optimizer.init(params), params)[0]

    rates = jnp.array([0.2, 0.7])
    for function in (by_adax, by_adafactor):
        together = jax.jit(jax.vmap(function))(rates)
        np.testing.assert_allclose(together, [function(0.2), function(0.7)], rtol=1e-5)


def test_numbers_injected_as_hyperparameters():
    params, g = tree(0)["w"], tree(1)["w"]
    for make, static in ((adax, ()), (adafactor, ("min_dim_to_factor", "eps"))):
        plain, injected = make(0.1), optax.inject_hyperparams(make, static_args=static)(learning_rate=0.2)
        state = injected.init(params)
        state.hyperparams["learning_rate"] = jnp.float32(0.1)
        np.testing.assert_allclose(
            injected.update(g, state, params)[0], plain.update(g, plain.init(params), params)[0], rtol=1e-6
        )


def test_parameters_are_asked_for_only_where_a_step_depends_on_them():
    g = jnp.ones(3)
    for optimizer in (adax(0.1), adafactor(0.1, relative=False)):
        optimizer.update(g, optimizer.init(g))
    for optimizer in (adaxw(0.1), adafactor(0.1)):
        with pytest.raises(ValueError, match="params must be given to update"):
            optimizer.update(g, optimizer.init(g))

"""RMSprop against optax, plain NumPy loops and its own symmetries."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexue.dynamics.adaptive import rmsprop, rmsprop_floor, scale_by_root_mean_square

SCOPES = ["coordinate", "leaf", "tree"]

# Every optimizer of the module is one row and inherits every check below.
OPTIMIZERS = {
    "rmsprop": rmsprop(0.02, 0.8, 1e-6),
    "rmsprop, eps outside": rmsprop(0.02, 0.8, 1e-6, eps_in_sqrt=False),
    "rmsprop by leaf": rmsprop(0.02, 0.8, 1e-6, per="leaf"),
    "rmsprop by tree": rmsprop(0.02, 0.8, 1e-6, per="tree"),
    "rmsprop, schedule": rmsprop(lambda count: 0.02 / (1 + count.astype(jnp.float32)), 0.8),
    "scale": scale_by_root_mean_square(0.5, 1e-6),
    "in a chain": optax.chain(optax.clip_by_global_norm(1.0), rmsprop(0.02)),
}


def tree(key, dtype=jnp.float32):
    k1, k2 = jax.random.split(jax.random.key(key))
    return {"w": jax.random.normal(k1, (3, 2), dtype), "b": (jax.random.normal(k2, (4,), dtype),)}


def run(optimizer, params, gradients):
    """A plain Python loop over a list of gradients: all updates, and the parameters at the end."""
    state, updates = optimizer.init(params), []
    for gradient in gradients:
        update, state = optimizer.update(gradient, state, params)
        params = optax.apply_updates(params, update)
        updates.append(update)
    return updates, params


def assert_same(first, second, **tolerance):
    assert jax.tree.structure(first) == jax.tree.structure(second)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), first, second)


@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS.keys())
class TestEveryOptimizer:
    def test_jit_equals_eager_and_compiles_once(self, optimizer):
        traces = []

        def step(params, state, gradient):
            traces.append(None)
            update, state = optimizer.update(gradient, state, params)
            return optax.apply_updates(params, update), state

        compiled = jax.jit(step)
        fast = slow = tree(0)
        fast_state = slow_state = optimizer.init(slow)
        for n in range(4):
            fast, fast_state = compiled(fast, fast_state, tree(n + 1))
        assert len(traces) == 1
        for n in range(4):
            slow, slow_state = step(slow, slow_state, tree(n + 1))
        assert_same(fast, slow, rtol=2e-6, atol=1e-7)

    def test_vmap_equals_loop(self, optimizer):
        gradients = [tree(n) for n in range(5)]
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *gradients)

        def two_steps(gradient):
            state = optimizer.init(gradient)
            _, state = optimizer.update(gradient, state, gradient)
            return optimizer.update(jax.tree.map(jnp.sin, gradient), state, gradient)[0]

        batched = jax.jit(jax.vmap(two_steps))(stacked)
        looped = jax.tree.map(lambda *leaves: np.stack(leaves), *map(jax.jit(two_steps), gradients))
        assert_same(batched, looped, rtol=2e-6, atol=1e-7)

    @pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.float16, jnp.float64])
    def test_dtype_and_structure_are_kept(self, optimizer, dtype):
        with jax.enable_x64(dtype == jnp.float64):
            params = tree(0, dtype)
            state = optimizer.init(params)
            update, new_state = optimizer.update(tree(1, dtype), state, params)
            assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), update) == jax.tree.map(
                lambda leaf: (leaf.shape, leaf.dtype), params
            )
            before, after = (jax.tree.map(lambda leaf: leaf.dtype, s) for s in (state, new_state))
            assert before == after

    def test_zero_gradient_moves_nothing(self, optimizer):
        zeros = jax.tree.map(jnp.zeros_like, tree(0))
        updates, params = run(optimizer, tree(0), [zeros, zeros])
        assert_same(params, tree(0), rtol=0, atol=0)

    def test_scan_equals_loop(self, optimizer):
        gradients = [tree(n) for n in range(6)]
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *gradients)
        params = tree(9)

        def step(carry, gradient):
            update, state = optimizer.update(gradient, carry[1], carry[0])
            return (optax.apply_updates(carry[0], update), state), None

        scanned = jax.lax.scan(step, (params, optimizer.init(params)), stacked)[0][0]
        assert_same(scanned, run(optimizer, params, gradients)[1], rtol=2e-6, atol=1e-7)


@pytest.mark.parametrize("eps_in_sqrt", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_equals_optax(decay, eps_in_sqrt):
    with jax.enable_x64(True):
        gradients = [tree(n, jnp.float64) for n in range(20)]
        ours = run(rmsprop(0.03, decay, 1e-3, eps_in_sqrt=eps_in_sqrt), tree(0, jnp.float64), gradients)
        theirs = run(optax.rmsprop(0.03, decay, 1e-3, eps_in_sqrt=eps_in_sqrt), tree(0, jnp.float64), gradients)
        assert_same(ours[0], theirs[0], rtol=1e-13, atol=0)


def test_sign_descent_is_the_memoryless_case():
    gradients = [tree(n) for n in range(3)]
    ours, theirs = (run(o, tree(0), gradients)[0] for o in (rmsprop(0.03, 0.0, 0.0), optax.sign_sgd(0.03)))
    assert_same(ours, theirs, rtol=1e-6)


@pytest.mark.parametrize("per", ["leaf", "tree"])
def test_shared_scale_against_numpy(per):
    gradients = [tree(n) for n in range(4)]
    updates, _ = run(rmsprop(0.1, 0.7, 1e-4, per=per), tree(0), gradients)
    G = {"w": 0.0, "b": 0.0}
    for gradient, update in zip(gradients, updates, strict=True):
        parts = {"w": np.asarray(gradient["w"], float), "b": np.asarray(gradient["b"][0], float)}
        squares = {name: float((part**2).sum()) for name, part in parts.items()}
        if per == "tree":
            squares = dict.fromkeys(squares, sum(squares.values()))
        G = {name: 0.7 * G[name] + 0.3 * squares[name] for name in G}
        np.testing.assert_allclose(update["w"], -0.1 * parts["w"] / np.sqrt(G["w"] + 1e-4), rtol=1e-5)
        np.testing.assert_allclose(update["b"][0], -0.1 * parts["b"] / np.sqrt(G["b"] + 1e-4), rtol=1e-5)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31), exponent=st.integers(-20, 20), per=st.sampled_from(SCOPES))
def test_without_eps_the_scale_of_the_loss_is_invisible(seed, exponent, per):
    with jax.enable_x64(True):
        gradients = jax.random.normal(jax.random.key(seed), (5, 4))
        scaled = gradients * 10.0**exponent
        one, other = (run(rmsprop(0.1, 0.9, 0.0, per=per), gradients[0], list(g))[0] for g in (gradients, scaled))
        np.testing.assert_allclose(np.stack(one), np.stack(other), rtol=1e-12)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**31))
def test_one_scale_commutes_with_rotations_and_coordinate_scales_only_with_signed_permutations(seed):
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), 3)
        gradients = jax.random.normal(keys[0], (5, 4))
        rotation = jax.random.orthogonal(keys[1], 4)
        signs = jax.random.rademacher(keys[2], (4,), float)
        permutation = jax.random.permutation(keys[1], jnp.diag(signs))

        def final(q, per):
            updates, _ = run(rmsprop(0.1, 0.9, 0.0, per=per), gradients[0], list(gradients @ q.T))
            return np.stack(updates)

        eye = jnp.eye(4)
        np.testing.assert_allclose(final(rotation, "tree"), final(eye, "tree") @ rotation.T, atol=1e-13)
        np.testing.assert_allclose(
            final(permutation, "coordinate"), final(eye, "coordinate") @ permutation.T, atol=1e-13
        )
        assert np.abs(final(rotation, "coordinate") - final(eye, "coordinate") @ rotation.T).max() > 1e-4


@pytest.mark.parametrize("eps", [0.0, 1e-4])
def test_floor_is_where_the_iteration_stalls(eps):
    with jax.enable_x64(True):
        h = jnp.array([0.5, 1.0, 30.0, 1e3])  # with eps = 1e-4 and rate 0.03 the first coordinate converges
        optimizer = rmsprop(0.03, 0.9, eps)

        def step(carry, _):
            update, state = optimizer.update(h * carry[0], carry[1])
            theta = carry[0] + update
            return (theta, state), jnp.sum(h * theta**2) / 2

        theta = jnp.array([1.0, -0.7, 0.4, 1.3])
        losses = jax.lax.scan(step, (theta, optimizer.init(theta)), None, length=8000)[1]
        np.testing.assert_allclose(losses[-1], rmsprop_floor(h, 0.03, eps), rtol=1e-6)
        if eps == 0:
            np.testing.assert_allclose(rmsprop_floor(h, 0.03), 0.03**2 * h.sum() / 8, rtol=1e-12)


def test_complex_parameters_against_numpy():
    gradients = np.random.default_rng(0).normal(size=(4, 3, 2)) @ [1, 1j]
    updates, _ = run(rmsprop(0.1, 0.7, 1e-4), jnp.zeros(3, jnp.complex64), list(gradients.astype(np.complex64)))
    G = np.zeros(3)
    for gradient, update in zip(gradients, updates, strict=True):
        G = 0.7 * G + 0.3 * np.abs(gradient) ** 2
        np.testing.assert_allclose(update, -0.1 * gradient / np.sqrt(G + 1e-4), rtol=1e-5)


@pytest.mark.parametrize("per", SCOPES)
def test_schedules_of_every_number_against_numpy(per):
    gradients = np.random.default_rng(1).normal(size=(4, 3)).astype(np.float32)
    f = jnp.float32
    optimizer = rmsprop(lambda n: 0.1 / (f(n) + 1), lambda n: f(n) / (f(n) + 2), lambda n: 0.01 * (f(n) + 1), per=per)
    updates, _ = run(optimizer, jnp.zeros(3), list(gradients))
    G = 0.0
    for n, (gradient, update) in enumerate(zip(gradients, updates, strict=True)):
        square = gradient**2 if per == "coordinate" else (gradient**2).sum()
        G = n / (n + 2) * G + 2 / (n + 2) * square
        np.testing.assert_allclose(update, -0.1 / (n + 1) * gradient / np.sqrt(G + 0.01 * (n + 1)), rtol=1e-5)


def test_learning_rate_and_decay_may_be_traced():
    gradient = jnp.array([1.0, -2.0])

    def first_update(learning_rate, decay):
        optimizer = rmsprop(learning_rate, decay)
        return optimizer.update(gradient, optimizer.init(gradient))[0]

    rates, decays = jnp.array([0.1, 0.2]), jnp.array([0.0, 0.9])
    batched = jax.vmap(first_update)(rates, decays)
    np.testing.assert_allclose(batched, np.array([[-0.1, 0.1], [-0.2, 0.2]]) / np.sqrt([[1.0], [0.1]]), rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"learning_rate": -0.1}, "learning_rate must be at least 0 and finite, got -0.1"),
        ({"learning_rate": float("nan")}, "learning_rate must be.*got nan"),
        ({"learning_rate": 0.1, "decay": 1.0}, r"decay must be in \[0, 1\), got 1.0"),
        ({"learning_rate": 0.1, "decay": -0.1}, "decay must be.*got -0.1"),
        ({"learning_rate": 0.1, "eps": -1e-8}, "eps must be at least 0 and finite, got -1e-08"),
    ],
)
def test_bad_numbers_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        rmsprop(**arguments)


def test_unknown_scope_and_empty_floor_are_refused():
    from kexue.dynamics import adaptive

    plain = getattr(adaptive.scale_by_root_mean_square, "__wrapped__", adaptive.scale_by_root_mean_square)
    with pytest.raises(ValueError, match="per must be 'coordinate', 'leaf' or 'tree', got 'row'"):
        plain(per="row")
    with pytest.raises(ValueError, match="at least one number"):
        rmsprop_floor(jnp.zeros((0,)), 0.1)
    with pytest.raises(ValueError, match="learning_rate must be"):
        rmsprop_floor(jnp.ones(2), -1.0)

"""Bent gradients against closed forms and finite differences: pytrees, traced numbers, vmap, second derivatives."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import bend_gradients, clip_gradient_norm, reverse_gradient, scale_gradient

X = {"a": jnp.array([0.3, -1.2, 0.8]), "b": (jnp.array([[0.5], [2.0]]),)}
RULES = {
    "scaled": lambda x: scale_gradient(x, 0.25),
    "reversed": lambda x: reverse_gradient(x, 2.0),
    "short": lambda x: clip_gradient_norm(x, 100.0),
    "clipped, l1": lambda x: clip_gradient_norm(x, 1.5, ord=1),
    "clipped, l2": lambda x: clip_gradient_norm(x, 1.5),
    "clipped, max": lambda x: clip_gradient_norm(x, 1.5, ord=np.inf),
}


def loss(x):
    a, b = x["a"], x["b"][0]
    return jnp.sum(jnp.exp(a)) * jnp.sum(b**3) + a[0] * a[1]


def slopes(function, x, h=1e-6):
    """Central differences of a function of a tree, in float64."""
    leaves, structure = jax.tree.flatten(jax.tree.map(lambda leaf: np.asarray(leaf, float), x))
    found = []
    for i, leaf in enumerate(leaves):
        out = np.zeros(leaf.shape)
        for index in np.ndindex(leaf.shape):
            ends = []
            for sign in (1, -1):
                moved = [other.copy() for other in leaves]
                moved[i][index] += sign * h
                ends.append(float(function(structure.unflatten(map(jnp.asarray, moved)))))
            out[index] = (ends[0] - ends[1]) / (2 * h)
        found.append(out)
    return structure.unflatten(found)


def bent_by_hand(name, gradient):
    flat = np.concatenate([leaf.ravel() for leaf in jax.tree.leaves(gradient)])
    order = {"clipped, l1": 1, "clipped, l2": 2, "clipped, max": np.inf}.get(name)
    factor = {"scaled": 0.25, "reversed": -2.0, "short": 1.0}.get(name) or 1.5 / np.linalg.norm(flat, order)
    return jax.tree.map(lambda leaf: factor * leaf, gradient)


@pytest.mark.parametrize("name", RULES)
def test_forward_is_the_identity_and_backward_the_rule(name):
    with jax.enable_x64(True):
        x = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float64), X)
        value, gradient = jax.value_and_grad(lambda x: loss(RULES[name](x)))(x)
        assert value == loss(x)
        expected = bent_by_hand(name, slopes(jax.jit(loss), x))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-7), gradient, expected)


@pytest.mark.parametrize("name", RULES)
def test_the_second_derivative_is_that_of_the_bent_gradient_in_both_modes(name):
    matrix = jnp.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.3], [0.0, -0.3, 3.0]])
    with jax.enable_x64(True):
        matrix, x = matrix.astype(jnp.float64), jnp.array([1.4, -0.4, 1.8])

        def gradient(x):
            return jax.grad(lambda x: RULES[name](x) @ matrix @ RULES[name](x) / 2)(x)

        # Both factors are bent on their own; by hand, the rule's Jacobian by differences of the rule.
        def by_hand(x):
            half = matrix @ x / 2
            return 2 * np.concatenate(jax.tree.leaves(bent_by_hand(name, {"x": np.asarray(half)})))

        columns = [(by_hand(x + h) - by_hand(x - h)) / 2e-6 for h in 1e-6 * np.eye(3)]
        for jacobian in (jax.jacrev, jax.jacfwd):
            np.testing.assert_allclose(jacobian(gradient)(x), np.stack(columns, axis=1), atol=1e-7)
        with pytest.raises(TypeError, match="forward-mode"):
            jax.jvp(RULES[name], (x,), (x,))


def test_numbers_may_be_traced_and_have_no_gradient_of_their_own():
    factors = jnp.array([0.5, -1.0, 0.0])
    x = jnp.array([1.0, 2.0])
    by_factor = jax.jit(jax.vmap(lambda s: jax.grad(lambda x: jnp.sum(scale_gradient(x, s) ** 2))(x)))(factors)
    np.testing.assert_allclose(by_factor, np.outer(factors, 2 * x))
    assert jax.grad(lambda s: jnp.sum(scale_gradient(x, s) ** 2))(0.5) == 0
    assert jax.grad(lambda c: jnp.sum(clip_gradient_norm(x, c) ** 2))(0.5) == 0


def test_under_vmap_each_example_is_clipped_alone():
    x = jnp.array([[3.0, 4.0], [0.3, 0.4]])
    gradients = jax.grad(lambda x: jnp.sum(jax.vmap(lambda row: clip_gradient_norm(row, 1.0))(x) ** 2) / 2)(x)
    np.testing.assert_allclose(gradients, [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)
    together = jax.grad(lambda x: jnp.sum(clip_gradient_norm(x, 1.0) ** 2) / 2)(x)
    np.testing.assert_allclose(together, x / np.linalg.norm(x), rtol=1e-6)


def test_large_zero_and_mixed_gradients():
    big = jax.grad(lambda x: jnp.sum(clip_gradient_norm(x, 1.0) * 3e30))(jnp.ones(4))
    np.testing.assert_allclose(big, 0.5, rtol=1e-6)
    for ord in (1, 2, np.inf):
        lost = jax.grad(lambda x: jnp.sum(clip_gradient_norm(x, 1.0, ord) * jnp.array([jnp.inf, 2.0])))(jnp.ones(2))  # noqa: B023
        np.testing.assert_array_equal(lost, [np.inf, 2])
    flat = jax.jacrev(jax.grad(lambda x: jnp.sum(clip_gradient_norm(x, 1.0) ** 2)))(jnp.zeros(2))
    np.testing.assert_array_equal(flat, 2 * np.eye(2))
    x = {"half": jnp.ones(3, jnp.bfloat16), "z": jnp.array([3 + 4j]), "n": jnp.arange(2), "f": jnp.tanh, "none": None}

    def total(floats):
        bent = clip_gradient_norm(x | floats, 1.0)
        assert bent["f"] is jnp.tanh and bent["n"] is x["n"]
        return jnp.sum(bent["half"]).astype(jnp.float32) + jnp.real(bent["z"][0] * (0 - 1j))

    gradient = jax.grad(total)({"half": x["half"], "z": x["z"]})  # of moduli 1, 1, 1, 1
    assert gradient["half"].dtype == jnp.bfloat16
    np.testing.assert_array_equal(gradient["half"].astype(float), 0.5)
    np.testing.assert_allclose(gradient["z"], [-0.5j], rtol=1e-6)
    assert clip_gradient_norm({}, 1.0) == {}


def test_integers_pass_under_a_gradient_that_allows_them():
    gradient = jax.grad(lambda x: jnp.sum(scale_gradient(x, 2)["w"]), allow_int=True)({"w": jnp.ones(2), "n": 3})
    np.testing.assert_array_equal(gradient["w"], 2)
    assert gradient["n"].dtype == jax.dtypes.float0


@pytest.mark.parametrize("factor", [0.01, -1.0])
def test_bending_parameters_is_bending_where_they_are_used(factor):
    params = {"encoder": {"w": jnp.array([0.5, -1.0])}, "head": jnp.array(0.7)}

    def value(params):
        return jnp.sum(jnp.sin(params["encoder"]["w"] * params["head"]))

    def used(params):
        return value(params | {"encoder": scale_gradient(params["encoder"], factor)})

    transform = bend_gradients({"encoder/.*": factor, "head": lambda g: jnp.clip(g, -0.1, 0.1)})
    bent, state = transform.update(jax.grad(value)(params), transform.init(params), unexpected=1)
    assert state == optax.EmptyState()
    np.testing.assert_allclose(bent["encoder"]["w"], jax.grad(used)(params)["encoder"]["w"], rtol=1e-6)
    np.testing.assert_allclose(bent["head"], np.clip(jax.grad(value)(params)["head"], -0.1, 0.1))


def test_a_scaled_gradient_slows_descent_and_not_descent_by_signs():
    params = {"encoder": jnp.array([0.5, -1.0]), "head": jnp.array(0.7)}
    gradient = {"encoder": jnp.array([3.0, -0.2]), "head": jnp.array(1.0)}
    bend = bend_gradients({"encoder": 2.0**-7})
    for optimizer, factor in [(optax.sgd(0.1), 2.0**-7), (optax.sign_sgd(0.1), 1.0)]:
        bent = optax.chain(bend, optimizer)
        step = bent.update(gradient, bent.init(params), params)[0]["encoder"]
        plain = optimizer.update(gradient, optimizer.init(params), params)[0]["encoder"]
        np.testing.assert_allclose(step, factor * plain, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: scale_gradient(X, float("inf")), "s must be finite, got inf"),
        (lambda: reverse_gradient(X, float("nan")), "s must be finite, got nan"),
        (lambda: clip_gradient_norm(X, 0.0), "max_norm must be positive and finite, got 0.0"),
        (lambda: clip_gradient_norm(X, 1.0, ord=3), "ord must be 1, 2 or inf, got 3"),
        (lambda: bend_gradients({"a": float("nan")}), "a must be finite, got nan"),
        (lambda: bend_gradients({"[": 1.0}), "rules must have regular expressions"),
        (lambda: bend_gradients({"c": 1.0}).init(X), "'c' matches none of the paths 'a', 'b/0'"),
        (
            lambda: bend_gradients({"a": jnp.sum}).update(X, optax.EmptyState()),
            r"keep the shape of a gradient, \(3,\), got \(\)",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()

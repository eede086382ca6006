"""Attributions against closed forms, SciPy's integrals and loops; what all of them have in common."""

import itertools
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad_vec

from kexue.sensitivity import (
    completeness_gap,
    expected_gradients,
    gradient_times_input,
    integrated_gradients,
    quadrature,
    saliency,
    shapley_exact,
    smoothgrad,
    staircase_attribution,
)

X, BASE = np.array([0.9, -0.4, 1.3]), np.array([0.1, 0.2, -0.5])
W = np.array([[0.7, -1.2, 0.4], [0.3, 0.9, -0.8], [-1.1, 0.5, 1.0], [0.2, -0.6, 0.9]])
V = np.array([1.5, -0.7, 0.8, 1.1])


def network(x):
    """Two layers of tanh; in NumPy and in JAX."""
    np_ = np if isinstance(x, np.ndarray) else jnp
    return V.astype(x.dtype) @ np_.tanh(W.astype(x.dtype) @ x)


def numpy_gradient(x):
    return (V * (1 - np.tanh(W @ x) ** 2)) @ W


JITTED = eqx.filter_jit(integrated_gradients)  # eager calls compile every operation apart

METHODS = {
    "saliency": lambda F, x, b: saliency(F, x, b),
    "gradient_times_input": lambda F, x, b: gradient_times_input(F, x, b),
    "smoothgrad": lambda F, x, b: smoothgrad(F, x, jax.random.key(0), sigma=0.1, samples=5, baseline=b),
    "gauss": lambda F, x, b: integrated_gradients(F, x, b, nodes=12),
    "left": lambda F, x, b: integrated_gradients(F, x, b, nodes=12, rule="left", chunk=5),
    "bent": lambda F, x, b: integrated_gradients(F, x, b, nodes=12, path=lambda a: b + a**2 * (x - b)),
    "exact": lambda F, x, b: integrated_gradients(F, x, b, rule="exact", kinks=lambda x: x - 0.3),
    "expected": lambda F, x, b: expected_gradients(F, x, jnp.stack([b, b + 1]), nodes=12),
    "shapley": lambda F, x, b: shapley_exact(F, x, b),
    "staircase": lambda F, x, b: staircase_attribution(F, x, b, np.array([2, 0, 1])),
}
COMPLETE = ("gauss", "bent", "expected", "shapley", "staircase")


@pytest.mark.parametrize("name", METHODS)
def test_jit_vmap_and_dtype(name):
    method = METHODS[name]
    xs = jnp.stack([jnp.asarray(X, jnp.float32), jnp.asarray(X[::-1].copy(), jnp.float32)])
    base = jnp.asarray(BASE, jnp.float32)
    eager = method(network, xs[1], base)
    together = jax.jit(jax.vmap(lambda x: method(network, x, base)))(xs)
    for field in ("values", "residual", "evaluations", "nonfinite", "exhausted"):
        one, all_ = getattr(eager, field), getattr(together, field)
        np.testing.assert_allclose(all_[1], one, rtol=2e-5, atol=2e-6, err_msg=field)
    assert np.all(together.nonfinite == -1)
    assert together.values.dtype == together.residual.dtype == jnp.float32
    with jax.enable_x64(True):
        double = jax.eval_shape(lambda: method(network, jnp.asarray(X), jnp.asarray(BASE)))
        assert double.values.dtype == double.residual.dtype == jnp.float64
        assert double.nonfinite.dtype == jnp.int32


@pytest.mark.parametrize("name", METHODS)
def test_residual_is_the_missing_sum(name):
    with jax.enable_x64(True):
        x, base = jnp.asarray(X), jnp.asarray(BASE)
        result = jax.jit(partial(METHODS[name], network))(x, base)
        effect = network(X) - network(BASE)
        if name == "expected":
            effect = network(X) - (network(BASE) + network(BASE + 1)) / 2
        np.testing.assert_allclose(result.residual, np.sum(result.values) - effect, atol=1e-14)
        assert (abs(result.residual) < 1e-6) == (name in COMPLETE)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("saliency", "smoothgrad")])
def test_on_a_linear_function_all_agree(name):
    weights = jnp.array([2.0, -3.0, 0.5])
    x, base = jnp.asarray(X, jnp.float32), jnp.asarray(BASE, jnp.float32)
    by_hand = np.asarray(weights) * (X - (BASE + 0.5 * (name == "expected")))
    explain = jax.jit(partial(METHODS[name], lambda x: weights @ x))
    np.testing.assert_allclose(explain(x, base).values, by_hand, rtol=1e-5)


@pytest.mark.parametrize("name", [name for name in METHODS if name not in ("exact", "shapley", "staircase", "bent")])
def test_pytrees(name):
    """A function of two arrays is a function of one."""
    x, base = jnp.asarray(X, jnp.float32), jnp.asarray(BASE, jnp.float32)
    tree = lambda x: {"a": x[:1], "b": x[1:].reshape(1, 2)}  # noqa: E731
    whole = lambda tree: network(jnp.concatenate([tree["a"], tree["b"].ravel()]))  # noqa: E731
    flat = jax.jit(partial(METHODS[name], network))(x, base)
    if name == "expected":
        baselines = jax.vmap(tree)(jnp.stack([base, base + 1]))
        result = jax.jit(partial(expected_gradients, whole, nodes=12))(tree(x), baselines)
    else:
        result = jax.jit(partial(METHODS[name], whole))(tree(x), tree(base))
    assert result.values["b"].shape == (1, 2)
    np.testing.assert_allclose(result.values["a"], flat.values[:1], rtol=1e-5)
    np.testing.assert_allclose(result.values["b"][0], flat.values[1:], rtol=1e-5)


def test_saliency_and_first_order_are_the_gradient():
    with jax.enable_x64(True):
        x, base = jnp.asarray(X), jnp.asarray(BASE)
        np.testing.assert_allclose(saliency(network, x).values, numpy_gradient(X), rtol=1e-12)
        np.testing.assert_allclose(gradient_times_input(network, x).values, X * numpy_gradient(X), rtol=1e-12)
        by_hand = (X - BASE) * numpy_gradient(X)
        np.testing.assert_allclose(gradient_times_input(network, x, base).values, by_hand, rtol=1e-12)


def test_smoothgrad_converges_to_the_smoothed_gradient():
    # E[3 (x + σξ)²] = 3 (x² + σ²)
    x = jnp.array([0.5, -2.0])
    smooth = eqx.filter_jit(smoothgrad)
    result = smooth(lambda x: jnp.sum(x**3), x, jax.random.key(1), sigma=0.7, samples=20_000, chunk=1_000)
    np.testing.assert_allclose(result.values, 3 * (np.asarray(x) ** 2 + 0.49), rtol=0.03)
    again = smooth(lambda x: jnp.sum(x**3), x, jax.random.key(1), sigma=0.7, samples=20_000)
    np.testing.assert_allclose(result.values, again.values, rtol=1e-4)


@pytest.mark.parametrize("rule", ["gauss", "lobatto"])
def test_integrated_gradients_are_scipys_integral(rule):
    with jax.enable_x64(True):
        integral, _ = quad_vec(lambda a: numpy_gradient(BASE + a * (X - BASE)), 0, 1, epsabs=1e-13)
        result = integrated_gradients(network, jnp.asarray(X), jnp.asarray(BASE), nodes=25, rule=rule)
        np.testing.assert_allclose(result.values, (X - BASE) * integral, atol=1e-12)
        assert result.evaluations == 25


@pytest.mark.parametrize(("rule", "chunk"), [("lobatto", None), ("left", 1), ("right", 3), ("gauss", 7)])
def test_rules_and_chunks_against_a_loop(rule, chunk):
    nodes, weights = quadrature(rule, 7)
    mean = sum(w * numpy_gradient(BASE + a * (X - BASE)) for a, w in zip(nodes, weights, strict=True))
    with jax.enable_x64(True):
        explain = jax.jit(partial(integrated_gradients, network, nodes=7, rule=rule, chunk=chunk))
        result = explain(jnp.asarray(X), jnp.asarray(BASE))
        np.testing.assert_allclose(result.values, (X - BASE) * mean, rtol=1e-12)


def test_chunks_bound_what_is_evaluated_at_once():
    widths = set()

    @jax.custom_batching.custom_vmap
    def spy(x):
        return x

    @spy.def_vmap
    def _(size, batched, x):
        widths.add(size)
        return x, batched[0]

    f = lambda x: jnp.sum(spy(x) ** 2)  # noqa: E731
    gradient = jax.custom_jvp(f)
    gradient.defjvp(lambda primals, tangents: (f(primals[0]), jnp.sum(2 * spy(primals[0]) * tangents[0])))
    result = integrated_gradients(gradient, jnp.ones(2), jnp.zeros(2), nodes=10, chunk=4)
    np.testing.assert_allclose(result.values, [1, 1], rtol=1e-5)
    assert widths == {4}


def test_a_path_bends_the_attribution():
    F = lambda x: x[0] * x[1] ** 2 + x[0] ** 2  # noqa: E731
    x = jnp.array([2.0, 1.0])
    straight = JITTED(F, x, jnp.zeros(2), nodes=3)
    np.testing.assert_allclose(straight.values, [14 / 3, 4 / 3], rtol=1e-6)
    # x₁ = u³ with u on a straight line: ∫ (a² + 4a³) 6a² da = 6/5 + 4, the rest belongs to the other
    bent = integrated_gradients(F, x, jnp.zeros(2), nodes=6, path=lambda a: jnp.stack([2 * a**3, a]))
    np.testing.assert_allclose(bent.values, [5.2, 0.8], rtol=1e-6)
    faster = JITTED(F, x, jnp.zeros(2), nodes=9, path=lambda a: a**3 * x)
    np.testing.assert_allclose(faster.values, straight.values, rtol=1e-6)  # the same line, another clock


def test_expected_gradients_are_the_mean_over_baselines():
    with jax.enable_x64(True):
        x, baselines = jnp.asarray(X), jnp.asarray(np.stack([BASE, -BASE, X[::-1]]))
        explain = jax.jit(partial(integrated_gradients, network, nodes=9))
        each = [explain(x, b) for b in baselines]
        for chunk in (None, 2):
            result = jax.jit(partial(expected_gradients, network, nodes=9, chunk=chunk))(x, baselines)
            np.testing.assert_allclose(result.values, np.mean([e.values for e in each], axis=0), rtol=1e-12)
            np.testing.assert_allclose(result.residual, np.mean([e.residual for e in each]), atol=1e-14)
            assert result.evaluations == 27


def test_target_picks_one_output():
    F = lambda x: jnp.stack([x @ x, 3 * x[0], network(x)])  # noqa: E731
    x, base = jnp.asarray(X, jnp.float32), jnp.zeros(3)
    known = jax.jit(lambda: integrated_gradients(F, x, base, target=1, nodes=9).values)()
    np.testing.assert_allclose(known, [3 * X[0], 0, 0], atol=1e-6)
    explain = jax.jit(jax.vmap(lambda k: integrated_gradients(F, x, base, target=k, nodes=9)))
    each = explain(jnp.array([-1, 0, 2, 3]))
    np.testing.assert_allclose(each.values[1], X**2, rtol=1e-5)
    alone = jax.jit(partial(integrated_gradients, network, nodes=9))(x, base)
    np.testing.assert_allclose(each.values[2], alone.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(np.isnan(each.residual), [True, False, False, True])


def test_implementation_does_not_matter():
    relu, other = jax.nn.relu, lambda z: (z + jnp.abs(z)) / 2
    with jax.enable_x64(True):
        F, G = (lambda x, s=s: jnp.asarray(V) @ s(jnp.asarray(W) @ x) for s in (relu, other))
        a, b = (JITTED(f, jnp.asarray(X), jnp.asarray(BASE), nodes=20).values for f in (F, G))
        np.testing.assert_allclose(a, b, atol=1e-14)


def test_a_gradient_that_is_not_finite_is_reported_with_its_node():
    F = lambda x: jnp.sqrt(jnp.abs(x - 0.5)).sum()  # noqa: E731
    x, zero = jnp.array([1.0, 2.0]), jnp.zeros(2)
    for chunk in (None, 2):
        result = JITTED(F, x, zero, rule="midpoint", nodes=5, chunk=chunk)
        assert result.nonfinite == 2  # x₀ = ½ there; x₁ never is
        assert not np.isfinite(result.values[0]) and np.isfinite(result.values[1]) and not np.isfinite(result.residual)
    assert JITTED(F, x, zero, rule="midpoint", nodes=4).nonfinite == -1  # no node at one half
    assert saliency(F, jnp.array([0.5, 2.0])).nonfinite == 0
    baselines = jnp.stack([jnp.full(2, 0.1), zero])
    assert eqx.filter_jit(expected_gradients)(F, x, baselines, rule="midpoint", nodes=5).nonfinite == 2


def test_it_can_be_differentiated():
    """An attribution can be part of a loss."""
    x, base = jnp.asarray(X, jnp.float32), jnp.asarray(BASE, jnp.float32)
    part = lambda scale: integrated_gradients(lambda x: network(scale * x), x, base, nodes=8).values[0]  # noqa: E731
    part = jax.jit(part)
    slope = jax.jit(jax.grad(part))(1.0)
    np.testing.assert_allclose(slope, (part(1.01) - part(0.99)) / 0.02, rtol=1e-2)


def test_completeness_gap():
    x, base, values = (jnp.asarray(a, jnp.float32) for a in (X, BASE, V[:3]))
    by_hand = V[:3].sum() - (network(X) - network(BASE))
    np.testing.assert_allclose(completeness_gap(network, x, base, values), by_hand, rtol=1e-5)
    both = lambda x: jnp.stack([network(x), -network(x)])  # noqa: E731
    np.testing.assert_allclose(completeness_gap(both, x, base, values, target=0), by_hand, rtol=1e-5)


CALLS = [lambda F, x, b, **kw: integrated_gradients(F, x, b, **kw)]
CALLS += [lambda F, x, b, **kw: gradient_times_input(F, x, b, **kw), lambda F, x, b, **kw: saliency(F, x, b, **kw)]
CALLS += [lambda F, x, b, **kw: shapley_exact(F, x, b, **kw)]
CALLS += [lambda F, x, b, **kw: staircase_attribution(F, x, b, np.arange(3), **kw)]


@pytest.mark.parametrize("call", CALLS)
def test_what_all_refuse(call):
    x, vector = jnp.ones(3), lambda x: jnp.tile(x, 2)[:4]
    with pytest.raises(ValueError, match=r"baseline must have the shape of x, \(3,\), got \(2,\)"):
        call(jnp.sum, x, jnp.zeros(2))
    with pytest.raises(ValueError, match=r"must return a scalar, got shape \(4,\): give target="):
        call(vector, x, jnp.zeros(3))
    for target in (-1, 4):
        with pytest.raises(ValueError, match=rf"target must be in \[0, 4\), got {target}"):
            call(vector, x, jnp.zeros(3), target=target)
    with pytest.raises(ValueError, match=r"target needs a function that returns a vector, got shape \(\)"):
        call(jnp.sum, x, jnp.zeros(3), target=0)
    with pytest.raises(ValueError, match="x must hold real floating-point numbers, got int32"):
        call(jnp.sum, jnp.ones(3, jnp.int32), jnp.zeros(3))
    with pytest.raises(ValueError, match="function must return one array of real floating-point numbers"):
        call(lambda x: (x[0], x[1]), x, jnp.zeros(3))


def test_what_integrated_gradients_refuse():
    x, base = jnp.ones(3), jnp.zeros(3)
    for arguments, message in [
        ({"rule": "simpson"}, "rule='simpson' is not allowed.*'trapezoid', 'exact'"),
        ({"nodes": 0}, "nodes must be at least 1 for the rule 'gauss', got 0"),
        ({"nodes": 1, "rule": "trapezoid"}, "nodes must be at least 2 for the rule 'trapezoid', got 1"),
        ({"chunk": 0}, "chunk must be at least 1, got 0"),
        ({"path": lambda a: a * x + 0.1}, r"path must start at baseline: path\(0\) is off by 0.1"),
        ({"path": lambda a: a * x / 2}, r"path must end at x: path\(1\) is off by 0.5"),
        ({"path": lambda a: a * jnp.ones(2)}, "path must return points like x"),
        ({"rule": "exact"}, "rule='exact' must be told where the function may bend"),
        ({"rule": "exact", "pieces": 0}, "pieces must be at least 1, got 0"),
        ({"rule": "exact", "path": lambda a: a * x}, "path must be None for rule='exact'"),
    ]:
        with pytest.raises(ValueError, match=message):
            integrated_gradients(jnp.sum, x, base, **arguments)
    stray = jax.jit(lambda x: integrated_gradients(jnp.sum, x, base, path=lambda a: a * x + 0.1).values)
    with pytest.raises(Exception, match="path must start at baseline"):
        jax.block_until_ready(stray(x))
    for baselines in (jnp.zeros((0, 3)), jnp.zeros(())):
        with pytest.raises(ValueError, match="baselines must have a leading axis of length at least 1"):
            expected_gradients(jnp.sum, x, baselines)
    with pytest.raises(ValueError, match=r"baseline must have the shape of x, \(3,\), got \(2,\)"):
        expected_gradients(jnp.sum, x, jnp.zeros((5, 2)))
    for arguments, message in [
        ({"sigma": -1.0}, "sigma must be at least 0 and finite, got -1.0"),
        ({"sigma": 0.1, "samples": 0}, "samples must be at least 1, got 0"),
        ({"sigma": 0.1, "chunk": 0}, "chunk must be at least 1, got 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            smoothgrad(jnp.sum, x, jax.random.key(0), **arguments)
    with pytest.raises(ValueError, match=r"values must have the shape of x, \(3,\), got \(2,\)"):
        completeness_gap(jnp.sum, x, base, jnp.zeros(2))


def test_no_second_compilation():
    traces = itertools.count()

    @eqx.filter_jit
    def explain(x, target):
        next(traces)
        return integrated_gradients(lambda x: jnp.stack([x @ x, x[0]]), x, jnp.zeros(3), target=target)

    for k in (0, 1):
        explain(jnp.full(3, 1.0 + k), jnp.asarray(k))
    assert next(traces) == 1

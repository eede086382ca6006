"""Momentum against optax, eigenvalues of the companion matrix, brute force over both parameters."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import j1

from kexue.dynamics import (
    characteristic_roots,
    companion_radius,
    heavy_ball,
    heavy_ball_from_ode,
    nesterov,
    ode_from_heavy_ball,
    tuned_heavy_ball,
)
from kexue.training import train


def loss(params):
    return 0.5 * jnp.sum(jnp.array([1.0, 9.0], params["x"].dtype) * params["x"] ** 2) + jnp.cos(params["y"])


PARAMS = {"x": jnp.array([1.0, -2.0]), "y": jnp.array(0.3, jnp.float32)}


def follow(optimizer, params=PARAMS, steps=50):
    def step(carry, _):
        params, state = carry
        updates, state = optimizer.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
        return (params, state), params

    return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[1]


def test_heavy_ball_is_optax_sgd():
    for ours, theirs in zip(
        jax.tree.leaves(follow(heavy_ball(0.05, 0.9))),
        jax.tree.leaves(follow(optax.sgd(0.05, momentum=0.9))),
        strict=True,
    ):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_half_step_start_scales_only_the_first_step():
    plain, half = (follow(heavy_ball(0.05, 0.5, half_step_start=h), steps=2)["x"] for h in (False, True))
    np.testing.assert_allclose((half[0] - PARAMS["x"]) * 1.5, plain[0] - PARAMS["x"], rtol=1e-5)
    # The second step by hand, from the two positions.
    expected = half[0] + 0.5 * (half[0] - PARAMS["x"]) - 0.05 * jnp.array([1.0, 9.0]) * half[0]
    np.testing.assert_allclose(half[1], expected, rtol=1e-5)


def test_nesterov_is_the_two_sequence_iteration():
    rate, h = 0.05, np.array([1.0, 9.0])
    x = y = np.array([1.0, -2.0])
    sequence = []
    for k in range(50):
        x, previous = y - rate * h * y, x
        y = x + k / (k + 3) * (x - previous)
        sequence.append(y)
    np.testing.assert_allclose(follow(nesterov(rate))["x"], np.stack(sequence), atol=1e-5)


def test_schedules_against_numpy():
    def rate(n):
        return 0.05 / (jnp.float32(n) + 1)

    def momentum(n):
        return jnp.float32(n) / (jnp.float32(n) + 2)

    h = np.array([1.0, 9.0])
    theta, trace = np.array([1.0, -2.0]), 0.0
    x = y = np.array([1.0, -2.0])
    balls, sequence = [], []
    for n in range(10):
        trace = momentum(n) * trace + h * theta
        theta = theta - rate(n) * trace
        x, previous = y - rate(n) * h * y, x
        y = x + n / (n + 3) * (x - previous)
        balls.append(theta)
        sequence.append(y)
    np.testing.assert_allclose(follow(heavy_ball(rate, momentum), steps=10)["x"], np.stack(balls), atol=1e-5)
    np.testing.assert_allclose(follow(nesterov(rate), steps=10)["x"], np.stack(sequence), atol=1e-5)


@pytest.mark.parametrize(
    "optimizer", [heavy_ball(0.05, 0.9), heavy_ball(0.05, 0.9, half_step_start=True), nesterov(0.05)]
)
class TestOptimizers:
    def test_jit_is_eager_and_compiles_once(self, optimizer):
        traces = 0

        def update(grads, state):
            nonlocal traces
            traces += 1
            return optimizer.update(grads, state)

        compiled, state, eager_state = jax.jit(update), optimizer.init(PARAMS), optimizer.init(PARAMS)
        for _ in range(3):
            step, state = compiled(PARAMS, state)
            eager, eager_state = optimizer.update(PARAMS, eager_state)
            for a, b in zip(jax.tree.leaves(step), jax.tree.leaves(eager), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-6)
        assert traces == 1

    def test_vmap_is_a_loop(self, optimizer):
        starts = {"x": jnp.arange(6.0).reshape(3, 2), "y": jnp.arange(3.0)}
        together = jax.vmap(lambda p: follow(optimizer, p))(starts)
        for i in range(3):
            alone = follow(optimizer, jax.tree.map(lambda leaf, i=i: leaf[i], starts))
            np.testing.assert_allclose(together["x"][i], alone["x"], atol=1e-5)

    def test_dtype_is_kept(self, optimizer):
        params = {"x": jnp.ones(2, jnp.bfloat16), "y": jnp.array(0.3, jnp.float32)}
        state = optimizer.init(params)
        for _ in range(2):
            step, state = optimizer.update(params, state)
            assert jax.tree.map(lambda leaf: leaf.dtype, step) == jax.tree.map(lambda leaf: leaf.dtype, params)

    def test_inside_a_chain(self, optimizer):
        clipped = follow(optax.chain(optax.clip_by_global_norm(1.0), optimizer), steps=1)
        moved = jax.tree.map(lambda after, before: after[0] - before, clipped, PARAMS)
        assert 0 < optax.tree.norm(moved) <= 0.05 * 1.0001


@pytest.mark.parametrize("half_step_start, order", [(False, 1), (True, 2)])
def test_half_of_the_first_step_gives_the_second_order(half_step_start, order):
    damping, curvature, end = 0.4, 2.0, 3.0
    omega = np.sqrt(curvature - damping**2 / 4)
    exact = np.exp(-damping * end / 2) * (np.cos(omega * end) + damping / (2 * omega) * np.sin(omega * end))

    def miss(steps):
        with jax.enable_x64(True):
            pair = (float(number) for number in heavy_ball_from_ode(damping, end / steps))
            optimizer = heavy_ball(*pair, half_step_start=half_step_start)
            return abs(train(lambda x: curvature * x**2 / 2, jnp.array(1.0), optimizer, steps).params - exact)

    assert abs(np.log2(miss(200) / miss(400)) - order) < 0.05


def test_nesterov_follows_its_flow_with_an_error_like_the_root_of_the_rate():
    def distance(rate):
        with jax.enable_x64(True):
            run = train(lambda x: x**2 / 2, jnp.array(1.0), nesterov(rate), round(12 / rate**0.5), record=lambda x: x)
        path = np.asarray(run.history)[1:]
        times = np.arange(1, len(path) + 1) * rate**0.5
        return np.abs(path - 2 * j1(times) / times).max()

    far, near = distance(1e-3), distance(1e-5)
    assert far < 0.04
    assert 9 < far / near < 11


@settings(deadline=None)
@given(st.floats(1e-3, 10), st.floats(-0.95, 0.99))
def test_ode_and_heavy_ball_are_inverses(rate, momentum):
    damping, step = ode_from_heavy_ball(rate, momentum)
    back = heavy_ball_from_ode(damping, step)
    np.testing.assert_allclose(back[0], rate, rtol=1e-4)
    np.testing.assert_allclose(back[1], momentum, atol=1e-5)


def test_heavy_ball_from_ode_is_the_central_difference():
    damping, h, slope, now, before = 0.7, 0.2, 1.3, 0.4, 0.9
    alpha, beta = heavy_ball_from_ode(damping, h)
    after = now + beta * (now - before) - alpha * slope
    residual = (after - 2 * now + before) / h**2 + damping * (after - before) / (2 * h) + slope
    assert abs(residual) < 1e-4


@settings(max_examples=60, deadline=None)
@given(st.floats(1e-3, 4), st.floats(-0.95, 0.99), st.floats(0.01, 2))
def test_roots_are_the_eigenvalues_of_the_companion_matrix(rate, momentum, curvature):
    companion = np.array([[1 + momentum - rate * curvature, -momentum], [1.0, 0.0]])
    with jax.enable_x64(True):
        roots = np.asarray(characteristic_roots(rate, momentum, curvature))
        radius = float(companion_radius(rate, momentum, curvature))
    expected = np.linalg.eigvals(companion)
    np.testing.assert_allclose(np.sort_complex(roots), np.sort_complex(expected.astype(complex)), atol=2e-7)
    np.testing.assert_allclose(radius, np.abs(expected).max(), atol=2e-7)


@pytest.mark.parametrize("momentum", [-0.5, 0.0, 0.5, 0.9])
def test_stability_boundary(momentum):
    edge = 2 * (1 + momentum)
    assert companion_radius(0.999 * edge, momentum, 1.0) < 1 < companion_radius(1.001 * edge, momentum, 1.0)


def test_tuning_is_the_minimum_over_both_parameters():
    rates, momenta = jnp.linspace(0.01, 0.3, 146)[:, None, None], jnp.linspace(0, 0.95, 96)[:, None]
    radius = companion_radius(rates, momenta, jnp.array([1.0, 25.0])).max(axis=-1)
    rate, momentum = tuned_heavy_ball(1.0, 25.0)
    tuned = companion_radius(rate, momentum, jnp.array([1.0, 25.0])).max()
    assert tuned <= radius.min() + 1e-3  # a double root: rounding moves it by the square root of the precision
    assert radius.min() < tuned + 0.02
    np.testing.assert_allclose(jnp.sqrt(momentum), 4 / 6, rtol=1e-6)


def test_shapes_broadcast():
    roots = characteristic_roots(jnp.ones((3, 1)), 0.5, jnp.ones(4))
    assert roots.shape == (3, 4, 2)
    np.testing.assert_allclose(
        jax.vmap(lambda r: companion_radius(r, 0.5, 1.0))(jnp.array([0.1, 1.0])),
        companion_radius(jnp.array([0.1, 1.0]), 0.5, 1.0),
    )
    assert jnp.isfinite(characteristic_roots(1.0, 0.0, 1.0)).all()


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: heavy_ball(0.0, 0.5), "learning_rate must be positive and finite, got 0.0"),
        (lambda: heavy_ball(0.1, 1.0), "momentum must be between -1 and 1, both excluded, got 1.0"),
        (lambda: nesterov(-1.0), "learning_rate must be positive"),
        (lambda: heavy_ball_from_ode(-1.0, 0.1), "damping must be at least 0"),
        (lambda: heavy_ball_from_ode(1.0, float("nan")), "step must be positive"),
        (lambda: ode_from_heavy_ball(0.1, np.array([0.5, -1.0])), "momentum must be between"),
        (lambda: tuned_heavy_ball(2.0, 1.0), r"smallest must be at most largest \(1.0\), got 2.0"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()

"""The limiting flows against closed forms, SciPy's integrators and the optimizers that tend to them."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.optimize import brentq

from kexue.dynamics.adaptive_flows import adagrad_flow, adam_flow, arc_length_flow, sign_flow

START = (1.2, -0.8)


TRACES = []


def landscape(theta):
    TRACES.append(None)
    x, y = theta
    return x**2 / 2 + 2 * y**2 + x**2 * y**2 / 4 + x**4 / 10


def slope(theta):
    """The gradient of `landscape`, by hand and in NumPy."""
    x, y = theta
    return np.array([x + x * y**2 / 2 + 0.4 * x**3, 4 * y + x**2 * y / 2])


# Every flow is one row: name -> call(loss, params, times, **keywords)
FLOWS = {
    "arc length": arc_length_flow,
    "sign": lambda loss, params, times, **k: sign_flow(loss, params, times, 0.1, **k),
    "adam": lambda loss, params, times, **k: adam_flow(loss, params, times, 2.0, 1.0, 1e-3, **k),
    "adagrad": adagrad_flow,
}


def finely(flow, start, times):
    """In double precision, and at one tolerance for three times: what is compiled once serves all tests."""
    return flow(landscape, jnp.asarray(start, jnp.float64), jnp.asarray(times, jnp.float64), tolerance=1e-9)


@pytest.mark.parametrize("flow", FLOWS.values(), ids=FLOWS.keys())
class TestEveryFlow:
    def test_jit_vmap_and_one_compilation(self, flow):
        traces = []

        def end(start):
            traces.append(None)
            return flow(landscape, start, jnp.array([0.5]))[0]

        starts = jnp.array([START, (0.5, 0.9), (-1.0, 0.3)])
        compiled, batched = jax.jit(end), jax.jit(jax.vmap(end))
        singles = jnp.stack([compiled(start) for start in starts])
        assert len(traces) == 1
        # Under vmap all members share the solver's steps, so agreement is to its tolerance.
        np.testing.assert_allclose(batched(starts), singles, atol=2e-5)

    def test_dtype_times_and_trees(self, flow):
        times = jnp.array([0.1, 0.3, 0.5])
        with jax.enable_x64(True):
            exact = finely(flow, START, times)
            # A float32 tree stays float32, also where 64 bits are on.
            tree = {"x": jnp.asarray(START[0], jnp.float32), "y": (jnp.asarray(START[1], jnp.float32),)}
            path = flow(lambda tree: landscape((tree["x"], tree["y"][0])), tree, times)
            assert path["x"].dtype == path["y"][0].dtype == jnp.float32 and exact.dtype == jnp.float64
            np.testing.assert_allclose(np.stack([path["x"], path["y"][0]], 1), exact, atol=5e-5)

    def test_gradient_equals_finite_difference(self, flow):
        with jax.enable_x64(True):
            end = lambda start: jnp.sum(finely(flow, start, [0.1, 0.3, 0.5])[-1] ** 2)  # noqa: E731
            start, direction = jnp.array(START), jnp.array([0.6, 0.8])
            forth = end(start + 1e-3 * direction)
            traced = len(TRACES)
            difference = (forth - end(start - 1e-3 * direction)) / 2e-3
            assert len(TRACES) <= traced + 1  # a bare call anew takes at most a first slope
            np.testing.assert_allclose(jax.jit(jax.grad(end))(start) @ direction, difference, rtol=1e-4)

    def test_bad_times_are_refused(self, flow):
        bad = (([], "empty"), ([0.2, 0.1], "increasing"), ([-0.1, 0.3], "negative|at least 0"))
        for times, message in bad:
            with pytest.raises(ValueError, match=message):
                flow(landscape, jnp.array(START), jnp.array(times))
        with pytest.raises(ValueError, match="tolerance must be positive"):
            flow(landscape, jnp.array(START), jnp.array([0.5]), tolerance=0.0)


def test_arc_length_flow_walks_along_gradient_flow_at_speed_one():
    """On h = (1, 4) gradient flow follows y = y0 (x/x0)^4, whose arc length SciPy can integrate."""
    with jax.enable_x64(True):
        lengths = jnp.array([0.2, 0.7, 1.2])
        path = np.asarray(arc_length_flow(lambda p: (p[0] ** 2 + 4 * p[1] ** 2) / 2, jnp.array(START), lengths))
        x0, y0 = START
        np.testing.assert_allclose(path[:, 1], y0 * (path[:, 0] / x0) ** 4, atol=1e-10)
        for s, (x, _) in zip(lengths, path, strict=True):
            length, _ = quad(lambda u: np.hypot(1, 4 * y0 / x0 * (u / x0) ** 3), x, x0, epsabs=1e-12)
            np.testing.assert_allclose(length, s, atol=1e-9)


def test_sign_flow_against_its_implicit_solution():
    """On h theta^2 / 2 the quantity theta + (eps/h) log(theta) falls at speed one."""
    with jax.enable_x64(True):
        h, eps, start, t = 3.0, 0.2, 1.5, 1.4
        theta = sign_flow(lambda theta: h * theta**2 / 2, jnp.asarray(start), jnp.array([t]), eps)
        exact = brentq(
            lambda u: u + eps / h * np.log(u) - start - eps / h * np.log(start) + t, 1e-12, start, xtol=1e-14
        )
        np.testing.assert_allclose(theta, [exact], rtol=1e-9)


def test_adam_flow_against_scipy_on_the_uncorrected_system():
    with jax.enable_x64(True):
        a, b, eps, t0 = 2.0, 1.0, 1e-3, 1e-6

        def field(t, state):
            theta, m, v = np.split(state, 3)
            g = slope(theta)
            velocity = -(m / (1 - np.exp(-a * t))) / (np.sqrt(v / (1 - np.exp(-b * t))) + eps)
            return np.concatenate([velocity, a * (g - m), b * (g**2 - v)])

        g = slope(START)
        start = np.concatenate([np.array(START) - t0 * g / (abs(g) + eps), a * t0 * g, b * t0 * g**2])
        reference = solve_ivp(field, (t0, 1.0), start, method="DOP853", rtol=1e-11, atol=1e-13).y[:2, -1]
        ours = adam_flow(landscape, jnp.array(START), jnp.array([0.4, 1.0]), a, b, eps)
        np.testing.assert_allclose(ours[-1], reference, atol=1e-6)


def test_adagrad_flow_against_scipy_in_ordinary_time():
    with jax.enable_x64(True):
        t0 = 1e-9

        def field(t, state):
            theta, K = np.split(state, 2)
            g = slope(theta)
            return np.concatenate([-g / np.sqrt(K), g**2])

        g = slope(START)
        start = np.concatenate([np.array(START) - 2 * np.sqrt(t0) * np.sign(g), t0 * g**2])
        reference = solve_ivp(field, (t0, 0.5), start, method="DOP853", rtol=1e-11, atol=1e-17).y[:2, -1]
        ours = adagrad_flow(landscape, jnp.array(START), jnp.array([0.1, 0.5]))
        np.testing.assert_allclose(ours[-1], reference, atol=1e-6)


def test_adagrad_leaves_an_idle_coordinate_alone():
    path = adagrad_flow(lambda theta: theta[0] ** 2, jnp.array([1.0, 2.0]), jnp.array([0.1]))
    assert float(path[0, 1]) == 2.0 and np.isfinite(path).all()


LIMITS = {
    "adam, decays 1 - a eta": (
        lambda eta: optax.adam(eta, 1 - 2 * eta, 1 - eta, 1e-3),
        lambda eta: eta,
        "adam",
        1.0,
        (0.01, 0.0025),
        (0.95, 1.05),
    ),
    "adam, fixed decays": (
        lambda eta: optax.adam(eta, 0.5, 0.9, 0.1),
        lambda eta: eta,
        "sign",
        0.6,
        (0.0025, 0.000625),
        (0.9, 1.1),
    ),
    "adagrad, step eta^2": (
        lambda eta: optax.adagrad(eta, initial_accumulator_value=0.0, eps=0.0),
        lambda eta: eta**2,
        "adagrad",
        0.5,
        (0.05, 0.0125),
        (0.85, 1.1),
    ),
}


@pytest.mark.parametrize(("make", "clock", "flow", "t1", "etas", "order"), LIMITS.values(), ids=LIMITS.keys())
def test_optimizer_tends_to_its_flow_at_first_order(make, clock, flow, t1, etas, order):
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):  # optax itself is not strict

        @jax.jit
        def end(eta, steps):
            optimizer, theta = make(eta), jnp.array(START)

            def step(_, carry):
                update, state = optimizer.update(jax.grad(landscape)(carry[0]), carry[1])
                return carry[0] + update, state

            return jax.lax.fori_loop(0, steps, step, (theta, optimizer.init(theta)))[0]

        limit = finely(FLOWS[flow], START, [t1 / 4, t1 / 2, t1])[-1]
        errors = [np.linalg.norm(end(eta, round(t1 / clock(eta))) - limit) for eta in etas]
        slope = np.log(errors[0] / errors[1]) / np.log(etas[0] / etas[1])
        assert order[0] < slope < order[1], (slope, errors)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda *problem: sign_flow(*problem, eps=0.0), "eps must be positive.*got 0.0"),
        (lambda *problem: adam_flow(*problem, a=0.0, b=1.0), "a must be positive.*got 0.0"),
        (lambda *problem: adam_flow(*problem, a=1.0, b=-1.0), "b must be positive.*got -1.0"),
        (lambda *problem: adam_flow(*problem, a=1.0, b=1.0, eps=-1.0), "eps must be at least 0.*got -1.0"),
    ],
)
def test_bad_numbers_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(landscape, jnp.array(START), jnp.array([0.5]))

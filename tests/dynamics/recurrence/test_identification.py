"""Fits against SciPy's MINPACK on a NumPy solver, closed forms, and the data of two competing species."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from kexue.dynamics import OdeCell, euler_bias, fit_parameters, regress_derivatives, unroll

TIMES = np.array([10, 15, 30, 36, 40, 42])
TABLE = np.array([[165, 283], [197, 290], [280, 276], [305, 269], [318, 266], [324, 264]])
TRUTH = np.array([0.1, 0.3, 0.002, 0.003, 1e-4, 2e-4])
GUESS = np.array([0.1, 0.1, 1e-3, 1e-3, 1e-3, 1e-3])
START = np.array([100, 150])
ROUNDING = 12**-0.5


def species(x, t, p):
    return p[:2] * x * (1 - p[2:4] * x) - p[4:] * x[0] * x[1]


def numpy_path(p, method):
    x, path = START.astype(float), []
    for _ in range(42):
        k1 = species(x, 0, p)
        if method == "euler":
            x = x + k1
        else:
            k2 = species(x + k1 / 2, 0, p)
            k3 = species(x + k2 / 2, 0, p)
            k4 = species(x + k3, 0, p)
            x = x + (k1 + 2 * k2 + 2 * k3 + k4) / 6
        path.append(x)
    return np.array(path)


@pytest.fixture(scope="module", params=["rk4", "euler"])
def species_fit(request):
    with jax.enable_x64(True):
        fit = fit_parameters(species, GUESS, START, TIMES, TABLE, step=1, method=request.param, sigma=ROUNDING)
        return request.param, jax.tree.map(np.asarray, fit)


def test_the_fit_and_its_covariance_are_minpack_s(species_fit):
    method, fit = species_fit

    def misfit(u):
        return (numpy_path(np.exp(u), method)[TIMES - 1] - TABLE).ravel()

    theirs = least_squares(misfit, np.log(TRUTH), method="lm", xtol=1e-14, ftol=1e-14, gtol=1e-14)
    assert fit.converged and fit.next_step < 1e-8 and fit.gradient_norm < 1e-10 and 20 < fit.iterations < 300
    np.testing.assert_allclose(fit.sse, 2 * theirs.cost, rtol=1e-9)
    np.testing.assert_allclose(fit.params, np.exp(theirs.x), rtol=1e-5)
    covariance = np.linalg.inv(theirs.jac.T @ theirs.jac) * ROUNDING**2 * np.outer(fit.params, fit.params)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-3, atol=1e-3 * np.abs(covariance).min())


def test_a_cell_of_fourth_order_finds_the_equation_and_euler_s_another(species_fit):
    method, fit = species_fit
    errors = (fit.params - TRUTH) / np.sqrt(np.diag(fit.covariance))
    if method == "rk4":  # 12 numbers, 6 parameters: half a unit of rounding variance each is what remains
        assert fit.sse < 1.5 and np.abs(errors).max() < 4
    else:
        assert fit.sse < 1.5 and errors[1] < -5 and errors[5] < -5


def decay(x, t, a):
    return a * x


def exact(a, times=(0.5, 1.0, 2.0)):
    return 2 * np.exp(a * np.array(times))[:, None]


def test_euler_s_bias_is_the_closed_form():
    a = np.array([-1.3, 0.6])  # the second by its logarithm
    times = np.array([0.5, 1.0, 2.0])
    with jax.enable_x64(True):
        fit = fit_parameters(
            lambda x, t, p: jnp.stack(p) * x,
            (-0.6, 0.3),
            np.ones(2),
            times,
            np.exp(a * times[:, None]),
            step=0.25,
            method="euler",
            log_space=(False, True),
        )
        assert fit.converged and fit.sse < 1e-20  # without any misfit
        np.testing.assert_allclose(np.array(fit.params) - a, euler_bias(a, 0.25), rtol=1e-9)
        np.testing.assert_allclose(np.log(1 + np.array(fit.params) / 4) * 4, a, rtol=1e-10)


def test_a_cell_of_fourth_order_has_a_bias_of_fourth_order():
    def bias(step):
        """Its polynomial at z = â h is to be the exponential of a h."""
        return np.roots([1 / 24, 1 / 6, 1 / 2, 1, 1 - np.exp(0.6 * step)])[-1].real / step - 0.6

    with jax.enable_x64(True):
        fit = fit_parameters(decay, 0.5, np.full(1, 2.0), [0.5, 1, 2], exact(0.6), step=0.5)
    np.testing.assert_allclose(np.asarray(fit.params) - 0.6, bias(0.5), rtol=1e-6)
    assert 3.8 < np.log2(bias(0.5) / bias(0.25)) < 4.2


def pendulum(state, t, params):
    return {"q": state["p"], "p": -params["stiffness"] * jnp.sin(state["q"]) - params["friction"] * state["p"]}


ANGLES = np.array([1.0, 0.5, 2.0, 3.0, 0.0])


@pytest.fixture(scope="module")
def swings():
    truth = {"friction": jnp.array(0.3), "stiffness": jnp.array([1.7, 0.8])}
    x0 = {"q": jnp.array([1.0, -0.5]), "p": jnp.zeros(2)}
    path = unroll(OdeCell(lambda x, t: pendulum(x, t, truth), 0.125, "rk4"), x0, 24)
    index = (ANGLES / 0.125).astype(int)
    return truth, x0, jax.tree.map(lambda leaf: np.asarray(leaf[index]), path)


def test_trees_masks_and_times_in_any_order(swings):
    truth, x0, values = swings
    guess = {"friction": 0.1, "stiffness": np.array([1.0, 1.0])}
    fit = partial(fit_parameters, pendulum, guess, x0, ANGLES, step=0.125)
    whole = fit(values)
    assert whole.converged and whole.covariance.shape == (3, 3)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-3), whole.params, truth)
    # Only angles are seen, one of them not: the rest may be anything.
    mask = {"q": np.ones((5, 2), bool), "p": np.zeros((5, 2), bool)}
    mask["q"][1, 0] = False
    hidden = jax.tree.map(lambda y, m: np.where(m, y, np.nan), values, mask)
    partly = fit(hidden, mask=mask)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=5e-3), partly.params, truth)
    spoiled = jax.tree.map(lambda y, m: np.where(m, y, 1e3), values, mask)
    np.testing.assert_array_equal(fit(spoiled, mask=mask).params["stiffness"], partly.params["stiffness"])
    with pytest.raises(ValueError, match="values must be finite where they are observed"):
        fit(hidden)


def test_noise_makes_the_covariance_and_a_mask_its_number():
    rng = np.random.default_rng(0)
    times, noise = np.arange(1, 9) / 4, 0.05 * rng.normal(size=(8, 1))
    data = exact(-0.6, times) + noise
    mask = np.arange(8)[:, None] != 3
    with jax.enable_x64(True):
        fit = fit_parameters(decay, -0.3, np.full(1, 2.0), times, data, step=0.25, log_space=False, mask=mask)
    kept, seen = times[mask[:, 0]], data[mask]

    def misfit(a):
        return 2 * np.exp(a * kept) - seen

    theirs = least_squares(misfit, -0.3, method="lm", xtol=1e-14, ftol=1e-14)
    np.testing.assert_allclose(fit.params, theirs.x[0], rtol=1e-4)  # RK4's own error
    np.testing.assert_allclose(fit.sse, 2 * theirs.cost, rtol=1e-3)
    variance = 2 * theirs.cost / (7 - 1) / np.sum(theirs.jac**2)
    np.testing.assert_allclose(fit.covariance, [[variance]], rtol=1e-3)


def test_the_start_can_be_found_too_and_every_lane_has_its_mask():
    times = np.array([0.25, 0.5, 1.0, 1.25])
    right = -3 * np.exp(-0.8 * times)
    spoiled = np.where(times == 0.5, 7.0, 2 * right)

    def fit(values, mask):
        return fit_parameters(
            lambda x, t, p: -p[0] * x,
            (0.3, -1.0),
            lambda p: p[1],
            times,
            values,
            step=0.25,
            log_space=(True, False),
            mask=mask,
        )

    found = jax.jit(jax.vmap(fit))(jnp.array([right, spoiled]), jnp.array([times > 0, times != 0.5]))
    np.testing.assert_allclose(found.params[0], [0.8, 0.8], rtol=1e-3)
    np.testing.assert_allclose(found.params[1], [-3, -6], rtol=1e-3)
    assert found.converged.all()


def test_the_fit_can_be_differentiated():
    def rate(seen):  # one Euler step from 2: 2 (1 + a / 2) is what is seen
        return fit_parameters(
            decay, -0.5, np.full(1, 2.0), [0.5], seen, step=0.5, method="euler", log_space=False
        ).params

    value, slope = jax.jit(jax.value_and_grad(lambda y: rate(y[None, None])))(1.5)
    np.testing.assert_allclose([value, slope], [-0.5, 1.0], rtol=1e-5)


def test_single_precision_beside_double_and_one_compilation():
    traces = 0

    def field(x, t, a):
        nonlocal traces
        traces += 1
        return -a * x

    with jax.enable_x64(True):
        narrow = [jnp.asarray(number, jnp.float32) for number in (0.5, np.full(1, 2.0), exact(-0.7))]

        def fit(a):
            return fit_parameters(field, a, narrow[1], [0.5, 1, 2], narrow[2], step=0.25)

        first = fit(narrow[0])
        assert first.params.dtype == jnp.float32 and first.converged
        np.testing.assert_allclose(first.params, 0.7, rtol=1e-4)
        before = traces
        second = fit(narrow[0] + 1)
        assert traces == before
        np.testing.assert_allclose(second.params, 0.7, rtol=1e-4)


def test_what_cannot_be_found_is_said():
    with jax.enable_x64(True):
        fit = partial(
            fit_parameters, x0=np.ones(1), times=[0.5, 1.0, 1.5], values=np.exp([[0.5], [1.0], [1.5]]), step=0.5
        )
        product, lost = (fit(only_the_product, np.full(2, start)) for start in (0.5, 1e80))
        assert product.covariance[0, 0] > 1e6 * product.sse  # only the product is known
        assert not lost.converged  # infinite at the start
        cut = fit(decay, 0.01, max_iter=2)
        assert not cut.converged and cut.iterations == 2 and cut.next_step > 0.1


def only_the_product(x, t, p):
    return p[0] * p[1] * x


def test_regression_of_a_parabola_is_exact_at_uneven_times():
    times = np.array([0.0, 0.4, 0.5, 1.3, 2.0])
    with jax.enable_x64(True):
        fit = regress_derivatives(
            lambda x, t, p: p[0] + p[1] * t, np.ones(2), times, 1 - 3 * times + 2 * times**2, log_space=False
        )
    assert fit.converged
    np.testing.assert_allclose(fit.params, [-3, 4], rtol=1e-8)


def test_regression_is_linear_least_squares_on_numpy_s_gradient():
    times = np.linspace(0, 5, 41)
    with jax.enable_x64(True):
        values = np.asarray(unroll(OdeCell(lambda x, t: species(x, t, TRUTH), 0.125, "rk4"), START, 40))
        found = regress_derivatives(species_linear, np.ones(6), times, values, log_space=False, max_iter=500)
    slopes = np.gradient(values, times, axis=0)[1:-1]
    x = values[1:-1]
    for i in range(2):
        design = np.stack([x[:, i], x[:, i] ** 2, x[:, 0] * x[:, 1]], axis=1)
        np.testing.assert_allclose(found.params[i::2], np.linalg.lstsq(design, slopes[:, i])[0], rtol=1e-5)


def species_linear(x, t, p):
    return p[:2] * x + p[2:4] * x**2 + p[4:] * x[0] * x[1]


GOOD = {"field": decay, "params0": 0.5, "x0": np.ones(1), "times": [0.5, 1.0], "values": np.ones((2, 1)), "step": 0.5}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"times": [0.5, 0.7]}, r"times must be multiples of step \(0.5\), and not negative, got 0.7"),
        ({"times": [-0.5, 0.5]}, "times must be multiples of step .* got -0.5"),
        ({"times": [0.5, float("nan")]}, "times must be multiples of step .* got nan"),
        ({"times": []}, "times must be one axis of at least one number"),
        ({"step": 0.0}, "step must be positive and finite, got 0.0"),
        ({"params0": -0.5}, "params0 must be positive where log_space is on, got -0.5"),
        ({"params0": float("inf")}, "params0 must be finite, got inf"),
        ({"params0": {}}, "params0 must hold at least one number"),
        ({"params0": np.ones(3)}, r"values must be at least as many as the parameters \(3\), got 2"),
        (
            {"log_space": (True, False)},
            r"log_space must be one truth value, or one for each part of params0, got \(True",
        ),
        ({"values": np.ones((3, 1))}, r"values must have a state for each time, \(2, 1\), got \(3, 1\)"),
        ({"values": np.ones((2, 1)) * 1j}, "x0 and values must be real"),
        ({"mask": np.ones((2, 1))}, "mask must hold truth values"),
        ({"mask": np.ones(2, bool)}, r"mask must hold truth values, of shape \(2, 1\), got \(2,\)"),
        ({"method": "rk45"}, "method must be one of"),
        ({"max_iter": 0}, "max_iter must be at least 1, got 0"),
        ({"sigma": -1.0}, "sigma must be positive and finite, got -1.0"),
    ],
)
def test_bad_input(change, words):
    with pytest.raises(ValueError, match=words):
        fit_parameters(**GOOD | change)


@pytest.mark.parametrize(
    "times, values, words",
    [
        ([0.0, 1.0], np.ones((2, 1)), "times must be one axis of at least three numbers"),
        ([0.0, 2.0, 1.0], np.ones((3, 1)), "times must increase"),
        ([0.0, 1.0, 2.0], np.ones((4, 1)), "values must have a state for each time"),
        ([0.0, 1.0, 2.0], np.full((3, 1), np.nan), "values must be finite"),
    ],
)
def test_bad_regression(times, values, words):
    with pytest.raises(ValueError, match=words):
        regress_derivatives(decay, 0.5, times, values)


def test_times_must_be_known_before_tracing():
    with pytest.raises(ValueError, match="times and step must be known before tracing"):
        jax.jit(lambda times: fit_parameters(**GOOD | {"times": times}))(jnp.array([0.5, 1.0]))

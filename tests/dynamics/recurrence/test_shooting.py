"""Windows that join against the fit without windows, a weighted least-squares problem in SciPy, and a chaotic flow."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import least_squares

from kexue.dynamics import OdeCell, fit_parameters, multiple_shooting, unroll

TIMES = np.array([0.25, 0.75, 1.0, 1.5, 1.75])
DATA = 2 * np.exp(-0.6 * TIMES)[:, None] + np.array([[0.05], [-0.02], [0.03], [0.01], [-0.04]])


def decay(x, t, a):
    return -a * x


def test_one_window_is_the_plain_fit():
    def misfit(a):
        z = -a / 4
        return 2 * (1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24) ** (4 * TIMES) - DATA[:, 0]

    theirs = least_squares(misfit, 0.3, method="lm", xtol=1e-14, ftol=1e-14)
    with jax.enable_x64(True):
        ours = multiple_shooting(decay, 0.3, np.full(1, 2.0), TIMES, DATA, step=0.25, windows=1)
    np.testing.assert_allclose(ours.params, theirs.x[0], rtol=1e-6)
    np.testing.assert_allclose(ours.sse, 2 * theirs.cost, rtol=1e-9)
    np.testing.assert_allclose(ours.covariance, [[2 * theirs.cost / 4 / np.sum(theirs.jac**2)]], rtol=1e-4)


def test_windows_of_a_forced_flow_are_the_penalised_problem():
    def misfit(unknown):
        """56 steps in three windows of 19, the last one longer than what was seen of it."""
        a, *starts = unknown
        starts = [2.0, *starts]
        begins = [0.0, 19 / 32, 38 / 32, 57 / 32]

        def flow(start, begin, t):
            return (start - special(a, begin)) * np.exp(-a * (t - begin)) + special(a, t)

        inside = [0, 1, 1, 2, 2]
        seen = [flow(starts[w], begins[w], t) for w, t in zip(inside, TIMES, strict=True)]
        jumps = [3 * (flow(starts[w], begins[w], begins[w + 1]) - starts[w + 1]) for w in range(2)]
        return np.concatenate([np.array(seen) - DATA[:, 0], jumps])

    def special(a, t):
        return t / a - 1 / a**2  # solves x' = -a x + t

    theirs = least_squares(misfit, [0.3, 1.5, 1.0], method="lm", xtol=1e-14, ftol=1e-14)
    with jax.enable_x64(True):
        ours = multiple_shooting(
            lambda x, t, a: -a * x + t,
            0.3,
            np.full(1, 2.0),
            TIMES,
            DATA,
            step=1 / 32,
            windows=3,
            continuity=3.0,
        )
    np.testing.assert_allclose(ours.sse, 2 * theirs.cost, rtol=1e-6)
    np.testing.assert_allclose(ours.params, theirs.x[0], rtol=1e-6)


def lorenz(x, t, rho):
    return jnp.stack([10 * (x[1] - x[0]), x[0] * (rho - x[2]) - x[1], x[0] * x[1] - 8 / 3 * x[2]])


def test_a_chaotic_flow_is_found_in_windows_and_not_at_once():
    with jax.enable_x64(True):
        x0 = np.array([-5.0, -8.0, 15.0])
        path = unroll(OdeCell(lambda x, t: lorenz(x, t, 28.0), 0.02, "rk4"), x0, 500)
        noise = np.random.default_rng(0).normal(size=(50, 3))
        times, values = np.arange(1, 51) * 0.2, np.asarray(path[10::10]) + 0.1 * noise
        options = {"step": 0.02, "max_iter": 100}
        at_once = fit_parameters(lorenz, 25.0, x0, times, values, **options)
        windows = multiple_shooting(lorenz, 25.0, x0, times, values, windows=10, **options)
    at_once, windows = jax.tree.map(np.asarray, (at_once, windows))
    assert abs(at_once.params - 28) > 0.5
    deviation = windows.covariance[0, 0] ** 0.5
    assert windows.converged
    assert abs(windows.params - 28) < 4 * deviation < 0.1


GOOD = {"field": decay, "params0": 0.5, "x0": np.ones(1), "times": TIMES, "values": DATA, "step": 0.25, "windows": 2}


@pytest.mark.parametrize(
    "change, words",
    [
        ({"windows": 0}, "windows must be at least 1, got 0"),
        ({"windows": 8}, "windows must be at most the number of steps, 7, got 8"),
        ({"continuity": 0.0}, "continuity must be positive and finite, got 0.0"),
        ({"times": TIMES[::-1]}, "times must increase"),
        ({"values": DATA[:3]}, "values must have a state for each time"),
        ({"params0": 0.0}, "params0 must be positive where log_space is on, got 0.0"),
    ],
)
def test_bad_input(change, words):
    with pytest.raises(ValueError, match=words):
        multiple_shooting(**GOOD | change)

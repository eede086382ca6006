"""Cells against plain NumPy loops, diffrax, SciPy's DOP853 and the data of two competing species."""

import diffrax
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from kexue.dynamics import OdeCell, observe, unroll

R, INVERSE, A = np.array([0.1, 0.3]), np.array([0.002, 0.003]), np.array([1e-4, 2e-4])
START = np.array([100.0, 150.0])


def species(x, t):
    """Two species that compete; NumPy or JAX."""
    return R * x * (1 - INVERSE * x) - A * x[0] * x[1]


# Coefficients by row: the stages of each method, then the weights of their mean.
TABLEAUS = {
    "euler": ([[]], [1]),
    "heun": ([[], [1]], [1 / 2, 1 / 2]),
    "rk4": ([[], [1 / 2], [0, 1 / 2], [0, 0, 1]], [1 / 6, 1 / 3, 1 / 3, 1 / 6]),
}


def by_hand(field, x, t, h, steps, method):
    stages, weights = TABLEAUS[method]
    path = [x]
    for _ in range(steps):
        slopes = []
        for row in stages:
            there = x + h * sum(a * k for a, k in zip(row, slopes, strict=True))
            slopes.append(field(there, t + h * sum(row)))
        x = x + h * sum(w * k for w, k in zip(weights, slopes, strict=True))
        t += h
        path.append(x)
    return np.array(path)


@pytest.mark.parametrize("method", TABLEAUS)
def test_every_method_is_its_tableau(method):
    def forced(x, t):
        return np.array([x[1], -x[0] * x[0]]) + np.array([t, t * t])

    def forced_tree(state, t):
        return {"q": state["p"] + t, "p": -(state["q"] ** 2) + t**2, "none": None}

    expected = by_hand(forced, np.array([0.5, -0.3]), 0.7, 0.2, 5, method)
    with jax.enable_x64(True):
        path = unroll(OdeCell(forced_tree, 0.2, method), {"q": 0.5, "p": -0.3, "none": None}, 5, t0=0.7)
    assert path["none"] is None
    np.testing.assert_allclose(np.stack([path["q"], path["p"]], axis=1), expected, rtol=1e-12)


@pytest.mark.parametrize("method, low, high", [("euler", 0.95, 1.08), ("heun", 1.9, 2.2), ("rk4", 3.8, 4.2)])
def test_order(method, low, high):
    end = solve_ivp(lambda t, x: species(x, t), (0, 16), START, "DOP853", rtol=1e-12, atol=1e-9).y[:, -1]
    with jax.enable_x64(True):
        misses = [np.abs(unroll(OdeCell(species, 16 / n, method), START, n)[-1] - end).max() for n in (16, 32, 64)]
    slopes = np.log2(np.array(misses[:-1]) / misses[1:])
    assert ((low < slopes) & (slopes < high)).all(), slopes


def test_path_and_gradient_are_diffrax_s():
    saved = diffrax.SaveAt(steps=True)

    def theirs(r):
        field = diffrax.ODETerm(lambda t, x, r: r * x * (1 - INVERSE * x) - A * x[0] * x[1])
        found = diffrax.diffeqsolve(
            field, diffrax.Euler(), 0.0, 100.0, 0.1, START, args=r, saveat=saved, max_steps=1000
        )
        return found.ys[-1].sum(), found.ys

    def ours(r):
        cell = OdeCell(lambda x, t: r * x * (1 - INVERSE * x) - A * x[0] * x[1], 0.1)
        path = unroll(cell, START, 1000)
        return path[-1].sum(), path[1:]

    with jax.enable_x64(True):
        (_, path), gradient = jax.jit(jax.value_and_grad(ours, has_aux=True))(R)
        (_, expected), slope = jax.jit(jax.value_and_grad(theirs, has_aux=True))(R)
    np.testing.assert_allclose(path, expected, rtol=1e-11)
    np.testing.assert_allclose(gradient, slope, rtol=1e-9)
    np.testing.assert_allclose(path[-1], [375, 250], rtol=0.01)  # where both species end


def test_the_published_table_is_euler_s():
    index = 10 * np.array([10, 15, 30, 36, 40, 42])
    with jax.enable_x64(True):
        seen = observe(unroll(OdeCell(species, 0.1), START, 420), index)
    table = [[165, 283], [197, 290], [280, 276], [305, 269], [318, 266], [324, 264]]
    np.testing.assert_array_equal(np.round(seen), table)
    exact = solve_ivp(lambda t, x: species(x, t), (0, 10), START, "DOP853", rtol=1e-12, atol=1e-9).y[1, -1]
    assert round(exact) == 282 != table[0][1]


def test_jit_vmap_and_one_compilation():
    traces = 0

    def field(x, t):
        nonlocal traces
        traces += 1
        return -x * jnp.cos(t)

    def path(x0, step):
        return unroll(OdeCell(field, step, "heun"), x0, 8)

    starts = jnp.array([[1.0, 2.0], [3.0, -1.0]])
    steps = jnp.array([0.25, 0.5])
    together = jax.jit(jax.vmap(path))(starts, steps)
    alone = [path(x0, float(step)) for x0, step in zip(starts, steps, strict=True)]
    np.testing.assert_allclose(together, np.stack(alone), rtol=1e-5)
    before = traces
    again = path(starts[0] + 1, 0.25)
    assert traces == before + 2  # the two stages of the look at the shapes, and no more
    np.testing.assert_allclose(again, path(starts[0] + 1, jnp.array(0.25)), rtol=1e-6)


def test_gradients_through_a_closure_and_vmap_over_it():
    def end(rate):
        return unroll(OdeCell(lambda x, t: rate * x, 0.5), 1.0, 3)[-1]

    rates = jnp.array([0.2, -0.4])
    np.testing.assert_allclose(jax.vmap(jax.grad(end))(rates), 3 * 0.5 * (1 + 0.5 * rates) ** 2, rtol=1e-5)
    np.testing.assert_allclose(jax.vmap(jax.jacfwd(end))(rates), 3 * 0.5 * (1 + 0.5 * rates) ** 2, rtol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64, jnp.complex64])
@pytest.mark.parametrize("method", ["euler", "rk4"])
def test_dtypes_are_kept(dtype, method):
    with jax.enable_x64(True):
        x0 = (jnp.ones(2, dtype), jnp.array(1.0, jnp.float32))
        path = unroll(OdeCell(lambda x, t: (-x[0], x[1] * 0 + t.astype(jnp.float32)), 0.25, method), x0, 4)
        assert [leaf.dtype for leaf in path] == [dtype, jnp.float32]
        assert path[0].shape == (5, 2) and path[1].shape == (5,)
        expected = 0.75**4 if method == "euler" else np.exp(-1)
        np.testing.assert_allclose(path[0][-1].astype(complex), expected, rtol=0.02 if dtype == jnp.bfloat16 else 2e-4)


def test_times_do_not_pile_up_in_half_precision():
    x0 = jnp.zeros(1, jnp.bfloat16)
    path = unroll(OdeCell(lambda x, t: (t > 999.5).astype(jnp.bfloat16)[None], 1.0), x0, 1002)
    np.testing.assert_array_equal(path[[1000, 1001, 1002], 0].astype(float), [0, 1, 2])


def test_integers_scalars_and_empty_states():
    cell = OdeCell(lambda x, t: x, 0.5)
    assert cell(2).dtype == jnp.float32 and cell(2) == 3
    np.testing.assert_allclose(unroll(cell, np.array([2, 4]), 1), [[2, 4], [3, 6]])
    assert unroll(OdeCell(lambda x, t: {}, 0.5), {}, 3) == {}


def test_a_cell_of_one_s_own():
    class Leapfrog:
        step = 0.1

        def __call__(self, x, t):
            q, p = x
            p = p - self.step / 2 * jnp.sin(q)
            q = q + self.step * p
            return q, p - self.step / 2 * jnp.sin(q)

    q, p = unroll(Leapfrog(), (1.0, 0.0), 1000)
    energy = p**2 / 2 - jnp.cos(q)
    assert jnp.abs(energy - energy[0]).max() < 2e-3  # Euler's grows by two in that time


def test_observe_picks_rows_and_knows_its_range():
    path = {"a": jnp.arange(4.0), "b": jnp.arange(8.0).reshape(4, 2)}
    seen = observe(path, [3, 0, 3])
    np.testing.assert_array_equal(seen["b"], [[6, 7], [0, 1], [6, 7]])
    traced = jax.jit(observe)(path, jnp.array([-1, 4, 2]))["a"]
    np.testing.assert_array_equal(traced, [np.nan, np.nan, 2])


class Widening:
    step = 0.1

    def __call__(self, x, t):
        return x.astype(jnp.complex64)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: OdeCell(species, 0.1, "midpoint"), "method must be one of 'euler', 'heun', 'rk4', got 'midpoint'"),
        (lambda: OdeCell(species, 0.0), "step must be positive and finite, got 0.0"),
        (lambda: OdeCell(species, float("nan")), "step must be positive and finite, got nan"),
        (lambda: unroll(OdeCell(species, 0.1), START, 0), "steps must be at least 1, got 0"),
        (
            lambda: unroll(OdeCell(lambda x, t: jnp.sum(x), 0.1), jnp.ones(2), 2),
            r"field must return what it is given, \(2,\); it returned \(\)",
        ),
        (
            lambda: unroll(Widening(), jnp.ones(2), 2),
            r"the cell must return what it is given, float32\[2\]; it returned comp",
        ),
        (lambda: observe(jnp.ones(3), [3]), "index must be from 0 to 2, got 3 to 3"),
        (lambda: observe(jnp.ones(3), [-1, 2]), "index must be from 0 to 2, got -1 to 2"),
        (lambda: observe((jnp.ones(3), jnp.ones(2)), [0]), r"one number of states in all its leaves, got \[2, 3\]"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()

"""Annealing in a box beside SciPy's dual annealing, at equal time."""

from time import perf_counter

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import dual_annealing

from kexue.sampling import anneal_box

LOWER, UPPER = np.full(10, -4.608), np.full(10, 5.632)  # the minimum is not the centre
TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]


def rastrigin(x, cos=jnp.cos):
    return 100 + (x**2 - 10 * cos(2 * np.pi * x)).sum()


def turned(x, cos=jnp.cos):
    return rastrigin(TURN @ x, cos)


def griewank(x, cos=jnp.cos):
    return 1 + (x**2).sum() / 4000 - cos(x / np.sqrt(np.arange(1, 11))).prod()


@jax.jit
def annealed_box(key):
    return jnp.min(anneal_box(rastrigin, LOWER, UPPER, key).best_energy)


def ours_box(seed=0):
    with jax.enable_x64(True):
        return 1 + float(annealed_box(jax.random.key(seed)))


def scipy_box(seed=0, function=rastrigin, lower=LOWER, upper=UPPER, seconds=np.inf):
    start = perf_counter()
    late = lambda x, f, context: perf_counter() - start > seconds  # noqa: E731
    bounds = list(zip(lower, upper, strict=True))
    found = dual_annealing(lambda x: function(x, np.cos), bounds, rng=np.random.default_rng(seed), callback=late)
    return 1 + found.fun


@pytest.mark.benchmark(group="minimum of Rastrigin's function in 10 dimensions to 1e-6, float64")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(ours_box, id="kexue.sampling.anneal_box"),
        pytest.param(scipy_box, id="scipy.optimize.dual_annealing"),
    ],
)
def test_rastrigin(measure, way):
    measure(way, tolerance=1e-6)


def test_minima_at_equal_time():
    """Both start from the same number of random seeds; SciPy's callback stops it when our time is over."""
    boxes = {"rastrigin": (rastrigin, 1), "turned rastrigin": (turned, 1), "griewank": (griewank, 100)}
    for name, (function, width) in boxes.items():
        lower, upper = width * LOWER, width * UPPER
        with jax.enable_x64(True):
            solve = jax.jit(lambda key, f=function, a=lower, b=upper: jnp.min(anneal_box(f, a, b, key).best_energy))
            solve(jax.random.key(0))
            mine, theirs = [], []
            for seed in range(10):
                start = perf_counter()
                mine.append(float(solve(jax.random.key(seed))))
                seconds = perf_counter() - start
                theirs.append(scipy_box(seed, function, lower, upper, seconds) - 1)
        hits = [np.mean(np.array(ends) < 1e-6) for ends in (mine, theirs)]
        print(f"\n{name}: {seconds:.2f} s; reached {hits}; median ends {np.median(mine):.3g}, {np.median(theirs):.3g}")
        assert hits[0] >= hits[1]

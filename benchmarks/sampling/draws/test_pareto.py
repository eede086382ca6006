"""The tail of many sets of weights beside ArviZ."""

import arviz_stats.base
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sampling import pareto_smooth


@pytest.mark.parametrize(
    "way",
    [
        pytest.param("kexue", id="kexue.sampling.pareto_smooth"),
        pytest.param("peer", id="arviz_stats"),
    ],
)
@pytest.mark.benchmark(group="Pareto smoothing of 1,000 sets of 4,000 weights, float32")
def test_pareto(measure, way):
    log_w = np.log(np.random.default_rng(0).pareto(1.5, (1_000, 4_000)) + 1).astype(np.float32)
    if way == "kexue":
        smooth, weights = jax.jit(jax.vmap(pareto_smooth)), jnp.asarray(log_w)
        measure(lambda: smooth(weights).k, tolerance=5e-3)
    else:
        measure(lambda: arviz_stats.base.array_stats.psislw(-log_w.astype(float))[1], tolerance=5e-3)

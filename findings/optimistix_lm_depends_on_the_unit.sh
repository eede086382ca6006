#!/usr/bin/env bash
# Expected: least squares does not depend on the unit of the residuals: the same search, the same minimum.
# Happens: optimistix's Levenberg-Marquardt adds a damping that starts at one, whatever the size of the residuals. Two
#   competing species, counted in hundreds, six parameters by their logarithms: from residuals as they are the search
#   ends far from the minimum after 500 steps; divided by the norm of the data it converges, to a sum of squares of 0.5.
# Versions: optimistix 0.1.0, jax 0.10.1.
# Source: seen here. Divide residuals by the norm of the data.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
venv/bin/pip install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1 optimistix==0.1.0 equinox==0.13.8
JAX_PLATFORMS=cpu venv/bin/python - <<'EOF'
from importlib.metadata import version

import jax
import jax.numpy as jnp
import optimistix

jax.config.update("jax_enable_x64", True)
times = jnp.array([10, 15, 30, 36, 40, 42])
counts = jnp.array([[165, 283], [197, 290], [280, 276], [305, 269], [318, 266], [324, 264]], float)
start = jnp.log(jnp.array([0.1, 0.1, 1e-3, 1e-3, 1e-3, 1e-3]))


def velocity(x, p):
    return p[:2] * x * (1 - p[2:4] * x) - p[4:] * x[0] * x[1]


def residuals(u, unit):
    def step(x, _):
        k1 = velocity(x, p)
        k2 = velocity(x + k1 / 2, p)
        k3 = velocity(x + k2 / 2, p)
        x = x + (k1 + 2 * k2 + 2 * k3 + velocity(x + k3, p)) / 6
        return x, x

    p = jnp.exp(u)
    path = jax.lax.scan(step, jnp.array([100.0, 150.0]), length=42)[1]
    return (path[times - 1] - counts) / unit


squares = {}
for name, unit in {"as they are": 1.0, "over the norm of the data": float(jnp.linalg.norm(counts))}.items():
    solver = optimistix.LevenbergMarquardt(rtol=1e-9, atol=1e-9)
    found = optimistix.least_squares(residuals, solver, start, args=unit, max_steps=500, throw=False)
    squares[name] = float(jnp.sum(residuals(found.value, 1.0) ** 2))
    print(f"optimistix {version('optimistix')}, residuals {name}: sum of squares {squares[name]:.4g}, "
          f"{int(found.stats['num_steps'])} steps")
assert abs(squares["over the norm of the data"] - 0.5288) < 1e-3
assert squares["as they are"] > 1000
EOF

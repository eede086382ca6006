#!/usr/bin/env bash
# Expected: with 64-bit types on, a float32 state is integrated and returned in float32, as its
#   dtype says.
# Happens: the state becomes float64 if t0, t1 and dt0 are Python numbers, which then count as
#   float64; with jnp.float32 times it stays float32. The vector field sees float64 from the first
#   call on, so a float32 network inside it is computed at double cost, or refuses it under strict
#   promotion.
# Versions: diffrax 0.7.2, jax 0.10.1.
# Source: the rule is given in patrick-kidger/diffrax pull request 349: the dtype of time and the
#   dtype of each leaf are promoted together.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1 numpy==2.4.6 equinox==0.13.8 diffrax==0.7.2
cd "$folder"
export JAX_PLATFORMS=cpu
venv/bin/python - <<'EOF'
import jax

jax.config.update("jax_enable_x64", True)
import diffrax
import jax.numpy as jnp


def dtypes(t0, t1, dt0):
    seen = set()

    def field(t, y, args):
        seen.add(str(y.dtype))
        return -y

    y0 = jnp.ones(1, jnp.float32)
    solution = diffrax.diffeqsolve(diffrax.ODETerm(field), diffrax.Tsit5(), t0, t1, dt0, y0)
    return seen | {str(solution.ys.dtype)}


python = dtypes(0.0, 1.0, 0.1)
arrays = dtypes(jnp.float32(0), jnp.float32(1), jnp.float32(0.1))
print(f"diffrax {diffrax.__version__}: float32 state, Python times {python}, float32 times {arrays}")
assert python == {"float64"} and arrays == {"float32"}
EOF

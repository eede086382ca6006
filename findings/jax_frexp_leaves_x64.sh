#!/usr/bin/env bash
# Expected: jnp.frexp and jnp.ldexp inside jax.enable_x64(True) give the same under jit as without.
# Happens: in 0.12 they are expanded when the program is lowered, outside the context: a scalar 3.0
#   becomes two float32 zeros (frexp) or two zeros instead of 24.0 (ldexp), with no more than a
#   warning about truncated dtypes.
# Versions: jax 0.12.0.1; right in 0.11.2.
# Source: close to jax-ml/jax issue 27602; not reported there in this form.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
export JAX_PLATFORMS=cpu
cat > powers.py <<'EOF'
import sys
import warnings

import jax
import jax.numpy as jnp

warnings.simplefilter("ignore")


def frexp(x):
    with jax.enable_x64(True):
        return jnp.frexp(x.astype(jnp.float64))


def ldexp(x):
    with jax.enable_x64(True):
        return jnp.ldexp(x.astype(jnp.float64), 3)


x = jnp.float32(3)
print(f"jax {jax.__version__}: frexp {frexp(x)}, compiled {jax.jit(frexp)(x)}")
print(f"jax {jax.__version__}: ldexp {ldexp(x)}, compiled {jax.jit(ldexp)(x)}")
assert [float(part) for part in frexp(x)] == [0.75, 2] and float(ldexp(x)) == 24
if sys.argv[1] == "wrong":
    assert all(part.tolist() == [0, 0] for part in jax.jit(frexp)(x)) and jax.jit(ldexp)(x).tolist() == [0, 0]
else:
    assert [float(part) for part in jax.jit(frexp)(x)] == [0.75, 2] and float(jax.jit(ldexp)(x)) == 24
EOF
for version in 0.11.2 0.12.0.1; do
  venv/bin/pip install --quiet --disable-pip-version-check jax==$version jaxlib==$version numpy==2.4.6
  venv/bin/python powers.py $([ $version = 0.12.0.1 ] && echo wrong || echo right)
done

#!/usr/bin/env bash
# Expected: a standard normal truncated to [5.5, 6.5] lies close to 5.5: its mean is 5.67.
# Happens: every draw is 6.5, the wrong end: erf of both bounds rounds to one in float32, and the
#   inverse is infinite and then clipped. From 5 to 6 there are ten distinct values. The mirrored
#   interval [-6.5, -5.5] fails alike.
# Versions: jax 0.10.1.
# Source: jax-ml/jax issue 10951, open since 2022.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1 numpy==2.4.6
cd "$folder"
export JAX_PLATFORMS=cpu
venv/bin/python - <<'EOF'
import jax
import jax.numpy as jnp

key = jax.random.key(0)
for lower in (4.0, 5.0, 5.5):
    draws = jax.random.truncated_normal(key, lower, lower + 1, (10_000,))
    count = len(jnp.unique(draws))
    print(f"jax {jax.__version__}: [{lower}, {lower + 1}] mean {draws.mean():.4f}, {count} distinct values of 10,000")
assert count == 1 and draws.min() > 6.499
assert jax.random.truncated_normal(key, -6.5, -5.5, (10_000,)).max() < -6.499
assert len(jnp.unique(jax.random.truncated_normal(key, 5.0, 6.0, (10_000,)))) < 20
EOF

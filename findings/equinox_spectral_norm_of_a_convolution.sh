#!/usr/bin/env bash
# Expected: a convolution under equinox.nn.SpectralNorm, its power iteration converged, is a map of
#   Lipschitz constant one.
# Happens: its operator norm is 1.48 (3 by 3, 8 channels): the kernel is normalised as a matrix of
#   shape (out, in * 9), whose norm is not that of the convolution. The bound that ten such layers
#   are meant to keep is one; the product of their norms is fifty.
# Versions: equinox 0.13.8, jax 0.10.1.
# Source: patrick-kidger/equinox issue 810, open; the norm itself: Sedghi, Gupta and Long, The
#   Singular Values of Convolutional Layers, 2019.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1 numpy==2.4.6 equinox==0.13.8
cd "$folder"
export JAX_PLATFORMS=cpu
venv/bin/python - <<'EOF'
import equinox as eqx
import jax
import jax.numpy as jnp

key = jax.random.key(0)
convolution = eqx.nn.Conv2d(8, 8, 3, padding=1, use_bias=False, key=key)
layer, state = eqx.nn.make_with_state(eqx.nn.SpectralNorm)(convolution, "weight", key=key)
image = jax.random.normal(key, (8, 16, 16))
for _ in range(100):
    _, state = layer(image, state)


@jax.jit
def apply(x):
    return layer(x, state, inference=True)[0]


transpose = jax.jit(jax.linear_transpose(apply, image))
for _ in range(200):
    (back,) = transpose(apply(image))
    image = back / jnp.linalg.norm(back)
norm = float(jnp.linalg.norm(apply(image)))
flat = convolution.weight.reshape(8, -1)
print(f"equinox {eqx.__version__}: norm of the normalised convolution {norm:.3f}, of the flattened kernel 1")
assert 1.3 < norm < 1.7
assert abs(norm - jnp.linalg.norm(flat, 2)) > 0.1
EOF

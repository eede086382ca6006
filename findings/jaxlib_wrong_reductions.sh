#!/usr/bin/env bash
# Expected: a compiled reduction followed by a small matrix product equals the same sum in NumPy.
# Happens: two patterns come out wrong by whole units, with no message: a sum followed by a product
#   with a constant matrix of equal entries (0.10.2 and later), and a vmapped sum of squares of M @
#   x over 40,000 rows (0.10.2 alone). XLA_FLAGS=--xla_cpu_experimental_ynn_fusion_type= (empty)
#   mends both. The errors are the same with --xla_cpu_max_isa=SSE4_2, AVX, AVX2 and AVX512, so no
#   newer instruction set is needed; x86-64, Linux.
# Versions: wrong in jaxlib 0.10.2 and 0.12.0.1 (tried by hand too: 0.11.0, 0.11.1, 0.11.2, 0.12.0,
#   for the first pattern); right in 0.10.1.
# Source: jax-ml/jax issue 39103 (second pattern); issues 39257 and 40412 (crashes of the same
#   YNNPACK fusion).
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
export JAX_PLATFORMS=cpu
cat > reductions.py <<'EOF'
import sys

import jax
import jaxlib
import numpy as np

draw = np.random.default_rng(0)
q = draw.normal(size=(512, 3, 3)).astype("float32")
ones = np.ones((3, 4), "float32")
x = draw.normal(size=(40_000, 3)).astype("float32")
m = np.array([[1, 0, 0], [0.5, 1, 0], [0.2, 0.3, 1]], "float32")

product = jax.jit(lambda q: q.sum(1) @ ones)(q)
squares = jax.jit(jax.vmap(lambda x: ((m @ x) ** 2).sum()))(x)
first = float(abs(product - q.sum(1) @ ones).max())
second = int((abs(squares - ((x @ m.T) ** 2).sum(1)) > 1e-3).sum())
print(f"{jaxlib.__version__:>9}  fusion {sys.argv[1]:>7}  pattern 1 off by {first:<10.3g} pattern 2: {second} wrong rows")
is_old, is_off = jaxlib.__version__ == "0.10.1", sys.argv[1] == "off"
assert first < 1e-4 if is_old or is_off else first > 1
assert second > 1000 if jaxlib.__version__ == "0.10.2" and not is_off else second == 0
EOF
for version in 0.10.1 0.10.2 0.12.0.1; do
  venv/bin/pip install --quiet --disable-pip-version-check jax==$version jaxlib==$version numpy==2.4.6
  venv/bin/python reductions.py default
  XLA_FLAGS=--xla_cpu_experimental_ynn_fusion_type= venv/bin/python reductions.py off
done

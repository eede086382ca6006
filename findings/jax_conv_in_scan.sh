#!/usr/bin/env bash
# Expected: a convolution costs the same inside lax.scan and outside it.
# Happens: on a CPU, with channels first, it is 10 to 50 times slower inside: XLA leaves the loop
#   body to the naive convolution. With channels last it is not (0.8 to 2.6 times here).
# Versions: jaxlib 0.10.1 (23 and 27 times here); also 0.12.0.1 (18 times).
# Source: jax-ml/jax issue 12868, open since 2022.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1 numpy==2.4.6
cd "$folder"
export JAX_PLATFORMS=cpu
venv/bin/python - <<'EOF'
import time

import jax
import jax.numpy as jnp
from jax import lax


def first(x, k):
    return lax.conv(x, k, (1, 1), "SAME")


def last(x, k):
    return lax.conv_general_dilated(x, k, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"))


def scanned(conv):
    return jax.jit(lambda x, k: lax.scan(lambda y, _: (conv(y, k), None), x, length=4)[0])


def unrolled(conv):
    def four(x, k):
        for _ in range(4):
            x = conv(x, k)
        return x

    return jax.jit(four)


def seconds(f, *arguments):
    f(*arguments).block_until_ready()
    times = []
    for _ in range(5):
        start = time.perf_counter()
        f(*arguments).block_until_ready()
        times.append(time.perf_counter() - start)
    return min(times)


x, k = jnp.ones((32, 16, 32, 32)), jnp.ones((16, 16, 3, 3)) / 144
ratio = seconds(scanned(first), x, k) / seconds(unrolled(first), x, k)
y, l = x.transpose(0, 2, 3, 1), k.transpose(2, 3, 1, 0)
ratio_last = seconds(scanned(last), y, l) / seconds(unrolled(last), y, l)
print(f"jax {jax.__version__}: scan over unrolled, channels first {ratio:.1f}, channels last {ratio_last:.1f}")
assert ratio > 5 and ratio > 3 * ratio_last
EOF

#!/usr/bin/env bash
# Expected: writing one scalar a step into the stacked output of lax.scan takes a time that does not
#   depend on the length of the output.
# Happens: in 0.11.1 every step on a CPU rewrites the whole output: ten times the steps take a
#   hundred times the time. 50,000 steps of one multiplication: about a second instead of a
#   millisecond.
# Versions: jaxlib 0.11.1 alone; right in 0.11.0, 0.11.2 and 0.12.0.1.
# Source: jax-ml/jax issue 40101.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
export JAX_PLATFORMS=cpu
cat > loop.py <<'EOF'
import sys
import time

import jax
import jaxlib


def seconds(steps):
    f = jax.jit(lambda x: jax.lax.scan(lambda x, _: (x * 0.999, x), x, length=steps)[1])
    f(1.0).block_until_ready()
    times = []
    for _ in range(3):
        start = time.perf_counter()
        f(1.0).block_until_ready()
        times.append(time.perf_counter() - start)
    return min(times)


short, long = seconds(5_000), seconds(50_000)
print(f"jaxlib {jaxlib.__version__}: 5,000 steps {short * 1e3:.2f} ms, 50,000 steps {long * 1e3:.2f} ms")
assert long > 0.1 and long > 25 * short if sys.argv[1] == "slow" else long < 0.1
EOF
for version in 0.11.0 0.11.1 0.11.2; do
  venv/bin/pip install --quiet --disable-pip-version-check jax==$version jaxlib==$version numpy==2.4.6
  venv/bin/python loop.py $([ $version = 0.11.1 ] && echo slow || echo fast)
done

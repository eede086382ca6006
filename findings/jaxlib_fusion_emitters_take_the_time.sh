#!/usr/bin/env bash
# Expected: with LLVM's optimisations switched off (jax_disable_most_optimizations) compilation on a CPU is as
#   quick as it gets; what is left is tracing.
# Happens: most of what is left are XLA's fusion kernels, which are built as MLIR and lowered. Without them
#   (--xla_cpu_use_fusion_emitters=false) small functions of a sort, a scan, a Cholesky factorisation and random
#   numbers compile in about half of the time, with the same results. In jaxlib 0.12 the flag is
#   gone, and an XLA flag that is not known ends the process: set it by version.
# Versions: jaxlib 0.10.1.
# Source: seen here.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
venv/bin/pip install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1
cat > compile.py <<'EOF'
import time

import jax
import jax.numpy as jnp

jax.config.update("jax_disable_most_optimizations", True)


def small(k):
    def f(x):
        a = x @ x.T + (k + 3.0) * jnp.eye(x.shape[0])
        roots = jnp.linalg.cholesky(a).sum(0)
        order = jnp.sort(roots + jax.random.gumbel(jax.random.key(k), roots.shape))
        walk = jax.lax.scan(lambda s, y: (jnp.tanh(s + y), jax.nn.logsumexp(s * y)), order, order)[1]
        return jax.nn.softmax(walk) @ jnp.exp(-walk**2)

    return jax.jit(jax.value_and_grad(lambda x: jnp.sum(f(x))))


x = jnp.arange(12.0).reshape(4, 3) / 10
small(99)(x)  # what is compiled once for all
seconds, values = 0.0, []
for k in range(12):
    lowered = small(k).lower(x)
    start = time.perf_counter()
    compiled = lowered.compile()
    seconds += time.perf_counter() - start
    values.append(float(compiled(x)[0]))
print(seconds, *values)
EOF
venv/bin/python compile.py > with.txt
XLA_FLAGS=--xla_cpu_use_fusion_emitters=false venv/bin/python compile.py > without.txt
venv/bin/python - <<'EOF'
from importlib.metadata import version

(slow, *expected), (quick, *found) = ([float(w) for w in open(name).read().split()] for name in ("with.txt", "without.txt"))
print(f"jaxlib {version('jaxlib')}: twelve functions compile in {slow:.2f} s, without fusion emitters in {quick:.2f} s")
assert quick < 0.75 * slow
assert all(abs(a - b) <= 1e-5 * (1 + abs(b)) for a, b in zip(expected, found, strict=True))
EOF

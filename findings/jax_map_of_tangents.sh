#!/usr/bin/env bash
# Expected: the rule of a custom_jvp may use lax.map over a tangent, since the result is linear in it;
#   then the function has a gradient wherever it stands.
# Happens: inside lax.scan the gradient is an internal error in every release from 0.8.0 to 0.9.2 (an
#   AssertionError, later TypeErrors about internal values); from 0.10.0 on it is right, as it is
#   everywhere with vmap in place of lax.map.
# Versions: jax 0.8.0, 0.9.2, 0.10.0.
# Source: seen here.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
cat > gradient.py <<'EOF'
import sys

import jax
import jax.numpy as jnp


def product(over_rows):
    @jax.custom_jvp
    def multiply(x, m):
        return x @ m

    @multiply.defjvp
    def _(primals, tangents):
        (x, m), (dx, dm) = primals, tangents
        return x @ m, dx @ m + over_rows(lambda row: row @ dm, x)

    return multiply


def attempt(over_rows):
    multiply = product(over_rows)
    twice = lambda m: jax.lax.scan(lambda x, _: (multiply(x, m), None), jnp.ones((2, 3)), length=2)[0].sum()
    try:
        return jax.grad(twice)(jnp.eye(3) / 2).tolist()
    except (AssertionError, TypeError) as error:
        return type(error).__name__


by_map, by_vmap = attempt(jax.lax.map), attempt(lambda rule, rows: jax.vmap(rule)(rows))
print(f"jax {jax.__version__}: with lax.map {by_map}, with vmap {by_vmap}")
assert by_vmap == [[2.0] * 3] * 3
assert by_map == (by_vmap if sys.argv[1] == "right" else sys.argv[1])
EOF
while read -r version outcome; do
  venv/bin/pip install --quiet --disable-pip-version-check jax==$version jaxlib==$version
  venv/bin/python gradient.py "$outcome"
done <<'EOF'
0.8.0 AssertionError
0.9.2 TypeError
0.10.0 right
EOF

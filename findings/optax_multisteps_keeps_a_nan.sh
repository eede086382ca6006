#!/usr/bin/env bash
# Expected: gradients that are not finite spoil the update that they are part of; `apply_if_finite` rejects that update,
#   and training goes on with the next ones.
# Happens: `MultiSteps` sets its sum of gradients back by multiplying it with zero, and zero times NaN is NaN. After one
#   gradient that is not finite no update is finite any more; with `apply_if_finite` inside, nothing moves any more.
# Versions: optax 0.2.8, jax 0.10.1.
# Source: seen here. `MultiSteps(..., should_skip_update_fn=optax.skip_not_finite)` leaves such gradients out.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
venv/bin/pip install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1 optax==0.2.8
JAX_PLATFORMS=cpu venv/bin/python - <<'EOF'
from importlib.metadata import version

import jax
import jax.numpy as jnp
import optax

GRADIENTS = jnp.ones((12, 3)).at[1].set(jnp.nan)  # the second of twelve


def walk(optimizer):
    """Where a parameter is after them: each two are one step, of length one."""

    def step(carry, g):
        params, state = carry
        updates, state = optimizer.update(g, state, params)
        return (optax.apply_updates(params, updates), state), None

    start = jnp.zeros(3)
    return float(jax.lax.scan(step, (start, optimizer.init(start)), GRADIENTS)[0][0][0])


plain = walk(optax.MultiSteps(optax.sgd(1.0), 2))
guarded = walk(optax.MultiSteps(optax.apply_if_finite(optax.sgd(1.0), 100), 2))
skipping = walk(optax.MultiSteps(optax.sgd(1.0), 2, should_skip_update_fn=optax.skip_not_finite))
for name, end in {"MultiSteps": plain, "with apply_if_finite": guarded, "with skip_not_finite": skipping}.items():
    print(f"optax {version('optax')}, {name}: {end}")
assert plain != plain
assert guarded == 0
assert skipping == -5
EOF

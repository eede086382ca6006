#!/usr/bin/env bash
# Expected: the parameters made by LookaheadParams.init_synced can be donated to a compiled training
#   step, as any others.
# Happens: the fast and the slow parameters are one and the same buffer, so the first step raises
#   'Attempt to donate the same buffer twice'. Copying one of the two before the first step is
#   enough.
# Versions: optax 0.2.8, jax 0.10.1.
# Source: seen here; optax documents init_synced as the way to begin.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1 numpy==2.4.6 optax==0.2.8
cd "$folder"
export JAX_PLATFORMS=cpu
venv/bin/python - <<'EOF'
import jax
import jax.numpy as jnp
import optax

parameters = {"w": jnp.ones(3)}
optimizer = optax.lookahead(optax.sgd(0.1), sync_period=5, slow_step_size=0.5)


def step(pair, state):
    gradient = jax.grad(lambda p: (p["w"] ** 2).sum())(pair.fast)
    updates, state = optimizer.update(gradient, state, pair)
    return optax.apply_updates(pair, updates), state


step = jax.jit(step, donate_argnums=0)
pair = optax.LookaheadParams.init_synced(parameters)
state = optimizer.init(pair)
print(f"optax {optax.__version__}: one buffer for both: {pair.fast['w'] is pair.slow['w']}")
assert pair.fast["w"] is pair.slow["w"]
try:
    step(pair, state)
except Exception as error:
    print(type(error).__name__, str(error)[:70])
    assert "donate the same buffer twice" in str(error)
else:
    raise AssertionError("the pair was donated")
copied = optax.LookaheadParams(fast=jax.tree.map(jnp.copy, parameters), slow=jax.tree.map(jnp.copy, parameters))
print("after a copy:", step(copied, state)[0].fast)
EOF

#!/usr/bin/env bash
# Expected: optax.inject_hyperparams(optax.adam)(1e-3) does what optax.adam(1e-3) does, and shows
#   the learning rate in its state.
# Happens: for bfloat16 parameters all hyperparameters are stored in bfloat16: b2 = 0.999 becomes 1,
#   the bias correction divides by zero, and the very first update is NaN. With
#   hyperparam_dtype=jnp.float32 it is finite.
# Versions: optax 0.2.8, jax 0.10.1.
# Source: google-deepmind/optax issue 1414 and pull request 1445 (closed unmerged) on the dtype; the
#   NaN is seen here.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jax==0.10.1 jaxlib==0.10.1 numpy==2.4.6 optax==0.2.8
cd "$folder"
export JAX_PLATFORMS=cpu
venv/bin/python - <<'EOF'
import jax.numpy as jnp
import optax

parameters = gradient = jnp.ones(3, jnp.bfloat16)


def first_update(optimizer):
    return optimizer.update(gradient, optimizer.init(parameters), parameters)[0].astype(jnp.float32)


injected = optax.inject_hyperparams(optax.adam)(1e-3)
b2 = float(injected.init(parameters).hyperparams["b2"])
kept = optax.inject_hyperparams(optax.adam, hyperparam_dtype=jnp.float32)(1e-3)
print(f"optax {optax.__version__}: stored b2 {b2}")
print("adam", first_update(optax.adam(1e-3)), "injected", first_update(injected), "in float32", first_update(kept))
assert b2 == 1.0
assert jnp.isnan(first_update(injected)).all()
assert jnp.allclose(first_update(optax.adam(1e-3)), -1e-3, rtol=0.01)
assert jnp.allclose(first_update(kept), -1e-3, rtol=0.01)
EOF

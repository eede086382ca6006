"""How throughput grows with the number of chains, on one device and on eight; writes ``benchmarks/scaling.json``.

    python benchmarks/sampling/chains/scaling.py

JAX fixes the number of devices when it starts, so each number has a process of its own. On a CPU, eight devices are
eight forced parts of it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from time import perf_counter

STEPS, DEVICES, CHAINS = 200, (1, 8), tuple(10**k for k in range(6))
RESULT = Path(__file__).parents[2] / "scaling.json"


def measure(devices: int) -> list[dict[str, float]]:
    """Steps of all chains together in a second, for each number of chains."""
    import jax
    import jax.numpy as jnp
    import numpy as np

    from kexue import parallel
    from kexue.sampling import random_walk, run_chains

    assert jax.device_count() == devices
    covariance = 0.9 ** abs(np.subtract.outer(np.arange(10), np.arange(10)))
    precision = jnp.asarray(np.linalg.inv(covariance), jnp.float32)
    kernel = random_walk(lambda x: -x @ precision @ x / 2, 0.75 * np.linalg.cholesky(covariance).astype(np.float32))
    rows = []
    for wanted in CHAINS:
        chains = -(-wanted // devices) * devices  # devices share chains equally
        keys, starts = jax.random.split(jax.random.key(0), chains), np.zeros((chains, 10), np.float32)
        placed = parallel.split((keys, starts)) if devices > 1 else (keys, jnp.asarray(starts))

        def call(placed=placed):
            before = perf_counter()
            # Only the last state is kept: a trace of 100,000 chains would measure the memory.
            jax.block_until_ready(run_chains(kernel, *placed, STEPS, thin=STEPS)[0])
            return perf_counter() - before

        first = call()
        seconds = sorted(call() for _ in range(3 if wanted > 10_000 else 7))
        median = seconds[len(seconds) // 2]
        rows.append(
            {
                "chains": chains,
                "seconds": median,
                "first_call": first,
                "chain_steps_per_second": chains * STEPS / median,
            }
        )
        print(f"{devices} devices, {chains:>7,} chains: {chains * STEPS / median:.3g} steps a second", file=sys.stderr)
    return rows


def main() -> None:
    curves = []
    for devices in DEVICES:
        flags = f"--xla_force_host_platform_device_count={devices}"
        environment = os.environ | ({"JAX_PLATFORMS": "cpu", "XLA_FLAGS": flags} if devices > 1 else {})
        run = subprocess.run(
            [sys.executable, __file__, str(devices)], env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        curves.append({"devices": devices} | json.loads(run.stdout.splitlines()[-1]))
    workload = f"{STEPS} steps of random-walk Metropolis on a normal law in 10 dimensions, correlation 0.9"
    RESULT.write_text(json.dumps({"workload": workload, "curves": curves}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        import jax

        device = jax.devices()[0]
        print(json.dumps({"platform": device.platform, "jax": jax.__version__, "rows": measure(int(sys.argv[1]))}))
    else:
        main()

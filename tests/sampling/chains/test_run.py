"""Chains are the same on one device, on eight, and on two processes of four; bad input.

The jobs on several devices run in processes of their own, because JAX fixes the number of devices when it starts:
``python tests/sampling/chains/test_run.py PROCESSES INDEX PORT`` prints what :func:`job` computes.
"""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue import parallel
from kexue.sampling import (
    edit_moves,
    metropolis_hastings,
    move_proposal,
    random_walk,
    run_chains,
    sentence,
)

CHAINS = 16


def job(split, replicate) -> dict[str, list]:
    """A walk, and sentences that are edited, with split keys and starts."""
    hills = lambda x: -jnp.sum(x**2) / 2 + jnp.sum(jnp.cos(3 * x))  # noqa: E731
    words = move_proposal(edit_moves(lambda x, i: 0.5 * jnp.arange(5.0)))
    kernels = {
        "walk": random_walk(hills, 1.0),
        "edits": metropolis_hastings(lambda x: -0.3 * x.length.astype(jnp.float32), words),
    }
    keys = split(jax.random.split(jax.random.key(0), CHAINS))
    points = np.linspace(-2, 2, 2 * CHAINS, dtype=np.float32).reshape(CHAINS, 2)
    line = jax.tree.map(lambda leaf: np.stack([leaf] * CHAINS), sentence([1, 2, 3], 6))
    answer = {}
    for name, kernel in kernels.items():
        start = split(line if name == "edits" else points)
        states, trace, acceptance = run_chains(kernel, keys, start, 40, thin=4)
        position = states.position.tokens if name == "edits" else states.position
        answer[name] = np.asarray(replicate(position)).tolist()
        answer[name + " acceptance"] = np.asarray(replicate(acceptance)).tolist()
        answer[name + " shards"] = [s.data.shape[0] for s in jax.tree.leaves(trace)[0].addressable_shards]
    return answer


@pytest.mark.parametrize(("processes", "devices"), [(1, 8), (2, 4)])
def test_the_same_chains_as_on_one_device(run_job, processes, devices):
    alone = job(lambda tree: tree, lambda tree: tree)
    for answer in run_job(processes, devices):
        for name in ("walk", "edits"):
            np.testing.assert_allclose(answer[name], alone[name], rtol=1e-5, atol=1e-6)
            np.testing.assert_allclose(answer[name + " acceptance"], alone[name + " acceptance"], atol=1e-6)
            assert answer[name + " shards"] == [CHAINS // 8] * devices


def test_thinning_recording_and_the_key_of_a_chain():
    kernel = random_walk(lambda x: -(x**2) / 2, 2.0)
    keys, start = jax.random.split(jax.random.key(3), 6), jnp.linspace(-1, 1, 6)
    states, trace, acceptance = run_chains(kernel, keys, start, 12)
    thinned = run_chains(kernel, keys, start, 12, thin=3)
    np.testing.assert_array_equal(thinned[1], trace[:, 2::3])
    np.testing.assert_array_equal(thinned[2], acceptance)
    np.testing.assert_array_equal(states.position, trace[:, -1])
    np.testing.assert_allclose(
        acceptance, np.mean(np.diff(trace, axis=1, prepend=start[:, None]) != 0, axis=1), rtol=1e-6
    )
    np.testing.assert_array_equal(run_chains(kernel, keys[2:4], start[2:4], 12)[1], trace[2:4])
    record = lambda state, info: (state.log_density, info.is_accepted)  # noqa: E731
    density, moved = run_chains(kernel, keys, start, 12, record=record)[1]
    np.testing.assert_allclose(density, -(trace**2) / 2, rtol=1e-6)
    assert moved.dtype == bool and moved.shape == (6, 12)
    one = kernel.init(start[0])  # step n of a chain uses fold_in(key, n)
    for n in range(12):
        one, _ = kernel.step(jax.random.fold_in(keys[0], n), one)
        np.testing.assert_allclose(one.position, trace[0, n], rtol=1e-6)
    inside = jax.jit(lambda k, x: run_chains(kernel, k, x, 12)[1])(keys, start)
    np.testing.assert_allclose(inside, trace, rtol=1e-6)


def test_refusals():
    kernel = random_walk(lambda x: -(x**2) / 2, 2.0)
    keys = jax.random.split(jax.random.key(0), 3)
    for options, message in (
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"steps": 10, "thin": 0}, "thin must be at least 1, got 0"),
        ({"steps": 10, "thin": 3}, "10 steps are no multiple of thin=3"),
    ):
        with pytest.raises(ValueError, match=message):
            run_chains(kernel, keys, jnp.zeros(3), **options)
    with pytest.raises(ValueError, match="one row for each of the 3 keys, got shapes"):
        run_chains(kernel, keys, jnp.zeros(2), 5)
    with pytest.raises(ValueError, match="a vector of at least one key"):
        run_chains(kernel, keys[:0], jnp.zeros(0), 5)
    with pytest.raises(ValueError, match="a vector of at least one key"):
        run_chains(kernel, jax.random.key(0), jnp.zeros(1), 5)
    with pytest.raises(ValueError, match="at the start of every chain"):
        run_chains(kernel, keys, jnp.array([0.0, jnp.nan, 0.0]), 5)
    leaves = metropolis_hastings(lambda x: -(x**2), lambda key, x: x + jnp.inf, symmetric=True)
    with pytest.raises(ValueError, match="a proposal left the space"):
        run_chains(leaves, keys, jnp.zeros(3), 5)
    with pytest.raises(Exception, match="at the start of every chain"):
        jax.block_until_ready(jax.jit(lambda x: run_chains(kernel, keys, x, 5)[1])(jnp.full(3, jnp.inf)))


if __name__ == "__main__":
    processes, index = int(sys.argv[1]), int(sys.argv[2])
    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"127.0.0.1:{sys.argv[3]}", processes, index)
    assert jax.device_count() == 8
    print(json.dumps(job(parallel.split, parallel.replicate)), flush=True)

"""kexue.parallel: the same numbers on one device, on eight, and on two processes of four. Bad input.

The jobs on several devices run in processes of their own, because JAX fixes the number of devices when it starts:
``python tests/test_parallel.py PROCESSES INDEX PORT`` prints what :func:`job` computes.
"""

import json
import sys

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import Mesh, PartitionSpec

from kexue import parallel
from kexue.training import train

ROWS, COLUMNS, CHAINS = 96, 3, 16


def job(split, replicate) -> dict[str, list]:
    """Least squares by momentum on split rows, and random walks with split keys."""
    rng = np.random.default_rng(0)
    rows = {"x": rng.normal(size=(ROWS, COLUMNS)), "y": rng.normal(size=ROWS)}
    start = {"w": np.zeros(COLUMNS), "activation": jnp.tanh}

    def fit(w, rows):
        def loss(w):
            return jnp.mean((jnp.tanh(rows["x"] @ w) - rows["y"]) ** 2)

        run = train(loss, w, optax.sgd(0.1, momentum=0.9), 25)
        return replicate((run.params, run.losses))

    def walk(keys):
        steps = jax.vmap(lambda key: jax.random.normal(key, (50,), jnp.float64))(split(keys))
        return replicate(jnp.cumsum(steps, axis=1)[:, -1])

    rows, start = split(rows), replicate(start)
    assert start["activation"] is jnp.tanh
    w, losses = jax.jit(fit)(start["w"], rows)
    ends = jax.jit(walk)(split(jax.random.split(jax.random.key(1), CHAINS)))
    return {
        "w": w.tolist(),
        "losses": losses.tolist(),
        "ends": ends.tolist(),
        "rows": [shard.data.shape[0] for shard in rows["x"].addressable_shards],
        "copies": [shard.data.shape[0] for shard in start["w"].addressable_shards],
    }


def on_one_device(tree):
    return jax.tree.map(lambda leaf: leaf if callable(leaf) else jnp.asarray(leaf), tree)


@pytest.mark.parametrize(("processes", "devices"), [(1, 8), (2, 4)])
def test_same_numbers_as_on_one_device(run_job, processes, devices):
    with jax.enable_x64(True):
        expected = job(on_one_device, on_one_device)
    for answer in run_job(processes, devices):
        assert answer["rows"] == [ROWS // 8] * devices
        assert answer["copies"] == [COLUMNS] * devices
        # Random numbers do not depend on where they are drawn; sums do, in the last digits, through their order.
        assert answer["ends"] == expected["ends"]
        np.testing.assert_allclose(answer["losses"], expected["losses"], rtol=1e-13)
        np.testing.assert_allclose(answer["w"], expected["w"], rtol=1e-12)


def test_mesh_has_one_axis_and_keeps_the_order():
    devices = jax.devices()
    for mesh in (parallel.mesh(), parallel.mesh(devices)):
        assert mesh.axis_names == ("batch",) and list(mesh.devices) == devices


def test_values_types_and_structure_are_kept():
    tree = {
        "x": np.arange(6.0, dtype=np.float32).reshape(3, 2),
        "n": jnp.arange(3),
        "keys": jax.random.split(jax.random.key(0), 3),
    }
    for placed, spec in ((parallel.split(tree), PartitionSpec("batch")), (parallel.replicate(tree), PartitionSpec())):
        for name, leaf in tree.items():
            assert placed[name].dtype == leaf.dtype and placed[name].shape == leaf.shape
        assert placed["x"].sharding.spec == spec
        np.testing.assert_array_equal(placed["x"], tree["x"])
        np.testing.assert_array_equal(jax.random.key_data(placed["keys"]), jax.random.key_data(tree["keys"]))


def test_equinox_modules_are_replicated_whole():
    model = eqx.nn.MLP(2, 1, 4, 1, key=jax.random.key(0))
    copy = parallel.replicate(model)
    assert eqx.tree_equal(copy, model)
    assert copy.layers[0].weight.sharding.spec == PartitionSpec()


def test_works_inside_jit_and_vmap():
    x = jnp.arange(12.0).reshape(4, 3)
    np.testing.assert_array_equal(jax.jit(lambda x: 2 * parallel.replicate(parallel.split(x)))(x), 2 * x)
    np.testing.assert_array_equal(jax.vmap(lambda row: 2 * parallel.split(row))(x), 2 * x)


@pytest.mark.parametrize("leaf", [np.array(1.0), 1.0, "text"], ids=["scalar array", "number", "text"])
def test_split_without_leading_axis(leaf):
    with pytest.raises(ValueError, match=r"tree\['bad'\]=.* has no leading axis to split; use replicate for it"):
        parallel.split({"good": jnp.ones(2), "bad": leaf})


def test_mesh_of_no_or_repeated_devices():
    device = jax.devices()[0]
    for devices in ([], [device, device]):
        with pytest.raises(ValueError, match="name at least one device, and each one once"):
            parallel.mesh(devices)


@pytest.mark.parametrize("place", [parallel.split, parallel.replicate])
def test_mesh_with_another_axis(place):
    with pytest.raises(ValueError, match=r"mesh has the axes \('model',\); it must have one, 'batch'"):
        place(jnp.ones(2), Mesh(np.asarray(jax.devices()), ("model",)))


def refusal(rows: int) -> str:
    try:
        parallel.split({"x": np.ones((rows, 2))})
    except ValueError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    processes, index = int(sys.argv[1]), int(sys.argv[2])
    jax.config.update("jax_enable_x64", True)
    if processes > 1:
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(f"127.0.0.1:{sys.argv[3]}", processes, index)
    assert jax.device_count() == 8
    assert refusal(13) == "tree['x'] has 13 rows, which 8 devices cannot share equally: drop 5 rows or add 3."
    assert refusal(16) == ""
    print(json.dumps(job(parallel.split, parallel.replicate)), flush=True)

"""Strict JAX for every test, compiled quickly: no silent promotion of dtypes or ranks; jobs on several processes."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import jax
import pytest

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(autouse=True, scope="module")
def _short_compilations() -> Iterator[None]:
    """Most of a test is compilation, so LLVM does not optimise; docstrings and chapters run as users run them.

    ``JAX_DISABLE_MOST_OPTIMIZATIONS=0`` in the environment runs the tests optimised.
    """
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", "JAX_DISABLE_MOST_OPTIMIZATIONS" not in os.environ or before)
    yield
    jax.config.update("jax_disable_most_optimizations", before)


@pytest.fixture(autouse=True)
def _scale_of_a_laptop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEXUE_SCALE", "cpu")


@pytest.fixture
def run_job(request: pytest.FixtureRequest) -> Callable[[int, int], list[dict[str, Any]]]:
    """``run_job(processes, devices)``: what each process prints that runs the test's own file as a program."""

    def run(processes: int, devices: int) -> list[dict[str, Any]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        quick = {"JAX_DISABLE_MOST_OPTIMIZATIONS": str(jax.config.read("jax_disable_most_optimizations"))}
        flags = quick | {"JAX_PLATFORMS": "cpu", "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
        workers = [
            subprocess.Popen(
                [sys.executable, str(request.path), str(processes), str(index), port],
                env=os.environ | flags,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for index in range(processes)
        ]
        try:
            answers = [worker.communicate(timeout=300) for worker in workers]
        finally:
            for worker in workers:
                worker.kill()
        for worker, (_, errors) in zip(workers, answers, strict=True):
            assert worker.returncode == 0, errors
        # Gloo reports its connections on standard output, above the answer.
        return [json.loads(output.splitlines()[-1]) for output, _ in answers]

    return run

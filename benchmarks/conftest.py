"""How a workload is measured: the first call, the median of the following ones, and the agreement with its peers.

A workload is one test, parametrised over the ways to compute it: ours first, then its peers, all in one process.
Imports only JAX and pytest-benchmark, so that the scan can be measured where ``kexue`` cannot be installed.
"""

from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from time import perf_counter
from typing import Any

import jax
import numpy as np
import pytest

OURS: dict[str, tuple[Callable[[], Any], np.ndarray]] = {}


@pytest.fixture
def measure(benchmark: Any) -> Callable[..., None]:
    """``measure(function, *arguments, tolerance=...)``; the first array in the result is compared with the peers'."""

    def run(function: Callable[..., Any], *arguments: Any, tolerance: float) -> None:
        def call() -> Any:
            return jax.block_until_ready(function(*arguments))

        seconds, result = timed(call)
        result = np.asarray(jax.tree.leaves(result)[0])
        ours, reference = OURS.setdefault(benchmark.group, (call, result))
        difference = float(np.abs(result - reference).max() / np.abs(reference).max())
        assert difference <= tolerance, f"{benchmark.name} is off by {difference:.1e}"
        benchmark.extra_info.update(first_call=seconds, difference=difference)

        # Ours runs again before each round of the peer, so that what else the machine does falls on both alike.
        beside = []
        both = timed(call)[0] + timed(ours)[0]
        rounds = int(min(max(3, 4 / both), 300))
        benchmark.pedantic(call, setup=lambda: beside.append(timed(ours)[0]), rounds=rounds)
        theirs = np.asarray(benchmark.stats.stats.data)
        benchmark.extra_info.update(ours=float(np.median(beside)), ratio=float(np.median(theirs / np.asarray(beside))))

    return run


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    before = perf_counter()
    result = call()
    return perf_counter() - before, result


def pytest_benchmark_update_machine_info(config: Any, machine_info: dict[str, Any]) -> None:
    device = jax.devices()[0]
    cpu = machine_info["cpu"]
    host = f"{cpu.get('brand_raw', cpu['arch'])}, {cpu['count']} cores"
    processor = host if device.platform == "cpu" else device.device_kind
    machine_info["kexue"] = {"processor": processor, "software": {"python": python_version(), **versions()}}


def versions() -> dict[str, str]:
    found = {}
    for package in ("jax", "optax", "scipy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found

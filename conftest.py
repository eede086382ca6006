"""What holds for every test, doctests included: right sums on CPUs, and no compiled function outlives its module."""

import ctypes
import gc
from collections.abc import Iterator

import jax
import pytest


@pytest.hookimpl(trylast=True)  # after jaxtyping's hook, which must see kexue imported
def pytest_configure(config: pytest.Config) -> None:
    """Refuse to test the library on wrong sums."""
    from kexue import _reductions

    if not _reductions.are_right():
        raise pytest.UsageError(_reductions.ADVICE)
    # Tracing makes many small objects and hardly a cycle: collecting less often saves a tenth of the time.
    gc.set_threshold(100_000, 50, 50)


@pytest.fixture(autouse=True, scope="module")
def _nothing_stays_compiled() -> Iterator[None]:
    """Without this a run over the whole library ends at several gigabytes a process."""
    yield
    jax.clear_caches()
    gc.collect()
    # What the compiler has freed stays with the process until glibc is asked for it: two thirds of 1.5 GB.
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)

"""Two scales: the same cell in seconds on a laptop and at research size on an accelerator."""

import os
from typing import TypeVar

T = TypeVar("T")


def scale(cpu: T, accelerator: T) -> T:
    """Pick `cpu` or `accelerator` by the backend that JAX runs on.

    The environment variable ``KEXUE_SCALE``, ``cpu`` or ``accelerator``, overrides the choice.

    Examples
    --------
    >>> import os; os.environ["KEXUE_SCALE"] = "cpu"
    >>> scale(cpu=2_000, accelerator=1_000_000)
    2000
    """
    wanted = os.environ.get("KEXUE_SCALE")
    if wanted not in (None, "", "cpu", "accelerator"):
        raise ValueError(f"KEXUE_SCALE must be 'cpu' or 'accelerator', got {wanted!r}")
    if not wanted:
        import jax

        wanted = "cpu" if jax.default_backend() == "cpu" else "accelerator"
    return cpu if wanted == "cpu" else accelerator

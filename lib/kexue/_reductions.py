"""Some releases of jaxlib compile reductions on CPUs into wrong numbers; a flag of XLA puts them right.

From 0.10.2 on, a sum followed by a product with a constant matrix of equal entries comes out wrong, and in 0.10.2
a batched sum of squares of a small matrix-vector product too (jax-ml/jax, issue 39103); neither says so. Both come
from one fusion of XLA's CPU compiler, which can be switched off until the first array has been computed.
"""

import os
import re
from importlib.metadata import version

__all__ = ["ADVICE", "are_right", "is_affected"]

FIRST, LAST = (0, 10, 2), (0, 12, 0, 1)  # the releases that were measured, all of them wrong
FLAG = "--xla_cpu_experimental_ynn_fusion_type="
ADVICE = (
    f"jaxlib 0.10.2 to 0.12.0.1 compile some sums on CPUs into wrong numbers: start Python with XLA_FLAGS={FLAG} "
    "(nothing after the equals sign), or take jaxlib 0.10.1"
)


def is_affected(jaxlib: str) -> bool:
    """Whether a release of jaxlib, say ``"0.10.2"``, is known to compute wrong numbers on CPUs."""
    release = re.match(r"\d+(\.\d+)*", jaxlib)
    return release is not None and FIRST <= tuple(map(int, release[0].split("."))) <= LAST


def are_right() -> bool:
    """Switch the faulty fusion off where it is there and it is not too late; whether sums can now be trusted.

    Older releases stop at a flag that they do not know, so only the affected ones are given it. The flag counts from
    the moment at which JAX starts its CPU backend, with the first array or the first look at the devices.
    """
    if not is_affected(version("jaxlib")):
        return True
    flags = os.environ.get("XLA_FLAGS", "")
    if any(word.startswith(FLAG) for word in flags.split()):
        return True

    from jax._src.xla_bridge import backends_are_initialized  # JAX has no public way to ask

    if backends_are_initialized():
        return False
    os.environ["XLA_FLAGS"] = f"{flags} {FLAG}".strip()
    return True

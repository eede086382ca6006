"""Other seeds for a whole chapter: what `make seeds` does inside the kernel."""

import os
import sys
from collections.abc import Callable
from typing import Any

VARIABLE = "KEXUE_SEED"
_STEP = 1000  # between the seeds of one run and those of the next; chapters count their own from zero
_is_paused = False


def shift() -> int:
    """Which run this is: 0 for the chapter as it stands, 1 and more for other seeds."""
    text = os.environ.get(VARIABLE, "0")
    if not text.isdigit():
        raise ValueError(f"{VARIABLE} must be a whole number, 0 or more, got {text!r}")
    return int(text)


def pause(is_paused: bool) -> None:
    """Seeds of one cell as they stand: an instance, or a split, that belongs to its claims."""
    global _is_paused
    _is_paused = is_paused


def shift_seeds() -> None:
    """From now on, generators that the notebook's own cells make start from other seeds; the library's stay.

    `jax.random.key`, `jax.random.PRNGKey` and `numpy.random.default_rng` are wrapped, and only where a shift is asked
    for; of a list of whole numbers the first moves. A seed that is traced, or something else, is left alone.
    """
    if shift() == 0:
        return
    import jax
    import numpy as np

    for owner, name in ((jax.random, "key"), (jax.random, "PRNGKey"), (np.random, "default_rng")):
        make = getattr(owner, name)
        setattr(owner, name, _shifted(getattr(make, "unshifted", make), shift() * _STEP))


def _shifted(make: Callable[..., Any], by: int) -> Callable[..., Any]:
    def shifted(seed: Any = None, *rest: Any, **options: Any) -> Any:
        is_a_cell = sys._getframe(1).f_globals.get("__name__") == "__main__"
        if is_a_cell and not _is_paused:
            if isinstance(seed, int):
                seed += by
            elif isinstance(seed, list | tuple) and seed and isinstance(seed[0], int):
                seed = [seed[0] + by, *seed[1:]]
        return make(seed, *rest, **options)

    shifted.unshifted = make  # type: ignore[attr-defined]
    return shifted

"""The first line of a chapter."""

import html
import os
import sys

from .shift import shift_seeds
from .show import escaped, show
from .style import style


def begin(chapter: str, *, seconds: dict[str, float | int]) -> None:
    """Set the figure style and print one line: versions, device, expected time.

    Parameters
    ----------
    chapter
        ``"PART/SLUG"``.
    seconds
        Measured time to run the chapter, by scale: ``{"cpu": 20, "accelerator": 45}``;
        a scale that has not been measured is left out.
    """
    import jax

    import kexue
    from kexue import _reductions

    from .scale import scale

    if "/" not in chapter:
        raise ValueError(f"chapter must be 'PART/SLUG', got {chapter!r}")
    trusted = _reductions.are_right()  # before the first look at the devices
    shift_seeds()
    style()
    device = jax.devices()[0]
    kind = device.device_kind if device.platform != "cpu" else f"CPU with {os.cpu_count()} cores"
    expected = seconds.get(scale("cpu", "accelerator"))
    time = f"about {expected:.0f} s" if expected else "time not measured here yet"
    line = f"{chapter} · kexue {kexue.__version__} · JAX {jax.__version__} · {jax.device_count()} × {kind} · {time}"
    if device.platform == "cpu" and "google.colab" in sys.modules:
        line += " · for an accelerator: Runtime → Change runtime type → GPU or TPU"
    show(line, f"<p>{html.escape(line)}</p>", escaped(line), {"backend": device.platform})
    if device.platform == "cpu" and not trusted:
        print(f"Careful: {_reductions.ADVICE}.")
    if device.platform == "cpu" and jax.__version__ == "0.11.1":
        print("Slow: JAX 0.11.1 copies the whole output buffer at every step of a loop on CPUs; other releases do not.")

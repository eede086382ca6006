"""The curve of the Benchmarks page: throughput against the number of chains, as an SVG picture with words for it."""

import base64
import html
import io
from typing import Any

from ...notebook.style import palette, style

_BESIDE = ((0.75, 1.3), (1.3, 0.6))  # where a curve's name stands, as factors of its middle point


def scaling_figure(result: dict[str, Any]) -> str:
    """What `benchmarks/sampling/chains/scaling.py` wrote, as markup."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        style()
        figure = Figure(figsize=(6.4, 3.4))
        axes = figure.subplots()
        for curve, colour, (x, y) in zip(result["curves"], (palette.blue, palette.orange), _BESIDE, strict=False):
            chains, speed = ([row[name] for row in curve["rows"]] for name in ("chains", "chain_steps_per_second"))
            axes.loglog(chains, speed, "o-", color=colour, markersize=4)
            middle = len(chains) // 2
            axes.text(
                chains[middle] * x, speed[middle] * y, _devices(curve), color=colour, ha="right" if x < 1 else "left"
            )
        axes.set(xlabel="chains", ylabel="steps of all chains in a second")
        picture = io.BytesIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    words = "; ".join(
        f"{_devices(curve)}: "
        + ", ".join(
            f"{row['chain_steps_per_second']:.2g} with {_counted(row['chains'], 'chain')}" for row in curve["rows"]
        )
        for curve in result["curves"]
    )
    alt = html.escape(f"Steps of all chains in a second, {words}.", quote=True)
    source = base64.b64encode(picture.getvalue()).decode()
    return (
        f'<figure class="kexue-chart"><img class="dark-light" alt="{alt}" width="614" height="326" '
        f'src="data:image/svg+xml;base64,{source}"></figure>'
    )


def _devices(curve: dict[str, Any]) -> str:
    return _counted(curve["devices"], "device")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"

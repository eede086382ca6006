"""One problem of the comparison as a picture: a dot with a bar for each optimizer and length, sorted."""

import base64
import html
import io
from math import floor, log10
from typing import Any

import numpy as np

from ...notebook.style import palette, style
from .comparison import LENGTHS, Comparison, listed, with_error

_WIDTH = 5.8  # inches; with 12 points, labels of 9 pixels on a screen of 360
_COLOURS = {"better": palette.blue, "worse": palette.orange, "alike": palette.grey}


def dots_figure(comparison: Comparison, problem: str) -> str:
    """Markup of the picture, with its words."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    names = comparison.sorted(problem)[::-1]  # the best on top
    height = 1.0 + 0.215 * len(names)
    with mpl.rc_context():
        style()
        figure = Figure(figsize=(_WIDTH, height))
        axes = figure.subplots()
        _draw(axes, comparison, problem, names)
        picture = io.BytesIO()
        figure.savefig(picture, format="svg", metadata={"Date": None})
    source = base64.b64encode(picture.getvalue()).decode()
    alt = html.escape(in_words(comparison, problem), quote=True)
    return (
        f'<figure class="kexue-chart"><img class="dark-light" alt="{alt}" width="{round(96 * _WIDTH)}" '
        f'height="{round(96 * height)}" src="data:image/svg+xml;base64,{source}"></figure>'
    )


def _draw(axes: Any, comparison: Comparison, problem: str, names: list[str]) -> None:
    for length, shift in zip(LENGTHS, (0.17, -0.17), strict=True):
        for place, name in enumerate(names):
            mean, error = comparison.difference(problem, name, length)
            colour = _COLOURS[comparison.verdict(problem, name, length)]
            shape = "x" if comparison.stands(problem, name, length) else "o"
            ground = colour if length == "long" or shape == "x" else "white"
            axes.errorbar(mean, place + shift, xerr=error, color=colour, elinewidth=1.2, capsize=0, zorder=2)
            axes.plot(mean, place + shift, shape, color=colour, mfc=ground, ms=4.5, mew=1.2, zorder=3)
    for length in LENGTHS:
        gradients = comparison.rows[problem, comparison.reference, length]["gradients"]
        ground, label = ("white", f"{gradients:,} gradients") if length == "short" else (palette.ink, f"{gradients:,}")
        axes.plot([], [], "o", color=palette.ink, mfc=ground, ms=4.5, mew=1.2, label=label)
    axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=2, columnspacing=1, handletextpad=0.1)
    axes.axvline(0, color=palette.ink, lw=1, zorder=1)
    axes.set_yticks(range(len(names)), [name.removeprefix("optax.") for name in names])
    for tick, name in zip(axes.get_yticklabels(), names, strict=True):
        tick.set_color(_COLOURS[comparison.verdict(problem, name, "long")])
    axes.set(ylim=(-0.7, len(names) - 0.3), xlabel=f"{comparison.results['problems'][problem]['unit']}, minus Adam’s")
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", alpha=0.12)
    _scale(axes, [comparison.difference(problem, name, length)[0] for name in names for length in LENGTHS])


def _scale(axes: Any, means: list[float]) -> None:
    """Straight near zero, logarithmic further out, if the differences differ by more than a power of ten."""
    sizes = np.abs([mean for mean in means if mean])
    if not len(sizes) or sizes.max() < 10 * np.median(sizes):
        return
    straight = 10.0 ** floor(log10(np.median(sizes)))
    axes.set_xscale("symlog", linthresh=straight, linscale=1.2)
    furthest = {sign: max([sign * mean for mean in means] + [straight]) for sign in (-1, 1)}
    decades = [straight * 10**k for k in range(4)]
    ticks = [-x for x in reversed(decades) if x <= furthest[-1] * 1.1] + [0] + [x for x in decades if x <= furthest[1]]
    axes.set_xlim(-1.6 * furthest[-1], 1.6 * furthest[1])
    axes.set_xticks(ticks, [f"{tick:g}".replace("-", "−") for tick in ticks])
    axes.minorticks_off()


def in_words(comparison: Comparison, problem: str) -> str:
    """What the picture shows, the longer length."""
    about, parts = comparison.results["problems"][problem], []
    for verdict, words in (("better", "Lower than Adam"), ("worse", "Higher"), ("alike", "Not to be told apart")):
        names = comparison.names(problem, "long", verdict)
        shown = [
            name if verdict == "alike" else f"{name} {with_error(*comparison.difference(problem, name, 'long'))}"
            for name in names
        ]
        parts.append(f"{words}: {listed(shown)}.")
    gradients = comparison.rows[problem, comparison.reference, "long"]["gradients"]
    return f"Dots with bars, {about['title']}, {about['unit']} after {gradients:,} gradients. {' '.join(parts)}"

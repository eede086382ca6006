"""The figure style: one font, colours that colour-blind readers can tell apart, both page themes."""

import sys
from types import SimpleNamespace

import matplotlib as mpl
from cycler import cycler

from .show import in_book

# After Okabe and Ito (2008); the yellow is left out (too light on white), grey and ink are added.
palette = SimpleNamespace(
    blue="#0072B2",
    orange="#E07B00",
    green="#009E73",
    red="#D1495B",
    purple="#8E5EA2",
    sky="#56B4E9",
    grey="#7A7F87",
    ink="#22272E",
)


def style() -> None:
    """Set matplotlib's defaults: SVG and PNG, quiet axes, the palette.

    Figures are transparent on a page of the book, whose ground they take, and white in a notebook, where a dark theme
    would swallow their axes.
    """
    ground = "none" if in_book() else "white"
    colours = [palette.blue, palette.orange, palette.green, palette.red, palette.purple, palette.sky, palette.grey]
    mpl.rcParams.update(
        {
            "axes.edgecolor": palette.ink,
            "axes.facecolor": "none",
            "axes.grid": True,
            "axes.labelcolor": palette.ink,
            "axes.labelsize": "medium",
            "axes.prop_cycle": cycler(color=colours),
            "axes.spines.right": False,
            "axes.spines.top": False,
            "figure.constrained_layout.use": True,
            "figure.dpi": 100,
            "figure.facecolor": ground,
            "figure.figsize": (5.8, 3.5),  # with 12 points: labels of 9 pixels on a screen of 360
            "font.family": "DejaVu Sans",
            "font.size": 12,
            "grid.alpha": 0.25,
            "grid.color": palette.grey,
            "grid.linewidth": 0.6,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "savefig.facecolor": ground,
            "savefig.transparent": in_book(),
            "svg.fonttype": "path",
            "svg.hashsalt": "kexue",  # the same figure gives the same file
            "text.color": palette.ink,
            "xtick.color": palette.ink,
            "ytick.color": palette.ink,
        }
    )
    ipython = sys.modules.get("IPython")
    if ipython and ipython.get_ipython():
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        # Front ends show SVG only in notebooks that are trusted, PNG in all.
        set_matplotlib_formats("svg", "png", metadata={"Date": None})

"""Charts of explorables: what `draw` may return, and how it is finished for the page."""

import hashlib
import json
from typing import Any, cast

import altair

from ..notebook.style import palette
from . import packing

RECORD = "kexue"  # the name under which a specification finds the current record
_GRID_LINES = "#DDE1E6"

# What a colour of the book becomes on a dark page. The script replaces exact matches anywhere in a specification.
DARK = {
    palette.ink: "#E1E6EC",
    palette.grey: "#9AA3AE",
    palette.blue: "#4FA9E6",
    palette.orange: "#F5A24B",
    palette.green: "#3CC79D",
    palette.red: "#EE7C90",
    palette.purple: "#BE96D0",
    palette.sky: "#86CBF2",
    _GRID_LINES: "#343B45",
    "black": "#E1E6EC",
    "white": "#14181E",
}

CONFIG: dict[str, Any] = {
    "background": "transparent",
    "font": "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif",
    "aria": False,  # one description of the whole figure instead of one for each mark
    "view": {"stroke": None, "continuousHeight": 260, "discreteHeight": 260},
    "axis": {
        "labelColor": palette.ink,
        "titleColor": palette.ink,
        "domainColor": palette.grey,
        "tickColor": palette.grey,
        "gridColor": _GRID_LINES,
        "gridWidth": 0.7,
        "labelFontSize": 12,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "labelFlush": False,
        "labelOverlap": True,
        "tickCount": 6,
    },
    "legend": {
        "labelColor": palette.ink,
        "titleColor": palette.ink,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "orient": "top",
    },
    "text": {"color": palette.ink, "fontSize": 12},
    "rule": {"color": palette.grey},
    "line": {"strokeWidth": 2, "strokeCap": "round", "strokeJoin": "round"},
    "point": {"filled": True, "size": 45},
    "mark": {"color": palette.blue},
    "range": {
        "category": [
            palette.blue,
            palette.orange,
            palette.green,
            palette.red,
            palette.purple,
            palette.sky,
            palette.grey,
        ]
    },
}


def panels_of(drawn: Any) -> tuple[Any, ...]:
    """The panels that `draw` returned, checked."""
    panels = tuple(drawn) if isinstance(drawn, tuple | list) else (drawn,)
    if not panels:
        raise ValueError("draw returned no chart: it must return an Altair chart or a tuple of charts")
    for panel in panels:
        if isinstance(panel, altair.HConcatChart | altair.VConcatChart | altair.ConcatChart | altair.RepeatChart):
            raise ValueError(
                f"draw returned an {type(panel).__name__}: return a tuple of charts instead, "
                "the page places them side by side or one above the other"
            )
        if not isinstance(panel, altair.Chart | altair.LayerChart | altair.FacetChart):
            raise ValueError(
                f"draw must return an Altair chart or a tuple of charts, not {type(panel).__name__}"
                + (" (is the return missing?)" if panel is None else "")
            )
    return tuple(_finished(panel) for panel in panels)


# On a logarithmic axis: 10⁻⁶, 10⁻⁴, 0.01, 1, 100, 10⁴; nothing at the ticks between powers of ten.
_POWER = "round(log(datum.value) / LN10)"
_POWERS_OF_TEN = (
    f"abs(log(datum.value) / LN10 - {_POWER}) > 1e-6 ? '' : abs({_POWER}) < 3 ? format(datum.value, '') : "
    f"'10' + ({_POWER} < 0 ? '⁻' : '') + (abs({_POWER}) > 9 ? slice('⁰¹²³', floor(abs({_POWER}) / 10), "
    f"floor(abs({_POWER}) / 10) + 1) : '') + slice('⁰¹²³⁴⁵⁶⁷⁸⁹', abs({_POWER}) % 10, abs({_POWER}) % 10 + 1)"
)


def _finished(chart: Any) -> Any:
    """The chart with marks cut at the axes and powers of ten on logarithmic axes, where it does not say otherwise.

    What leaves the axes would make the page shrink the whole picture, and by another factor for every slider position.
    Text is not cut.
    """
    chart = chart.copy(deep=True)
    if isinstance(chart, altair.LayerChart):
        chart.layer = [_finished(layer) for layer in chart.layer]
    elif isinstance(chart, altair.FacetChart):
        chart.spec = _finished(chart.spec)
    elif chart.mark is not altair.Undefined:
        mark: Any = altair.MarkDef(type=cast(Any, chart.mark)) if isinstance(chart.mark, str) else chart.mark
        if mark.type != "text" and mark.clip is altair.Undefined:
            mark.clip = True
        chart.mark = mark
    if not isinstance(chart, altair.FacetChart) and chart.encoding is not altair.Undefined:
        for channel in (chart.encoding.x, chart.encoding.y):
            _label_powers(channel)
    return chart


def _label_powers(channel: Any) -> None:
    if not isinstance(channel, altair.X | altair.Y) or not isinstance(channel._get("scale"), altair.Scale):
        return
    axis = channel._get("axis")
    if channel._get("scale")._get("type") != "log" or axis is None:
        return
    axis = altair.Axis() if axis is altair.Undefined else axis
    if axis._get("format") is altair.Undefined and axis._get("labelExpr") is altair.Undefined:
        axis["labelExpr"] = _POWERS_OF_TEN
    channel["axis"] = axis


def take_data(content: Any) -> dict[str, Any]:
    """Move the values that stand inside a specification out of it, under a name; the same values get the same name."""
    taken: dict[str, Any] = {}
    if isinstance(content, list):
        for item in content:
            taken |= take_data(item)
    elif isinstance(content, dict):
        data = content.get("data")
        if isinstance(data, dict) and isinstance(data.get("values"), list):
            values = data.pop("values")
            data["name"] = "data-" + hashlib.sha256(packing.compact(values).encode()).hexdigest()[:12]
            taken[data["name"]] = values
        for key, item in content.items():
            if key != "datasets":
                taken |= take_data(item)
    return taken


def round_data(content: Any) -> Any:
    """Floats of a panel's own data at four significant digits: contours need no more."""
    if isinstance(content, float):
        return json.loads(packing.number(content, 4))
    if isinstance(content, dict):
        return {key: round_data(value) for key, value in content.items()}
    return [round_data(value) for value in content] if isinstance(content, list) else content

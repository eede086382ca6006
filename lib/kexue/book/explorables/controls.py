"""The markup of an explorable: its still picture, its sliders and menus, its buttons."""

import base64
import html
import re
from collections.abc import Sequence
from typing import Any

from .sliders import Slider
from .static import KEYS, PAUSE, PLAY, icon


def page(name: str, alt: str, sliders: Sequence[Slider], panels: int, still: str, specification: str) -> str:
    """The figure with everything that ``explorable.js`` needs; without the script the still picture stands alone."""
    encoded = base64.b64encode(still.encode()).decode()
    size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', still)
    width, height = (round(float(v)) for v in size.groups()) if size else (700, 300)
    rows = "".join(_row(f"{name}-{slider.name}", slider) for slider in sliders)
    described = html.escape(alt, quote=True)
    content = specification.replace("<", "\\u003c")  # nothing in it can end the script element
    return (
        f'<div class="kexue-explorable" id="{name}" role="group" aria-label="Interactive figure" '
        f'style="--kexue-panels: {panels}">'
        f'<div class="kexue-panels" role="img" aria-label="{described}" hidden></div>'
        f'<img class="kexue-still dark-light" alt="{described}" width="{width}" height="{height}" '
        f'src="data:image/svg+xml;base64,{encoded}">'
        f'<div class="kexue-controls" hidden><div class="kexue-sliders">{rows}</div>'
        f'<div class="kexue-buttons">{_button("reset", "Reset", _RESET)}{_button("link", "Copy link", _LINK)}'
        '<span class="kexue-status" role="status"></span></div></div>'
        f'<script type="application/json">{content}</script></div>'
    )


def picture(specification: dict[str, Any]) -> str:
    """A Vega-Lite specification as an SVG image."""
    import vl_convert

    # A hundredth of a pixel is enough for shapes and places; text is left as it is.
    return re.sub(r' (?:d|transform)="[^"]*"', _two_decimals, vl_convert.vegalite_to_svg(specification))


def _two_decimals(attribute: re.Match[str]) -> str:
    return re.sub(r"\d+\.\d{3,}", lambda found: f"{float(found[0]):.2f}".rstrip("0").rstrip("."), attribute[0])


def _row(identifier: str, slider: Slider) -> str:
    symbol = (
        rf'<span class="mathjax_process">\({html.escape(slider.symbol)}\)</span>' if slider.symbol else slider.words
    )
    return (
        f'<div class="kexue-slider" data-name="{slider.name}"><label for="{identifier}">{symbol}</label>'
        + (_menu if slider.names else _range)(identifier, slider)
        + f'<button type="button" class="kexue-sweep" aria-pressed="false" aria-label="Sweep {slider.words}" '
        f'title="Sweep">{PLAY}{PAUSE}</button></div>'
    )


def _range(identifier: str, slider: Slider) -> str:
    labels = slider.labels
    return (
        f'<input type="range" id="{identifier}" min="0" max="{len(labels) - 1}" step="1" value="{slider.start}" '
        f'aria-label="{slider.words}" aria-valuetext="{labels[slider.start]}" autocomplete="off" {KEYS}>'
        f'<output for="{identifier}" aria-live="off" style="min-width: {max(map(len, labels))}ch">'
        f"{labels[slider.start]}</output>"
    )


def _menu(identifier: str, slider: Slider) -> str:
    options = "".join(
        f'<option value="{i}"{" selected" * (i == slider.start)}>{html.escape(label)}</option>'
        for i, label in enumerate(slider.labels)
    )
    return f'<select id="{identifier}" aria-label="{slider.words}" autocomplete="off" {KEYS}>{options}</select>'


_STROKE = 'fill="none" stroke="currentColor" stroke-width="1.9" stroke-linecap="round" stroke-linejoin="round"'
_RESET = icon(f'<path d="M5 5v5h5M5.6 10A7.5 7.5 0 1 1 4.5 14" {_STROKE}/>', "reset")
_LINK = icon(
    '<path d="M10 14a4 4 0 0 0 5.7 0l3-3a4 4 0 0 0-5.7-5.7l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.7l1-1" '
    f"{_STROKE}/>",
    "link",
)


def _button(action: str, words: str, picture: str) -> str:
    return f'<button type="button" class="kexue-{action}">{picture}<span>{words}</span></button>'

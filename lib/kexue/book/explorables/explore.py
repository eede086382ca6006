"""Explorables: sliders over a grid of results, alive on a static page."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import altair
import numpy as np

from ..notebook.show import in_book
from . import charts, controls, packing
from .grid import evaluate
from .sliders import Slider, make_sliders
from .static import standalone

MAX_BYTES = 300_000
VEGA = tuple(
    f"https://cdn.jsdelivr.net/npm/{name}@{version}"
    for name, version in (
        ("vega", altair.VEGA_VERSION),
        ("vega-lite", altair.VEGALITE_VERSION),
        ("vega-embed", altair.VEGAEMBED_VERSION),
    )
)


def explore(
    function: Callable[..., Mapping[str, Any]],
    *,
    draw: Callable[[altair.Chart], Any],
    alt: str,
    symbols: Mapping[str, str] | None = None,
    start: Mapping[str, int | float | str] | None = None,
    name: str | None = None,
    **sliders: Any,
) -> "Explorable":
    r"""Evaluate a function on a grid of parameters and let the reader walk on it.

    Parameters
    ----------
    function
        ``function(**parameters)`` → dict of 0-d or 1-d arrays with fixed shapes. It is called once, under
        ``jit(vmap(…))`` over the product of all sliders. Numbers that depend on the parameters are kept at three
        significant digits, integers exactly; a field that is the same on the whole grid is stored once, at six
        digits or as many more as its values need to stay apart.
    draw
        ``draw(data)`` → an Altair chart, or a tuple of charts: panels side by side, stacked on a narrow screen.
        `data` is an ``alt.Chart`` over the one record of the current sliders, whose fields are the function's
        arrays and the parameters themselves; ``data.transform_flatten([…])`` turns arrays into rows. Encodings
        need their type (``"x:Q"``). Fix the axes' domains, so that the picture does not jump. The width is the
        page's, the height 260 unless the chart sets it; a chart that sets both keeps that shape and is never larger
        (``properties(width=260, height=260)`` keeps circles round). Marks are cut at the axes (``clip=False`` on a
        mark undoes that), logarithmic axes are labelled with powers of ten. Called twice; it must not change anything.
    alt
        What is to be seen, for somebody who cannot see it.
    symbols
        LaTeX by parameter, where the name does not say it: ``{"learning_rate": r"\gamma"}``. Greek names and
        single letters, with or without a number (``beta2``), need none.
    start
        Where the sliders stand at first, a value or a name; the middle unless given.
    name
        Names the figure in permalinks, ``?name.alpha=0.1``. Derived from sliders and fields unless given.
    **sliders
        Parameter = its values, 1-D, at least two, at most 4,096 grid points in all. Values keep their digits. Whole
        numbers arrive as integers, those beyond JAX's integers (2³¹ in its 32-bit mode) as floats if these hold
        them exactly. Or parameter = a list of names, which becomes a menu: ``loss=["hinge", "KL"]``. Strings cannot
        be traced, so the function and the record of `draw` receive the name's position, here 0 or 1.

    Returns
    -------
    Explorable
        Shows itself as the last expression of a cell.

    Raises
    ------
    ValueError
        Sliders, starts or symbols that make no sense; values that JAX's current precision cannot hold or cannot
        tell apart; a function whose output is not a dict of 0-d or 1-d arrays,
        changes its shape with the parameters, or holds a NaN or an infinity; a `draw` that returns no chart;
        more than 300 kB of specification.

    Notes
    -----
    Cost: one compilation and one batched evaluation; a move of a slider replaces one record and redraws.

    Examples
    --------
    >>> import altair, jax.numpy as jnp
    >>> def wave(k):
    ...     x = jnp.linspace(0, 1, 50)
    ...     return {"x": x, "y": jnp.sin(k * x)}
    >>> explore(wave, k=jnp.arange(1.0, 9.0), alt="A sine wave that gets faster.",
    ...         draw=lambda data: data.transform_flatten(["x", "y"]).mark_line().encode(x="x:Q", y="y:Q"))
    ... # doctest: +ELLIPSIS
    Explorable(k: 8 values; fields y (50), constant x (50); 1 panel, ... kB)
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("alt must describe the figure in words, for readers who cannot see it")
    if name is not None and not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise ValueError(f"name must be letters, digits, - and _, starting with a letter, got {name!r}")
    made = make_sliders(sliders, symbols, start)
    fields, constants = evaluate(function, made)
    _check_size(fields)
    if name is None:
        content = "\0".join([*(slider.name for slider in made), *fields, *constants])
        name = "x" + hashlib.sha256(content.encode()).hexdigest()[:6]
    explorable = Explorable(name, alt.strip(), made, fields, constants, draw)
    explorable._check_total()
    return explorable


def _check_size(fields: Mapping[str, np.ndarray]) -> None:
    """Refuse early, before millions of numbers are written out: a number and its comma take two bytes at least."""
    least = 2 * sum(leaf.size for leaf in fields.values())
    if least > MAX_BYTES:
        largest = max(fields, key=lambda name: fields[name].size)
        raise ValueError(
            f"the figure would take more than {least // 1000} kB, {MAX_BYTES // 1000} kB are allowed; the largest "
            f"field is {largest!r} ({' × '.join(map(str, fields[largest].shape))} numbers): use fewer points"
        )


@dataclass(frozen=True, eq=False)
class Explorable:
    """A function's results on a grid of parameters, with the charts that draw one of them; see `explore`."""

    name: str
    alt: str
    sliders: tuple[Slider, ...]
    fields: Mapping[str, np.ndarray]
    constants: Mapping[str, np.ndarray]
    draw: Callable[[altair.Chart], Any]

    def __repr__(self) -> str:
        sliders = ", ".join(f"{slider.name}: {len(slider.values)} values" for slider in self.sliders)
        fields = ", ".join(_dimension(name, leaf.shape[1:]) for name, leaf in self.fields.items())
        constants = ", ".join(_dimension(name, leaf.shape) for name, leaf in self.constants.items())
        content = "fields " + fields + (f", constant {constants}" if constants else "")
        panels = f"{len(self._panels)} panel{'s' * (len(self._panels) > 1)}"
        return f"Explorable({sliders}; {content}; {panels}, {len(self.specification.encode()) / 1000:.0f} kB)"

    def record(self, **parameters: int | float | str) -> dict[str, Any]:
        """The record at one position of the sliders, as `draw` sees it; parameters left out stand at their start."""
        place = [slider.start for slider in self.sliders]
        for axis, slider in enumerate(self.sliders):
            if slider.name in parameters:
                place[axis] = slider.position(parameters.pop(slider.name))
        if parameters:
            raise ValueError(f"{', '.join(parameters)}: no such slider")
        return self._record(int(np.ravel_multi_index(place, [len(slider.values) for slider in self.sliders])))

    def _record(self, point: int) -> dict[str, Any]:
        place = np.unravel_index(point, [len(slider.values) for slider in self.sliders])
        record: dict[str, Any] = {slider.name: slider.values[i] for slider, i in zip(self.sliders, place, strict=True)}
        record |= {name: json.loads(packing.constant(leaf)) for name, leaf in self.constants.items()}
        return record | {name: rows[point] for name, rows in self._rows.items()}

    @cached_property
    def _encoded(self) -> dict[str, str]:
        return {name: packing.encode(leaf) for name, leaf in self.fields.items()}

    @cached_property
    def _rows(self) -> dict[str, list[Any]]:
        """Every field as the page decodes it."""
        return {name: packing.decode(text) for name, text in self._encoded.items()}

    @property
    def _start(self) -> int:
        sizes = [len(slider.values) for slider in self.sliders]
        return int(np.ravel_multi_index([slider.start for slider in self.sliders], sizes))

    @cached_property
    def _drawn(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """The panels' Vega-Lite specifications, which look for the current record by name, and the panels' own data."""
        with altair.theme.enable("none"), altair.data_transformers.enable("default", max_rows=None):
            data = altair.Chart(altair.NamedData(name=charts.RECORD))
            panels = [panel.to_dict() for panel in charts.panels_of(self.draw(data))]
        own = []
        for panel in panels:
            panel.pop("$schema", None)
            own.append(charts.round_data(panel.pop("datasets", {}) | charts.take_data(panel)))
        return panels, own

    @property
    def _panels(self) -> list[dict[str, Any]]:
        return self._drawn[0]

    @property
    def _datasets(self) -> dict[str, Any]:
        return {name: rows for own in self._drawn[1] for name, rows in own.items()}

    @cached_property
    def specification(self) -> str:
        """Everything that the page's script needs, as JSON."""
        sliders = [
            {"name": s.name, "words": s.words, "values": s.values, "labels": s.labels, "start": s.start}
            for s in self.sliders
        ]
        constants = {name: packing.constant(leaf) for name, leaf in self.constants.items()}
        return packing.join(
            {
                "sliders": packing.compact(sliders),
                "constants": packing.join(constants),
                "fields": packing.join(self._encoded),
                "panels": packing.compact(self._panels),
                "datasets": packing.compact(self._datasets),
                "config": packing.compact(charts.CONFIG),
                "dark": packing.compact({light.lower(): dark for light, dark in charts.DARK.items()}),
            }
        )

    def _check_total(self) -> None:
        size = len(self.specification.encode())
        if size <= MAX_BYTES:
            return
        parts = {f"field {name!r}": len(text) for name, text in self._encoded.items()}
        parts |= {
            f"the data that panel {i + 1} brings": len(packing.compact(own)) for i, own in enumerate(self._drawn[1])
        }
        largest = max(parts, key=lambda part: parts[part])
        raise ValueError(
            f"the figure takes {size / 1000:.0f} kB, {MAX_BYTES // 1000} kB are allowed; the largest part is {largest} "
            f"({parts[largest] / 1000:.0f} kB): fewer grid points or shorter arrays"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        page = self.html if in_book() else standalone(self.html, VEGA)
        return {"text/html": page, "text/plain": repr(self)}

    @cached_property
    def still(self) -> str:
        """The figure at the sliders' start as an SVG image, in the colours of a light page."""
        width = 330 if len(self._panels) > 1 else 560
        spec = {
            "hconcat": [{"width": width} | panel for panel in self._panels],
            "datasets": self._datasets | {charts.RECORD: [self._record(self._start)]},
            "config": charts.CONFIG,
            "resolve": {"scale": {"color": "independent", "size": "independent", "opacity": "independent"}},
            "spacing": 28,
        }
        return controls.picture(spec)

    @property
    def html(self) -> str:
        """The figure for the book: static markup, brought to life by ``explorable.js``."""
        return controls.page(self.name, self.alt, self.sliders, len(self._panels), self.still, self.specification)


def _dimension(name: str, shape: tuple[int, ...]) -> str:
    return f"{name} ({shape[0]})" if shape else name

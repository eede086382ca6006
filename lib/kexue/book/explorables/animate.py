"""Animations: matplotlib frames with play and scrub controls, on a static page and in a notebook."""

import base64
import html
import io
import json
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ..notebook.show import in_book
from .static import KEYS, PAUSE, PLAY, standalone

MAX_BYTES = 800_000
# Pixels a CSS pixel, and WebP quality (None: lossless), from sharp to small. Lines on a transparent ground are smaller
# lossless than lossy; photographs and noise are the other way round.
_ATTEMPTS: tuple[tuple[int | float, int | None], ...] = ((2, None), (2, 80), (1.25, None), (1.25, 70))


def animate(
    draw_frame: Callable[[Any, Any], Any],
    frames: Iterable[Any],
    *,
    alt: str,
    figsize: tuple[int | float, int | float] | None = None,
    interval: int | float = 80,
    poster: int = -1,
) -> "Animation":
    """Draw one picture for each frame and play them, with pause and scrub, without a single request.

    Parameters
    ----------
    draw_frame
        ``draw_frame(figure, frame)`` draws on an empty `matplotlib.figure.Figure`. Fix the axes' limits, so that
        the picture does not jump.
    frames
        What `draw_frame` gets, one after the other.
    alt
        What is to be seen, for somebody who cannot see it.
    figsize
        Inches; matplotlib's default, which `style` sets, unless given.
    interval
        Milliseconds from frame to frame.
    poster
        Index of the frame that stands in print and where there is no JavaScript; the last one unless given.

    Returns
    -------
    Animation
        Shows itself as the last expression of a cell. It plays once when it is scrolled into view, unless the reader
        has asked for reduced motion.

    Raises
    ------
    ValueError
        No frames, no `alt`, an interval that is not positive, a poster that is not among the frames, or more than
        800 kB.
    TypeError
        `draw_frame` is not callable.

    Notes
    -----
    What all frames have in common (axes, labels) is stored once, what moves once a frame; both as WebP: lossless
    where that fits, lossy or coarser where it does not. Time: about 60 ms a frame, most of it matplotlib's.

    Examples
    --------
    >>> def draw(figure, x):
    ...     figure.add_subplot(xlim=(0, 1), ylim=(0, 1)).plot([x], [x], "o")
    >>> animate(draw, [0.2, 0.5, 0.8], alt="A point moves along the diagonal.", figsize=(3, 2))  # doctest: +ELLIPSIS
    Animation(3 frames, 600 × 400 pixels, ... kB)
    """
    if not callable(draw_frame):
        raise TypeError(f"draw_frame must be a function of a figure and a frame, not {type(draw_frame).__name__}")
    if not isinstance(alt, str) or not alt.strip():
        raise ValueError("alt must describe the animation in words, for readers who cannot see it")
    if not interval > 0:
        raise ValueError(f"interval must be positive (milliseconds from frame to frame), got {interval}")
    frames = list(frames)
    if not frames:
        raise ValueError("there are no frames to draw")
    if not -len(frames) <= poster < len(frames):
        raise ValueError(f"poster must be the index of one of the {len(frames)} frames, got {poster}")
    drawn, size = None, 0.0
    for scale, quality in _ATTEMPTS:
        if drawn is None or scale != drawn.scale:
            if size * (scale / 2) ** 2 > 1.5 * MAX_BYTES:
                break  # fewer pixels will not be enough either
            drawn = _draw(draw_frame, frames, figsize, scale)
        layers, size = _layers(drawn, quality)
        if size <= MAX_BYTES:
            animation = _assemble(drawn, layers, alt.strip(), interval, poster % len(frames), quality)
            size = len(animation._markup.encode())
            if size <= MAX_BYTES:
                return animation
    raise ValueError(
        f"the animation takes about {size / 1000:.0f} kB, {MAX_BYTES // 1000} kB are allowed: draw fewer than "
        f"{len(frames)} frames, a smaller figsize, or less that moves"
    )


@dataclass(frozen=True, eq=False)
class Animation:
    """Frames as a still layer and one moving layer for each; see `animate`."""

    alt: str
    interval: int | float
    poster: int
    size: tuple[int, int]
    scale: int | float
    corner: tuple[int, int]
    picture: bytes
    still: bytes
    layers: tuple[bytes, ...]

    def __repr__(self) -> str:
        width, height = self.size
        return f"Animation({len(self.layers)} frames, {width} × {height} pixels, {len(self._markup) / 1000:.0f} kB)"

    @cached_property
    def _markup(self) -> str:
        described = html.escape(self.alt, quote=True)
        count, (width, height) = len(self.layers), self.size
        specification = {
            "interval": self.interval,
            "poster": self.poster,
            "left": self.corner[0],
            "top": self.corner[1],
            "still": _base64(self.still),
            "frames": [_base64(layer) for layer in self.layers],
        }
        shown = f'style="width: {round(width / self.scale)}px"'
        return (
            '<div class="kexue-animation" role="group" aria-label="Animation">'
            f'<canvas role="img" aria-label="{described}" width="{width}" height="{height}" {shown} hidden></canvas>'
            f'<img class="kexue-poster dark-light" alt="{described}" width="{width}" height="{height}" {shown} '
            f'src="data:image/webp;base64,{_base64(self.picture)}">'
            '<div class="kexue-controls" hidden>'
            f'<button type="button" class="kexue-play" aria-label="Play">{PLAY}{PAUSE}</button>'
            f'<input type="range" min="0" max="{count - 1}" step="1" value="{self.poster}" aria-label="Frame" {KEYS} '
            f'aria-valuetext="frame {self.poster + 1} of {count}" autocomplete="off">'
            f'<output aria-live="off" style="min-width: {2 * len(str(count)) + 3}ch">'
            f"{self.poster + 1} / {count}</output>"
            f'</div><script type="application/json">{json.dumps(specification, separators=(",", ":"))}</script></div>'
        )

    @property
    def html(self) -> str:
        """The animation for the book, where the page carries style and script; elsewhere it brings its own."""
        return self._markup if in_book() else standalone(self._markup)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": repr(self)}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


@dataclass(frozen=True)
class _Drawn:
    """Rendered frames, compressed, and the pixels that are the same in all of them."""

    first: np.ndarray
    common: np.ndarray
    frames: list[bytes]
    scale: int | float

    def __getitem__(self, index: int) -> np.ndarray:
        return np.frombuffer(zlib.decompress(self.frames[index]), np.uint32).reshape(self.first.shape)


def _draw(
    draw_frame: Callable[[Any, Any], Any],
    frames: list[Any],
    figsize: tuple[int | float, int | float] | None,
    scale: int | float,
) -> _Drawn:
    figure = Figure(figsize=figsize, dpi=100 * scale, facecolor="none")
    canvas = FigureCanvasAgg(figure)
    first, common, compressed = None, None, []
    for frame in frames:
        figure.clear()
        with mpl.rc_context({"savefig.facecolor": "none"}):
            draw_frame(figure, frame)
            canvas.draw()
        pixels = _packed(np.asarray(canvas.buffer_rgba()))
        compressed.append(zlib.compress(pixels.tobytes(), 1))
        if first is None or common is None:
            first, common = pixels, np.ones(pixels.shape, bool)
        common &= pixels == first
    assert first is not None and common is not None
    return _Drawn(first, common, compressed, scale)


def _packed(rgba: np.ndarray) -> np.ndarray:
    """One 32-bit number a pixel, which compares faster than four bytes, with sixteen levels of opacity.

    Sixteen smooth an edge as well as 256 do, and save two fifths of the size.
    """
    packed = np.ascontiguousarray(rgba).view("<u4")[..., 0]
    opacity = ((packed >> 24) + 8) // 17 * 17
    return np.where(opacity == 0, np.uint32(0), (packed & np.uint32(0xFFFFFF)) | (opacity << 24))


def _box(drawn: _Drawn) -> tuple[slice, slice]:
    """The smallest rectangle that holds everything that moves."""
    moving = ~drawn.common
    rows, columns = np.flatnonzero(moving.any(axis=1)), np.flatnonzero(moving.any(axis=0))
    if not rows.size:
        return slice(0, 1), slice(0, 1)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _layers(drawn: _Drawn, quality: int | None) -> tuple[list[bytes], float]:
    """What moves in each frame, and the bytes that all of them take in base64; an estimate once that is too much."""
    box = _box(drawn)
    mask = ~drawn.common[box]
    layers: list[bytes] = []
    for i in range(len(drawn.frames)):
        layers.append(_webp(drawn[i][box] * mask, quality))
        size = sum(map(len, layers)) * 4 / 3
        if size > MAX_BYTES:
            break
    return layers, size * len(drawn.frames) / len(layers)


def _assemble(
    drawn: _Drawn, layers: list[bytes], alt: str, interval: int | float, poster: int, quality: int | None
) -> Animation:
    """A still layer of the pixels that never change under the moving ones.

    The two are disjoint, so that one over the other gives the frame exactly.
    """
    box = _box(drawn)
    height, width = drawn.common.shape
    return Animation(
        alt=alt,
        interval=interval,
        poster=poster,
        size=(width, height),
        scale=drawn.scale,
        corner=(box[1].start, box[0].start),
        picture=_webp(drawn[poster], quality),
        still=_webp(drawn.first * drawn.common, None),
        layers=tuple(layers),
    )


def _webp(packed: np.ndarray, quality: int | None) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    options: dict[str, Any] = {"lossless": True, "quality": 40} if quality is None else {"quality": quality}
    pixels = np.ascontiguousarray(packed, "<u4").view(np.uint8).reshape(*packed.shape, 4)
    Image.fromarray(pixels).save(buffer, "webp", method=4, **options)
    return buffer.getvalue()

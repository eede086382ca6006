"""One way to show a line: HTML on a page of the book, Markdown in a notebook, text in a terminal."""

import html
import os
import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

_MARKED = re.compile(r"(\$[^$]+\$|`[^`]+`)")  # formulas and code within a sentence


def in_book() -> bool:
    """Whether a page of the book is being made, which brings style, script and MathJax; a notebook has none of them."""
    return os.environ.get("KEXUE_BOOK") == "1"


def show(plain: str, rich: str, markdown: str, record: dict[str, Any] | None = None) -> None:
    """Display a line: Markdown in a notebook, whose front ends typeset formulas there and nowhere else; text elsewhere.

    Pages of the book get `rich`, HTML, beside it. `record` travels in the output's metadata, where tools that read the
    executed notebook find it.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        print(plain)
        return
    from IPython.display import display

    kinds = {"text/plain": plain, "text/markdown": markdown} | ({"text/html": rich} if in_book() else {})
    display(kinds, raw=True, metadata={"kexue": record or {}})


def escaped(text: str) -> str:
    """Text that Markdown would read as markup, outside its formulas and code, as plain text."""
    pieces = _MARKED.split(text)
    return "".join(p if p[:1] in ("$", "`") and len(p) > 1 else re.sub(r"([\\*_<>\[\]#|])", r"\\\1", p) for p in pieces)


def mathematics(text: str) -> str:
    r"""Escape `text` for HTML; mark its `$…$` as `\(…\)`, which MathJax typesets, and its backquoted words as code."""
    marked = []
    for piece in _MARKED.split(text):
        if piece.startswith("$") and len(piece) > 1:
            marked.append(rf'<span class="math notranslate nohighlight">\({html.escape(piece[1:-1])}\)</span>')
        elif piece.startswith("`") and len(piece) > 1:
            marked.append(f'<code class="literal">{html.escape(piece[1:-1])}</code>')
        else:
            marked.append(html.escape(piece))
    return "".join(marked)


def figure_of(value: float, bound: str = "") -> str:
    """Four significant digits, in the notation that a reader would write: 6908, 0.0237, 7e-13.

    Next to a bound in the words of `claim` as many more as it takes to be seen inside: 0.99999 (below 1).
    """
    for text in _figures(value):
        if _is_inside(Decimal(text), bound):
            return text
    # Only a value at the very edge of "centre ± radius", whose centre is rounded, comes here: the edge is meant.
    centre, radius = map(Decimal, bound.split(" ± "))
    return f"{centre + radius if value > centre else centre - radius:f}"


def figure_beyond(limit: float, *, above: bool) -> str:
    """The shortest figure of an upper limit that is not below it, or of a lower limit that is not above it."""
    exact = Decimal(repr(limit))
    return next(text for text in _figures(limit) if (Decimal(text) >= exact if above else Decimal(text) <= exact))


def figure_near(value: float, error: float) -> str:
    """The shortest figure, of four digits or more, that is off by `error` at most."""
    exact = Decimal(repr(value))
    return next(text for text in _figures(value) if abs(Decimal(text) - exact) <= Decimal(error))


def _figures(value: float) -> Iterator[str]:
    """With four digits, with five, …, exactly."""
    yield from (_figure(value, more) for more in range(15))
    yield repr(value)


def _figure(value: float, more: int) -> str:
    value += 0.0  # minus zero is zero
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        whole = len(str(int(abs(value))))
        return f"{value:.0f}" if whole >= 4 and not more else f"{value:.{max(4, whole) + more}g}"
    mantissa, exponent = f"{value:.{2 + more}e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def _is_inside(figure: Decimal, bound: str) -> bool:
    """Whether a reader sees the figure inside of the bound."""
    if not bound:
        return True
    first, *second = (Decimal(text) for text in re.findall(r"-?[\d.]+(?:e-?\d+)?", bound))
    if "±" in bound:
        return abs(figure - first) <= second[0]
    if "between" in bound:
        return first <= figure <= second[0]
    if "above" in bound and not figure > first:
        return False
    return "below" not in bound or figure < [first, *second][-1]


def figure_html(value: float, bound: str = "") -> str:
    """The same figure for a page: `7e-13` becomes 7 × 10⁻¹³."""
    text = figure_of(value, bound)
    if "e" not in text:
        return text.replace("-", "−")
    mantissa, exponent = text.split("e")
    return f"{mantissa.replace('-', '−')} × 10<sup>{exponent.replace('-', '−')}</sup>"

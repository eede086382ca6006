"""One way to show a line: HTML in a notebook, text in a terminal."""

import html
import re
import sys
from typing import Any


def show(plain: str, rich: str, record: dict[str, Any] | None = None) -> None:
    """Display `rich` where there is a notebook, print `plain` elsewhere.

    `record` travels in the output's metadata, where tools that read the executed notebook find it.
    """
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    if shell is None or not hasattr(shell, "kernel"):
        print(plain)
        return
    from IPython.display import display

    metadata = {"kexue": record} if record else {}
    display({"text/plain": plain, "text/html": rich}, raw=True, metadata=metadata)


def mathematics(text: str) -> str:
    r"""Escape `text` for HTML; mark its `$…$` as `\(…\)`, which MathJax typesets, and its backquoted words as code."""
    marked = []
    for piece in re.split(r"(\$[^$]+\$|`[^`]+`)", text):
        if piece.startswith("$") and len(piece) > 1:
            marked.append(rf'<span class="math notranslate nohighlight">\({html.escape(piece[1:-1])}\)</span>')
        elif piece.startswith("`") and len(piece) > 1:
            marked.append(f'<code class="literal">{html.escape(piece[1:-1])}</code>')
        else:
            marked.append(html.escape(piece))
    return "".join(marked)


def figure_of(value: float) -> str:
    """Four significant digits, in the notation that a reader would write: 6908, 0.0237, 7e-13."""
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def figure_html(value: float) -> str:
    """The same figure for a page: `7e-13` becomes 7 × 10⁻¹³."""
    text = figure_of(value)
    if "e" not in text:
        return text.replace("-", "−")
    mantissa, exponent = text.split("e")
    return f"{mantissa.replace('-', '−')} × 10<sup>{exponent.replace('-', '−')}</sup>"

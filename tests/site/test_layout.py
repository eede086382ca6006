"""The layout with other fonts than those of this machine: a wide one and a condensed one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import FACTS, SCREENS

from kexue.book.running.registry import load

ROOT = Path(__file__).parents[2]
PAGES = [
    "index.html",
    "search.html",
    "appendix/glossary.html",
    "appendix/ledger.html",
    "appendix/library_sampling.html",
    *sorted({f"chapters/{post.part}/index.html" for post in load(ROOT).published()}),
    "chapters/sampling/mcmc_to_annealing.html",
]
# Everything but code, formulas and icons; the letters of the wide one stand further apart than any text face's.
FACES = {
    "wide": "font-family: 'DejaVu Sans', Verdana, sans-serif !important; letter-spacing: 0.08em !important;",
    "condensed": "font-family: 'DejaVu Sans Condensed', 'Arial Narrow', sans-serif !important; letter-spacing: -0.04em;",
}
TEXT = "body *:not(i, code, code *, pre, pre *, mjx-container, mjx-container *, svg, svg *, [class*='fa-'])"


@pytest.mark.parametrize("opened", PAGES)
def test_nothing_leaves_the_screen_in_another_font(open_page: Callable[..., Any], opened: str) -> None:
    page = open_page(opened, screen="narrow")
    page.evaluate(FACTS)
    page.evaluate("kexueSettle()")
    page.evaluate("document.head.append(Object.assign(document.createElement('style'), { id: 'face' }))")
    widths = []
    for screen, (width, height) in reversed(SCREENS.items()):
        page.set_viewport_size({"width": width, "height": height})
        for face, style in FACES.items():
            page.evaluate("style => (document.getElementById('face').textContent = style)", f"{TEXT} {{ {style} }}")
            page.wait_for_timeout(300)  # figures follow the width of their column
            seen = page.evaluate("({ overflowing: kexueOverflowing(), ...kexueWidths() })")
            assert not seen["overflowing"], (screen, face, seen["overflowing"][:5])
            assert seen["scrollWidth"] <= seen["screen"], (screen, face)
            widths.append(seen["line"])
    assert widths[0] > 1.1 * widths[1], "the fonts did not change"

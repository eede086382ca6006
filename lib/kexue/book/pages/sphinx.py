"""The Sphinx extension of the book: its directives, what it does to a chapter's cells and numbers, downloads."""

import re
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

from ..readers.write import write_notebooks
from .cards import ChapterExplorable, ChapterMap, DataCards, PostCard
from .cells import add_cells
from .measured.directives import Compared, ComparisonFigure, ComparisonSettings, ComparisonTable
from .numbers import number_by_chapter
from .tables import Benchmarks, Ledger, ScalingCurve, Status

_STATIC = Path(__file__).parents[1] / "static"


def _add_static(app: Sphinx) -> None:
    """Self-hosted scripts: Vega from the installed package, the explorables' own script and style."""
    from ..explorables.static import vega_bundle

    vendor = Path(app.outdir).parent / "vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    for path in _STATIC.iterdir():
        shutil.copy2(path, vendor / path.name)
    (vendor / "vega.js").write_text(vega_bundle(), encoding="utf-8")
    app.config.html_static_path.append(str(vendor))


def _drop_thebe(app: Sphinx) -> None:
    """sphinx-thebe adds its script twice under this Sphinx, and the book does not use it."""
    for event in ("builder-inited", "env-before-read-docs", "doctree-resolved"):
        listeners = app.events.listeners.get(event, [])
        listeners[:] = [
            listener for listener in listeners if not listener.handler.__module__.startswith("sphinx_thebe")
        ]


_NUMBERS = r" \| (?:numpy\.)?bool \| (?:numpy\.)?number \| bool \| int \| float \| complex"
_UNIONS = {
    rf"Shaped\[Array, ''\] \| Shaped\[ndarray, ''\]{_NUMBERS}": "ScalarLike",
    rf"Array \| ndarray{_NUMBERS}": "ArrayLike",
}


def _shorten_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write shapes as the source does: `Float[Array, "chains dim"]`, not `Float[jaxlib._jax.Array, …]`."""

    def shorten(text: str | None) -> str | None:
        if not text:
            return text
        text = re.sub(
            r"\b(?:jaxlib\._jax|jax|numpy|typing|optax\._src\.base|collections\.abc)\.(?=[A-Z]|ndarray)", "", text
        )
        for union, name in _UNIONS.items():
            text = re.sub(union, name, text)
        return text

    return shorten(signature), shorten(returns)


def _keep_colons(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Napoleon reads "type: description" in the first line of an attribute's docstring. Ours are sentences."""
    if what in ("attribute", "property"):
        lines[:0] = ["..", ""]  # an empty comment has no colon


def _ask_for_mathjax(app: Sphinx, doctree: nodes.document) -> None:
    """Formulas in raw HTML do not tell Sphinx that the page needs MathJax."""
    if any(r"\(" in node.astext() for node in doctree.findall(nodes.raw)):
        app.env.get_domain("math").data["has_equations"][app.env.docname] = True


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the hooks."""
    for name, directive in {
        "post-card": PostCard,
        "chapter-explorable": ChapterExplorable,
        "chapter-map": ChapterMap,
        "claims-ledger": Ledger,
        "status-table": Status,
        "data-cards": DataCards,
        "benchmark-table": Benchmarks,
        "scaling-curve": ScalingCurve,
        "comparison": ComparisonFigure,
        "comparison-table": ComparisonTable,
        "comparison-settings": ComparisonSettings,
    }.items():
        app.add_directive(name, directive)
    app.add_role("compared", Compared())
    # Before sphinx-thebe's own handler, which has the default priority.
    app.connect("builder-inited", _drop_thebe, priority=1)
    app.connect("builder-inited", _add_static)
    app.connect("doctree-read", _ask_for_mathjax)
    app.connect("build-finished", write_notebooks)
    app.connect("autodoc-process-signature", _shorten_signature)
    app.connect("autodoc-process-docstring", _keep_colons, priority=400)  # before Napoleon's
    app.connect("env-get-updated", number_by_chapter, priority=900)  # after Sphinx has counted
    add_cells(app)
    app.add_js_file("explorable.js", loading_method="defer")
    app.add_css_file("explorable.css")
    app.setup_extension("kexue.book.pages.reference.entries")
    app.setup_extension("kexue.book.pages.reference.links")
    app.setup_extension("kexue.book.pages.search")
    app.setup_extension("kexue.book.pages.light.weight")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

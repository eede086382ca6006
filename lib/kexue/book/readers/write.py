"""Readers' notebooks of all chapters: in `notebooks/`, where Colab and Binder find them, and beside the pages."""

import json
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from ..running.registry import load
from .notebook import reader
from .outputs import executed
from .resolved import known


def write_notebooks(app: Sphinx, exception: Exception | None) -> None:
    """Write the reader's notebook of every chapter, plain and with the outputs of the run that made its page."""
    if exception is not None or app.builder.format != "html":
        return
    import nbformat
    from jupyter_cache import get_cache

    root, out = Path(app.srcdir), Path(app.outdir) / "downloads"
    cache = get_cache(root / "_build" / ".jupyter_cache")
    registry = load(root)
    for post in registry.published():
        source = nbformat.read(root / post.path, as_version=4)
        plain = reader(source, post, registry.author, known(app, post.docname))
        _, run = cache.merge_match_into_notebook(source)
        _write(root / post.notebook, plain)
        _write(out / f"{post.chapter}.ipynb", plain)
        _write(out / f"{post.chapter}-executed.ipynb", executed(plain, run))


def _write(path: Path, notebook: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")

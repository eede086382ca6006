"""A chapter as a reader's notebook: credit first, captions below their figures, nothing given away."""

import copy
import re
from typing import Any

from ..running.folds import is_folded
from ..running.registry import Post
from .markdown import Known, Raw, blocks, details, inline

_SOLUTION = re.compile(r"^```\{solution-(start|end)\}[ \t]*([\w-]*)[ \t]*\n(?::\w+:.*\n)*```[ \t]*$", re.MULTILINE)
_TEXT_LICENCE = "https://creativecommons.org/licenses/by/4.0/"
_CODE_LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"


def reader(notebook: dict[str, Any], post: Post, author: str, known: Known) -> dict[str, Any]:
    """The reader's notebook of a chapter; the code is the chapter's, cell by cell.

    Raises
    ------
    Raw
        Something in the chapter's Markdown has no form outside Sphinx, or its captions are not the page's.
    """
    numbers = iter(known.figures)
    card = _card(post, author, known)
    cells: list[dict[str, Any]] = []
    solution = ""
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            text, solution = _text(source, solution, known, card, lambda: _next(numbers, known))
            if text:
                cells.append(_markdown(cell["id"], text))
            continue
        cells.append(_code(cell, source, bool(solution)))
        caption = cell["metadata"].get("mystnb", {}).get("figure", {}).get("caption")
        if caption:
            name, text = f"Figure {_next(numbers, known)}", inline(caption.strip(), known)
            below = details(name, text) if solution else f"**{name}.** {text}"
            cells.append(_markdown(f"caption-{cell['id']}", below))
    if left := list(numbers):
        raise Raw(f"{known.docname}: the page has {len(left)} more figures than the notebook has captions")
    metadata = {key: notebook["metadata"][key] for key in ("kernelspec", "language_info")}
    return {"cells": cells, "metadata": metadata | {"title": post.title}, "nbformat": 4, "nbformat_minor": 5}


def _card(post: Post, author: str, known: Known) -> str:
    """Where the chapter comes from, where its page is, and what may be done with both."""
    return (
        f"This chapter follows the post [{post.original}]({post.url}) (“{post.translation}”) by {author}, {post.date}. "
        f"It is a page of [Kexue, an executable companion to Scientific Spaces]({known.page}), "
        f"with its text under [CC BY 4.0]({_TEXT_LICENCE}) and its code under [Apache 2.0]({_CODE_LICENCE})."
    )


def _next(numbers: Any, known: Known) -> str:
    try:
        return next(numbers)
    except StopIteration:
        raise Raw(f"{known.docname}: the notebook has more captions than the page has figures") from None


def _text(source: str, solution: str, known: Known, card: str, number: Any) -> tuple[str, str]:
    """A cell of text, and the label of the solution in which it ends."""
    pieces, at = [], 0
    for match in [*_SOLUTION.finditer(source), None]:
        piece = blocks(source[at : match.start() if match else None], known, card, number)
        if piece:
            number_of = known.exercises.get(solution, "")
            pieces.append(details(f"Solution of Exercise {number_of}", piece) if solution else piece)
        if match:
            solution, at = (match[2] if match[1] == "start" else ""), match.end()
    return "\n\n".join(pieces), solution


def _markdown(name: str, text: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": name[:64], "metadata": {}, "source": text.splitlines(keepends=True)}


def _code(cell: dict[str, Any], source: str, is_solution: bool) -> dict[str, Any]:
    """The cell without its outputs; folded where the page folds it, by the keys of JupyterLab and VS Code and of Colab."""
    code = copy.deepcopy(cell) | {"execution_count": None, "outputs": []}
    tags = cell["metadata"].get("tags", [])
    metadata: dict[str, Any] = {"tags": tags} if tags else {}
    if is_solution or is_folded(source, cell["metadata"]):
        metadata |= {"cellView": "form", "jupyter": {"source_hidden": True}}
    if is_solution:
        metadata["jupyter"] = {"source_hidden": True, "outputs_hidden": True}
    return code | {"metadata": metadata, "source": source.splitlines(keepends=True)}

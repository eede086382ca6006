"""What every chapter must look like; the tests hold each notebook to it."""

import re
from typing import Any

from .folds import FOLDED_TAGS, in_sight

MOST_COLUMNS = 88  # of code in sight; what fits on a page 1280 pixels wide

# Least and most, before the exercises where the name says so, by edition.
_BUDGETS = {
    1: {
        "words of prose": (1200, 3600),
        "code cells in sight before the exercises": (10, 32),
        "claims": (8, 40),
        "captioned figures": (3, 12),
    },
    2: {
        "words before the exercises": (1200, 2600),
        "lines of code in sight before the exercises": (1, 80),
        "claims": (8, 18),
        "captioned figures": (3, 12),
    },
}
_BUDGETS_OF_ALL = {"explorables": (1, 4), "exercises": (3, 6)}

_RANDOM = {
    "a date or a clock": r"\bdatetime\b|\bdate\.today\b|\btime\.time\(",
    "unseeded randomness": (
        r"default_rng\(\s*\)|random\.seed\(\s*\)|np\.random\.(?!default_rng|RandomState\(\w)\w+\(|(?<![.\w])random\.\w+\("
        r"|os\.urandom|secrets\."
    ),
}
_WIDGETS = r"\b(ipywidgets|plotly|bokeh|mpld3)\b"


def unrepeatable(source: str) -> list[str]:
    """What in `source` would make a second run differ from the first."""
    return [what for what, pattern in _RANDOM.items() if re.search(pattern, source)]


def words(cells: list[dict[str, Any]]) -> int:
    """Words of prose, formulas and code blocks not counted."""
    text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    text = re.sub(r"\$\$.*?\$\$|\$[^$]*\$|```.*?```", " ", text, flags=re.S)
    return len(re.findall(r"[A-Za-z][A-Za-z'-]+", text))


def _first_exercise(cells: list[dict[str, Any]]) -> int:
    """Where the exercises begin: with the first one, and all cells if there is none."""
    starts = [i for i, c in enumerate(cells) if "{exercise" in "".join(c["source"]) and c["cell_type"] == "markdown"]
    return starts[0] if starts else len(cells)


def _before_exercises(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The cells that are read: up to the heading of the exercises, in whose cell a text may end."""
    place = _first_exercise(cells)
    for i, cell in enumerate(cells[: place + 1]):
        head, heading, _ = "".join(cell["source"]).partition("## Exercises\n")
        if heading and cell["cell_type"] == "markdown":
            return [*cells[:i], {**cell, "source": head}]
    return cells[:place]


def _in_sight(cells: list[dict[str, Any]]) -> list[str]:
    code = [c for c in cells if c["cell_type"] == "code"]
    return [line for c in code for line in in_sight("".join(c["source"]), c["metadata"])]


def problems(notebook: dict[str, Any], edition: int = 2) -> list[str]:
    """One sentence for each rule that a chapter's notebook breaks; empty when it is in order."""
    cells = notebook["cells"]
    code = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    prose = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
    found = []

    if with_outputs := [i for i, c in enumerate(cells, 1) if c.get("outputs") or c.get("execution_count")]:
        found.append(f"cells {with_outputs} are committed with outputs: clear them, the build makes its own")
    if not prose.startswith("# ") or "{post-card}" not in "".join(cells[0]["source"]):
        found.append("the first cell must hold the title and the post card")
    if "setup" not in cells[1]["metadata"].get("tags", []):
        found.append("the second cell must be the set-up cell, tagged setup")

    if edition == 1:
        # The set-up cell is stamped, and folded.
        lengths = sorted(len([line for line in source.splitlines() if line.strip()]) for source in code[1:])
        if lengths[-1] > 20 or lengths[int(0.9 * (len(lengths) - 1))] > 12:
            found.append(
                f"code cells are too long: nine in ten of at most 12 lines, none above 20 (longest {lengths[-1]})"
            )
    elif wide := [line for line in _in_sight(cells) if len(line) > MOST_COLUMNS]:
        found.append(f"{len(wide)} lines of code in sight are wider than {MOST_COLUMNS} columns: {wide[0].strip()}")
    read = _before_exercises(cells)
    shown = [c for c in read if c["cell_type"] == "code" and not FOLDED_TAGS & set(c["metadata"].get("tags", []))]
    counts = {
        "words of prose": words(cells),
        "words before the exercises": words(read),
        "code cells in sight before the exercises": len(shown),
        "lines of code in sight before the exercises": len(_in_sight(read)),
        "claims": sum(len(re.findall(r"\bclaim\(", source)) for source in code),
        "explorables": sum("explore(" in source for source in code),
        "captioned figures": sum(bool(c["metadata"].get("mystnb", {}).get("figure")) for c in cells),
        "exercises": len(re.findall(r"\{exercise(?:-start)?\}", prose)),
    }
    for what, (least, most) in (_BUDGETS[edition] | _BUDGETS_OF_ALL).items():
        if not least <= counts[what] <= most:
            found.append(f"{counts[what]} {what}; {least} to {most} are wanted")
    if len(re.findall(r"\{solution(?:-start)?\}", prose)) != counts["exercises"]:
        found.append("every exercise needs a solution")

    for i, cell in enumerate(cells, 1):
        meta = cell["metadata"].get("mystnb", {})
        if "figure" in meta and not (meta["figure"].get("caption") and meta.get("image", {}).get("alt")):
            found.append(f"the figure of cell {i} needs a caption and alt text")
        source = "".join(cell["source"])
        if "figure" in meta and re.search(r"\b(claim|animate|explore)\(", source):
            found.append(f"cell {i} has a figure's caption and other outputs: give the figure a cell of its own")
    for source in code:
        found += [f"a cell uses {what}: {source.splitlines()[0]}" for what in unrepeatable(source)]
        if re.search(_WIDGETS, source):
            found.append(f"a cell needs a running kernel to be looked at: {source.splitlines()[0]}")
    return found

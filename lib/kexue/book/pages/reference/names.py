"""The public names of the library, what they are, and who uses them."""

import ast
import functools
import importlib
import json
import re
from pathlib import Path

from ...running.registry import Post, load

LIBRARY = Path(__file__).parents[3]
_ROOT = re.compile(r"kexue(\.|$)")
_ROW = re.compile(r"^`(\w+)` +(\S.*)$", re.MULTILINE)


@functools.cache
def public_names(part: str) -> dict[str, str]:
    """The public names of a part and the module that each is defined in, from the part's stub."""
    tree = ast.parse((LIBRARY / part / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"kexue.{part}.{node.module}" for node in imports for alias in node.names}


def in_a_line(part: str) -> dict[str, str]:
    """What each public name is, in the words of `help(kexue.PART)`."""
    return dict(_ROW.findall(importlib.import_module(f"kexue.{part}").__doc__ or ""))


@functools.cache
def users(root: str) -> dict[str, tuple[Post, ...]]:
    """The chapters that import a public name, in reading order."""
    found: dict[str, tuple[Post, ...]] = {}
    for post in load(root).published():
        for name in imported_names(Path(root) / post.path).values():
            found[name] = (*found.get(name, ()), post)
    return found


def imported_names(notebook: Path) -> dict[str, str]:
    """How a notebook writes the library's names that it uses, and their full names: `anneal`, `data.mnist`."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    tree = ast.parse(re.sub(r"^\s*[%!].*$", "", code, flags=re.MULTILINE))
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module]
    names = {
        a.asname or a.name: f"{i.module}.{a.name}" for i in imports for a in i.names if _ROOT.match(i.module or "")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in names:
            names[f"{node.value.id}.{node.attr}"] = f"{names[node.value.id]}.{node.attr}"
    return {word: name for word, name in names.items() if re.fullmatch(r"kexue\.(?!book\.)\w+\.\w+", name)}

"""The pages of the reference: a line for each public name, and its entry with import, source and chapters."""

import ast
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from .names import LIBRARY, in_a_line, public_names, users


class PartTable(SphinxDirective):
    """Every public name of a part in a line, as `help` shows them, with a link to its entry."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A list with a link a line."""
        part = self.arguments[0]
        rows = [f"- {{py:obj}}`~kexue.{part}.{name}`: {text}" for name, text in in_a_line(part).items()]
        found = self.parse_text_to_nodes("\n".join(rows))
        for node in found:
            if isinstance(node, nodes.Element):
                node["classes"].append("kexue-names")
        return found


class Entries(SphinxDirective):
    """The entries of all public names of some modules; of a room all that stand under it."""

    required_arguments = 1  # the part, or a room of it as PART.ROOM
    has_content = True

    def run(self) -> list[nodes.Node]:
        """What autodoc makes of the names, under what their modules say of themselves."""
        part, _, room = self.arguments[0].partition(".")
        names = public_names(part)
        lines = []
        for word in " ".join(self.content).split():
            module = ".".join(filter(None, ["kexue", part, room, word]))
            chosen = [name for name, home in names.items() if home == module]
            if not chosen:
                raise self.error(f"{module} defines no public name of kexue.{part}")
            lines += ["", *(inspect.getdoc(importlib.import_module(module)) or "").splitlines(), ""]
            for name in _as_written(module, chosen):
                lines += _entry(part, name, module)
        text = "\n".join(["````{eval-rst}", f".. currentmodule:: kexue.{part}", *lines, "````"])
        return self.parse_text_to_nodes(text)


def _as_written(module: str, names: list[str]) -> list[str]:
    """The names in the order of the module's source."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    places: dict[str, int] = {}
    for node in tree.body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", node)]
        for target in targets:
            places[getattr(target, "id", getattr(target, "name", ""))] = node.lineno
    return sorted(names, key=lambda name: places[name])


def _entry(part: str, name: str, module: str) -> list[str]:
    value = getattr(importlib.import_module(f"kexue.{part}"), name)
    if inspect.isclass(value):
        return [f".. autoclass:: {name}", "   :members:", ""]
    if inspect.isfunction(value):
        return [f".. autofunction:: {name}", ""]
    comment = ModuleAnalyzer.for_module(module).find_attr_docs()["", name]
    return [f".. py:data:: {name}", "", *(f"   {line}" for line in [*_ways(f"kexue.{part}.{name}"), *comment]), ""]


def _ways(name: str) -> list[str]:
    """How to import a public name, and where its source is: a line of reStructuredText."""
    part, short = name.split(".")[1:]
    return [".. container:: kexue-import", "", f"   ``from kexue.{part} import {short}``", ""]


def _add_ways(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Above the docstring of a public name how it is imported; below it the source and the chapters that use it."""
    match = re.fullmatch(r"kexue\.(\w+)\.(\w+)", name)
    if not match or what not in ("function", "class"):
        return
    lines[:0] = _ways(name)
    while lines and not lines[-1].strip():
        lines.pop()
    ways = " · ".join([_source(app, obj), *_chapters(app, name)])
    lines += ["", ".. container:: kexue-ways", "", f"   {ways}", ""]


def _source(app: Sphinx, value: Any) -> str:
    path = Path(inspect.getsourcefile(value) or "").relative_to(LIBRARY).as_posix()
    line = inspect.getsourcelines(value)[1]
    branch = app.config.html_theme_options.get("repository_branch", "main")
    return f"`Source <{app.config.html_theme_options['repository_url']}/blob/{branch}/lib/kexue/{path}#L{line}>`__"


def _chapters(app: Sphinx, name: str) -> list[str]:
    return [f":doc:`/{post.docname}`" for post in users(str(app.srcdir)).get(name, ())]


def _shorten_types(app: Sphinx, doctree: nodes.document) -> None:
    """Types of fields as the source writes them, as in signatures."""
    for annotation in doctree.findall(addnodes.desc_annotation):
        for text in list(annotation.findall(nodes.Text)):
            text.parent.replace(text, nodes.Text(re.sub(r"\b(jax\.)?jaxlib\._jax\.", "", text)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the hooks."""
    app.add_directive("library-table", PartTable)
    app.add_directive("library", Entries)
    app.connect("autodoc-process-docstring", _add_ways, priority=600)  # after Napoleon's
    app.connect("doctree-read", _shorten_types)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

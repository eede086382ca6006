"""The library's reference: what a part holds, one entry a public name, and the ways between entries and chapters."""

import ast
import functools
import importlib
import inspect
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from ..running.registry import Post, load

_LIBRARY = Path(__file__).parents[2]
_ROOT = re.compile(r"kexue(\.|$)")
_ROW = re.compile(r"^`(\w+)` +(\S.*)$", re.MULTILINE)


@functools.cache
def public_names(part: str) -> dict[str, str]:
    """The public names of a part and the module that each is defined in, from the part's stub."""
    tree = ast.parse((_LIBRARY / part / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: f"kexue.{part}.{node.module}" for node in imports for alias in node.names}


def in_a_line(part: str) -> dict[str, str]:
    """What each public name is, in the words of `help(kexue.PART)`."""
    return dict(_ROW.findall(importlib.import_module(f"kexue.{part}").__doc__ or ""))


@functools.cache
def _users(root: str) -> dict[str, tuple[Post, ...]]:
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
    path = Path(inspect.getsourcefile(value) or "").relative_to(_LIBRARY).as_posix()
    line = inspect.getsourcelines(value)[1]
    branch = app.config.html_theme_options.get("repository_branch", "main")
    return f"`Source <{app.config.html_theme_options['repository_url']}/blob/{branch}/lib/kexue/{path}#L{line}>`__"


def _chapters(app: Sphinx, name: str) -> list[str]:
    return [f":doc:`/{post.docname}`" for post in _users(str(app.srcdir)).get(name, ())]


def _link_names(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """In a chapter, the first use of each name of the library in code leads to its entry."""
    notebook = Path(app.srcdir) / f"{pagename}.ipynb"
    if not (pagename.startswith("chapters/") and notebook.is_file() and "body" in context):
        return
    objects = app.env.get_domain("py").data["objects"]
    for word, name in imported_names(notebook).items():
        if name in objects and f'#{name}"' not in context["body"]:
            context["body"] = linked(context["body"], word, f"{context['pathto'](objects[name].docname)}#{name}")


def linked(body: str, word: str, address: str) -> str:
    """The page with a link at the first place where code uses `word`, a name or `module.name`: no import, no keyword."""
    tokens = '<span class="o">.</span>'.join(f'<span class="n">{name}</span>' for name in word.split("."))
    use = re.compile(rf'(?<!<span class="o">\.</span>){tokens}(?!<span class="o">=</span>)')
    for match in use.finditer(body):
        if not _is_import(body[body.rfind("<pre", 0, match.start()) : match.start()]):
            return f'{body[: match.start()]}<a class="kexue-name" href="{address}">{match[0]}</a>{body[match.end() :]}'
    return body


def _is_import(before: str) -> bool:
    """Whether code that begins like this is in the middle of an import, which may go over lines in brackets."""
    text = re.sub("<[^>]*>", "", before)
    return bool(re.search(r"^[ \t]*(from|import)\b(?:[^\n(]*|[^\n]*\([^)]*)\Z", text, re.MULTILINE))


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
    app.connect("html-page-context", _link_names)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

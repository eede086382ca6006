"""What a page makes of a chapter's cells: prose and pictures in sight, code on demand.

The cells of MyST-NB are arranged once a notebook is read: a playable figure takes the caption that follows it,
the code of neighbouring folded cells goes behind one bar after their outputs, claims lose their call, and an
exercise's definition, which holds the answer, goes into the fold of the solution.
"""

import re
from html import escape
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from sphinx_exercise.nodes import solution_node

from ..notebook.claim import claim_id
from ..notebook.show import figure_of
from ..running.folds import defined_exercises, is_folded, is_mostly_claims, without_claims
from ..running.seeds import in_words, read_ranges


class Fold(nodes.Element):
    """The code of neighbouring cells and its title: behind a bar of its own, or in the chapter's one tray."""

    def __init__(self) -> None:
        super().__init__("", names_given=[], figures=[], is_setup=False, claims=0, anchor="")

    def add(self, cell: nodes.container) -> None:
        """Take the cell's code, and note what it makes."""
        metadata, source = _metadata(cell), _source(cell)
        if name := metadata.get("kexue", {}).get("fold"):
            self["names_given"] += [name] * (name not in self["names_given"])
        elif "setup" in metadata.get("tags", []):
            self["is_setup"] = True
        elif is_mostly_claims(source):
            self["claims"] += source.count("claim(")
        self["figures"] += [figure["ids"][0] for figure in cell.findall(nodes.figure) if figure["ids"] and not name]
        hidden = _parts(cell, "cell_code_source")
        if "hide-cell" in metadata.get("tags", []):
            hidden += _parts(cell, "cell_code_output")
        for part in hidden:
            cell.remove(part)
        self += nodes.container("", *hidden, classes=["cell"])

    def title(self, numbers: dict[str, tuple[int, ...]]) -> str:
        """What the bar says, once the numbers of the figures are known."""
        figures = [".".join(map(str, numbers[name])) for name in self["figures"] if name in numbers]
        parts = ["set-up"] * self["is_setup"] + [n for n in self["names_given"] if n.lower() != "set-up"]
        if figures:
            parts.append(f"code of Figure{'s' * (len(figures) > 1)} {' and '.join(figures)}")
        elif self["claims"]:
            parts.append(f"code of the claim{'s' * (self['claims'] > 1)}")
        text = " and ".join(parts) or "code"
        return text[0].upper() + text[1:]


class CodeLink(nodes.Element):
    """Where a fold stood: the way to its code."""

    def __init__(self, fold: Fold) -> None:
        super().__init__()
        self.fold = fold


class Tray(nodes.Element):
    """The code of all figures and claims of a chapter, behind one bar at its end."""


def _is(node: nodes.Node, element: str) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == element


def _parts(cell: nodes.container, element: str) -> list[nodes.container]:
    return [child for child in cell.children if _is(child, element)]


def _source(cell: nodes.container) -> str:
    return "\n".join(block.astext() for part in _parts(cell, "cell_code_source") for block in part.children)


def _metadata(cell: nodes.container) -> dict[str, Any]:
    return cell.get("cell_metadata", {})


class Cells(SphinxTransform):
    """Arrange the cells of a notebook for reading."""

    default_priority = 600  # after sphinx-exercise has put the solutions together, before labels are collected

    def apply(self, **kwargs: Any) -> None:
        """Arrange the cells of one chapter, and say on its claims what other seeds give."""
        cells = [node for node in self.document.findall(nodes.container) if _is(node, "cell_code")]
        if not cells:
            return
        self._move_definitions()
        self._tell_ranges()
        for cell in cells:
            self._give_caption(cell)
        for parent in {id(cell.parent): cell.parent for cell in cells}.values():
            children = _arranged(parent.children)
            parent.clear()
            parent.extend(children)
        self._gather()

    def _gather(self) -> None:
        """The code of figures and claims goes to the end of the chapter; a link stays with what it made."""
        tray = Tray()
        for count, fold in enumerate([f for f in self.document.findall(Fold) if not f["is_setup"]], 1):
            fold["anchor"] = f"code-{count}"
            fold.parent.replace(fold, CodeLink(fold))
            tray += fold
        if tray.children:
            section = nodes.section("", nodes.title("", "Code"), tray, ids=["code"], names=["code"])
            next(self.document.findall(nodes.section)).append(section)

    def _tell_ranges(self) -> None:
        """Over a claim's figure, how far it moves with the seed; the ledger has the same in a column."""
        env = self.document.settings.env
        ranges = read_ranges(Path(env.srcdir)).get(env.docname.removeprefix("chapters/"), {})
        told = {claim_id(statement): in_words(figures, figure_of) for statement, figures in ranges.items()}
        for output in self.document.findall(nodes.raw):
            found = re.match(r'<p class="kexue-claim" id="([\w-]+)"', output.rawsource)
            if found and found[1] in told:
                title = f' title="{escape("over six seeds: " + told[found[1]])}"'
                text = output.rawsource.replace('class="kexue-claim-figure"', 'class="kexue-claim-figure"' + title)
                output.rawsource, output.children = text, []
                output += nodes.Text(text)

    def _move_definitions(self) -> None:
        """A cell that defines n exercises goes to the end of the n-th solution after it."""
        order = list(self.document.findall(lambda node: isinstance(node, solution_node) or _is(node, "cell_code")))
        for place, cell in enumerate(order):
            count = 0 if isinstance(cell, solution_node) else defined_exercises(_source(cell))
            solutions = [node for node in order[place:] if isinstance(node, solution_node)]
            if 0 < count <= len(solutions):
                cell.parent.remove(cell)
                solutions[count - 1].children[-1].append(cell)
                cell["in_sight"] = True

    def _give_caption(self, cell: nodes.container) -> None:
        """An explorable or animation and the paragraph `{.figure-caption}` below it are a figure."""
        caption, outputs = cell.next_node(siblings=True, descend=False), _parts(cell, "cell_code_output")
        if not (isinstance(caption, nodes.paragraph) and "figure-caption" in caption["classes"] and outputs):
            return
        output = outputs[-1].children[-1]
        figure = nodes.figure(align="default")
        outputs[-1].replace(output, figure)
        figure += output
        figure += nodes.caption("", "", *caption.children)
        caption.parent.remove(caption)
        figure["names"], figure["ids"] = caption["names"], caption["ids"] or [self._figure_id(output)]
        self.document.ids.update(dict.fromkeys(figure["ids"], figure))

    def _figure_id(self, output: nodes.Element) -> str:
        """After the explorable's own name, which is its function's."""
        text = output.astext()
        found = re.search(r'class="kexue-explorable" id="([\w-]+)"', text)
        wanted = name = "fig-" + (found[1] if found else "animation" if "kexue-animation" in text else "shown")
        count = 1
        while name in self.document.ids:
            count += 1
            name = f"{wanted}-{count}"
        return name


def _arranged(children: list[nodes.Node]) -> list[nodes.Node]:
    """The children of a section, with one fold for each run of folded cells, after what they show."""
    arranged: list[nodes.Node] = []
    fold: Fold | None = None
    for child in children:
        if _is(child, "cell_code"):
            is_shown = not _tuck(child)
            if fold and (is_shown or (fold["is_setup"] and _parts(child, "cell_code_output"))):
                arranged.append(fold)
                fold = None
            if not is_shown:
                fold = fold or Fold()
                fold.add(child)
            if is_shown or child.children:
                arranged.append(child)
        else:
            if fold and not isinstance(child, nodes.Invisible | nodes.target):
                arranged.append(fold)
                fold = None
            arranged.append(child)
    return [*arranged, fold] if fold else arranged


def _tuck(cell: nodes.container) -> bool:
    """Whether a cell's code goes into a fold; code that stays in sight loses its claims."""
    cell.attributes.pop("hide_mode", None)  # MyST-NB's own bars
    cell["classes"] = [name for name in cell["classes"] if not name.startswith("tag_hide")]
    if not cell.get("in_sight") and is_folded(_source(cell), _metadata(cell)):
        return True
    for block in [block for part in _parts(cell, "cell_code_source") for block in part.findall(nodes.literal_block)]:
        source = without_claims(block.astext())
        block.rawsource, block.children = source, []
        block += nodes.Text(source)
    return False


def _numbers(writer: Any) -> dict[str, tuple[int, ...]]:
    return writer.builder.env.toc_fignumbers.get(writer.builder.current_docname, {}).get("figure", {})


def _open_fold(writer: Any, fold: Fold) -> None:
    title = escape(fold.title(_numbers(writer)))
    if fold["anchor"]:
        writer.body.append(f'<section id="{fold["anchor"]}" class="kexue-code"><h3>{title}</h3>\n')
    else:
        writer.body.append(f'<details class="kexue-fold"><summary>{title}</summary>\n')


def _close_fold(writer: Any, fold: Fold) -> None:
    writer.body.append("</section>\n" if fold["anchor"] else "</details>\n")


def _write_link(writer: Any, link: CodeLink) -> None:
    title = escape(link.fold.title(_numbers(writer)))
    writer.body.append(f'<p class="kexue-code-link"><a href="#{link.fold["anchor"]}">{title}</a></p>\n')
    raise nodes.SkipNode


def _open_tray(writer: Any, tray: Tray) -> None:
    writer.body.append('<details class="kexue-fold"><summary>Code of the figures and claims</summary>\n')


def _close_tray(writer: Any, tray: Tray) -> None:
    writer.body.append("</details>\n")


def add_cells(app: Sphinx) -> None:
    """Register the arrangement of cells."""
    app.add_node(Fold, html=(_open_fold, _close_fold))
    app.add_node(CodeLink, html=(_write_link, None))
    app.add_node(Tray, html=(_open_tray, _close_tray))
    app.add_transform(Cells)

"""Cells on a page: which share a bar, what it says, and how figures count."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from kexue.book.pages import cells as module
from kexue.book.pages import numbers


def code(source, *outputs, **metadata):
    """A cell as MyST-NB leaves it."""
    cell = nodes.container(nb_element="cell_code", cell_metadata=metadata, classes=["cell"])
    cell += nodes.container("", nodes.literal_block(source, source), nb_element="cell_code_source")
    if outputs:
        cell += nodes.container("", *outputs, nb_element="cell_code_output")
    return cell


def picture(name):
    return nodes.figure(ids=[name])


FOLDED = {"tags": ["hide-input"]}
NUMBERS = {"fig-a": (12, 3), "fig-b": (12, 4)}
CLAIM = 'claim("s", 1, below=2)'


def arranged(*cells):
    """What stands in a row on the page: sources, outputs, titles of bars, prose."""
    section = nodes.section("", *cells)
    row = []
    for node in module._arranged(section.children):
        if isinstance(node, module.Fold):
            row.append("> " + node.title(NUMBERS))
        elif node.get("nb_element") == "cell_code":
            row += [part["nb_element"].removeprefix("cell_code_") for part in node.children]
        else:
            row.append("prose")
    return row


def prose():
    return nodes.paragraph("", "prose")


@pytest.mark.parametrize(
    ("cells", "row"),
    [
        ([code("x = 1", **FOLDED), code("y = 1", **FOLDED), prose()], ["> Code", "prose"]),
        (
            [code("begin()", nodes.paragraph(), tags=["hide-cell", "setup"]), code("import jax", **FOLDED)],
            ["> Set-up"],
        ),
        (
            [code("begin()", tags=["hide-cell", "setup"]), code("draw()", picture("fig-a"), **FOLDED), prose()],
            ["> Set-up", "output", "> Code of Figure 12.3", "prose"],
        ),
        (
            [code("x = 1"), code("draw()", picture("fig-a"), **FOLDED), code(CLAIM, nodes.paragraph()), prose()],
            ["source", "output", "output", "> Code of Figure 12.3", "prose"],
        ),
        (
            [code("d()", picture("fig-a"), **FOLDED), code("d()", picture("fig-b"), **FOLDED)],
            ["output", "output", "> Code of Figures 12.3 and 12.4"],
        ),
        ([code(CLAIM, nodes.paragraph()), code("x = 1")], ["output", "> Code of the claim", "source"]),
        ([code(CLAIM + "\n" + CLAIM, nodes.paragraph())], ["output", "> Code of the claims"]),
        (
            [code("t()", kexue={"fold": "Training"}), code("d()", picture("fig-b"), **FOLDED)],
            ["output", "> Training and code of Figure 12.4"],
        ),
        ([code("d()", picture("fig-b"), kexue={"fold": "The map"})], ["output", "> The map"]),
        ([prose(), code("x = 1", nodes.paragraph()), prose()], ["prose", "source", "output", "prose"]),
    ],
)
def test_folded_neighbours_share_one_bar_after_what_they_show(cells, row):
    assert arranged(*cells) == row


def test_nothing_of_the_code_is_lost_in_the_fold():
    section = nodes.section("", code("first", **FOLDED), code("second", picture("fig-a"), **FOLDED))
    output, fold = module._arranged(section.children)
    assert [block.astext() for block in fold.findall(nodes.literal_block)] == ["first", "second"]
    assert not list(output.findall(nodes.literal_block))


def testnumbers_count_within_a_chapter(monkeypatch):
    posts = [SimpleNamespace(docname="chapters/p/a", order=7), SimpleNamespace(docname="chapters/p/b", order=12)]
    monkeypatch.setattr(numbers, "load", lambda root: SimpleNamespace(published=lambda: posts))
    given = {
        "chapters/p/a": {"figure": {"x": (1,), "y": (2,)}, "displaymath": {"e": (1,)}},
        "appendix": {"displaymath": {"f": (2,)}},
        "chapters/p/b": {"figure": {"z": (3,)}, "exercise": {"q": (4,), "r": (5,)}},
    }
    app, environment = Mock(spec=Sphinx), Mock(spec=BuildEnvironment)
    app.srcdir, environment.toc_fignumbers = ".", given
    assert numbers.number_by_chapter(app, environment) == []
    assert given == {
        "chapters/p/a": {"figure": {"x": (7, 1), "y": (7, 2)}, "displaymath": {"e": (7, 1)}},
        "appendix": {"displaymath": {"f": (1,)}},
        "chapters/p/b": {"figure": {"z": (12, 1)}, "exercise": {"q": (12, 1), "r": (12, 2)}},
    }

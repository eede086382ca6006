"""Which code stands in sight, which is folded, and what the bar in front of it says."""

from types import SimpleNamespace
from unittest.mock import Mock

import pytest
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from kexue.book import _cells, _numbers
from kexue.book._folds import defined_exercises, in_sight, is_folded, is_mostly_claims, without_claims

CODE_AND_CLAIMS = """\
x = solve(3)
y = x + 1

claim("the first", x, below=1)
claim(
    "the second",
    y,
    above=2,
);

for name in names:
    claim(name, y, below=3)
z = claim_of(x)
"""


def test_claims_are_cut_from_code_and_leave_no_gap():
    assert without_claims(CODE_AND_CLAIMS) == "x = solve(3)\ny = x + 1\n\nz = claim_of(x)"
    assert in_sight(CODE_AND_CLAIMS, {}) == []  # eight of eleven lines claim: the cell is folded
    longer = "\n".join(f"a{i} = {i}" for i in range(9)) + "\n" + CODE_AND_CLAIMS
    assert in_sight(longer, {}) == longer.splitlines()[:11] + ["z = claim_of(x)"]


@pytest.mark.parametrize(
    "source",
    [
        'held = claim("kept for later", x, below=1)',
        'x = 1; claim("shares its line", x, below=2)',
        'with x64():\n    claim("computes something", f(1), below=2)\n    y = 2',
        "claimed(1)",
        "%timeit claim(1",
    ],
)
def test_what_does_more_than_claim_is_kept(source):
    assert without_claims(source) == source and not is_mostly_claims(source)


def test_half_of_the_lines_are_enough_to_fold():
    claim = 'claim("s", 1, below=2)\n'
    assert is_mostly_claims("a = 1\n\n" + claim)
    assert not is_mostly_claims("a = 1\nb = 2\n" + claim)
    assert not is_mostly_claims("\n")


def test_exercises_that_a_cell_defines():
    define = 'exercise("e", solution=lambda: 1, at=[2])'
    assert defined_exercises(define + "\n" + define) == 2
    assert defined_exercises('answer = ...\nexercise("e").check(answer)') == 0
    assert is_folded(define, {}) and not is_folded('exercise("e").check(1)', {})


@pytest.mark.parametrize(
    "metadata", [{"tags": ["hide-input"]}, {"tags": ["hide-cell"]}, {"kexue": {"fold": "Training"}}]
)
def test_metadata_folds_a_cell(metadata):
    assert is_folded("x = 1", metadata) and in_sight("x = 1", metadata) == []
    assert not is_folded("x = 1", {"tags": ["remove-output"]})


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
    for node in _cells._arranged(section.children):
        if isinstance(node, _cells.Fold):
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
    output, fold = _cells._arranged(section.children)
    assert [block.astext() for block in fold.findall(nodes.literal_block)] == ["first", "second"]
    assert not list(output.findall(nodes.literal_block))


def test_numbers_count_within_a_chapter(monkeypatch):
    posts = [SimpleNamespace(docname="chapters/p/a", order=7), SimpleNamespace(docname="chapters/p/b", order=12)]
    monkeypatch.setattr(_numbers, "load", lambda root: SimpleNamespace(published=lambda: posts))
    given = {
        "chapters/p/a": {"figure": {"x": (1,), "y": (2,)}, "displaymath": {"e": (1,)}},
        "appendix": {"displaymath": {"f": (2,)}},
        "chapters/p/b": {"figure": {"z": (3,)}, "exercise": {"q": (4,), "r": (5,)}},
    }
    app, environment = Mock(spec=Sphinx), Mock(spec=BuildEnvironment)
    app.srcdir, environment.toc_fignumbers = ".", given
    assert _numbers.number_by_chapter(app, environment) == []
    assert given == {
        "chapters/p/a": {"figure": {"x": (7, 1), "y": (7, 2)}, "displaymath": {"e": (7, 1)}},
        "appendix": {"displaymath": {"f": (1,)}},
        "chapters/p/b": {"figure": {"z": (12, 1)}, "exercise": {"q": (12, 1), "r": (12, 2)}},
    }

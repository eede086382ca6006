"""The tree agrees with the registry, and every chapter with the rules for chapters."""

import ast
import copy
import json
import re
from pathlib import Path

import pytest
import yaml

from kexue.book.running.registry import load
from kexue.book.running.stamp import repository, setup_cell
from kexue.book.running.structure import problems, unrepeatable

ROOT = Path(__file__).parents[3]
REGISTRY = load(ROOT)
PUBLISHED = [pytest.param(post, id=post.chapter) for post in REGISTRY.published()]
LIBRARY = sorted((ROOT / "lib" / "kexue").rglob("*.py"))


def notebook_of(post):
    return json.loads((ROOT / post.path).read_text(encoding="utf-8"))


def test_the_table_of_contents_is_the_registry_in_reading_order():
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    titles = {part.title: part.part for part in REGISTRY.parts}
    listed = []
    for part in parts:
        for chapter in part["chapters"]:
            if chapter["file"].startswith("chapters/") and not chapter["file"].endswith("/index"):
                assert chapter["file"].split("/")[1] == titles[part["caption"]]
                listed.append(chapter["file"])
    assert listed == [post.docname for post in REGISTRY.published()]


def test_the_plan_is_whole():
    assert len(REGISTRY.posts) == 39
    assert [post.order for post in REGISTRY.posts] == list(range(1, 40))
    assert [part.part for part in REGISTRY.parts] == list(dict.fromkeys(post.part for post in REGISTRY.posts))
    for post in REGISTRY.posts:
        assert post.url == f"https://kexue.fm/archives/{post.archive}"
        assert re.fullmatch(r"20\d\d-\d\d-\d\d", post.date)
        assert re.search(r"[\u4e00-\u9fff]", post.original)
        assert not re.search(r"[\u4e00-\u9fff“”]", post.translation), "the card sets it in quotation marks"


@pytest.mark.parametrize("post", PUBLISHED)
def test_a_chapter_keeps_the_rules(post):
    assert problems(notebook_of(post), post.edition) == []


@pytest.mark.parametrize("post", PUBLISHED)
def test_a_chapter_has_the_stamped_set_up_cell_and_the_title_of_the_registry(post):
    cells = notebook_of(post)["cells"]
    assert "".join(cells[1]["source"]) == setup_cell(post, repository(ROOT))
    assert "".join(cells[0]["source"]).splitlines()[0] == f"# {post.title}"
    assert f"{{post-card}} {post.chapter}" in "".join(cells[0]["source"])


@pytest.mark.parametrize("post", PUBLISHED[:1])
@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda c: c[1].update(execution_count=3), "committed with outputs"),
        (lambda c: c[2 if c[2]["cell_type"] == "code" else 1].update(outputs=[{}]), "committed with outputs"),
        (lambda c: c[0].update(source=["no title"]), "title and the post card"),
        (lambda c: c[1].update(metadata={}), "tagged setup"),
        (lambda c: c[1].update(source=["x = 1\n"] * 21), "too long"),
        (lambda c: c[1].update(source=["import numpy as np; np.random.normal()"]), "unseeded randomness"),
        (lambda c: c[1].update(source=["import datetime"]), "a date or a clock"),
        (lambda c: c[1].update(source=["import ipywidgets"]), "running kernel"),
        (lambda c: [x["metadata"].pop("mystnb", 0) for x in c], "captioned figures"),
        (lambda c: c.__delitem__(slice(6, None)), "claims"),
    ],
)
def test_a_broken_rule_is_named(post, spoil, sentence):
    notebook = copy.deepcopy(notebook_of(post))
    spoil(notebook["cells"])
    assert any(sentence in problem for problem in problems(notebook, edition=1))


def cell(kind, source, **metadata):
    return {"cell_type": kind, "source": source, "metadata": metadata}


def chapter(words=1500, lines=40, claims=10, columns=70):
    """A notebook that keeps every rule of the second edition, unless told otherwise."""
    figure = {"figure": {"caption": "c"}, "image": {"alt": "a"}}
    line = "x = 1  # ".ljust(columns, "x")
    exercise = "```{exercise} T\n```\n```{solution} l\n```\n"
    return {
        "cells": [
            cell("markdown", "# T\n```{post-card} a/b\n```"),
            cell("code", "begin()\n" * 300, tags=["hide-cell", "setup"]),
            cell("markdown", "word " * (words - 2)),
            cell("code", "\n".join([line] * lines)),
            *(cell("code", "axes.plot()" + "  # wide" * 30, mystnb=figure, tags=["hide-input"]) for _ in range(3)),
            cell("code", "\n".join(["explore(f)", *['claim("s", 1, below=2)'] * claims]), tags=["hide-input"]),
            cell("markdown", "the end\n\n## Exercises\n\n" + exercise * 3 + "word " * 900),
            cell("code", "\n".join([line[:80]] * 100)),
        ]
    }


@pytest.mark.parametrize(
    "budget",
    [{}, {"words": 1200}, {"words": 2600}, {"lines": 80}, {"claims": 8}, {"claims": 18}, {"columns": 88}],
)
def test_the_budgets_of_the_second_edition_are_kept_at_their_edges(budget):
    assert problems(chapter(**budget)) == []


@pytest.mark.parametrize(
    ("budget", "sentence"),
    [
        ({"words": 1199}, "1199 words before the exercises; 1200 to 2600 are wanted"),
        ({"words": 2601}, "2601 words before the exercises"),
        ({"lines": 81}, "81 lines of code in sight before the exercises; 1 to 80 are wanted"),
        ({"claims": 7}, "7 claims; 8 to 18 are wanted"),
        ({"claims": 19}, "19 claims"),
        ({"columns": 89}, "40 lines of code in sight are wider than 88 columns: x = 1"),
    ],
)
def test_a_budget_that_is_not_kept_is_named(budget, sentence):
    (problem,) = problems(chapter(**budget))
    assert problem.startswith(sentence)


def test_a_figure_without_alt_text_is_named():
    notebook = copy.deepcopy(notebook_of(REGISTRY.published()[0]))
    cell = next(c for c in notebook["cells"] if "figure" in c["metadata"].get("mystnb", {}))
    cell["metadata"]["mystnb"]["image"] = {}
    assert any("alt text" in problem for problem in problems(notebook))


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: p.relative_to(ROOT / "lib").as_posix())
def test_the_library_can_be_repeated(path):
    source = path.read_text(encoding="utf-8")
    if path.name != "structure.py":
        assert unrepeatable(source) == []


def imported(path):
    """The sub-packages of kexue that a module imports, relative imports resolved."""
    package = path.relative_to(ROOT / "lib").with_suffix("").parts[:-1]
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            full = base + (node.module.split(".") if node.module else [])
            names |= {".".join([*full, alias.name]) for alias in node.names}
        elif isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("kexue.")}


@pytest.mark.parametrize("path", LIBRARY, ids=lambda p: p.relative_to(ROOT / "lib").as_posix())
def test_who_may_import_whom(path):
    parts = {part.part for part in REGISTRY.parts}
    home = path.relative_to(ROOT / "lib" / "kexue").parts[0]
    if home == "book":
        assert not imported(path) & parts
    elif home in parts:
        assert "book" not in imported(path)


def test_the_repository_address_stands_in_one_place():
    address = repository(ROOT)
    for name in ("README.md", "index.md"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert set(re.findall(r"https://github\.com/[\w.-]+/[\w.-]+", text)) <= {
            address,
            "https://github.com/owner/name",
        }, name

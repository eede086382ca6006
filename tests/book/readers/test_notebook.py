"""A small chapter as its reader finds it."""

import copy

import nbformat
import pytest

from kexue.book.readers.markdown import Known, Raw
from kexue.book.readers.notebook import reader
from kexue.book.running.registry import Post

POST = Post(
    part="part",
    slug="here",
    order=3,
    title="Here",
    original="这里",
    translation="Here",
    archive=7,
    date="2018-06-27",
    url="https://kexue.fm/archives/7",
    status="published",
)
KNOWN = Known(
    docname="chapters/part/here", page="https://book/here.html", figures=("3.1", "3.2"), exercises={"ex-a": "3.4"}
)


def text(name, source):
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def code(name, source, **metadata):
    return {
        "cell_type": "code",
        "id": name,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


@pytest.fixture
def chapter():
    return {
        "cells": [
            text("one", "# Here\n\n```{post-card} part/here\n```"),
            code("set", "import numpy as np", tags=["hide-cell", "setup"]),
            code("plot", "x = 1\ny = 2\nplot(x, y)", mystnb={"figure": {"caption": "Two *points*.\n", "name": "f"}}, tags=["hide-input"]),
            code("seen", "x = 1\ny = 2\nz = x + y"),
            code("held", 'claim("It holds", 1, below=2)'),
            text("ask", "````{exercise} Title\n:label: ex-a\nText.\n````"),
            code("answer", "answer = ..."),
            text("solve", "```{solution-start} ex-a\n:class: dropdown\n```\n\nBecause."),
            code("proof", "print(1)", mystnb={"figure": {"caption": "A proof."}}),
            text("end", "And so.\n\n```{solution-end}\n```\n\nGo on."),
        ],
        "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}, "x": 1},
        "nbformat": 4,
        "nbformat_minor": 5,
    }  # fmt: skip


def test_cells(chapter):
    before = copy.deepcopy(chapter)
    made = reader(chapter, POST, "Su", KNOWN)
    assert chapter == before
    nbformat.validate(nbformat.from_dict(made))
    words = {cell["id"]: "".join(cell["source"]) for cell in made["cells"]}
    assert list(words) == [
        "one", "set", "plot", "caption-plot", "seen", "held", "ask", "answer", "solve", "proof", "caption-proof", "end",
    ]  # fmt: skip
    for credit in (
        "https://kexue.fm/archives/7",
        "这里",
        "Su",
        "2018-06-27",
        "https://book/here.html",
        "CC BY 4.0",
        "Apache",
    ):
        assert credit in words["one"]
    assert words["caption-plot"] == "**Figure 3.1.** Two *points*."
    solution = "<details><summary>Solution of Exercise 3.4</summary>\n\n{}\n\n</details>"
    assert words["solve"] == solution.format("Because.")
    assert words["caption-proof"] == "<details><summary>Figure 3.2</summary>\n\nA proof.\n\n</details>"
    assert words["end"] == solution.format("And so.") + "\n\nGo on."


def test_code_is_the_chapters_and_nothing_is_given_away(chapter):
    made = reader(chapter, POST, "Su", KNOWN)
    sources = [["".join(c["source"]) for c in n["cells"] if c["cell_type"] == "code"] for n in (chapter, made)]
    assert sources[0] == sources[1]
    jupyter = {cell["id"]: cell["metadata"].get("jupyter") for cell in made["cells"] if cell["cell_type"] == "code"}
    hidden = {"source_hidden": True}
    assert jupyter == {
        "set": hidden,
        "plot": hidden,
        "seen": None,
        "held": hidden,
        "answer": None,
        "proof": hidden | {"outputs_hidden": True},
    }
    assert {c["id"] for c in made["cells"] if c["metadata"].get("cellView") == "form"} == {
        "set",
        "plot",
        "held",
        "proof",
    }
    assert "mystnb" not in str(made) and "x" not in made["metadata"]


def test_captions_are_the_pages(chapter):
    with pytest.raises(Raw, match="more captions than the page has figures"):
        reader(chapter, POST, "Su", Known(docname="d", page="https://p", figures=("3.1",), exercises={"ex-a": "3.4"}))
    with pytest.raises(Raw, match="1 more figures than the notebook has captions"):
        reader(
            chapter,
            POST,
            "Su",
            Known(docname="d", page="https://p", figures=("1", "2", "3"), exercises={"ex-a": "3.4"}),
        )

"""The reference of the library: complete, importable, described; and the links from code to it."""

import dataclasses
import importlib
import inspect
import json

import pytest
from sphinx.pycode import ModuleAnalyzer

from kexue.book.pages.reference.links import linked
from kexue.book.pages.reference.names import imported_names, in_a_line, public_names

PARTS = ("dynamics", "optimizers", "sensitivity", "sampling", "entropy", "language")


@pytest.mark.parametrize("part", PARTS)
def test_help_lists_what_can_be_imported_and_nothing_else(part):
    names, lines = public_names(part), in_a_line(part)
    assert set(names) == set(lines)
    module = importlib.import_module(f"kexue.{part}")
    assert set(names) == set(module.__all__)
    assert all(hasattr(module, name) for name in names)


@pytest.mark.parametrize("part", PARTS)
def test_every_field_of_a_result_is_described(part):
    bare = []
    for name, home in public_names(part).items():
        value = getattr(importlib.import_module(f"kexue.{part}"), name)
        if inspect.isclass(value) and hasattr(value, "_fields"):
            described = ModuleAnalyzer.for_module(home).find_attr_docs()
            bare += [f"{name}.{field}" for field in value._fields if (name, field) not in described]
    assert not bare


def test_results_in_data_and_training_are_described_too():
    from kexue import data, training

    for value in (data.Card, data.Reviews, data.Table, training.Run):
        fields = getattr(value, "_fields", None) or [field.name for field in dataclasses.fields(value)]
        described = ModuleAnalyzer.for_module(value.__module__).find_attr_docs()
        assert not [field for field in fields if (value.__name__, field) not in described], value


def notebook(tmp_path, *cells):
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]}))
    return path


def test_names_of_a_notebook_are_those_that_it_imports(tmp_path):
    path = notebook(
        tmp_path,
        "%matplotlib inline\nfrom kexue import data, dynamics\nfrom kexue.book import claim",
        [
            "from kexue.sampling import (\n",
            "    anneal,\n",
            "    cycle as turn,\n",
            ")\n",
            "data.mnist()\n",
            "x.anneal",
        ],
        "dynamics.heavy_ball(0.1, 0.9); other.nesterov",
    )
    assert imported_names(path) == {
        "anneal": "kexue.sampling.anneal",
        "turn": "kexue.sampling.cycle",
        "data.mnist": "kexue.data.mnist",
        "dynamics.heavy_ball": "kexue.dynamics.heavy_ball",
    }


def name(word):
    return f'<span class="n">{word}</span>'


DOT, IS, OPEN = '<span class="o">.</span>', '<span class="o">=</span>', '<span class="p">(</span>'
IMPORT = '<span class="kn">from</span> <span class="nn">kexue.sampling</span> <span class="kn">import</span> '


@pytest.mark.parametrize(
    ("before", "used"),
    [
        (f"<pre>{IMPORT}{name('anneal')}</pre><pre>", name("anneal")),
        (f"<pre>{IMPORT}{OPEN}\n    {name('cycle')},\n    {name('anneal')},\n)\nx = ", name("anneal")),
        (f"<pre>{IMPORT}{name('cycle')}\n", name("anneal")),
        (f"<pre>{name('run')}{DOT}{name('anneal')}\nf(", name("anneal")),
        (f"<pre>f({name('anneal')}{IS}1)\n", name("anneal")),
    ],
)
def test_the_first_use_is_linked_and_no_import_attribute_or_keyword(before, used):
    after = f"(x)\n{name('anneal')}</pre>"
    link = f'<a class="kexue-name" href="there">{used}</a>'
    assert linked(before + used + after, "anneal", "there") == before + link + after


def test_a_name_behind_its_module_is_linked_as_a_whole():
    use = f"{name('data')}{DOT}{name('mnist')}"
    body = f"<pre>{name('mnist')} {use}</pre>"
    assert linked(body, "data.mnist", "there") == body.replace(use, f'<a class="kexue-name" href="there">{use}</a>')


def test_without_a_use_the_page_stays():
    body = f"<pre>{IMPORT}{name('anneal')}</pre> anneal"
    assert linked(body, "anneal", "there") == body

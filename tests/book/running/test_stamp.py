import json

import pytest

from kexue.book.running.registry import load
from kexue.book.running.stamp import repository, setup_cell, stamp


def test_stamping_moves_every_address_and_is_idempotent(book):
    changed = stamp(book, "https://github.com/someone/book.git")
    assert set(changed) == {
        "_config.yml",
        "README.md",
        "index.md",
        "pyproject.toml",
        "chapters/one/a.ipynb",
        "chapters/two/b.ipynb",
    }
    assert repository(book) == "https://github.com/someone/book"
    assert "_owner_" not in "".join(
        path.read_text() for path in book.rglob("*") if path.suffix in {".md", ".yml", ".toml", ".ipynb"}
    )
    assert "https://someone.github.io/book/" in (book / "_config.yml").read_text()
    cell = json.loads((book / "chapters/one/a.ipynb").read_text())["cells"][0]
    assert "".join(cell["source"]) == setup_cell(load(book).of("one/a"), "https://github.com/someone/book")
    assert stamp(book) == []


@pytest.mark.parametrize("address", ["github.com/a/b", "https://github.com/a", "https://github.com/a/b c", ""])
def test_a_bad_address_changes_nothing(book, address):
    before = {path: path.read_bytes() for path in book.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="REPOSITORY must look like"):
        stamp(book, address)
    assert before == {path: path.read_bytes() for path in book.rglob("*") if path.is_file()}


def test_the_set_up_cell_is_python_and_keeps_the_running_jax(book):
    cell = setup_cell(load(book).of("one/a"), "https://github.com/someone/book")
    compile(cell, "set-up", "exec")
    assert 'begin("one/a", seconds={"cpu": 3})' in cell
    assert '("jax", "jaxlib")' in cell

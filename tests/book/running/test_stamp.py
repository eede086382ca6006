import importlib.util
import json
import subprocess
import sys
import time

import pytest

from kexue.book.running.registry import load
from kexue.book.running.stamp import repository, setup_cell, stamp


def test_stamping_moves_every_address_and_is_idempotent(book, write):
    write(book / "notebooks/one/a.ipynb", "# https://github.com/_owner_/kexue")
    changed = stamp(book, "https://github.com/someone/book.git")
    assert set(changed) == {
        "_config.yml",
        "README.md",
        "index.md",
        "appendix/running.md",
        "pyproject.toml",
        "chapters/one/a.ipynb",
        "chapters/two/b.ipynb",
        "notebooks/one/a.ipynb",
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


@pytest.mark.parametrize(
    ("stderr", "said"),
    [
        (
            "fatal: unable to access: Could not resolve host: github.com",
            "someone/book does not answer: go online, or clone",
        ),
        (
            "fatal: could not read Username: terminal prompts disabled",
            "someone/book does not answer: go online, or clone",
        ),
        ("ERROR: ResolutionImpossible: for help visit", "cannot be installed beside jax=="),
        ("ERROR: No matching distribution found for jax==0.7.2", "cannot be installed beside jax=="),
    ],
)
def test_a_set_up_that_fails_says_why_in_one_sentence(book, monkeypatch, stderr, said):
    cell = setup_cell(load(book).of("one/a"), "https://github.com/someone/book")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "kexue" else found(name))
    calls = []

    def run(command, **options):
        calls.append((command, options["env"]["GIT_TERMINAL_PROMPT"]))
        return subprocess.CompletedProcess(command, 1, "", stderr)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(Exception, match=said) as caught:
        exec(compile(cell, "set-up", "exec"), {})
    assert caught.value._render_traceback_() == [str(caught.value)]  # IPython shows this in place of a traceback
    ((command, prompt),) = calls
    assert command[-3] == "kexue[book] @ git+https://github.com/someone/book" and prompt == "0"
    assert [pin.split("==")[0] for pin in command[-2:]] == ["jax", "jaxlib"]


def test_a_repository_that_does_not_answer_is_told_in_seconds(book):
    """With the pip and the git of this environment."""
    cell = setup_cell(load(book).of("one/a"), "http://127.0.0.1:9/someone/book")
    program = (
        "import importlib.util as u; f = u.find_spec; u.find_spec = lambda n: None if n == 'kexue' else f(n)\n" + cell
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert time.perf_counter() - start < 30
    assert done.returncode and done.stderr.splitlines()[-1].endswith("run `make lab` there.")

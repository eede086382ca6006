import os
import signal
import subprocess
import sys
import time

import pytest

from kexue.book.running.execute import ExecutionError, dependencies, execute, fingerprint, read_records, records_path
from kexue.book.running.registry import load

A, B = "chapters/one/a.ipynb", "chapters/two/b.ipynb"


def test_dependencies_follow_imports(book):
    assert dependencies(book, book / A) == ["book", "one", "training"]
    assert dependencies(book, book / B) == ["book", "one", "tables", "training", "two"]


@pytest.mark.parametrize(
    ("changed", "stale"),
    [
        ("lib/kexue/two/deep.py", {B}),
        ("lib/kexue/two/room/deeper.py", {B}),
        ("lib/kexue/tables.py", {B}),
        ("lib/kexue/one/__init__.py", {A, B}),
        ("lib/kexue/training.py", {A, B}),
        ("lib/kexue/book/__init__.py", {A, B}),
        ("lib/kexue/book/notebook/claim.py", {A, B}),
        ("lib/kexue/book/running/build.py", set()),
        ("lib/kexue/book/pages/cards.py", set()),
        ("requirements.txt", {A, B}),
        ("README.md", set()),
    ],
)
def test_a_change_makes_exactly_those_chapters_stale_that_can_depend_on_it(book, changed, stale):
    before = {path: fingerprint(book, book / path) for path in (A, B)}
    with open(book / changed, "a") as file:
        file.write("# changed\n")
    assert {path for path in (A, B) if fingerprint(book, book / path) != before[path]} == stale


def test_nothing_runs_twice_and_a_failure_keeps_the_others(book, capsys, write):
    execute(book)
    assert "executing 2 of 2" in capsys.readouterr().out
    records = execute(book)
    assert "nothing to execute" in capsys.readouterr().out
    assert set(records) == {"one/a", "two/b"} and records["one/a"]["seconds"] > 0

    write(book / A, "print('other')", "raise ValueError('on purpose')")
    with open(book / "lib/kexue/two/deep.py", "a") as file:
        file.write("# changed\n")
    with pytest.raises(ExecutionError, match="one/a:") as error:
        execute(book)
    assert "on purpose" in str(error.value)
    assert read_records(book)["two/b"]["key"] == fingerprint(book, book / B)

    write(book / A, "print('mended')")
    execute(book)
    assert "executing 1 of 2" in capsys.readouterr().out.splitlines()[-2]


def test_claims_and_versions_are_recorded(book, write):
    first = "from kexue.book import begin, claim\nbegin('one/a', seconds={})\n"
    write(book / A, first + "claim('one is less than two', 1, below=2, relation='confirms');")
    write(book / B, "print(2)")
    record = execute(book)["one/a"]
    assert record["claims"] == [
        {"statement": "one is less than two", "value": 1.0, "bound": "below 2", "relation": "confirms"}
    ]
    assert record["backend"] == "cpu"
    assert record["versions"]["jax"] and 0 <= record["overhead"] <= record["seconds"]


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_is_taken_up_again(book, how, capsys, write):
    write(book / B, "import time; time.sleep(60)")
    process = subprocess.Popen(
        [sys.executable, "-m", "kexue.book", "--root", str(book), "execute"],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while "one/a" not in read_records(book) and time.monotonic() < deadline:
        time.sleep(0.2)
    os.killpg(process.pid, how)
    process.wait(timeout=30)
    assert "one/a" in read_records(book) and "two/b" not in read_records(book)
    write(book / B, "print('short')")
    capsys.readouterr()
    assert set(execute(book)) == {"one/a", "two/b"}
    assert "executing 1 of 2" in capsys.readouterr().out
    assert not records_path(book).with_suffix(".partial").exists()


def test_committed_outputs_stop_the_build(book):
    path = book / A
    path.write_text(
        path.read_text().replace(
            '"outputs": []', '"outputs": [{"output_type": "stream", "name": "stdout", "text": "1"}]'
        )
    )
    with pytest.raises(ExecutionError, match=r"one/a: .*committed with outputs"):
        execute(book, load(book))


def test_a_bad_number_of_jobs_is_named(book, monkeypatch):
    monkeypatch.setenv("KEXUE_JOBS", "many")
    with pytest.raises(ValueError, match="KEXUE_JOBS must be a positive whole number, got 'many'"):
        execute(book)


CELLS = (
    "from kexue.book import claim\nprint(1)\nprint(2)",
    "claim('one is less than two', 1, below=2)",
    "3",
    "4;",
    "import matplotlib; matplotlib.use('inline'); import matplotlib.pyplot as plt; plt.plot([1, 2]);",
)


def nbval(book):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-p",
        "kexue.book.running.nbval",
        "--rootdir",
        book,
    ]
    command += ["--nbval-lax", "--nbval-current-env", "-c", os.devnull, "chapters"]
    return subprocess.run(list(map(str, command)), cwd=book, capture_output=True, text=True)


def test_what_nbval_executed_is_not_executed_again_and_shows_the_same(book, write, capsys):
    import nbformat
    from jupyter_cache import get_cache

    def outputs(path):
        _, notebook = get_cache(book / "_build" / ".jupyter_cache").merge_match_into_notebook(nbformat.read(path, 4))
        return [cell.outputs for cell in notebook.cells]

    write(book / A, *CELLS)
    execute(book)
    built, record = outputs(book / A), read_records(book)["one/a"]
    assert [len(o) for o in built] == [1, 1, 1, 0, 1]

    (book / "requirements.txt").write_text("jax==2\n")  # a change that makes both stale
    done = nbval(book)
    assert done.returncode == 0, done.stdout
    capsys.readouterr()
    assert read_records(book)["one/a"]["key"] != fingerprint(book, book / A)
    execute(book)
    assert "nothing to execute" in capsys.readouterr().out
    assert outputs(book / A) == built
    again = read_records(book)["one/a"]
    same = {"chapter", "claims", "versions", "python", "scale"}
    assert {k: again[k] for k in same} == {k: record[k] for k in same}
    assert again["key"] == fingerprint(book, book / A) and again["seconds"] > 0


def test_a_run_that_failed_or_is_out_of_date_is_not_taken(book, write, capsys):
    write(book / A, "print('whole')", "raise ValueError('on purpose')")
    done = nbval(book)
    assert done.returncode == 1 and "on purpose" in done.stdout
    write(book / B, "print('changed since')")
    write(book / A, "print('mended')")
    execute(book)
    assert "executing 2 of 2" in capsys.readouterr().out


def test_a_misspelt_magic_fails_in_nbval_as_it_does_in_the_build(book, write):
    write(book / A, "%notmagic")
    done = nbval(book)
    assert done.returncode == 1 and "only its error stream tells" in done.stdout
    with pytest.raises(ExecutionError, match="notmagic"):
        execute(book)

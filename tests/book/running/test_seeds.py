import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kexue.book import claim
from kexue.book.running.registry import RegistryError, load
from kexue.book.running.seeds import RUNS, SeedError, in_words, is_exact, ranges_path, read_ranges, seeds

ROOT = Path(__file__).parents[3]
A, B = "chapters/one/a.ipynb", "chapters/two/b.ipynb"
RANDOM = """
import jax, numpy as np
from kexue.book import begin, claim
begin('one/a', seconds={});
"""
CLAIMS = """
claim('A draw is no integer', float(jax.random.uniform(jax.random.key(3))), between=(0, 1))
claim('Another is neither', np.random.default_rng(3).random(), between=(0, 1))
claim('Two is two', 2, equals=2, tolerance=0);
"""
INSTANCE = "claim('The instance stays', np.random.default_rng(7).random(), between=(0, 1));"


@pytest.fixture
def tagged(write):
    def write_tagged(path, *sources):
        write(path, *sources)
        notebook = json.loads(path.read_text())
        notebook["cells"][-1]["metadata"] = {"tags": ["same-instance"]}
        path.write_text(json.dumps(notebook))

    return write_tagged


@pytest.fixture
def runs(monkeypatch):
    """Fewer runs where two or three show the same; each starts a kernel."""
    return lambda count: monkeypatch.setattr("kexue.book.running.seeds.RUNS", count)


def test_draws_move_with_the_seed_and_exact_figures_and_instances_do_not(book, write, tagged, runs, capsys):
    import numpy as np

    assert RUNS == 6
    tagged(book / A, RANDOM, CLAIMS, INSTANCE)
    write(book / B, "print(2)")
    runs(1)
    seeds(book, "two/b")
    assert read_ranges(book) == {"two/b": {}}
    runs(6)
    seeds(book, "one/a")
    ranges = read_ranges(book)
    assert list(ranges) == ["one/a", "two/b"]
    first, second, exact, instance = ranges["one/a"].values()
    assert list(ranges["one/a"])[2] == "Two is two" and "4 claims hold, 2 of them exact" in capsys.readouterr().out
    assert exact == {"low": 2.0, "high": 2.0}
    assert instance["low"] == instance["high"] == float(f"{np.random.default_rng(7).random():.4g}")
    draws = [np.random.default_rng(3 + 1000 * seed).random() for seed in range(6)]
    assert second == {"low": float(f"{min(draws):.4g}"), "high": float(f"{max(draws):.4g}")}
    assert first["low"] < first["high"]


def test_a_false_claim_is_listed_with_its_seed_and_the_range_stays_unwritten(book, write, runs):
    runs(3)
    write(book / A, RANDOM, "claim('Large', np.random.default_rng(0).random(), above=0.6)\nclaim('Two', 2, below=3);")
    write(book / B, RANDOM, "claim('Two is less than three', 2, below=3);")
    with pytest.raises(SeedError, match=r"one/a, seed \d: Large: 0\.\d+ \(above 0\.6\)") as error:
        seeds(book)
    assert "seed 0" not in str(error.value) and "Two" not in str(error.value)
    assert list(read_ranges(book)) == ["two/b"]


def test_a_run_that_stops_and_a_statement_that_changes_are_told(book, write, runs):
    runs(2)
    write(book / A, RANDOM, "raise RuntimeError('on purpose')")
    write(book / B, RANDOM, "x = np.random.default_rng(0).random()\nclaim(f'It is {x:.3f}', x, below=1);")
    with pytest.raises(SeedError) as error:
        seeds(book)
    assert "one/a, seed 1:" in str(error.value) and "on purpose" in str(error.value)
    assert "two/b: a statement changes with the seed" in str(error.value)
    assert not ranges_path(book).exists()
    with pytest.raises(RegistryError, match="one/x"):
        seeds(book, "one/x")


PROGRAM = """
import sys, types
import jax, numpy as np
before = jax.random.key, jax.random.PRNGKey, np.random.default_rng
from kexue.book.notebook.shift import pause, shift_seeds
shift_seeds(); shift_seeds()
library = types.ModuleType("library")
exec("import jax, numpy as np\\ndef data(): return int(jax.random.key_data(jax.random.key(5))[1])", library.__dict__)
key = lambda seed: int(jax.random.key_data(jax.random.key(seed))[1])
inside = int(jax.jit(lambda: jax.random.key_data(jax.random.key(5))[1])())
pause(True); paused = key(5); pause(False)
untouched = (jax.random.key, jax.random.PRNGKey, np.random.default_rng) == before
print([key(5), int(jax.random.PRNGKey(5)[1]), inside, library.data(), paused, untouched])
print(np.random.default_rng(5).random() == before[2](2005).random(), np.random.default_rng(seed=5).random() == before[2](2005).random())
print(np.random.default_rng([5, 1]).random() == before[2]([2005, 1]).random())
"""


@pytest.mark.parametrize(("seed", "keys"), [(None, [5] * 5 + [True]), ("2", [2005, 2005, 2005, 5, 5, False])])
def test_cells_are_shifted_once_and_the_library_is_not(seed, keys):
    environment = {k: v for k, v in os.environ.items() if k != "KEXUE_SEED"} | ({"KEXUE_SEED": seed} if seed else {})
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, env=environment)
    said, *numpy = done.stdout.splitlines()
    assert ast.literal_eval(said) == keys
    assert " ".join(numpy).split() == [str(bool(seed))] * 3


def test_a_false_claim_goes_on_only_with_other_seeds(monkeypatch, capsys):
    monkeypatch.setenv("KEXUE_SEED", "3")
    claim("One is more than two", 1, above=2)
    claim("Not a number", float("nan"), above=2)
    monkeypatch.setenv("KEXUE_SEED", "0")
    with pytest.raises(AssertionError, match="claim is false: One is more than two"):
        claim("One is more than two", 1, above=2)
    monkeypatch.setenv("KEXUE_SEED", "-1")
    with pytest.raises(ValueError, match="KEXUE_SEED must be a whole number, 0 or more, got '-1'"):
        claim("One is more than two", 1, above=2)


def test_words():
    assert in_words(None) == ""
    assert in_words({"low": 2.0, "high": 2.0}) == "exact"
    assert in_words({"low": -0.31, "high": 0.35}) == "−0.31 … 0.35"
    assert is_exact({"low": 1.0, "high": 1.000001}) and not is_exact({"low": 1.0, "high": 1.001})


def literal_statements(path):
    """The statements of a notebook's claims, and how many of them are put together at run time."""
    cells = [c for c in json.loads(path.read_text(encoding="utf-8"))["cells"] if c["cell_type"] == "code"]
    trees = [ast.parse("".join(cell["source"])) for cell in cells]
    calls = [
        node
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "claim"
    ]
    literal = [c.args[0].value for c in calls if isinstance(c.args[0], ast.Constant)]
    return literal, len(calls) - len(literal)


@pytest.mark.parametrize("post", load(ROOT).published(), ids=lambda post: post.chapter)
def test_the_ranges_know_every_claim(post):
    ranges = read_ranges(ROOT)
    assert post.chapter in ranges or post.edition == 1, f"run `make seeds CHAPTER={post.chapter}`"
    if post.chapter in ranges:
        literal, made = literal_statements(ROOT / post.path)
        known = set(ranges[post.chapter])
        assert set(literal) <= known, f"run `make seeds CHAPTER={post.chapter}`"
        assert made or known == set(literal)


def test_the_ranges_know_no_chapter_that_is_not_there():
    assert set(read_ranges(ROOT)) <= {post.chapter for post in load(ROOT).published()}

"""The committed results: complete, and the ground on which one version of JAX is excluded."""

import json
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture
def page(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import page

    yield page
    del sys.modules["page"]


@pytest.fixture
def results():
    return json.loads((ROOT / "benchmarks/results.json").read_text(encoding="utf-8"))


def test_every_workload_has_its_row_and_every_row_its_cells(page, results):
    assert results["columns"] == page.COLUMNS
    assert all(entry[column] for entry in results["rows"] for column in page.COLUMNS)
    sources = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "benchmarks").rglob("test_*.py"))
    assert sources.count("group=") == len({entry["Workload"] for entry in results["rows"]})
    for entry in results["rows"]:
        assert f'group="{entry["Workload"]}"' in sources
        assert f'id="{entry["Ours"]}"' in sources and f'id="{entry["Peer"]}"' in sources


def test_the_version_that_chapters_warn_of_is_slow_and_the_ones_around_it_are_not(results):
    ratios = {
        entry["Software"].split("jax ")[1].split(",")[0]: float(entry["Ratio"])
        for entry in results["rows"]
        if entry["Ours"] == "lax.scan, outputs stacked"
    }
    assert ratios.pop("0.11.1") < 1e-3
    assert {"0.11.0", "0.11.2"} < set(ratios) and min(ratios.values()) > 0.1


def test_the_table_in_markdown(page, results):
    lines = page.markdown(results).splitlines()
    assert len(lines) == len(results["rows"]) + 2
    assert {line.count(" | ") for line in lines} == {len(page.COLUMNS) - 1}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (20.44, "20.4 s"),
        (1.0, "1.00 s"),
        (0.1234, "123 ms"),
        (0.00116, "1.16 ms"),
        (7.19e-4, "719 µs"),
        (9.9e-6, "9.90 µs"),
    ],
)
def test_durations_have_three_digits(page, seconds, text):
    assert page.duration(seconds) == text


def entry(workload, software, **more):
    return {"Workload": workload, "Peer": "p", "Software": software, "Processor": "c", **more}


def test_a_plain_run_replaces_what_no_merge_added(page):
    import run

    old = [entry("a", "jax 1"), entry("b", "jax 1"), entry("b", "jax 2", merged=True)]
    assert run.combine(old, [entry("b", "jax 3")], merge=False) == [
        entry("b", "jax 3"),
        entry("b", "jax 2", merged=True),
    ]
    merged = run.combine(old, [entry("b", "jax 2", new=True)], merge=True)
    assert merged == [*old[:2], entry("b", "jax 2", new=True, merged=True)]
    del sys.modules["run"]

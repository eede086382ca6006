"""Measure every workload beside its peers, print the ratios, and write ``results.json``.

    python benchmarks/run.py                                 # what `make bench` does
    python benchmarks/run.py --merge benchmarks/test_scan.py # in an environment with another JAX: add its rows

Rows that ``--merge`` added stay until they are measured again: that is how the table can hold figures of a JAX
version that the library excludes. Everything else is replaced.
"""

import argparse
import json
import os
import subprocess
import sys
from itertools import groupby
from typing import Any

from page import COLUMNS, RESULTS, markdown, row

ROOT = RESULTS.parent.parent
REPORT = ROOT / "_build" / "bench.json"


def measure(paths: list[str]) -> list[dict[str, str]]:
    """Run pytest-benchmark in one process; one row for each peer of each workload."""
    REPORT.parent.mkdir(exist_ok=True)
    # The tests' own options check array shapes at run time, which is not what is to be timed.
    options = "-q -o addopts= -o filterwarnings=default -p no:cacheprovider --benchmark-columns=median,iqr,rounds"
    command = [sys.executable, "-m", "pytest", *options.split(), f"--benchmark-json={REPORT}", *paths]
    subprocess.run(command, cwd=ROOT, check=True)
    report = json.loads(REPORT.read_text(encoding="utf-8"))
    rows = []
    for workload, entries in groupby(report["benchmarks"], key=lambda entry: entry["group"]):
        ours, *peers = entries
        rows += [row(workload, ours, peer, report["machine_info"]["kexue"]) for peer in peers]
    return rows


def combine(old: list[dict[str, Any]], new: list[dict[str, Any]], merge: bool) -> list[dict[str, Any]]:
    """New rows, and of the old ones those that stay, workload by workload."""

    def place(entry: dict[str, Any]) -> tuple[str, ...]:
        return tuple(entry[column] for column in ("Workload", "Peer", "Software", "Processor"))

    def rank(entry: dict[str, Any]) -> tuple[int, bool, str]:
        return order.index(entry["Workload"]), bool(entry.get("merged")), entry["Software"]

    measured = {place(entry) for entry in new}
    new = [entry | {"merged": True} for entry in new] if merge else new
    stay = [entry for entry in old if place(entry) not in measured and (merge or entry.get("merged"))]
    order = list(dict.fromkeys(entry["Workload"] for entry in (stay + new if merge else new + stay)))
    return sorted(new + stay, key=rank)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--merge", action="store_true", help="add rows instead of replacing the table")
    parser.add_argument("paths", nargs="*", default=["benchmarks"], help="files to run; default: all")
    options = parser.parse_args()
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"Other programs keep {busy:.1f} cores of this machine busy: ratios will do, but times will be too long.")
    old = json.loads(RESULTS.read_text(encoding="utf-8"))["rows"] if RESULTS.exists() else []
    results = {"columns": COLUMNS, "rows": combine(old, measure(options.paths), options.merge)}
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(markdown(results))


if __name__ == "__main__":
    main()

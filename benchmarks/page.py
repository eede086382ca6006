"""The results as a table for people. Rows come from ``run.py``; each is one workload beside one peer."""

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
COLUMNS = [
    "Workload",
    "Ours",
    "Median",
    "Peer",
    "Its median",
    "Ratio",
    "First calls",
    "Largest difference",
    "Software",
    "Processor",
]


def duration(seconds: float) -> str:
    """Three digits and a unit: ``1.16 ms``."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:#.3g} {unit}".replace(". ", " ")
    return f"{seconds / 1e-6:#.3g} µs".replace(". ", " ")


def row(workload: str, ours: dict[str, Any], peer: dict[str, Any], machine: dict[str, Any]) -> dict[str, str]:
    """One line of the table from two entries of a pytest-benchmark report."""
    info = peer["extra_info"]
    ratio, difference = info["ratio"], info["difference"]
    cells = [
        workload,
        ours["param"],
        duration(info["ours"]),
        peer["param"],
        duration(peer["stats"]["median"]),
        f"{ratio:.2g}" if ratio < 99.5 else f"{ratio:.0f}",
        f"{duration(ours['extra_info']['first_call'])} · {duration(info['first_call'])}",
        f"{difference:.0e}" if difference else "0",
        ", ".join(f"{name} {number}" for name, number in machine["software"].items()),
        machine["processor"],
    ]
    return dict(zip(COLUMNS, cells, strict=True))


def markdown(results: dict[str, Any]) -> str:
    """The table in Markdown."""
    columns = results["columns"]
    lines = [columns, ["---"] * len(columns)] + [[entry[column] for column in columns] for entry in results["rows"]]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


if __name__ == "__main__":
    print(markdown(json.loads(RESULTS.read_text(encoding="utf-8"))))

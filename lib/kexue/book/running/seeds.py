"""`make seeds`: every chapter with other seeds, and how far each claim's figure moves.

Each chapter is executed six times, once as it stands and five times with every generator of its cells shifted. All
claims must hold in all six. Their ranges go into `claims.json`, from which the ledger and the claims on the pages say
"over six seeds". A cell tagged `same-instance` keeps its seeds.
"""

import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..notebook.shift import VARIABLE
from ..notebook.show import figure_html
from .execute import run_notebook, workers
from .registry import Post, load

RUNS = 6
_EXACT = 1e-5  # relative: what float32 and another order of summation may do to a figure without a seed

Claims = dict[str, dict[str, float]]


class SeedError(RuntimeError):
    """A claim fails with other seeds, or a chapter does."""


def ranges_path(root: Path) -> Path:
    """The committed ranges."""
    return root / "claims.json"


def read_ranges(root: Path) -> dict[str, Claims]:
    """By chapter and statement, the smallest and the largest figure over six seeds."""
    path = ranges_path(root)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write_ranges(root: Path, ranges: dict[str, Claims]) -> None:
    order = [post.chapter for post in load(root).published() if post.chapter in ranges]
    chapters = []
    for chapter in order:
        lines = (
            f"  {json.dumps(statement, ensure_ascii=False)}: {json.dumps(figures)}"
            for statement, figures in ranges[chapter].items()
        )
        chapters.append(f" {json.dumps(chapter)}: {{\n" + ",\n".join(lines) + "\n }")
    ranges_path(root).write_text("{\n" + ",\n".join(chapters) + "\n}\n", encoding="utf-8")


def is_exact(figures: dict[str, float]) -> bool:
    """Whether a figure is the same with every seed, up to rounding."""
    return figures["high"] - figures["low"] <= _EXACT * max(abs(figures["low"]), abs(figures["high"]))


def in_words(figures: dict[str, float] | None, write: Callable[[float], str] = figure_html) -> str:
    """What a page says of a claim's range, by default as HTML; nothing where it has not been measured."""
    if figures is None:
        return ""
    return "exact" if is_exact(figures) else f"{write(figures['low'])} … {write(figures['high'])}"


def _range(runs: list[dict[str, Any]]) -> dict[str, float]:
    values = [float(f"{run['value']:.4g}") for run in runs]
    return {"low": min(values), "high": max(values)}


def claims_of(notebook: str) -> list[dict[str, Any]]:
    """The records of the claims in an executed notebook."""
    cells = json.loads(notebook)["cells"]
    shown = [o.get("metadata", {}).get("kexue", {}) for cell in cells for o in cell.get("outputs", [])]
    return [record["claim"] for record in shown if "claim" in record]


def _gather(post: Post, results: list[dict[str, Any]]) -> tuple[Claims, list[str]]:
    """The ranges of a chapter over its runs, and what is wrong with them."""
    failures = [f"{post.chapter}, seed {seed}:\n{r['error']}" for seed, r in enumerate(results) if r["error"]]
    runs = [claims_of(result["notebook"]) for result in results]
    for seed, claims in enumerate(runs):
        failures += [
            f"{post.chapter}, seed {seed}: {c['statement']}: {c['value']:.6g} ({c['bound']})"
            for c in claims
            if not c.get("holds", True)
        ]
    if failures:
        return {}, failures
    statements = [[c["statement"] for c in claims] for claims in runs]
    changing = next((s for s in statements if s != statements[0]), None)
    if changing is not None:
        pair = next((a, b) for a, b in zip([*statements[0], ""], [*changing, ""], strict=False) if a != b)
        return {}, [f"{post.chapter}: a statement changes with the seed, so that no range belongs to it: {pair}"]
    return {s: _range([claims[i] for claims in runs]) for i, s in enumerate(statements[0])}, []


def seeds(root: Path, chapter: str | None = None) -> None:
    """Run the chapters (or one) with six seeds and rewrite their ranges.

    Raises
    ------
    SeedError
        After all runs, with every claim that is false and every run that stopped; the ranges of the other chapters
        are written.
    RegistryError
        An unknown chapter.
    """
    registry = load(root)
    posts = registry.published() if chapter is None else [registry.of(chapter)]
    ranges = {post.chapter: read_ranges(root).get(post.chapter) for post in registry.published()}
    kept = {name: claims for name, claims in ranges.items() if claims is not None}
    failures: list[str] = []
    with ProcessPoolExecutor(max_workers=workers(), mp_context=get_context("spawn")) as pool:
        jobs = [
            (post, [pool.submit(run_notebook, str(root / post.path), {VARIABLE: str(seed)}) for seed in range(RUNS)])
            for post in posts
        ]
        for post, futures in jobs:
            claims, wrong = _gather(post, [future.result() for future in futures])
            failures += wrong
            if not wrong:
                kept[post.chapter] = claims
                _write_ranges(root, kept)
            exact = sum(map(is_exact, claims.values()))
            said = f"{len(wrong)} failures" if wrong else f"{len(claims)} claims hold, {exact} of them exact"
            print(f"  {post.chapter}: {said}", flush=True)
    if failures:
        raise SeedError("\n".join(failures))

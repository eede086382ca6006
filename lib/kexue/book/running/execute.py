"""Execute the chapters, several at a time, into the cache that Sphinx reads.

A chapter runs again when its cells, the parts of the library that it can depend on, or the pinned
environment have changed. What a run has shown (claims, seconds, versions) is kept in `records.json`,
from which the site's cards, ledger and status page are drawn.
"""

import hashlib
import json
import os
import re
import shutil
import signal
import sys
import time
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from ..notebook.shift import VARIABLE
from .registry import Post, Registry, load

# What in `kexue.book` executes chapters and draws pages; no cell of a chapter can depend on it.
_SITE_ONLY = {"__main__.py", "pages", "readers", "running"}
_IMPORT = re.compile(
    r"\bkexue\.(\w+)|from\s+kexue\s+import\s+([\w, ()\n]+)|from\s+\.+(\w+)?[\w.]*\s+import\s+([\w, ]+)"
)


class ExecutionError(RuntimeError):
    """A chapter's cell raised."""


def records_path(root: Path) -> Path:
    """Where the records of the last runs are kept."""
    return root / "_build" / "records.json"


def read_records(root: Path) -> dict[str, dict[str, Any]]:
    """The records of the last runs, by chapter; empty before the first."""
    path = records_path(root)
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _write_records(root: Path, records: dict[str, dict[str, Any]]) -> None:
    """Atomically: an interrupted build leaves the old file or the new one, never half of one."""
    path = records_path(root)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(records, indent=1, ensure_ascii=False), encoding="utf-8")
    os.replace(partial, path)


def _sources(root: Path, module: str) -> list[Path]:
    """The files of `kexue.MODULE`."""
    home = root / "lib" / "kexue"
    if (home / f"{module}.py").is_file():
        return [home / f"{module}.py"]
    files = sorted(path for path in (home / module).rglob("*") if path.suffix in {".py", ".pyi", ".tsv"})
    return [path for path in files if module != "book" or path.relative_to(home / module).parts[0] not in _SITE_ONLY]


def _imported(source: str) -> set[str]:
    names: set[str] = set()
    for match in _IMPORT.finditer(source):
        for group in match.groups():
            names.update(re.findall(r"\w+", group or ""))
    return names


def dependencies(root: Path, notebook: Path) -> list[str]:
    """The modules of the library that a chapter can depend on, found by following its imports."""
    home = root / "lib" / "kexue"
    available = {path.stem for path in home.iterdir() if path.suffix == ".py" or path.is_dir()} - {
        "__init__",
        "__pycache__",
    }
    pending = _imported(_code(notebook)) & available | {"book"}
    found: set[str] = set()
    while pending:
        module = pending.pop()
        found.add(module)
        for path in _sources(root, module):
            pending |= (_imported(path.read_text(encoding="utf-8")) & available) - found
    return sorted(found)


def _code(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")


def fingerprint(root: Path, notebook: Path) -> str:
    """Everything that a chapter's outputs can depend on, except its own cells (the cache hashes those)."""
    digest = hashlib.sha256()
    files = [root / "requirements.txt", root / "lib" / "kexue" / "__init__.py"]
    for module in dependencies(root, notebook):
        files += _sources(root, module)
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(f"{sys.version_info[:2]} {os.environ.get('KEXUE_SCALE', '')}".encode())
    return digest.hexdigest()


def run_notebook(path: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Execute one notebook in a fresh kernel (in a worker process) and return it with its timings."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    if environment and environment.get(VARIABLE, "0") != "0":
        _keep_instances(notebook)
    started: dict[int, float] = {}
    seconds: list[float] = []

    def on_start(cell: Any, cell_index: int) -> None:
        started[cell_index] = time.perf_counter()

    def on_end(cell: Any, cell_index: int, **_: Any) -> None:
        seconds.append(time.perf_counter() - started[cell_index])

    client = NotebookClient(
        notebook,
        timeout=600,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,  # time stamps in the cells' metadata would change the cache's key
        resources={"metadata": {"path": str(Path(path).parent)}},
        on_cell_execute=on_start,
        on_cell_executed=on_end,
    )
    error = ""
    start = time.perf_counter()
    try:
        client.execute(env={**os.environ, "KEXUE_BOOK": "1", **(environment or {})})
    except CellExecutionError as failure:
        error = re.sub(r"\x1b\[[0-9;]*m", "", str(failure))
    wall = time.perf_counter() - start
    return {"notebook": nbformat.writes(notebook), "error": error, "seconds": wall, "cells": sum(seconds)}


def _keep_instances(notebook: Any) -> None:
    """Cells tagged `same-instance` make their generators from the seeds that stand there."""
    for cell in notebook.cells:
        if "same-instance" in cell.metadata.get("tags", []):
            cell.source = f"from kexue.book.notebook.shift import pause; pause(True)\n{cell.source}\npause(False)"


def _run_path(root: Path, notebook: Path) -> Path:
    return root / "_build" / "nbval" / notebook.relative_to(root / "chapters").with_suffix(".json")


def keep_run(root: Path, notebook: Path, key: str, result: dict[str, Any]) -> None:
    """Keep a run that another program (nbval) has made, with the fingerprint that held when it did."""
    path = _run_path(root, notebook)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"key": key, **result}), encoding="utf-8")


def _kept_run(root: Path, notebook: Path, key: str) -> dict[str, Any] | None:
    """A run of just this notebook under just this fingerprint, if one was kept."""
    import nbformat

    path = _run_path(root, notebook)
    if not path.is_file():
        return None
    result = json.loads(path.read_text(encoding="utf-8"))
    source, ran = nbformat.read(notebook, as_version=4), nbformat.reads(result["notebook"], as_version=4)
    is_this = result["key"] == key and [(c.source, c.metadata) for c in source.cells] == [
        (c.source, c.metadata) for c in ran.cells
    ]
    return result if is_this else None


def explorable_path(root: Path, chapter: str) -> Path:
    """Where the first explorable of a chapter is kept, for pages that show it too."""
    return root / "_build" / "explorables" / f"{chapter}.html"


def _record(root: Path, post: Post, result: dict[str, Any], key: str) -> dict[str, Any]:
    import importlib.metadata as metadata

    import nbformat

    notebook = nbformat.reads(result["notebook"], as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    explorables = [page for o in outputs if "kexue-explorable" in (page := o.get("data", {}).get("text/html", ""))]
    if explorables:
        path = explorable_path(root, post.chapter)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(explorables[0], encoding="utf-8")
    shown = [o.get("metadata", {}).get("kexue", {}) for o in outputs]
    claims = [record["claim"] for record in shown if "claim" in record]
    backends = [record["backend"] for record in shown if "backend" in record]  # said by `begin`
    return {
        "chapter": post.chapter,
        "key": key,
        "seconds": round(result["seconds"], 1),
        "overhead": round(result["seconds"] - result["cells"], 1),
        "kilobytes": len(json.dumps(outputs)) // 1000,
        "versions": {name: metadata.version(name) for name in ("jax", "optax", "diffrax", "equinox")},
        "python": ".".join(map(str, sys.version_info[:3])),
        "backend": backends[0] if backends else None,
        "scale": os.environ.get("KEXUE_SCALE") or "cpu",
        "claims": claims,
    }


def workers() -> int:
    """As many as there are cores; one where kernels would compete for an accelerator's memory."""
    wanted = os.environ.get("KEXUE_JOBS")
    if wanted:
        if not wanted.isdigit() or int(wanted) < 1:
            raise ValueError(f"KEXUE_JOBS must be a positive whole number, got {wanted!r}")
        return int(wanted)
    return 1 if shutil.which("nvidia-smi") else os.cpu_count() or 1


def execute(root: Path, registry: Registry | None = None) -> dict[str, dict[str, Any]]:
    """Bring the cache up to date and return the records of all chapters.

    Raises
    ------
    ExecutionError
        Naming each chapter that failed; the others are in the cache all the same.
    """
    import nbformat
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    registry = registry or load(root)
    cache = get_cache(root / "_build" / ".jupyter_cache")
    records = read_records(root)
    stale: list[tuple[Post, str]] = []
    for post in registry.published():
        path = root / post.path
        if any(cell.get("outputs") for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]):
            raise ExecutionError(
                f"{post.chapter}: {post.path} is committed with outputs; clear them, the build makes its own"
            )
        key = fingerprint(root, path)
        try:
            cache.match_cache_notebook(nbformat.read(path, as_version=4))
            is_cached = records.get(post.chapter, {}).get("key") == key
        except KeyError:
            is_cached = False
        if not is_cached:
            stale.append((post, key))
    chapters = {post.chapter for post in registry.published()}
    records = {name: record for name, record in records.items() if name in chapters}

    def keep(post: Post, key: str, result: dict[str, Any]) -> None:
        executed = nbformat.reads(result["notebook"], as_version=4)
        cache.cache_notebook_bundle(
            CacheBundleIn(executed, str(root / post.path), data={"execution_seconds": result["seconds"]}),
            check_validity=False,
            overwrite=True,
        )
        records[post.chapter] = _record(root, post, result, key)
        _write_records(root, records)

    _write_records(root, records)
    for post, key in list(stale):
        if result := _kept_run(root, root / post.path, key):
            keep(post, key, result)
            stale.remove((post, key))
            print(f"chapters: {post.chapter} has just been executed by nbval", flush=True)
    if not stale:
        print("chapters: nothing to execute")
        return records

    print(f"chapters: executing {len(stale)} of {len(chapters)}, {min(workers(), len(stale))} at a time", flush=True)
    failures: list[str] = []
    # Spawned, not forked: the caller may have JAX running, whose threads do not survive a fork.
    with ProcessPoolExecutor(max_workers=workers(), mp_context=get_context("spawn")) as pool:
        pending: dict[Future[dict[str, Any]], tuple[Post, str]] = {
            pool.submit(run_notebook, str(root / post.path)): (post, key) for post, key in stale
        }
        try:
            count = 0
            while pending:
                done, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in done:
                    post, key = pending.pop(future)
                    result = future.result()
                    count += 1
                    if result["error"]:
                        failures.append(f"{post.chapter}:\n{result['error']}")
                        print(f"  [{count}/{len(stale)}] {post.chapter}: FAILED", flush=True)
                        continue
                    keep(post, key, result)
                    line = f"{records[post.chapter]['seconds']:.1f} s, {len(records[post.chapter]['claims'])} claims"
                    print(f"  [{count}/{len(stale)}] {post.chapter}: {line}", flush=True)
        except KeyboardInterrupt:
            for pid in pool._processes or {}:
                os.kill(pid, signal.SIGINT)
            raise
    if failures:
        raise ExecutionError("\n\n".join(failures))
    return records

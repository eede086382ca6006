"""Build the book: execute what has changed, then let Sphinx draw every page with warnings as errors."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

from .execute import execute, records_path
from .registry import load

_INPUTS = [
    "*.md",
    "*.yml",
    "*.bib",
    "requirements.txt",
    "claims.json",
    "_static/**/*",
    "appendix/*",
    "chapters/**/*.ipynb",
    "chapters/**/*.md",
    "lib/kexue/**/*.py",
    "lib/kexue/**/*.pyi",
    "lib/kexue/**/*.tsv",
    "lib/kexue/book/static/*",
    "benchmarks/*.json",
]


def _inputs_digest(root: Path) -> str:
    digest = hashlib.sha256()
    files = sorted(
        {path for pattern in _INPUTS for path in root.glob(pattern) if path.is_file()} | {records_path(root)}
    )
    for path in files:
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def build(root: Path) -> int:
    """Execute and draw; returns the exit status. Does nothing when nothing has changed."""
    start = time.perf_counter()
    registry = load(root)
    execute(root, registry)
    executed = time.perf_counter()
    mark = root / "_build" / "html" / ".inputs"
    digest = _inputs_digest(root)
    if mark.is_file() and mark.read_text() == digest:
        print(f"site: nothing to draw ({root / '_build' / 'html' / 'index.html'})")
        return 0
    mark.unlink(missing_ok=True)
    # --all: on an incremental build, -W would miss the warnings of pages that are not read again.
    jupyter_book = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", jupyter_book, "build", str(root), "--all", "-W", "--keep-going", "-q"]
    status = subprocess.run(command, check=False, env={**os.environ, "PYTHONWARNINGS": "ignore"}).returncode
    if status:
        print("site: the build has warnings or errors (above); they count as errors", file=sys.stderr)
        return status
    mark.write_text(digest)
    drawn = time.perf_counter()
    print(f"site: {mark.parent / 'index.html'} (chapters {executed - start:.0f} s, pages {drawn - executed:.0f} s)")
    return 0

"""One place for the repository's address, `_config.yml`; the set-up cells are stamped from it."""

import json
import re
from pathlib import Path

import yaml

from .registry import Post, load

_ADDRESS = re.compile(r"https://[\w.-]+/[\w.-]+/[\w.-]+")

_SETUP = """\
import importlib.metadata, importlib.util, os, subprocess, sys

if importlib.util.find_spec("kexue") is None:  # install what is missing; keep the JAX that is running
    repository = "{repository}"
    running = [f"{{p}}=={{importlib.metadata.version(p)}}" for p in ("jax", "jaxlib") if importlib.util.find_spec(p)]
    install = [sys.executable, "-m", "pip", "install", "-q", "--retries", "1", f"kexue[book] @ git+{{repository}}", *running]
    print("Installing kexue and what it needs: about a minute.")
    done = subprocess.run(install, env=os.environ | {{"GIT_TERMINAL_PROMPT": "0"}}, capture_output=True, text=True)
    if done.returncode:
        why = f"kexue cannot be installed beside {{' and '.join(running)}}: take a newer runtime, or a fresh environment."
        if "ResolutionImpossible" not in done.stderr and "No matching distribution" not in done.stderr:
            why = f"{{repository}} does not answer: go online, or clone the book where it is and run `make lab` there."
        raise type("NotInstalled", (Exception,), {{"_render_traceback_": lambda self: [str(self)]}})(why)

from kexue.book import begin

begin("{chapter}", seconds={seconds})
"""


def repository(root: Path) -> str:
    """The repository's address in `_config.yml`."""
    return yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


def _pages(address: str) -> str:
    """Where the public host publishes the site of a repository."""
    owner, name = address.split("/")[-2:]
    return f"https://{owner}.github.io/{name}"


def setup_cell(post: Post, address: str) -> str:
    """The set-up cell that the chapter of `post` must have."""
    seconds = "{" + ", ".join(f'"{name}": {value:g}' for name, value in post.seconds.items()) + "}"
    return _SETUP.format(repository=address, chapter=post.chapter, seconds=seconds).rstrip("\n")


def stamp(root: Path, address: str | None = None) -> list[str]:
    """Write the address into configuration, README and every set-up cell; returns the files that changed.

    Raises
    ------
    ValueError
        `address` is not of the form ``https://host/owner/name``.
    """
    old = repository(root)
    new = old if address is None else address.rstrip("/").removesuffix(".git")
    if not _ADDRESS.fullmatch(new):
        raise ValueError(f"REPOSITORY must look like https://github.com/owner/name, got {address!r}")
    changed = []
    names = ["_config.yml", "README.md", "index.md", "appendix/running.md", "pyproject.toml"]
    for path in [*(root / name for name in names), *sorted((root / "notebooks").rglob("*.ipynb"))]:
        text = path.read_text(encoding="utf-8")
        moved = text.replace(old, new).replace(_pages(old), _pages(new))
        if moved != text:
            path.write_text(moved, encoding="utf-8")
            changed.append(path.relative_to(root).as_posix())
    for post in load(root).published():
        path = root / post.path
        notebook = json.loads(path.read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if "setup" in cell["metadata"].get("tags", []):
                cell["source"] = setup_cell(post, new).splitlines(keepends=True)
        text = json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            changed.append(post.path)
    return changed

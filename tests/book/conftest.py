"""A small book in a temporary folder: two chapters, two parts of a library."""

import json
import textwrap
from pathlib import Path

import pytest

POSTS = """
author: an author
blog: https://example.org
parts:
  - {part: one, title: One, summary: first}
  - {part: two, title: Two, summary: second}
posts:
  - {part: one, slug: a, order: 1, title: A, original: 甲, translation: First, archive: 1, date: 2020-01-01, url: u, status: published,
     seconds: {cpu: 3}}
  - {part: two, slug: b, order: 2, title: B, original: 乙, translation: Second, archive: 2, date: 2020-01-01, url: u, status: published}
  - {part: two, slug: c, order: 3, title: C, original: 丙, translation: Third, archive: 3, date: 2020-01-01, url: u, status: planned}
"""
CONFIG = "repository: {url: https://github.com/_owner_/kexue}\nbaseurl: https://_owner_.github.io/kexue/\n"


def write_notebook(path: Path, *sources: str, tags: tuple[str, ...] = ()) -> None:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{i}",
            "metadata": {"tags": list(tags)} if i == 0 and tags else {},
            "source": source,
        }
        | {"execution_count": None, "outputs": []}
        for i, source in enumerate(textwrap.dedent(s) for s in sources)
    ]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5})
    )


@pytest.fixture
def book(tmp_path: Path) -> Path:
    (tmp_path / "posts.yml").write_text(POSTS, encoding="utf-8")
    (tmp_path / "_config.yml").write_text(CONFIG)
    (tmp_path / "appendix").mkdir()
    for name in ("README.md", "index.md", "appendix/running.md", "pyproject.toml"):
        (tmp_path / name).write_text("see https://github.com/_owner_/kexue and https://_owner_.github.io/kexue/")
    (tmp_path / "requirements.txt").write_text("jax==1\n")
    home = tmp_path / "lib" / "kexue"
    sources = {
        "__init__.py": "",
        "training.py": "",
        "tables.py": "",
        "book/__init__.py": "",
        "book/notebook/claim.py": "",
        "book/running/build.py": "",
        "book/pages/cards.py": "",
        "one/__init__.py": "from kexue import training\n",
        "two/__init__.py": "from kexue.one import x\n",
        "two/deep.py": "",
        "two/room/__init__.py": "",
        "two/room/deeper.py": "from ...tables.rows import y\n",
    }
    for name, text in sources.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    write_notebook(tmp_path / "chapters/one/a.ipynb", "# import kexue.one\nprint(1)", tags=("setup",))
    write_notebook(tmp_path / "chapters/two/b.ipynb", "# from kexue import two\nprint(2)", tags=("setup",))
    return tmp_path


@pytest.fixture
def write():
    return write_notebook

"""Readers' notebooks: what Colab, Binder and the downloads open is whole, credited, and the site's."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
import pytest
from bs4 import BeautifulSoup

from kexue.book.running.registry import Post, load

ROOT = Path(__file__).parents[2]
REGISTRY = load(ROOT)
EVERY = pytest.mark.parametrize("post", REGISTRY.published(), ids=lambda post: post.chapter)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^()\s]+)\)")
CODE = re.compile(r"`[^`]*`")


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def reader_of(post: Post) -> dict[str, Any]:
    return read(ROOT / "notebooks" / f"{post.chapter}.ipynb")


def texts(notebook: dict[str, Any]) -> list[str]:
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "markdown"]


def test_every_chapter_has_one_and_nothing_else_is_there() -> None:
    found = {
        path.relative_to(ROOT / "notebooks").as_posix() for path in (ROOT / "notebooks").rglob("*") if path.is_file()
    }
    assert found == {f"{post.chapter}.ipynb" for post in REGISTRY.published()}


@EVERY
def test_what_is_committed_is_what_this_site_gives(site: Path, post: Post) -> None:
    """Where this fails, the chapter has changed since `make book` wrote its notebook: run it, and commit `notebooks/`."""
    committed = ROOT / "notebooks" / f"{post.chapter}.ipynb"
    assert committed.read_bytes() == (site / "downloads" / f"{post.chapter}.ipynb").read_bytes()
    source = read(ROOT / post.path)
    code = [["".join(c["source"]) for c in n["cells"] if c["cell_type"] == "code"] for n in (source, read(committed))]
    assert code[0] == code[1]


@EVERY
def test_notebook_is_whole_and_nothing_is_raw(post: Post) -> None:
    notebook = reader_of(post)
    nbformat.validate(nbformat.from_dict(notebook))
    assert not [cell["id"] for cell in notebook["cells"] if cell.get("outputs") or not "".join(cell["source"]).strip()]
    for text in texts(notebook):
        prose = CODE.sub("", text)
        assert not re.search(r"\{[a-z]+(:[a-z])?\}`|^\{[.#]|^\([\w-]+\)=|\$\$ *\([\w-]+\) *$", text, re.MULTILINE)
        assert not re.search(r":label:|:class:|\{(?:term|eq|cite|numref)|mystnb|^```|^:::", prose, re.MULTILINE)
        assert text.count("<details>") == text.count("</details>") == text.count("<summary>")
        assert prose.count("$") % 2 == 0


@EVERY
def test_first_cell_says_whose_work_it_follows(site: Path, settings: dict[str, Any], post: Post) -> None:
    first = texts(reader_of(post))[0]
    assert first.startswith(f"# {post.title}\n")
    page = f"{settings['html']['baseurl']}{post.docname}.html"
    for credit in (
        post.url,
        post.original,
        post.translation,
        post.date,
        REGISTRY.author,
        page,
        "CC BY 4.0",
        "Apache 2.0",
    ):
        assert credit in first


@EVERY
def test_links_lead_to_pages_of_the_site(
    site: Path, soup: Callable[[str], BeautifulSoup], settings: dict[str, Any], post: Post
) -> None:
    base = settings["html"]["baseurl"]
    links = {link for text in texts(reader_of(post)) for link in LINK.findall(CODE.sub("", text))}
    assert all(link.startswith("https://") for link in links)
    for link in links:
        if link.startswith(base):
            page, _, anchor = link.removeprefix(base).partition("#")
            assert (site / page).is_file(), link
            assert not anchor or soup(page).find(id=anchor), link


@EVERY
def test_figures_equations_and_sources_are_those_of_the_page(soup: Callable[[str], BeautifulSoup], post: Post) -> None:
    page, whole = soup(f"{post.docname}.html").select_one("article"), "\n\n".join(texts(reader_of(post)))
    numbers = [n.get_text().split()[1] for n in page.select("figcaption .caption-number")]
    assert re.findall(r"\*\*Figure ([\d.]+)\.\*\*|<summary>Figure ([\d.]+)</summary>", whole) == [
        (n, "") if f"**Figure {n}.**" in whole else ("", n) for n in numbers
    ]
    equations = [e.get_text().strip("()#") for e in page.select("div.math > .eqno")]
    assert re.findall(r"\\tag\{([\d.]+)\}", whole) == equations
    exercises = [e.get_text().split()[1] for e in page.select(".exercise .caption-number")]
    assert re.findall(r"^### Exercise ([\d.]+): \S", whole, re.MULTILINE) == exercises
    # Authors as the page names them, apart from the spaces.
    said = re.sub(r"\s+", " ", page.get_text(" "))
    for authors in re.findall(r"\[([^\]]+?)(?: \((?:\d{4})\)|, \d{4})\]\(https?://", whole):
        assert authors in said, authors


@EVERY
def test_nothing_is_given_away(post: Post) -> None:
    is_solution = False
    cells = reader_of(post)["cells"]
    solutions = 0
    for cell in cells:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            is_solution = text.rstrip().endswith("</details>") and "<summary>Solution" in text.split("### ")[-1]
            solutions += "<summary>Solution" in text
        elif is_solution or re.search(r"exercise\(.*solution=|check\(.*strict=True", text):
            assert cell["metadata"]["jupyter"]["source_hidden"], cell["id"]
    assert solutions >= 3


@EVERY
def test_executed_notebook_shows_everything_untrusted(site: Path, post: Post) -> None:
    """A front end that does not trust it drops scripts, styles and SVG; pictures and claims must be there without."""
    notebook = read(site / "downloads" / f"{post.chapter}-executed.ipynb")
    nbformat.validate(nbformat.from_dict(notebook))
    assert [c["source"] for c in notebook["cells"]] == [c["source"] for c in reader_of(post)["cells"]]
    outputs = [o for cell in notebook["cells"] for o in cell.get("outputs", [])]
    shown = [output for output in outputs if "data" in output]
    assert len(shown) >= 8
    for output in shown:
        data = output["data"]
        assert "image/svg+xml" not in data
        if "kexue" in output["metadata"]:
            assert "text/markdown" in data and "text/html" not in data
        elif "image/png" in data:
            assert output["metadata"]["image/png"]["alt"]
        elif 'class="kexue-' in data.get("text/html", ""):
            still = BeautifulSoup(data["text/html"], "html.parser")
            for tag in still.select("script, style"):
                tag.decompose()
            assert still.select("img[alt]") and not still.select("input, select, button")
    claims = [o["metadata"]["kexue"]["claim"] for o in shown if "claim" in o["metadata"].get("kexue", {})]
    assert len(claims) >= 8

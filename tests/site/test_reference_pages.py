"""The library's pages: every public name once, how to import it, and the way between names, chapters and source."""

import ast
import importlib
import inspect
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

import kexue
from kexue.book.pages.reference.names import imported_names, public_names
from kexue.book.running.registry import Post, load

ROOT = Path(__file__).parents[2]
PARTS = ("dynamics", "optimizers", "sensitivity", "sampling", "entropy", "language")
PUBLISHED = load(ROOT).published()


@pytest.mark.parametrize("part", PARTS)
def test_a_part_shows_each_public_name_once_with_its_import(soup: Callable[[str], BeautifulSoup], part: str) -> None:
    page = soup(f"appendix/library_{part}.html")
    entries = {dt["id"]: dt.parent for dt in page.select("dl.py > dt[id]") if dt["id"].count(".") == 2}
    assert set(entries) == {f"kexue.{part}.{name}" for name in public_names(part)}
    for full, entry in entries.items():
        line = entry.select_one(".kexue-import").get_text().strip()
        found: dict[str, object] = {}
        exec(line, found)
        assert found[full.rpartition(".")[2]] is getattr(importlib.import_module(f"kexue.{part}"), full.split(".")[-1])
    assert page.select("section section > h2")
    listed = [a["href"].rpartition("#")[2] for a in page.select("ul.kexue-names a")]
    assert sorted(listed) == sorted(entries)
    assert "Alias for field" not in page.get_text()


@pytest.mark.parametrize("part", PARTS)
def test_source_links_lead_to_the_line(soup: Callable[[str], BeautifulSoup], part: str) -> None:
    links = soup(f"appendix/library_{part}.html").select(".kexue-ways a[href*='/blob/']")
    assert links
    for link in links:
        path, line = re.search(r"/blob/main/(lib/kexue/[\w/]+\.py)#L(\d+)$", link["href"]).groups()
        name = link.find_parent("dl").dt["id"].rpartition(".")[2]
        near = (ROOT / path).read_text(encoding="utf-8").splitlines()[int(line) - 1 : int(line) + 3]
        assert any(re.match(rf"(def|class) {name}\b", text) for text in near), (path, line, name)


def test_the_first_page_leads_from_a_wish_to_a_name(soup: Callable[[str], BeautifulSoup]) -> None:
    rows = [row for row in soup("appendix/library.html").select("#i-want-to tbody tr") if not row.strong]
    assert len(rows) >= 30
    for row in rows:
        links = row.select("td:last-child a[href]")
        assert links, row.get_text()
        for link in links:
            module, _, name = link["href"].rpartition("#")[2].rpartition(".")
            assert hasattr(importlib.import_module(module), name) and link.get_text() == name
            assert row.find_previous("strong").find_parent("tr").code.get_text() == module


@pytest.mark.parametrize("post", PUBLISHED, ids=lambda post: post.chapter)
def test_chapters_link_every_name_of_the_library_that_they_use(
    soup: Callable[[str], BeautifulSoup], post: Post
) -> None:
    page = soup(f"{post.docname}.html")
    targets = [link["href"].rpartition("#")[2] for link in page.select("a.kexue-name")]
    linked = {link["href"].rpartition("#")[2] for link in page.select("a[href]")}  # some in the text already
    documented = {name for name in imported_names(ROOT / post.path).values() if _is_documented(name)}
    assert len(set(targets)) == len(targets) and set(targets) <= documented
    used = {name for word, name in imported_names(ROOT / post.path).items() if name in documented and _uses(post, word)}
    assert used <= linked
    assert len(used) >= 1


def _is_documented(name: str) -> bool:
    module, _, short = name.rpartition(".")
    part = module.removeprefix("kexue.")
    if part in PARTS:
        return short in public_names(part)
    value = getattr(getattr(kexue, part), short, None)  # a variable may have the name of a module
    return inspect.isfunction(value) or inspect.isclass(value)


def _uses(post: Post, word: str) -> bool:
    """Whether a cell that is on the page calls or passes a name."""
    import nbformat

    cells = [cell for cell in nbformat.read(ROOT / post.path, 4).cells if cell.cell_type == "code"]
    for cell in cells:
        for node in ast.walk(ast.parse(re.sub(r"^\s*[%!].*$", "", cell.source, flags=re.MULTILINE))):
            if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) == word:
                return True
    return False


@pytest.mark.parametrize("post", PUBLISHED, ids=lambda post: post.chapter)
def test_names_lead_back_to_the_chapter(soup: Callable[[str], BeautifulSoup], post: Post) -> None:
    names = [n for n in imported_names(ROOT / post.path).values() if n.split(".")[1] in PARTS and _is_documented(n)]
    for name in names[:5]:
        entry = soup(f"appendix/library_{name.split('.')[1]}.html").find(id=name).parent
        ways = entry.select_one(".kexue-ways")
        assert ways is None or any(post.docname in link["href"] for link in ways.select("a[href]")), name

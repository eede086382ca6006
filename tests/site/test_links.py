"""Every link of the site leads somewhere: to a page, to an anchor on it, to a file of the repository."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urljoin, urlsplit
from xml.etree import ElementTree

import pytest
from bs4 import BeautifulSoup

from kexue.book.running.registry import Post, load

ROOT = Path(__file__).parents[2]
PUBLISHED = load(ROOT).published()
BASE = "https://the.site"


@pytest.fixture(scope="module")
def anchors(soup: Callable[[str], BeautifulSoup]) -> Callable[[str], set[str]]:
    return cache(lambda page: {str(t.get("id") or t.get("name")) for t in soup(page).select("[id], a[name]")})


def test_internal_links_resolve(
    site: Path,
    soup: Callable[[str], BeautifulSoup],
    anchors: Callable[..., Any],
    settings: dict[str, Any],
    address: str,
) -> None:
    prefix = settings["sphinx"]["config"]["notfound_urls_prefix"]
    broken = []
    links = [str(a["href"]) for a in soup(address).select("a[href], area[href]")]
    assert links
    for link in links:
        url = urlsplit(urljoin(f"{BASE}{prefix}{address}", link))
        if f"{url.scheme}://{url.netloc}" != BASE:
            continue
        inside = unquote(url.path).removeprefix(prefix) or "index.html"
        exists = url.path.startswith(prefix) and (site / inside).is_file()
        if exists and url.fragment and inside.endswith(".html"):
            exists = unquote(url.fragment) in anchors(inside)
        if not exists:
            broken.append(link)
    assert not broken


def test_external_links_are_whole_and_encrypted(soup: Callable[[str], BeautifulSoup], address: str) -> None:
    external = [str(a["href"]) for a in soup(address).select('a[href*="//"]') if urlsplit(str(a["href"])).netloc]
    assert not [link for link in external if not re.match(r"https://[\w-]+(\.[\w-]+)+(/|$)", link)]


def _repository(settings: dict[str, Any]) -> tuple[str, str]:
    return settings["repository"]["url"].removeprefix("https://github.com/"), settings["repository"]["branch"]


def _path_in_repository(link: str, repository: str, branch: str) -> str | None:
    """The file of the repository that a link to Colab, Binder or the public host opens; None for other links."""
    url = urlsplit(link)
    if url.netloc == "colab.research.google.com":
        start = f"/github/{repository}/blob/{branch}/"
    elif url.netloc == "mybinder.org":
        assert url.path == f"/v2/gh/{repository}/{branch}", link
        return parse_qs(url.query)["urlpath"][0].removeprefix("lab/tree/")
    elif url.netloc == "github.com" and re.search(r"/(blob|edit|tree|raw)/", url.path):
        if url.path.split("/")[2] != repository.split("/")[1]:
            return None  # somebody else's code
        start = re.match(r".*?/(?:blob|edit|tree|raw)/[^/]+/", url.path)[0]
        assert start.startswith(f"/{repository}/") and start.endswith(f"/{branch}/"), link
    else:
        return None
    assert url.path.startswith(start), link
    return unquote(url.path.removeprefix(start))


def test_links_into_the_repository_exist(
    soup: Callable[[str], BeautifulSoup], settings: dict[str, Any], address: str
) -> None:
    paths = [_path_in_repository(str(a["href"]), *_repository(settings)) for a in soup(address).select("a[href]")]
    assert not {path for path in paths if path is not None and not (ROOT / path).is_file()}


@pytest.mark.parametrize("post", PUBLISHED, ids=lambda post: post.chapter)
def test_chapter_opens_in_colab_and_binder(
    soup: Callable[[str], BeautifulSoup], settings: dict[str, Any], post: Post
) -> None:
    page = soup(f"{post.docname}.html")
    assert {a.get_text(strip=True) for a in page.select(".kexue-card a.kexue-badge")} == {
        "Open in Colab",
        "Open in Binder",
    }
    for host in ("colab.research.google.com", "mybinder.org"):
        links = [str(a["href"]) for a in page.select(f'a[href^="https://{host}/"]')]
        assert len(links) == 2, "on the card, and in the header"
        assert {_path_in_repository(link, *_repository(settings)) for link in links} == {
            f"notebooks/{post.chapter}.ipynb"
        }
    assert not page.select('a[href*="_sources/"]'), "a chapter's source, which is written for Sphinx"


@pytest.mark.parametrize("post", PUBLISHED, ids=lambda post: post.chapter)
def test_downloads_are_the_plain_and_the_executed_notebook(
    site: Path, soup: Callable[[str], BeautifulSoup], post: Post
) -> None:
    page = f"{post.docname}.html"
    links = {a.get_text(strip=True): str(a["href"]) for a in soup(page).select(".kexue-card a[download]")}
    assert list(links) == ["Notebook", "Executed notebook"]
    files = [(site / page).parent / link for link in links.values()]
    plain, executed = (json.loads(f.read_text(encoding="utf-8")) for f in files)
    code = [[c for c in notebook["cells"] if c["cell_type"] == "code"] for notebook in (plain, executed)]
    assert ["".join(c["source"]) for c in code[0]] == ["".join(c["source"]) for c in code[1]]
    assert not [c for c in code[0] if c["outputs"] or c["execution_count"]]
    assert [c["execution_count"] for c in code[1]] == list(range(1, len(code[1]) + 1)), "it was not executed in order"
    outputs = [output for c in code[1] for output in c["outputs"]]
    assert sum(o["output_type"] in ("display_data", "execute_result") for o in outputs) >= 8, "claims and figures"
    assert "error" not in {o["output_type"] for o in outputs}
    kinds = {kind for o in outputs for kind in o.get("data", {})}
    assert not {kind for kind in kinds if "widget" in kind or "plotly" in kind or "javascript" in kind}


def test_sitemap_lists_the_pages(site: Path, settings: dict[str, Any]) -> None:
    base = settings["html"]["baseurl"]
    listed = [str(u.text) for u in ElementTree.parse(site / "sitemap.xml").findall(".//{*}loc")]
    assert {f"{base}{post.docname}.html" for post in PUBLISHED} <= set(listed)
    assert not [url for url in listed if not url.startswith(base) or not (site / url.removeprefix(base)).is_file()]


def test_map_on_the_cover_is_the_registry(soup: Callable[[str], BeautifulSoup]) -> None:
    tiles = soup("index.html").select(".kexue-map .kexue-tile")
    assert len(tiles) == len(load(ROOT).posts)
    assert {str(a["href"]) for tile in tiles for a in tile.select("a")} == {
        f"{post.docname}.html" for post in PUBLISHED
    }

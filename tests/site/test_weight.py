"""How much a page makes a browser load, and what search engines and validators read of it."""

import gzip
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bs4 import BeautifulSoup
from conftest import pages_of

# Before the first line is shown: one style sheet. Compressed it is a quarter of that.
MOST_BLOCKING = 200_000
# The text of a chapter, with its code and its bars; figures come in files of their own.
MOST_MARKUP = 450_000
# All that a visit fetches until every figure is drawn and every formula is set, compressed.
MOST_RECEIVED = 1_600_000
MOST_WITHOUT_FIGURES = 800_000


def test_little_stands_before_the_first_line(site: Path, soup: Callable[[str], BeautifulSoup], address: str) -> None:
    page = soup(address)
    blocking = [str(link["href"]) for link in page.select('link[rel="stylesheet"]:not([media="print"])')]
    blocking += [str(s["src"]) for s in page.select("script[src]") if not (s.has_attr("defer") or s.has_attr("async"))]
    files = [site / re.sub(r"^.*?(?=_static/)", "", urlsplit(name).path) for name in blocking]
    assert files, "a page without style"
    assert sum(file.stat().st_size for file in files) <= MOST_BLOCKING, blocking
    assert sum(len(script.get_text()) for script in page.select("script:not([src], [type])")) < 5_000


def test_figures_come_after_the_text(site: Path, soup: Callable[[str], BeautifulSoup], address: str) -> None:
    main = soup(address).select_one("main")
    for inside in main.select(".kexue-explorable, .kexue-animation"):
        assert not inside.select_one('script[type="application/json"]').string
    assert not main.select('img[src^="data:"]')
    assert all(image.get("loading") == "lazy" for image in main.select("article img")[1:])
    if address.startswith("chapters/"):
        assert (site / address).stat().st_size <= MOST_MARKUP


def test_page_receives_little(visit: Callable[..., Any], soup: Callable[[str], BeautifulSoup], address: str) -> None:
    received = {one["name"]: one["bytes"] for one in visit(address, "wide").facts["received"]}
    has_figures = bool(soup(address).select(".kexue-explorable, .kexue-animation, main img"))
    most = MOST_RECEIVED if has_figures else MOST_WITHOUT_FIGURES
    heaviest = sorted(received.items(), key=lambda item: -item[1])[:5]
    assert sum(received.values()) > 20_000
    assert sum(received.values()) <= most, heaviest
    fetched = {urlsplit(name).path.rsplit("/", 1)[-1] for name in received}
    assert ("vega.js" in fetched) == bool(soup(address).select(".kexue-explorable")), "the figures' script"
    assert ("tex-chtml.js" in fetched) == bool(soup(address).select("script[data-mathjax]")), "the formulas' script"


def test_every_icon_is_drawn(visit: Callable[..., Any], address: str, screen: str) -> None:
    icons = visit(address, screen).facts["icons"]
    assert len(icons) >= 3, "search, theme and full screen at least"
    assert not [icon["name"] for icon in icons if not icon["isDrawn"] or not icon["height"]]


def test_compressed_copies_are_the_files(site: Path) -> None:
    originals = [site / page for page in pages_of(site)] + [site / "_static" / "site.css", site / "searchindex.js"]
    originals += [site / "_static" / "mathjax" / "tex-chtml.js", site / "_static" / "vega.js"]
    for original in originals:
        packed = original.with_name(original.name + ".gz").read_bytes()
        assert len(packed) < 0.8 * original.stat().st_size
        assert gzip.decompress(packed) == original.read_bytes(), original
    assert not [copy for copy in site.rglob("*.gz") if not copy.with_suffix("").is_file()]


def test_first_line_is_shown_in_the_theme_that_was_chosen(open_page: Callable[..., Any]) -> None:
    """By the markup itself: scripts come later, and the page must not change its colours then."""
    for theme in ("light", "dark"):
        page = open_page("index.html", theme=theme, formulas=False)
        page.route("**/*.js*", lambda route: route.abort())
        page.reload(wait_until="load")
        assert page.evaluate("document.documentElement.dataset.theme") == theme
        assert page.evaluate("document.documentElement.dataset.mode") == theme


def test_without_a_choice_the_page_follows_the_system(browser: Any, host: str) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.goto(host + "search.html", wait_until="load")
        theme, mode = page.evaluate("[document.documentElement.dataset.theme, document.documentElement.dataset.mode]")
        context.close()
        assert (theme, mode) == (scheme, "auto")
        assert not [line for line in said if "invalid theme" in line]


def test_ids_are_unique(soup: Callable[[str], BeautifulSoup], address: str) -> None:
    counted = Counter(str(element["id"]) for element in soup(address).select("[id]"))
    assert not {name: count for name, count in counted.items() if count > 1}


def test_page_says_what_it_is(soup: Callable[[str], BeautifulSoup], address: str) -> None:
    descriptions = [str(meta["content"]) for meta in soup(address).select('head > meta[name="description"]')]
    assert len(descriptions) == 1
    assert 20 <= len(descriptions[0]) <= 320
    assert re.search(r"[.?!…]$", descriptions[0]), "cut off"
    assert not re.search(r"\\|\$|<|&#|\s\s", descriptions[0]), "formulas or markup"
    assert soup(address).title.get_text().count("Kexue") == 1


def test_markup_is_whole(site: Path, soup: Callable[[str], BeautifulSoup], address: str) -> None:
    page = soup(address)
    assert len(page.select('meta[name="viewport"]')) == 1
    assert not [h for h in page.select("h1, h2, h3, h4, h5, h6") if not h.get_text(strip=True)]
    assert not page.select("thead th:not([scope])")
    text = (site / address).read_text(encoding="utf-8")
    assert not re.findall(r"<p>\s*<(?:ul|ol|dl|div|table|section)\b.{0,60}", text), "a paragraph that holds a block"


def test_results_of_a_function_are_listed_one_by_one(soup: Callable[[str], BeautifulSoup]) -> None:
    page = soup("appendix/library_sensitivity.html")
    entry = page.find("dt", id=re.compile(r"\.power_iteration$")).find_next_sibling("dd")
    returns = next(dt for dt in entry.select("dl.field-list > dt") if dt.get_text().startswith("Returns"))
    names = [strong.get_text() for strong in returns.find_next_sibling("dd").select("li strong")]
    assert names == ["sigma", "u, v"]

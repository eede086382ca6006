"""What a reader does with the site: search it, filter the ledger, change the theme, unfold a solution."""

import json
import re
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from bs4 import BeautifulSoup
from sphinx.search.en import SearchEnglish

from kexue import data
from kexue.book.running.registry import Post, load

ROOT = Path(__file__).parents[2]
PUBLISHED = load(ROOT).published()


def _words(soup: BeautifulSoup) -> Counter[str]:
    """The plain words of a page's paragraphs."""
    article = soup.select_one("article") or soup
    text = " ".join(p.get_text(" ") for p in article.select("p") if not p.find_parent(["pre", "aside"]))
    return Counter(re.findall(r"(?<![\w\\-])[a-z]{8,}(?![\w-])", text))


@cache
def _stems(soup: Callable[[str], BeautifulSoup], address: str) -> str:
    """The stems of a page's words, which are what the search looks for."""
    words = set(re.findall(r"\w+", soup(address).select_one("article").get_text(" ")))
    return " ".join(map(SearchEnglish({}).stem, words))


def _telling_word(soup: Callable[[str], BeautifulSoup], post: Post) -> str:
    """The most frequent long word of a chapter whose stem no sister has."""
    stem = SearchEnglish({}).stem
    elsewhere = " ".join(_stems(soup, f"{other.docname}.html") for other in PUBLISHED if other != post)
    words = _words(soup(f"{post.docname}.html"))
    return max((word for word in words if stem(word) not in elsewhere), key=lambda word: (words[word], word))


@pytest.mark.parametrize("post", PUBLISHED, ids=lambda post: post.chapter)
def test_search_finds_a_chapter_by_a_word_of_its_text(
    open_page: Callable[..., Any], soup: Callable[[str], BeautifulSoup], host: str, post: Post
) -> None:
    word = _telling_word(soup, post)
    page = open_page(f"search.html?q={quote(word)}")
    addresses = _found(page)
    assert f"{host}{post.docname}.html" in addresses, f"nothing found for {word!r}"
    others = {f"{host}{other.docname}.html" for other in PUBLISHED if other != post}
    assert not others & set(addresses), f"{word!r} also finds a chapter that does not contain it"


@pytest.mark.parametrize(
    ("query", "page"),
    [
        ("空间", "index"),
        ("梯度", "index"),
        ("梯度", "chapters/sensitivity/integrated_gradients"),
        ("积分梯度", "chapters/sensitivity/integrated_gradients"),
        ("模拟退火", "chapters/sampling/mcmc_to_annealing"),
        *(
            (word, "appendix/glossary")
            for word in (
                "R-hat",
                "rhat",
                "TSP",
                "perplexity",
                "PSIS",
                "burn-in",
                "HMC",
                "warmup",
                "动量",
                "利普希茨约束",
                "拒绝采样",
            )
        ),
        *((word, "appendix/library_sampling") for word in ("R-hat", "rhat", "TSP", "perplexity", "PSIS", "NUTS")),
        *((word, "appendix/library_sensitivity") for word in ("Björck", "bjorck", "PGD", "flax", "NNX")),
    ],
)
def test_search_knows_the_words_of_the_field(
    open_page: Callable[..., Any], soup: Callable[[str], BeautifulSoup], host: str, query: str, page: str
) -> None:
    found = _found(open_page(f"search.html?q={quote(query)}"))
    assert f"{host}{page}.html" in found
    if re.search(r"[\u4e00-\u9fff]", query):  # and no page without it
        wrong = [a for a in found if query not in soup(a.removeprefix(host)).get_text().replace("\n", "")]
        assert not wrong


def test_search_shows_titles_before_bodies(open_page: Callable[..., Any], host: str) -> None:
    found = _found(open_page("search.html?q=momentum"))
    in_title, in_body = (f"{host}chapters/dynamics/{name}.html" for name in ("sgd_to_momentum", "gan_third_stage"))
    assert found.index(in_title) < found.index(in_body)


def _found(page: Any) -> list[str]:
    page.get_by_text("Search finished").wait_for()  # results are listed one after the other
    links = page.locator("#search-results li a")
    return links.evaluate_all("links => links.map((link) => link.href.split(/[?#]/)[0])")


def test_search_opens_by_keyboard(open_page: Callable[..., Any], host: str) -> None:
    page = open_page("index.html")
    page.keyboard.press("Control+k")
    page.locator(".search-button__wrapper input[type=search]").wait_for()
    page.keyboard.type("momentum")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"search\.html\?q=momentum"))
    page.locator("#search-results li a").first.wait_for()


def test_ledger_shows_only_the_rows_that_are_asked_for(
    open_page: Callable[..., Any], soup: Callable[[str], BeautifulSoup]
) -> None:
    page = open_page("appendix/ledger.html")
    rows = page.locator(".kexue-ledger tbody tr")
    total = len(soup("appendix/ledger.html").select(".kexue-ledger tbody tr"))
    assert total >= 8 * len(PUBLISHED)

    def visible() -> list[dict[str, str]]:
        return rows.evaluate_all("rows => rows.filter((row) => row.checkVisibility()).map((row) => ({...row.dataset}))")

    assert len(visible()) == total
    for name in ("relation", "part"):
        box = page.locator(f'.kexue-filter select[name="{name}"]')
        choices = [c for c in box.locator("option").evaluate_all("options => options.map((o) => o.value)") if c]
        assert choices
        counted = 0
        for choice in choices:
            box.select_option(choice)
            shown = visible()
            assert shown and {row[name] for row in shown} == {choice}
            assert page.locator(".kexue-filter output").inner_text() == f"{len(shown)} of {total} claims"
            counted += len(shown)
        assert counted == total, f"the choices of {name} do not cover the ledger"
        box.select_option("")
        assert len(visible()) == total


@pytest.mark.parametrize("post", PUBLISHED, ids=lambda post: post.chapter)
def test_ledger_and_card_count_the_claims_of_the_page(soup: Callable[[str], BeautifulSoup], post: Post) -> None:
    page = soup(f"{post.docname}.html")
    claims = [str(claim["id"]) for claim in page.select("main .kexue-claim")]
    assert len(claims) == len(set(claims)) >= 8
    linked = [str(a["href"]) for a in soup("appendix/ledger.html").select(".kexue-ledger td:last-child a")]
    assert [a.split("#")[1] for a in linked if f"{post.docname}.html#" in a] == claims
    facts = {dt.get_text(): dt.find_next("dd").get_text() for dt in page.select(".kexue-card dt")}
    assert facts["Claims checked"] == str(len(claims))


def test_theme_changes_with_its_button(open_page: Callable[..., Any]) -> None:
    page = open_page("index.html")
    seen = {}
    for _ in range(3):  # light, dark, as the system wants it
        seen[page.evaluate("document.documentElement.dataset.mode")] = page.evaluate(
            "[document.documentElement.dataset.theme, getComputedStyle(document.body).backgroundColor]"
        )
        page.locator(".theme-switch-button").first.click()
    assert set(seen) == {"light", "dark", "auto"}
    assert seen["light"][0] == "light" and seen["dark"][0] == "dark"
    assert seen["light"][1] != seen["dark"][1]


@pytest.mark.parametrize("post", PUBLISHED, ids=lambda post: post.chapter)
def test_hints_and_solutions_are_folded_and_open_by_keyboard(shared_page: Callable[..., Any], post: Post) -> None:
    page = shared_page(f"{post.docname}.html")
    solutions = page.locator("div.solution.dropdown, details.solution")
    assert solutions.count() >= 3
    for solution in solutions.all():
        content = solution.locator(".sd-card-body, section, .section, .solution-content").first
        assert not content.is_visible(), "a solution that spoils the exercise"
        button = solution.locator("button.toggle-button, summary").first
        button.focus()
        button.press("Enter")
        assert content.is_visible()


def test_every_data_set_has_its_card_on_the_page(soup: Callable[[str], BeautifulSoup]) -> None:
    cards = {section["id"] for section in soup("appendix/data.html").select("section.kexue-data")}
    assert cards == {f"data-{card.name}" for card in data.cards()}


def test_every_workload_stands_on_the_benchmarks_page_once(soup: Callable[[str], BeautifulSoup]) -> None:
    table = soup("appendix/benchmarks.html").select_one("table.kexue-peers")
    entries = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))["rows"]
    titles = [th.get_text().lower() for th in table.select("tbody th[scope]")]
    assert sorted(titles) == sorted({entry["Workload"].lower() for entry in entries})
    assert len(table.select("tbody tr:has(td)")) == len(entries)


@pytest.mark.parametrize("page", ["library", *(f"library_{part}" for part in ("dynamics", "sampling", "sensitivity"))])
def test_docstrings_of_attributes_are_sentences(soup: Callable[[str], BeautifulSoup], page: str) -> None:
    fields = soup(f"appendix/{page}.html").select("dl.py dt")
    assert fields and not [dt.parent.get_text(" ")[:80] for dt in fields if dt.get_text(strip=True) == "Type:"]


HINTS = "details.sd-dropdown"
LEFT_OUT = ".kexue-fold, .kexue-code, .kexue-code-link, .kexue-actions, .kexue-controls, .headerlink"


def test_paper_is_light_with_hints_open_and_solutions_folded(open_page: Callable[..., Any]) -> None:
    page = open_page(f"{PUBLISHED[0].docname}.html", theme="dark", formulas=False)
    hints, ground = page.locator(HINTS).count(), "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.emulate_media(media="print")
    page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    assert page.evaluate(ground) != dark
    assert page.locator(f"{HINTS}[open]").count() == hints > 0
    assert not page.locator(LEFT_OUT).locator("visible=true").count()
    assert page.locator(".solution").count() >= 3
    assert not page.locator(".solution section").locator("visible=true").count()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")  # at which some extensions unfold what is folded
    assert not page.locator(".solution section").locator("visible=true").count()
    page.emulate_media(media="screen")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert page.evaluate(ground) == dark and not page.locator(f"{HINTS}[open]").count()


@pytest.mark.parametrize("post", PUBLISHED, ids=lambda post: post.chapter)
def test_the_first_slider_is_near_once_navigation_is_skipped(open_page: Callable[..., Any], post: Post) -> None:
    page = open_page(f"{post.docname}.html")
    page.evaluate("kexueTypeset")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.hash") == "#main-content"
    page.keyboard.press("Enter")
    is_slider = "document.activeElement.type === 'range'"
    assert any(page.keyboard.press("Tab") or page.evaluate(is_slider) for _ in range(80))

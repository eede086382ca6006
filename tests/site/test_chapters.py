"""What a chapter's page is made of: prose and pictures in sight, code behind named bars, numbers by chapter."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup

from kexue.book.running.execute import read_records
from kexue.book.running.registry import load
from kexue.book.running.seeds import is_exact, read_ranges
from kexue.book.running.structure import MOST_COLUMNS

ROOT = Path(__file__).parents[2]
POSTS = load(ROOT).published()
EVERY = pytest.mark.parametrize("post", POSTS, ids=lambda post: post.chapter)
SECOND = pytest.mark.parametrize("post", [post for post in POSTS if post.edition == 2], ids=lambda post: post.chapter)
MOST_BARS = 12
LEAST_LABEL = 9.0  # pixels, on the narrow screen
FOLD = "details.kexue-fold"


@EVERY
def test_code_is_behind_two_bars_and_every_piece_has_a_name_and_a_link(
    soup: Callable[[str], BeautifulSoup], post: Any
) -> None:
    article = soup(f"{post.docname}.html").select_one("article")
    setup, tray = article.select(FOLD)
    assert (setup.summary.get_text(), tray.summary.get_text()) == ("Set-up", "Code of the figures and claims")
    assert setup.select(".cell_input pre") and not article.select("details.above-input"), "a bar that says nothing"
    links = {a["href"]: a.get_text() for a in article.select(".kexue-code-link a")}
    pieces = {f"#{piece['id']}": piece.h3.get_text() for piece in tray.select("section.kexue-code")}
    assert links == pieces and len(pieces) >= 3
    assert all(piece.select(".cell_input pre") for piece in tray.select("section.kexue-code"))
    numbers = {n for title in pieces.values() for n in re.findall(r"\d+\.\d+", title)}
    assert numbers <= {re.search(r"[\d.]+\d", c.get_text())[0] for c in article.select(".caption-number")}


def test_a_link_to_code_opens_its_bar(open_page: Callable[..., Any]) -> None:
    page = open_page(f"{POSTS[0].docname}.html", formulas=False)
    link = page.locator(".kexue-code-link a").last
    code = page.locator(link.get_attribute("href"))
    assert not code.locator("pre").first.is_visible()
    link.press("Enter")
    code.locator("pre").first.wait_for(state="visible")
    top = code.evaluate("code => code.getBoundingClientRect().top")
    assert 0 <= top < 900


@EVERY
def test_no_claim_is_said_twice_and_no_answer_stands_before_its_question(
    soup: Callable[[str], BeautifulSoup], post: Any
) -> None:
    article = soup(f"{post.docname}.html").select_one("article")
    sources = [pre for pre in article.select(".cell_input pre") if not pre.find_parent("details")]
    assert not [s.get_text() for s in sources if re.search(r"^claim\(", s.get_text(), re.MULTILINE)]
    answers = [pre for pre in article.select(".cell_input pre") if re.search(r"exercise\(.*solution=", pre.get_text())]
    assert answers
    assert all(pre.find_parent(class_="solution") for pre in answers)


@EVERY
def test_figures_equations_and_exercises_count_by_chapter(soup: Callable[[str], BeautifulSoup], post: Any) -> None:
    page = soup(f"{post.docname}.html")
    for selector, pattern in (
        ("figcaption .caption-number", "Figure {}.{} "),
        ("div.math > .eqno", "({}.{})#"),
        (".exercise .caption-number", "Exercise {}.{} "),
    ):
        found = [number.get_text() for number in page.select(selector)]
        assert found == [pattern.format(post.order, count) for count in range(1, len(found) + 1)], selector
        assert found or "eqno" in selector
    playable = page.select(".kexue-explorable, .kexue-animation")
    assert not [p.get("id") for p in playable if not p.find_parent("figure")], "a playable figure without a number"


@EVERY
def test_a_claim_leads_to_its_figure(soup: Callable[[str], BeautifulSoup], post: Any) -> None:
    for claim in soup(f"{post.docname}.html").select(".kexue-claim"):
        figure = claim.select_one(".kexue-claim-figure")
        said = claim.get_text().split(figure.get_text())[0].rstrip()
        assert said.endswith((":", "=")), said


def test_a_bar_opens_by_keyboard(open_page: Callable[..., Any]) -> None:
    page = open_page(f"{POSTS[0].docname}.html", formulas=False)
    fold = page.locator(FOLD).first
    assert not fold.locator("pre").first.is_visible()
    fold.locator("summary").press("Enter")
    assert fold.locator("pre").first.is_visible()
    assert fold.locator("summary").bounding_box()["height"] <= 30


def test_a_line_of_code_stays_in_one_piece_on_a_wide_screen(open_page: Callable[..., Any]) -> None:
    page = open_page(f"{POSTS[0].docname}.html", formulas=False)
    pre = page.locator("article > section .cell_input pre").locator("visible=true").first
    height = """(pre, text) => { pre.textContent = text; return pre.getBoundingClientRect().height; }"""
    one, longest, longer = (pre.evaluate(height, "x" * n) for n in (1, MOST_COLUMNS, MOST_COLUMNS + 4))
    assert one == longest < longer


@SECOND
def test_bars_are_few(soup: Callable[[str], BeautifulSoup], post: Any) -> None:
    """As a reader finds the page: what is inside a closed fold does not count, hints and solutions do."""
    article = soup(f"{post.docname}.html").select_one("article")
    bars = article.select("details, .admonition.dropdown")
    seen = [bar for bar in bars if not bar.find_parent("details") and not bar.find_parent(class_="dropdown")]
    assert len(seen) <= MOST_BARS


@SECOND
def test_no_formula_is_cut_on_a_narrow_screen(visit: Callable[..., Any], post: Any) -> None:
    assert not visit(f"{post.docname}.html", "narrow").facts["wideFormulas"]


@SECOND
def test_labels_can_be_read_on_a_narrow_screen(visit: Callable[..., Any], site: Path, post: Any) -> None:
    facts = visit(f"{post.docname}.html", "narrow").facts
    small = {text: size for text, size in facts["labels"] if size < LEAST_LABEL - 0.05}
    for image in facts["images"]:
        if "/_images/" in image["source"] and image["source"].endswith(".svg"):
            picture = (site / "_images" / image["source"].rsplit("/", 1)[1]).read_text(encoding="utf-8")
            # matplotlib draws letters as paths for a size of 100 points, and scales them
            points = [100 * float(scale) for scale in re.findall(r"scale\(([\d.]+) -\1\)", picture)]
            size = min(points, default=100) * 96 / 72 * image["shown"] / image["width"]
            if size < LEAST_LABEL - 0.05:
                small[image["alt"][:60]] = round(size, 2)
    assert not small


@EVERY
def test_a_claim_says_how_far_its_figure_moves(soup: Callable[[str], BeautifulSoup], post: Any) -> None:
    """On its page and in the ledger; and the figure of this build lies in the range."""
    ranges = read_ranges(ROOT).get(post.chapter)
    claims = soup(f"{post.docname}.html").select(".kexue-claim")
    titles = [claim.select_one(".kexue-claim-figure").get("title", "") for claim in claims]
    if ranges is None:
        assert titles == [""] * len(claims)
        return
    assert len(claims) == len(ranges) and all(title.startswith("over six seeds: ") for title in titles)
    assert sum(title.endswith("exact") for title in titles) == sum(map(is_exact, ranges.values()))
    for record in read_records(ROOT)[post.chapter]["claims"]:
        low, high = ranges[record["statement"]].values()
        rounding = 1e-3 * max(abs(low), abs(high)) + 1e-12
        assert low - rounding <= record["value"] <= high + rounding, record["statement"]

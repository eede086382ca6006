"""Explorables and animations, moved the way a reader moves them."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from conftest import SCREENS

EXPLORABLE, ANIMATION = ".kexue-explorable", ".kexue-animation"

# The marks of every panel: what is drawn, without axes and titles.
MARKS = """figure => [...figure.querySelectorAll(".kexue-panel")].map((panel) =>
    [...panel.querySelectorAll("g.role-mark")].map((marks) => marks.innerHTML).join(""))"""
FOLLOWED = """figure => figure.dataset.at ===
    [...figure.querySelectorAll(".kexue-slider :is(input, select)")].map((input) => input.value).join(" ")"""
CONTROLS = ".kexue-slider :is(input, select)"  # sliders, and menus of names
LAST = "control => control.localName === 'select' ? control.options.length - 1 : Number(control.max)"


def _alive(page: Any, selector: str, index: int) -> Any:
    """The figure, once it is alive; explorables are drawn in the page's colours, with all sliders at their start."""
    figure = page.locator(selector).nth(index)
    figure.evaluate("figure => { const folded = figure.closest('details'); if (folded) folded.open = true; }")
    figure.scroll_into_view_if_needed()
    handle = figure.element_handle()
    page.wait_for_function("figure => figure.dataset.ready", arg=handle)
    if selector == EXPLORABLE:
        page.wait_for_function("figure => figure.dataset.drawn === document.documentElement.dataset.theme", arg=handle)
        page.evaluate("document.querySelectorAll('[data-ready] .kexue-reset').forEach((button) => button.click())")
        page.wait_for_function(f"figure => ({FOLLOWED})(figure) && !location.search", arg=handle)
    return figure


def _marks(figure: Any) -> list[str]:
    """The marks once they show where the sliders stand."""
    figure.page.wait_for_function(FOLLOWED, arg=figure.element_handle())
    return figure.evaluate(MARKS)


def _values(figure: Any) -> list[str]:
    return figure.locator(CONTROLS).evaluate_all("inputs => inputs.map((input) => input.value)")


def test_explorable_follows_every_slider(shared_page: Callable[..., Any], explorable: tuple[str, int]) -> None:
    address, index = explorable
    figure = _alive(shared_page(address), EXPLORABLE, index)
    reacting: set[int] = set()
    panels = len(_marks(figure))
    assert panels >= 1
    for k in range(figure.locator(".kexue-slider").count()):
        row = figure.locator(".kexue-slider").nth(k)
        slider, shown = row.locator("input, select"), row.locator("output")
        name, is_menu = row.get_attribute("data-name"), row.locator("select").count() == 1
        slider.focus()
        before, label, place = _marks(figure), shown.inner_text() if not is_menu else "", int(slider.input_value())
        slider.press("ArrowRight" if place < slider.evaluate(LAST) else "ArrowLeft")
        assert abs(int(slider.input_value()) - place) == 1, f"{name} does not move by the keyboard"
        after = _marks(figure)
        if not is_menu:
            assert shown.inner_text() != label, f"the value of {name} stays {label}"
            assert slider.get_attribute("aria-valuetext") == shown.inner_text()
        assert after != before, f"one step of {name} changes no mark"
        for key in ("Home", "End"):
            slider.press(key)
            end = _marks(figure)
            assert "NaN" not in "".join(end), f"{name} at its {key} draws a NaN"
            assert all(end), f"{name} at its {key} leaves a panel without marks"
            reacting |= {i for i in range(panels) if end[i] != before[i]}
        reacting |= {i for i in range(panels) if after[i] != before[i]}
    assert reacting == set(range(panels)), "a panel that no slider changes"


def test_explorable_sweeps(shared_page: Callable[..., Any], explorable: tuple[str, int]) -> None:
    address, index = explorable
    page = shared_page(address)
    figure = _alive(page, EXPLORABLE, index)
    start, marks = _values(figure), _marks(figure)
    button, slider = figure.locator(".kexue-sweep").first, figure.locator(CONTROLS).first
    button.press("Enter")
    page.wait_for_function("([input, was]) => input.value !== was", arg=[slider.element_handle(), start[0]])
    button.press("Enter")
    assert button.get_attribute("aria-pressed") == "false"
    stopped = _values(figure)
    page.wait_for_timeout(400)
    assert _values(figure) == stopped, "the sweep does not stop"
    assert stopped[1:] == start[1:]
    assert stopped == start or _marks(figure) != marks


def test_explorable_permalink_restores_the_sliders(
    shared_page: Callable[..., Any], open_page: Callable[..., Any], explorable: tuple[str, int]
) -> None:
    address, index = explorable
    page = shared_page(address)
    figure = _alive(page, EXPLORABLE, index)
    start, start_marks = _values(figure), _marks(figure)
    for slider in figure.locator(CONTROLS).all():
        slider.focus()
        slider.press("End" if int(slider.input_value()) != slider.evaluate(LAST) else "Home")
    moved, marks = _values(figure), _marks(figure)
    assert all(a != b for a, b in zip(start, moved, strict=True))

    # The address follows by itself …
    name = figure.get_attribute("id")
    names = [row.get_attribute("data-name") for row in figure.locator(".kexue-slider").all()]
    wanted = [f"{name}.{parameter}" for parameter in names]
    page.wait_for_function("all => all.every((one) => new URLSearchParams(location.search).has(one))", arg=wanted)
    followed = parse_qs(urlsplit(page.url).query)
    assert set(followed) == set(wanted)

    # … the button copies one that leads to the figure …
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    figure.locator(".kexue-link").press("Enter")
    page.wait_for_function("figure => figure.querySelector('.kexue-status').textContent", arg=figure.element_handle())
    link = urlsplit(page.evaluate("navigator.clipboard.readText()"))
    assert (link.fragment, parse_qs(link.query)) == (name, followed)
    figure.locator(".kexue-reset").press("Enter")
    assert (_values(figure), _marks(figure)) == (start, start_marks)
    page.wait_for_function("!location.search")

    # … and whoever opens it finds the figure as it was; formulas above it may move it.
    page = open_page(f"{address}?{link.query}#{link.fragment}")
    figure = page.locator(EXPLORABLE).nth(index)
    page.wait_for_function("figure => figure.dataset.ready", arg=figure.element_handle())
    page.evaluate("window.kexueTypeset")
    assert (_values(figure), _marks(figure)) == (moved, marks)
    box = figure.bounding_box()
    assert -box["height"] < box["y"] < page.viewport_size["height"], "the link does not lead to the figure"


def test_explorable_is_drawn_again_for_a_dark_page(
    shared_page: Callable[..., Any], explorable: tuple[str, int]
) -> None:
    address, index = explorable
    page = shared_page(address)
    figure = _alive(page, EXPLORABLE, index)
    light = _marks(figure)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function("figure => figure.dataset.drawn === 'dark'", arg=figure.element_handle())
    dark = _marks(figure)
    assert [bool(marks) for marks in dark] == [bool(marks) for marks in light] == [True] * len(light)
    assert dark != light
    text = figure.locator("svg text").first.evaluate("text => text.getAttribute('fill')")
    red, green, blue = (int(text[i : i + 2], 16) for i in (1, 3, 5))
    assert min(red, green, blue) > 0x80, f"the axes of a dark page are written in {text}"


def test_explorable_has_a_picture_without_javascript(
    shared_page: Callable[..., Any], explorable: tuple[str, int]
) -> None:
    _check_picture(shared_page, explorable, EXPLORABLE, "img.kexue-still")


def test_animation_has_a_picture_without_javascript(
    shared_page: Callable[..., Any], animation: tuple[str, int]
) -> None:
    _check_picture(shared_page, animation, ANIMATION, "img.kexue-poster")


def _check_picture(shared_page: Callable[..., Any], place: tuple[str, int], selector: str, picture: str) -> None:
    address, index = place
    page = shared_page(address, java_script_enabled=False)
    figure = page.locator(selector).nth(index)
    image = figure.locator(picture)
    for width, height in SCREENS.values():
        page.set_viewport_size({"width": width, "height": height})
        image.scroll_into_view_if_needed()
        page.wait_for_function("image => image.complete", arg=image.element_handle())
        assert image.evaluate("image => image.naturalWidth") > 0
        box = image.bounding_box()
        assert box["width"] > 200 and box["height"] > 100
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
        natural = image.evaluate("image => image.naturalWidth / image.naturalHeight")
        assert box["width"] / box["height"] == pytest.approx(natural, rel=0.02), "a picture out of shape"
        assert not figure.locator(".kexue-controls").is_visible(), "controls that cannot work"


def test_explorable_prints_its_picture(shared_page: Callable[..., Any], explorable: tuple[str, int]) -> None:
    _check_print(shared_page, explorable, EXPLORABLE, "img.kexue-still")


def test_animation_prints_its_picture(shared_page: Callable[..., Any], animation: tuple[str, int]) -> None:
    _check_print(shared_page, animation, ANIMATION, "img.kexue-poster")


def _check_print(shared_page: Callable[..., Any], place: tuple[str, int], selector: str, picture: str) -> None:
    address, index = place
    page = shared_page(address)
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    figure = _alive(page, selector, index)
    page.emulate_media(media="print")
    image = figure.locator(picture)
    assert image.is_visible()
    page.wait_for_function("image => image.complete && image.naturalWidth", arg=image.element_handle())
    assert not figure.locator(".kexue-controls").is_visible()


CANVAS = "figure => figure.querySelector('canvas').toDataURL()"


def test_animation_plays_pauses_and_scrubs(shared_page: Callable[..., Any], animation: tuple[str, int]) -> None:
    address, index = animation
    page = shared_page(address)
    figure = _alive(page, ANIMATION, index)
    play, scrub = figure.locator(".kexue-play"), figure.locator('input[type="range"]')
    count = int(scrub.get_attribute("max")) + 1
    assert count >= 2
    assert not _is_playing(figure), "it plays although the reader asked for reduced motion"

    scrub.focus()
    scrub.press("Home")
    first = figure.evaluate(CANVAS)
    assert figure.get_attribute("data-frame") == "0"
    scrub.press("End")
    assert figure.get_attribute("data-frame") == str(count - 1)
    last = figure.evaluate(CANVAS)
    scrub.fill(str(count // 2))
    assert figure.get_attribute("data-frame") == str(count // 2)
    assert len({first, figure.evaluate(CANVAS), last}) == min(3, count), "scrubbing does not change the picture"

    scrub.focus()
    scrub.press("Home")
    play.press("Enter")
    assert _is_playing(figure)
    page.wait_for_function("figure => Number(figure.dataset.frame) >= 2", arg=figure.element_handle())
    play.press("Enter")
    assert not _is_playing(figure)
    stopped, picture = figure.get_attribute("data-frame"), figure.evaluate(CANVAS)
    assert picture != first
    page.wait_for_timeout(400)
    assert (figure.get_attribute("data-frame"), figure.evaluate(CANVAS)) == (stopped, picture), "pause does not stop it"


def test_animation_plays_by_itself_once_it_is_seen(open_page: Callable[..., Any], animation: tuple[str, int]) -> None:
    address, index = animation
    page = open_page(address, reduced_motion="no-preference", formulas=False)
    figure = _alive(page, ANIMATION, index)
    figure.locator("canvas").scroll_into_view_if_needed()
    seen = set()
    while len(seen) < 3:  # at most as long as the test's own patience: each wait ends with an error
        frame = figure.get_attribute("data-frame")
        seen.add(frame)
        page.wait_for_function("([figure, was]) => figure.dataset.frame !== was", arg=[figure.element_handle(), frame])


def _is_playing(figure: Any) -> bool:
    return figure.locator(".kexue-play").get_attribute("aria-label") == "Pause"

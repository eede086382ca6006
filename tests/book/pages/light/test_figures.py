"""What figures show lies in files of its own: the same octets, found from the page, fetched late."""

import base64
import json
import re

import pytest
from bs4 import BeautifulSoup

from kexue.book.pages.light.figures import drop_unused_figures, separated

STILL = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 3"><path d="M0 0"/></svg>'
FRAME = bytes(range(256))
SPEC = {"fields": {"y": [1.5, -2]}, "words": "a \u003c b, “quoted”"}


def inline(kind: str, octets: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(octets).decode()}"


def figure(spec: object) -> str:
    content = json.dumps(spec, ensure_ascii=False)
    return (
        f'<div class="kexue-explorable"><img class="kexue-still" width="4" src="{inline("svg+xml", STILL)}">'
        f'<script type="application/json">{content}</script></div>'
    )


@pytest.fixture
def site(tmp_path):
    images = tmp_path / "_images"
    images.mkdir()
    (images / "plot.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="432pt" height="230.4pt"/>')
    (images / "icon.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="20" height="10px"/>')
    (images / "drawing.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="100%" height="3em"/>')
    (tmp_path / "chapters" / "part").mkdir(parents=True)
    return tmp_path


def page_of(site, body):
    return separated(f"<html><img src='logo.svg'><article>{body}</article></html>", site / "chapters/part/a.html", site)


def test_contents_are_found_from_the_page(site):
    poster = f'<img class="kexue-poster" src="{inline("webp", FRAME)}">'
    page = page_of(site, figure(SPEC) + poster)
    assert "base64" not in page and "quoted" not in page
    soup = BeautifulSoup(page, "html.parser")
    files = [site / "chapters/part" / tag for tag in (image["src"] for image in soup.select("article img"))]
    assert [file.suffix for file in files] == [".svg", ".webp"]
    assert [file.read_bytes() for file in files] == [STILL, FRAME]
    script = soup.select_one('script[type="application/json"]')
    assert script.string is None
    text = (site / "chapters/part" / script["data-src"]).read_text(encoding="utf-8")
    name, content = re.fullmatch(r'\(window\.kexueContents \?\?= {}\)\["(\w+)"\] = (.*);\n', text).groups()
    assert script["data-src"] == f"../../_static/figures/{name}.js"
    assert json.loads(content) == SPEC


def test_a_file_is_named_by_what_it_holds(site):
    page_of(site, figure(SPEC) + figure(SPEC) + figure(SPEC | {"words": "another"}))
    assert len(list((site / "_static/figures").glob("*.js"))) == 2
    assert len(list((site / "_static/figures").glob("*.svg"))) == 1


def test_separating_twice_changes_nothing(site):
    once = page_of(site, figure(SPEC) + '<img src="../../_images/plot.svg">')
    assert separated(once, site / "chapters/part/a.html", site) == once


def test_only_what_pages_ask_for_is_kept(site):
    first, second = page_of(site, figure(SPEC)), page_of(site, figure({"fields": {}}))
    drop_unused_figures(site, [second])
    left = {file.name for file in (site / "_static/figures").iterdir()}
    assert left and all(name in second for name in left)
    assert not any(name in first for name in left if name.endswith(".js"))


def test_pictures_come_late_and_have_their_size_before(site):
    names = ("plot", "icon", "drawing", "plot")
    page = page_of(site, "".join(f'<img src="../../_images/{name}.svg">' for name in names))
    images = BeautifulSoup(page, "html.parser").select("article img")
    assert [image.get("loading") for image in images] == [None, "lazy", "lazy", "lazy"]
    assert [(image.get("width"), image.get("height")) for image in images] == [
        ("576", "307"),  # points are four thirds of a pixel
        ("20", "10"),
        (None, None),
        ("576", "307"),
    ]
    given = '<img style="width: 50%" src="../../_images/plot.svg"><img src="https://example.org/a.svg">'
    assert "height" not in page_of(site, given)

"""JupyterLab itself, in its dark theme: a reader's notebook as it is downloaded, and as it is run."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import pytest

pytestmark = pytest.mark.alone  # it waits for a chapter to be executed

ROOT = Path(__file__).parents[2]
CHAPTER = "dynamics/sgd_to_momentum"
SETTINGS = {
    "apputils-extension/themes": {"theme": "JupyterLab Dark"},
    "apputils-extension/notification": {"fetchNews": "false"},
    "notebook-extension/tracker": {"windowingMode": "none"},  # all cells are in the page
}
CELLS = ".jp-Notebook .jp-Cell"
ALIVE = ".kexue-explorable[data-ready=true]"
# The colour of a picture's corner, and its darkest grey.
CORNER_AND_INK = """async (image) => {
  await image.decode();
  const [width, height] = [image.naturalWidth, image.naturalHeight];
  const brush = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  brush.drawImage(image, 0, 0);
  const pixels = brush.getImageData(0, 0, width, height).data;
  const greys = pixels.filter((_, i) => i % 4 === 1);
  return [[...pixels.slice(0, 4)], greys.reduce((least, grey) => Math.min(least, grey), 255)];
}"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory, site: Path) -> Iterator[str]:
    """The address of a JupyterLab on a folder with the two notebooks."""
    home = tmp_path_factory.mktemp("lab")
    work = home / "work"
    work.mkdir()
    shutil.copy(ROOT / "notebooks" / f"{CHAPTER}.ipynb", work / "plain.ipynb")
    shutil.copy(site / "downloads" / f"{CHAPTER}-executed.ipynb", work / "executed.ipynb")
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token="]
    options += [f"--LabApp.user_settings_dir={home / 'settings'}", f"--LabApp.workspaces_dir={home / 'workspaces'}"]
    environment = {k: v for k, v in os.environ.items() if k != "KEXUE_BOOK"}
    environment |= {f"JUPYTER_{name}_DIR": str(home / name) for name in ("CONFIG", "DATA", "RUNTIME")}
    server = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *options],
        cwd=work,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address, deadline = f"http://127.0.0.1:{port}/", time.monotonic() + 60
    direct = build_opener(ProxyHandler({}))  # whatever proxy the machine has for other places
    while True:
        try:
            direct.open(f"{address}api")
            break
        except URLError:
            assert server.poll() is None, "JupyterLab ended before it answered"
            assert time.monotonic() < deadline, "JupyterLab does not answer"
            time.sleep(0.2)
    yield address
    server.terminate()
    try:
        server.wait(timeout=30)
    except subprocess.TimeoutExpired:
        server.kill()


@pytest.fixture
def open_notebook(browser: Any, lab: str, site: Path) -> Iterator[Any]:
    """``open_notebook(name)``: a notebook in JupyterLab, online as far as Vega is concerned."""
    contexts = []

    def open_(name: str) -> Any:
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 1000}, reduced_motion="reduce"))
        page = contexts[-1].new_page()
        vega = (site / "_static" / "vega.js").read_text(encoding="utf-8")

        def answer(route: Any) -> None:
            is_last = "/npm/vega-embed@" in route.request.url
            route.fulfill(body=vega if is_last else "", content_type="text/javascript")

        page.route("https://cdn.jsdelivr.net/**", answer)
        page.goto(f"{lab}lab/tree/{name}?reset", wait_until="load")
        page.locator(CELLS).nth(5).wait_for(state="attached", timeout=60_000)
        return page

    yield open_
    for context in contexts:
        context.close()


def _settled(page: Any, selector: str) -> int:
    """How many elements there are, once there come no more."""
    seen = -1
    while seen != (now := page.locator(selector).count()):
        seen = now
        page.wait_for_timeout(700)
    return now


def test_untrusted_every_figure_is_there_with_its_caption(open_notebook: Any) -> None:
    """As it is downloaded: nobody has trusted it, so scripts and SVG are not shown."""
    page = open_notebook("executed.ipynb")
    assert page.evaluate("document.body.dataset.jpThemeLight") == "false"
    _settled(page, ".jp-OutputArea img")
    cells = page.locator(CELLS).evaluate_all(
        "cells => cells.map((cell) => [cell.querySelectorAll('.jp-OutputArea img').length, cell.innerText])"
    )
    figures = [i for i, (images, _) in enumerate(cells) if images]
    following = [cells[i + 1][1] for i in figures]
    source = json.loads((ROOT / "notebooks" / f"{CHAPTER}.ipynb").read_text(encoding="utf-8"))
    captions = re.findall(r"Figure \d+\.\d+\.\*\*", json.dumps(source, ensure_ascii=False))
    assert len(figures) == len(captions) >= 8
    assert all(re.match(r"Figure \d+\.\d+\.", text.strip()) for text in following)
    assert not page.locator(".jp-OutputArea :is(input, select, button)").count(), "controls that are dead"
    for image in page.locator(".jp-OutputArea img").all():
        corner, ink = image.evaluate(CORNER_AND_INK)
        assert corner == [255, 255, 255, 255] and ink < 0x60, "axes that a dark theme swallows"
    assert "kexue.fm" in page.locator(CELLS).first.inner_html()
    assert page.locator("details").count() >= 8 and not page.locator("details[open]").count()


def test_run_it_moves_and_answers(open_notebook: Any) -> None:
    page = open_notebook("plain.ipynb")
    # The circle beside the kernel's name says "idle" before there is a kernel, and what is run then is lost.
    page.locator(".jp-StatusBar-TextItem").filter(has_text="| Idle").wait_for(timeout=120_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Run All Cells", exact=True).click()
    page.locator(".kexue-explorable").first.wait_for(state="attached", timeout=180_000)
    figure = page.locator(".kexue-explorable").first
    figure.evaluate("figure => figure.scrollIntoView({ block: 'center' })")
    page.locator(ALIVE).first.wait_for(timeout=60_000)
    slider = figure.locator('input[type="range"]').first
    marks = "figure => [...figure.querySelectorAll('g.role-mark')].map((mark) => mark.innerHTML).join('')"

    def moved(before: str, place: str) -> str:
        page.wait_for_function(
            "([figure, place]) => figure.dataset.at.startsWith(place + ' ')", arg=[figure.element_handle(), place]
        )
        after = figure.evaluate(marks)
        assert after != before and slider.input_value() == place
        return after

    at, before = int(slider.input_value()), figure.evaluate(marks)
    slider.focus()
    slider.press("ArrowRight")  # which is JupyterLab's, unless the slider says that it wants it
    after = moved(before, str(at + 1))
    box = slider.bounding_box()
    page.mouse.click(box["x"] + 2, box["y"] + box["height"] / 2)
    moved(after, "0")

    page.wait_for_function(
        "![...document.querySelectorAll('.jp-InputPrompt')].some((p) => p.innerText.includes('*'))", timeout=180_000
    )
    assert not page.locator('.jp-OutputArea [data-mime-type="application/vnd.jupyter.error"]').count()
    cell = page.locator(CELLS).filter(has_text='exercise("temperature").check(answer)').first
    for answer, verdict in (("0.16", "✗"), ("0.08", "✓ Right.")):
        cell.locator(".cm-content").click()
        page.keyboard.press("Control+a")
        page.keyboard.type(f'answer = {answer}; exercise("temperature").check(answer)')
        page.keyboard.press("Control+Enter")
        cell.locator(".jp-OutputArea-output").filter(has_text=verdict).wait_for(timeout=30_000)

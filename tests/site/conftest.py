"""The built site, served as the public host serves it, and looked at in the system's Chromium.

Each page is loaded once, light on a wide screen, then made narrow and dark; `facts.js` opens everything that is folded
and writes down what is there both times, and the tests read it. With `-n 2 --dist loadscope` the tests of one page stay
together on one worker.
"""

import functools
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
import yaml
from bs4 import BeautifulSoup
from xdist.scheduler import LoadScopeScheduling

from kexue.book.running.serve import CompressedHandler

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
FACTS = HERE.joinpath("facts.js").read_text(encoding="utf-8")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NO_BROWSER = (
    "there is no browser: install Debian's package `chromium` (or Google Chrome), so that one of "
    f"{', '.join(BROWSERS)} is on the PATH"
)
SCREENS = {"wide": (1280, 900), "narrow": (360, 760)}
THEMES = {"wide": "light", "narrow": "dark"}
MOST_VISITS_MS = 20_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--site", default=str(ROOT / "_build" / "html"), help="folder of the built site to look at")


def site_folder(config: pytest.Config) -> Path:
    return Path(config.getoption("--site", default=str(ROOT / "_build" / "html"))).resolve()


def pages_of(site: Path) -> list[str]:
    """The addresses of all pages, the cover first."""
    found = [path.relative_to(site).as_posix() for path in site.rglob("*.html")]
    return sorted((p for p in found if not p.startswith(("_static/", "_sources/"))), key=lambda p: (p.count("/"), p))


@functools.lru_cache(maxsize=4)  # a parsed page is tens of megabytes; the tests come page by page
def soup_of(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_bytes(), "html.parser")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    site = site_folder(metafunc.config)
    if "address" in metafunc.fixturenames:
        metafunc.parametrize("address", pages_of(site))
    if "screen" in metafunc.fixturenames:
        metafunc.parametrize("screen", SCREENS)
    for name in ("explorable", "animation"):
        if name in metafunc.fixturenames:
            mark = f'<div class="kexue-{name}"'
            counts = {page: (site / page).read_text(encoding="utf-8").count(mark) for page in pages_of(site)}
            cases = [(page, i) for page, count in counts.items() for i in range(count)]
            metafunc.parametrize(name, cases, ids=[f"{page}-{i + 1}" for page, i in cases])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a site there is one thing to say, not a hundred."""
    if not (site_folder(config) / "index.html").is_file():
        here = [item for item in items if HERE in item.path.parents]
        items[:] = [item for item in items if item not in here or item.name == "test_the_site_is_built"]


class _ByPage(LoadScopeScheduling):
    """All that looks at a page goes to one worker, which loads it once.

    By the tests' names: pytest 9.2 does not let pytest-xdist 3.8 append a group to them.
    """

    def _split_scope(self, nodeid: str) -> str:
        names = nodeid.partition("[")[2]
        page = re.search(r"(\w+/\w+)(?:\.html)?(?=[-\]])", names) or re.search(r"(\w+)\.html", names)
        return page[1] if page else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _ByPage | None:
    return _ByPage(config, log) if config.getoption("dist") == "loadscope" else None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = sum(NO_BROWSER in str(report.longrepr) for report in terminalreporter.stats.get("skipped", []))
    if skipped:
        terminalreporter.write_sep("=", f"{skipped} tests of the site were SKIPPED: {NO_BROWSER}", yellow=True)


@pytest.fixture(scope="session")
def site(request: pytest.FixtureRequest) -> Path:
    return site_folder(request.config)


@pytest.fixture(scope="session")
def settings() -> dict[str, Any]:
    """`_config.yml`."""
    return yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def soup(site: Path) -> Callable[[str], BeautifulSoup]:
    """The markup of a page, parsed once."""
    return lambda address: soup_of(site / address)


class _Host(CompressedHandler):
    """The public host in small: the book below a folder, and its own page for addresses that do not exist."""

    prefix = "/"

    def translate_path(self, path: str) -> str:
        path = urlsplit(path).path
        inside = path.removeprefix(self.prefix) if path.startswith(self.prefix) else "outside/of/the/book"
        return super().translate_path("/" + inside)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        page = Path(self.directory, "404.html").read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)


@pytest.fixture(scope="session")
def host(site: Path, settings: dict[str, Any]) -> Iterator[str]:
    """The site's address on this machine, ending in a slash."""
    _Host.prefix = settings["sphinx"]["config"]["notfound_urls_prefix"]
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Host, directory=str(site)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}{_Host.prefix}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    executable = next(filter(None, map(shutil.which, BROWSERS)), None)
    if executable is None:
        pytest.skip(NO_BROWSER)
    from playwright.sync_api import sync_playwright

    arguments = [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, host: str) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site on a fresh screen: ``open_page(address, screen="wide", theme="light", **context)``.

    With ``formulas=False`` MathJax is kept away: most of a page's time is its, and no figure needs it.
    """
    contexts = []

    def open_(address: str, screen: str = "wide", theme: str = "light", formulas: bool = True, **context: Any) -> Any:
        contexts.append(new_context(browser, screen, theme, **context))
        page = contexts[-1].new_page()
        if not formulas:
            page.route("**/tex-chtml.js*", lambda route: route.abort())
        page.goto(host + address, wait_until="load")
        return page

    yield open_
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def shared_page(browser: Any, host: str) -> Iterator[Callable[..., Any]]:
    """A page without formulas on a wide, light screen that tests share: ``shared_page(address, **context)``.

    The tests of one page follow one another, so one page of each kind of context is kept. It comes back light, for the
    screen and in its usual size; what else a test has moved, the next one puts where it wants it.
    """
    kept: dict[str, tuple[str, Any]] = {}

    def shared(address: str, **context: Any) -> Any:
        kind = str(context)
        if kind not in kept or kept[kind][0] != address:
            if kind in kept:
                kept.pop(kind)[1].context.close()
            page = new_context(browser, "wide", "light", **context).new_page()
            page.route("**/tex-chtml.js*", lambda route: route.abort())
            page.goto(host + address, wait_until="load")
            kept[kind] = address, page
        page = kept[kind][1]
        page.emulate_media(media="null")
        width, height = SCREENS["wide"]
        page.set_viewport_size({"width": width, "height": height})
        if context.get("java_script_enabled", True):
            page.evaluate("document.documentElement.dataset.theme = 'light'")
        return page

    yield shared
    for _, page in kept.values():
        page.context.close()


def new_context(browser: Any, screen: str, theme: str, **options: Any) -> Any:
    width, height = SCREENS[screen]
    options = {"reduced_motion": "reduce", "viewport": {"width": width, "height": height}} | options
    context = browser.new_context(**options)
    context.set_default_timeout(MOST_VISITS_MS)
    context.add_init_script(f"localStorage.setItem('mode', '{theme}'); localStorage.setItem('theme', '{theme}')")
    return context


@dataclass
class Visit:
    """What a page showed and did."""

    console: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def visit(browser: Any, host: str) -> Callable[..., Visit]:
    """What a page showed on a screen: loaded once for both screens; in another theme than usual, loaded for itself."""

    @functools.cache
    def usual(address: str) -> dict[str, Visit]:
        return _visit(browser, host, address, THEMES)

    @functools.cache
    def unusual(address: str, screen: str, theme: str) -> Visit:
        return _visit(browser, host, address, {screen: theme})[screen]

    def visited(address: str, screen: str, theme: str | None = None) -> Visit:
        return usual(address)[screen] if theme in (None, THEMES[screen]) else unusual(address, screen, theme)

    return visited


def _visit(browser: Any, host: str, address: str, themes: dict[str, str]) -> dict[str, Visit]:
    """Load a page on the first screen, write down what it shows, and go on to the next screen."""
    console: list[str] = []
    failed: list[str] = []
    foreign: list[str] = []
    seen = {screen: Visit(console, failed, foreign) for screen in themes}
    origin = re.match(r"https?://[^/]+/", host)[0]
    first = next(iter(themes))
    context = new_context(browser, first, themes[first])
    page = context.new_page()

    def on_request(request: Any) -> None:
        if not request.url.startswith((origin, "data:", "blob:")):
            foreign.append(request.url)

    page.on("request", on_request)
    page.on("requestfailed", lambda request: failed.append(f"{request.url}: {request.failure}"))
    page.on("response", lambda r: r.status >= 400 and failed.append(f"{r.url}: {r.status}"))
    page.on("console", lambda m: m.type in ("error", "warning") and console.append(f"{m.type}: {m.text}"))
    page.on("pageerror", lambda error: console.append(f"exception: {error}"))
    try:
        page.goto(host + address, wait_until="load")
        page.evaluate(FACTS)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        for screen, theme in themes.items():
            if screen != first:
                width, height = SCREENS[screen]
                page.set_viewport_size({"width": width, "height": height})
                page.evaluate("theme => kexueTurn(theme)", theme)
            seen[screen].facts = page.evaluate("kexueFacts()")
            seen[screen].violations = page.evaluate("kexueViolations()")
    finally:
        context.close()
    return seen

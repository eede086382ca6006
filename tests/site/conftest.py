"""The built site, served as the public host serves it, and looked at in the system's Chromium.

Each page is visited twice, once light on a wide screen and once dark on a narrow one; `facts.js` opens everything that
is folded and writes down what is there, and the tests read it.
"""

import functools
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import axe_playwright_python
import pytest
import yaml
from bs4 import BeautifulSoup

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


@functools.cache
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
            counts = {page: len(soup_of(site / page).select(f"div.kexue-{name}")) for page in pages_of(site)}
            cases = [(page, i) for page, count in counts.items() for i in range(count)]
            metafunc.parametrize(name, cases, ids=[f"{page}-{i + 1}" for page, i in cases])


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without a site there is one thing to say, not a hundred."""
    if not (site_folder(config) / "index.html").is_file():
        here = [item for item in items if HERE in item.path.parents]
        items[:] = [item for item in items if item not in here or item.name == "test_the_site_is_built"]


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


class _Host(SimpleHTTPRequestHandler):
    """The public host in small: the book below a folder, and its own page for addresses that do not exist."""

    prefix = "/"
    extensions_map = SimpleHTTPRequestHandler.extensions_map | {".js": "text/javascript", ".woff2": "font/woff2"}

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

    def log_message(self, format: str, *args: Any) -> None:
        pass


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
    """Opens a page of the site on a fresh screen: ``open_page(address, screen="wide", theme="light", **context)``."""
    contexts = []

    def open_(address: str, screen: str = "wide", theme: str = "light", **context: Any) -> Any:
        contexts.append(new_context(browser, screen, theme, **context))
        page = contexts[-1].new_page()
        page.goto(host + address, wait_until="load")
        return page

    yield open_
    for context in contexts:
        context.close()


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
    """Visits a page once for each screen and theme; later calls return what was seen then."""

    @functools.cache
    def visited(address: str, screen: str, theme: str) -> Visit:
        return _visit(browser, host, address, screen, theme)

    return lambda address, screen, theme=None: visited(address, screen, theme or THEMES[screen])


def _visit(browser: Any, host: str, address: str, screen: str, theme: str) -> Visit:
    seen = Visit()
    origin = re.match(r"https?://[^/]+/", host)[0]
    context = new_context(browser, screen, theme)
    page = context.new_page()

    def on_request(request: Any) -> None:
        if not request.url.startswith((origin, "data:", "blob:")):
            seen.foreign.append(request.url)

    page.on("request", on_request)
    page.on("requestfailed", lambda request: seen.failed.append(f"{request.url}: {request.failure}"))
    page.on("response", lambda r: r.status >= 400 and seen.failed.append(f"{r.url}: {r.status}"))
    page.on("console", lambda m: m.type in ("error", "warning") and seen.console.append(f"{m.type}: {m.text}"))
    page.on("pageerror", lambda error: seen.console.append(f"exception: {error}"))
    try:
        page.goto(host + address, wait_until="load")
        page.evaluate(FACTS)
        seen.facts = page.evaluate("kexueFacts()")
        page.evaluate(AXE.read_text(encoding="utf-8"))
        seen.violations = page.evaluate("kexueViolations()")
    finally:
        context.close()
    return seen

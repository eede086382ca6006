"""What a page makes the browser load before it can show something: as little as possible, the rest later.

The theme and its extensions ask for eighteen style sheets, 1.5 MB of icons and a dozen scripts before the first line is
shown. When the pages are written, this module gathers the style sheets in one, without what no page uses; keeps only
the icons that are used; puts off every script; lets figures come when the reader does; and lays a compressed copy
beside each large text file.
"""

import gzip
import hashlib
import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from .figures import drop_unused_figures, separated
from .icons import icon_sheet
from .markup import mended
from .stylesheet import pruned, words_of

_SHEET = re.compile(r'[ \t]*<link (?=[^>]*rel="stylesheet")[^>]*href="([^"?]*?)_static/([^"?]+\.css)[^>]*>\n?')
_PACKED = {".css", ".html", ".ipynb", ".js", ".json", ".svg", ".xml"}
_THEME_AT_ONCE = """const mode = localStorage.getItem("mode") || "auto";
    const theme = matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light";
    Object.assign(document.documentElement.dataset, { mode, theme: mode === "auto" ? theme : mode });"""


def _lighten(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None or app.builder.format != "html":
        return
    out = Path(app.outdir)
    pages = {path: path.read_text(encoding="utf-8") for path in _pages(out)}
    sheet = _one_sheet(out, pages)
    for path, page in pages.items():
        pages[path] = separated(mended(light(page, out, sheet)), path, out)
        path.write_text(pages[path], encoding="utf-8")
    drop_unused_figures(out, pages.values())
    _drop_unused(out)
    compress(out)


def _pages(out: Path) -> list[Path]:
    return sorted(path for path in out.rglob("*.html") if path.relative_to(out).parts[0] not in ("_static", "_sources"))


def _one_sheet(out: Path, pages: dict[Path, str]) -> str:
    """Write the style sheet of all pages; return its name with a version."""
    static = out / "_static"
    lists = {tuple(name for _, name in _SHEET.findall(page)) for page in pages.values()} - {("site.css",)}
    if len(lists) != 1:
        raise ExtensionError(f"the pages differ in their style sheets, which stand in one for all: {sorted(lists)}")
    names = [name for name in lists.pop() if "fontawesome" not in name]
    text = "\n".join((static / name).read_text(encoding="utf-8") for name in names)
    # The only sheet that the theme imports; the only address in a sheet is beside it, in _static.
    text = text.replace('@import "../basic.css";', (static / "basic.css").read_text(encoding="utf-8"))
    text = text.replace(r"Font Awesome\ 5 Free", '"Font Awesome 6 Free"')
    if re.search(r"@import|url\(\s*['\"]?\.\./", text):
        raise ExtensionError("a style sheet asks for another file by an address that changes when it is moved")
    scripts = [path.read_text(encoding="utf-8") for path in [*static.glob("*.js"), *static.glob("scripts/*.js")]]
    used = words_of(pages.values(), scripts)
    text = pruned(text, used)
    text = icon_sheet(next(static.glob("vendor/fontawesome/*")), used, [text]) + text
    (static / "site.css").write_text(text, encoding="utf-8")
    return f"site.css?v={hashlib.sha256(text.encode()).hexdigest()[:8]}"


def light(page: str, out: Path, sheet: str) -> str:
    """The page with one style sheet, and with scripts that wait until it is shown."""
    found = _SHEET.search(page)
    if found is None:
        return page
    root = found[1]
    page = (
        _SHEET.sub("", page[: found.start()])
        + f'  <link rel="stylesheet" href="{root}_static/{sheet}" />\n'
        + _SHEET.sub("", page[found.start() :])
    )
    page = re.sub(r'<link rel="preload"[^>]*>\n?', "", page)
    page = re.sub(r"<script [^>]*fontawesome[^>]*></script>\n?", "", page)
    page = re.sub(
        r'(?<=<script data-cfasync="false">)\s*document.*?(?=\s*</script>)',
        lambda _: f"\n    {{ {_THEME_AT_ONCE} }}",
        page,
        flags=re.DOTALL,
    )
    # Inline scripts read the options; they are shorter than a request for them.
    options = (out / "_static" / "documentation_options.js").read_text(encoding="utf-8")
    page = re.sub(
        r"<script [^>]*documentation_options\.js[^>]*></script>", lambda _: f"<script>{options}</script>", page
    )
    page = re.sub(
        r"<script>(window\.MathJax = .*?)</script>\s*<script [^>]*src=\"([^\"]*tex-chtml\.js[^\"]*)\"[^>]*></script>",
        lambda m: (
            f'<script>{m[1]}</script>\n    <script defer src="{root}_static/typeset.js" data-mathjax="{m[2]}"></script>'
        ),
        page,
    )
    return re.sub(r"<script (?=[^>]*\bsrc=)(?![^>]*\b(?:defer|async)\b)", "<script defer ", page)


def _drop_unused(out: Path) -> None:
    """Icons that are in `site.css` now, and the bundles of MathJax that the book does not load."""
    for home in out.glob("_static/vendor/fontawesome/*"):
        for name in ("css", "js", "webfonts"):
            shutil.rmtree(home / name, ignore_errors=True)
    for bundle in [*out.glob("_static/mathjax/tex-*.js"), *out.glob("_static/mathjax/mml-*.js")]:
        if bundle.name != "tex-chtml.js":
            bundle.unlink()


def compress(out: Path) -> None:
    """Beside each text file that is worth it lies ``NAME.gz``; a host may send it instead."""
    for path in out.rglob("*.gz"):
        path.unlink()
    for path in sorted(out.rglob("*")):
        if path.suffix in _PACKED and path.is_file() and "sre" not in path.parts and path.stat().st_size > 1400:
            path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))


def setup(app: Sphinx) -> dict[str, Any]:
    """After everything else that writes pages or files."""
    app.connect("build-finished", _lighten, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

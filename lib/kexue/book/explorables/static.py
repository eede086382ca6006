"""The script and style sheet that bring explorables and animations to life on a static page."""

import html
import re
from importlib.resources import files


def read(name: str) -> str:
    """The text of ``static/NAME``."""
    return files("kexue.book").joinpath("static", name).read_text(encoding="utf-8")


_BEFORE_CONTENT = re.compile(r'<div class="kexue-controls" hidden>(.*?)<script type="application/json">', re.DOTALL)


def standalone(markup: str, scripts: tuple[str, ...] = ()) -> str:
    """A figure's markup for the book, as a notebook's output that brings style and script with it.

    Where a notebook is not trusted, its front end drops scripts and shows the rest: the picture. So the controls, which
    would be dead, come with the script. `scripts` are addresses from which a reader who is online gets Vega.
    """

    def put_away(match: re.Match[str]) -> str:
        controls = html.escape(f'<div class="kexue-controls" hidden>{match[1]}', quote=True)
        return f'<script type="application/json" data-controls="{controls}" data-vega="{" ".join(scripts)}">'

    return (
        f'<style>{read("explorable.css")}</style><div class="kexue-notebook">{_BEFORE_CONTENT.sub(put_away, markup)}'
        f"</div><script>{read('explorable.js')}</script>"
    )


def icon(path: str, name: str) -> str:
    """A 24 × 24 icon in the colour of the text."""
    return f'<svg class="kexue-icon-{name}" viewBox="0 0 24 24" width="18" height="18" aria-hidden="true">{path}</svg>'


KEYS = 'data-lm-suppress-shortcuts="true"'  # on a control, or JupyterLab takes the arrow keys for itself
PLAY = icon('<path d="M8 5.5v13l10.5-6.5z" fill="currentColor"/>', "play")
PAUSE = icon('<path d="M7 5.5h3.5v13H7zM13.5 5.5H17v13h-3.5z" fill="currentColor"/>', "pause")


def vega_bundle() -> str:
    """Vega, Vega-Lite and vega-embed as one classic script without a single third-party request.

    It goes beside ``explorable.js`` under the name ``vega.js``; that script loads it when the first explorable
    comes near the viewport, so that pages without one do not pay for it.
    """
    import vl_convert

    # vl-convert emits top-level `const`s meant for a module. Browsers refuse modules from file:// addresses,
    # and as a plain script they would collide with the page's own names: a function keeps them inside.
    bundle = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return '(function () { "use strict";\n' + bundle + "\n})();\n"

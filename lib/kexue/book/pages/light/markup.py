"""Slips in the markup that the theme and the extensions write, mended in the finished page."""

import html
import re

_MOST = 155  # characters of a description that search engines show
_FORMULA = re.compile(r'<(span|div)[^>]*\bclass="[^"]*\bmath\b[^"]*"[^>]*>.*?</\1>', re.DOTALL)


def mended(page: str) -> str:
    """The page with unique ids, a short title, a description, and whole elements."""
    page = _unique_ids(page)
    page = _viewport_once(page)
    page = _short_title(page)
    page = _described(page)
    # A title for print, on pages that Sphinx generates without one.
    page = re.sub(r"<h1>\s*</h1>", "", page)
    page = _lists_outside_paragraphs(page)
    page = _readers_notebooks(page)
    head = re.compile(r"<thead.*?</thead>", re.DOTALL)
    return head.sub(lambda match: re.sub(r"<th(?=[\s>])(?![^>]*\bscope=)", '<th scope="col"', match[0]), page)


def _unique_ids(page: str) -> str:
    """Only the first element keeps an id that several have; links lead there already.

    sphinx-exercise gives all exercises of a page the same id, and nothing refers to it: these lose it altogether.
    """
    page = re.sub(r'\s+id="(?:exercise|solution)-content"', "", page)
    seen: set[str] = set()

    def first(match: re.Match[str]) -> str:
        if match[2] in seen:
            return match[1]
        seen.add(match[2])
        return match[0]

    tag = re.compile(r"<(script|style)\b.*?</\1>|<[a-zA-Z](?:\"[^\"]*\"|'[^']*'|[^>\"'])*>", re.DOTALL)

    def once(match: re.Match[str]) -> str:
        return match[0] if match[1] else re.sub(r'()\s+id="([^"]+)"', first, match[0])

    return tag.sub(once, page)


def _readers_notebooks(page: str) -> str:
    """The theme's buttons open a chapter's source, which is written for Sphinx; readers have notebooks of their own."""
    page = re.sub(r'(?<=href=")(https://(?:colab|mybinder)[^"]*/)chapters(?=/[^"]*\.ipynb")', r"\1notebooks", page)
    return re.sub(r'(?<=href=")([^":]*)_sources/chapters(?=/[^"]*\.ipynb")', r"\1downloads", page)


def _viewport_once(page: str) -> str:
    metas = re.findall(r'\s*<meta name="viewport"[^>]*>', page)
    for extra in metas[1:]:
        page = "".join(page.rsplit(extra, 1))
    return page


def _short_title(page: str) -> str:
    """`Page — Kexue`; the cover keeps the whole title."""

    def short(match: re.Match[str]) -> str:
        name = match[1].split(" - Kexue")[0]
        return name if name.startswith("Kexue") else f"{name} &#8212; Kexue"

    return re.sub(r"(?<=<title>)(.*?) &#8212; Kexue\b[^<]*(?=</title>)", short, page)


def _lists_outside_paragraphs(page: str) -> str:
    """`<p><ul>…</ul></p>` is no paragraph for a browser, which closes it at once."""
    return re.sub(r'<p>(<ul class="simple">(?:(?!</dd>).)*?</ul>\s*)</p>(?=\s*</dd>)', r"\1", page, flags=re.DOTALL)


def _described(page: str) -> str:
    """Add what search engines show below the title: the page's own summary, or its first paragraph."""
    if '<meta name="description"' in page or "</title>" not in page:
        return page
    text = description(page)
    return page.replace("</title>", f'</title>\n    <meta name="description" content="{html.escape(text)}" />', 1)


def description(page: str) -> str:
    """One to three plain sentences about a page, without a formula; never cut within a word."""
    given = re.search(r'<meta property="og:description" content="([^"]*)"', page)
    if given and not given[1].endswith("..."):
        return html.unescape(given[1])
    article = re.search(r"<article.*?</article>", page, re.DOTALL)
    title = re.search(r"<title>(.*?)(?: &#8212;[^<]*)?</title>", page)
    paragraphs = (
        re.findall(
            r"<p>(.*?)</p>",
            re.sub(r"<(aside|script|table|figure)\b.*?</\1>", "", article[0], flags=re.DOTALL),
            re.DOTALL,
        )
        if article
        else []
    )
    whole = ""
    for paragraph in paragraphs:
        for sentence in re.split(r"(?<=[.?!])\s+", paragraph):
            if _FORMULA.search(sentence) or "\\(" in sentence:
                break
            plain = " ".join(html.unescape(re.sub(r"<[^>]+>", "", sentence)).split())
            if len(whole) + len(plain) >= _MOST:
                return whole.strip() or _cut(plain)
            whole += f"{plain} "
        if len(whole) > 60:
            break
    return (
        whole.strip()
        or f"{html.unescape(title[1]) if title else ''}: a page of Kexue, an executable companion to Scientific Spaces."
    )


def _cut(text: str) -> str:
    return text[:_MOST].rsplit(" ", 1)[0].rstrip(",;:") + " …"

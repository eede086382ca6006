"""The style sheets of all extensions as one, without the rules that no page of the book can use."""

import re
from collections.abc import Iterable, Iterator

_COMMENT_OR_STRING = re.compile(r"""/\*.*?\*/|("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')""", re.DOTALL)
_TOKEN = re.compile(r"""\\.|"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|url\(\s*(?!["'])[^)]*\)|[{};]""", re.DOTALL)
_NAME = re.compile(r"[.#](-?[A-Za-z_](?:\\.|[\w-])*)")
_NESTED = ("@media", "@supports", "@layer", "@container")


def pruned(css: str, used: set[str]) -> str:
    """`css` without comments and without selectors that ask for a class or an id that is not in `used`."""
    return _pruned(_COMMENT_OR_STRING.sub(lambda match: match[1] or "", css), used)


def _pruned(css: str, used: set[str]) -> str:
    kept = []
    for head, body in _rules(css):
        if body is None:
            kept.append("" if head.startswith("@charset") else f"{head};")
        elif head.startswith(_NESTED):
            inner = _pruned(body, used)
            kept.append(f"{head}{{{inner}}}" if inner else "")
        elif head.startswith("@"):
            kept.append(f"{head}{{{body.strip()}}}")
        else:
            selectors = [selector for selector in _selectors(head) if _can_match(selector, used)]
            kept.append(f"{','.join(selectors)}{{{body.strip()}}}" if selectors and body.strip() else "")
    return "\n".join(filter(None, kept))


def _rules(css: str) -> Iterator[tuple[str, str | None]]:
    """The rules of the outermost level: what stands before the brace, and what stands between the braces."""
    start = inner = depth = 0
    head = ""
    for token in _TOKEN.finditer(css):
        if token[0] == "{":
            if depth == 0:
                head, inner = css[start : token.start()].strip(), token.end()
            depth += 1
        elif token[0] == "}":
            depth -= 1
            if depth == 0:
                yield head, css[inner : token.start()]
                start = token.end()
        elif token[0] == ";" and depth == 0:
            yield css[start : token.start()].strip(), None
            start = token.end()


def _selectors(head: str) -> Iterator[str]:
    """The list of selectors, split at the commas that stand in no bracket."""
    depth, start = 0, 0
    for i, letter in enumerate(head):
        depth += (letter in "([") - (letter in ")]")
        if letter == "," and depth == 0:
            yield head[start:i].strip()
            start = i + 1
    yield head[start:].strip()


def _can_match(selector: str, used: set[str]) -> bool:
    """Whether all its classes and ids occur; what stands in brackets (`:not(.a)`, `[href="#b"]`) is not looked at."""
    count = 1
    while count:
        selector, count = re.subn(r"\([^()]*\)|\[[^\[\]]*\]", "", selector)
    return all(name.replace("\\", "") in used for name in _NAME.findall(selector))


def words_of(pages: Iterable[str], scripts: Iterable[str]) -> set[str]:
    """Every class and id that the pages name, and every word of the scripts, which may add more."""
    used: set[str] = set()
    for page in pages:
        for value in re.findall(r"""\s(?:class|id)\s*=\s*(?:"([^"]*)"|'([^']*)')""", page):
            used.update("".join(value).split())
        for script in re.findall(r"<script(?![^>]*json)[^>]*>(.*?)</script>", page, re.DOTALL):
            used.update(re.findall(r"[\w-]+", script))
    for script in scripts:
        used.update(re.findall(r"[\w-]+", script))
    return used

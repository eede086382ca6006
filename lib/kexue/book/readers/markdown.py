"""The Markdown of a chapter, which is written for Sphinx, as Markdown that a plain Jupyter shows.

Prose and formulas stay letter by letter. What only Sphinx understands is replaced by what it stands for: roles by
numbers and links, labels by `\\tag`, exercises by headings, what is folded by `<details>`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

# A role, or code, which is left alone: a fence without a directive, or what stands between backquotes.
_ROLE_OR_CODE = re.compile(
    r"\{(?P<role>\w+(?::\w)?)\}`(?P<text>[^`]+)`|^(?P<fence>`{3,}|~{3,})(?!\{).*?^(?P=fence)[ \t]*$|(?P<quote>`+).+?(?<!`)(?P=quote)(?!`)",
    re.DOTALL | re.MULTILINE,
)
_FENCE = re.compile(r"^(`{3,}|:{3,})\{([\w-]+)\}[ \t]*(.*?)[ \t]*\n(.*?)^\1[ \t]*$", re.DOTALL | re.MULTILINE)
_OPTION = re.compile(r"^:(\w+):[ \t]*(.*)\n", re.MULTILINE)
_LABEL = re.compile(r"\$\$(?!\$)((?:(?!\$\$).)+?)\s*\$\$[ \t]*\(([\w-]+)\)", re.DOTALL)
_LINK = re.compile(r"(?<=\]\()([^)#:\s]+)(?=\))")
_ATTRIBUTES = re.compile(r"^\{\.figure-caption(?:\s+#[\w-]+)?\}[ \t]*\n", re.MULTILINE)
# What is left of Sphinx's Markdown when nothing above knew it.
_RAW = re.compile(
    r"\{[\w:-]+\}`|^(?:`{3,}|:{3,})\{.*|^\{[.#].*\}[ \t]*$|^\([\w-]+\)=[ \t]*$|\$\$[ \t]*\([\w-]+\)[ \t]*$",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Source:
    """An entry of the bibliography: `authors` as the text names them, and where the work, or else its entry, is."""

    authors: str
    year: str
    address: str


@dataclass(frozen=True)
class Known:
    """What Sphinx has resolved for one chapter: numbers by label, addresses by name.

    `figures` are all numbers of the chapter's figures in the order of the page, `terms` are in lower case, `pages` go
    by document.
    """

    docname: str
    page: str
    equations: dict[str, str] = field(default_factory=dict)
    figures: tuple[str, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)
    exercises: dict[str, str] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)
    sources: dict[str, Source] = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)


class Raw(ValueError):
    """A piece of Markdown that only Sphinx can show, and that has no counterpart here."""


def inline(text: str, known: Known) -> str:
    """Prose with formulas and code: its roles, labels and links resolved.

    Raises
    ------
    Raw
        A piece of Markdown that only Sphinx can show, and that has no counterpart here.
    """
    kept: list[str] = []

    def resolve(match: re.Match[str]) -> str:
        if match["role"]:
            return _role(match["role"], match["text"], known)
        kept.append(match[0])
        return f"\0{len(kept) - 1}\0"

    text = _ROLE_OR_CODE.sub(resolve, text)
    text = _LABEL.sub(lambda m: f"$${m[1]} \\tag{{{_get(known.equations, m[2], 'equation')}}}$$", text)
    text = _LINK.sub(lambda m: _page(m[1], known), text)
    if left := _RAW.search(text):
        raise Raw(f"{known.docname}: {left[0]!r} has no form in a reader's notebook")
    return re.sub("\0(\\d+)\0", lambda m: kept[int(m[1])], text)


def blocks(text: str, known: Known, card: str, number: Callable[[], str]) -> str:
    """A piece of a chapter: its directives and everything inline.

    `card` replaces the card of the post, `number()` is the number of the next figure, for captions that stand in the
    text.
    """

    def directive(match: re.Match[str]) -> str:
        name, title, body = match[2], match[3], _OPTION.sub("", match[4])
        inside = _FENCE.sub(directive, body).strip()
        if name == "post-card":
            return card
        if name == "exercise":
            label = dict(_OPTION.findall(match[4]))["label"]
            return f"### Exercise {_get(known.exercises, label, 'exercise')}: {title}\n\n{inside}"
        if name == "dropdown":
            return details(title, inside)
        if name == "admonition":
            return "\n".join(f"> {line}".rstrip() for line in f"**{title}**\n\n{inside}".splitlines())
        raise Raw(f"{known.docname}: the directive {name!r} has no form in a reader's notebook")

    text = _FENCE.sub(directive, text).strip()
    return inline(_ATTRIBUTES.sub(lambda _: f"**Figure {number()}.** ", text), known)


def details(title: str, text: str) -> str:
    """Text that a click unfolds; with empty lines around it, or it would not be read as Markdown."""
    return f"<details><summary>{title}</summary>\n\n{text.strip()}\n\n</details>"


def _role(name: str, text: str, known: Known) -> str:
    if name == "eq":
        return f"({_get(known.equations, text, 'equation')})"
    if name == "numref":
        return f"Figure {_get(known.labels, text, 'figure')}"
    if name == "term":
        words, _, target = text.rstrip(">").partition("<")
        return f"[{words.strip()}]({_get(known.terms, (target or words).strip().lower(), 'term')})"
    if name in ("cite:p", "cite:t"):
        found = [_get(known.sources, key.strip(), "source") for key in text.split(",")]
        if name == "cite:t":
            return " and ".join(f"[{s.authors} ({s.year})]({s.address})" for s in found)
        return f"({'; '.join(f'[{s.authors}, {s.year}]({s.address})' for s in found)})"
    raise Raw(f"{known.docname}: the role {name!r} has no form in a reader's notebook")


def _page(target: str, known: Known) -> str:
    place = known.docname.split("/")[:-1]
    for step in target.removesuffix(".ipynb").removesuffix(".md").split("/"):
        if step == "..":
            place.pop()
        else:
            place.append(step)
    return _get(known.pages, "/".join(place), "page")


def _get(found: dict[str, Any], name: str, kind: str) -> Any:
    try:
        return found[name]
    except KeyError:
        raise Raw(f"there is no {kind} {name!r}") from None

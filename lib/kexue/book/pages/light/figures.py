"""What figures show, in files of their own: a page is read before its figures are looked at.

Half of a chapter's markup would otherwise be the numbers of its explorables and the frames of its animations, which a
browser has to receive before it shows the first line.
"""

import base64
import hashlib
import os
import re
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

FOLDER = "_static/figures"
_CONTENT = re.compile(r'<script type="application/json">(.*?)</script>', re.DOTALL)
_INLINE = re.compile(r'(?<=src=")data:image/(svg\+xml|webp|png);base64,([^"]+)')
_IMAGE = re.compile(r"<img (?=[^>]*\bsrc=)[^>]*>")
_POINT = 4 / 3  # pixels


def separated(page: str, path: Path, out: Path) -> str:
    """The page at `path` without the contents of its figures, which now lie below `out`.

    Contents become scripts, because a page that is opened from a disk may fetch nothing else. A file is named by what
    it holds, so that a browser may keep it for ever and no page sees another's.
    """

    def write(content: str | bytes, suffix: str) -> str:
        octets = content.encode() if isinstance(content, str) else content
        name = hashlib.sha256(octets).hexdigest()[:16]
        if suffix == ".js":
            octets = b'(window.kexueContents ??= {})["' + name.encode() + b'"] = ' + octets + b";\n"
        target = out / FOLDER / (name + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(octets)
        return Path(os.path.relpath(target, path.parent)).as_posix()

    page = _CONTENT.sub(lambda m: f'<script type="application/json" data-src="{write(m[1], ".js")}"></script>', page)
    page = _INLINE.sub(lambda m: write(base64.b64decode(m[2]), f".{m[1].removesuffix('+xml')}"), page)
    return _lazy_images(page, path)


def _lazy_images(page: str, path: Path) -> str:
    """Pictures come when the reader does, the first of the text at once; all have their size before they come."""
    head, opening, text = page.partition("<article")
    count = 0

    def lazy(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        tag = match[0]
        source = re.search(r'\bsrc="([^":]+\.svg)"', tag)
        if source and not re.search(r"\b(?:width|style)=", tag):
            tag = tag.replace("<img ", "<img " + _size(path.parent / source[1]), 1)
        return tag if count == 1 or "loading=" in tag else tag.replace("<img ", '<img loading="lazy" ', 1)

    return head + opening + _IMAGE.sub(lazy, text)


def _size(picture: Path) -> str:
    """Width and height of a picture in points or pixels, as attributes."""
    root = ElementTree.parse(picture).getroot()
    sizes = []
    for name in ("width", "height"):
        number = re.fullmatch(r"([\d.]+)(pt|px|)", root.get(name, ""))
        if number is None:
            return ""
        sizes.append(f'{name}="{round(float(number[1]) * (_POINT if number[2] == "pt" else 1))}" ')
    return "".join(sizes)


def drop_unused_figures(out: Path, pages: Iterable[str]) -> None:
    """Delete the contents that no page asks for any more."""
    text = "\n".join(pages)
    for file in (out / FOLDER).glob("*"):
        if file.name not in text:
            file.unlink()

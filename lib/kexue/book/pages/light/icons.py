"""The theme's icons, cut down to those that the pages show: one small style sheet, with its fonts inside."""

import base64
import io
import logging
import re
from collections.abc import Iterable
from pathlib import Path

# Each style of the icons: how markup asks for it, its font, that font's weight and family.
_STYLES = {
    "solid": (".fas,.fa-solid", "fa-solid-900", 900, "Font Awesome 6 Free"),
    "regular": (".far,.fa-regular", "fa-regular-400", 400, "Font Awesome 6 Free"),
    "brands": (".fab,.fa-brands", "fa-brands-400", 400, "Font Awesome 6 Brands"),
}
_FRAME = """.fab,.far,.fas,.fa-brands,.fa-regular,.fa-solid{display:inline-block;min-width:1em;font-style:normal;\
font-variant:normal;line-height:1;text-align:center;text-rendering:auto;-webkit-font-smoothing:antialiased}
.fa-lg{line-height:.05em;vertical-align:-.075em}
"""


def icon_sheet(home: Path, words: set[str], styles: Iterable[str]) -> str:
    """The style sheet of the icons that are used.

    Parameters
    ----------
    home : Path
        The theme's folder of Font Awesome, with `css/all.min.css` and `webfonts/*.ttf`.
    words : set of str
        The words of pages and scripts; ``fa-sun`` among them asks for that icon.
    styles : iterable of str
        The site's own style sheets: a character that one of them writes as ``"\\f107"`` is kept as well.

    Raises
    ------
    ValueError
        If no icon is found, or one that is used has no character in any of the fonts.
    """
    from fontTools import subset
    from fontTools.ttLib import TTFont

    logging.getLogger("fontTools").setLevel(logging.WARNING)
    known: dict[str, int] = {}
    for names, code in re.findall(
        r'((?:\.fa-[\w-]+:before,?)+)\{content:"\\([0-9a-f]+)"\}', _text(home / "css/all.min.css")
    ):
        known |= dict.fromkeys(re.findall(r"\.(fa-[\w-]+):", names), int(code, 16))
    used = {name: known[name] for name in sorted(words & set(known))}
    if not used:
        raise ValueError(f"{home} and the pages have no icon in common: has the theme changed its icons?")
    wanted = set(used.values()) | {int(code, 16) for text in styles for code in re.findall(r'"\\(f[0-9a-f]{3})"', text)}
    sheet, found = [_FRAME], set()
    for style, (selector, file, weight, family) in _STYLES.items():
        font = TTFont(home / "webfonts" / f"{file}.ttf")
        here = wanted & set(font.getBestCmap())
        found |= here
        if not here:
            continue
        options = subset.Options(flavor="woff", hinting=False, layout_features=[], name_IDs=[], notdef_outline=False)
        cutter = subset.Subsetter(options)
        cutter.populate(unicodes=here)
        cutter.subset(font)
        font.flavor, packed = "woff", io.BytesIO()
        font["head"].modified = font["head"].created  # the same icons, the same bytes
        font.recalcTimestamp = False
        font.save(packed)
        data = base64.b64encode(packed.getvalue()).decode()
        sheet.append(
            f'@font-face{{font-family:"{family}";font-weight:{weight};font-display:block;src:url(data:font/woff;base64,{data})}}\n'
            f':root{{--fa-font-{style}:normal {weight} 1em/1 "{family}"}}\n'
            f'{selector}{{font-family:"{family}";font-weight:{weight}}}\n'
        )
    if wanted - found:
        raise ValueError(f"icons without a picture in any font: {sorted(map(hex, wanted - found))}")
    sheet += [f'.{name}:before{{content:"\\{code:x}"}}\n' for name, code in used.items()]
    return "".join(sheet)


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")

"""Which icons are kept, with which pictures, from three small fonts and a sheet written by hand."""

import base64
import io
import re

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont

from kexue.book.pages.light.icons import icon_sheet

FONTS = {
    "fa-solid-900": [0xF005, 0xF015, 0xF107, 0xF185, 0xF186],
    "fa-regular-400": [0xF005, 0xF186],
    "fa-brands-400": [0xF09B, 0xF099],
}
SHEET = (
    r'.fas{font-weight:900}.fa-sun:before{content:"\f185"}.fa-moon:before{content:"\f186"}.fa-lost:before{content:"\f1ff"}'
    r'.fa-home:before,.fa-house:before{content:"\f015"}.fa-star:before{content:"\f005"}'
    r'.fa-github:before{content:"\f09b"}.fa-twitter:before{content:"\f099"}'
)


def triangle(height):
    pen = TTGlyphPen(None)
    pen.moveTo((0, 0))
    pen.lineTo((0, height))
    pen.lineTo((100, 0))
    pen.closePath()
    return pen.glyph()


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Fonts in which the picture of a character is a triangle, as high as the last three digits of its code."""
    home = tmp_path_factory.mktemp("fontawesome")
    for folder in ("css", "webfonts"):
        (home / folder).mkdir()
    (home / "css" / "all.min.css").write_text(SHEET)
    for file, codes in FONTS.items():
        glyphs = {".notdef": triangle(1)} | {f"u{code:x}": triangle(code & 0xFFF) for code in codes}
        font = FontBuilder(1000, isTTF=True)
        font.setupGlyphOrder(list(glyphs))
        font.setupCharacterMap({code: f"u{code:x}" for code in codes})
        font.setupGlyf(glyphs)
        font.setupHorizontalMetrics(dict.fromkeys(glyphs, (500, 0)))
        font.setupHorizontalHeader(ascent=900, descent=-100)
        font.setupOS2()
        font.setupPost()
        font.setupNameTable({"familyName": file, "styleName": "Regular"})
        font.save(home / "webfonts" / f"{file}.ttf")
    return home


def fonts_in(sheet):
    """Of each font inside the sheet, its weight and its characters with the heights of their pictures, in order."""
    for weight, data in re.findall(r"@font-face\{[^}]*font-weight:(\d+);[^}]*base64,([\w+/=]+)\)\}", sheet):
        font = TTFont(io.BytesIO(base64.b64decode(data)))
        yield int(weight), {code: font["glyf"][name].yMax for code, name in font.getBestCmap().items()}


def rules_in(sheet):
    return re.findall(r"^\.fa-[\w-]+:before.*$", sheet, re.MULTILINE)


def test_exactly_the_icons_in_use_are_kept_in_order(home):
    words = {"fa-sun", "fa-star", "fa-home", "fa-house", "fa-github", "fa-unheard-of", "twitter", "moon"}
    sheet = icon_sheet(home, words, [r'.menu::after{content:"\f107"} .not{content:"f186"}'])
    assert list(fonts_in(sheet)) == [
        (900, {0xF005: 0x005, 0xF015: 0x015, 0xF107: 0x107, 0xF185: 0x185}),
        (400, {0xF005: 0x005}),
        (400, {0xF09B: 0x09B}),
    ]
    # The character that a style sheet asks for needs no rule here.
    assert rules_in(sheet) == [
        r'.fa-github:before{content:"\f09b"}',
        r'.fa-home:before{content:"\f015"}',
        r'.fa-house:before{content:"\f015"}',
        r'.fa-star:before{content:"\f005"}',
        r'.fa-sun:before{content:"\f185"}',
    ]
    assert re.findall(r'^(\.[\w.,-]+)\{font-family:"([^"]+)";font-weight:(\d+)\}$', sheet, re.MULTILINE) == [
        (".fas,.fa-solid", "Font Awesome 6 Free", "900"),
        (".far,.fa-regular", "Font Awesome 6 Free", "400"),
        (".fab,.fa-brands", "Font Awesome 6 Brands", "400"),
    ]
    # A rule of the frame, of a font, or of an icon: the later one wins, so they stand in this order.
    assert sheet.index("display:inline-block") < sheet.index("@font-face") < sheet.rindex("@font-face")
    assert sheet.rindex("@font-face") < sheet.index(".fa-github:before")


def test_a_font_without_an_icon_in_use_is_left_out(home):
    sheet = icon_sheet(home, {"fa-twitter"}, [])
    assert list(fonts_in(sheet)) == [(400, {0xF099: 0x099})]
    assert rules_in(sheet) == [r'.fa-twitter:before{content:"\f099"}']
    assert "Free" not in sheet and "--fa-font-brands:normal 400" in sheet


def test_missing_icons_are_named(home):
    with pytest.raises(ValueError, match="the pages have no icon in common"):
        icon_sheet(home, {"fa-unheard-of"}, [r'"\f107"'])
    with pytest.raises(ValueError, match=r"icons without a picture in any font: \['0xf1ff'\]"):
        icon_sheet(home, {"fa-sun", "fa-lost"}, [])

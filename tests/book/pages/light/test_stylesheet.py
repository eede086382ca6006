"""Which rules of a style sheet are kept, against sheets pruned by hand."""

import pytest

from kexue.book.pages.light.stylesheet import pruned, words_of

SHEET = r"""@charset "utf-8";
@import url("beside.css");
/* .used{color:red} said in a comment */
.used { color: red }
.unused { color: blue }
#used-id > p.used::after { content: "}.unused{;/* no comment */" }
#unused-id { margin: 0 }
.used, .unused, h1:is(.used, .unused) , .used .unused { a: b; }
.unused, .used.unused { a: c }
.used:hover, .unused:hover { a: d }
p:not(.unused) { a: e }
a[href="#unused-id"], a[title=".unused,b"] , .unused[href] { a: f }
.w-50\%, .w-75\% { width: 50% }
@media (min-width: 9px) { .unused { a: g } @supports (a: b) { .used, .unused { a: h } } .used { a: i } }
@media print { .unused { a: j } }
@font-face { font-family: F; src: url(data:font/woff;base64,a}b;c) }
@keyframes unused { from { a: k } to { a: l } }
.used {}
.used { color: green }
.used { color: red }
table { a: m }
"""
USED = {"used", "used-id", "w-50%"}
PRUNED = r"""@import url("beside.css");
.used{color: red}
#used-id > p.used::after{content: "}.unused{;/* no comment */"}
.used,h1:is(.used, .unused){a: b;}
.used:hover{a: d}
p:not(.unused){a: e}
a[href="#unused-id"],a[title=".unused,b"]{a: f}
.w-50\%{width: 50%}
@media (min-width: 9px){@supports (a: b){.used{a: h}}
.used{a: i}}
@font-face{font-family: F; src: url(data:font/woff;base64,a}b;c)}
@keyframes unused{from { a: k } to { a: l }}
.used{color: green}
.used{color: red}
table{a: m}"""


def test_exactly_the_rules_that_can_match_are_kept_in_their_order():
    assert pruned(SHEET, USED).splitlines() == PRUNED.splitlines()


def test_nothing_is_lost_when_everything_is_used():
    rules = [".a{x: y}", "@media print{.b,.c:focus{x: z}}", "#d{x: y}", ".a{x: w}"]
    assert pruned("".join(rules), set("abcd")).splitlines() == rules
    assert pruned("".join(rules), set()) == ""


@pytest.mark.parametrize(
    ("pages", "scripts", "used"),
    [
        (['<p class="one two"\n id=three>', "<a data-class='four' CLASS='x' id='five'>"], [], {"one", "two", "five"}),
        (["<p\nclass = 'six\n seven'>class</p>"], [], {"six", "seven"}),
        (
            ['<script src="a.js">add("eight-9")</script><script type="x/json">{"ten": 1}</script>'],
            [],
            {"add", "eight-9"},
        ),
        ([], ["e.classList.add(`is-${open}`)"], {"e", "classList", "add", "is-", "open"}),
    ],
)
def test_used_is_what_markup_names_and_every_word_of_a_script(pages, scripts, used):
    assert words_of(pages, scripts) == used

"""What only Sphinx understands, word by word, against what a reader should see."""

import pytest

from kexue.book.readers.markdown import Known, Raw, Source, blocks, inline

KNOWN = Known(
    docname="chapters/part/here",
    page="https://book/chapters/part/here.html",
    equations={"eq-step": "3.1", "eq-flow": "3.2"},
    figures=("3.1", "3.2"),
    labels={"fig-a": "3.1"},
    exercises={"ex-a": "3.4"},
    terms={"heavy ball": "https://book/glossary.html#ball", "r-hat": "https://book/glossary.html#r"},
    sources={
        "one1990": Source("One", "1990", "https://doi.org/1"),
        "two2000": Source("One and Two", "2000", "https://doi.org/2"),
    },
    pages={"chapters/part/next": "https://book/next.html", "chapters/other/far": "https://book/far.html"},
)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("By {eq}`eq-step` and {eq}`eq-flow`.", "By (3.1) and (3.2)."),
        ("In {numref}`fig-a` it falls.", "In Figure 3.1 it falls."),
        ("A {term}`heavy ball` rolls", "A [heavy ball](https://book/glossary.html#ball) rolls"),
        ("two {term}`balls <heavy ball>`", "two [balls](https://book/glossary.html#ball)"),
        ("{term}`R-hat`", "[R-hat](https://book/glossary.html#r)"),
        ("Known {cite:p}`one1990`.", "Known ([One, 1990](https://doi.org/1))."),
        ("{cite:p}`one1990,two2000`", "([One, 1990](https://doi.org/1); [One and Two, 2000](https://doi.org/2))"),
        ("{cite:t}`two2000` found", "[One and Two (2000)](https://doi.org/2) found"),
        ("$$a=b$$ (eq-step)", r"$$a=b \tag{3.1}$$"),
        ("$$\na=b\n$$ (eq-flow)\n\nand $$c$$", "$$\na=b \\tag{3.2}$$\n\nand $$c$$"),
        (
            "the [next](next), a [far one](../other/far)",
            "the [next](https://book/next.html), a [far one](https://book/far.html)",
        ),
        (
            "the [post](https://kexue.fm/archives/1) and [above](#here)",
            "the [post](https://kexue.fm/archives/1) and [above](#here)",
        ),
        ("`x` and {eq}`eq-step`, `y`", "`x` and (3.1), `y`"),
        ("write `{eq}` or ``{eq}`eq-step` ``", "write `{eq}` or ``{eq}`eq-step` ``"),
        (r"$\{x\}$ in {eq}`eq-step`", r"$\{x\}$ in (3.1)"),
    ],
)
def test_inline(written, read):
    assert inline(written, KNOWN) == read


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{eq}`eq-gone`", "no equation 'eq-gone'"),
        ("{term}`nobody`", "no term 'nobody'"),
        ("{cite:p}`one1990,three`", "no source 'three'"),
        ("[gone](nowhere)", "no page 'chapters/part/nowhere'"),
        ("{doc}`x`", "the role 'doc'"),
        ("(a-target)=\n# Title", "a-target"),
        ("{.lead}\nText", "lead"),
        ("```{note} Mind\nthis\n```", "the directive 'note'"),
    ],
)
def test_nothing_is_left_raw_in_silence(written, said):
    with pytest.raises(Raw, match=said):
        blocks(written, KNOWN, "", lambda: "3.1")


def test_exercises_are_headings_and_hints_unfold():
    written = (
        "Now you.\n\n````{exercise} Which $\\alpha$?\n:label: ex-a\nUse {eq}`eq-step`:\n\n"
        "```{dropdown} Hint\nLook at {term}`balls <heavy ball>`.\n```\n````\n\nDone."
    )
    assert blocks(written, KNOWN, "", lambda: "") == (
        "Now you.\n\n### Exercise 3.4: Which $\\alpha$?\n\nUse (3.1):\n\n"
        "<details><summary>Hint</summary>\n\nLook at [balls](https://book/glossary.html#ball).\n\n</details>\n\nDone."
    )


def test_card_caption_admonition_and_code():
    numbers = iter(["3.1"])
    assert blocks("# T\n\n```{post-card} part/here\n```\n", KNOWN, "The card.", numbers.__next__) == "# T\n\nThe card."
    caption = "{.figure-caption #fig-b}\nLeft: {eq}`eq-step`."
    assert blocks(caption, KNOWN, "", numbers.__next__) == "**Figure 3.1.** Left: (3.1)."
    admonition = "```{admonition} A theorem\nFirst.\n\nSecond {eq}`eq-flow`.\n```"
    assert blocks(admonition, KNOWN, "", lambda: "") == "> **A theorem**\n>\n> First.\n>\n> Second (3.2)."
    code = "So:\n\n```python\nf = {eq}`eq-step`\n```"
    assert blocks(code, KNOWN, "", lambda: "") == code

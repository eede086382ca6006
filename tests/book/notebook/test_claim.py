import math
import os
import re
import subprocess
import sys
import textwrap
from decimal import Decimal
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexue.book import ClaimError, claim
from kexue.book.notebook.claim import introduced
from kexue.book.notebook.show import figure_html, figure_of, mathematics


def test_a_true_claim_returns_its_record(capsys):
    held = claim("one half", jnp.float32(0.5), below=1, relation="confirms")
    assert (held.value, held.bound, held.relation) == (0.5, "below 1", "confirms")
    assert capsys.readouterr().out == "✓ one half: 0.5 (below 1)\n"


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        (1.0, {"below": 1.0}),
        (1.0, {"above": 1.0}),
        (2.0, {"above": 0.0, "below": 2.0}),
        (2.1001, {"between": (1.9, 2.1)}),
        (0.502, {"equals": 0.5, "tolerance": 0.001}),
    ],
)
def test_a_false_claim_raises_with_statement_value_and_bound(value, bound):
    with pytest.raises(ClaimError, match=r"the statement .*value .*should be") as error:
        claim("the statement", value, **bound)
    assert f"{value:.6g}" in str(error.value)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, np.float32("nan")])
def test_a_claim_must_be_finite(value):
    with pytest.raises(ClaimError, match="not finite"):
        claim("statement", value, above=-1e9)


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ({}, "needs a bound"),
        ({"below": 1, "equals": 1, "tolerance": 1}, "contradictory"),
        ({"between": (0, 1), "above": 0}, "contradictory"),
        ({"above": 2, "below": 1}, "contradictory"),
        ({"between": (2, 1)}, "contradictory"),
        ({"between": (1, 2, 3)}, "pair"),
        ({"equals": 1}, "go together"),
        ({"tolerance": 1, "below": 3}, "go together"),
        ({"equals": 1, "tolerance": -1}, "negative"),
        ({"below": math.nan}, "below must be finite"),
    ],
)
def test_a_nonsensical_bound_is_refused(bound, message):
    with pytest.raises(ValueError, match=message):
        claim("statement", 1.0, **bound)


def test_an_array_where_one_number_is_meant():
    with pytest.raises(ValueError, match=r"one number, not an array of shape \(3,\)"):
        claim("statement", jnp.zeros(3), below=1)


@pytest.mark.parametrize(
    "value",
    [0.5, Fraction(1, 2), Decimal("0.5"), np.float16(0.5), np.array(0.5), np.array(Fraction(1, 2), dtype=object)]
    + [jnp.array(0.5), jnp.bfloat16(0.5), jnp.array(0.5, jnp.bfloat16), jnp.array(0.5, jnp.float8_e5m2)],
)
def test_any_real_scalar_is_a_number(value, capsys):
    assert claim("one half", value, equals=value, tolerance=Fraction(1, 100)).value == 0.5
    assert capsys.readouterr().out == "✓ one half: 0.5 (0.5 ± 0.01)\n"


def test_integers_of_any_length(capsys):
    assert claim("long", 10**30, below=Decimal("1e31"), above=np.int64(3)).value == 1e30
    with pytest.raises(ClaimError, match="not finite"):
        claim("too long", 10**400, above=1)


@pytest.mark.parametrize(
    ("value", "bound", "shown"),
    [
        (0.99999999, {"below": 1}, "0.99999999 (below 1)"),
        (0.99996, {"below": 1}, "0.99996 (below 1)"),
        (1.00000001, {"above": 1}, "1.00000001 (above 1)"),
        (-0.99999999, {"above": -1, "below": 0}, "-0.99999999 (above -1, below 0)"),
        (1234.7, {"below": 1235}, "1234.7 (below 1235)"),
        (99999.7, {"below": 100000}, "99999.7 (below 1e5)"),
        (9.9999e-7, {"below": 1e-6}, "9.9999e-7 (below 1e-6)"),
        (0.00099999, {"below": 1e-3}, "9.9999e-4 (below 0.001)"),
        (0.12343, {"below": 0.12344}, "0.1234 (below 0.12344)"),
        (0.123461, {"below": 0.12346789}, "0.12346 (below 0.1235)"),
        (2.10004, {"between": (1.9, 2.10004)}, "2.1 (between 1.9 and 2.10004)"),
        (2.10006, {"between": (2.10006, 3)}, "2.1 (between 2.1 and 3)"),
        (2.00004, {"between": (2.00003, 3.0)}, "2 (between 2 and 3)"),
        (0.50099, {"equals": 0.5, "tolerance": 0.001}, "0.501 (0.5 ± 0.001)"),
        (6.28350, {"equals": 6.2834999, "tolerance": 1e-6}, "6.2835 (6.2834999 ± 1e-6)"),
        (100.00049, {"equals": 100, "tolerance": 0.0005}, "100 (100 ± 5e-4)"),
        (100.049, {"equals": 100.04896, "tolerance": 0.0005}, "100.049 (100.04896 ± 5e-4)"),
        (0.25, {"equals": 0.25, "tolerance": 0}, "0.25 (0.25 ± 0)"),
        (-0.0, {"below": 1}, "0 (below 1)"),
    ],
)
def test_the_figure_is_seen_inside_its_bound(value, bound, shown, capsys):
    claim("figure", value, **bound)
    assert capsys.readouterr().out == f"✓ figure: {shown}\n"


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.floats(-1e8, 1e8), st.floats(1e-12, 1e3), st.floats(-1, 1))
def test_every_figure_is_seen_inside_its_bound(centre, radius, place):
    """The printed words are read back, in exact decimals."""
    value = centre + place * radius
    low, high = np.nextafter(centre - radius, -np.inf), np.nextafter(centre + radius, np.inf)
    if abs(value - centre) <= radius:
        held = claim("s", value, equals=centre, tolerance=radius)
        figure, middle, plus_minus = map(Decimal, re.findall(r"-?[\d.]+(?:e-?\d+)?", repr(held)))
        assert abs(figure - middle) <= plus_minus
        assert abs(float(figure) - value) <= 5.1e-3 * abs(value)
    if low < value < high:
        figure, above, below = map(
            Decimal, re.findall(r"-?[\d.]+(?:e-?\d+)?", repr(claim("s", value, above=low, below=high)))
        )
        assert above < figure < below and above <= Decimal(repr(float(low))) and below >= Decimal(repr(float(high)))


@pytest.mark.parametrize("value", ["3", 1 + 2j, None, np.datetime64("2020"), np.zeros((), [("a", float)]), {1.0}])
def test_a_value_that_is_no_real_number(value):
    with pytest.raises(TypeError, match="value must be a"):
        claim("statement", value, below=1)


def test_unknown_relation_and_empty_statement():
    with pytest.raises(ValueError, match="relation must be one of"):
        claim("statement", 1, below=2, relation="refutes")
    with pytest.raises(ValueError, match="statement must be a sentence"):
        claim(" ", 1, below=2)


def test_it_stops_under_optimisation_too():
    code = "from kexue.book import claim; claim('false', 2, below=1)"
    done = subprocess.run([sys.executable, "-O", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "ClaimError: claim is false: false (value 2, should be below 1)" in done.stderr


@pytest.mark.parametrize(
    ("value", "text", "page"),
    [
        (0.0, "0", "0"),
        (3.14159, "3.142", "3.142"),
        (6907.8, "6908", "6908"),
        (-2.5e-7, "-2.5e-7", "−2.5 × 10<sup>−7</sup>"),
        (123456.0, "1.23e5", "1.23 × 10<sup>5</sup>"),
    ],
)
def test_figures_are_written_as_a_reader_would(value, text, page):
    assert figure_of(value) == text
    assert figure_html(value) == page


@pytest.mark.parametrize(
    ("statement", "leads"),
    [
        ("The error falls", "The error falls:"),
        ("The error falls.", "The error falls:"),
        ("The power is $p=$ by theory, here: ", "The power is $p=$ by theory, here:"),
        ("The ratio of both =", "The ratio of both ="),
    ],
)
def test_a_statement_leads_to_its_figure(statement, leads):
    assert introduced(statement) == leads


def test_words_mathematics_and_code_of_a_statement():
    page = mathematics("`a<b` costs $x<1$ & more")
    assert page.startswith('<code class="literal">a&lt;b</code> costs <span class="math')
    assert page.endswith(r"\(x&lt;1\)</span> &amp; more")
    assert mathematics("five $ or a ` alone") == "five $ or a ` alone"


@pytest.mark.parametrize("in_book", [False, True])
def test_a_notebook_shows_markdown_and_a_page_html_and_both_keep_the_record(in_book):
    nbformat = pytest.importorskip("nbformat")
    from nbclient import NotebookClient

    source = """
    from kexue.book import claim, exercise
    claim("gap in $x_1^*$ < *1* for `a_b`", 7e-13, below=1)
    claim("b", 2, above=1)
    exercise("e", solution=lambda: 1.0).check(2.0)
    """
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(source))])
    NotebookClient(notebook, kernel_name="python3").execute(env=os.environ | {"KEXUE_BOOK": str(int(in_book))})
    claimed, _, answered = outputs = notebook.cells[0].outputs
    assert [o.metadata["kexue"].get("claim", {}).get("value") for o in outputs] == [7e-13, 2.0, None]
    # In Markdown formulas and code stay, and nothing else is markup.
    assert claimed.data["text/markdown"] == (r"✓ gap in $x_1^*$ \< \*1\* for `a_b`: **7 × 10<sup>−13</sup>** (below 1)")
    assert answered.data["text/markdown"].startswith("✗ Off by a factor of 2")
    if not in_book:
        assert all("text/html" not in output.data for output in outputs)
        return
    page = claimed.data["text/html"]
    assert 'class="kexue-claim-figure"><b>7 × 10<sup>−13</sup></b>' in page and r"\(x_1^*\)" in page and "&lt; " in page
    assert 'data-state="wrong"' in answered.data["text/html"]

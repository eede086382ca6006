"""Figures, tables and sentences of the page that compares optimizers, from a file of three optimizers."""

import base64
import re

import matplotlib as mpl
import numpy as np
import pytest

from kexue.book.pages.measured.comparison import Comparison, listed, number, rate, say, with_error
from kexue.book.pages.measured.directives import comparison_table, settings_table
from kexue.book.pages.measured.dots import dots_figure, in_words

SEEDS = np.random.default_rng(0).normal(size=5)


def row(optimizer, length, shift, spread=0.0, inside=True):
    value = 1 + SEEDS + shift + spread * np.arange(-2, 3)
    more = {"accuracy": [0.5, 0.75] * 2 + [1.0], "gradients": {"short": 100, "long": 400}[length]}
    return {
        "problem": "p",
        "optimizer": optimizer,
        "length": length,
        "exponent": -3.0,
        "inside": inside,
        "value": [*value],
    } | more


@pytest.fixture
def comparison():
    rows = [row("adam", "short", 0), row("adam", "long", 0), row("a, b", "short", 0.1), row("a, b", "long", -0.1)]
    rows += [row("c", "short", 0.1, 0.01), row("c", "long", 0.01, 0.1)]
    about = {"title": "a problem", "unit": "loss < 1", "seeds": 5, "steps": 100}
    return Comparison(
        {
            "reference": "adam",
            "optimizers": {"adam": "adam(b=1)", "a, b": "a<b>()", "c": "c()"},
            "problems": {"p": about},
            "made_with": {"jax": "9", "processor": "Z80"},
            "seconds": 120,
            "duplicates": {"d": "as `c` <"},
            "rows": rows,
        }
    )


def test_differences_are_paired_and_what_lies_within_two_errors_is_alike(comparison):
    mean, error = comparison.difference("p", "c", "long")
    assert mean == pytest.approx(0.01) and error == pytest.approx(0.1 * 2.5**0.5 / 5**0.5)
    verdicts = {
        (n, length): comparison.verdict("p", n, length) for n in comparison.rivals for length in ("short", "long")
    }
    assert verdicts == {
        ("a, b", "short"): "worse",
        ("a, b", "long"): "better",
        ("c", "short"): "worse",
        ("c", "long"): "alike",
    }
    assert comparison.sorted("p") == ["a, b", "c"] == comparison.changed("p")
    assert say(comparison, "never long worse") == ["a, b", "c"] and say(comparison, "never short worse") == []
    assert comparison.flipped("p") == ["a, b"] and say(comparison, "chance p") == "12"
    assert comparison.difference("p", "c", "long", "c") == (0, 0)


def test_of_two_that_do_best_without_moving_neither_is_better(comparison):
    comparison.rows["p", "a, b", "long"]["inside"] = False
    assert comparison.verdict("p", "a, b", "long") == "better"
    comparison.rows["p", "adam", "long"]["inside"] = False
    assert comparison.verdict("p", "a, b", "long") == "alike"
    assert "no rate" in comparison_table(comparison)
    assert "a problem 0.12, none" in settings_table(comparison)


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (-0.01234, 0.0031, "−0.012 ± 0.003"),
        (0.5, 0.0163, "+0.500 ± 0.016"),
        (12.0, 3.4, "+12 ± 3"),
        (0.0001, 0.2, "0.0 ± 0.2"),
        (0.0, 0.0, "0"),
    ],
)
def test_a_difference_has_the_digits_of_its_error(mean, error, text):
    assert with_error(mean, error) == text


def test_words_of_sentences(comparison):
    assert say(comparison, "difference p long a,_b") == "−0.100"
    assert say(comparison, "names p short worse") == ["a, b", "c"] and say(comparison, "count p short better") == "no"
    assert say(comparison, "percent p long c") == "70.0" and say(comparison, "rate p long c") == "0.12"
    assert say(comparison, "gradients p long") == "400" and say(comparison, "seeds p") == "five"
    assert say(comparison, "minutes") == "two" and say(comparison, "about p steps") == "100"
    assert (number(13), number(2000), rate(3.5)) == ("13", "2,000", "11")
    assert (listed([]), listed(["a"]), listed(["a", "b", "c"])) == ("none", "a", "a, b and c")
    for unknown in ("shout p", "difference q long c", "difference p long d"):
        with pytest.raises(KeyError):
            say(comparison, unknown)


def test_what_turning_does_is_paired_and_who_does_not_notice(comparison):
    for problem, turn in (("quadratic", 0), ("rotated", 0.5)):
        for name in comparison.results["optimizers"]:
            shift = turn * (name != "c")
            values = [value + shift for value in comparison.rows["p", name, "long"]["value"]]
            comparison.rows[problem, name, "long"] = {"value": values}
    assert say(comparison, "turned long adam") == "+0.500"
    assert say(comparison, "unturned long") == ["c"] and say(comparison, "duplicates") == ["d"]


def test_a_finer_grid_gains_what_the_parabola_says(comparison):
    for name in comparison.results["optimizers"]:
        sweep = {f"{e:g}": 1 + (e + 2.9) ** 2 for e in (-4, -3, -2.5)}
        comparison.rows["p", name, "long"]["sweep"] = sweep | {"9": None}
    assert comparison.left_open("p", "long") == pytest.approx(0.01)


def test_the_table_shows_what_can_be_told_apart(comparison):
    table = comparison_table(comparison)
    assert "<b>−0.100</b>" in table and "<td>+0.01<br><small>± 0.07</small></td>" in table
    assert table.count("<tr>") == 4 and "<code>a, b</code>" in table
    assert "<code>d</code>, as <code>c</code> &lt;." in settings_table(comparison)
    assert "a&lt;b&gt;()" in settings_table(comparison) and "Z80" in settings_table(comparison)


def test_a_picture_with_words_for_it(comparison):
    before = dict(mpl.rcParams)
    markup = dots_figure(comparison, "p")
    assert dict(mpl.rcParams) == before
    svg = base64.b64decode(re.search(r"base64,([^\"]+)", markup)[1]).decode()
    assert "#0072b2" in svg.lower() and "#e07b00" in svg.lower() and "#7a7f87" in svg.lower()
    assert in_words(comparison, "p").endswith("Lower than Adam: a, b −0.100. Higher: none. Not to be told apart: c.")
    assert "loss &lt; 1 after 400 gradients" in markup

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from kexue.book import exercise
from kexue.book.notebook.exercise import diagnose

MATRIX = np.array([[1.0, 2.0], [3.0, 5.0]])
WALK = np.array([1.0, 4.0, 9.0, 7.0])


@pytest.mark.parametrize(
    ("expected", "given", "word"),
    [
        (3.0, -3.0, "sign"),
        (3.0, 6.0, "twice"),
        (3.0, 1.5, "half"),
        (3.0, 1 / 3, "reciprocal"),
        (3.0, 9.0, "square of"),
        (9.3, np.sqrt(9.3), "root of"),
        (7.0, 8.0, "one too many"),
        (7.0, 6.0, "one too few"),
        (7.0, 3.1, "too small"),
        (MATRIX, MATRIX.T, "axis"),
        (np.ones((2, 3)) * [1, 2, 3], (np.ones((2, 3)) * [1, 2, 3]).T, "axis"),
        (WALK, np.roll(WALK, 1), "too late"),
        (WALK, np.roll(WALK, -1), "too early"),
        (WALK, WALK[:3], "Off by one"),
        (WALK, WALK[::-1], "reversed"),
        (WALK, WALK + [0, 0, 3, 0], "1 of 4"),
        (WALK, np.array([1, 2, 3, np.nan]), "NaN"),
        (WALK, MATRIX, "shape"),
    ],
)
def test_the_likely_mistake_is_named(expected, given, word):
    verdict = diagnose(np.asarray(given, float), np.asarray(expected, float))
    assert verdict is not None and word in verdict


@pytest.mark.parametrize("expected", [3.0, 0.0, MATRIX, WALK])
def test_the_right_answer_is_right(expected):
    expected = np.asarray(expected)
    assert diagnose(np.asarray(expected * (1 + 1e-4)), expected) is None
    assert diagnose(np.asarray(expected * (1 + 1e-2) + 1e-2), expected) is not None


def test_check_prints_and_strict_raises(capsys):
    exercise("walk", solution=lambda: WALK)
    exercise("walk").check(...)
    exercise("walk").check(WALK)
    exercise("walk").check("four")
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("○ Your turn") and out[1] == "✓ Right." and "not str" in out[2]
    exercise("walk").check(WALK, strict=True)
    for answer in (-WALK, ...):
        with pytest.raises(AssertionError, match="walk"):
            exercise("walk").check(answer, strict=True)


def test_functions_are_compared_at_points(capsys):
    exercise("product", solution=lambda a, b: a * b, at=[(1.0, 2.0), (3.0, 4.0)])
    exercise("product").check(lambda a, b: a * b, strict=True)
    exercise("product").check(lambda a, b: -a * b)
    exercise("product").check(3.0)
    exercise("product").check(lambda a: a)
    out = capsys.readouterr().out
    assert "sign" in out and "A function is asked for" in out and "TypeError" in out


def test_bad_registrations():
    with pytest.raises(KeyError, match="no exercise 'never'"):
        exercise("never")
    with pytest.raises(ValueError, match="tolerance must be positive"):
        exercise("x", solution=lambda: 1, tolerance=0)
    with pytest.raises(ValueError, match="at must hold"):
        exercise("x", solution=lambda x: x, at=[])


def verdict(name, answer, capsys, **given):
    exercise(name, **given).check(answer)
    return capsys.readouterr().out.strip()


@pytest.mark.parametrize(
    "answer", [2 + 3j, np.array(2 + 3j), jnp.array(2 + 3j), np.complex64(2 + 0.01j), 2 + np.nan * 1j]
)
def test_a_complex_answer_is_wrong(answer, capsys):
    assert verdict("two", answer, capsys, solution=lambda: 2.0).startswith("✗ Real numbers are asked for")
    with pytest.raises(AssertionError, match="imaginary part"):
        exercise("two").check(answer, strict=True)
    assert "imaginary part" in verdict("f", lambda x: x + answer - 2, capsys, solution=lambda x: x, at=[1.0, 2.0])


def test_imaginary_parts_of_rounding_size_do_not_count(capsys):
    roots = np.roots([1, -4, 5, -2]).astype(complex) + 1e-9j  # 2 and a double root at 1
    assert verdict("roots", roots, capsys, solution=lambda: [2.0, 1.0, 1.0]) == "✓ Right."
    assert verdict("tiny", np.array([1e-8 + 1e-9j]), capsys, solution=lambda: [1e-8]).startswith("✗ Real numbers")


@pytest.mark.parametrize("answer", [2, True + 1, Fraction(2), jnp.bfloat16(2), np.float16(2), jnp.array(2), 2 + 0j])
def test_any_real_number_may_answer(answer, capsys):
    assert verdict("two", answer, capsys, solution=lambda: 2.0) == "✓ Right."


@pytest.mark.parametrize("answer", ["2", np.datetime64("2020-01-01"), {2.0}, [[1], [2, 3]], b"2"])
def test_what_is_no_number_is_said_not_to_be_one(answer, capsys):
    assert "A number or an array is asked for, not" in verdict("two", answer, capsys, solution=lambda: 2.0)


def test_none_is_named(capsys):
    assert "Your answer is None" in verdict("two", None, capsys, solution=lambda: 2.0)
    assert "holds None" in verdict("two", [1.0, None], capsys, solution=lambda: [1.0, 2.0])
    assert "Your answer is None" in verdict("f", None, capsys, solution=lambda x: x, at=[1.0])
    assert "function returns None" in verdict("f", lambda x: None, capsys, solution=lambda x: x, at=[1.0])


def test_a_complex_solution_is_refused():
    with pytest.raises(ValueError, match="the solution of exercise 'i' must be real numbers"):
        exercise("i", solution=lambda: 1j).check(1.0)

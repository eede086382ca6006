import numpy as np
import pytest

from kexue.book import exercise
from kexue.book._exercise import diagnose

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

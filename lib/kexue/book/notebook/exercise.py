"""Exercises that answer back."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .show import escaped, show

_REGISTERED: dict[str, "Exercise"] = {}


@dataclass(frozen=True)
class Exercise:
    """A question with a computed solution; see `exercise`."""

    name: str
    solution: Callable[..., Any]
    at: tuple[Any, ...] | None
    tolerance: float

    def check(self, answer: Any, *, strict: bool = False) -> None:
        """Compare `answer` with the computed solution and say which mistake it looks like.

        ``answer = ...`` (an Ellipsis) means *not answered yet*. With ``strict=True`` anything but the
        solution raises `AssertionError`; the folded solutions use it, so that the build proves them.
        """
        if answer is ...:
            state, verdict = "open", "Your turn: put your answer in place of ... and run the cell."
        else:
            expected, given, complaint = self._numbers(answer)
            mistake = complaint or diagnose(given, expected, self.tolerance)
            state, verdict = ("wrong", mistake) if mistake else ("right", "Right.")
        if strict and state != "right":
            raise AssertionError(f"exercise {self.name!r}: {verdict}")
        mark = {"open": "○", "right": "✓", "wrong": "✗"}[state]
        rich = f'<p class="kexue-answer" data-state="{state}">{mark} {html.escape(verdict)}</p>'
        show(f"{mark} {verdict}", rich, f"{mark} {escaped(verdict)}")

    def _numbers(self, answer: Any) -> tuple[np.ndarray, np.ndarray, str | None]:
        """Expected and given values as arrays, or what is wrong with the kind of answer."""
        nothing = np.zeros(0)
        if answer is None:
            return nothing, nothing, "Your answer is None: a name without a value, or a function without return?"
        if self.at is None:
            expected = self._solution(self.solution())
            if callable(answer):
                return nothing, nothing, "A number or an array is asked for, not a function."
        else:
            expected = np.stack([self._solution(self.solution(*_arguments(x))) for x in self.at])
            if not callable(answer):
                return nothing, nothing, "A function is asked for: answer = lambda …: …"
            try:
                answer = [answer(*_arguments(x)) for x in self.at]
                if any(value is None for value in answer):
                    return nothing, nothing, "Your function returns None: is the return missing?"
                answer = np.stack([np.asarray(value) for value in answer])
            except Exception as error:
                return nothing, nothing, f"Your function fails: {type(error).__name__}: {error}"
        given, complaint = _real(answer, self.tolerance)
        return expected, given, complaint

    def _solution(self, value: Any) -> np.ndarray:
        real, complaint = _real(value, 0.0)
        if complaint:
            raise ValueError(f"the solution of exercise {self.name!r} must be real numbers, got {value!r}")
        return real


def _real(value: Any, tolerance: float) -> tuple[np.ndarray, str | None]:
    """A number or an array as floats, or why it is none; imaginary parts of rounding size are dropped."""
    kind = type(value).__name__
    try:
        array = np.asarray(value)
        if array.dtype.kind == "O" and any(item is None for item in array.flat):
            return np.zeros(0), "Your answer holds None where a number is asked for."
        if array.dtype.kind in "OV":  # Fraction, Decimal; the half precision of JAX
            array = array.astype(complex if any(isinstance(item, complex) for item in array.flat) else float)
    except (TypeError, ValueError):
        return np.zeros(0), f"A number or an array is asked for, not {kind}."
    if array.dtype.kind not in "biufc":
        return np.zeros(0), f"A number or an array is asked for, not {kind}."
    if array.dtype.kind == "c":
        size = np.max(np.abs(array), initial=0.0)
        if not np.all(np.abs(array.imag) <= tolerance * size):
            return np.zeros(0), "Real numbers are asked for: your answer has an imaginary part."
        array = array.real
    return array.astype(float), None


def _arguments(x: Any) -> tuple[Any, ...]:
    return x if isinstance(x, tuple) else (x,)


def exercise(
    name: str,
    *,
    solution: Callable[..., Any] | None = None,
    at: Sequence[Any] | None = None,
    tolerance: float | int = 1e-3,
) -> Exercise:
    """Register an exercise, or look one up by its name.

    Parameters
    ----------
    name
        Unique within a chapter.
    solution
        A function without arguments that computes the answer, real numbers; or, with `at`, the function that is
        asked for.
    at
        Inputs at which a function is compared; a tuple is spread over the arguments.
    tolerance
        Largest relative difference that counts as right (absolute where the solution is zero).

    Raises
    ------
    KeyError
        Without `solution`: no exercise of that name has been registered.
    ValueError
        `tolerance` is not positive, or `at` is empty.

    Examples
    --------
    >>> _ = exercise("critical-damping", solution=lambda: 2.0)
    >>> exercise("critical-damping").check(1.0)
    ✗ Off by a factor of 2: your answer is half the solution.
    >>> exercise("critical-damping").check(2.0)
    ✓ Right.
    """
    if solution is None:
        if name not in _REGISTERED:
            known = ", ".join(map(repr, _REGISTERED)) or "none yet"
            raise KeyError(f"no exercise {name!r} (registered: {known}); run the cell above that sets it")
        return _REGISTERED[name]
    if not tolerance > 0:
        raise ValueError(f"tolerance must be positive, got {tolerance}")
    if at is not None and len(at) == 0:
        raise ValueError("at must hold at least one input")
    _REGISTERED[name] = Exercise(name, solution, None if at is None else tuple(at), float(tolerance))
    return _REGISTERED[name]


def diagnose(given: np.ndarray, expected: np.ndarray, tolerance: float = 1e-3) -> str | None:
    """Name the likely mistake; None when `given` is right."""
    if given.shape != expected.shape:
        if given.ndim == 2 and given.T.shape == expected.shape and _close(given.T, expected, tolerance):
            return "Right numbers, wrong axis: transpose your answer."
        if given.ndim == 1 and expected.ndim == 1 and abs(len(given) - len(expected)) == 1:
            return f"Off by one: {len(expected)} values are asked for, yours has {len(given)}."
        return f"The shape should be {expected.shape}, yours is {given.shape}."
    if not np.all(np.isfinite(given)):
        return "Your answer holds a NaN or an infinity."
    if _close(given, expected, tolerance):
        return None
    if given.ndim == 2 and given.shape[0] == given.shape[1] and _close(given.T, expected, tolerance):
        return "Right numbers, wrong axis: transpose your answer."
    for description, mistaken in _mistakes(expected):
        if mistaken.shape == given.shape and np.all(np.isfinite(mistaken)) and _close(given, mistaken, tolerance):
            return description
    if expected.size == 1:
        side = "too large" if given.item() > expected.item() else "too small"
        return f"Not yet: your answer is {side}."
    wrong = ~np.isclose(given, expected, rtol=tolerance, atol=tolerance * float(np.max(np.abs(expected))))
    return f"Not yet: {int(wrong.sum())} of {expected.size} values differ."


def _mistakes(expected: np.ndarray) -> list[tuple[str, np.ndarray]]:
    with np.errstate(all="ignore"):
        guesses = [
            ("The sign is wrong: your answer is minus the solution.", -expected),
            ("Off by a factor of 2: your answer is twice the solution.", 2 * expected),
            ("Off by a factor of 2: your answer is half the solution.", expected / 2),
            ("Upside down: your answer is the reciprocal of the solution.", 1 / expected),
            ("Your answer is the square of the solution: take the root.", expected**2),
            ("Your answer is the root of the solution: square it.", np.sqrt(np.abs(expected))),
        ]
        if np.all(expected == np.round(expected)):
            guesses += [("Off by one: one too many.", expected + 1), ("Off by one: one too few.", expected - 1)]
        if expected.ndim >= 1 and len(expected) > 1:
            guesses += [
                ("Off by one: your values come one place too late.", np.roll(expected, 1, axis=0)),
                ("Off by one: your values come one place too early.", np.roll(expected, -1, axis=0)),
                ("The order is reversed.", expected[::-1]),
            ]
    return [(words, np.asarray(value)) for words, value in guesses]


def _close(a: np.ndarray, b: np.ndarray, tolerance: float) -> bool:
    """Relative to the largest entry, so that rounding in small entries does not count."""
    size = float(np.max(np.abs(b))) if b.size else 0.0
    return bool(np.all(np.abs(a - b) <= tolerance * (size if size > 0 else 1.0)))

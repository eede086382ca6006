"""Sliders: their values, their names and symbols, and how a reader sees them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

MAX_POINTS = 4096

_WORDS = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi chi psi "
    "omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
_GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ", _WORDS.split(), strict=True))
_LETTER = {word: letter for letter, word in _GREEK.items()}
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_SYMBOL = re.compile(r"(?P<base>[^\W\d_]|" + "|".join(_LETTER) + r")_?(?P<index>\d*)_?$")


@dataclass(frozen=True)
class Slider:
    """One parameter: its values, its symbol, and the position that it starts at."""

    name: str
    values: tuple[int | float, ...]
    symbol: str | None
    start: int
    names: tuple[str, ...] = ()
    """What to call the values where they count names; empty where they are numbers."""

    @property
    def words(self) -> str:
        """The name to be spoken: `learning_rate` → `learning rate`, `α` → `alpha`."""
        return _GREEK.get(self.name, self.name.strip("_").replace("_", " "))

    @property
    def letter(self) -> str:
        """The name where there is no typesetting: `alpha` → `α`, `learning_rate` → `learning rate`."""
        base, index = _parts(self.name)
        return _LETTER.get(base, base) + index if base else self.words

    @cached_property
    def labels(self) -> list[str]:
        """The values as a reader would write them: `0.3`, `10⁻⁴`, `hinge`; no two of them are alike.

        Four significant digits, and more where the next position is so close that these would mislead.
        """
        if self.names:
            return list(self.names)
        order = sorted(self.values)
        gaps = [math.inf, *(high - low for low, high in pairwise(order)), math.inf]
        gap = {value: min(gaps[i], gaps[i + 1]) for i, value in enumerate(order)}
        return [readable(value, _digits(value, gap[value])) for value in self.values]

    def position(self, wanted: int | float | str) -> int:
        """Where on the slider a value or a name stands."""
        if isinstance(wanted, str):
            if wanted not in self.names:
                raise ValueError(f"start {self.name}={wanted!r} is not one of the slider's names: {self.labels}")
            return self.names.index(wanted)
        distances = [abs(value - wanted) for value in self.values]
        nearest = min(range(len(distances)), key=distances.__getitem__)
        gap = min(abs(value - self.values[nearest]) for i, value in enumerate(self.values) if i != nearest)
        if not distances[nearest] <= min(max(1e-5 * abs(wanted), 1e-12), 1e-3 * gap):
            raise ValueError(
                f"start {self.name}={wanted} is not one of the slider's values (nearest: {self.labels[nearest]})"
            )
        return nearest


def _parts(name: str) -> tuple[str, str]:
    found = _SYMBOL.match(name)
    return (_GREEK.get(found["base"], found["base"]), found["index"]) if found else ("", "")


def latex_symbol(name: str) -> str | None:
    r"""LaTeX for a parameter's name; None where the name is a word.

    >>> latex_symbol("alpha"), latex_symbol("β2"), latex_symbol("k"), latex_symbol("learning_rate")
    ('\\alpha', '\\beta_{2}', 'k', None)
    """
    base, index = _parts(name)
    if not base:
        return None
    return ("\\" + base if base in _LETTER else base) + (f"_{{{index}}}" if index else "")


def readable(value: int | float, digits: int = 4) -> str:
    """At most so many significant digits, as a reader would write them; whole numbers below 100,000 in full.

    >>> readable(0.1), readable(1e-4), readable(-2.5e-6), readable(20000), readable(20240101), readable(20240101, 8)
    ('0.1', '10⁻⁴', '−2.5 × 10⁻⁶', '20000', '2.024 × 10⁷', '20240101')
    """
    whole = len(str(int(abs(value))))
    if value == 0 or 1e-3 <= abs(value) < 1e5 or (value % 1 == 0 and whole <= digits):
        return f"{value:.{max(digits, whole)}g}".replace("-", "−") if value % 1 else f"{value:.0f}".replace("-", "−")
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    factor = mantissa.rstrip("0").rstrip(".").replace("-", "−")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
    return power if factor == "1" else "−" + power if factor == "−1" else f"{factor} × {power}"


def _digits(value: int | float, gap: int | float) -> int:
    """How many digits are off by less than a twentieth of `gap`, without making 1 of 0.99999."""
    for digits in range(4, 17):
        rounded = float(f"{value:.{digits}g}")
        becomes_whole = rounded.is_integer() and value % 1 != 0 and abs(value) < 1000
        if abs(rounded - value) <= gap / 20 and not becomes_whole:
            return digits
    return 17


def make_sliders(
    sliders: Mapping[str, Any], symbols: Mapping[str, str] | None, start: Mapping[str, Any] | None
) -> tuple[Slider, ...]:
    """Check the sliders' values, symbols and starts."""
    if not sliders:
        raise ValueError(
            "explore needs at least one slider: a parameter's name and its values, for example alpha=[0.1, 0.2]"
        )
    for argument, given in (("symbols", symbols), ("start", start)):
        for name in given or {}:
            if name not in sliders:
                raise ValueError(f"{argument} names {name!r}, which is not a slider (sliders: {', '.join(sliders)})")
    made = []
    for name, values in sliders.items():
        numbers, names = _values(name, values)
        symbol = (symbols or {}).get(name) or latex_symbol(name)
        slider = Slider(name, numbers, symbol, len(numbers) // 2, names)
        wanted = (start or {}).get(name)
        made.append(slider if wanted is None else replace(slider, start=slider.position(wanted)))
    points = math.prod(len(slider.values) for slider in made)
    if points > MAX_POINTS:
        sizes = " × ".join(str(len(slider.values)) for slider in made)
        raise ValueError(f"the grid has {sizes} = {points} points; at most {MAX_POINTS} are allowed: thin out a slider")
    return tuple(made)


def _values(name: str, values: Any) -> tuple[tuple[int | float, ...], tuple[str, ...]]:
    """The numbers that the function receives, and their names if names were given."""
    if isinstance(values, np.ndarray) and values.dtype.kind == "U" and values.ndim == 1:
        values = values.tolist()
    if isinstance(values, Sequence) and len(values) > 1 and all(isinstance(value, str) and value for value in values):
        if len({" ".join(value.split()) for value in values}) < len(values):
            raise ValueError(f"slider {name!r} has the same name twice")
        return tuple(range(len(values))), tuple(values)
    try:
        array = np.asarray(values)
    except Exception as error:
        raise ValueError(f"slider {name!r} must be a 1-D sequence of numbers, got {values!r}") from error
    if array.dtype.kind == "V" and array.dtype.names is None:  # the half precision of JAX
        array = array.astype(np.float32)
    whole = array.dtype.kind in "iu" or (
        array.dtype.kind == "O" and all(isinstance(value, int) for value in array.flat)  # beyond 64 bits
    )
    if array.ndim != 1 or not (whole or array.dtype.kind == "f" or not array.size):
        raise ValueError(
            f"slider {name!r} must be a 1-D sequence of numbers, got {array.dtype} values of shape {array.shape}"
        )
    if array.size < 2:
        raise ValueError(
            f"slider {name!r} has {array.size or 'no'} value{'s' * (array.size == 0)}; it needs at least two"
        )
    if array.dtype.kind == "f" and not np.all(np.isfinite(array)):
        raise ValueError(f"slider {name!r} holds {array[~np.isfinite(array)][0]} among its values")
    numbers = tuple(map(int, array)) if whole else _without_dust(array)
    if len(set(numbers)) < len(numbers):
        raise ValueError(f"slider {name!r} has the same value twice")
    for number in numbers:
        if abs(number) >= 2**1023 or int(float(number)) != int(number):
            raise ValueError(
                f"slider {name!r} holds {number}, which the page's numbers cannot hold exactly; whole numbers "
                "up to 2**53 are always exact"
            )
    return numbers, ()


def _without_dust(array: np.ndarray) -> tuple[float, ...]:
    """What np.linspace leaves of 0.3 is 0.30000000000000004, and of 0 a -2e-16: links and labels say 0.3 and 0.

    A number becomes the shortest one within a few roundings of it, as long as different ones stay different. On evenly
    spaced values the roundings are those of the largest, except for the first value, which is given as it is.
    """
    exact = array.astype(float)
    steps = np.diff(exact)
    is_even = len(steps) > 1 and np.allclose(steps, steps[0], rtol=1e-3, atol=0)
    sizes = np.full(len(exact), np.abs(exact).max()) if is_even else np.abs(exact)
    sizes[:1] = np.abs(exact[:1])
    dust = 4 * float(np.finfo(array.dtype).eps) * sizes
    short = tuple(_shortest(value, error) for value, error in zip(exact.tolist(), dust.tolist(), strict=True))
    return short if len(set(short)) == len(short) else tuple(exact.tolist())


def _shortest(value: float, error: float) -> float:
    if value.is_integer() or abs(value) <= error:
        return float(round(value))
    rounded = (float(f"{value:.{digits}g}") for digits in range(1, 18))
    return next(number for number in rounded if abs(number - value) <= error)

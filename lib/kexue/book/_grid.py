"""A function over a grid of slider values, and its numbers as short JSON."""

import base64
import inspect
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

MAX_POINTS = 4096
DIGITS = 3  # of a field that changes with the sliders: 0.5 % of a panel's height is a pixel or two
CONSTANT_DIGITS = 6  # of what is written once

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

    @property
    def labels(self) -> list[str]:
        """The values as a reader would write them: `0.3`, `10⁻⁴`, `hinge`."""
        return list(self.names) or [readable(value) for value in self.values]

    def position(self, wanted: int | float | str) -> int:
        """Where on the slider a value or a name stands."""
        if isinstance(wanted, str):
            if wanted not in self.names:
                raise ValueError(f"start {self.name}={wanted!r} is not one of the slider's names: {self.labels}")
            return self.names.index(wanted)
        nearest = min(range(len(self.values)), key=lambda i: abs(self.values[i] - wanted))
        if not math.isclose(self.values[nearest], wanted, rel_tol=1e-5, abs_tol=1e-12):
            raise ValueError(
                f"start {self.name}={wanted} is not one of the slider's values (nearest: {self.values[nearest]:g})"
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


def readable(value: int | float) -> str:
    """At most four significant digits, as a reader would write them.

    >>> readable(0.1), readable(1e-4), readable(-2.5e-6), readable(20000)
    ('0.1', '10⁻⁴', '−2.5 × 10⁻⁶', '20000')
    """
    if value == 0 or 1e-3 <= abs(value) < 1e5:
        return f"{float(f'{value:.4g}'):g}".replace("-", "−") if value % 1 else f"{value:.0f}".replace("-", "−")
    mantissa, exponent = f"{value:.3e}".split("e")
    factor = f"{float(mantissa):g}".replace("-", "−")
    power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
    return power if factor == "1" else "−" + power if factor == "−1" else f"{factor} × {power}"


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
    if isinstance(values, Sequence) and len(values) > 1 and all(isinstance(value, str) and value for value in values):
        if len(set(values)) < len(values):
            raise ValueError(f"slider {name!r} has the same name twice")
        return tuple(range(len(values))), tuple(values)
    try:
        array = np.asarray(values)
    except Exception as error:
        raise ValueError(f"slider {name!r} must be a 1-D sequence of numbers, got {values!r}") from error
    if array.ndim != 1 or (array.dtype.kind not in "iuf" and array.size):
        raise ValueError(
            f"slider {name!r} must be a 1-D sequence of numbers, got {array.dtype} values of shape {array.shape}"
        )
    if array.size < 2:
        raise ValueError(
            f"slider {name!r} has {array.size or 'no'} value{'s' * (array.size == 0)}; it needs at least two"
        )
    if not np.all(np.isfinite(array)):
        raise ValueError(f"slider {name!r} holds {array[~np.isfinite(array)][0]} among its values")
    if len(np.unique(array)) < array.size:
        raise ValueError(f"slider {name!r} has the same value twice")
    if array.dtype.kind in "iu":
        return tuple(int(value) for value in array), ()
    # What np.linspace leaves of 0.3 is 0.30000000000000004; its permalink and its label say 0.3.
    return tuple(float(f"{value:.6g}") for value in array), ()


def evaluate(
    function: Callable[..., Any], sliders: Sequence[Slider]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """One `jit(vmap(function))` over the product of the sliders, the last slider running fastest.

    Returns the fields that change, with the grid's points as leading axis, and those that do not, once.
    """
    import jax
    import jax.numpy as jnp

    try:
        inspect.signature(function).bind(**{slider.name: None for slider in sliders})
    except TypeError as error:
        raise ValueError(f"the function's parameters and the sliders do not match: {error}") from error
    axes = np.meshgrid(*(np.asarray(slider.values) for slider in sliders), indexing="ij")
    points = {slider.name: jnp.asarray(axis.ravel()) for slider, axis in zip(sliders, axes, strict=True)}
    try:
        output = jax.jit(jax.vmap(lambda parameters: function(**parameters)))(points)
    except (
        jax.errors.ConcretizationTypeError,
        jax.errors.NonConcreteBooleanIndexError,
        jax.errors.TracerArrayConversionError,
        jax.errors.TracerIntegerConversionError,
    ) as error:
        raise ValueError(_NOT_TRACEABLE + str(error).partition("\n")[0]) from error
    except TypeError as error:
        if "concrete" not in str(error):
            raise
        raise ValueError(_NOT_TRACEABLE + str(error).partition("\n")[0]) from error
    fields = {name: np.asarray(leaf) for name, leaf in _leaves(output, "")}
    if not fields:
        raise ValueError("the function returned an empty dict: nothing to draw")
    for name, leaf in fields.items():
        _check_field(name, leaf, sliders)
    constants = {name: np.asarray(leaf[0]) for name, leaf in fields.items() if np.all(leaf == leaf[:1])}
    return {name: leaf for name, leaf in fields.items() if name not in constants}, constants


_NOT_TRACEABLE = (
    "the shape of the function's output, or a Python `if` or loop in it, depends on a parameter, so that one jit(vmap) "
    "cannot evaluate it on the grid; keep the shape fixed (a mask, jnp.where, lax.cond). JAX says: "
)


def _leaves(output: Any, prefix: str) -> list[tuple[str, Any]]:
    if not isinstance(output, Mapping):
        kind = type(output).__name__
        raise ValueError(
            "the function must return a dict of 0-d or 1-d arrays, "
            + (f"but its entry {prefix[:-1]!r} is a {kind}" if prefix else f"not a {kind}")
        )
    leaves: list[tuple[str, Any]] = []
    for key, value in output.items():
        if not isinstance(key, str) or not key or set(key) & set(".[]:\\'\""):
            raise ValueError(f"field {key!r}: a field's name must be a string without . : [ ] \\ or quotes")
        if hasattr(value, "shape"):
            leaves.append((prefix + key, value))
        else:
            leaves += _leaves(value, prefix + key + "_")
    return leaves


def _check_field(name: str, leaf: np.ndarray, sliders: Sequence[Slider]) -> None:
    if name in {slider.name for slider in sliders}:
        raise ValueError(f"field {name!r} has the name of a slider; every record holds the sliders' values already")
    if leaf.ndim > 2:
        raise ValueError(
            f"field {name!r} has shape {leaf.shape[1:]}; explore draws 0-d and 1-d arrays: ravel it or split it"
        )
    if leaf.dtype.kind not in "biuf":
        raise ValueError(f"field {name!r} holds {leaf.dtype} values; only real numbers can be drawn")
    if leaf[0].size == 0:
        raise ValueError(f"field {name!r} is empty")
    bad = ~np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1)
    if bad.any():
        first = int(np.argmax(bad))
        place = np.unravel_index(first, [len(slider.values) for slider in sliders])
        where = ", ".join(f"{slider.name} = {slider.values[i]:g}" for slider, i in zip(sliders, place, strict=True))
        value = leaf[first][~np.isfinite(leaf[first])].flat[0]
        raise ValueError(
            f"field {name!r} is {value} at {where} (and at {bad.sum()} of {len(leaf)} grid points in all); "
            "clip it, or mask it with a number that lies outside the axes"
        )


def number(value: Any, digits: int) -> str:
    """The shortest JSON for `value` at `digits` significant digits; integers and Booleans are exact.

    >>> [number(v, 3) for v in (0.0, 2.0, 0.12345, -1.5e-7, 98765.0, True)]
    ['0', '2', '0.123', '-1.5e-7', '98800', '1']
    """
    if isinstance(value, int):
        return str(int(value))
    rounded = float(f"{value:.{digits - 1}e}")
    if rounded == 0:
        return "0"
    mantissa, exponent = f"{rounded:.{digits - 1}e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
    scientific = f"{mantissa}e{int(exponent)}"
    plain = str(int(rounded)) if rounded == int(rounded) else repr(rounded)
    return plain if len(plain) <= len(scientific) else scientific


def to_json(array: np.ndarray, digits: int) -> str:
    """An array as nested JSON lists of short numbers."""
    if array.ndim == 0:
        return number(array.item(), digits)
    if array.ndim == 1:
        return "[" + ",".join([number(value, digits) for value in array.tolist()]) + "]"
    return "[" + ",".join(to_json(row, digits) for row in array) + "]"


# Three significant digits are an integer m of at most 999 and a power of ten: m × 10^e with e in [-20, 11] fits into
# 16 bits as 32 (m + 1000) + e + 20. In base64 that is 2.7 bytes a number, where JSON's digits take 6 or 7.
_LOWEST, _HIGHEST = -20, 11


def pack(array: np.ndarray) -> str | None:
    """Numbers at three significant digits as base64 text; None where they do not fit (huge ones, long integers)."""
    if array.dtype.kind == "b":
        array = array.astype(int)
    if array.dtype.kind in "iu" and np.abs(array).max() > 999:
        return None  # integers stay exact
    values = array.astype(float).ravel()
    size = np.abs(values)
    exponent = np.maximum(np.floor(np.log10(np.where(size > 0, size, 1.0))) - 2, _LOWEST)
    # The logarithm may be off by one next to a power of ten; rounding up may carry 9.996 to 10.0.
    exponent = np.where(np.rint(size * 10.0**-exponent) > 999, exponent + 1, exponent)
    if exponent.max() > _HIGHEST:
        return None
    mantissa = np.rint(values * 10.0**-exponent)
    exponent = np.where(mantissa == 0, 0, exponent)
    packed = (mantissa + 1000) * 32 + (exponent - _LOWEST)
    return base64.b64encode(packed.astype("<u2").tobytes()).decode()


def unpack(text: str) -> list[float]:
    """What `pack` wrote, as one flat list."""
    packed = np.frombuffer(base64.b64decode(text), "<u2").astype(int)
    return [
        float(f"{mantissa}e{exponent}")
        for mantissa, exponent in zip(packed // 32 - 1000, packed % 32 + _LOWEST, strict=True)
    ]


def encode(array: np.ndarray) -> str:
    """JSON of a field over the grid, one row a grid point: packed, or as lists where it cannot be packed."""
    packed = pack(array)
    if packed is None:
        return to_json(array, DIGITS)
    return json.dumps({"packed": packed, "length": array.shape[1] if array.ndim > 1 else None}, separators=(",", ":"))


def decode(text: str) -> list[Any]:
    """The rows that `encode` wrote."""
    content = json.loads(text)
    if isinstance(content, list):
        return content
    values, length = unpack(content["packed"]), content["length"]
    return values if length is None else [values[i : i + length] for i in range(0, len(values), length)]


def join(members: Mapping[str, str]) -> str:
    """A JSON object from members that are JSON already."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}"


def compact(content: Any) -> str:
    """JSON without spaces."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

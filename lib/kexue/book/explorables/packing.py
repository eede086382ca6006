"""Numbers as short JSON: significant digits, and two or three bytes a number where there are many."""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

DIGITS = 3  # of a field that changes with the sliders: 0.5 % of a panel's height is a pixel or two
CONSTANT_DIGITS = 6  # of what is written once


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


def constant(array: np.ndarray) -> str:
    """JSON of what is written once: six significant digits, and more where the numbers differ in later ones only."""
    size, span = float(np.abs(array).max(initial=0.0)), float(np.ptp(array))
    more = math.floor(math.log10(size / span)) if size > span > 0 else 0
    return to_json(array, min(CONSTANT_DIGITS + more, 17))


# Three significant digits are an integer m of at most 999 and a power of ten: the number m × 10^e is written as
# 2000 (e - lowest) + m + 1000, where `lowest` is the least exponent of the field. Two bytes hold 32 powers of ten, three
# bytes all. In base64 that is 2.7 or 4 characters a number, where JSON's digits take 6 or 7 and more.
_MANTISSAS = 2000
_TWO_BYTES = 2**16 // _MANTISSAS


def pack(array: np.ndarray) -> tuple[str, int, int] | None:
    """Numbers at three significant digits as base64 text, bytes a number, and lowest exponent.

    None for long integers, which stay exact.
    """
    if array.dtype.kind == "b":
        array = array.astype(int)
    if array.dtype.kind in "iu" and max(abs(int(array.min())), abs(int(array.max()))) > 999:
        return None
    written = [f"{value:.2e}".split("e") for value in array.astype(float).ravel().tolist()]
    mantissa = np.array([int(m.replace(".", "")) for m, _ in written])
    exponent = np.array([int(e) - 2 for _, e in written])
    lowest = int(exponent[mantissa != 0].min()) if mantissa.any() else 0
    exponent = np.where(mantissa == 0, 0, exponent - lowest)
    width = 2 if exponent.max() < _TWO_BYTES else 3
    packed = _MANTISSAS * exponent + mantissa + 1000
    octets = packed.astype("<u4").view(np.uint8).reshape(-1, 4)[:, :width]
    return base64.b64encode(octets.tobytes()).decode(), width, lowest


def unpack(text: str, width: int, lowest: int) -> list[float]:
    """What `pack` wrote, as one flat list."""
    octets = np.frombuffer(base64.b64decode(text), np.uint8).reshape(-1, width)
    exponent, mantissa = np.divmod(octets @ 256 ** np.arange(width), _MANTISSAS)
    return [float(f"{m - 1000}e{e + lowest}") for m, e in zip(mantissa, exponent, strict=True)]


def encode(array: np.ndarray) -> str:
    """JSON of a field over the grid, one row a grid point: packed, or as lists where it cannot be packed."""
    packed = pack(array)
    if packed is None:
        return to_json(array, DIGITS)
    text, width, lowest = packed
    length = array.shape[1] if array.ndim > 1 else None
    return compact({"packed": text, "width": width, "lowest": lowest, "length": length})


def decode(text: str) -> list[Any]:
    """The rows that `encode` wrote."""
    content = json.loads(text)
    if isinstance(content, list):
        return content
    values, length = unpack(content["packed"], content["width"], content["lowest"]), content["length"]
    return values if length is None else [values[i : i + length] for i in range(0, len(values), length)]


def join(members: Mapping[str, str]) -> str:
    """A JSON object from members that are JSON already."""
    return "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in members.items()) + "}"


def compact(content: Any) -> str:
    """JSON without spaces."""
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)

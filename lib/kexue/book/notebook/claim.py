"""Claims: what a chapter states, a cell checks."""

import hashlib
import html
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np

from .shift import shift
from .show import escaped, figure_beyond, figure_html, figure_near, figure_of, mathematics, show

RELATIONS = ("confirms", "corrects", "does not reproduce", "adds")


class ClaimError(AssertionError):
    """A claim is false, or its value is not a finite number."""


@dataclass(frozen=True, repr=False)
class Claim:
    """A statement that held, with the measured figure and the bound that it was held to."""

    statement: str
    value: float
    bound: str
    relation: str

    def __repr__(self) -> str:
        return f"✓ {introduced(self.statement)} {figure_of(self.value, self.bound)} ({self.bound})"

    def _ipython_display_(self) -> None:
        """Show nothing: `claim` has already shown itself, as last expression of a cell or not."""


def introduced(statement: str) -> str:
    """The statement as it leads to its figure: with a colon, unless it ends with one, or with an equals sign."""
    text = statement.strip().rstrip(".…").rstrip()
    return text if text.endswith((":", "=")) else text + ":"


def claim_id(statement: str) -> str:
    """The anchor of a claim on its page."""
    return "claim-" + hashlib.sha256(statement.encode()).hexdigest()[:8]


def _scalar(name: str, value: Any) -> float:
    try:
        array = np.asarray(value)
    except Exception as error:
        raise TypeError(f"{name} must be a number, not {type(value).__name__}") from error
    if array.shape != ():
        raise ValueError(
            f"{name} must be one number, not an array of shape {array.shape}; reduce it first (max, mean, …)"
        )
    one = array.item() if array.dtype.kind == "O" else array  # Fraction, Decimal, integers of any length
    # Half-precision dtypes of JAX count as "V", like records, which are no numbers.
    if not isinstance(one, Real | Decimal) and (array.dtype.kind not in "biufV" or array.dtype.names):
        raise TypeError(f"{name} must be a real number, not {value!r}")
    try:
        return float(one)
    except OverflowError:
        return math.inf if one > 0 else -math.inf
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be a real number, not {value!r}") from error


def claim(
    statement: str,
    value: Any,
    *,
    below: Any = None,
    above: Any = None,
    between: Sequence[Any] | None = None,
    equals: Any = None,
    tolerance: Any = None,
    relation: str = "adds",
) -> Claim:
    r"""Check a statement and put the measured figure on the page.

    Parameters
    ----------
    statement
        One sentence. What stands between dollar signs is typeset as mathematics, between backquotes as code.
    value
        The measured figure, one finite real number: Python, NumPy or JAX scalar of any precision, Fraction, Decimal.
        It is shown with four digits, or with as many as it takes to be seen inside of its bound.
    below, above
        Strict bounds. Both may be given: an open interval.
    between
        A closed interval ``(low, high)``.
    equals, tolerance
        The expected figure and the largest absolute difference allowed. Both or neither.
    relation
        To the post that the chapter follows: ``"confirms"``, ``"corrects"``,
        ``"does not reproduce"`` or ``"adds"``.

    Returns
    -------
    Claim
        The record: statement, value, bound, relation.

    Raises
    ------
    ClaimError
        The statement is false, or `value` is not finite.
    ValueError, TypeError
        No bound, contradictory bounds, an array where one number is meant, an unknown relation.

    Examples
    --------
    >>> c = claim("Euler halves the error with the step", 2.03, between=(1.9, 2.1))
    ✓ Euler halves the error with the step: 2.03 (between 1.9 and 2.1)
    """
    if not isinstance(statement, str) or not statement.strip():
        raise ValueError(f"statement must be a sentence, got {statement!r}")
    if relation not in RELATIONS:
        raise ValueError(f"relation must be one of {', '.join(map(repr, RELATIONS))}, got {relation!r}")
    bound, holds = _bound(below, above, between, equals, tolerance)
    measured = _scalar("value", value)
    held = Claim(statement, measured, bound, relation)
    if not (math.isfinite(measured) and holds(measured)):
        what = "false" if math.isfinite(measured) else "not finite"
        failure = f"claim is {what}: {statement} (value {measured:.6g}, should be {bound})"
        if not shift():
            raise ClaimError(failure)
        # With other seeds every claim is looked at, and the run is judged at its end.
        show(failure, f"<p>{html.escape(failure)}</p>", escaped(failure), {"claim": asdict(held) | {"holds": False}})
        return held
    rich = (
        f'<p class="kexue-claim" id="{claim_id(statement)}" data-relation="{relation}">'
        f'<span class="kexue-claim-mark">✓</span> '
        f'{mathematics(introduced(statement))} <span class="kexue-claim-figure"><b>{figure_html(measured, bound)}</b> '
        f'<span class="kexue-claim-bound">({mathematics(bound)})</span></span></p>'
    )
    markdown = f"✓ {escaped(introduced(statement))} **{figure_html(measured, bound)}** ({bound})"
    show(repr(held), rich, markdown, {"claim": asdict(held)})
    return held


def _bound(below: Any, above: Any, between: Any, equals: Any, tolerance: Any) -> tuple[str, Any]:
    """The bound in words, and its predicate; every nonsensical combination is refused."""
    kinds = [below is not None or above is not None, between is not None, equals is not None]
    if sum(kinds) == 0:
        raise ValueError("a claim needs a bound: below, above, between or equals with tolerance")
    if sum(kinds) > 1:
        raise ValueError("contradictory bounds: give below and/or above, or between, or equals with tolerance")
    if (tolerance is None) != (equals is None):
        raise ValueError("equals and tolerance go together: give both")
    if equals is not None:
        centre, radius = _finite("equals", equals), _finite("tolerance", tolerance)
        if radius < 0:
            raise ValueError(f"tolerance must not be negative, got {tolerance}")
        words = f"{figure_near(centre, radius / 100)} ± {figure_beyond(radius, above=True)}"
        return words, lambda v: abs(v - centre) <= radius
    if between is not None:
        if not isinstance(between, tuple | list) or len(between) != 2:
            raise ValueError(f"between must be a pair (low, high), got {between!r}")
        low, high = _finite("between[0]", between[0]), _finite("between[1]", between[1])
        if low >= high:
            raise ValueError(f"contradictory bounds: between needs low < high, got ({low:g}, {high:g})")
        words = f"between {figure_beyond(low, above=False)} and {figure_beyond(high, above=True)}"
        return words, lambda v: low <= v <= high
    if below is not None and above is not None:
        low, high = _finite("above", above), _finite("below", below)
        if low >= high:
            raise ValueError(f"contradictory bounds: above ({low:g}) must be less than below ({high:g})")
        words = f"above {figure_beyond(low, above=False)}, below {figure_beyond(high, above=True)}"
        return words, lambda v: low < v < high
    if below is not None:
        high = _finite("below", below)
        return f"below {figure_beyond(high, above=True)}", lambda v: v < high
    low = _finite("above", above)
    return f"above {figure_beyond(low, above=False)}", lambda v: v > low


def _finite(name: str, value: Any) -> float:
    number = _scalar(name, value)
    if not math.isfinite(number):
        raise ValueError(f"{name} must be finite, got {number}")
    return number

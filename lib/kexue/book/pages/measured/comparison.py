"""What `benchmarks/optimizers_compared.json` says: differences to the reference, what can be told apart, in words."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import floor, log10
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import t as student_t

FILE = "benchmarks/optimizers_compared.json"
LENGTHS = ("short", "long")
TOLD_APART = 2  # standard errors
SAME = 1e-3  # rounding in float32, at the end of a run
VERDICTS = ("better", "worse", "alike")
_SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclass(frozen=True)
class Comparison:
    """The rows of the file, by problem, optimizer and length."""

    results: dict[str, Any]

    @classmethod
    def read(cls, root: Path) -> "Comparison":
        """The committed file below the root of the book."""
        return cls(json.loads((root / FILE).read_text(encoding="utf-8")))

    @cached_property
    def rows(self) -> dict[tuple[str, str, str], dict[str, Any]]:
        """By problem, optimizer, length."""
        return {(row["problem"], row["optimizer"], row["length"]): row for row in self.results["rows"]}

    @property
    def reference(self) -> str:
        """The optimizer that all are compared with."""
        return self.results["reference"]

    @property
    def rivals(self) -> list[str]:
        """All others."""
        return [name for name in self.results["optimizers"] if name != self.reference]

    def value(self, problem: str, optimizer: str, length: str, name: str = "value") -> float:
        """The mean over the seeds."""
        return float(np.mean(self.rows[problem, optimizer, length][name]))

    def difference(self, problem: str, optimizer: str, length: str, to: str | None = None) -> tuple[float, float]:
        """The mean of the paired differences to the reference, or to another, and its standard error."""
        ours, theirs = (self.rows[problem, name, length]["value"] for name in (optimizer, to or self.reference))
        return _mean_and_error(np.subtract(ours, theirs))

    def stands(self, problem: str, optimizer: str, length: str) -> bool:
        """Whether the best rate was never found inside a sweep: the smaller, the better."""
        return not self.rows[problem, optimizer, length]["inside"]

    def verdict(self, problem: str, optimizer: str, length: str) -> str:
        """One of `VERDICTS`; of two that do best without moving neither is better."""
        if self.stands(problem, optimizer, length) and self.stands(problem, self.reference, length):
            return "alike"
        mean, error = self.difference(problem, optimizer, length)
        if abs(mean) < TOLD_APART * error or mean == 0:
            return "alike"
        return "better" if mean < 0 else "worse"

    def sorted(self, problem: str, length: str = "long") -> list[str]:
        """The rivals, the best first."""
        return sorted(self.rivals, key=lambda name: self.difference(problem, name, length)[0])

    def names(self, problem: str, length: str, verdict: str) -> list[str]:
        """The rivals with a verdict, the best first."""
        return [name for name in self.sorted(problem, length) if self.verdict(problem, name, length) == verdict]

    def turned(self, optimizer: str, length: str) -> tuple[float, float]:
        """What turning the axes of the quadratic adds, paired over the seeds."""
        before, after = (self.rows[problem, optimizer, length]["value"] for problem in ("quadratic", "rotated"))
        return _mean_and_error(np.subtract(after, before))

    def left_open(self, problem: str, length: str) -> float:
        """What a finer grid of rates would gain: the median over optimizers, by parabolas through three rates."""
        gains = []
        for name in self.results["optimizers"]:
            row = self.rows[problem, name, length]
            sweep = sorted((float(e), value) for e, value in row["sweep"].items() if value is not None)
            place = [e for e, _ in sweep].index(row["exponent"])
            near = np.array(sweep[max(place - 1, 0) : place + 2])
            if row["inside"] and len(near) == 3:
                bend, slope, height = np.polyfit(near[:, 0] - row["exponent"], near[:, 1], 2)
                gains.append(near[1, 1] - height + slope**2 / (4 * bend) if bend > 0 else 0.0)
        return float(np.median(gains))

    def changed(self, problem: str) -> list[str]:
        """The rivals whose verdict is another one at the other length."""
        return [n for n in self.sorted(problem) if len(self._verdicts(problem, n)) > 1]

    def flipped(self, problem: str) -> list[str]:
        """The rivals that are better at one length and worse at the other."""
        return [n for n in self.sorted(problem) if self._verdicts(problem, n) == {"better", "worse"}]

    def never(self, verdict: str, length: str) -> list[str]:
        """The rivals without that verdict on any problem."""
        problems = self.results["problems"]
        return [n for n in self.rivals if all(self.verdict(p, n, length) != verdict for p in problems)]

    def _verdicts(self, problem: str, optimizer: str) -> set[str]:
        return {self.verdict(problem, optimizer, length) for length in LENGTHS}


def _mean_and_error(paired: np.ndarray) -> tuple[float, float]:
    return float(paired.mean()), float(paired.std(ddof=1) / len(paired) ** 0.5)


def with_error(mean: float, error: float) -> str:
    """`−0.012 ± 0.003`: as many decimals as the error has, of which one digit is shown, or two if it begins with 1."""
    if error <= 1e-6 * abs(mean):
        return "0" if mean == 0 else signed(mean, 3)
    first = floor(log10(error))
    places = max(0, -first + (error < 2 * 10**first))
    return f"{signed(mean, places)} ± {error:.{places}f}"


def signed(number: float, places: int) -> str:
    """With its sign, a real minus."""
    text = f"{number:+.{places}f}"
    return text.replace("-", "−") if float(text) else text[1:]


def number(value: int) -> str:
    """Up to twelve in words, above with commas."""
    return _SMALL[value] if 0 <= value < len(_SMALL) else f"{value:,}"


def _plain(value: float | int) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def listed(words: list[str]) -> str:
    """`a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def rate(exponent: float) -> str:
    """Two to that power, in two digits."""
    return f"{2.0**exponent:.2g}"


# What may stand in the role `{compared}`: the first word, then its arguments.
SAYINGS: dict[str, Callable[..., str | list[str]]] = {
    "difference": lambda c, p, n, o: with_error(*c.difference(p, o, n)),
    "between": lambda c, p, n, o, to: with_error(*c.difference(p, o, n, to)),
    "ratio": lambda c, p, n, o: f"{10 ** c.difference(p, o, n)[0]:.2f}",
    "value": lambda c, p, n, o: f"{c.value(p, o, n):.3g}".replace("-", "−"),
    "nats": lambda c, p, n, o: f"{c.value(p, o, n):.2f}",
    "percent": lambda c, p, n, o: f"{100 * c.value(p, o, n, 'accuracy'):.1f}",
    "position": lambda c, p, n, o: f"{c.value(p, o, n, 'position'):.2f}".replace("-", "−"),
    "rate": lambda c, p, n, o: rate(c.rows[p, o, n]["exponent"]),
    "count": lambda c, p, n, verdict: number(len(c.names(p, n, verdict))),
    "names": lambda c, p, n, verdict: c.names(p, n, verdict),
    "changed": lambda c, p: c.changed(p),
    "changes": lambda c, p: number(len(c.changed(p))),
    "flipped": lambda c, p: c.flipped(p),
    "never": lambda c, n, verdict: c.never(verdict, n),
    "standing": lambda c, p, n: number(sum(c.stands(p, name, n) for name in c.rivals)),
    "turned": lambda c, n, o: with_error(*c.turned(o, n)),
    "unturned": lambda c, n: [name for name in c.results["optimizers"] if abs(c.turned(name, n)[0]) < SAME],
    "duplicates": lambda c: [*c.results["duplicates"]],
    "open": lambda c, p, n: f"{c.left_open(p, n):.6f}".rstrip("0"),
    "chance": lambda c, p: f"{200 * student_t.sf(TOLD_APART, c.results['problems'][p]['seeds'] - 1):.0f}",
    "gradients": lambda c, p, n: f"{c.rows[p, c.reference, n]['gradients']:,}",
    "seeds": lambda c, p: number(c.results["problems"][p]["seeds"]),
    "about": lambda c, p, what: _plain(c.results["problems"][p][what]),
    "optimizers": lambda c: number(len(c.results["optimizers"])),
    "rivals": lambda c: number(len(c.rivals)),
    "minutes": lambda c: number(round(c.results["seconds"] / 60)),
    "times": lambda c: number(
        c.rows["text", c.reference, "long"]["gradients"] // c.rows["text", c.reference, "short"]["gradients"]
    ),
}


def say(comparison: Comparison, text: str) -> str | list[str]:
    """A number or a list of names: ``difference digits long optax.lion``; names have no spaces but underscores.

    Raises
    ------
    KeyError
        For a word, a problem, a length or an optimizer that does not exist.
    """
    word, *arguments = text.split()
    known = {name.replace(" ", "_"): name for name in comparison.results["optimizers"]}
    return SAYINGS[word](comparison, *(known.get(argument, argument) for argument in arguments))

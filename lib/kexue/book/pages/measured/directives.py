"""The directives and the role of the page that compares optimizers."""

import html
import re
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxRole

from ..cards import Drawn
from .comparison import FILE, LENGTHS, Comparison, listed, rate, say, with_error
from .dots import dots_figure


class _Compared(Drawn):
    @property
    def comparison(self) -> Comparison:
        self.env.note_dependency(str(self.root / FILE))
        return Comparison.read(self.root)


class ComparisonFigure(_Compared):
    """The picture of the problem that is named."""

    required_arguments = 1

    def draw(self) -> str:
        return dots_figure(self.comparison, self.arguments[0])


class ComparisonTable(_Compared):
    """All optimizers by all problems, at the longer length."""

    def draw(self) -> str:
        return comparison_table(self.comparison)


class ComparisonSettings(_Compared):
    """How each optimizer was called, and at which rates it was best."""

    def draw(self) -> str:
        return settings_table(self.comparison)


def comparison_table(comparison: Comparison) -> str:
    """The differences to the reference; what cannot be told apart from it is grey."""
    problems = comparison.results["problems"]
    head = "".join(f"<th>{html.escape(title)}</th>" for title in ("Optimizer", *_titles(comparison)))
    body = ""
    for name in comparison.results["optimizers"]:
        cells = "".join(f"<td>{_cell(comparison, problem, name)}</td>" for problem in problems)
        body += f"<tr><td>{_code(name)}</td>{cells}</tr>"
    return _table(head, body, "Differences to Adam")


def _titles(comparison: Comparison) -> list[str]:
    titles = [about["title"] for about in comparison.results["problems"].values()]
    return [title[0].upper() + title[1:] for title in titles]


def _cell(comparison: Comparison, problem: str, name: str) -> str:
    if name == comparison.reference:
        return f"({comparison.value(problem, name, 'long'):.3f})".replace("-", "−")
    if comparison.stands(problem, name, "long"):
        return "no rate"
    verdict, figure = (
        comparison.verdict(problem, name, "long"),
        with_error(*comparison.difference(problem, name, "long")),
    )
    mean, _, error = figure.partition(" ± ")
    return (mean if verdict == "alike" else f"<b>{mean}</b>") + (f"<br><small>± {error}</small>" if error else "")


def settings_table(comparison: Comparison) -> str:
    """The calls, and the best rates at both lengths."""
    head = "<th>Optimizer, with all its numbers</th><th>Best rates, by problem: shorter, longer</th>"
    body = ""
    for name, call in comparison.results["optimizers"].items():
        rates = [
            f"{about['title']} {', '.join(_rate(comparison, problem, name, length) for length in LENGTHS)}"
            for problem, about in comparison.results["problems"].items()
        ]
        body += (
            f"<tr><td>{_code(name)}<br><small>{html.escape(call)}</small></td>"
            f"<td><small>{html.escape('; '.join(rates))}</small></td></tr>"
        )
    left_out = "; ".join(f"{_code(name)}, {_ticked(why)}" for name, why in comparison.results["duplicates"].items())
    made = comparison.results["made_with"]
    software = ", ".join(f"{key} {value}" for key, value in made.items() if key != "processor")
    return (
        "<details><summary>Every call and every rate</summary>"
        + _table(head, body, "Calls and rates")
        + f"<p><small>Left out because they would give the same again: {left_out}.</small></p>"
        + f"<p><small>{html.escape(software)}; {html.escape(made['processor'])}.</small></p></details>"
    )


def _rate(comparison: Comparison, problem: str, name: str, length: str) -> str:
    row = comparison.rows[problem, name, length]
    return rate(row["exponent"]) if row["inside"] else "none"


def _code(name: str) -> str:
    return f"<code>{html.escape(name)}</code>"


def _ticked(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _table(head: str, body: str, label: str) -> str:
    return (
        f'<div class="kexue-scroll" tabindex="0" role="region" aria-label="{label}"><table class="kexue-ledger">'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


class Compared(SphinxRole):
    """A number, or a list of names, that a sentence takes from the file: ``{compared}`difference digits long adax```."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        root = self.env.srcdir
        self.env.note_dependency(str(root / FILE))
        try:
            said: Any = say(Comparison.read(root), self.text)
        except (KeyError, TypeError) as error:
            message = self.inliner.reporter.error(f"{{compared}}`{self.text}`: {error!r}", line=self.lineno)
            return [self.inliner.problematic(self.rawtext, self.rawtext, message)], [message]
        if isinstance(said, str):
            return [nodes.Text(said)], []
        written: list[nodes.Node] = []
        for i, name in enumerate(said):
            join = "" if i == 0 else " and " if i == len(said) - 1 else ", "
            written += [nodes.Text(join), nodes.literal(name, name)]
        return written or [nodes.Text(listed([]))], []

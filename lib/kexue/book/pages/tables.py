"""The directives that draw one row for each claim, chapter or measurement."""

import html
import json
import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import Any, ClassVar

from docutils.parsers.rst import directives

from ..notebook.claim import claim_id
from ..notebook.show import figure_html, mathematics
from ..running.registry import Post
from ..running.seeds import in_words, read_ranges
from .cards import Drawn
from .measured.scaling import scaling_figure


class Ledger(Drawn):
    """All claims with their figures; with `:relations:`, those of the relations named."""

    option_spec: ClassVar[dict[str, Any]] = {"relations": directives.unchanged}

    def draw(self) -> str:
        kept = [r.strip() for r in self.options.get("relations", "").split(",") if r.strip()]
        rows = [
            (post, c)
            for post in self.registry.published()
            for c in self.records.get(post.chapter, {}).get("claims", [])
        ]
        rows = [(post, c) for post, c in rows if not kept or c["relation"] in kept]
        if not rows:
            return "<p>Nothing yet.</p>"
        body = "".join(self.row(post, c) for post, c in rows)
        table = (
            '<div class="kexue-scroll" tabindex="0" role="region" aria-label="Table of claims"><table class="kexue-ledger"><thead><tr><th>Claim</th>'
            f"<th>Measured</th><th>Over six seeds</th><th>Bound</th><th>Relation</th><th>Chapter</th></tr></thead><tbody>{body}</tbody></table></div>"
        )
        return (self.controls(rows) if not kept else "") + table

    def row(self, post: Post, c: dict[str, Any]) -> str:
        link = (
            f'<a href="{self.to(post.docname, claim_id(c["statement"]))}">{html.escape(post.title.split(":")[0])}</a>'
        )
        figures = read_ranges(self.root).get(post.chapter, {}).get(c["statement"])
        return (
            f'<tr data-part="{post.part}" data-relation="{c["relation"]}"><td>{mathematics(c["statement"])}</td>'
            f"<td>{figure_html(c['value'], c['bound'])}</td><td>{in_words(figures)}</td><td>{mathematics(c['bound'])}</td><td>{c['relation']}</td><td>{link}</td></tr>"
        )

    def controls(self, rows: list[tuple[Post, dict[str, Any]]]) -> str:
        titles = {part.part: part.title for part in self.registry.parts}
        parts = {post.part: titles[post.part] for post, _ in rows}
        relations = {c["relation"]: c["relation"] for _, c in rows}
        return (
            f'<form class="kexue-filter" aria-label="Filter the claims">{_select("part", parts)}{_select("relation", relations)}'
            f'<output aria-live="polite">{len(rows)} of {len(rows)} claims</output></form>'
        )


def _select(name: str, choices: dict[str, str]) -> str:
    options = "".join(f'<option value="{value}">{html.escape(label)}</option>' for value, label in choices.items())
    return f'<label>{name.capitalize()} <select name="{name}"><option value="">all</option>{options}</select></label>'


class Status(Drawn):
    """The last run of every chapter: time, claims, versions."""

    def draw(self) -> str:
        head = ("Chapter", "Seconds", "of them overhead", "Claims", "Outputs, kB", "JAX", "optax", "diffrax", "Python")
        rows = []
        for post in self.registry.published():
            record = self.records.get(post.chapter)
            cells: Iterable[Any] = ["not run yet"] + [""] * 7
            if record:
                v = record["versions"]
                cells = (record["seconds"], record["overhead"], len(record["claims"]), record["kilobytes"])
                cells = (*cells, v["jax"], v["optax"], v["diffrax"], record["python"])
            link = f'<a href="{self.to(post.docname)}">{html.escape(post.title)}</a>'
            rows.append(f"<tr><td>{link}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
        top = "".join(f"<th>{name}</th>" for name in head)
        return (
            '<div class="kexue-scroll" tabindex="0" role="region" aria-label="Last run of every chapter"><table class="kexue-ledger">'
            f"<thead><tr>{top}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
        )


class Benchmarks(Drawn):
    """The figures of the last `make bench`, from `benchmarks/results.json`."""

    _figures: ClassVar = ("Ratio", "First calls", "Largest difference")

    def draw(self) -> str:
        path = self.root / "benchmarks" / "results.json"
        self.env.note_dependency(str(path))
        results = json.loads(path.read_text(encoding="utf-8"))
        made_with = Counter((entry["Software"], entry["Processor"]) for entry in results["rows"])
        usual = made_with.most_common(1)[0][0]
        rows = ""
        for workload, entries in groupby(results["rows"], key=lambda entry: entry["Workload"]):
            title = html.escape(workload[0].upper() + workload[1:])
            rows += f'<tr><th colspan="5" scope="rowgroup"><span>{title}</span></th></tr>'
            rows += "".join(self._row(entry, usual) for entry in entries)
        head = "".join(f"<th>{column}</th>" for column in ("Ours", "Peer", *self._figures))
        software, processor = map(html.escape, usual)
        return (
            '<div class="kexue-scroll" tabindex="0" role="region" aria-label="Benchmarks"><table class="kexue-ledger kexue-peers">'
            f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
            f"<p><small>Where a row does not say otherwise: {software}; {processor}.</small></p>"
        )

    def _row(self, entry: dict[str, Any], usual: tuple[str, str]) -> str:
        def side(name: str, median: str, note: str = "") -> str:
            breakable = re.sub(r"([._])(?=\w)", r"\1<wbr>", html.escape(entry[name]))
            return f"<td>{breakable}<br><b>{html.escape(entry[median])}</b>{note}</td>"

        made_with = (entry["Software"], entry["Processor"])
        note = f"<br><small>{html.escape('; '.join(made_with))}</small>" if made_with != usual else ""
        rest = "".join(f"<td>{html.escape(entry[name])}</td>" for name in self._figures)
        return f"<tr>{side('Ours', 'Median', note)}{side('Peer', 'Its median')}{rest}</tr>"


class ScalingCurve(Drawn):
    """Throughput against the number of chains, from `benchmarks/scaling.json`."""

    def draw(self) -> str:
        path = self.root / "benchmarks" / "scaling.json"
        self.env.note_dependency(str(path))
        return scaling_figure(json.loads(path.read_text(encoding="utf-8")))

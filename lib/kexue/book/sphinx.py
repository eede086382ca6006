"""The Sphinx extension of the book: post cards, map of chapters, ledger of claims, status, downloads.

Every directive draws from `posts.yml` and from the records of the last run of each chapter; a page never
states a figure that was not measured by the build it belongs to.
"""

import html
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

from ._claim import claim_id
from ._execute import explorable_path, read_records
from ._registry import Post, Registry, load
from ._scaling import scaling_figure
from ._show import figure_html, mathematics

_STATIC = Path(__file__).parent / "static"


class _Drawn(SphinxDirective):
    """A directive that writes one piece of HTML from the registry and the records."""

    has_content = False

    def run(self) -> list[nodes.Node]:
        for path in (self.root / "posts.yml", self.root / "_build" / "records.json"):
            self.env.note_dependency(str(path))
        return [nodes.raw("", self.draw(), format="html")]

    def draw(self) -> str:
        raise NotImplementedError

    @property
    def root(self) -> Path:
        return Path(self.env.srcdir)

    @property
    def registry(self) -> Registry:
        return load(self.root)

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        return read_records(self.root)

    def to(self, docname: str, anchor: str = "") -> str:
        """A link from this page to another one."""
        builder = self.env.app.builder
        target = relative_uri(builder.get_target_uri(self.env.docname), builder.get_target_uri(docname))
        return target + (f"#{anchor}" if anchor else "")

    def file(self, path: str) -> str:
        """A link from this page to a file of the site."""
        return relative_uri(self.env.app.builder.get_target_uri(self.env.docname), path)


class PostCard(_Drawn):
    """The card of a chapter: its post, its measured time, its claims, where to run it."""

    required_arguments = 1

    def draw(self) -> str:
        post, record = self.registry.of(self.arguments[0]), self.records.get(self.arguments[0], {})
        options = self.config.html_theme_options
        address, branch = options["repository_url"], options.get("repository_branch") or "main"
        repository = address.removeprefix("https://github.com/")
        colab = f"https://colab.research.google.com/github/{repository}/blob/{branch}/{post.path}"
        binder = f"https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{post.path}"
        claims = len(record.get("claims", []))
        accelerator = (
            f"{post.seconds['accelerator']:g} s on {post.device}"
            if "accelerator" in post.seconds
            else "not measured yet"
        )
        facts = [
            ("Run time, CPU", f"{record['seconds']:.0f} s" if record else "not run yet"),
            ("Accelerator", html.escape(accelerator)),
            ("Claims checked", f'<a href="{self.to("appendix/ledger")}">{claims}</a>'),
            (
                "Last passed on",
                f"JAX {record['versions']['jax']}, Python {record['python']}" if record else "not run yet",
            ),
        ]
        rows = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
        plain, executed = (self.file(f"downloads/{post.chapter}{suffix}.ipynb") for suffix in ("", "-executed"))
        return (
            f'<aside class="kexue-card" aria-label="About this chapter"><p>Follows <a href="{post.url}" lang="zh">{html.escape(post.original)}</a> '
            f"by {html.escape(self.registry.author)}, {post.date}.</p><dl>{rows}</dl>"
            f'<p class="kexue-actions"><a class="kexue-badge" href="{colab}">Open in Colab</a> '
            f'<a class="kexue-badge" href="{binder}">Open in Binder</a> '
            f'<a download href="{plain}">Notebook</a> <a download href="{executed}">Executed notebook</a></p></aside>'
        )


class ChapterExplorable(_Drawn):
    """The first explorable of a chapter, shown on another page."""

    required_arguments = 1

    def draw(self) -> str:
        path = explorable_path(self.root, self.registry.of(self.arguments[0]).chapter)
        return path.read_text(encoding="utf-8") if path.is_file() else "<p>Not run yet.</p>"


class ChapterMap(_Drawn):
    """The map of chapters: of the whole book, or of the part named."""

    optional_arguments = 1

    def draw(self) -> str:
        wanted = self.arguments[0] if self.arguments else None
        parts = [part for part in self.registry.parts if wanted in (None, part.part)]
        if not parts:
            raise self.error(f"no part {wanted!r} in posts.yml")
        sections = []
        for part in parts:
            tiles = "".join(self.tile(post) for post in self.registry.posts if post.part == part.part)
            head = f'<div class="kexue-part"><p class="kexue-part-title">{html.escape(part.title)}</p><p>{html.escape(part.summary)}</p></div>'
            sections.append(
                f'<section aria-label="{html.escape(part.title)}">{"" if wanted else head}<ol>{tiles}</ol></section>'
            )
        return f'<div class="kexue-map">{"".join(sections)}</div>'

    def tile(self, post: Post) -> str:
        title, original = html.escape(post.title), f'<span lang="zh">{html.escape(post.original)}</span>'
        if post.status == "planned":
            return f'<li class="kexue-tile" data-status="planned" value="{post.order}"><b>{title}</b>{original}<small>planned</small></li>'
        record = self.records.get(post.chapter, {})
        facts = f"{record['seconds']:.0f} s · {len(record['claims'])} claims" if record else "not run yet"
        link = f'<a href="{self.to(post.docname)}">{title}</a>'
        return f'<li class="kexue-tile" data-status="published" value="{post.order}"><b>{link}</b>{original}<small>{facts}</small></li>'


class Ledger(_Drawn):
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
            f"<th>Measured</th><th>Bound</th><th>Relation</th><th>Chapter</th></tr></thead><tbody>{body}</tbody></table></div>"
        )
        return (self.controls(rows) if not kept else "") + table

    def row(self, post: Post, c: dict[str, Any]) -> str:
        link = (
            f'<a href="{self.to(post.docname, claim_id(c["statement"]))}">{html.escape(post.title.split(":")[0])}</a>'
        )
        return (
            f'<tr data-part="{post.part}" data-relation="{c["relation"]}"><td>{mathematics(c["statement"])}</td>'
            f"<td>{figure_html(c['value'], c['bound'])}</td><td>{mathematics(c['bound'])}</td><td>{c['relation']}</td><td>{link}</td></tr>"
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


class Status(_Drawn):
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


class DataCards(_Drawn):
    """The cards of `kexue.data`."""

    def draw(self) -> str:
        from kexue import data

        cards = []
        for card in data.cards():
            facts = "".join(
                f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(str(value))}</dd></div>"
                for name, value in card._asdict().items()
                if name != "name"
            )
            cards.append(
                f'<section class="kexue-data" id="data-{card.name}"><h2><code>kexue.data.{card.name}</code></h2><dl>{facts}</dl></section>'
            )
        return "".join(cards)


class Benchmarks(_Drawn):
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


class ScalingCurve(_Drawn):
    """Throughput against the number of chains, from `benchmarks/scaling.json`."""

    def draw(self) -> str:
        path = self.root / "benchmarks" / "scaling.json"
        self.env.note_dependency(str(path))
        return scaling_figure(json.loads(path.read_text(encoding="utf-8")))


def _add_static(app: Sphinx) -> None:
    """Self-hosted scripts: Vega from the installed package, the explorables' own script and style."""
    from ._explore import vega_bundle

    vendor = Path(app.outdir).parent / "vendor"
    vendor.mkdir(parents=True, exist_ok=True)
    for path in _STATIC.iterdir():
        shutil.copy2(path, vendor / path.name)
    (vendor / "vega.js").write_text(vega_bundle(), encoding="utf-8")
    app.config.html_static_path.append(str(vendor))


def _drop_thebe(app: Sphinx) -> None:
    """sphinx-thebe adds its script twice under this Sphinx, and the book does not use it."""
    for event in ("builder-inited", "env-before-read-docs", "doctree-resolved"):
        listeners = app.events.listeners.get(event, [])
        listeners[:] = [
            listener for listener in listeners if not listener.handler.__module__.startswith("sphinx_thebe")
        ]


def _shorten_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None]:
    """Write shapes as the source does: `Float[Array, "chains dim"]`, not `Float[jaxlib._jax.Array, …]`."""

    def shorten(text: str | None) -> str | None:
        return text and re.sub(
            r"\b(?:jaxlib\._jax|jax|numpy|typing|optax\._src\.base|collections\.abc)\.(?=[A-Z]|ndarray)", "", text
        )

    return shorten(signature), shorten(returns)


def _keep_colons(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Napoleon reads "type: description" in the first line of an attribute's docstring. Ours are sentences."""
    if what in ("attribute", "property"):
        lines[:0] = ["..", ""]  # an empty comment has no colon


def _ask_for_mathjax(app: Sphinx, doctree: nodes.document) -> None:
    """Formulas in raw HTML do not tell Sphinx that the page needs MathJax."""
    if any(r"\(" in node.astext() for node in doctree.findall(nodes.raw)):
        app.env.get_domain("math").data["has_equations"][app.env.docname] = True


def _write_downloads(app: Sphinx, exception: Exception | None) -> None:
    """The plain and the executed notebook of every chapter, for download."""
    if exception is not None or app.builder.format != "html":
        return
    import nbformat
    from jupyter_cache import get_cache

    root, out = Path(app.srcdir), Path(app.outdir) / "downloads"
    cache = get_cache(root / "_build" / ".jupyter_cache")
    for post in load(root).published():
        target = out / f"{post.chapter}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / post.path, target)
        _, executed = cache.merge_match_into_notebook(nbformat.read(target, as_version=4))
        nbformat.write(executed, target.with_name(f"{target.stem}-executed.ipynb"))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directives and the hooks."""
    for name, directive in {
        "post-card": PostCard,
        "chapter-explorable": ChapterExplorable,
        "chapter-map": ChapterMap,
        "claims-ledger": Ledger,
        "status-table": Status,
        "data-cards": DataCards,
        "benchmark-table": Benchmarks,
        "scaling-curve": ScalingCurve,
    }.items():
        app.add_directive(name, directive)
    # Before sphinx-thebe's own handler, which has the default priority.
    app.connect("builder-inited", _drop_thebe, priority=1)
    app.connect("builder-inited", _add_static)
    app.connect("doctree-read", _ask_for_mathjax)
    app.connect("build-finished", _write_downloads)
    app.connect("autodoc-process-signature", _shorten_signature)
    app.connect("autodoc-process-docstring", _keep_colons, priority=400)  # before Napoleon's
    app.add_js_file("explorable.js", loading_method="defer")
    app.add_css_file("explorable.css")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

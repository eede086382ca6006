"""The directives that speak of one thing: the card of a chapter, its explorable, the map, a data set.

Each draws from `posts.yml` and from the records of the last run; a page never states a figure that was not
measured by the build it belongs to.
"""

import html
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.osutil import relative_uri

from ..running.execute import explorable_path, read_records
from ..running.registry import Post, Registry, load


class Drawn(SphinxDirective):
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


class PostCard(Drawn):
    """The card of a chapter: its post, its measured time, its claims, where to run it."""

    required_arguments = 1

    def draw(self) -> str:
        post, record = self.registry.of(self.arguments[0]), self.records.get(self.arguments[0], {})
        options = self.config.html_theme_options
        address, branch = options["repository_url"], options.get("repository_branch") or "main"
        repository = address.removeprefix("https://github.com/")
        colab = f"https://colab.research.google.com/github/{repository}/blob/{branch}/{post.notebook}"
        binder = f"https://mybinder.org/v2/gh/{repository}/{branch}?urlpath=lab/tree/{post.notebook}"
        claims = len(record.get("claims", []))
        machine = (record.get("backend") or "cpu").upper()
        facts = [("Chapter", str(post.order))]
        facts.append((f"Run time, {machine}", f"{record['seconds']:.0f} s" if record else "not run yet"))
        if "accelerator" in post.seconds:
            facts.append(("Accelerator", html.escape(f"{post.seconds['accelerator']:g} s on {post.device}")))
        facts += [
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
            f"(“{html.escape(post.translation)}”) by {html.escape(self.registry.author)}, {post.date}.</p><dl>{rows}</dl>"
            f'<p class="kexue-actions"><a class="kexue-badge" href="{colab}">Open in Colab</a> '
            f'<a class="kexue-badge" href="{binder}">Open in Binder</a> '
            f'<a download href="{plain}">Notebook</a> <a download href="{executed}">Executed notebook</a></p></aside>'
        )


class ChapterExplorable(Drawn):
    """The first explorable of a chapter, shown on another page."""

    required_arguments = 1

    def draw(self) -> str:
        path = explorable_path(self.root, self.registry.of(self.arguments[0]).chapter)
        return path.read_text(encoding="utf-8") if path.is_file() else "<p>Not run yet.</p>"


class ChapterMap(Drawn):
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
        title = f"<i>{post.order}</i> {html.escape(post.title)}"
        original = f'<span lang="zh">{html.escape(post.original)}</span>'
        if post.status == "planned":
            return f'<li class="kexue-tile" data-status="planned" value="{post.order}"><b>{title}</b>{original}<small>planned</small></li>'
        record = self.records.get(post.chapter, {})
        facts = f"{record['seconds']:.0f} s · {len(record['claims'])} claims" if record else "not run yet"
        link = f'<a href="{self.to(post.docname)}">{title}</a>'
        return f'<li class="kexue-tile" data-status="published" value="{post.order}"><b>{link}</b>{original}<small>{facts}</small></li>'


class DataCards(Drawn):
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

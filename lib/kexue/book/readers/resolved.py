"""What Sphinx has resolved, for readers' notebooks: the numbers and addresses of one chapter."""

from typing import Any
from urllib.parse import quote

from sphinx.application import Sphinx

from .markdown import Known, Source


def known(app: Sphinx, docname: str) -> Known:
    """The numbers of a chapter's equations, figures and exercises, and where its terms, sources and links lead."""
    base, numbers = app.config.html_baseurl, app.env.toc_fignumbers.get(docname, {})
    standard: Any = app.env.get_domain("std")

    def address(name: str, anchor: str = "") -> str:
        return f"{base}{app.builder.get_target_uri(name)}" + (f"#{anchor}" if anchor else "")

    def dotted(kind: str) -> dict[str, str]:
        return {name: ".".join(map(str, number)) for name, number in numbers.get(kind, {}).items()}

    figures = dotted("figure")
    labels = {
        label: figures[id_] for label, (place, id_, _) in standard.labels.items() if place == docname and id_ in figures
    }
    terms = {name.lower(): address(*place) for (kind, name), place in standard.objects.items() if kind == "term"}
    return Known(
        docname=docname,
        page=address(docname),
        equations={name.removeprefix("equation-"): number for name, number in dotted("displaymath").items()},
        figures=tuple(figures.values()),
        labels=labels,
        exercises=dotted("exercise"),
        terms=terms,
        sources=_sources(app, address("appendix/bibliography")),
        pages={name: address(name) for name in app.env.found_docs},
    )


def _sources(app: Sphinx, bibliography: str) -> dict[str, Source]:
    """All entries of the bibliography, with the address that they give themselves."""
    cited: Any = app.env.get_domain("cite")
    entries = cited.bibdata.data.entries
    return {key: _source(entry, bibliography) for key, entry in entries.items()}


def _source(entry: Any, bibliography: str) -> Source:
    people = [" ".join([*person.prelast_names, *person.last_names]) for person in entry.persons.get("author", [])]
    authors = f"{people[0]} et al." if len(people) > 2 else " and ".join(people)
    fields = entry.fields
    if "doi" in fields:
        address = f"https://doi.org/{quote(fields['doi'])}"  # parentheses would end a link
    elif "eprint" in fields:
        address = f"https://arxiv.org/abs/{fields['eprint']}"
    else:
        address = fields.get("url", bibliography)
    return Source(authors.replace("{", "").replace("}", ""), fields.get("year", ""), address)

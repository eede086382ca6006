"""The registry of the book, `posts.yml`: its parts and posts, in reading order."""

from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml


class RegistryError(ValueError):
    """`posts.yml` and the tree do not agree."""


@dataclass(frozen=True)
class Part:
    """A part of the book."""

    part: str
    title: str
    summary: str


@dataclass(frozen=True)
class Post:
    """A post of the blog, and the chapter that follows it."""

    part: str
    slug: str
    order: int
    title: str
    original: str
    translation: str
    archive: int
    date: str
    url: str
    status: str
    seconds: dict[str, float] = field(default_factory=dict)
    device: str = ""
    edition: int = 2  # chapters of the first keep its budgets until they are rewritten

    @property
    def chapter(self) -> str:
        """The one name that notebook, modules, tests and benchmarks share: ``PART/SLUG``."""
        return f"{self.part}/{self.slug}"

    @property
    def docname(self) -> str:
        """The Sphinx document of the chapter."""
        return f"chapters/{self.chapter}"

    @property
    def path(self) -> str:
        """The notebook, relative to the book's root."""
        return f"{self.docname}.ipynb"

    @property
    def notebook(self) -> str:
        """The notebook that readers open, written from the chapter's; relative to the book's root."""
        return f"notebooks/{self.chapter}.ipynb"


@dataclass(frozen=True)
class Registry:
    """The whole of `posts.yml`."""

    author: str
    blog: str
    parts: tuple[Part, ...]
    posts: tuple[Post, ...]

    def published(self) -> list[Post]:
        """The posts that have a chapter, in reading order."""
        return [post for post in self.posts if post.status == "published"]

    def of(self, chapter: str) -> Post:
        """The post of a chapter ``PART/SLUG``; `RegistryError` for an unknown one."""
        for post in self.posts:
            if post.chapter == chapter:
                return post
        raise RegistryError(f"posts.yml has no entry for the chapter {chapter!r}")


def load(root: str | Path) -> Registry:
    """Read `posts.yml` below `root` and check it against the notebooks.

    Raises
    ------
    RegistryError
        A field is missing or unknown, a status, an edition or a part is unknown, two entries share a name or an order,
        a published post has no notebook, or a notebook has no published entry.
    """
    root = Path(root)
    raw = yaml.safe_load((root / "posts.yml").read_text(encoding="utf-8"))
    parts = tuple(Part(**part) for part in raw["parts"])
    posts = tuple(sorted((_post(entry) for entry in raw["posts"]), key=lambda post: post.order))
    known = {part.part for part in parts}
    for post in posts:
        if post.part not in known:
            raise RegistryError(
                f"posts.yml: {post.chapter} is in the unknown part {post.part!r} (parts: {sorted(known)})"
            )
        if post.status not in ("published", "planned"):
            raise RegistryError(
                f"posts.yml: status of {post.chapter} must be published or planned, got {post.status!r}"
            )
        if post.edition not in (1, 2):
            raise RegistryError(f"posts.yml: edition of {post.chapter} must be 1 or 2, got {post.edition!r}")
        if post.status == "published" and not (root / post.path).is_file():
            raise RegistryError(f"posts.yml: {post.chapter} is published but {post.path} does not exist")
    for what in ("chapter", "order", "archive"):
        values = [getattr(post, what) for post in posts]
        twice = sorted({str(v) for v in values if values.count(v) > 1})
        if twice:
            raise RegistryError(f"posts.yml: two entries share the {what} {', '.join(twice)}")
    published = {post.path for post in posts if post.status == "published"}
    for notebook in sorted((root / "chapters").glob("*/*.ipynb")):
        path = notebook.relative_to(root).as_posix()
        if path not in published:
            raise RegistryError(f"{path} has no published entry in posts.yml")
    return Registry(raw["author"], raw["blog"], parts, posts)


def _post(entry: dict[str, Any]) -> Post:
    name = f"{entry.get('part')}/{entry.get('slug')}"
    required = {f.name for f in fields(Post) if f.default is MISSING and f.default_factory is MISSING}
    if missing := sorted(required - entry.keys()):
        raise RegistryError(f"posts.yml: the entry {name} lacks {', '.join(missing)}")
    if unknown := sorted(entry.keys() - {f.name for f in fields(Post)}):
        raise RegistryError(f"posts.yml: the entry {name} has the unknown field {', '.join(unknown)}")
    seconds = {scale: float(value) for scale, value in entry.get("seconds", {}).items()}
    return Post(**{**entry, "date": str(entry["date"]), "seconds": seconds})

"""Figures, equations and exercises count by chapter: Figure 12.3 is the third of the twelfth chapter.

The chapter's number is its `order` in `posts.yml`, which the map and the card show: the plan has a place for every
post, so that a number does not change when a chapter before it is published.
"""

from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from ..running.registry import load


def number_by_chapter(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Replace the numbers that Sphinx has given through the whole book; other pages count from one."""
    orders = {post.docname: post.order for post in load(Path(app.srcdir)).published()}
    for docname, kinds in env.toc_fignumbers.items():
        chapter = (orders[docname],) if docname in orders else ()
        for numbers in kinds.values():
            numbers.update({name: (*chapter, count) for count, name in enumerate(numbers, 1)})
    return []

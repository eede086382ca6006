"""The index of the search: Chinese by characters and pairs of characters, and words of raw HTML apart from each other."""

import html
import re
from itertools import pairwise
from typing import Any

import sphinx.search
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.search import WordCollector
from sphinx.search.en import SearchEnglish

_HAN = r"\u3400-\u4dbf\u4e00-\u9fff"
_WORDS = re.compile(rf"[{_HAN}]+|[^\W{_HAN}]+")


class BookSearch(SearchEnglish):
    """English, with Chinese among it.

    Chinese is written without spaces, and the search looks for parts of words from three characters on only, which most
    Chinese words do not have. Here every character and every pair of neighbours is a word of its own; a longer word is
    looked for as all its pairs.
    """

    js_splitter_code = r"""
function splitQuery(query) {
  const words = query.match(/[\u3400-\u4dbf\u4e00-\u9fff]+|(?:(?![\u3400-\u4dbf\u4e00-\u9fff])[\p{Letter}\p{Number}_])+/gu) ?? [];
  return words.flatMap((word) => {
    const isHan = /^[\u3400-\u4dbf\u4e00-\u9fff]{3,}$/.test(word);
    return isHan ? Array.from({ length: word.length - 1 }, (_, i) => word.slice(i, i + 2)) : [word];
  });
}
// A word of a title counts for more than the name of a function.
Object.assign(Scorer, { title: 25, partialTitle: 18 });
"""

    def split(self, input: str) -> list[str]:
        """The words of the index; of 梯度流 they are 梯, 度, 流, 梯度 and 度流."""
        found: list[str] = []
        for word in _WORDS.findall(input):
            if re.match(f"[{_HAN}]", word):
                found += [*word, *map("".join, pairwise(word))]
            else:
                found.append(word)
        return found


class _Words(WordCollector):
    """As Sphinx's, which drops the tags of raw HTML and leaves nothing between the words that they separated."""

    def dispatch_visit(self, node: nodes.Node) -> None:
        if isinstance(node, nodes.raw) and "html" in node.get("format", "").split():
            text = re.sub(r"<(style|script)\b.*?</\1>", " ", node.astext(), flags=re.IGNORECASE | re.DOTALL)
            self.found_words.extend(self.lang.split(html.unescape(re.sub(r"<[^<]+?>", " ", text))))
            raise nodes.SkipNode
        super().dispatch_visit(node)


def setup(app: Sphinx) -> dict[str, Any]:
    """Take the place of the search language `en`."""
    app.add_search_language(BookSearch)
    sphinx.search.WordCollector = _Words  # type: ignore[misc]
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

"""In the code of a chapter, the first use of a name of the library leads to its entry."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

from .names import imported_names


def _link_names(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """In a chapter, the first use of each name of the library in code leads to its entry."""
    notebook = Path(app.srcdir) / f"{pagename}.ipynb"
    if not (pagename.startswith("chapters/") and notebook.is_file() and "body" in context):
        return
    objects = app.env.get_domain("py").data["objects"]
    for word, name in imported_names(notebook).items():
        if name in objects and f'#{name}"' not in context["body"]:
            context["body"] = linked(context["body"], word, f"{context['pathto'](objects[name].docname)}#{name}")


def linked(body: str, word: str, address: str) -> str:
    """The page with a link at the first place where code uses `word`, a name or `module.name`: no import, no keyword."""
    tokens = '<span class="o">.</span>'.join(f'<span class="n">{name}</span>' for name in word.split("."))
    use = re.compile(rf'(?<!<span class="o">\.</span>){tokens}(?!<span class="o">=</span>)')
    for match in use.finditer(body):
        if not _is_import(body[body.rfind("<pre", 0, match.start()) : match.start()]):
            return f'{body[: match.start()]}<a class="kexue-name" href="{address}">{match[0]}</a>{body[match.end() :]}'
    return body


def _is_import(before: str) -> bool:
    """Whether code that begins like this is in the middle of an import, which may go over lines in brackets."""
    text = re.sub("<[^>]*>", "", before)
    return bool(re.search(r"^[ \t]*(from|import)\b(?:[^\n(]*|[^\n]*\([^)]*)\Z", text, re.MULTILINE))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the hook."""
    app.connect("html-page-context", _link_names)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}

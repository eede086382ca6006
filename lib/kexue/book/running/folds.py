"""Which code of a chapter stands in sight: decided from a cell's source and metadata alone.

Claims and exercises are checked by code that says again what the page already says; what is executed and
downloaded keeps it, what is read leaves it out.
"""

import ast
from typing import Any

FOLDED_TAGS = frozenset({"hide-input", "hide-cell"})


def _calls(node: ast.AST, name: str) -> bool:
    """Whether `name(…)` is called somewhere in `node`."""
    return any(
        isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id == name
        for part in ast.walk(node)
    )


def _only_claims(statement: ast.stmt) -> bool:
    """Whether a statement does nothing but claim: a call of `claim`, or a loop over such calls."""
    if isinstance(statement, ast.Expr):
        return _calls(statement, "claim")
    return isinstance(statement, ast.For) and all(map(_only_claims, statement.body))


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except SyntaxError:  # a magic, a sketch: nothing is known about it
        return []


def _lines(statements: list[ast.stmt]) -> set[int]:
    return {line for s in statements for line in range(s.lineno, (s.end_lineno or s.lineno) + 1)}


def _claim_lines(source: str) -> set[int]:
    statements = _statements(source)
    claims = [s for s in statements if _only_claims(s)]
    return _lines(claims) - _lines([s for s in statements if not _only_claims(s)])


def without_claims(source: str) -> str:
    """The source without the statements that only claim, and without the gaps that they leave."""
    cut = _claim_lines(source)
    kept = [line for number, line in enumerate(source.splitlines(), 1) if number not in cut]
    whole: list[str] = []
    for line in kept:
        if line.strip() or (whole and whole[-1].strip()):
            whole.append(line)
    return "\n".join(whole).rstrip()


def is_mostly_claims(source: str) -> bool:
    """Whether at least half of the lines of a cell belong to claims."""
    lines = {number for number, line in enumerate(source.splitlines(), 1) if line.strip()}
    claims = _claim_lines(source) & lines
    return bool(claims) and 2 * len(claims) >= len(lines)


def defined_exercises(source: str) -> int:
    """How many exercises a cell defines, solutions included."""
    calls = (node for statement in _statements(source) for node in ast.walk(statement))
    return sum(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "exercise"
        and any(keyword.arg == "solution" for keyword in node.keywords)
        for node in calls
    )


def is_folded(source: str, metadata: dict[str, Any]) -> bool:
    """Whether a page shows a cell's code only on demand: by its tag, its name for a fold, or what it does."""
    return bool(
        FOLDED_TAGS & set(metadata.get("tags", []))
        or metadata.get("kexue", {}).get("fold")
        or is_mostly_claims(source)
        or defined_exercises(source)
    )


def in_sight(source: str, metadata: dict[str, Any]) -> list[str]:
    """The lines of a cell's code that a page shows at once; empty for a folded cell."""
    return [] if is_folded(source, metadata) else [line for line in without_claims(source).splitlines() if line.strip()]

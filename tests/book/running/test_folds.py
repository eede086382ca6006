"""Which code stands in sight, and which is folded."""

import pytest

from kexue.book.running.folds import defined_exercises, in_sight, is_folded, is_mostly_claims, without_claims

CODE_AND_CLAIMS = """\
x = solve(3)
y = x + 1

claim("the first", x, below=1)
claim(
    "the second",
    y,
    above=2,
);

for name in names:
    claim(name, y, below=3)
z = claim_of(x)
"""


def test_claims_are_cut_from_code_and_leave_no_gap():
    assert without_claims(CODE_AND_CLAIMS) == "x = solve(3)\ny = x + 1\n\nz = claim_of(x)"
    assert in_sight(CODE_AND_CLAIMS, {}) == []  # eight of eleven lines claim: the cell is folded
    longer = "\n".join(f"a{i} = {i}" for i in range(9)) + "\n" + CODE_AND_CLAIMS
    assert in_sight(longer, {}) == longer.splitlines()[:11] + ["z = claim_of(x)"]


@pytest.mark.parametrize(
    "source",
    [
        'held = claim("kept for later", x, below=1)',
        'x = 1; claim("shares its line", x, below=2)',
        'with x64():\n    claim("computes something", f(1), below=2)\n    y = 2',
        "claimed(1)",
        "%timeit claim(1",
    ],
)
def test_what_does_more_than_claim_is_kept(source):
    assert without_claims(source) == source and not is_mostly_claims(source)


def test_half_of_the_lines_are_enough_to_fold():
    claim = 'claim("s", 1, below=2)\n'
    assert is_mostly_claims("a = 1\n\n" + claim)
    assert not is_mostly_claims("a = 1\nb = 2\n" + claim)
    assert not is_mostly_claims("\n")


def test_exercises_that_a_cell_defines():
    define = 'exercise("e", solution=lambda: 1, at=[2])'
    assert defined_exercises(define + "\n" + define) == 2
    assert defined_exercises('answer = ...\nexercise("e").check(answer)') == 0
    assert is_folded(define, {}) and not is_folded('exercise("e").check(1)', {})


@pytest.mark.parametrize(
    "metadata", [{"tags": ["hide-input"]}, {"tags": ["hide-cell"]}, {"kexue": {"fold": "Training"}}]
)
def test_metadata_folds_a_cell(metadata):
    assert is_folded("x = 1", metadata) and in_sight("x = 1", metadata) == []
    assert not is_folded("x = 1", {"tags": ["remove-output"]})

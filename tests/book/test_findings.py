"""Every script of a finding has the form, and is listed on the page and in the folder's table."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FINDINGS = ROOT / "findings"
SCRIPTS = sorted(FINDINGS.glob("*.sh"))
PAGE = (ROOT / "appendix" / "findings.md").read_text(encoding="utf-8")
README = (FINDINGS / "README.md").read_text(encoding="utf-8")
HEAD = re.compile(
    r"#!/usr/bin/env bash\n"
    + "".join(rf"# {key}: \S.*\n(?:#   \S.*\n)*" for key in ("Expected", "Happens", "Versions", "Source"))
    + r"set -euo pipefail\n"
)
ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
LINE = re.compile(r"^- `(\w+)` \(([^)]+)\): (.+)$", re.MULTILINE)


def test_the_page_and_the_table_list_the_scripts_with_the_same_words():
    rows, lines = ROW.findall(README), LINE.findall(PAGE)
    assert sorted(name for name, _, _ in rows) == [path.stem for path in SCRIPTS]
    assert lines == rows


def test_the_page_is_in_the_table_of_contents_after_what_we_found():
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    files = [chapter["file"] for chapter in parts[-1]["chapters"]]
    assert files.index("appendix/findings") == files.index("appendix/found") + 1


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_finding_has_the_form(path):
    text = path.read_text(encoding="utf-8")
    assert os.access(path, os.X_OK)
    assert HEAD.match(text)
    assert "trap 'rm -rf \"$folder\"' EXIT" in text
    assert "PYTHON=${PYTHON:-python3.12}" in text
    assert re.search(r"^\s*assert ", text, re.MULTILINE)
    assert subprocess.run(["bash", "-n", path], check=False).returncode == 0


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_finding_installs_pinned_packages_from_the_readers_own_index(path):
    text = path.read_text(encoding="utf-8")
    installs = re.findall(r"pip\"? install --quiet --disable-pip-version-check (.+)", text)
    assert installs
    assert all(re.fullmatch(r"[\w.-]+==[\w.$]+", package) for line in installs for package in line.split())
    assert not re.search(r"https?:|index-url|find-links|/work|/root|/home|kexue", text)

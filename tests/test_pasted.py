"""What a visitor pastes first: every block of code in the README, on the cover and in two pages of the appendix."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "index.md", "appendix/building.md", "appendix/library.md")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ADDRESS = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]["url"]


def blocks(language: str) -> list:
    """The blocks of a language, page by page, in their order."""
    found = []
    for page in PAGES:
        text = (ROOT / page).read_text(encoding="utf-8")
        found += [
            pytest.param(m[2], id=f"{page}:{text[: m.start()].count(chr(10)) + 1}")
            for m in BLOCK.finditer(text)
            if m[1] == language
        ]
    return found


def test_no_block_is_overlooked():
    languages = {m[1] for page in PAGES for m in BLOCK.finditer((ROOT / page).read_text(encoding="utf-8"))}
    assert languages == {"python", "bash"}


@pytest.mark.parametrize("source", blocks("python"))
def test_python_runs_as_it_stands(source, monkeypatch):
    monkeypatch.chdir(ROOT)
    exec(compile(source, "pasted", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("source", blocks("bash"))
def test_commands_exist(source):
    for line in source.splitlines():
        for command in line.split("#")[0].split("&&"):
            words = command.split()
            if not words:
                continue
            if words[0] == "make":
                done = subprocess.run(
                    [shutil.which("make"), "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True
                )
                assert done.returncode == 0, done.stderr
            elif words[0] == "git":
                assert words[1:] == ["clone", ADDRESS]
            elif words[0] == "pip":
                assert re.fullmatch(rf'pip install "kexue(\[book\])? @ git\+{re.escape(ADDRESS)}"', command.strip())
            else:
                assert words == ["cd", ADDRESS.rpartition("/")[2]], command


def test_every_target_of_make_that_is_named_exists():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = {
        word for page in PAGES for word in re.findall(r"`make ([a-z]+)", (ROOT / page).read_text(encoding="utf-8"))
    }
    assert named and named <= targets

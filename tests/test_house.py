"""How the library is laid out: folders and modules of a size to read at once; tests and benchmarks beside them."""

from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import kexue

ROOT = Path(__file__).parent.parent
HOME = ROOT / "lib" / "kexue"
PARTS = sorted(path.parent.name for path in HOME.glob("*/__init__.pyi") if path.parent.name != "book")
FOLDERS = sorted({path.parent for part in PARTS for path in (HOME / part).rglob("*.py")})


def modules(folder):
    return [path for path in folder.glob("*.py") if path.name != "__init__.py"]


def name(folder):
    return folder.relative_to(HOME).as_posix()


@pytest.mark.parametrize("folder", FOLDERS, ids=name)
def test_no_folder_holds_more_than_a_dozen_modules(folder):
    assert (folder / "__init__.py").is_file()
    assert 0 < len(modules(folder)) + sum(room.parent == folder for room in FOLDERS) <= 12


def test_no_module_is_longer_than_can_be_read_at_once():
    long = [path for path in HOME.rglob("*.py") if HOME / "book" not in path.parents]
    long = [path.relative_to(HOME) for path in long if len(path.read_text(encoding="utf-8").splitlines()) > 320]
    assert not long


@pytest.mark.parametrize("place", ["tests", "benchmarks"])
def test_tests_and_benchmarks_mirror_the_folders(place):
    written = {path.parent for part in PARTS for path in (ROOT / place / part).rglob("*.py")}
    mirrored = {HOME / path.relative_to(ROOT / place) for path in written}
    with_modules = {folder for folder in FOLDERS if modules(folder)}
    assert mirrored <= with_modules
    assert place == "benchmarks" or mirrored == with_modules


@pytest.mark.parametrize("part", PARTS)
def test_no_room_hides_a_public_name(part):
    package = import_module(f"kexue.{part}")
    rooms = {folder.name for folder in FOLDERS if folder.parent == HOME / part}
    assert not rooms & set(package.__all__)
    for room in rooms:
        assert import_module(f"kexue.{part}.{room}").__doc__
    assert not [public for public in package.__all__ if isinstance(getattr(package, public), ModuleType)]


def test_every_part_is_held_to_this():
    assert set(PARTS) == set(kexue.__all__) - {"book", "data", "parallel", "training"}

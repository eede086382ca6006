"""How the library is laid out: folders and modules of a size to read at once; tests and benchmarks beside them."""

import ast
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import kexue

ROOT = Path(__file__).parent.parent
HOME = ROOT / "lib" / "kexue"
PARTS = sorted(path.parent.name for path in HOME.glob("*/__init__.pyi"))
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
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in HOME.rglob("*.py")}
    assert not [path.relative_to(HOME) for path in lines if lines[path] > 320]


def test_names_of_test_modules_are_unique():
    # Without packages pytest imports a test module by its bare name. Those of the site run by themselves.
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py") if "site" not in path.parts]
    assert len(names) == len(set(names))


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
    assert set(PARTS) == set(kexue.__all__) - {"data", "parallel", "training"}


# What a room of the book may import. A change in the last three makes no chapter stale, so the first two stay without them.
ROOMS = {
    "notebook": set(),
    "explorables": {"notebook"},
    "running": {"notebook"},
    "readers": {"explorables", "running"},
    "pages": {"notebook", "explorables", "running", "readers"},
}


def imported_rooms(path):
    """The rooms of the book that a module names in its imports, relative to its own room or from the top."""
    statements = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    for statement in statements:
        if isinstance(statement, ast.ImportFrom):
            start = {0: "", 1: f"kexue.book.{path.parent.name}.", 2: "kexue.book.", 3: "kexue."}[statement.level]
            names = [f"{start}{statement.module or ''}.{alias.name}".replace("..", ".") for alias in statement.names]
        elif isinstance(statement, ast.Import):
            names = [alias.name for alias in statement.names]
        else:
            continue
        yield from (name.split(".")[2] for name in names if name.startswith("kexue.book."))


def test_the_rooms_of_the_book_import_one_way():
    assert set(ROOMS) == {folder.name for folder in FOLDERS if folder.parent == HOME / "book"}
    for room, allowed in ROOMS.items():
        found = {name for path in modules(HOME / "book" / room) for name in imported_rooms(path)}
        assert found - {room} == allowed, room

"""What ``import kexue`` costs and brings in, and that the library needs none of the book's dependencies."""

import json
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

import kexue

ROOT = Path(__file__).parent.parent
HEAVY = ("diffrax", "equinox", "optax", "matplotlib", "altair", "sklearn", "IPython", "pooch", "scipy")
BOOK_ONLY = ("altair", "IPython", "matplotlib", "sphinx", "vl_convert", "sklearn", "pooch", "nbformat", "yaml")


def python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


MEASURE = f"""
import json, sys, time
import jax
before = time.perf_counter()
import kexue
seconds = time.perf_counter() - before
print(json.dumps([seconds, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def test_import_is_cheap_and_brings_in_nothing_heavy():
    runs = [json.loads(python(MEASURE)) for _ in range(3)]
    # The minimum: whatever else this machine does can only add to it.
    assert min(seconds for seconds, _ in runs) < 0.01
    assert all(modules == [] for _, modules in runs)


WITHOUT_THE_BOOK = f"""
import sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {BOOK_ONLY!r}:
            raise ModuleNotFoundError(f"{{name}} is blocked", name=name)

sys.meta_path.insert(0, Blocker())
try:
    import matplotlib
except ModuleNotFoundError:
    pass
else:
    raise SystemExit("the blocker does not block")

import importlib, pkgutil
import kexue
for package in sorted(set(kexue.__all__) - {{"book"}}):
    module = getattr(kexue, package)
    for info in pkgutil.walk_packages(getattr(module, "__path__", []), module.__name__ + "."):
        importlib.import_module(info.name)
    for name in module.__all__:
        getattr(module, name)

import jax.numpy as jnp, optax
run = kexue.training.train(lambda x: x**2, jnp.array(1.0), optax.sgd(0.25), 3)
assert run.losses.tolist() == [1, 0.25, 0.0625]
assert kexue.parallel.split(jnp.ones(2)).shape == (2,)
assert len(kexue.data.cards()) >= 5
print("fine")
"""


def test_the_library_needs_nothing_that_only_the_book_needs():
    assert python(WITHOUT_THE_BOOK) == "fine\n"


def test_sub_packages_load_on_first_use():
    code = (
        "import sys, kexue; print('kexue.data' in sys.modules, callable(kexue.data.wine), 'kexue.data' in sys.modules)"
    )
    assert python(code) == "False True True\n"


def test_table_of_contents_is_complete():
    packages = {path.name for path in (ROOT / "lib/kexue").iterdir() if (path / "__init__.py").exists()}
    modules = {path.stem for path in (ROOT / "lib/kexue").glob("[!_]*.py")}
    assert set(kexue.__all__) == packages | modules
    assert kexue.__doc__ is not None
    assert all(f"\n{name}\n    " in kexue.__doc__ for name in kexue.__all__)
    for name in kexue.__all__:
        assert name in dir(kexue) and getattr(kexue, name) is import_module(f"kexue.{name}")


@pytest.mark.parametrize("part", sorted(set(kexue.__all__) - {"book", "data", "parallel", "training"}))
def test_every_name_of_a_part_is_documented_and_stands_in_its_table(part):
    module = import_module(f"kexue.{part}")
    assert module.__all__ == dir(module)
    for name in module.__all__:
        assert getattr(module, name).__doc__, name
        assert f"\n`{name}` " in module.__doc__, name


def test_version_is_the_project_s():
    assert kexue.__version__ == tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert "__version__" in dir(kexue)


def test_unknown_name():
    with pytest.raises(AttributeError, match="module 'kexue' has no attribute 'optimisers'"):
        kexue.optimisers  # noqa: B018

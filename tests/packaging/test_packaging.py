"""The package as others meet it: a wheel in a clean environment, beside another JAX, with the oldest versions."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from environments import PROJECT, ROOT, oldest_versions, pinned

ECOSYSTEM = ("jax", "jaxlib", "jaxtyping", "equinox", "optax", "diffrax")


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def pip(environment, *words):
    return run(environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check", *words)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    source = tmp_path_factory.mktemp("source")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "lib", source / "lib", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", source / "dist", source)
    return next((source / "dist").glob("*.whl"))


@pytest.fixture(scope="session")
def pins(tmp_path_factory):
    """The pinned environment as constraints; with their hashes, pip would ask for a hash of the wheel too."""
    path = tmp_path_factory.mktemp("pins") / "pins.txt"
    path.write_text("\n".join(pinned()))
    return path


@pytest.fixture(scope="session")
def oldest(tmp_path_factory):
    environment = tmp_path_factory.mktemp("oldest") / "venv"
    run(sys.executable, "-m", "venv", environment)
    pip(environment, "install", "--quiet", "--no-compile", *oldest_versions())
    return environment


def test_a_chapter_runs_from_the_wheel_in_an_empty_folder(wheel, pins, tmp_path):
    environment, folder = tmp_path / "venv", tmp_path / "empty"
    folder.mkdir()
    run(sys.executable, "-m", "venv", environment)
    pip(
        environment,
        "install",
        "--quiet",
        "--no-compile",
        "-c",
        pins,
        f"{wheel}[book]",
        "nbclient",
        "ipykernel",
    )
    shutil.copy(ROOT / "notebooks" / "dynamics" / "sgd_to_momentum.ipynb", folder / "chapter.ipynb")
    program = (
        "import nbformat, nbclient, kexue, pathlib\n"
        f"assert pathlib.Path(kexue.__file__).is_relative_to({str(environment)!r}), kexue.__file__\n"
        "notebook = nbformat.read('chapter.ipynb', as_version=4)\n"
        "nbclient.NotebookClient(notebook, timeout=300, kernel_name='python3').execute()\n"
        "outputs = [o for c in notebook.cells for o in c.get('outputs', [])]\n"
        "print(sum('claim' in o.get('metadata', {}).get('kexue', {}) for o in outputs))\n"
    )
    assert int(run(environment / "bin" / "python", "-c", program, cwd=folder)) >= 8
    assert {path.name for path in folder.iterdir()} == {"chapter.ipynb"}


def test_a_jax_that_is_already_there_stays(wheel, oldest):
    report = json.loads(pip(oldest, "install", "--quiet", "--dry-run", "--report", "-", f"{wheel}[book]"))
    planned = {item["metadata"]["name"].lower() for item in report["install"]}
    assert "kexue" in planned
    assert not planned & set(ECOSYSTEM)


EVERY_NAME = """
import kexue
for package in sorted(set(kexue.__all__) - {"book"}):
    module = getattr(kexue, package)
    for name in module.__all__:
        getattr(module, name)
"""


def test_with_the_oldest_versions_every_name_imports_and_every_example_runs(wheel, oldest, tmp_path):
    """The whole of the library's tests runs there by `make compatibility`."""
    python = oldest / "bin" / "python"
    pip(oldest, "install", "--quiet", "--no-deps", "--force-reinstall", wheel)
    run(python, "-W", "error", "-c", EVERY_NAME, cwd=tmp_path)
    home = run(python, "-c", "import kexue, pathlib; print(pathlib.Path(kexue.__file__).parent)", cwd=tmp_path).strip()
    # One process, which frees what it has compiled: two workers of the library's tests run beside it.
    options = [
        "-q",
        "-p",
        "no:cacheprovider",
        "--jaxtyping-packages=kexue,beartype.beartype",
        "-W",
        "error",
        "-p",
        "conftest",
    ]
    # The book's own examples need Altair and matplotlib.
    quickly = os.environ | {"JAX_DISABLE_MOST_OPTIMIZATIONS": "1", "PYTHONPATH": str(ROOT)}  # compiled, that is
    examples = ["--doctest-modules", home, f"--ignore={home}/book"]
    out = run(python, "-m", "pytest", *options, *examples, cwd=tmp_path, env=quickly)
    assert int(re.search(r"(\d+) passed", out)[1]) >= 150, out[-2000:]
    assert "failed" not in out


def test_no_jax_is_refused():
    """An excluded version could not be installed beside the JAX that Colab runs; an upper bound would replace it."""
    jax = [requirement for requirement in PROJECT["dependencies"] if re.match(r"jax\b", requirement)]
    assert len(jax) == 1
    assert not re.search(r"[<!]", " ".join(PROJECT["dependencies"]))


def test_every_pinned_package_has_hashes():
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    named = [i for i, line in enumerate(lines) if "==" in line]
    assert len(named) == len(pinned()) > 100
    assert all(lines[i].endswith("\\") and lines[i + 1].strip().startswith("--hash=sha256:") for i in named)

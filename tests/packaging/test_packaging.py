"""The package as others meet it: a wheel in a clean environment, beside another JAX, with the oldest versions."""

import json
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ECOSYSTEM = ("jax", "jaxlib", "jaxtyping", "equinox", "optax", "diffrax")
TOOLS = ("pytest", "pytest-xdist", "beartype", "hypothesis", "scipy", "scikit-learn", "pooch", "numpy", "snownlp")
TOOLS += ("arviz-stats",)


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def pip(environment, *words):
    return run(environment / "bin" / "python", "-m", "pip", "--disable-pip-version-check", *words)


def lowest(requirement):
    """`jax>=0.8.0,!=0.11.1` → `jax==0.8.0`."""
    name, version = re.match(r"([\w-]+)\s*>=\s*([\d.]+)", requirement).groups()
    return f"{name}=={version}"


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
    """The pinned versions of the tools; everything else may be as old as the library's lower bounds make it."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    kept = [line for line in lines if re.split(r"[=<>! ]", line)[0] in TOOLS]
    path = tmp_path_factory.mktemp("pins") / "pins.txt"
    path.write_text("\n".join(kept))
    return path


@pytest.fixture(scope="session")
def oldest(tmp_path_factory, pins):
    environment = tmp_path_factory.mktemp("oldest") / "venv"
    run(sys.executable, "-m", "venv", environment)
    lows = [lowest(requirement) for requirement in PROJECT["dependencies"]]
    jax = next(low for low in lows if low.startswith("jax=="))
    pip(environment, "install", "--quiet", "--no-compile", "-c", pins, *lows, jax.replace("jax", "jaxlib"), *TOOLS)
    return environment


def test_a_chapter_runs_from_the_wheel_in_an_empty_folder(wheel, tmp_path):
    environment, folder = tmp_path / "venv", tmp_path / "empty"
    folder.mkdir()
    run(sys.executable, "-m", "venv", environment)
    pip(
        environment,
        "install",
        "--quiet",
        "--no-compile",
        "-c",
        ROOT / "requirements.txt",
        f"{wheel}[book]",
        "nbclient",
        "ipykernel",
    )
    shutil.copy(ROOT / "chapters" / "dynamics" / "sgd_to_momentum.ipynb", folder / "chapter.ipynb")
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


def test_the_library_works_with_the_oldest_versions(wheel, oldest, tmp_path):
    pip(oldest, "install", "--quiet", "--no-deps", "--force-reinstall", wheel)
    # The library is what is tested here; the book, its site and the benchmarks belong to the checkout.
    checkout = ("book", "site", "packaging", "test_benchmarks.py", "test_house.py", "test_import.py", "__pycache__")
    shutil.copytree(ROOT / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns(*checkout))
    options = ["-q", "-p", "no:cacheprovider", "--jaxtyping-packages=kexue,beartype.beartype", "-W", "error"]
    options += ["-n", "2", "--dist", "loadfile"]
    out = run(oldest / "bin" / "python", "-m", "pytest", *options, "tests", cwd=tmp_path)
    assert re.search(r"\d{2,} passed", out), out[-2000:]
    assert "failed" not in out


def test_the_jax_with_slow_loops_is_excluded():
    jax = next(requirement for requirement in PROJECT["dependencies"] if requirement.startswith("jax>"))
    assert "!=0.11.1" in jax
    assert not any("<" in requirement for requirement in PROJECT["dependencies"]), (
        "an upper bound would replace a newer JAX"
    )

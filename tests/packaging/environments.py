"""The environments that the package is tried in, as arguments of pip.

python tests/packaging/environments.py oldest    # the library's lower bounds, with the tools that test it
python tests/packaging/environments.py pinned    # requirements.txt as constraints, without its hashes
"""

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TOOLS = ("arviz-stats", "beartype", "hypothesis", "numpy", "pooch", "pytest", "pytest-xdist")
TOOLS += ("infomap", "jieba", "networkx", "scikit-learn", "scipy", "snownlp")


def pinned() -> list[str]:
    """`requirements.txt` without hashes."""
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [line.rstrip(" \\") for line in lines if "==" in line and not line.startswith("#")]


def oldest_versions() -> list[str]:
    """`jax>=0.8.0` becomes `jax==0.8.0`; the tools stay at their pins."""
    lows = ["{}=={}".format(*re.match(r"([\w-]+)\s*>=\s*([\d.]+)", low).groups()) for low in PROJECT["dependencies"]]
    jax = next(low for low in lows if low.startswith("jax=="))
    tools = [pin for pin in pinned() if re.split(r"[=<>! ]", pin)[0] in TOOLS]
    return [*lows, jax.replace("jax", "jaxlib"), *tools]


if __name__ == "__main__":
    print("\n".join({"oldest": oldest_versions, "pinned": pinned}[sys.argv[1]]()))

#!/usr/bin/env bash
# Expected: with `--dist loadgroup` all tests of one `xdist_group` run on one worker.
# Happens: with pytest 9.2.0 they are spread over all workers, without a warning, and whatever a group
#   shares is set up once for each worker. pytest-xdist marks a group by a suffix that it writes into
#   a private attribute of the test, `_nodeid`, which pytest 9.2 no longer reads.
# Versions: pytest-xdist 3.8.0 with pytest 9.1.0 (right) and 9.2.0.
# Source: seen here.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
cat > test_group.py <<'EOF'
import os
import time
from pathlib import Path

import pytest


@pytest.mark.parametrize("i", range(12))
@pytest.mark.xdist_group("one")
def test_together(i):
    with Path("workers.txt").open("a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\n")
    time.sleep(0.2)
EOF
cat > count.py <<'EOF'
import sys
from importlib.metadata import version
from pathlib import Path

names = Path("workers.txt").read_text().split()
print(f"pytest {version('pytest')}, pytest-xdist {version('pytest-xdist')}: {len(names)} tests, {len(set(names))} worker(s)")
assert (len(names), len(set(names))) == (12, int(sys.argv[1]))
EOF
while read -r version workers; do
  venv/bin/pip install --quiet --disable-pip-version-check pytest==$version pytest-xdist==3.8.0
  rm -f workers.txt
  venv/bin/python -m pytest -q -p no:cacheprovider -n 2 --dist loadgroup test_group.py > passed.txt
  venv/bin/python count.py "$workers"
done <<'EOF'
9.1.0 1
9.2.0 2
EOF

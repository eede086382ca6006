#!/usr/bin/env bash
# Expected: a notebook that passes nbval --nbval-lax also executes from top to bottom under
#   nbclient, which builds the book.
# Happens: two cells pass that stop nbclient. A misspelt line magic ends its cell with a message on
#   the error stream, and nothing after it in that cell runs, not even a raise. And nbval executes
#   without history, where IPython does not see the closing semicolon: 'x + 1;' sets _, which it
#   does not when the book is built.
# Versions: nbval 0.11.0, nbclient 0.11.0, ipython 9.18.1.
# Source: computationalmodelling/nbval issues 147 and 194, ipython/ipython issue 14162, all open.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nbval==0.11.0 pytest==9.2.0 nbformat==5.11.1 nbclient==0.11.0 ipykernel==7.4.0 ipython==9.18.1
cd "$folder"
venv/bin/python - <<'EOF'
import nbformat
from nbformat.v4 import new_code_cell, new_notebook


def write(path, *cells):
    """Cells are sources, or pairs of a source and a tag."""
    pairs = [(cell, None) if isinstance(cell, str) else cell for cell in cells]
    notebook = new_notebook(cells=[new_code_cell(s, metadata={"tags": [t]} if t else {}) for s, t in pairs])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)


import logging
import subprocess
import sys

import nbval
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

logging.disable()
write("magic.ipynb", "%notmagic\nraise TypeError")
write("semicolon.ipynb", "x = 41", "x + 1;", "assert _ == 42")
for name in ("magic.ipynb", "semicolon.ipynb"):
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q", name]
    result = subprocess.run(command, capture_output=True, text=True)
    try:
        NotebookClient(nbformat.read(name, 4)).execute()
        stopped = None
    except CellExecutionError as error:
        stopped = error.ename
    print(f"nbval {nbval.__version__}, {name}: {result.stdout.splitlines()[-1]}; nbclient stops at {stopped}")
    assert result.returncode == 0
    assert stopped == {"magic.ipynb": "UsageError", "semicolon.ipynb": "AssertionError"}[name]
EOF

#!/usr/bin/env bash
# Expected: under nbval --nbval-lax a cell tagged raises-exception fails if it raises nothing, and
#   one tagged skip-execution, the tag of MyST-NB and nbclient, is left out.
# Happens: the first passes on a notebook without stored outputs, as books commit them; the second
#   is executed. nbval's own tag is nbval-skip.
# Versions: nbval 0.11.0.
# Source: computationalmodelling/nbval issue 108, open since 2018, for the first; the second is seen
#   here.
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


import subprocess
import sys
from pathlib import Path

import nbval

write("quiet.ipynb", ("x = 1", "raises-exception"))
write("skipped.ipynb", ("open('executed', 'w').close()", "skip-execution"))
write("own.ipynb", ("open('executed_too', 'w').close()", "nbval-skip"))
names = "quiet.ipynb", "skipped.ipynb", "own.ipynb"
command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q", *names]
result = subprocess.run(command, capture_output=True, text=True)
print(f"nbval {nbval.__version__}: {result.stdout.splitlines()[-1]}")
print("skip-execution was executed:", Path("executed").exists())
assert result.returncode == 0 and "2 passed, 1 skipped" in result.stdout
assert Path("executed").exists() and not Path("executed_too").exists()
EOF

#!/usr/bin/env bash
# Expected: two notebooks in two folders, each of which reads the file beside it, keep their own
#   outputs in jupyter-cache.
# Happens: the key is the code, the metadata and the kernel: the last one executed overwrites the
#   entry of the other, and the page of folder 'one' shows what folder 'two' holds. The executor
#   reports two successes.
# Versions: jupyter-cache 1.0.1.
# Source: seen here.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check jupyter-cache==1.0.1 nbformat==5.11.1 nbclient==0.11.0 ipykernel==7.4.0 ipython==9.18.1
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


from importlib.metadata import version
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor

cache = get_cache("cache")
for folder, colour in (("one", "red"), ("two", "blue")):
    Path(folder).mkdir()
    Path(folder, "colour.txt").write_text(colour)
    write(f"{folder}/page.ipynb", "print(open('colour.txt').read())")
    cache.add_nb_to_project(str(Path(folder, "page.ipynb").resolve()))
result = load_executor("local-serial", cache).run_and_cache()
shown = {}
for folder in ("one", "two"):
    _, page = cache.merge_match_into_notebook(nbformat.read(f"{folder}/page.ipynb", 4))
    shown[folder] = page.cells[0].outputs[0]["text"].strip()
print(f"jupyter-cache {version('jupyter-cache')}: {len(result.succeeded)} executed; served: {shown}")
assert len(result.succeeded) == 2
assert shown["one"] == shown["two"]
EOF

#!/usr/bin/env bash
# Expected: a notebook that nbclient has executed, put into jupyter-cache, is found again by the
#   notebook that it came from.
# Happens: nbclient's record_timing is on by default and writes time stamps into the metadata of the
#   cells; jupyter-cache's key hashes that metadata, so that the source never matches and is
#   executed for ever. With record_timing=False it matches. (jupyter-cache's own executors switch it
#   off.)
# Versions: nbclient 0.11.0, jupyter-cache 1.0.1.
# Source: jupyter/nbformat pull request 144 asks for care with version control; the clash with the
#   cache is seen here.
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
import copy
import logging

from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from nbclient import NotebookClient, __version__

logging.disable()
source = new_notebook(cells=[new_code_cell("1 + 1")])
source.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
for options in ({}, {"record_timing": False}):
    executed = copy.deepcopy(source)
    NotebookClient(executed, **options).execute()
    cache = get_cache(f"cache{len(options)}")
    cache.cache_notebook_bundle(CacheBundleIn(executed, "page.ipynb"), check_validity=False)
    try:
        cache.match_cache_notebook(source)
        is_found = True
    except KeyError:
        is_found = False
    metadata = dict(executed.cells[0].metadata)
    print(f"nbclient {__version__}, options {options}: found {is_found}, metadata {list(metadata.get('execution', {}))}")
    assert is_found == bool(options)
EOF

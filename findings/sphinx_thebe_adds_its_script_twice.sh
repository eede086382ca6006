#!/usr/bin/env bash
# Expected: sphinx-thebe puts its inline script on a page once.
# Happens: under Sphinx 7.4 it is there twice; it begins with 'const THEBE_JS_URL', so that every
#   page of the site logs a SyntaxError, 'already been declared'. Jupyter Book 1 loads the extension
#   whether Thebe is wanted or not.
# Versions: sphinx-thebe 0.3.1, sphinx 7.4.7.
# Source: seen here; not found among the extension's issues.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check sphinx==7.4.7 sphinx-thebe==0.3.1
cd "$folder"
venv/bin/python - <<'EOF'
from pathlib import Path

import sphinx
import sphinx_thebe
from sphinx.application import Sphinx

Path("index.rst").write_text("A page\n======\n\nNo code, no button.\n")
settings = {"project": "book", "extensions": "sphinx_thebe", "master_doc": "index"}
Sphinx(".", None, "html", "trees", "html", confoverrides=settings, status=None).build()
page = Path("html/index.html").read_text()
count = page.count("const THEBE_JS_URL")
print(f"sphinx {sphinx.__version__}, sphinx-thebe {sphinx_thebe.__version__}: {count} declarations on one page")
assert count == 2
EOF

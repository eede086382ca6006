#!/usr/bin/env bash
# Expected: the same links describe the same network, whichever way round their array stands; both are documented input.
# Happens: as pairs, a list or an array (links, 2), they are undirected; transposed, an array (2, links), they are
#   directed, without a word. Of two triangles joined by a link the code is 2.3207 bits long one way, 1.7731 the other.
# Versions: infomap 2.16.0.
# Source: seen here; the values are those of the map equation of the undirected and of the directed network.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check infomap==2.16.0 numpy==2.3.5
"$folder/venv/bin/python" - <<'EOF'
import infomap
import numpy as np

pairs = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3), (2, 3)]
forms = {"list of pairs": pairs, "array (7, 2)": np.array(pairs), "array (2, 7)": np.array(pairs).T}
lengths = {}
for name, links in forms.items():
    lengths[name] = infomap.run(links, seed=1, num_trials=5).codelength
    print(f"infomap {infomap.__version__}, {name}: {lengths[name]:.4f} bits a step")
told = infomap.run(pairs, seed=1, num_trials=5, directed=True).codelength
print(f"pairs said to be directed: {told:.4f}")

assert infomap.__version__ == "2.16.0"
assert abs(lengths["list of pairs"] - 2.3207) < 1e-4 and abs(lengths["array (7, 2)"] - 2.3207) < 1e-4
assert abs(lengths["array (2, 7)"] - 1.7731) < 1e-4 and abs(told - 1.7731) < 1e-4
EOF

#!/usr/bin/env bash
# Expected: the shortest tour is the same in metres and in millimetres; DistanceMatrix is documented
#   for floats.
# Happens: the solver below works on whole numbers and drops the fraction in silence: twelve cities
#   in the unit square get a tour 12 % too long, and the shortest one as soon as the same matrix is
#   multiplied by 1,000.
# Versions: elkai 2.0.1.
# Source: seen here; elkai writes the numbers as they are into an LKH 3 problem of type EXPLICIT.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check elkai==2.0.1 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'EOF'
from importlib.metadata import version

import elkai
import numpy as np

cities = np.random.default_rng(0).random((12, 2))
distances = np.linalg.norm(cities[:, None] - cities, axis=-1)


def length(scale):
    tour = elkai.DistanceMatrix((scale * distances).tolist()).solve_tsp()
    assert sorted(tour[:-1]) == list(range(12))
    return distances[tour[:-1], tour[1:]].sum()


lengths = {scale: round(float(length(scale)), 4) for scale in (1, 10, 1_000, 10_000)}
print(f"elkai {version('elkai')}: length of the tour, by the scale of the matrix: {lengths}")
assert lengths[1] > 1.05 * lengths[1_000]
assert lengths[1_000] == lengths[10_000]
EOF

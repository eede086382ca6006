#!/usr/bin/env bash
# Expected: the tail effective sample size of x and of 4 - x agree: turning the values round swaps
#   the two tails.
# Happens: 2,000 draws from {0, 1, 2, 3} with a sticky stretch of 100 fours in each chain: 569 for
#   x, 22 for 4 - x. Where the upper quantile is the highest value, the indicator of the tail (x <=
#   quantile) is constant, and a constant counts as independent draws.
# Versions: arviz-stats 0.8.0 and 1.3.3.
# Source: seen here; the estimator is that of Vehtari et al., Rank-Normalization, Folding, and
#   Localization, 2021.
set -euo pipefail
PYTHON=${PYTHON:-python3.12}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"$PYTHON" -m venv "$folder/venv"
cd "$folder"
cat > tail.py <<'EOF'
import arviz_stats
import numpy as np
from arviz_stats.base import array_stats

x = np.random.default_rng(0).integers(0, 4, (4, 500)).astype(float)
for chain, start in enumerate((50, 150, 250, 350)):
    x[chain, start : start + 100] = 4
tail, reflected = (float(array_stats.ess(y, method="tail", prob=(0.05, 0.95))) for y in (x, 4 - x))
print(f"arviz-stats {arviz_stats.__version__}: tail ESS of x {tail:.0f}, of 4 - x {reflected:.0f}")
assert tail > 10 * reflected
EOF
for version in 0.8.0 1.3.3; do
  venv/bin/pip install --quiet --disable-pip-version-check arviz-stats==$version numpy==2.4.6
  venv/bin/python tail.py
done

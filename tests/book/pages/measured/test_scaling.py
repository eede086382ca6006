"""The curve of the Benchmarks page."""

import base64
import json
import re
from pathlib import Path

import matplotlib as mpl

from kexue.book.pages.measured.scaling import scaling_figure

ROOT = Path(__file__).parents[4]


def test_the_committed_measurements_reach_from_one_chain_to_a_hundred_thousand():
    curves = json.loads((ROOT / "benchmarks" / "scaling.json").read_text(encoding="utf-8"))["curves"]
    assert [curve["devices"] for curve in curves] == [1, 8]
    for curve in curves:
        chains = [row["chains"] for row in curve["rows"]]
        assert chains == sorted(chains) and chains[0] <= curve["devices"] and chains[-1] == 100_000
        assert all(row["chain_steps_per_second"] > 0 for row in curve["rows"])


def test_a_picture_with_words_for_it():
    rows = [{"chains": 10**k, "chain_steps_per_second": 3.2e5 * 2**k} for k in range(3)]
    before = dict(mpl.rcParams)
    markup = scaling_figure({"curves": [{"devices": 1, "rows": rows}, {"devices": 8, "rows": rows[1:]}]})
    assert "1 device: 3.2e+05 with 1 chain, 6.4e+05 with 10 chains" in markup and "8 devices: 6.4e+05" in markup
    svg = base64.b64decode(re.search(r"base64,([^\"]+)", markup)[1]).decode()
    assert svg.count("<use") >= 5 and "<svg" in svg
    assert dict(mpl.rcParams) == before

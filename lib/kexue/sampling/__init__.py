"""Drawing from a distribution that can be scored but not sampled.

=====================================  =====================================================================
`Bigram`                               a language model that is a Markov chain: every probability is known
`bigram_model`                         the same, counted from sentences
`constrained_lattice`                  all sentences of one length with keywords, acrostics, gaps to fill
`Lattice`                              what it returns: the normaliser, exact draws, marginals, the maximum
`cumulative`                           cumulative sums that never decrease
`invert_rows`                          draws from them, each in a row of its own
`grid_sample`                          draws from a density on a grid
=====================================  =====================================================================
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .bigram import Bigram, bigram_model
    from .inverse_cdf import cumulative, grid_sample, invert_rows
    from .lattice import Lattice, constrained_lattice

_HOME: dict[str, str] = {
    "Bigram": "bigram",
    "bigram_model": "bigram",
    "constrained_lattice": "lattice",
    "Lattice": "lattice",
    "cumulative": "inverse_cdf",
    "invert_rows": "inverse_cdf",
    "grid_sample": "inverse_cdf",
}

__all__ = [
    "Bigram",
    "Lattice",
    "bigram_model",
    "constrained_lattice",
    "cumulative",
    "grid_sample",
    "invert_rows",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

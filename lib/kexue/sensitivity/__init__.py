"""How far an output moves when its input does: bounds, explanations, adversaries.

===========================  =====================================================================
`slopes`                     how steep a function is at each point
`gradient_penalty`           a critic's slopes pulled to a centre: two-sided, one-sided, or R1
`clip_weights`               all weights into an interval
`keep_weights_clipped`       the same as the last link of an optax chain
===========================  =====================================================================
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .penalties import clip_weights, gradient_penalty, keep_weights_clipped, slopes

_HOME = {
    "slopes": "penalties",
    "gradient_penalty": "penalties",
    "clip_weights": "penalties",
    "keep_weights_clipped": "penalties",
}

__all__ = [
    "clip_weights",
    "gradient_penalty",
    "keep_weights_clipped",
    "slopes",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

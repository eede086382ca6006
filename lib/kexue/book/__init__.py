"""What every chapter uses: checked claims, explorables, animations, exercises, figure style, scale.

============  ===============================================================================
`begin`       first line of a chapter: figure style, and one line on versions, device and time
`claim`       a sentence with a bound; stops the build when it is false
`explore`     sliders over a grid of results, alive on a static page
`animate`     frames with play and scrub controls
`exercise`    registers a solution and checks the reader's own answer
`scale`       one size for a laptop, another for an accelerator
`style`       the figure style, and `palette`, its colours
============  ===============================================================================

Nothing in here knows any part of the library, and no part of the library imports this package.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._animate import Animation, animate
    from ._begin import begin
    from ._claim import Claim, ClaimError, claim
    from ._exercise import Exercise, exercise
    from ._explore import Explorable, explore
    from ._scale import scale
    from ._style import palette, style

_HOME = {
    "animate": "_animate",
    "Animation": "_animate",
    "begin": "_begin",
    "claim": "_claim",
    "Claim": "_claim",
    "ClaimError": "_claim",
    "exercise": "_exercise",
    "Exercise": "_exercise",
    "explore": "_explore",
    "Explorable": "_explore",
    "palette": "_style",
    "scale": "_scale",
    "style": "_style",
}

__all__ = [
    "Animation",
    "Claim",
    "ClaimError",
    "Exercise",
    "Explorable",
    "animate",
    "begin",
    "claim",
    "exercise",
    "explore",
    "palette",
    "scale",
    "style",
]


def __getattr__(name: str) -> Any:
    # Lazy, so that `from kexue.book import claim` does not pay for Altair and matplotlib.
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

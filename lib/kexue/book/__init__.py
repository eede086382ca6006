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

from typing import Any

import lazy_loader

# Lazy, so that `from kexue.book import claim` does not pay for Altair and matplotlib.
_load, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    try:
        return _load(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f'{name} needs {error.name}, which is not installed: pip install "kexue[book]"', name=error.name
        ) from error

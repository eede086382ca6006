"""Programs that are kept: the same function objects and the same shapes are compiled once, also in bare calls."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax

__all__ = ["compiled"]


def compiled(*static: int) -> Callable[[Callable], Callable]:
    """Compile a function of positional arguments, those at `static` by identity or value; what cannot be hashed is not kept.

    Functions among the static arguments are known by identity, as in ``jax.jit``: what they close over must not change.
    """

    def decorate(function: Callable) -> Callable:
        program = jax.jit(function, static_argnums=static)

        @wraps(function)
        def call(*args: Any) -> Any:
            try:
                hash(tuple(args[i] for i in static))
            except TypeError:  # an Equinox module, say, which holds arrays
                return function(*args)
            return program(*args)

        return call

    return decorate

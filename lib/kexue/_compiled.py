"""Programs that are kept: the same function objects and the same shapes are compiled once, also in bare calls."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import jax

__all__ = ["compiled"]


def compiled(*static: int) -> Callable[[Callable], Callable]:
    """Compile a function of positional arguments, those at `static` by identity or value; what cannot be hashed, each time.

    Functions among the static arguments are known by identity, as in ``jax.jit``: what they close over must not change.
    """

    def decorate(function: Callable) -> Callable:
        program = jax.jit(function, static_argnums=static)

        @wraps(function)
        def call(*args: Any) -> Any:
            try:
                hash(tuple(args[i] for i in static))
            except TypeError:  # an Equinox module, say, which holds arrays
                return jax.jit(lambda *rest: function(*_together(args, rest, static)))(*_others(args, static))
            return program(*args)

        return call

    return decorate


def _others(args: tuple, static: tuple[int, ...]) -> list:
    return [value for i, value in enumerate(args) if i not in static]


def _together(args: tuple, rest: tuple, static: tuple[int, ...]) -> list:
    traced = iter(rest)
    return [value if i in static else next(traced) for i, value in enumerate(args)]

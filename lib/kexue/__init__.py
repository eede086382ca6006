"""The library behind *Kexue: an executable companion to Scientific Spaces*.

Sub-packages
------------
dynamics
    Optimizers as discretised differential equations: momentum, adaptive learning rates, their flows and their noise;
    games of two players, whose equations turn in circles.
optimizers
    Optimizers written, wrapped and shrunk: factored and unforgetting second moments, wrappers that compose, a rate for
    every layer, and many losses at once.
sensitivity
    How far an output moves when its input does: certified bounds, attributions, and generative adversarial networks.
sampling
    Drawing from a distribution that can be scored but not sampled: importance weights, Markov chains, annealing, noise
    that makes probabilities, and language models to try them on.
entropy
    Structure as a shorter description: words, sentence templates and communities, found without labels.
language
    Label sequences scored as wholes: conditional random fields.
training
    One training loop: any optax optimizer on any pytree, as one ``lax.scan``.
parallel
    One way to use many devices: the batch is split, everything else is copied.
data
    Small real data sets that need no network, and larger ones by choice.
book
    What the chapters use to make claims, pictures with sliders, and exercises; the rest does without it.

``import kexue`` imports none of them: each is loaded when it is first used.
"""

from importlib import import_module
from typing import Any

__all__ = [
    "book",
    "data",
    "dynamics",
    "entropy",
    "language",
    "optimizers",
    "parallel",
    "sampling",
    "sensitivity",
    "training",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in __all__:
        return import_module(f"kexue.{name}")
    raise AttributeError(f"module 'kexue' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

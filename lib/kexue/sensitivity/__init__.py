"""How far an output moves when its input does: bounds, explanations, adversaries.

===========================  =====================================================================
`slopes`                     how steep a function is at each point
`gradient_penalty`           a critic's slopes pulled to a centre: two-sided, one-sided, or R1
`clip_weights`               all weights into an interval
`keep_weights_clipped`       the same as the last link of an optax chain
`integrated_gradients`       what each coordinate contributed along a path, by quadrature or exactly
`expected_gradients`         the same, averaged over many baselines
`one_layer_attribution`      integrated gradients of one hidden layer in closed form
`mean_slopes`                the mean slope of an activation between two points: its difference quotient
`preactivations`             the numbers at whose zeros an Equinox MLP may bend
`walk_from_kink_to_kink`     the mean gradient of a piecewise linear function on a line
`shapley_exact`              Shapley values of at most 16 features, by enumeration
`staircase_attribution`      what each coordinate changes when it is switched in a given order
`saliency`                   the gradient at the input
`gradient_times_input`       the first-order expansion around the input
`smoothgrad`                 the mean gradient in a neighbourhood
`completeness_gap`           by how much any attribution misses the effect
`deletion_curve`             the output after the most important coordinates were replaced
`token_attribution`          one number a token from the coordinates of its embedding
`quadrature`                 nodes and weights on [0, 1]: Gauss, Lobatto, Riemann
`Attribution`                what they return: values, completeness residual, cost, the first bad node
===========================  =====================================================================
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attribution import Attribution, completeness_gap, gradient_times_input, saliency, smoothgrad
    from .integrated import expected_gradients, integrated_gradients
    from .penalties import clip_weights, gradient_penalty, keep_weights_clipped, slopes
    from .perturbation import deletion_curve, token_attribution
    from .piecewise_linear import mean_slopes, one_layer_attribution, preactivations, walk_from_kink_to_kink
    from .rules import quadrature
    from .shapley import shapley_exact, staircase_attribution

_HOME = {
    "slopes": "penalties",
    "gradient_penalty": "penalties",
    "clip_weights": "penalties",
    "keep_weights_clipped": "penalties",
    "integrated_gradients": "integrated",
    "expected_gradients": "integrated",
    "one_layer_attribution": "piecewise_linear",
    "mean_slopes": "piecewise_linear",
    "preactivations": "piecewise_linear",
    "walk_from_kink_to_kink": "piecewise_linear",
    "shapley_exact": "shapley",
    "staircase_attribution": "shapley",
    "saliency": "attribution",
    "gradient_times_input": "attribution",
    "smoothgrad": "attribution",
    "completeness_gap": "attribution",
    "deletion_curve": "perturbation",
    "token_attribution": "perturbation",
    "quadrature": "rules",
    "Attribution": "attribution",
}

__all__ = [
    "Attribution",
    "clip_weights",
    "completeness_gap",
    "deletion_curve",
    "expected_gradients",
    "gradient_penalty",
    "gradient_times_input",
    "integrated_gradients",
    "keep_weights_clipped",
    "mean_slopes",
    "one_layer_attribution",
    "preactivations",
    "quadrature",
    "saliency",
    "shapley_exact",
    "slopes",
    "smoothgrad",
    "staircase_attribution",
    "token_attribution",
    "walk_from_kink_to_kink",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""How far an output moves when its input does: bounds, explanations, adversaries.

=============================  =====================================================================
`slopes`                       how steep a function is at each point
`gradient_penalty`             a critic's slopes pulled to a centre: two-sided, one-sided, or R1
`clip_weights`                 all weights into an interval
`keep_weights_clipped`         the same as the last link of an optax chain
`after_each_step`              any other constraint as the last link of an optax chain
`power_iteration`              a matrix's norm from below, warm-started, with the gradient u vᵀ
`operator_norm`                the same for a linear function, through its products
`operator_norm_bound`          its norm from above, false with a stated probability
`certified_norm`               a matrix's norm from above and below, rounding included
`conv_norm`                    how much a convolution stretches an image
`reshaped_kernel`              the matrix that is mistaken for it
`SpectralNorm`                 a layer divided by its own norm
`advance`                      one power iteration in every such layer
`spectral_penalty`             the squared norms of all of them
`orthonormalize`               all singular values to one, by Björck's iteration
`group_sort`                   an activation that only sorts
`product_bound`                a network's Lipschitz constant from its weights, certified
`local_lipschitz`              the norm of its Jacobian at points
`certified_radius`             how far an input can move before its class can change
`pgd_l2`                       how far it must move at most: an attack
`wasserstein_critic_estimate`  what a critic thinks that two samples are apart
`integrated_gradients`         what each coordinate contributed along a path, by quadrature or exactly
`expected_gradients`           the same, averaged over many baselines
`one_layer_attribution`        integrated gradients of one hidden layer in closed form
`mean_slopes`                  the mean slope of an activation between two points: its difference quotient
`preactivations`               the numbers at whose zeros an Equinox MLP may bend
`walk_from_kink_to_kink`       the mean gradient of a piecewise linear function on a line
`shapley_exact`                Shapley values of at most 16 features, by enumeration
`staircase_attribution`        what each coordinate changes when it is switched in a given order
`saliency`                     the gradient at the input
`gradient_times_input`         the first-order expansion around the input
`smoothgrad`                   the mean gradient in a neighbourhood
`completeness_gap`             by how much any attribution misses the effect
`deletion_curve`               the output after the most important coordinates were replaced
`token_attribution`            one number a token from the coordinates of its embedding
`quadrature`                   nodes and weights on [0, 1]: Gauss, Lobatto, Riemann
`Attribution`                  what they return: values, completeness residual, cost, the first bad node
`LOSSES`                       a dozen GAN losses of raw scores, by name
`gan_losses`                   all of them at once
`selected_loss`                the one at a traced index: the zoo as an array axis
`loss_index`                   position of a loss by its name
`PlayerLosses`                 what discriminator and generator minimise
`optimal_discriminator`        the ideal scores for two laws on finitely many atoms
`game_value`                   what the discriminator's loss is then: a divergence
`jensen_shannon`               Jensen-Shannon divergence
`total_variation`              total variation distance
`triangular_discrimination`    the symmetric chi-square
`GANSpec`                      loss, penalty, normalisation and rates of one GAN, as numbers
`stack_specs`                  several of them with a leading axis
`train_gan`                    one training loop for every GAN of the zoo
`GANRun`                       what it returns
`player_pair`                  a small generator and a small discriminator
`Perceptron`                   affine maps with leaky ReLUs, all leaves arrays
`ConditionalGenerator`         samples of a wanted class
`ProjectionDiscriminator`      the score of a sample for a class
`one_pass_loss`                both players' gradients from one scalar
`orthogonal_penalty`           columns at right angles, lengths free
`truncated_normal`             latents cut off at a threshold
`minibatch_deviation`          one feature that says how varied a batch is
`ring_centers`                 modes on a circle
`grid_centers`                 modes on a square grid
`sample_mixture`               draws from a mixture of equal Gaussians
`mode_coverage`                how many modes a sample has found, and how much of it is near one
`Coverage`                     what it returns
`mode_divergence`              how unevenly a sample falls on the modes
`energy_distance`              distance of two samples' laws, unbiased
=============================  =====================================================================
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .attribution import Attribution, completeness_gap, gradient_times_input, saliency, smoothgrad
    from .certificate import CertifiedNorm, certified_norm
    from .composition import product_bound
    from .convolution import conv_norm, reshaped_kernel
    from .gan_nets import ConditionalGenerator, Perceptron, ProjectionDiscriminator, player_pair
    from .gan_objectives import LOSSES, PlayerLosses, gan_losses, loss_index, selected_loss
    from .gan_optima import (
        game_value,
        jensen_shannon,
        optimal_discriminator,
        total_variation,
        triangular_discrimination,
    )
    from .gan_spec import GANSpec, stack_specs
    from .gan_training import GANRun, train_gan
    from .gan_tricks import minibatch_deviation, one_pass_loss, orthogonal_penalty, truncated_normal
    from .integrated import expected_gradients, integrated_gradients
    from .lipschitz import certified_radius, local_lipschitz, pgd_l2, wasserstein_critic_estimate
    from .mixtures import (
        Coverage,
        energy_distance,
        grid_centers,
        mode_coverage,
        mode_divergence,
        ring_centers,
        sample_mixture,
    )
    from .normalization import SpectralNorm, advance, spectral_penalty
    from .norms import operator_norm, operator_norm_bound, power_iteration
    from .orthonormal import group_sort, orthonormalize
    from .penalties import after_each_step, clip_weights, gradient_penalty, keep_weights_clipped, slopes
    from .perturbation import deletion_curve, token_attribution
    from .piecewise_linear import mean_slopes, one_layer_attribution, preactivations, walk_from_kink_to_kink
    from .rules import quadrature
    from .shapley import shapley_exact, staircase_attribution

_HOME = {
    "slopes": "penalties",
    "gradient_penalty": "penalties",
    "clip_weights": "penalties",
    "keep_weights_clipped": "penalties",
    "after_each_step": "penalties",
    "power_iteration": "norms",
    "operator_norm": "norms",
    "operator_norm_bound": "norms",
    "certified_norm": "certificate",
    "conv_norm": "convolution",
    "reshaped_kernel": "convolution",
    "SpectralNorm": "normalization",
    "advance": "normalization",
    "spectral_penalty": "normalization",
    "orthonormalize": "orthonormal",
    "group_sort": "orthonormal",
    "product_bound": "composition",
    "local_lipschitz": "lipschitz",
    "certified_radius": "lipschitz",
    "pgd_l2": "lipschitz",
    "wasserstein_critic_estimate": "lipschitz",
    "CertifiedNorm": "certificate",
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
    "LOSSES": "gan_objectives",
    "gan_losses": "gan_objectives",
    "selected_loss": "gan_objectives",
    "loss_index": "gan_objectives",
    "PlayerLosses": "gan_objectives",
    "optimal_discriminator": "gan_optima",
    "game_value": "gan_optima",
    "jensen_shannon": "gan_optima",
    "total_variation": "gan_optima",
    "triangular_discrimination": "gan_optima",
    "GANSpec": "gan_spec",
    "stack_specs": "gan_spec",
    "train_gan": "gan_training",
    "GANRun": "gan_training",
    "player_pair": "gan_nets",
    "Perceptron": "gan_nets",
    "ConditionalGenerator": "gan_nets",
    "ProjectionDiscriminator": "gan_nets",
    "one_pass_loss": "gan_tricks",
    "orthogonal_penalty": "gan_tricks",
    "truncated_normal": "gan_tricks",
    "minibatch_deviation": "gan_tricks",
    "ring_centers": "mixtures",
    "grid_centers": "mixtures",
    "sample_mixture": "mixtures",
    "mode_coverage": "mixtures",
    "Coverage": "mixtures",
    "mode_divergence": "mixtures",
    "energy_distance": "mixtures",
}

__all__ = [
    "LOSSES",
    "Attribution",
    "CertifiedNorm",
    "ConditionalGenerator",
    "Coverage",
    "GANRun",
    "GANSpec",
    "Perceptron",
    "PlayerLosses",
    "ProjectionDiscriminator",
    "SpectralNorm",
    "advance",
    "after_each_step",
    "certified_norm",
    "certified_radius",
    "clip_weights",
    "completeness_gap",
    "conv_norm",
    "deletion_curve",
    "energy_distance",
    "expected_gradients",
    "game_value",
    "gan_losses",
    "gradient_penalty",
    "gradient_times_input",
    "grid_centers",
    "group_sort",
    "integrated_gradients",
    "jensen_shannon",
    "keep_weights_clipped",
    "local_lipschitz",
    "loss_index",
    "mean_slopes",
    "minibatch_deviation",
    "mode_coverage",
    "mode_divergence",
    "one_layer_attribution",
    "one_pass_loss",
    "operator_norm",
    "operator_norm_bound",
    "optimal_discriminator",
    "orthogonal_penalty",
    "orthonormalize",
    "pgd_l2",
    "player_pair",
    "power_iteration",
    "preactivations",
    "product_bound",
    "quadrature",
    "reshaped_kernel",
    "ring_centers",
    "saliency",
    "sample_mixture",
    "selected_loss",
    "shapley_exact",
    "slopes",
    "smoothgrad",
    "spectral_penalty",
    "stack_specs",
    "staircase_attribution",
    "token_attribution",
    "total_variation",
    "train_gan",
    "triangular_discrimination",
    "truncated_normal",
    "walk_from_kink_to_kink",
    "wasserstein_critic_estimate",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

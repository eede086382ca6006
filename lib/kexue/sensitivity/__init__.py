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
`CertifiedNorm`                what it returns
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

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

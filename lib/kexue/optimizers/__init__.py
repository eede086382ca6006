"""Optimizers written, wrapped and shrunk; a rate for every layer; many losses at once.

==============================  ====================================================================
`relative_loss`                 the sum of many losses, each in units of a fixed reference
`log_sum_loss`                  each loss in units of itself: the gradient of the geometric mean
`power_mean`                    one number between the smallest of many losses and the largest
`prior_loss`                    the loss of the best constant prediction, a unit for any loss
`uncertainty_loss`              losses divided by variances that are learned with them
`optimal_log_variances`         the best such variances, and where to start
`task_gradients`                all losses and the gradient of each
`weighted_sum`                  one gradient from many with given weights
`invariance`                    how far a direction turns when the losses change their units
`normalised_sum`                the sum of many gradients, each made one long
`gradnorm_init`                 equal weights to start GradNorm from
`gradnorm_step`                 weights learned until all weighted gradients are alike
`GradNormState`                 what its next step needs
`min_norm`                      the shortest vector in the hull of many gradients (MGDA)
`main_and_auxiliary`            a gradient corrected until it hurts no other task
`cagrad`                        the best direction for the worst-served task (CAGrad)
`Combination`                   what they return: direction, weights, and how far from optimal
`nash`                          the direction from which every task gains the same share (Nash-MTL)
`pcgrad`                        many gradients without what points against others (PCGrad)
==============================  ====================================================================

The optimizers are `optax.GradientTransformation`\\ s or functions from one to another: they stand in `optax.chain`,
`optax.partition`, `optax.masked` and `optax.inject_hyperparams` like optax's own. What concerns many losses is a
function of them and of their gradients.
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

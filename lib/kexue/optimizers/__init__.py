"""Optimizers written, wrapped and shrunk; a rate for every layer; many losses at once.

============================  ================================================================================
`adafactor`                   a second moment in two vectors, clipped updates, steps relative to the weights
`scale_by_factored_rms`       its core: the gradient over the root of a factored second moment
`FactoredState`               its state
`Factors`                     the averages of a tensor's rows and columns
`factor_second_moment`        the product of a row and a column that is closest to a table of squares
`mutual_information`          how far a table is from every such product
`state_bytes`                 what the state of any optimizer will weigh, without making it
`adax`                        Adam with a second moment that never forgets
`adaxw`                       the same with decoupled weight decay
`scale_by_decay`              Adam's step with any average of squared gradients
`DecayState`                  its state
`decay_adam`                  an average that forgets at a constant rate
`decay_power`                 one over a window that grows with a power of the step
`decay_mean`                  the plain mean of all steps
`decay_adax`                  one that keeps the first gradients for ever
`past_weights`                what each past gradient weighs in such an average
`online_linear`               projected descent on linear losses, one after another, over many seeds
`runge_kutta_step`            a step along the gradient flow, by a method of order one to four
`stability_polynomial`        what such a step does to an error, and so how long it may be
`skipgram_step`               word vectors from negative samples: a step that touches only the rows of a batch
`accumulate`                  one update for the mean of every k gradients
`AccumulateState`             what it holds in between
`accumulated_value_and_grad`  the gradient of a large batch, one micro-batch in memory at a time
`average`                     an exponential moving average of the weights, beside any optimizer
`averaged_params`             the averaged weights, from any optimizer's state
`AverageState`                where they stand
`compose`                     several wrappers as one
`commutator`                  how much the order of two wrappers matters
`switchboard`                 Adam in six wrappers with a flag for each: 64 combinations as one vmap
`weight_decay`                decoupled weight decay around any optimizer: AdamW
`layer_adapt`                 steps in proportion to the norm of the weights: LAMB, LARS
`lazy`                        rows of a table without gradient stay
`lazy_adam_rows`              one step of LazyAdam on the touched rows only
`noisy_quadratic_loss`        expected loss of SGD and Lookahead on a noisy quadratic, exactly
`with_schedule`               a factor that depends on the step, around any optimizer
`piecewise_linear`            such a factor, in straight lines through given points: warm-up and decay
`lookahead`                   slow weights that pull the fast ones back, on plain parameters
`slow_params`                 the slow weights, from any optimizer's state
`LookaheadState`              where they stand
`bend_gradients`              each layer's gradient through a function of its own
`clip_gradient_norm`          an identity whose gradient is shortened on the way back
`reverse_gradient`            an identity whose gradient changes its sign
`scale_gradient`              an identity whose gradient is multiplied
`discriminative_rates`        smaller rates the further a layer is from the output
`rates_by_path`               each layer's update times a factor of its own
`reparametrize`               an optimizer of the parameters divided by a scale
`scaling_exponent`            to what power that scale multiplies the learning rate
`relative_loss`               the sum of many losses, each in units of a fixed reference
`log_sum_loss`                each loss in units of itself: the gradient of the geometric mean
`power_mean`                  one number between the smallest of many losses and the largest
`prior_loss`                  the loss of the best constant prediction, a unit for any loss
`uncertainty_loss`            losses divided by variances that are learned with them
`optimal_log_variances`       the best such variances, and where to start
`task_gradients`              all losses and the gradient of each
`weighted_sum`                one gradient from many with given weights
`invariance`                  how far a direction turns when the losses change their units
`normalised_sum`              the sum of many gradients, each made one long
`gradnorm_init`               equal weights to start GradNorm from
`gradnorm_step`               weights learned until all weighted gradients are alike
`GradNormState`               what its next step needs
`min_norm`                    the shortest vector in the hull of many gradients (MGDA)
`main_and_auxiliary`          a gradient corrected until it hurts no other task
`cagrad`                      the best direction for the worst-served task (CAGrad)
`Combination`                 what they return: direction, weights, and how far from optimal
`nash`                        the direction from which every task gains the same share (Nash-MTL)
`imtl_g`                      the direction whose projections on all gradients are equal (IMTL-G)
`pcgrad`                      many gradients without what points against others (PCGrad)
============================  ================================================================================

The methods are `optax.GradientTransformation` objects and the wrappers functions from one to another: they stand in
`optax.chain`, `optax.partition`, `optax.masked` and `optax.inject_hyperparams` like optax's own.
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

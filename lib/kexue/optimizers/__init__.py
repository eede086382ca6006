"""Optimizers written, wrapped and shrunk; a rate for every layer; many losses at once.

==============================  ====================================================================
`adafactor`                     a second moment in two vectors, clipped updates, steps relative to the weights
`scale_by_factored_rms`         its core: the gradient over the root of a factored second moment
`FactoredState`                 its state
`Factors`                       the averages of a tensor's rows and columns
`adax`                          Adam with a second moment that never forgets
`adaxw`                         the same with decoupled weight decay
`scale_by_decay`                Adam's step with any average of squared gradients
`DecayState`                    its state
`decay_adam`                    an average that forgets at a constant rate
`decay_power`                   one over a window that grows with a power of the step
`decay_mean`                    the plain mean of all steps
`decay_adax`                    one that keeps the first gradients for ever
`past_weights`                  what each past gradient weighs in such an average
`online_linear`                 projected descent on linear losses, one after another, over many seeds
`runge_kutta_step`              a step along the gradient flow, by a method of order one to four
`stability_polynomial`          what such a step does to an error, and so how long it may be
`skipgram_step`                 word vectors from negative samples: a step that touches only the rows of a batch
==============================  ====================================================================

All are `optax.GradientTransformation`\\ s or functions from one to another: they stand in `optax.chain`,
`optax.partition`, `optax.masked` and `optax.inject_hyperparams` like optax's own.
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""Optimizers written, wrapped and shrunk; a rate for every layer; many losses at once.

==============================  ====================================================================
`bend_gradients`                each layer's gradient through a function of its own
`clip_gradient_norm`            an identity whose gradient is shortened on the way back
`reverse_gradient`              an identity whose gradient changes its sign
`scale_gradient`                an identity whose gradient is multiplied
`discriminative_rates`          smaller rates the further a layer is from the output
`rates_by_path`                 each layer's update times a factor of its own
`reparametrize`                 an optimizer of the parameters divided by a scale
`scaling_exponent`              to what power that scale multiplies the learning rate
==============================  ====================================================================

All are `optax.GradientTransformation`\\ s or functions from one to another: they stand in `optax.chain`,
`optax.partition`, `optax.masked` and `optax.inject_hyperparams` like optax's own.
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

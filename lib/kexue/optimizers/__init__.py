"""Optimizers written, wrapped and shrunk; a rate for every layer; many losses at once.

==============================  ====================================================================
==============================  ====================================================================

All are `optax.GradientTransformation`\\ s or functions from one to another: they stand in `optax.chain`,
`optax.partition`, `optax.masked` and `optax.inject_hyperparams` like optax's own.
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

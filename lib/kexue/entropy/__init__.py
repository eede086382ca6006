"""Structure is what makes a description shorter: words, sentence templates and communities, found without labels.

=============================  =====================================================================
`merge_gain`                   what a text gains when two neighbouring units become one
`merge_gain_approx`            the same for rare pairs, a lower bound
=============================  =====================================================================
"""

import lazy_loader

# Lazy: who needs one function imports one module.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)

"""What can be known about the words of a random sentence: the exact probabilities of its tags."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ..._semirings import LOG
from ...entropy.units.lattice import SegmentLattice, edge_uses

__all__ = ["tag_posterior"]


def tag_posterior(lattice: SegmentLattice, log_theta: Float[Array, " units"]) -> Float[Array, "letters 4"]:
    r"""How probable each tag of each letter is, given the whole sentence: summed over all its divisions into words.

    .. math:: p(y_t\mid x)=\sum_{w\ni t}\frac{e^{\alpha_i}\,\theta_w\,e^{\beta_j}}{Z}

    The sum is over the places :math:`i<t\le j` of words in which letter t has the tag :math:`y_t`. For sentences of
    :func:`random_sentences`, :math:`\log\theta_w=\log p(w)+\log(1-s)`: each word more is one more that did not end the
    sentence. No tagger can have a smaller expected loss on them than this one.

    Parameters
    ----------
    lattice : SegmentLattice
        Of :func:`kexue.entropy.segment_lattice`.
    log_theta : float (units,)
        Logarithms of the units' weights.

    Returns
    -------
    float (letters, 4)
        Probabilities of B, M, E, S, for the letters of all texts in a row. Zeros in rows where nothing fits.

    Raises
    ------
    ValueError
        If ``log_theta`` has not one entry a unit.

    Notes
    -----
    As many operations as letters times the longest unit. Differentiable.

    Examples
    --------
    >>> import numpy as np
    >>> from kexue.entropy import segment_lattice
    >>> lattice = segment_lattice(["研究生命"], ["研究", "研究生", "生命", "命"])  # research, graduate, life, fate
    >>> theta = jnp.log(jnp.array([0.5, 0.1, 0.2, 0.2]))
    >>> print(np.asarray(tag_posterior(lattice, theta)).round(3))  # 0.5 · 0.2 against 0.1 · 0.2
    [[1.    0.    0.    0.   ]
     [0.    0.167 0.833 0.   ]
     [0.833 0.    0.167 0.   ]
     [0.    0.    0.833 0.167]]
    """
    if log_theta.shape != (lattice.size,):
        raise ValueError(f"log_theta must have one entry a unit, shape {(lattice.size,)}, got {log_theta.shape}")
    return _posterior(lattice, log_theta)


@jax.jit
def _posterior(lattice: SegmentLattice, log_theta: Array) -> Float[Array, "letters 4"]:
    edges = jnp.append(log_theta, jnp.array([-jnp.inf, 0], log_theta.dtype))[lattice.ids]
    uses = edge_uses(LOG, edges)  # of the word of l + 1 letters that ends here
    single, longer = uses[..., 0], uses.at[..., 0].set(0)
    begins, inside = jnp.zeros_like(single), jnp.zeros_like(single)
    for length in range(1, uses.shape[-1]):
        begins += _earlier(uses[..., length], length)
    for back in range(1, uses.shape[-1] - 1):  # the word ends `back` letters later, and began before this one
        inside += _earlier(longer[..., back + 1 :].sum(-1), back)
    tags = jnp.stack([begins, inside, longer.sum(-1), single], axis=-1)
    return tags.reshape(-1, 4)[lattice.place]


def _earlier(ends: Float[Array, "rows width"], steps: int) -> Float[Array, "rows width"]:
    return jnp.pad(ends[:, steps:], ((0, 0), (0, min(steps, ends.shape[1]))))

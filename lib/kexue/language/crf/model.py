"""The layer that stands on top of a network: transitions, their constraints, and everything that one softmax can answer."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..._check import at_least_one
from ._chain import Numbers
from .decoding import crf_k_best, crf_sample, crf_viterbi
from .likelihood import crf_log_z, crf_marginals, crf_nll

__all__ = ["LinearChainCRF"]


class LinearChainCRF(eqx.Module):
    r"""A linear-chain conditional random field: a softmax over all tag sequences of one sequence of emissions.

    .. math:: P(y\mid x)&=\frac1{Z(x)}\exp\big(s(y)\big),\\
        s(y)&=a(y_1)+\sum_{t=1}^nh_t(y_t)+\sum_{t=1}^{n-1}g(y_t,y_{t+1})+b(y_n)

    The emissions :math:`h` come from a network; :math:`g,a,b` are this module's parameters and start at zero, where it
    is a softmax at each step. Use ``jax.vmap`` over sequences.

    Parameters
    ----------
    tags : int, at least 1
        Number of tags, k.
    legal : bool (k, k), optional
        Which tag may follow which; forbidden steps have the score −inf and no gradient. Default: all.
    legal_start, legal_end : bool (k,), optional
        Which tags may come first and last. Default: all.

    Raises
    ------
    ValueError
        If ``tags`` is below one, or a constraint has another shape, is not of truth values, or forbids everything.

    Examples
    --------
    >>> import jax
    >>> from kexue.language import BMES, LinearChainCRF, bmes_grammar
    >>> crf = LinearChainCRF(4, **bmes_grammar()._asdict())
    >>> tags, score = crf.viterbi([[2, 0, 0, 1], [2, 0, 0, 1], [0, 0, 2, 1]])  # each for itself: B B E, nonsense
    >>> print("".join(BMES[tag] for tag in tags), score)
    SBE 5.0
    >>> nll = jax.vmap(crf.nll)(jnp.zeros((2, 3, 4)), jnp.array([[3, 0, 2], [3, 3, 3]]))  # one of 4 sequences
    >>> print(jnp.exp(nll))
    [4. 4.]

    References
    ----------
    Lafferty, McCallum and Pereira, "Conditional random fields", 2001.
    """

    transitions: Float[Array, "k k"]
    """Scores of the column's tag after the row's, before the constraints."""
    start: Float[Array, " k"]
    """Scores of the first tag."""
    end: Float[Array, " k"]
    """Scores of the last tag."""
    legal: Bool[Array, "k k"] | None
    """Which tag may follow which."""
    legal_start: Bool[Array, " k"] | None
    """Which tags may come first."""
    legal_end: Bool[Array, " k"] | None
    """Which tags may come last."""

    def __init__(self, tags: int, *, legal: Any = None, legal_start: Any = None, legal_end: Any = None):
        at_least_one("tags", tags)
        self.transitions, self.start, self.end = jnp.zeros((tags, tags)), jnp.zeros(tags), jnp.zeros(tags)
        self.legal = _constraint("legal", legal, (tags, tags))
        self.legal_start = _constraint("legal_start", legal_start, (tags,))
        self.legal_end = _constraint("legal_end", legal_end, (tags,))

    def scores(self) -> dict[str, Array]:
        """``transitions``, ``start`` and ``end``, −inf where forbidden: what the functions ``crf_...`` take."""
        found = {}
        for name, legal in (("transitions", self.legal), ("start", self.legal_start), ("end", self.legal_end)):
            free = getattr(self, name)
            found[name] = free if legal is None else jnp.where(legal, free, -jnp.inf)
        return found

    def log_z(self, emissions: Numbers, length: Any = None, method: str = "scan") -> Float[Array, ""]:
        """The normaliser: `crf_log_z`."""
        return crf_log_z(emissions, **self.scores(), length=length, method=method)

    def nll(self, emissions: Numbers, tags: Numbers, length: Any = None) -> Float[Array, ""]:
        """The loss of one sequence, in nats: `crf_nll`."""
        return crf_nll(emissions, tags=tags, **self.scores(), length=length)

    def marginals(self, emissions: Numbers, length: Any = None) -> tuple[Float[Array, "T k"], Float[Array, "T-1 k k"]]:
        """Probabilities of tags and of pairs of neighbours: `crf_marginals`."""
        return crf_marginals(emissions, **self.scores(), length=length)

    def viterbi(self, emissions: Numbers, length: Any = None) -> tuple[Int[Array, " T"], Float[Array, ""]]:
        """The best sequence and its score: `crf_viterbi`."""
        return crf_viterbi(emissions, **self.scores(), length=length)

    def k_best(
        self, emissions: Numbers, number: int, length: Any = None
    ) -> tuple[Int[Array, "number T"], Float[Array, " number"]]:
        """The best few sequences and their scores: `crf_k_best`."""
        return crf_k_best(emissions, number=number, **self.scores(), length=length)

    def sample(
        self, key: Key[Array, ""], emissions: Numbers, number: int, length: Any = None
    ) -> Int[Array, "number T"]:
        """Exact draws: `crf_sample`."""
        return crf_sample(key, emissions, number=number, **self.scores(), length=length)


def _constraint(name: str, legal: Any, shape: tuple[int, ...]) -> Array | None:
    if legal is None:
        return None
    legal = np.asarray(legal)
    if legal.shape != shape or legal.dtype != bool:
        raise ValueError(f"{name} must hold truth values of shape {shape}, got {legal.dtype} of shape {legal.shape}")
    if not legal.any():
        raise ValueError(f"{name} must allow something, got False everywhere")
    return jnp.asarray(legal)

"""All sentences of one length under a constraint, at once: an exact normaliser, exact draws, exact marginals."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key

from ..._chains import log_matmul, max_matmul, messages, weights
from ..._check import at_least_one
from ..draws.inverse_cdf import cumulative, invert_rows
from .bigram import Bigram

__all__ = ["Lattice", "constrained_lattice"]

CHUNK = 4096


class Lattice(eqx.Module):
    r"""The distribution :math:`\pi(x)\propto\rho(x)=P(x)\,\chi(x)` over sentences of ``length`` words.

    :math:`\chi` is one if every keyword appears and every word is allowed at its position, else zero. The state of the
    automaton that checks this is (keywords seen, last word); a set of keywords is an integer of K bits.
    """

    model: Bigram
    keywords: Int[Array, " K"]
    """Their tokens; keyword k is bit k of a set."""
    log_allowed: Float[Array, "n V"]
    """0 or −inf."""
    log_messages: Float[Array, "n sets V"]
    r"""Log of :math:`\beta_t(S,v)`, all that may follow after the t-th word, up to a constant for each t."""
    log_z: Float[Array, ""]
    r""":math:`\log\sum_x\rho(x)`: the log probability that the model says a sentence of this length that qualifies."""

    @property
    def length(self) -> int:
        """Words of a sentence."""
        return self.log_messages.shape[0]

    @property
    def _joined(self) -> Int[Array, "sets V"]:
        """The set of keywords seen after a word, given the set before it."""
        bits = jnp.zeros(self.log_messages.shape[2], jnp.int32).at[self.keywords].set(_powers(self.keywords.shape[0]))
        return jnp.arange(self.log_messages.shape[1], dtype=jnp.int32)[:, None] | bits[None]

    def _ahead(self, t: int | Int[Array, ""]) -> Float[Array, "sets V"]:
        """Log weight of the next word being w at position t, and of all that follows, given the set before it."""
        return _ahead(self.log_messages[t], self._joined, self.log_allowed[t])

    @eqx.filter_jit
    def sample(self, key: Key[Array, ""], number: int) -> Int[Array, "number n"]:
        r"""Draw independent sentences from :math:`\pi`, exactly, word by word through the backward messages.

        Parameters
        ----------
        key : PRNG key
        number : int, at least 1

        Returns
        -------
        int32 (number, length)

        Raises
        ------
        ValueError
            If ``number`` is below one.

        Notes
        -----
        ``length`` times the smaller of ``number`` · V and 2^K V² operations. A number far above 2^K V is cheap.
        """
        at_least_one("number", number)
        start = self.model.stop.shape[0]  # the row of the beginning, below those of the words
        log_P = jnp.log(jnp.concatenate([self.model.transition, self.model.start[None]]))
        sets, joined, V = self.log_messages.shape[1], self._joined, log_P.shape[1]

        def draw_in_table(log_ahead: Array, seen: Array, word: Array, u: Array) -> Array:
            table = cumulative(weights((log_P[None] + log_ahead[:, None]).reshape(-1, V)))
            return invert_rows(table, seen * (V + 1) + word, u)

        def draw_in_own_rows(log_ahead: Array, seen: Array, word: Array, u: Array) -> Array:
            def some(state: tuple[Array, Array, Array]) -> Array:
                seen, word, u = state
                rows = cumulative(weights(log_P[word] + log_ahead[seen]))
                return invert_rows(rows, jnp.arange(len(u)), u)

            state, chunks = (seen, word, u), -(-number // CHUNK)
            if chunks == 1:
                return some(state)
            padded = jax.tree.map(lambda leaf: jnp.resize(leaf, (chunks, CHUNK)), state)  # the last chunk is filled up
            return jax.lax.map(some, padded).ravel()[:number]

        draw = draw_in_table if number > sets * V else draw_in_own_rows

        def step(state: tuple[Array, Array], inputs: tuple[Array, Array]) -> tuple[tuple[Array, Array], Array]:
            seen, word = state
            t, u = inputs
            new = draw(self._ahead(t), seen, word, u)
            return (joined[seen, new], new), new

        nothing = jnp.zeros(number, jnp.int32)
        u = jax.random.uniform(key, (self.length, number), log_P.dtype)
        return jax.lax.scan(step, (nothing, nothing + start), (jnp.arange(self.length), u))[1].T

    @eqx.filter_jit
    def marginals(self) -> Float[Array, "n V"]:
        r"""Probability of each word at each position, :math:`\pi(x_t=w)=\sum_S\alpha_t(S,w)\beta_t(S,w)/Z`."""
        sets, joined, V = self.log_messages.shape[1], self._joined, self.model.stop.shape[0]
        bits = joined[0]
        columns, members = jnp.arange(V), jnp.arange(sets, dtype=jnp.int32)[:, None]

        def see(raw: Array) -> Array:
            """Mass moves from the set before a word to the set after it."""
            merged = jnp.logaddexp(raw, raw[members ^ bits[None], columns[None]])
            holds_it = (members & bits[None]) > 0
            return jnp.where(bits[None] == 0, raw, jnp.where(holds_it, merged, -jnp.inf))

        def step(log_alpha: Array, log_allowed: Array) -> Array:
            return see(log_matmul(log_alpha, self.model.transition, 0) + log_allowed[None])

        empty = jnp.full((sets, V), -jnp.inf, self.log_messages.dtype)
        alpha = see(empty.at[0].set(jnp.log(self.model.start) + self.log_allowed[0]))
        joint = messages(step, alpha, self.log_allowed[1:])[0] + self.log_messages
        mass = jnp.exp(joint - jnp.max(joint, axis=(1, 2), keepdims=True)).sum(axis=1)
        return mass / mass.sum(axis=1, keepdims=True)

    @eqx.filter_jit
    def best(self) -> tuple[Int[Array, " n"], Float[Array, ""]]:
        r"""The most probable sentence, :math:`\arg\max_x\rho(x)`, and the log of its :math:`\rho` (Viterbi).

        Returns
        -------
        (int32 (length,), float)
            Of several maxima the one whose words come first in the vocabulary, from the first position on.

        Notes
        -----
        ``length`` · 2^K · V² comparisons.
        """
        log_P, joined = jnp.log(self.model.transition), self._joined

        def step(log_best: Array, log_allowed: Array) -> Array:
            return max_matmul(_ahead(log_best, joined, log_allowed), log_P, 1)

        last = _last(self.model, self.log_messages.shape[1])
        log_best = messages(step, last, self.log_allowed[1:], reverse=True)[0]
        log_ahead = jax.vmap(_ahead, (0, None, 0))(log_best, joined, self.log_allowed)
        first = jnp.log(self.model.start) + log_ahead[0, 0]

        def follow(state: tuple[Array, Array], log_ahead: Array) -> tuple[tuple[Array, Array], Array]:
            seen, word = state
            new = jnp.argmax(log_P[word] + log_ahead[seen]).astype(jnp.int32)
            return (joined[seen, new], new), new

        word = jnp.argmax(first).astype(jnp.int32)
        rest = jax.lax.scan(follow, (joined[0, word], word), log_ahead[1:])[1]
        tokens = jnp.concatenate([word[None], rest])
        return tokens, self.model.log_prob(tokens)


def constrained_lattice(
    model: Bigram,
    length: int,
    *,
    keywords: Sequence[str] | Int[Array, " K"] = (),
    allowed: Bool[Array | np.ndarray, "n V"] | None = None,
) -> Lattice:
    r"""Sum over all sentences of a length that hold every keyword, by backward recursion over an automaton.

    .. math:: \beta_n(S,v)&=P(\text{end}\mid v)\,[S\text{ is full}],\\
        \beta_t(S,v)&=\sum_wP(w\mid v)\,a_{t+1}(w)\,\beta_{t+1}(S\cup k(w),w)

    with :math:`a_t(w)` one where the word is allowed and :math:`k(w)` the keyword that :math:`w` is, if any.

    Parameters
    ----------
    model : Bigram
    length : int, at least 1 and at least the number of keywords
    keywords : sequence of words, or int (K,) tokens
        Each must appear at least once, in any order. Tokens may be traced.
    allowed : bool (length, V), optional
        Which words may stand at which position: acrostics, infilling, locked words. Default: all.

    Returns
    -------
    Lattice
        With ``log_z``, ``sample``, ``marginals`` and ``best``.

    Raises
    ------
    ValueError
        If a keyword is not in the vocabulary or is given twice, ``length`` is too short, ``allowed`` has another shape
        or forbids all words of a position, or no sentence qualifies. Under ``jit`` the last two are not known:
        ``log_z`` is then −inf and draws mean nothing.

    Notes
    -----
    Time ``length`` · 2^K · V², as ``length`` matrix products; memory ``length`` · 2^K · V. Messages are kept as
    logarithms, and numbers are added up among others of their size: neither length nor constraints underflow. Where
    the messages of one position lie more than e^39 apart (float64: e^318), it takes one more product for each such step.

    Examples
    --------
    >>> from kexue.sampling import bigram_model
    >>> model = bigram_model([["to", "be"], ["to", "see"], ["be"]], ["to", "be", "see"], interpolation=0.0)
    >>> lattice = constrained_lattice(model, 2, keywords=["see"])
    >>> print(f"{jnp.exp(lattice.log_z):.4f}", model.decode(lattice.best()[0]))  # 2/3 · 1/2
    0.3333 ['to', 'see']

    References
    ----------
    Rabiner, "A tutorial on hidden Markov models", 1989 (the recursions).
    """
    at_least_one("length", length)
    V = len(model.words)
    tokens = _keyword_tokens(model, keywords)
    if length < len(tokens):
        raise ValueError(f"length must be at least the number of keywords, {len(tokens)}, got {length}")
    if allowed is None:
        allowed = jnp.ones((length, V), bool)
    if allowed.shape != (length, V):
        raise ValueError(f"allowed must have one row a position, shape {(length, V)}, got {tuple(allowed.shape)}")
    if not isinstance(allowed, jax.core.Tracer) and not np.asarray(allowed).any(axis=1).all():
        empty = int(np.argmin(np.asarray(allowed).any(axis=1)))
        raise ValueError(f"allowed must leave a word at every position, got none at position {empty}")
    lattice = _build(model, tokens, jnp.where(jnp.asarray(allowed), 0.0, -jnp.inf).astype(model.stop.dtype))
    if not isinstance(lattice.log_z, jax.core.Tracer) and not lattice.log_z > -jnp.inf:
        raise ValueError(f"keywords and allowed must leave a possible sentence of {length} words, got log_z = -inf")
    return lattice


def _keyword_tokens(model: Bigram, keywords: Sequence[str] | Array) -> Int[Array, " K"]:
    if isinstance(keywords, jax.Array):
        if not isinstance(keywords, jax.core.Tracer):
            known, V = np.asarray(keywords).tolist(), len(model.words)
            if len(set(known)) < len(known) or not all(0 <= token < V for token in known):
                raise ValueError(f"keywords must be different tokens in [0, {V}), got {known}")
        return keywords.astype(jnp.int32)
    if isinstance(keywords, str) or len(set(keywords)) < len(keywords):
        raise ValueError(f"keywords must be a sequence of different words, got {keywords!r}")
    return model.encode(keywords)


@jax.jit
def _build(model: Bigram, keywords: Int[Array, " K"], log_allowed: Float[Array, "n V"]) -> Lattice:
    sets, (n, V) = 2 ** keywords.shape[0], log_allowed.shape
    lattice = Lattice(model, keywords, log_allowed, jnp.zeros((n, sets, V), model.stop.dtype), jnp.zeros(()))
    joined = lattice._joined

    def step(log_message: Array, log_allowed: Array) -> Array:
        return log_matmul(_ahead(log_message, joined, log_allowed), model.transition, 1)

    log_messages, log_scales = messages(step, _last(model, sets), log_allowed[1:], reverse=True)
    first = jnp.log(model.start) + _ahead(log_messages[0], joined, log_allowed[0])[0]
    return Lattice(model, keywords, log_allowed, log_messages, jax.nn.logsumexp(first) + jnp.sum(log_scales))


def _last(model: Bigram, sets: int) -> Float[Array, "sets V"]:
    """After the last word all keywords have been seen."""
    is_full = jnp.arange(sets) == sets - 1
    return jnp.where(is_full[:, None], jnp.log(model.stop)[None], -jnp.inf)


def _powers(K: int) -> Int[Array, " K"]:
    return 2 ** jnp.arange(K, dtype=jnp.int32)


def _ahead(log_message: Array, joined: Array, log_allowed: Array) -> Array:
    return jnp.take_along_axis(log_message, joined, axis=0) + log_allowed[None]

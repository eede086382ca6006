"""A tagger that remembers: a row of numbers for every short string that it has seen, and a small network on top."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from ..._check import at_least_one
from .random_text import GAP

__all__ = ["NGramTagger"]

# Odd constants with their bits well mixed: 2³² over the golden ratio, and one of MurmurHash3's.
SPREAD, MIX = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B)


class NGramTagger(eqx.Module):
    r"""Scores of the four tags of each character, from all strings of up to four characters that contain it.

    .. math:: h_t&=b+\sum_{k=1}^{n}\sum_{o=0}^{k-1}W_{k,o}\,R_{\#(x_{t-o},\dots,x_{t-o+k-1})},\\
        z_t&=V\max(h_t,0)+c

    A hash function # gives each string a row of the table R. Strings of one hash share their row: the table is the
    memory, and may be smaller than what there is to remember. Rows begin as zeros: a string never seen says nothing.
    A string that reaches over the end of its sentence is known by its length alone.

    Parameters
    ----------
    key : jax.random.key
    rows : int, a power of two of at least 16
        Rows of the table.
    dim : int, at least 1
        Numbers in a row.
    order : int in [1, 16]
        Characters of the longest string, n.
    hidden : int, at least 1
        Units of the hidden layer.

    Raises
    ------
    ValueError
        If a size is out of range.

    Notes
    -----
    Called on letters, int (letters,), it returns scores, float (letters, 4). For each letter n (n + 1) / 2 rows, and
    dim · hidden multiplications for each of them: about 0.25 µs on one core. Memory: 4 · rows · dim bytes, 17 MB by
    default.

    Examples
    --------
    >>> tagger = NGramTagger(jax.random.key(0), rows=1024)
    >>> scores = tagger(jnp.array([*map(ord, "图书馆")]))  # library
    >>> print(scores.shape, tagger.table.shape)
    (3, 4) (1024, 8)

    References
    ----------
    Weinberger, Dasgupta, Langford, Smola and Attenberg, "Feature hashing for large scale multitask learning", 2009,
    arXiv:0902.2206.
    """

    table: Float[Array, "rows dim"]
    """One row a string: R."""
    weights: Float[Array, "inputs hidden"]
    """For each length, and each place of the letter in the string: W."""
    bias: Float[Array, " hidden"]
    """b."""
    out: Float[Array, "hidden 4"]
    """V."""
    out_bias: Float[Array, " 4"]
    """c."""
    order: int = eqx.field(static=True)
    """n."""

    def __init__(self, key: Key[Array, ""], rows: int = 2**19, dim: int = 8, order: int = 4, hidden: int = 64):
        for name, size in (("dim", dim), ("order", order), ("hidden", hidden)):
            at_least_one(name, size)
        if rows < 16 or rows & (rows - 1):
            raise ValueError(f"rows must be a power of two of at least 16, got {rows}")
        if order > 16:
            raise ValueError(f"order must be at most 16, got {order}")
        for_weights, for_bias, for_out = jax.random.split(key, 3)
        inputs = order * (order + 1) // 2 * dim
        self.table = jnp.zeros((rows, dim))
        self.weights = jax.random.normal(for_weights, (inputs, hidden)) / inputs**0.5
        self.bias = 0.5 * jnp.abs(jax.random.normal(for_bias, (hidden,)))  # open: at zero, max(h, 0) has no slope
        self.out = jax.random.normal(for_out, (hidden, 4)) / hidden**0.5
        self.out_bias, self.order = jnp.zeros(4), order

    def __call__(self, letters: Int[Array, " letters"]) -> Float[Array, "letters 4"]:
        """Scores of B, M, E, S at each letter; sentences may stand one after another, with zeros between them."""
        return self.scores(self.table[self.places(letters)])

    def places(self, letters: Int[Array, " letters"]) -> Int[Array, "letters strings"]:
        """Where in the table the rows of the strings are that contain a letter."""
        found = []
        for k, begins in enumerate(_hashes(letters, self.order, self.table.shape[0])):
            for o in range(k + 1):  # the string that begins o letters earlier
                found.append(jnp.concatenate([jnp.full(o, k), begins])[: len(letters)])
        return jnp.stack(found, axis=1)

    def scores(self, rows: Float[Array, "letters strings dim"]) -> Float[Array, "letters 4"]:
        """The network on top of the rows."""
        hidden = jax.nn.relu(rows.reshape(len(rows), -1) @ self.weights + self.bias[None])
        return hidden @ self.out + self.out_bias[None]


def _hashes(letters: Int[Array, " letters"], order: int, rows: int) -> list[Int[Array, " letters"]]:
    """For each length the row of the string that begins at each letter."""
    padded = jnp.concatenate([letters, jnp.full(order, GAP, letters.dtype)]).astype(jnp.uint32)
    state, is_outside, found = jnp.zeros(letters.shape, jnp.uint32), jnp.zeros(letters.shape, bool), []
    for k in range(order):
        letter = padded[k : k + len(letters)]
        is_outside |= letter == GAP
        state = (state ^ letter) * SPREAD
        state = (state ^ (state >> 15)) * MIX + np.uint32(k + 1)
        row = ((state ^ (state >> 13)) * SPREAD) >> np.uint32(33 - rows.bit_length())
        found.append(jnp.where(is_outside, k, row.astype(jnp.int32)))
    return found

"""Training a tagger on random sentences, of which there are as many as one likes."""

from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from ..._check import at_least_one, positive
from .ngrams import NGramTagger
from .random_text import RandomText, WordTable, random_sentences

__all__ = ["TaggerTraining", "start_tagger", "tagging_loss", "train_tagger"]


class TaggerTraining(NamedTuple):
    """Where a training stands."""

    tagger: NGramTagger
    """As it is now."""
    squares: Float[Array, " rows"]
    """For each row of the table: the squares of its gradients, added up."""
    moments: Any
    """Adam's state, for the other parameters."""


def start_tagger(tagger: NGramTagger) -> TaggerTraining:
    """The state before the first step.

    Parameters
    ----------
    tagger : NGramTagger

    Returns
    -------
    TaggerTraining

    Examples
    --------
    >>> state = start_tagger(NGramTagger(jax.random.key(0), rows=64))
    >>> print(state.squares.sum())
    64.0
    """
    return TaggerTraining(tagger, jnp.ones(len(tagger.table)), optax.adam(1.0).init(_network(tagger)))


def tagging_loss(scores: Float[Array, "letters 4"], text: RandomText) -> Float[Array, ""]:
    r"""The mean surprise at the true tags, :math:`-\frac1n\sum_t\log q(y_t\mid x)`, in nats.

    Parameters
    ----------
    scores : float (letters, 4)
        Of a tagger, before the softmax.
    text : RandomText
        Letters whose tag is −1 do not count.

    Returns
    -------
    float scalar
        0 where no tag is known.

    Raises
    ------
    ValueError
        If there are not as many scores as tags.

    Examples
    --------
    >>> text = RandomText(jnp.array([0x6211, 0]), jnp.array([3, -1]))
    >>> print(tagging_loss(jnp.zeros((2, 4)), text).round(3))  # ln 4
    1.386
    """
    if scores.shape != (*text.tags.shape, 4):
        raise ValueError(f"scores must be four for each of the tags, {(*text.tags.shape, 4)}, got {scores.shape}")
    is_known = text.tags >= 0
    surprises = -jnp.take_along_axis(jax.nn.log_softmax(scores), jnp.maximum(text.tags, 0)[:, None], axis=1)[:, 0]
    number = jnp.maximum(jnp.sum(is_known), 1).astype(scores.dtype)
    return jnp.sum(jnp.where(is_known, surprises, 0)) / number


def train_tagger(
    state: TaggerTraining,
    words: WordTable,
    key: Key[Array, ""],
    steps: int,
    *,
    size: int = 8192,
    stop: float | Array = 1 / 8,
    learning_rate: float | Array = 3e-3,
    row_rate: float | Array = 0.2,
) -> tuple[TaggerTraining, Float[Array, " steps"]]:
    r"""Go on training, with a new random text for each step.

    The network is trained by Adam, the rows of its table by Adagrad with one rate a row:

    .. math:: s_r&\leftarrow s_r+\sum_{i\to r}\overline{g_i^2},\\
        R_r&\leftarrow R_r-\frac{\gamma}{\sqrt{s_r}}\sum_{i\to r}g_i

    Here :math:`i\to r` are the strings in the text that have the row r, :math:`g_i` the gradient of the *sum* of the
    losses, and the bar a mean over the row's numbers.

    Parameters
    ----------
    state : TaggerTraining
        Of :func:`start_tagger`, or what an earlier call returned.
    words : WordTable
    key : jax.random.key
    steps : int, at least 1
    size : int, at least 1
        Characters of a text.
    stop : float in (0, 1]
        Of :func:`random_sentences`.
    learning_rate, row_rate : float, positive
        Of Adam; :math:`\gamma`.

    Returns
    -------
    (TaggerTraining, float (steps,))
        The loss before each step, on text that the tagger had not seen.

    Raises
    ------
    ValueError
        If a number is out of range.

    Notes
    -----
    Only rows in use are touched, so that a step costs the same for any size of the table: 18 ms on one core. Compiles
    once for a number of steps and a size. Under ``vmap`` over states and keys it trains several at once.

    Examples
    --------
    >>> from kexue.language import word_table
    >>> words = word_table({"的": 3, "喜欢": 2, "图书馆": 1})  # of; to like; library
    >>> state = start_tagger(NGramTagger(jax.random.key(0), rows=64, hidden=8))
    >>> state, losses = train_tagger(state, words, jax.random.key(1), 20, size=256)
    >>> print(losses[0] > 1, losses[-1] < 0.1)
    True True

    References
    ----------
    Duchi, Hazan and Singer, "Adaptive subgradient methods", 2011.
    """
    at_least_one("steps", steps)
    at_least_one("size", size)
    for name, value in (("learning_rate", learning_rate), ("row_rate", row_rate)):
        positive(name, value)
    random_sentences(key, words, 1, stop)  # its errors, at the door
    return _train(state, words, key, stop, learning_rate, row_rate, steps, size)


def _network(tagger: NGramTagger) -> NGramTagger:
    """Its parameters without the table."""
    return eqx.tree_at(lambda tagger: tagger.table, tagger, None)


@partial(jax.jit, static_argnames=("steps", "size"))
def _train(
    state: TaggerTraining, words: WordTable, key: Array, stop: Any, rate: Any, row_rate: Any, steps: int, size: int
):
    def step(state: TaggerTraining, key: Array) -> tuple[TaggerTraining, Array]:
        text = random_sentences(key, words, size, stop)
        place, network = state.tagger.places(text.letters), _network(state.tagger)

        def loss(network: NGramTagger, rows: Array) -> Array:
            return tagging_loss(network.scores(rows), text)

        value, (slope, of_rows) = jax.value_and_grad(loss, (0, 1))(network, state.tagger.table[place])
        with jax.numpy_dtype_promotion("standard"):  # optax itself is not strict
            updates, moments = optax.adam(rate).update(slope, state.moments, network)
        known = jnp.sum(text.tags >= 0).astype(of_rows.dtype)
        table, squares = _adagrad(state.tagger.table, state.squares, place, of_rows * known, row_rate)
        network = optax.apply_updates(network, updates)
        tagger = eqx.tree_at(lambda t: t.table, network, table, is_leaf=lambda leaf: leaf is None)
        return TaggerTraining(tagger, squares, moments), value

    return jax.lax.scan(step, state, jax.random.split(key, steps))


def _adagrad(table: Array, squares: Array, place: Array, slopes: Array, rate: Any) -> tuple[Array, Array]:
    squares = squares.at[place].add(jnp.mean(slopes**2, axis=-1))
    return table.at[place].add(-rate * slopes / jnp.sqrt(squares[place])[..., None]), squares

"""The best tag sequence, the best few, and exact draws: each walks back along the messages of the way out."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from ..._chains import max_matmul, messages
from ..._check import at_least_one
from ._chain import Chain, Numbers, chain, forward
from .likelihood import score

__all__ = ["crf_k_best", "crf_sample", "crf_viterbi"]

NO_TAG = -1


def crf_viterbi(
    emissions: Numbers,
    transitions: Numbers,
    *,
    start: Numbers | None = None,
    end: Numbers | None = None,
    length: Any = None,
) -> tuple[Int[Array, " T"], Float[Array, ""]]:
    r"""The best tag sequence and its score.

    .. math:: \delta_{t+1}(j)&=h_{t+1}(j)+\max_i\big(\delta_t(i)+g(i,j)\big),\\
        y_n&=\arg\max_j\big(\delta_n(j)+b(j)\big),\\
        y_t&=\arg\max_i\big(\delta_t(i)+g(i,y_{t+1})\big)

    Parameters
    ----------
    emissions : float (T, k)
        Scores of each tag at each step. −inf forbids a tag. Use ``vmap`` over sequences.
    transitions : float (k, k)
        Scores of tag j after tag i. −inf forbids the step.
    start, end : float (k,), optional
        Scores of the first and of the last tag. Default: zero.
    length : int in [1, T], optional
        Steps that count. Default: T. May be traced.

    Returns
    -------
    (int32 (T,), float scalar)
        From ``length`` on the tag is −1. Of several best sequences one whose last tags have the smallest ids. The score
        is −inf, and the tags mean nothing, if no sequence is possible. Its gradient is one where the best sequence
        passes.

    Raises
    ------
    ValueError
        If a shape does not fit or ``length`` is out of range.

    Notes
    -----
    T k² comparisons, T k memory: no back-pointers, the way back asks again which tag was the best.

    Examples
    --------
    >>> from kexue.language import crf_viterbi
    >>> tags, best = crf_viterbi([[1, 0], [1, 0], [1, 0]], [[-jnp.inf, 0], [0, 0]])  # no two 0s
    >>> print(tags, best)
    [0 1 0] 2.0

    References
    ----------
    Viterbi, "Error bounds for convolutional codes", 1967.
    """
    return _viterbi(chain(emissions, transitions, start, end, length))


def crf_k_best(
    emissions: Numbers,
    transitions: Numbers,
    number: int,
    *,
    start: Numbers | None = None,
    end: Numbers | None = None,
    length: Any = None,
) -> tuple[Int[Array, "number T"], Float[Array, " number"]]:
    """The best few tag sequences, all different, best first.

    Parameters
    ----------
    emissions, transitions, start, end, length
        As for :func:`crf_viterbi`.
    number : int, at least 1

    Returns
    -------
    (int32 (number, T), float (number,))
        From ``length`` on the tag is −1. Where fewer sequences are possible, scores of −inf and tags of −1.

    Raises
    ------
    ValueError
        As :func:`crf_viterbi`, and if ``number`` is below one.

    Notes
    -----
    Each tag keeps its best ``number`` beginnings: T k selections among k · number, memory T · k · number.

    Examples
    --------
    >>> from kexue.language import crf_k_best
    >>> tags, scores = crf_k_best([[2, 0], [1, 0]], [[0, 0], [0, 0]], 3)
    >>> print(tags.tolist(), scores)
    [[0, 0], [0, 1], [1, 0]] [3. 2. 1.]

    References
    ----------
    Seshadri and Sundberg, "List Viterbi decoding algorithms with applications", 1994 (the parallel algorithm).
    """
    at_least_one("number", number)
    return _k_best(chain(emissions, transitions, start, end, length), number)


def crf_sample(
    key: Key[Array, ""],
    emissions: Numbers,
    transitions: Numbers,
    number: int,
    *,
    start: Numbers | None = None,
    end: Numbers | None = None,
    length: Any = None,
) -> Int[Array, "number T"]:
    r"""Draw independent tag sequences from :math:`P(y\mid x)`, exactly: the last tag first, then back.

    .. math:: P(y_n)\propto e^{\alpha_n(y_n)+b(y_n)},\qquad P(y_t\mid y_{t+1})\propto e^{\alpha_t(y_t)+g(y_t,y_{t+1})}

    Parameters
    ----------
    key : PRNG key
    emissions, transitions, start, end, length
        As for :func:`crf_viterbi`.
    number : int, at least 1

    Returns
    -------
    int32 (number, T)
        From ``length`` on the tag is −1. If no sequence is possible, the tags mean nothing.

    Raises
    ------
    ValueError
        As :func:`crf_viterbi`, and if ``number`` is below one.

    Notes
    -----
    T k² operations once, and T · k for each draw.

    Examples
    --------
    >>> from kexue.language import crf_sample
    >>> drawn = crf_sample(jax.random.key(0), [[0, 0]] * 4, [[-jnp.inf, 0], [0, -jnp.inf]], 100)  # 0101 or 1010
    >>> print(sorted(set(map(tuple, drawn.tolist()))))
    [(0, 1, 0, 1), (1, 0, 1, 0)]
    """
    at_least_one("number", number)
    return _sample(key, chain(emissions, transitions, start, end, length), number)


def _steps(given: Chain) -> tuple[Array, Array]:
    return given.emissions[1:], given.is_inside[1:]


@jax.jit
def _viterbi(given: Chain) -> tuple[Int[Array, " T"], Float[Array, ""]]:
    (h, g, start, end, _), is_inside = given, given.is_inside

    def step(message: Array, inputs: tuple[Array, Array]) -> Array:
        emission, is_in = inputs
        return jnp.where(is_in, max_matmul(message[None], g, 0)[0] + emission, message)

    best = messages(step, start + h[0], _steps(given))[0]

    def back(later: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        message, is_in = inputs  # whether the step after this one counts
        tag = jnp.where(is_in, jnp.argmax(message + g[:, later]), later).astype(jnp.int32)
        return tag, tag

    last = jnp.argmax(best[-1] + end).astype(jnp.int32)
    earlier = jax.lax.scan(back, last, (best[:-1], is_inside[1:]), reverse=True)[1]
    tags = jnp.where(is_inside, jnp.append(earlier, last), NO_TAG)
    return tags, score(given, tags)


@partial(jax.jit, static_argnums=1)
def _k_best(given: Chain, number: int) -> tuple[Int[Array, "number T"], Float[Array, " number"]]:
    (h, g, start, end, _), is_inside = given, given.is_inside
    k = h.shape[1]
    first = jnp.full((k, number), -jnp.inf, h.dtype).at[:, 0].set(start + h[0])
    stay = jnp.arange(k * number).reshape(k, number)

    def step(best: Array, inputs: tuple[Array, Array]) -> tuple[Array, Array]:
        emission, is_in = inputs
        ways = best[:, :, None] + g[:, None, :]  # the tag before, its rank, the tag
        found, origin = jax.lax.top_k(ways.reshape(k * number, k).T, number)
        best = jnp.where(is_in, found + emission[:, None], best)
        return best, jnp.where(is_in, origin, stay)

    best, origins = jax.lax.scan(step, first, _steps(given))
    total, last = jax.lax.top_k((best + end[:, None]).ravel(), number)

    def back(place: Array, origin: Array) -> tuple[Array, Array]:
        before = origin.ravel()[place]
        return before, before // number

    earlier = jax.lax.scan(back, last, origins, reverse=True)[1]
    tags = jnp.concatenate([earlier, last[None] // number]).T
    tags = jnp.where(is_inside[None] & (total > -jnp.inf)[:, None], tags, NO_TAG).astype(jnp.int32)
    return tags, jnp.where(total > -jnp.inf, jax.vmap(score, (None, 0))(given, jnp.maximum(tags, 0)), -jnp.inf)


@partial(jax.jit, static_argnums=2)
def _sample(key: Key[Array, ""], given: Chain, number: int) -> Int[Array, "number T"]:
    g, is_inside, ahead = given.transitions, given.is_inside, forward(given)[0]
    key, first = jax.random.split(key)

    def back(later: Array, inputs: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        message, is_in, key = inputs
        tag = jnp.where(is_in, jax.random.categorical(key, message[None] + g.T[later]), later).astype(jnp.int32)
        return tag, tag

    last = jax.random.categorical(first, ahead[-1] + given.end, shape=(number,)).astype(jnp.int32)
    keys = jax.random.split(key, len(ahead) - 1)
    earlier = jax.lax.scan(back, last, (ahead[:-1], is_inside[1:], keys), reverse=True)[1]
    return jnp.where(is_inside[None], jnp.concatenate([earlier, last[None]]).T, NO_TAG)

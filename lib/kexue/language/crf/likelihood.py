"""One softmax over all tag sequences: the normaliser, the score of one sequence, the loss, and the marginals."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ..._semirings import LOG
from ._chain import Chain, Numbers, backward, chain, forward, tag_ids
from ._counts import pair_counts, pairs, shares
from .products import log_matmul

__all__ = ["crf_log_z", "crf_marginals", "crf_nll", "crf_score", "mask_lengths"]

METHODS = ("scan", "tree")


def crf_log_z(
    emissions: Numbers,
    transitions: Numbers,
    *,
    start: Numbers | None = None,
    end: Numbers | None = None,
    length: Any = None,
    method: str = "scan",
) -> Float[Array, ""]:
    r"""The logarithm of the sum over all :math:`k^n` tag sequences, of one sequence of emissions.

    .. math:: \log Z&=\log\sum_{y\in\{1..k\}^n}\exp\big(s(y)\big),\\
        s(y)&=a(y_1)+\sum_{t=1}^nh_t(y_t)+\sum_{t=1}^{n-1}g(y_t,y_{t+1})+b(y_n)

    Its gradients are probabilities: of a tag at a step for ``emissions``, expected numbers for ``transitions``.

    Parameters
    ----------
    emissions : float (T, k)
        Scores :math:`h_t(j)` of each tag at each step. −inf forbids a tag. Use ``vmap`` over sequences.
    transitions : float (k, k)
        Scores :math:`g(i,j)` of tag j after tag i. −inf forbids the step; its gradient is zero.
    start, end : float (k,), optional
        Scores :math:`a, b` of the first and the last tag. Default: zero.
    length : int in [1, T], optional
        Steps that count, n; what stands in ``emissions`` after them does not. Default: T. May be traced.
    method : {"scan", "tree"}
        Step by step, or as a balanced tree of products of k × k matrices: fewer steps, k times the work.

    Returns
    -------
    float scalar
        In float32, or wider if a score is. −inf if no sequence is possible.

    Raises
    ------
    ValueError
        If a shape does not fit, ``length`` is out of range or ``method`` is none of the two.

    Notes
    -----
    ``"scan"``: T k² operations and T k memory, with the gradient too; messages are rescaled at each step and nothing
    underflows, whatever the constraints. Second derivatives by ``jax.hessian`` (forward over reverse), or in reverse
    through :func:`crf_marginals`. ``"tree"``: T k³ operations in :math:`\lceil\log_2T\rceil` parallel steps.

    Examples
    --------
    >>> from kexue.language import crf_log_z
    >>> print(f"{crf_log_z([[0, 0]] * 8, [[0, 0], [0, -jnp.inf]]):.4f}", f"{math.log(55):.4f}")  # no two 1s: Fibonacci
    4.0073 4.0073

    References
    ----------
    Lafferty, McCallum and Pereira, "Conditional random fields", 2001. Rush, "Torch-Struct", 2020, arXiv:2002.00876
    (the tree).
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r} is not allowed: it must be one of {', '.join(map(repr, METHODS))}")
    given = chain(emissions, transitions, start, end, length)
    return _by_scan(given) if method == "scan" else _by_tree(given)


def crf_score(
    emissions: Numbers,
    transitions: Numbers,
    tags: Numbers,
    *,
    start: Numbers | None = None,
    end: Numbers | None = None,
    length: Any = None,
) -> Float[Array, ""]:
    r"""The score of one tag sequence, :math:`s(y)=a(y_1)+\sum_th_t(y_t)+\sum_tg(y_t,y_{t+1})+b(y_n)`.

    Parameters
    ----------
    emissions, transitions, start, end, length
        As for :func:`crf_log_z`.
    tags : int (T,), each in [0, k)
        From ``length`` on they may be anything.

    Returns
    -------
    float scalar
        −inf if a step is forbidden. NaN if a tag is out of range and that is known only at run time.

    Raises
    ------
    ValueError
        As :func:`crf_log_z`, and if ``tags`` are not T integers in [0, k).

    Notes
    -----
    T operations.

    Examples
    --------
    >>> from kexue.language import crf_score
    >>> print(crf_score([[1, 2], [3, 4]], [[0, 10], [20, 30]], [1, 0]))  # 2 + 20 + 3
    25.0
    """
    given = chain(emissions, transitions, start, end, length)
    return score(given, tag_ids(tags, given))


def crf_nll(
    emissions: Numbers,
    transitions: Numbers,
    tags: Numbers,
    *,
    start: Numbers | None = None,
    end: Numbers | None = None,
    length: Any = None,
) -> Float[Array, ""]:
    r"""The loss of one sequence, :math:`-\log P(y\mid x)=\log Z-s(y)`, in nats.

    With transitions of zero it is the sum of the cross-entropies of a softmax at each step.

    Parameters
    ----------
    emissions, transitions, start, end, length
        As for :func:`crf_log_z`.
    tags : int (T,), each in [0, k)
        As for :func:`crf_score`.

    Returns
    -------
    float scalar
        Of the whole sequence, not divided by its length. inf if ``tags`` break a constraint.

    Raises
    ------
    ValueError
        As :func:`crf_score`.

    Examples
    --------
    >>> from kexue.language import crf_nll
    >>> losses = jax.vmap(lambda h, y, n: crf_nll(h, jnp.zeros((2, 2)), y, length=n))  # a batch, padded to 3 steps
    >>> print(losses(jnp.zeros((2, 3, 2)), jnp.array([[0, 1, 1], [1, -1, -1]]), jnp.array([3, 1])) / math.log(2))
    [3. 1.]
    """
    given = chain(emissions, transitions, start, end, length)
    return _nll(given, tag_ids(tags, given))


def crf_marginals(
    emissions: Numbers,
    transitions: Numbers,
    *,
    start: Numbers | None = None,
    end: Numbers | None = None,
    length: Any = None,
) -> tuple[Float[Array, "T k"], Float[Array, "T-1 k k"]]:
    r"""Probabilities of each tag at each step, and of each pair of neighbours, under the softmax over all sequences.

    .. math:: P(y_t=j\mid x)=\frac{\partial\log Z}{\partial h_t(j)},\qquad
        \sum_tP(y_t=i,y_{t+1}=j\mid x)=\frac{\partial\log Z}{\partial g(i,j)}

    Parameters
    ----------
    emissions, transitions, start, end, length
        As for :func:`crf_log_z`.

    Returns
    -------
    (float (T, k), float (T - 1, k, k))
        Zero from ``length`` on, and everywhere if no sequence is possible.

    Raises
    ------
    ValueError
        As :func:`crf_log_z`.

    Notes
    -----
    T k² operations and memory. The *sum* of the pairs is cheaper as ``jax.grad(crf_log_z, 1)``.

    Examples
    --------
    >>> from kexue.language import crf_marginals
    >>> tags, pairs = crf_marginals([[0, 0]] * 2, [[0, 0], [0, -jnp.inf]])  # 00, 01, 10
    >>> print((3 * tags[0]).round(3), (3 * pairs[0]).round(3).tolist())
    [2. 1.] [[1.0, 1.0], [1.0, 0.0]]
    """
    return _marginals(chain(emissions, transitions, start, end, length))


def mask_lengths(mask: Any) -> Int[Array, "..."]:
    """The lengths that a mask of padded sequences stands for, after a check that it stands for lengths.

    Parameters
    ----------
    mask : bool (..., T)
        True from the first step of each sequence to its last, then False.

    Returns
    -------
    int32 (...)

    Raises
    ------
    ValueError
        If the mask is not of truth values, a row has no step, or a row has a hole. Under ``jit`` the last two are not
        known: the number of True is returned.

    Examples
    --------
    >>> from kexue.language import mask_lengths
    >>> print(mask_lengths([[True, True, False], [True, False, False]]))
    [2 1]
    """
    mask = jnp.asarray(mask)
    if mask.ndim == 0 or mask.size == 0 or mask.dtype != bool:
        raise ValueError(f"mask must hold truth values, one a step, got {mask.dtype} of shape {mask.shape}")
    if not isinstance(mask, jax.core.Tracer):
        rows = np.asarray(mask).reshape(-1, mask.shape[-1])
        for row, steps in enumerate(rows):
            if not steps.any():
                raise ValueError(f"mask must leave each sequence a step, got none in row {row}")
            if (hole := int(np.argmin(np.append(steps, False)))) < steps.sum():
                raise ValueError(
                    f"mask must be True up to the end of a sequence, got a hole at step {hole} of row {row}"
                )
    return jnp.sum(mask, axis=-1, dtype=jnp.int32)


@jax.jit
def score(given: Chain, tags: Int[Array, " T"]) -> Float[Array, ""]:
    """Of a checked chain."""
    (h, g, start, end, length), is_inside = given, given.is_inside
    is_known = jnp.all((tags >= 0) & (tags < h.shape[1]) | ~is_inside)
    tags = jnp.where(is_inside & is_known, tags, 0)
    at_steps = jnp.take_along_axis(h, tags[:, None], axis=1)[:, 0]
    total = jnp.sum(jnp.where(is_inside, at_steps, 0)) + start[tags[0]] + end[tags[length - 1]]
    total = total + jnp.sum(jnp.where(is_inside[1:], g[tags[:-1], tags[1:]], 0))
    return jnp.where(is_known, total, jnp.nan)


@jax.jit
def _nll(given: Chain, tags: Int[Array, " T"]) -> Float[Array, ""]:
    return _by_scan(given) - score(given, tags)


@jax.jit
def _by_scan(given: Chain) -> Float[Array, ""]:
    return _log_z(*given)


@jax.custom_jvp
def _log_z(h: Array, g: Array, start: Array, end: Array, length: Array) -> Float[Array, ""]:
    ahead, scales = forward(Chain(h, g, start, end, length))
    return LOG.sum(ahead[-1] + end) + jnp.sum(scales)


@_log_z.defjvp
def _(primals: tuple, tangents: tuple) -> tuple[Array, Array]:
    """The derivative is the expected change of the score: exact, and cheaper than through the recursion."""
    given, (dh, dg, da, db, _) = Chain(*primals), tangents
    (ahead, scales), behind = forward(given), backward(given)
    tags = _tags(given, ahead, behind)
    counts = pair_counts(ahead[:-1], given.transitions, given.emissions[1:] + behind[1:], given.is_inside[1:])
    change = jnp.sum(tags * dh) + jnp.sum(counts * dg) + jnp.sum(tags[0] * da) + jnp.sum(tags[given.length - 1] * db)
    return LOG.sum(ahead[-1] + given.end) + jnp.sum(scales), change


def _tags(given: Chain, ahead: Array, behind: Array) -> Float[Array, "T k"]:
    return jnp.where(given.is_inside[:, None], shares(ahead + behind), 0)


@jax.jit
def _marginals(given: Chain) -> tuple[Float[Array, "T k"], Float[Array, "T-1 k k"]]:
    ahead, behind = forward(given)[0], backward(given)
    return _tags(given, ahead, behind), pairs(given, ahead, behind)


@jax.jit
def _by_tree(given: Chain) -> Float[Array, ""]:
    """The matrices of the steps, multiplied two by two; steps that do not count are the identity."""
    h, g, start, end, _ = given
    T, k = h.shape
    neutral = jnp.where(jnp.eye(k, dtype=bool), 0, -jnp.inf).astype(h.dtype)
    steps = jnp.where(given.is_inside[1:, None, None], g[None] + h[1:, None, :], neutral[None])
    size = 2 ** math.ceil(math.log2(max(T - 1, 1)))
    steps = jnp.concatenate([steps, jnp.broadcast_to(neutral[None], (size - (T - 1), k, k))])
    while len(steps) > 1:
        steps = log_matmul(steps[0::2], steps[1::2])
    return LOG.sum(LOG.sum((start + h[0])[:, None] + steps[0], 0) + end)

"""Skip-gram with negative sampling, its gradient by hand: only the rows that a batch touches are read and written."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, ScalarLike

from ..._check import not_negative
from ._leaves import widened

__all__ = ["skipgram_step"]


def skipgram_step(
    embed_in: Float[Array, "words dim"],
    embed_out: Float[Array, "words dim"],
    centre: Int[Array, " batch"],
    target: Int[Array, " batch"],
    negatives: Int[Array, "batch negatives"],
    learning_rate: ScalarLike,
) -> tuple[Float[Array, "words dim"], Float[Array, "words dim"]]:
    r"""One step of gradient descent on the skip-gram loss, in time that does not grow with the vocabulary.

    With :math:`h` the row of a centre word, :math:`e_0` that of its neighbour and :math:`e_1,\dots,e_K` those of words
    that are not, the loss is the sum over the batch of

    .. math:: &\ell=-\log\sigma(h\cdot e_0)-\sum_{k=1}^K\log\sigma(-h\cdot e_k),\\
              &d_k=\sigma(h\cdot e_k)-[k=0],\\
              &\frac{\partial\ell}{\partial h}=\sum_kd_ke_k,\\
              &\frac{\partial\ell}{\partial e_k}=d_kh .

    The gradient of a gather is a dense table of the size of the vocabulary; here the steps are added to their rows.
    A word that occurs several times receives the sum of its steps.

    Parameters
    ----------
    embed_in, embed_out : float (words, dim)
        Vectors of words as centres and as neighbours.
    centre, target : int (batch,)
    negatives : int (batch, negatives)
        Rows of the tables; an id beyond the last makes rows it is paired with NaN.
    learning_rate : float, at least 0
        Of every pair: divide by the batch for the mean loss. May be traced.

    Returns
    -------
    embed_in, embed_out : float (words, dim)

    Raises
    ------
    TypeError
        If ids are not integers.
    ValueError
        If shapes do not fit together or ``learning_rate`` is negative or not finite.

    Notes
    -----
    Time and memory: ``batch · (negatives + 2) · dim``, in place inside of ``lax.scan`` or under
    ``jax.jit(skipgram_step, donate_argnums=(0, 1))``; without either, a copy of both tables.

    Examples
    --------
    >>> ids = jnp.array([0]), jnp.array([1]), jnp.array([[2]])
    >>> u, v = skipgram_step(jnp.ones((3, 2)), jnp.zeros((3, 2)), *ids, learning_rate=1.0)
    >>> print(v)  # the neighbour comes nearer, the other word goes away
    [[ 0.   0. ]
     [ 0.5  0.5]
     [-0.5 -0.5]]

    References
    ----------
    Mikolov et al., "Distributed representations of words and phrases and their compositionality", 2013,
    arXiv:1310.4546, equation 4.
    """
    _check(embed_in, embed_out, centre, target, negatives)
    not_negative("learning_rate", learning_rate)
    words = jnp.concatenate([target[:, None], negatives.astype(target.dtype)], axis=1)
    h = widened(embed_in.at[centre].get(mode="fill", fill_value=jnp.nan))
    e = widened(embed_out.at[words].get(mode="fill", fill_value=jnp.nan))
    is_neighbour = (jnp.arange(words.shape[1]) == 0).astype(h.dtype)
    d = jax.nn.sigmoid(jnp.einsum("bd,bkd->bk", h, e)) - is_neighbour[None, :]
    d = -jnp.asarray(learning_rate).astype(h.dtype) * d
    step_in, step_out = jnp.einsum("bk,bkd->bd", d, e), d[:, :, None] * h[:, None, :]
    return (
        embed_in.at[centre].add(step_in.astype(embed_in.dtype)),
        embed_out.at[words].add(step_out.astype(embed_out.dtype)),
    )


def _check(embed_in: Any, embed_out: Any, centre: Any, target: Any, negatives: Any) -> None:
    for name, ids in (("centre", centre), ("target", target), ("negatives", negatives)):
        if not jnp.issubdtype(ids.dtype, jnp.integer):
            raise TypeError(f"{name} must hold integers, the rows of its words, got {ids.dtype}")
    if embed_in.shape != embed_out.shape or embed_in.ndim != 2 or embed_in.dtype != embed_out.dtype:
        tables = [f"{table.dtype}{list(table.shape)}" for table in (embed_in, embed_out)]
        raise ValueError(f"embed_in and embed_out must be two tables alike, got {tables[0]} and {tables[1]}")
    if centre.ndim != 1 or target.shape != centre.shape or negatives.shape[:-1] != centre.shape or negatives.ndim != 2:
        shapes = [tuple(ids.shape) for ids in (centre, target, negatives)]
        raise ValueError(f"centre, target and negatives must have shapes (b,), (b,) and (b, k), got {shapes}")

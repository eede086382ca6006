"""Every way to cut a text into units, at once: their sum, their best, and where the boundaries probably are."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from ..._check import at_least_one
from ..._semirings import LOG, MAX, Semiring
from ..words.counts import character_ids, ngram_counts

__all__ = [
    "SegmentLattice",
    "boundary_posterior",
    "edge_uses",
    "expected_counts",
    "segment_lattice",
    "segment_log_z",
    "segment_viterbi",
]


class SegmentLattice(eqx.Module):
    """All cuts of a text into units of a lexicon. Several sentences stand in one row; no unit leaves its sentence."""

    ids: Int[Array, "rows width longest"]
    """The unit of l + 1 letters that ends at a letter; ``size`` if the lexicon has none, ``size + 1`` fills up a row."""
    place: Int[Array, " letters"]
    """Where each letter of the text stands among the rows, in a row."""
    size: int = eqx.field(static=True)
    """Units in the lexicon, V."""


def segment_lattice(texts: Sequence[str], units: Sequence[str], width: int = 256) -> SegmentLattice:
    """Where in a text each unit of a lexicon could stand.

    Parameters
    ----------
    texts : sequence of str
        Sentences without spaces.
    units : sequence of different str
        The lexicon. A text with a letter that no unit covers has no segmentation.
    width : int, at least 1
        Letters of a row, or more if a sentence is longer: sentences are packed into rows. The recursions take
        ``width`` steps over all rows.

    Returns
    -------
    SegmentLattice

    Raises
    ------
    ValueError
        If there is no letter or no unit, a unit is empty or given twice, or ``width`` is below 1.

    Examples
    --------
    >>> lattice = segment_lattice(["banana"], ["a", "b", "n", "ana"])
    >>> print(lattice.ids[0, :6].T)
    [[1 0 2 0 2 0]
     [4 4 4 4 4 4]
     [4 4 4 3 4 3]]

    References
    ----------
    Kudo, "Subword regularization", 2018, arXiv:1804.10959 (the lattice of a tokenizer).
    """
    at_least_one("width", width)
    if isinstance(texts, str):
        raise ValueError(f"texts must be a sequence of strings, one a sentence, got one string, {texts[:20]!r}")
    texts, units = [text for text in texts if text], list(units)
    if len(set(units)) < len(units) or not units or not all(units):
        raise ValueError("units must be at least one string, none of them empty or given twice")
    if not texts:
        raise ValueError("texts must hold at least one letter, got none")
    found, size = _ending_at(texts, units), len(units)
    place, rows, width = _packed([len(text) for text in texts], width)
    packed = np.full((rows * width, found.shape[1]), size, np.int32)
    packed[:, 0] = size + 1
    packed[place] = found
    return SegmentLattice(jnp.asarray(packed.reshape(rows, width, -1)), jnp.asarray(place), size)


def segment_log_z(lattice: SegmentLattice, log_theta: Float[Array, " units"]) -> Float[Array, " rows"]:
    r"""The log of the summed weight of all segmentations, :math:`\log Z=\log\sum_{\text{cuts}}\prod_u\theta_u`.

    .. math:: \alpha_t=\log\sum_{l}\exp(\alpha_{t-l}+\log\theta_{x_{t-l+1..t}}),\qquad\alpha_0=0

    Its gradient with respect to :math:`\log\theta_u` is the expected number of uses of u.

    Parameters
    ----------
    lattice : SegmentLattice
    log_theta : float (units,)
        Logarithms of the units' probabilities, or any weights; −inf forbids a unit.

    Returns
    -------
    float (rows,)
        One value a row of the lattice; the text's is their sum. −inf, with a gradient of zero, where nothing fits.

    Raises
    ------
    ValueError
        If ``log_theta`` has not one entry a unit.

    Notes
    -----
    Letters times longest unit operations, in ``width`` steps.

    Examples
    --------
    >>> lattice = segment_lattice(["banana"], ["a", "b", "n", "ana"])
    >>> print(jnp.exp(segment_log_z(lattice, jnp.zeros(4))).round(2))  # 1 + 2 segmentations
    [3.]
    """
    return _log_weights(LOG, _edges(lattice, log_theta))[-1]


def expected_counts(
    lattice: SegmentLattice, log_theta: Float[Array, " units"], *, best: bool = False
) -> Float[Array, " units"]:
    r"""How often each unit is used, :math:`\partial\log Z/\partial\log\theta_u`: the E-step as a gradient.

    Parameters
    ----------
    lattice : SegmentLattice
    log_theta : float (units,)
    best : bool
        Count in the most probable segmentation alone instead of averaging over all.

    Returns
    -------
    float (units,)

    Raises
    ------
    ValueError
        If ``log_theta`` has not one entry a unit.

    Examples
    --------
    >>> lattice = segment_lattice(["banana"], ["a", "b", "n", "ana"])
    >>> print(np.asarray(expected_counts(lattice, jnp.zeros(4))).round(2))
    [1.67 1.   1.33 0.67]
    """
    semiring = MAX if best else LOG
    return jax.grad(lambda w: _log_weights(semiring, _edges(lattice, w))[-1].sum())(log_theta)


def segment_viterbi(lattice: SegmentLattice, log_theta: Float[Array, " units"]) -> Bool[Array, " letters"]:
    """Where the units of the most probable segmentation end: the same recursion with a maximum, and its gradient.

    Parameters
    ----------
    lattice : SegmentLattice
    log_theta : float (units,)

    Returns
    -------
    bool (letters,)
        True after the last letter of a unit. Of equally good units that end there, the shortest is taken. In a row
        where nothing fits, all are false.

    Raises
    ------
    ValueError
        If ``log_theta`` has not one entry a unit.

    Examples
    --------
    >>> lattice = segment_lattice(["banana"], ["a", "b", "n", "ana"])
    >>> print(segment_viterbi(lattice, jnp.log(jnp.array([0.3, 0.2, 0.2, 0.3]))).astype(int))
    [1 0 0 1 1 1]
    """
    return _end_weights(MAX, lattice, log_theta) > 0.5


def boundary_posterior(lattice: SegmentLattice, log_theta: Float[Array, " units"]) -> Float[Array, " letters"]:
    """The share of all segmentations, by weight, in which a unit ends after a letter.

    Parameters
    ----------
    lattice : SegmentLattice
    log_theta : float (units,)

    Returns
    -------
    float (letters,)
        1 at the ends of sentences; 0 in rows where nothing fits.

    Raises
    ------
    ValueError
        If ``log_theta`` has not one entry a unit.

    Examples
    --------
    >>> lattice = segment_lattice(["banana"], ["a", "b", "n", "ana"])
    >>> print(np.asarray(boundary_posterior(lattice, jnp.zeros(4))).round(2))
    [1.   0.67 0.67 0.67 0.67 1.  ]
    """
    return _end_weights(LOG, lattice, log_theta)


def edge_uses(semiring: Semiring, edges: Float[Array, "rows width longest"]) -> Float[Array, "rows width longest"]:
    """How often each place of each unit is used, given the logarithms of their weights; 0 in rows where nothing fits."""

    def total(edges: Array) -> tuple[Array, Array]:
        last = _log_weights(semiring, edges)[-1]
        return last.sum(), last

    uses, last = jax.grad(total, has_aux=True)(edges)
    return jnp.where((last > -jnp.inf)[:, None, None], uses, 0)


def _end_weights(semiring: Semiring, lattice: SegmentLattice, log_theta: Array) -> Array:
    return edge_uses(semiring, _edges(lattice, log_theta)).sum(-1).ravel()[lattice.place]


def _edges(lattice: SegmentLattice, log_theta: Array) -> Float[Array, "rows width longest"]:
    if log_theta.shape != (lattice.size,):
        raise ValueError(f"log_theta must have one entry a unit, shape {(lattice.size,)}, got {log_theta.shape}")
    return jnp.append(log_theta, jnp.array([-jnp.inf, 0], log_theta.dtype))[lattice.ids]


def _log_weights(semiring: Semiring, edges: Array) -> Float[Array, "width rows"]:
    """α after each letter of each row, from the last as many α as a unit is long."""

    def step(window: Array, edges: Array) -> tuple[Array, Array]:
        alpha = semiring.sum(semiring.times(window, edges), -1)
        return jnp.concatenate([alpha[:, None], window[:, :-1]], axis=1), alpha

    rows, _, longest = edges.shape
    start = jnp.full((rows, longest), semiring.zero, edges.dtype).at[:, 0].set(semiring.one)
    return jax.lax.scan(step, start, edges.swapaxes(0, 1))[1]


def _ending_at(texts: Sequence[str], units: Sequence[str]) -> Int[np.ndarray, "letters longest"]:
    """The unit of each length that ends at each letter of the texts, or the number of units if there is none."""
    (of_units, alphabet), size = character_ids(units), len(units)
    of_texts, _ = character_ids(texts, alphabet)
    letter = np.delete(np.arange(len(of_texts)), np.cumsum([len(text) + 1 for text in texts])[:-1] - 1)
    lengths = np.array([len(unit) for unit in units])
    first, longest = np.cumsum(lengths + 1) - lengths - 1, int(lengths.max())
    grams, found = ngram_counts(of_units, longest), np.full((len(letter), longest), size, np.int32)
    for length in range(1, longest + 1):
        named = np.flatnonzero(lengths == length)
        names = np.full(len(grams.counts(length)) + 1, size, np.int32)  # the last belongs to −1: no such gram
        names[grams.locate(of_units, length)[first[named]]] = named
        begins = names[grams.locate(of_texts, length)][letter]
        found[length - 1 :, length - 1] = begins[: max(len(letter) - length + 1, 0)]
    return found


def _packed(lengths: Sequence[int], width: int) -> tuple[np.ndarray, int, int]:
    """Sentences one after another into rows; a new row where the next one does not fit."""
    width = max(width, *lengths)
    starts, row, used = [], 0, 0
    for length in lengths:
        if used + length > width:
            row, used = row + 1, 0
        starts.append(row * width + used)
        used += length
    place = np.concatenate([start + np.arange(length) for start, length in zip(starts, lengths, strict=True)])
    rows = row + 1 if row < 8 else -(-(row + 1) // 32) * 32  # in steps: texts of nearly one size compile once
    return place.astype(np.int32), rows, width

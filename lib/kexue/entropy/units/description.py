"""A lexicon by description length: start with every substring, and drop what does not pay for its spelling."""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import ArrayLike, Bool, Float, Int

from ..._check import at_least_one, positive
from ..._semirings import LOG, MAX, Semiring
from .codes import TwoPartCode, two_part_code
from .lattice import SegmentLattice, edge_uses

__all__ = ["Lexicon", "mdl_em", "units_in_use"]

FIRST_PRICE = 0.05


class Lexicon(NamedTuple):
    """Units that pay, and the text cut into them."""

    log_theta: Float[np.ndarray, " units"]
    """Logarithms of the units' probabilities; −inf for those that have been dropped."""
    ends: Bool[np.ndarray, " letters"]
    """Where the units of the best segmentation end."""
    counts: Int[np.ndarray, " units"]
    """How often that segmentation uses each of them."""
    code: TwoPartCode
    """What it costs, in bits a letter."""
    kept: Int[np.ndarray, " rounds"]
    """Units left after each round; the last two are equal if the search came to its end."""


def mdl_em(
    lattice: SegmentLattice,
    lengths: ArrayLike | Sequence,
    alphabet: int,
    *,
    price: float = 1.0,
    start: ArrayLike | Sequence | None = None,
    tightening: int = 8,
    em_steps: int = 1,
    rounds: int = 40,
) -> Lexicon:
    r"""Expectation-maximisation over all segmentations, and between its steps a unit goes if its parts are cheaper.

    .. math:: \langle c_u\rangle\big(\ln\theta_u-\ln\theta_u^{\text{parts}}\big)<\lambda\,(l_u+1)\ln(A+1)

    On the left what the unit saves, with its expected count :math:`\langle c_u\rangle` and the best segmentation of it
    into others; on the right its spelling. The price λ starts at a twentieth of its value and rises to it during
    ``tightening`` rounds: at first, a unit would be judged while a hundred rivals share its uses.

    Parameters
    ----------
    lattice : SegmentLattice
        Of the text and all candidates, among them every letter.
    lengths : int (units,), at least 1
        Letters of the candidates. Those of one letter are never dropped.
    alphabet : int, at least 1
        Number of different letters, A.
    price : float, above 0
        λ; 1 is the honest code.
    start : float (units,), at least 0, optional
        Weights to start from; a unit with 0 is left out from the beginning, unless it is a letter. Default: how
        often each candidate occurs, with overlaps.
    tightening : int, at least 1
        Rounds until the price is reached; 1 asks for all of it at once.
    em_steps : int, at least 1
        Steps a round.
    rounds : int, at least 1
        At most; once the price is reached, the search ends when nothing is dropped.

    Returns
    -------
    Lexicon

    Raises
    ------
    ValueError
        If ``lengths`` or ``start`` do not fit the lattice, a letter is no unit, or a number is out of range.

    Notes
    -----
    Each round takes ``em_steps`` gradients of :func:`segment_log_z`. The result is a local optimum. Its search is a
    loop on the host, so it does not run under ``jit``.

    Examples
    --------
    >>> from kexue.entropy import candidate_units, segment_lattice, units_at
    >>> words = np.random.default_rng(0).choice(["the", "dog", "saw", "a", "cat"], (90, 5))
    >>> texts = ["".join(sentence) for sentence in words]
    >>> units = candidate_units(texts, 5)
    >>> found = mdl_em(segment_lattice(texts, units), [len(unit) for unit in units], 26)
    >>> print(units_at(texts, found.ends)[0])
    ['cat', 'a', 'saw', 'dog', 'dog']

    References
    ----------
    Su, 最小熵原理（一）, 2018, https://kexue.fm/archives/5448 (the principle). de Marcken, "Linguistic structure as
    composition and perturbation", 1996, arXiv:cmp-lg/9606027 (the search). Kudo, "Subword regularization", 2018,
    arXiv:1804.10959 (its later use).
    """
    positive("price", price)
    whole = {"alphabet": alphabet, "tightening": tightening, "em_steps": em_steps, "rounds": rounds}
    for name, number in whole.items():
        at_least_one(name, number)
    lengths, counts = _checked(lattice, lengths, start)
    ids, alive, kept = np.asarray(lattice.ids), (counts > 0) | (lengths == 1), []
    prices = price * np.geomspace(1, FIRST_PRICE, tightening)[::-1]
    log_theta = _normalised(counts, alive, lengths)
    for step in range(rounds):
        for _ in range(em_steps):
            counts = np.bincount(ids.ravel(), _uses(LOG, ids, log_theta).ravel(), lattice.size)[: lattice.size]
            log_theta = _normalised(counts, alive, lengths)
        spelling = prices[min(step, tightening - 1)] * (lengths + 1) * np.log(alphabet + 1)
        with np.errstate(invalid="ignore"):  # −inf less −inf: dropped before
            saved = counts * (log_theta - _best_parts(ids, log_theta, alive))
        alive &= (lengths == 1) | (saved >= spelling)
        log_theta = _normalised(counts, alive, lengths)
        kept.append(int(alive.sum()))
        if step >= tightening and kept[-1] == kept[-2]:
            break
    ends = _uses(MAX, ids, log_theta).sum(-1).ravel()[np.asarray(lattice.place)] > 0.5
    used = units_in_use(lattice, ends)
    return Lexicon(log_theta, ends, used, two_part_code(used, lengths, alphabet, price), np.array(kept))


def units_in_use(lattice: SegmentLattice, ends: ArrayLike | Sequence) -> Int[np.ndarray, " units"]:
    """How often a segmentation uses each unit of the lattice's lexicon.

    Parameters
    ----------
    lattice : SegmentLattice
    ends : bool (letters,)
        True after the last letter of a unit, and at the end of the text whatever is given.

    Returns
    -------
    int (units,)

    Raises
    ------
    ValueError
        If ``ends`` has not one entry a letter, or cuts out something that is not in the lexicon.

    Examples
    --------
    >>> from kexue.entropy import segment_lattice
    >>> lattice = segment_lattice(["banana"], ["a", "b", "n", "ana"])
    >>> print(units_in_use(lattice, np.array([1, 0, 0, 1, 1, 1], bool)))
    [1 1 1 1]
    """
    ends, place = np.array(ends, bool), np.asarray(lattice.place)
    if ends.shape != place.shape:
        raise ValueError(f"ends must have one entry a letter, shape {place.shape}, got {ends.shape}")
    ends[-1] = True
    last = np.flatnonzero(ends)
    lengths = np.diff(last, prepend=-1)
    longest = lattice.ids.shape[2]
    found = np.asarray(lattice.ids).reshape(-1, longest)[place[last], np.minimum(lengths, longest) - 1]
    unknown = (lengths > longest) | (found >= lattice.size)
    if unknown.any():
        end = last[unknown.argmax()]
        raise ValueError(f"ends must cut the text into units of the lexicon, got another that ends at letter {end}")
    return np.bincount(found, minlength=lattice.size)


_edge_uses = jax.jit(edge_uses, static_argnums=0)


def _uses(semiring: Semiring, ids: np.ndarray, log_theta: np.ndarray) -> np.ndarray:
    # From the edges on, so that lexicons of any size share what has been compiled.
    table = np.append(log_theta, np.array([-np.inf, 0], log_theta.dtype))
    return np.asarray(_edge_uses(semiring, jnp.asarray(table[ids])))


def _checked(
    lattice: SegmentLattice, lengths: ArrayLike | Sequence, start: ArrayLike | Sequence | None
) -> tuple[np.ndarray, np.ndarray]:
    lengths = np.asarray(lengths)
    if lengths.shape != (lattice.size,) or not (lengths >= 1).all():
        raise ValueError(f"lengths must hold a number of letters for each of the {lattice.size} units, got {lengths!r}")
    ids = np.asarray(lattice.ids)
    if (ids[..., 0].ravel()[np.asarray(lattice.place)] >= lattice.size).any():
        raise ValueError("lattice must have every letter of its text among its units, and lacks one")
    occurrences = np.bincount(ids.ravel(), minlength=lattice.size)[: lattice.size]
    weights = np.asarray(occurrences if start is None else start, np.float64)
    if weights.shape != (lattice.size,) or not (np.isfinite(weights) & (weights >= 0)).all():
        raise ValueError(f"start must hold a weight of at least 0 for each of the {lattice.size} units, got {start!r}")
    return lengths, np.where(occurrences > 0, weights, 0)


def _normalised(counts: np.ndarray, alive: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    # No letter may become impossible: longer units, even bad ones, could then not be replaced by their parts.
    counts = np.where(lengths == 1, np.maximum(counts, 1e-3), np.where(alive, counts, 0))
    with np.errstate(divide="ignore"):
        return np.log(counts / counts.sum()).astype(np.float32)


def _best_parts(ids: np.ndarray, log_theta: np.ndarray, alive: np.ndarray) -> np.ndarray:
    """For each living unit, the log weight of its best segmentation into two or more; −inf for all others."""
    longest, flat = ids.shape[2], ids.reshape(-1, ids.shape[2])
    seen = np.zeros(log_theta.size + 2, int)
    seen[ids.ravel()] = np.arange(ids.size)  # one place of each unit in the text: its parts stand there too
    units = np.flatnonzero(alive)
    last, length = np.divmod(seen[units], longest)
    table = np.append(log_theta, [-np.inf, -np.inf]).astype(np.float32)
    alpha = np.full((units.size, longest + 1), -np.inf, np.float32)
    alpha[:, 0] = 0
    for letters in range(1, longest + 1):
        inside = np.flatnonzero(length + 1 >= letters)
        edges = table[flat[(last - length)[inside] + letters - 1, :letters]]
        edges[length[inside] + 1 == letters, letters - 1] = -np.inf  # not itself
        alpha[inside, letters] = (alpha[inside, letters - 1 :: -1] + edges).max(axis=1)
    parts = np.full(log_theta.size, -np.inf)
    parts[units] = alpha[np.arange(units.size), length + 1]
    return parts

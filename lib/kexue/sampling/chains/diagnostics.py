"""What many chains say about themselves: agreement, effective sample size, autocorrelation."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtri
from jaxtyping import Array, Float

__all__ = ["autocorrelation", "effective_sample_size", "potential_scale_reduction"]

_RHAT = ("rank", "bulk", "folded", "split", "identity")
_ESS = ("bulk", "tail", "mean")


def potential_scale_reduction(trace: Any, kind: str = "rank") -> Float[Array, "..."]:
    r"""The spread between chains beside the spread within, :math:`\hat R`: close to 1 if they agree.

    .. math:: \hat R=\sqrt{\frac{N-1}{N}+\frac{B}{W}}

    with :math:`W` the mean variance within a chain of :math:`N` draws and :math:`B` the variance of the chains' means.
    Also known as R-hat (rhat) and as the Gelman–Rubin statistic.

    Parameters
    ----------
    trace : array (chains, draws, ...)
        One statistic of the draws, or several along further axes. Agreement on one says nothing about another.
    kind : {"rank", "bulk", "folded", "split", "identity"}
        ``identity``: the formula as it stands. ``split``: every chain is cut in two, so that a drift shows as well.
        ``bulk``: split, of the normal scores of the ranks, which exist for laws without variance too. ``folded``: the same
        of the distance from the median, which sees unequal spreads. ``rank``: the larger of the last two. Of two values
        that are equally frequent both have one distance from the median: ``folded`` is NaN, and ``rank`` is ``bulk``.

    Returns
    -------
    array of the trailing shape
        Not finite if a statistic never changes within any chain.

    Raises
    ------
    ValueError
        Fewer than two chains or four draws, an unknown kind, or a trace with a NaN or an infinity, if known.

    Examples
    --------
    >>> noise = jax.random.normal(jax.random.key(0), (4, 500))
    >>> apart = noise + jnp.arange(4.0)[:, None]
    >>> print(potential_scale_reduction(noise).round(2), potential_scale_reduction(apart).round(1))
    1.0 1.5

    References
    ----------
    A. Vehtari et al., Rank-normalization, folding, and localization, Bayesian Analysis 16, 2021, arXiv:1903.08008.
    """
    if kind not in _RHAT:
        raise ValueError(f"kind must be one of {', '.join(_RHAT)}, got {kind!r}")
    return _each_statistic(_check(trace, least_chains=2), _rhat, kind)


def effective_sample_size(
    trace: Any, kind: str = "bulk", *, prob: tuple[float, float] = (0.05, 0.95)
) -> Float[Array, "..."]:
    r"""How many independent draws would estimate as well: :math:`CN/\big(1+2\sum_t\hat\rho_t\big)`.

    The autocorrelations :math:`\hat\rho_t` are those of all chains together, so that chains that disagree count for little;
    the sum ends where neighbouring pairs of them stop being positive and decreasing (Geyer's initial monotone sequence).

    Parameters
    ----------
    trace : array (chains, draws, ...)
        One statistic of the draws, or several along further axes.
    kind : {"bulk", "tail", "mean"}
        Of the normal scores of the ranks; of the two quantiles ``prob``, the worse one; of the mean of the trace as it is.
        For a quantile, a draw counts one below it, zero above, and one half where it is equal, as many discrete draws are.
    prob : pair of numbers in (0, 1)
        For ``tail``.

    Returns
    -------
    array of the trailing shape
        At most :math:`CN\log_{10}(CN)`; a statistic that never changes counts as fully sampled.

    Raises
    ------
    ValueError
        No chain or fewer than four draws, an unknown kind, ``prob`` outside (0, 1), or a trace with a NaN or an infinity,
        if known.

    Notes
    -----
    Fast Fourier transforms, :math:`O(CN\log N)`. The same definition as in Stan, ArviZ and posterior; but these count a
    draw that equals a quantile as below it, and so overlook chains that stick at the highest of few values.

    Examples
    --------
    An autoregression with coefficient 0.9 is worth (1 - 0.9) / (1 + 0.9) = 1/19 of its length:

    >>> step = lambda x, noise: (0.9 * x + noise,) * 2
    >>> trace = jax.lax.scan(step, jnp.zeros(4), jax.random.normal(jax.random.key(1), (10_000, 4)))[1].T
    >>> print(f"{40_000 / effective_sample_size(trace):.0f}")
    19

    References
    ----------
    As for `potential_scale_reduction`. C. J. Geyer, Statistical Science 7, 1992.
    """
    if kind not in _ESS:
        raise ValueError(f"kind must be one of {', '.join(_ESS)}, got {kind!r}")
    if len(prob) != 2 or not all(0 < p < 1 for p in prob):
        raise ValueError(f"prob must be two numbers in (0, 1), got {prob!r}")
    return _each_statistic(_check(trace, least_chains=1), _effective, kind, tuple(prob))


def autocorrelation(trace: Any) -> Float[Array, "chains draws ..."]:
    r"""Autocorrelation of each chain at each lag, by fast Fourier transform.

    .. math:: \hat\rho_t=\frac{\sum_n(x_n-\bar x)(x_{n+t}-\bar x)}{\sum_n(x_n-\bar x)^2}

    Parameters
    ----------
    trace : array (chains, draws, ...)

    Returns
    -------
    array of the same shape
        Along the second axis the lag. The noise of a long lag is as large as that of a short one: do not sum them all.

    Raises
    ------
    ValueError
        No chain, fewer than four draws, or a trace with a NaN or an infinity, if known.

    Examples
    --------
    >>> print(autocorrelation(jnp.array([[1.0, -1.0, 1.0, -1.0]])).round(2))
    [[ 1.   -0.75  0.5  -0.25]]
    """
    covariance = _autocovariance(_check(trace, least_chains=1))
    return covariance / covariance[:, :1]


def _check(trace: Any, least_chains: int) -> Array:
    trace = jnp.asarray(trace)
    if trace.ndim < 2 or trace.shape[0] < least_chains or trace.shape[1] < 4:
        raise ValueError(
            f"trace must be an array (chains, draws, ...) with at least {least_chains} chains and 4 draws, "
            f"got shape {trace.shape}"
        )
    if not jnp.issubdtype(trace.dtype, jnp.floating):
        trace = trace.astype(jnp.result_type(float))
    if trace.dtype.itemsize < 4:
        trace = trace.astype(jnp.float32)
    if not isinstance(trace, jax.core.Tracer) and not np.all(np.isfinite(np.asarray(trace))):
        raise ValueError("trace must be finite: it holds a NaN or an infinity")
    return trace


def _each_statistic(trace: Array, function: Callable[..., Array], *settings: Any) -> Array:
    columns = trace.reshape(*trace.shape[:2], -1)
    return _mapped(columns, function, settings).reshape(trace.shape[2:])


def _in_its_unit(column: Array) -> Array:
    """Divided by its range where squares of it might vanish or overflow: no diagnostic depends on the unit."""
    spread = column.max() - column.min()
    is_ordinary = (spread > 1e-6) & (spread < 1e6) | (spread == 0)
    return jnp.where(is_ordinary, column, column / jnp.where(is_ordinary, 1, spread))


@partial(jax.jit, static_argnums=(1, 2))
def _mapped(columns: Array, function: Callable[..., Array], settings: tuple[Any, ...]) -> Array:
    return jax.vmap(lambda column: function(_in_its_unit(column), *settings), in_axes=2)(columns)


def _split(x: Array) -> Array:
    half = x.shape[1] // 2
    return jnp.concatenate([x[:, :half], x[:, -half:]])


def _normal_scores(x: Array) -> Array:
    """Ranks, ties sharing their mean rank, sent through the normal quantile function (Blom's offsets)."""
    # XLA sorts integers five times as fast as floats: use the bits, which have the order of the numbers once those of
    # negative numbers are flipped. Adding zero makes one number of -0 and 0.
    integer = jnp.int64 if x.dtype == jnp.float64 else jnp.int32
    bits = jax.lax.bitcast_convert_type(x.ravel() + 0.0, integer)
    bits = jnp.where(bits < 0, bits ^ jnp.iinfo(integer).max, bits)
    ordered = jnp.sort(bits)
    place = jnp.arange(x.size, dtype=jnp.int32)
    ends_tie = jnp.append(ordered[1:] != ordered[:-1], True)
    last = jax.lax.cummin(jnp.where(ends_tie, place, x.size - 1), reverse=True)
    first = jnp.searchsorted(ordered, bits)
    rank = (first + last[first]).astype(x.dtype) / 2 + 1
    return ndtri((rank - 0.375) / (x.size + 0.25)).reshape(x.shape)


def _rhat(x: Array, kind: str) -> Array:
    if kind == "identity":
        return _ratio(x)
    x = _split(x)
    if kind == "split":
        return _ratio(x)
    if kind == "bulk":
        return _ratio(_normal_scores(x))
    folded = _ratio(_normal_scores(abs(x - jnp.median(x))))
    return folded if kind == "folded" else jnp.fmax(folded, _ratio(_normal_scores(x)))  # the one that is no NaN


def _ratio(x: Array) -> Array:
    draws = x.shape[1]
    # Equal numbers have no variance, but their rounded means may leave one.
    between = jnp.where(jnp.ptp(x) == 0, 0, jnp.var(x.mean(1), ddof=1))
    within = jnp.where(jnp.ptp(x, axis=1) == 0, 0, jnp.var(x, axis=1, ddof=1)).mean()
    return jnp.sqrt((draws - 1) / draws + between / within)


def _effective(x: Array, kind: str, prob: tuple[float, float]) -> Array:
    if kind == "mean":
        return _by_geyer(_split(x))
    if kind == "bulk":
        return _by_geyer(_normal_scores(_split(x)))
    ordered = jnp.sort(x.ravel())
    quantiles = (_quantile(ordered, p) for p in prob)
    return jnp.minimum(*(_by_geyer(_split((jnp.sign(q - x) + 1) / 2)) for q in quantiles))


def _quantile(ordered: Array, p: float) -> Array:
    """By linear interpolation; between two equal numbers exactly that number, so that ties are seen as ties."""
    place = round(p * (ordered.size - 1), 9)
    below = ordered[int(place)]
    return below + jnp.asarray(place % 1, ordered.dtype) * (ordered[int(np.ceil(place))] - below)


def _by_geyer(x: Array) -> Array:
    chains, draws = x.shape
    total = chains * draws
    covariance = _autocovariance(x).mean(0)
    within = covariance[0] * draws / (draws - 1)
    overall = covariance[0] + (jnp.var(x.mean(1), ddof=1) if chains > 1 else 0.0)
    rho = (1 - (within - covariance) / overall).at[0].set(1.0)

    # Sums of neighbouring pairs are positive and decreasing for a reversible chain: keep them while they are.
    last = max((draws - 3) // 2, 0)  # pairs 0 ... last
    pairs = rho[: 2 * last + 2].reshape(-1, 2)
    sums = pairs.sum(1)
    ends = jnp.append(sums[:-1] <= 0, True)
    end = jnp.argmax(ends)
    decreasing = jnp.where(jnp.arange(last + 1) < end, jax.lax.cummin(sums), 0.0).sum()
    even = jnp.where((pairs[end, 0] > 0) | (sums[end] >= 0), pairs[end, 0], 0.0)
    tau = jnp.maximum(2 * decreasing + even - 1, 1 / jnp.log10(jnp.asarray(total, x.dtype)))
    return jnp.where(jnp.ptp(x) < 1e-15, float(total), total / tau)


def _autocovariance(x: Array) -> Array:
    draws = x.shape[1]
    size = 2 ** int(np.ceil(np.log2(2 * draws)))  # zeros, so that the end does not meet the beginning
    spectrum = jnp.fft.rfft(x - x.mean(1, keepdims=True), n=size, axis=1)
    return jnp.fft.irfft(abs(spectrum) ** 2, n=size, axis=1)[:, :draws].astype(x.dtype) / draws

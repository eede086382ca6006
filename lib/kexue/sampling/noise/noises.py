"""Seven noises, and any other: what a perturbed maximum has to know of the noise that is added to the scores."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.special import ndtri_exp

from ..._check import positive

__all__ = ["NOISES", "Noise", "named_noise"]

LN2 = float(np.log(2))


@dataclass(frozen=True)
class Noise:
    r"""A continuous distribution of noise: density :math:`\varphi`, distribution function :math:`\Phi`, its shape.

    Parameters
    ----------
    log_cdf : callable
        :math:`\ln\Phi`, elementwise on arrays, accurate in both tails (:math:`\ln\Phi(x)\to-0` above, finite below).
    log_pdf : callable, optional
        :math:`\ln\varphi`; :math:`-\infty` outside the support. By default from the derivative of ``log_cdf``.
    quantile : callable, optional
        :math:`\Phi^{-1}`, elementwise on (0, 1). Only used to draw noise, and not needed if ``draw`` is given.
    draw : callable, optional
        ``draw(key, shape, dtype)``.
    support : (float, float)
        Where the density is positive; either end may be infinite.
    kinks : tuple of floats
        Points inside the support where the density is not smooth. Also a point where most of a heavy-tailed noise is.
    tail : {"general", "exponential", "algebraic"}
        How an outer piece beyond kinks or ends is mapped to (0, 1): ``"exponential"`` for tails that are polynomials
        in :math:`e^{-|x|}`, ``"algebraic"`` for tails like a power of :math:`1/x`.
    has_mean : bool
        Whether the expected maximum exists.
    mean : float, optional
        :math:`E\epsilon`; integrated where it is needed and not given.
    name : str
    log_quantile : callable, optional
        :math:`y\mapsto\Phi^{-1}(e^y)` on NumPy arrays. Saves a bisection when a function is traced.

    Raises
    ------
    ValueError
        If ``support`` is empty, a kink is not inside it, or ``tail`` is unknown.

    Notes
    -----
    Hashable, so that it can be a static argument. Make it once: every new object with new functions compiles anew.

    Examples
    --------
    >>> half_width = Noise(lambda x: -jnp.exp(-2 * x), name="narrow Gumbel")
    >>> print(f"{half_width.log_density(jnp.array(0.0)):.4f}")  # ln 2 - 1
    -0.3069
    """

    log_cdf: Callable[[Any], Any]
    log_pdf: Callable[[Any], Any] | None = None
    quantile: Callable[[Any], Any] | None = None
    draw: Callable[..., Any] | None = None
    support: tuple[float, float] = (-inf, inf)
    kinks: tuple[float, ...] = ()
    tail: str = "general"
    has_mean: bool = True
    mean: float | None = None
    name: str = "user-defined"
    log_quantile: Callable[[np.ndarray], np.ndarray] | None = None

    def __post_init__(self) -> None:
        start, stop = self.support
        if not start < stop:
            raise ValueError(f"support must be an interval (start, stop) with start < stop, got {self.support!r}")
        if not all(start < kink < stop for kink in self.kinks):
            raise ValueError(f"kinks must lie inside the support {self.support!r}, got {self.kinks!r}")
        if self.tail not in ("general", "exponential", "algebraic"):
            raise ValueError(f"tail must be 'general', 'exponential' or 'algebraic', got {self.tail!r}")

    def log_density(self, x: Any) -> Any:
        r""":math:`\ln\varphi(x)`, from ``log_pdf`` if there is one, else :math:`\ln\Phi+\ln(\ln\Phi)'`."""
        if self.log_pdf is not None:
            return self.log_pdf(x)
        log_cdf, slope = jax.jvp(self.log_cdf, (x,), (jnp.ones_like(x),))
        return log_cdf + jnp.log(slope)

    def sample(self, key: Any, shape: tuple[int, ...], dtype: Any = jnp.float32) -> Any:
        """Independent draws; a ``ValueError`` if the noise has neither ``draw`` nor ``quantile``."""
        if self.draw is not None:
            return self.draw(key, shape, dtype)
        if self.quantile is None:
            raise ValueError(f"noise must have quantile or draw to be sampled, got {self!r}")
        return self.quantile(jax.random.uniform(key, shape, dtype, minval=jnp.finfo(dtype).tiny))

    def quantiles_of_log(self, log_p: np.ndarray) -> np.ndarray:
        r""":math:`\Phi^{-1}(e^{y})` as float64 constants: in closed form, else by bisection of ``log_cdf``."""
        if self.log_quantile is not None:
            with np.errstate(all="ignore"):
                return np.asarray(self.log_quantile(log_p), float)
        return np.array(_bisect(self.log_cdf, tuple(log_p.tolist()), self.support))

    def scaled(self, scale: float) -> "Noise":
        """The noise times a positive number. For the maximum this is the same as dividing the scores by it."""
        positive("scale", scale)
        log_scale = float(np.log(scale))
        return Noise(
            lambda x: self.log_cdf(x / scale),
            lambda x: self.log_density(x / scale) - log_scale,
            draw=lambda *request: scale * self.sample(*request),
            support=(scale * self.support[0], scale * self.support[1]),
            kinks=tuple(scale * kink for kink in self.kinks),
            tail="general" if self.tail == "exponential" else self.tail,
            has_mean=self.has_mean,
            mean=None if self.mean is None else scale * self.mean,
            name=f"{scale:g} × {self.name}",
            log_quantile=lambda log_p: scale * self.quantiles_of_log(log_p),
        )


def named_noise(noise: "str | Noise") -> Noise:
    """A noise by its name, or the noise itself.

    Raises
    ------
    ValueError
        If the name is unknown.

    Examples
    --------
    >>> named_noise("uniform").support
    (0.0, 1.0)
    """
    if isinstance(noise, Noise):
        return noise
    if noise not in NOISES:
        raise ValueError(f"noise must be one of {', '.join(map(repr, NOISES))} or a Noise, got {noise!r}")
    return NOISES[noise]


def check_scores(name: str, scores: Any, least: int = 2, masked: bool = False) -> None:
    """Require at least so many scores on the last axis, finite where they are known; masked ones are −inf, not all."""
    count = scores.shape[-1] if scores.ndim else 0
    if count < least:
        raise ValueError(f"{name} must hold at least {least} scores, got shape {tuple(scores.shape)}")
    if isinstance(scores, jax.core.Tracer):
        return
    values = np.asarray(scores)
    is_fine = np.isfinite(values)
    if masked and is_fine.any(-1).all():
        is_fine = is_fine | np.isneginf(values)
    if not is_fine.all():
        raise ValueError(f"{name} must be finite{' or -inf, not all of a row' * masked}, got {values!r}")


@lru_cache(maxsize=256)
def _bisect(log_cdf: Callable[[Any], Any], log_p: tuple[float, ...], support: tuple[float, float]) -> tuple[float, ...]:
    # The targets are constants, but we may be inside somebody's jit or vmap, which would trace even them. A thread of
    # its own starts outside. The sinh makes 60 halvings reach from 1e-8 to 1e17.
    def search() -> np.ndarray:
        evaluate = jax.jit(log_cdf)
        low, high = (np.full(len(log_p), np.arcsinh(end)) for end in np.clip(support, -1e17, 1e17))
        for _ in range(60):
            middle = (low + high) / 2
            is_below = np.asarray(evaluate(np.float32(np.sinh(middle))), float) < log_p
            low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
        return np.sinh((low + high) / 2)

    with ThreadPoolExecutor(1) as outside:
        return tuple(outside.submit(search).result().tolist())


def _exponential_log_cdf(x: Any) -> Any:
    is_inside = x > 0
    return jnp.where(is_inside, jnp.log(-jnp.expm1(-jnp.where(is_inside, x, 1))), -inf)


def _uniform_log_cdf(x: Any) -> Any:
    return jnp.where(x > 0, jnp.log(jnp.where(x > 0, jnp.minimum(x, 1), 1)), -inf)


def _laplace_log_cdf(x: Any) -> Any:
    distance = jnp.abs(x)
    return jnp.where(x < 0, -distance - LN2, jnp.log1p(-jnp.exp(-distance) / 2))


def _laplace_log_quantile(y: np.ndarray) -> np.ndarray:
    return np.where(y < -LN2, y + LN2, -np.log(-2 * np.expm1(y)))


NOISES: dict[str, Noise] = {
    noise.name: noise
    for noise in (
        Noise(
            lambda x: -jnp.exp(-x),
            lambda x: -x - jnp.exp(-x),
            draw=jax.random.gumbel,
            mean=float(np.euler_gamma),
            name="gumbel",
            log_quantile=lambda y: -np.log(-y),
        ),
        Noise(
            jax.scipy.stats.norm.logcdf,
            jax.scipy.stats.norm.logpdf,
            draw=jax.random.normal,
            mean=0.0,
            name="normal",
            log_quantile=lambda y: np.where(y > -1e-3, -ndtri_exp(np.log(-np.expm1(y))), ndtri_exp(y)),
        ),
        Noise(
            jax.nn.log_sigmoid,
            lambda x: jax.nn.log_sigmoid(x) + jax.nn.log_sigmoid(-x),
            draw=jax.random.logistic,
            mean=0.0,
            name="logistic",
            log_quantile=lambda y: y - np.log(-np.expm1(y)),
        ),
        Noise(
            _laplace_log_cdf,
            lambda x: -jnp.abs(x) - LN2,
            draw=jax.random.laplace,
            kinks=(0.0,),
            tail="exponential",
            mean=0.0,
            name="laplace",
            log_quantile=_laplace_log_quantile,
        ),
        Noise(
            _exponential_log_cdf,
            lambda x: jnp.where(x > 0, -x, -inf),
            draw=jax.random.exponential,
            support=(0.0, inf),
            tail="exponential",
            mean=1.0,
            name="exponential",
            log_quantile=lambda y: -np.log(-np.expm1(y)),
        ),
        Noise(
            _uniform_log_cdf,
            lambda x: jnp.where((x > 0) & (x <= 1), jnp.zeros_like(x), -inf),
            draw=jax.random.uniform,
            support=(0.0, 1.0),
            mean=0.5,
            name="uniform",
            log_quantile=np.exp,
        ),
        Noise(
            # arctan2 keeps its relative accuracy in the lower tail, where 1/2 + arctan(x)/pi cancels.
            lambda x: jnp.log(jnp.arctan2(jnp.ones_like(x), -x)) - float(np.log(np.pi)),
            lambda x: -jnp.log1p(x * x) - float(np.log(np.pi)),
            draw=jax.random.cauchy,
            kinks=(0.0,),
            tail="algebraic",
            has_mean=False,
            name="cauchy",
            log_quantile=lambda y: -1 / np.tan(np.pi * np.exp(y)),
        ),
    )
}
"""The noises that can be asked for by name."""

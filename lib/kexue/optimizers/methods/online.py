"""Online descent on linear losses that are drawn one after another: where optimizers that forget go wrong."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Key

from ..._check import at_least_one, positive

__all__ = ["online_linear"]


def online_linear(
    gradient_sampler: Callable[[Any, Any], Any],
    optimizer: optax.GradientTransformation,
    key: Key[Array, ""],
    steps: int,
    seeds: int,
    *,
    bound: float = 1.0,
    frames: int | None = None,
) -> Float[Array, "*frames seeds"]:
    r"""Projected online descent on losses :math:`f_t(x)=g_tx` over :math:`[-B,B]`, from :math:`x_0=0`.

    .. math:: &x_t=\operatorname{clip}\big(x_{t-1}+u_t,\,-B,\,B\big),\\
              &u_t\text{ the optimizer's update for }g_t

    The best point is :math:`-B\operatorname{sign}\mathbb E[g]`. An optimizer whose average of squares forgets can
    drift to the opposite end.

    Parameters
    ----------
    gradient_sampler : callable
        ``gradient_sampler(key, t)``, one number :math:`g_t`; ``t = 1, 2, ...`` is an int32.
    optimizer : optax.GradientTransformation
        Any; give it a schedule for a rate that falls.
    key : PRNG key
        Seed ``i`` draws step ``t`` with ``fold_in(fold_in(key, i), t)``: fewer seeds or steps are a part of more.
    steps, seeds : int, at least 1
    bound : float, positive
        :math:`B`. May be traced.
    frames : int, optional
        How many positions to return along the way, equally spaced, the last one at the end; it divides ``steps``.

    Returns
    -------
    float (seeds,) or (frames, seeds)
        The last positions; with ``frames``, also earlier ones.

    Raises
    ------
    ValueError
        If ``steps``, ``seeds`` or ``frames`` is below 1, ``frames`` does not divide ``steps``, ``bound`` is not
        positive and finite, or the sampler does not return one number.

    Notes
    -----
    Time: ``steps · seeds`` updates of one number. A second call with the same functions and counts compiles nothing.

    Examples
    --------
    >>> three_to_minus_one = lambda key, t: jnp.where(t % 3 == 1, 3.0, -1.0)  # the mean is 1/3, so the best point is −1
    >>> rate = lambda count: 0.1 / jnp.sqrt(count + 1.0)
    >>> for beta2 in (0.1, 0.9):
    ...     adam = optax.adam(rate, b1=0.0, b2=beta2)
    ...     last = online_linear(three_to_minus_one, adam, jax.random.key(0), 3000, seeds=1)
    ...     print(f"{last[0]:.2f}")
    1.00
    -1.00

    References
    ----------
    Reddi, Kale and Kumar, "On the convergence of Adam and beyond", 2018, arXiv:1904.09237, section 3.
    """
    at_least_one("steps", steps)
    at_least_one("seeds", seeds)
    positive("bound", bound)
    parts = 1 if frames is None else frames
    at_least_one("frames", parts)
    if steps % parts:
        raise ValueError(f"frames must divide steps ({steps}), got {frames}")
    path = _run(gradient_sampler, optimizer, key, jnp.asarray(bound, jnp.result_type(float)), steps, seeds, parts)
    return path[0] if frames is None else path


@partial(jax.jit, static_argnums=(0, 1, 4, 5, 6))
def _run(sampler: Any, optimizer: Any, key: Any, bound: Array, steps: int, seeds: int, parts: int) -> Array:
    def step(t: Array, carry: tuple[Array, Any, Array]) -> tuple[Array, Any, Array]:
        x, state, key = carry
        gradient = jnp.asarray(sampler(jax.random.fold_in(key, t), t))
        if gradient.shape:
            raise ValueError(f"gradient_sampler must return one number, got shape {gradient.shape}")
        update, state = optimizer.update(gradient.astype(x.dtype), state, x)
        return jnp.clip(x + update.astype(x.dtype), -bound, bound), state, key

    def frame(carry: Any, start: Array) -> tuple[Any, Array]:
        carry = jax.lax.fori_loop(start, start + steps // parts, step, carry)
        return carry, carry[0]

    def follow(key: Array) -> Array:
        x = jnp.zeros_like(bound)
        starts = 1 + steps // parts * jnp.arange(parts, dtype=jnp.int32)
        return jax.lax.scan(frame, (x, optimizer.init(x), key), starts)[1]

    keys = jax.vmap(partial(jax.random.fold_in, key))(jnp.arange(seeds))
    return jax.vmap(follow, out_axes=1)(keys)

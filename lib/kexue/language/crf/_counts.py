"""Shares of the paths: through each tag at each step, and through each pair of tags in all."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from ..._chains import finite_max, weights
from ._chain import Chain

REACH = (
    40.0  # nats: what may lie between the best of both sides and the best path, before their products are too coarse
)


def shares(log_shares: Float[Array, "n m"]) -> Float[Array, "n m"]:
    """Rows that add up to one, or of zeros where nothing is possible."""
    raw = weights(log_shares)
    return raw / jnp.maximum(jnp.sum(raw, axis=1, keepdims=True), 1)


def pairs(of: Chain, ahead: Float[Array, "T k"], behind: Float[Array, "T k"]) -> Float[Array, "T-1 k k"]:
    """The shares of all pairs of neighbouring tags, given the messages of both directions."""
    (T, k), after = of.emissions.shape, of.emissions[1:] + behind[1:]
    joint = ahead[:-1, :, None] + of.transitions[None] + after[:, None, :]
    return jnp.where(of.is_inside[1:, None], shares(joint.reshape(T - 1, k * k)), 0).reshape(T - 1, k, k)


def pair_counts(
    before: Float[Array, "n k"], transitions: Float[Array, "k k"], after: Float[Array, "n k"], is_in: Bool[Array, " n"]
) -> Float[Array, "k k"]:
    """The sum of the shares of pairs over all steps, as one matrix product instead of n k² exponentials.

    What underflows in a factor is below e^-87, and weighs nothing as long as the factors' product is no smaller than
    e^-40. Where it is, a constraint lies between the two sides, and the shares are added up one by one: in a loop of at
    most one round, which under ``vmap`` is skipped if no sequence needs it (``lax.cond`` would always run it).
    """
    left, right, matrix = weights(before), weights(after), jnp.exp(transitions - finite_max(transitions))
    total = jnp.sum(jnp.matmul(left, matrix, precision="highest") * right, axis=1, keepdims=True)
    left = jnp.where(is_in[:, None], left / jnp.where(total > 0, total, 1), 0)
    fast = jnp.matmul(left.T, right, precision="highest") * matrix
    is_right = jnp.all((total[:, 0] > jnp.exp(-REACH)) | ~is_in)

    def add_one_by_one(state: tuple[Array, Array]) -> tuple[Array, Array]:
        here = jnp.where(
            state[0], -jnp.inf, before
        )  # with no trace of the state in it, XLA moves the sum out of the loop
        return jnp.ones_like(state[0]), _exact_counts(here, transitions, after, is_in)

    return jax.lax.while_loop(lambda state: ~state[0], add_one_by_one, (is_right, fast))[1]


def _exact_counts(before: Array, transitions: Array, after: Array, is_in: Array) -> Float[Array, "k k"]:
    joint = before[:, :, None] + transitions[None] + after[:, None, :]
    rows = shares(jnp.where(is_in[:, None], joint.reshape(len(before), transitions.size), -jnp.inf))
    return jnp.sum(rows, axis=0).reshape(transitions.shape)

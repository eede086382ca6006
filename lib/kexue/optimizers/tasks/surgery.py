"""One direction from many gradients by surgery: what points against another task is projected out."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from ._gram import combine, inverse, norms_and_cosines, task_count

__all__ = ["pcgrad"]


def pcgrad(key: Key[Array, ""], grads: PyTree) -> PyTree:
    r"""Gradient surgery: from every gradient, the parts against the others are projected out, one after the other.

    .. math:: &v_i\leftarrow v_i-\frac{\min(0,\langle v_i,g_j\rangle)}{\lVert g_j\rVert^2}\,g_j\\
              &\text{from } v_i=g_i, \text{ for } j\ne i \text{ in random order},\\
              &u=\sum_iv_i

    Without conflicts this is the sum, for two opposite gradients it is zero. Invariant to a shift of any loss, and a
    factor of all losses becomes a factor of :math:`u`. A factor of one loss multiplies its own :math:`v_i` and leaves
    the others as they are, so the direction does turn. Of three tasks one may still be hurt.

    Parameters
    ----------
    key : PRNG key
        Draws an order for every task; matters from three tasks on.
    grads : pytree
        Leaves with a leading axis ``tasks``.

    Returns
    -------
    pytree
        Like one task's gradient. A zero gradient has no effect.

    Raises
    ------
    ValueError
        If the leaves do not share a leading axis.

    Notes
    -----
    Time: :math:`n^2d` once: every projection is made on the coefficients, in n³ altogether.

    Examples
    --------
    >>> print(pcgrad(jax.random.key(0), jnp.array([[1.0, 0.0], [-1.0, 1.0]])).round(4))
    [0.5 1.5]

    References
    ----------
    Yu et al., "Gradient surgery for multi-task learning", 2020, arXiv:2001.06782, algorithm 1.
    """
    task_count("grads", grads)
    return _pcgrad(key, grads)


@jax.jit
def _pcgrad(key: Key[Array, ""], grads: PyTree) -> PyTree:
    lengths, cosines = norms_and_cosines(grads)
    tasks = jnp.arange(len(lengths))

    def operate(task: Array, key: Key[Array, ""]) -> Array:
        def project(y: Array, other: Array) -> tuple[Array, None]:
            conflict = jnp.minimum(y @ cosines[other], 0)
            return y.at[other].add(-jnp.where(other == task, 0, conflict)), None

        start = (tasks == task).astype(lengths.dtype)
        return jax.lax.scan(project, start, jax.random.permutation(key, tasks))[0]

    coefficients = jax.vmap(operate)(tasks, jax.random.split(key, len(tasks)))
    return combine((lengths @ coefficients) * inverse(lengths), grads)

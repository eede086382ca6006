"""One direction from many gradients by bargaining: every task gains the same share, or the same length."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from ._gram import combine, inverse, norms_and_cosines, products, task_count
from .hulls import Combination

__all__ = ["imtl_g", "nash"]


def imtl_g(grads: PyTree) -> Combination:
    r"""Direction with equal projections on all gradients, by weights that sum to one (IMTL-G).

    .. math:: &u=\sum_i\alpha_ig_i,\qquad \sum_i\alpha_i=1,\\
              &\Big\langle\frac{g_i}{\lVert g_i\rVert},u\Big\rangle=p\ \text{ for every task}

    With the matrix of cosines C and :math:`Cy=1` it is :math:`\alpha_i=p\,y_i/\lVert g_i\rVert` and
    :math:`1/p=\sum_iy_i/\lVert g_i\rVert`. For two tasks it is the direction of :func:`normalised_sum`, and always
    downhill. Invariant to a shift of any loss, and a factor of all losses becomes a factor of :math:`u`.

    From three tasks on some :math:`y_i` may be negative. Where the gradient of such a task is short enough, **p is
    negative and every loss rises along the step**: then a factor of one loss turns the direction around, which is
    otherwise invariant to it. Check the sign of a product, or take :func:`nash`, which is downhill always.

    Parameters
    ----------
    grads : pytree
        Leaves with a leading axis ``tasks``.

    Returns
    -------
    Combination
        ``weights`` sum to 1 and may be negative. ``gap`` is the largest deviation of a projection from p, relative to
        p. A task with a zero gradient has no part in it, and weight 0. Where the others are linearly dependent there
        is in general no solution: weights and direction are zero, and ``gap`` is 1.

    Raises
    ------
    ValueError
        If the leaves do not share a leading axis.

    Notes
    -----
    Time: :math:`n^2d`, and one solution of n equations.

    Examples
    --------
    >>> solution = imtl_g(jnp.array([[2.0, 0.0], [0.0, 1.0]]))
    >>> print(solution.direction.round(4), solution.weights.round(4))
    [0.6667 0.6667] [0.3333 0.6667]

    References
    ----------
    Liu et al., "Towards impartial multi-task learning", 2021, https://openreview.net/forum?id=IMPnRXEWpvr, section 3.1.
    """
    task_count("grads", grads)
    return _imtl_g(grads)


@jax.jit
def _imtl_g(grads: PyTree) -> Combination:
    lengths, cosines = norms_and_cosines(grads)
    plays = lengths != 0
    matrix = jnp.where(plays[:, None] & plays[None, :], cosines, jnp.diag(jnp.ones_like(lengths)))
    # Of parallel gradients, where every combination is a solution, the pseudo-inverse takes the even one.
    y = jnp.linalg.pinv(matrix, hermitian=True) @ jnp.ones_like(lengths)
    share = jnp.where(plays, y, 0) * inverse(lengths) * jnp.min(jnp.where(plays, lengths, jnp.inf))
    weights = share * inverse(jnp.sum(share))
    direction = combine(weights, grads)
    gap = jnp.max(jnp.where(plays, jnp.abs(jnp.matmul(cosines, y, precision="highest") - 1), 0))
    has_none = (gap > 0.1) | ~jnp.any(plays)
    direction = jax.tree.map(lambda u: jnp.where(has_none, jnp.zeros_like(u), u), direction)
    return Combination(direction, jnp.where(has_none, 0, weights), jnp.where(has_none, 1, gap))


def nash(grads: PyTree) -> Combination:
    r"""Nash bargaining solution: weights under which every task gains the same share.

    .. math:: u=\sum_i\alpha_ig_i, \qquad \langle g_i,u\rangle=\sum_j\langle g_i,g_j\rangle\alpha_j=\frac1{\alpha_i},
              \qquad \alpha>0

    It maximises :math:`\sum_i\log\langle g_i,u\rangle` over a ball, so every loss falls. Its length is always
    :math:`\sqrt n`. Invariant to the scale and to the shift of every loss. For two tasks it is
    :func:`normalised_sum`, made :math:`\sqrt2` long.

    Parameters
    ----------
    grads : pytree
        Leaves with a leading axis ``tasks``.

    Returns
    -------
    Combination
        ``gap`` is the largest :math:`\lvert\alpha_i\langle g_i,u\rangle-1\rvert`. A task with a zero gradient has no
        part in the bargain, and weight 0. Where the rest are Pareto stationary there is no solution: weights and
        direction are zero, and ``gap`` is 1.

    Raises
    ------
    ValueError
        If the leaves do not share a leading axis.

    Notes
    -----
    With :math:`y_i=\alpha_i\lVert g_i\rVert` and the matrix of cosines C, it is the minimum of the self-concordant
    :math:`\frac12y^\top Cy-\sum_i\log y_i`, found by damped Newton steps. Time: :math:`n^2d`, and some ten solutions
    of n equations.

    Examples
    --------
    >>> solution = nash(jnp.array([[2.0, 0.0], [0.0, 1.0]]))
    >>> print(solution.direction, solution.weights)
    [1. 1.] [0.5 1. ]

    References
    ----------
    Navon et al., "Multi-task learning as a bargaining game", 2022, arXiv:2202.01017.
    """
    task_count("grads", grads)
    return _nash(grads)


@jax.jit
def _nash(grads: PyTree) -> Combination:
    lengths, cosines = norms_and_cosines(grads)
    plays = lengths != 0
    y = _bargain(cosines, plays)
    weights = jnp.where(plays, y * inverse(lengths), 0)
    direction = combine(weights, grads)
    gap = jnp.max(jnp.where(plays, jnp.abs(weights * products(grads, direction) - 1), 0))
    is_stationary = gap > 0.1
    direction = jax.tree.map(lambda u: jnp.where(is_stationary, jnp.zeros_like(u), u), direction)
    return Combination(direction, jnp.where(is_stationary, 0, weights), jnp.where(is_stationary, 1, gap))


def _bargain(cosines: Array, plays: Array) -> Array:
    """The y with C y = 1/y; who does not play gets a matrix row of its own, and y = 1."""
    eps = float(jnp.finfo(cosines.dtype).eps)
    matrix = jnp.where(plays[:, None] & plays[None, :], cosines, jnp.diag(jnp.ones_like(cosines[0])))
    n = len(matrix)

    def move(carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        y, _, step = carry
        # In units of y: the matrix is the identity plus a positive semidefinite one.
        scaled = y[:, None] * matrix * y[None, :]
        lack = 1 - jnp.sum(scaled, axis=1)
        relative = jnp.linalg.solve(scaled + jnp.diag(jnp.ones_like(y)), lack)
        decrement = jnp.sqrt(jnp.maximum(relative @ lack, 0))
        damping = jnp.where(decrement > 0.25, 1 + decrement, 1)
        return y * (1 + relative / damping), decrement, step + 1

    start = jnp.sqrt(n / jnp.maximum(jnp.sum(matrix), eps)) * jnp.ones_like(matrix[0])

    def goes_on(carry: tuple[Array, Array, Array]) -> Array:
        y, decrement, step = carry
        # Where there is no solution y runs off to infinity; from here on it would follow the rounding of C.
        return (decrement > 4 * n * eps) & (jnp.max(y) ** 2 * eps < 1) & (step < 60)

    return jax.lax.while_loop(goes_on, move, (start, jnp.array(jnp.inf, start.dtype), jnp.array(0)))[0]

"""Rows of a table that a batch does not touch: left where they are, or not even looked at."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PyTree, ScalarLike, Shaped

from ..._check import not_negative, require
from ._leaves import is_empty, map_leaves, select, spread_mask, wide

__all__ = ["lazy", "lazy_adam_rows"]


def lazy(
    inner: optax.GradientTransformation, is_table: Any, freeze_moments: bool = False
) -> optax.GradientTransformationExtraArgs:
    r"""Do not move the rows of a table whose gradient is zero.

    Under dense Adam a row that got one gradient goes on moving by momentum: with (0.9, 0.999) nine tenths of the way
    that an occurrence causes are gone while the word is absent.

    Parameters
    ----------
    inner
        Any optimizer.
    is_table : tree of booleans, or function from the updates to one
        Which leaves are tables, with rows along the leading axis; the upper part of a tree stands for all below. A
        leaf may be a traced boolean.
    freeze_moments : bool
        Leave those rows of the inner state alone too (LazyAdam), in every array of the state that belongs to a table
        and has its shape. Without it only the parameters stay, and the moments decay on.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is the inner optimizer's.

    Raises
    ------
    ValueError
        In ``update``, if ``is_table`` does not match the updates (the first path that differs is named) or marks a
        scalar.

    Notes
    -----
    Time and memory of the dense optimizer: :func:`lazy_adam_rows` does not pass over the table. A zero gradient stands
    for "absent", and padding or a dead unit looks the same.

    Examples
    --------
    >>> optimizer = lazy(optax.sgd(0.1, momentum=0.9), True)
    >>> table = jnp.zeros((2, 1))
    >>> state = optimizer.init(table)
    >>> for gradient in ([[1.0], [0.0]], [[0.0], [1.0]]):
    ...     step, state = optimizer.update(jnp.array(gradient), state, table)
    ...     print(step.ravel())
    [-0.1  0. ]
    [ 0.  -0.1]

    References
    ----------
    J. Su, archives/6869, 2019, https://kexue.fm/archives/6869; LazyAdam is an optimizer of TensorFlow, without a paper.
    """
    inner = optax.with_extra_args_support(inner)

    def update(updates: PyTree, state: PyTree, params: PyTree = None, **extra_args: Any) -> tuple[PyTree, PyTree]:
        touched = map_leaves(_touched, updates, spread_mask("is_table", is_table, updates))
        steps, new_state = inner.update(updates, state, params, **extra_args)
        if freeze_moments:
            new_state = _keep_rows(inner, touched, updates, new_state, state)
        return map_leaves(
            lambda u, t: u if t is True else jnp.where(t, u, jnp.zeros_like(u)), steps, touched
        ), new_state

    return optax.GradientTransformationExtraArgs(inner.init, update)


def _touched(g: Array, is_table: Any) -> Any:
    """Which rows may move, (rows, 1, ..., 1); or simply `True`."""
    if is_table is False:
        return True
    if jnp.ndim(g) == 0:
        raise ValueError("is_table must mark arrays with rows, got a scalar")
    return jnp.any(g != 0, axis=tuple(range(1, g.ndim)), keepdims=True) | ~jnp.asarray(is_table)


def _keep_rows(inner: Any, touched: PyTree, updates: PyTree, new_state: PyTree, state: PyTree) -> PyTree:
    masks = optax.tree_utils.tree_map_params(
        inner,
        lambda leaf, t, g: t if not is_empty(leaf) and jnp.shape(leaf) == jnp.shape(g) else True,
        new_state,
        touched,
        updates,
        transform_non_params=lambda _: True,
        is_leaf=is_empty,
    )
    return jax.tree.map(select, masks, new_state, state)


def lazy_adam_rows(
    table: Float[Array, "rows columns"],
    m: Float[Array, "..."],
    v: Float[Array, "..."],
    rows: Shaped[Array | np.ndarray, "..."],
    grads: Float[Array, "..."],
    step: int | Array,
    learning_rate: ScalarLike = 1e-3,
    b1: ScalarLike = 0.9,
    b2: ScalarLike = 0.999,
    eps: ScalarLike = 1e-8,
) -> tuple[Float[Array, "rows columns"], Float[Array, "rows columns"], Float[Array, "rows columns"]]:
    r"""One step of Adam on some rows of a table: gather, update, scatter.

    .. math:: &m_r\leftarrow\beta_1m_r+(1-\beta_1)g_r,\\
              &v_r\leftarrow\beta_2v_r+(1-\beta_2)g_r^2,\\
              &\theta_r\leftarrow\theta_r-\gamma\,\frac{m_r/(1-\beta_1^t)}{\sqrt{v_r/(1-\beta_2^t)}+\epsilon}

    This is LazyAdam, with one :math:`t` for all rows: the other rows of the table and of both moments stay.

    Parameters
    ----------
    table, m, v : float (rows, columns)
        Parameters and moments; moments start at zero. Donate them to the enclosing ``jax.jit``.
    rows : int (touched,)
        Different ones. Entries of ``len(table)`` and above are padding and have no effect, as made by
        ``jnp.unique(ids, size=..., fill_value=len(table), return_inverse=True)``.
    grads : float (touched, columns)
        Gradient with respect to ``table[rows]``: differentiate after gathering, and it is never dense.
    step : int, at least 1
        :math:`t`, the number of this update. A traced value is accepted.
    learning_rate : float, at least 0
    b1, b2 : float in [0, 1)
    eps : float, at least 0
        Traced values of all four are accepted.

    Returns
    -------
    table, m, v
        With the dtypes that they came with; computed in at least float32.

    Raises
    ------
    TypeError
        If ``rows`` does not hold integers.
    ValueError
        If shapes do not match, or a number is out of range. Outside of ``jit`` also if an entry of ``rows`` is negative
        or occurs twice; inside, a negative one is dropped, and which of two equal ones counts is undefined.

    Notes
    -----
    Time: proportional to the touched rows, if the arrays are donated; otherwise three copies of the table.

    Examples
    --------
    >>> table, m, v = lazy_adam_rows(*jnp.zeros((3, 4, 1)), jnp.array([2]), jnp.ones((1, 1)), step=1, learning_rate=0.1)
    >>> print(table.ravel().round(3), m.ravel())
    [ 0.   0.  -0.1  0. ] [0.  0.  0.1 0. ]

    References
    ----------
    D. Kingma, J. Ba, Adam: a method for stochastic optimization, ICLR 2015, arXiv:1412.6980.
    """
    _check_rows(table, m, v, rows, grads)
    require("step", step, "at least 1", lambda value: value >= 1)
    for name, number in (("learning_rate", learning_rate), ("eps", eps)):
        not_negative(name, number)
    for name, number in (("b1", b1), ("b2", b2)):
        require(name, number, "in [0, 1)", lambda value: (value >= 0) & (value < 1))
    dtype, places = wide(table, m, v), _places(rows, len(table))

    def gather(array: Array) -> Array:
        return array.at[places].get(mode="fill", fill_value=0).astype(dtype)

    def scatter(array: Array, new: Array) -> Array:
        return array.at[places].set(new.astype(array.dtype), mode="drop")

    g, gamma, epsilon, t = (jnp.asarray(value, dtype) for value in (grads, learning_rate, eps, step))
    # The small differences before they are rounded.
    (keep1, fresh1), (keep2, fresh2) = ((jnp.asarray(b, dtype), jnp.asarray(1 - b, dtype)) for b in (b1, b2))
    correction1, correction2 = (-jnp.expm1(t * jnp.log1p(-fresh)) for fresh in (fresh1, fresh2))
    m_rows, v_rows = keep1 * gather(m) + fresh1 * g, keep2 * gather(v) + fresh2 * g**2
    theta = gather(table) - gamma * (m_rows / correction1) / (jnp.sqrt(v_rows / correction2) + epsilon)
    return scatter(table, theta), scatter(m, m_rows), scatter(v, v_rows)


def _places(rows: Array | np.ndarray, count: int) -> Array:
    """The rows as indices, all that are none as `count`: below 0 they would count from the end."""
    rows = jnp.asarray(rows)
    rows = rows.astype(jnp.int32) if rows.dtype.itemsize < 4 else rows
    return jnp.where((rows < 0) | (rows >= count), count, rows)


def _check_rows(table: Any, m: Any, v: Any, rows: Any, grads: Any) -> None:
    if not jnp.issubdtype(rows.dtype, jnp.integer):
        raise TypeError(f"rows must hold integers, got {rows.dtype}")
    for name, array, shape in (
        ("m", m, table.shape),
        ("v", v, table.shape),
        ("grads", grads, (*rows.shape, *table.shape[1:])),
    ):
        if table.ndim != 2 or rows.ndim != 1 or array.shape != shape:
            raise ValueError(
                f"{name} must have shape {shape}, for a matrix and a vector of rows, "
                f"got {array.shape} with table {table.shape} and rows {rows.shape}"
            )
    if isinstance(rows, jax.core.Tracer):
        return
    known = np.asarray(rows)
    known = np.sort(known[known < len(table)])
    if np.any(known < 0):
        raise ValueError(f"rows must be at least 0, got {known[0]}")
    if np.any(known[1:] == known[:-1]):
        raise ValueError(f"rows must be different, got {known[1:][known[1:] == known[:-1]][0]} twice")

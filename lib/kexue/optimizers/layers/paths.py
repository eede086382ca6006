"""A learning rate for every layer, found by the path of its leaves."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree, ScalarLike

from ..._check import positive, require
from ..._updates import at, like, map_inexact

__all__ = ["discriminative_rates", "rates_by_path"]


def by_path(rules: Mapping[str, Any], default: Any, tree: PyTree) -> PyTree:
    """For each leaf the value of the first rule that matches its whole path, or the default; every rule must match."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
    paths = [jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves]
    for rule in rules:
        if paths and not any(re.fullmatch(rule, path) for path in paths):
            raise ValueError(f"rules: {rule!r} matches none of the paths {', '.join(map(repr, paths))}")
    first = [next((value for rule, value in rules.items() if re.fullmatch(rule, path)), default) for path in paths]
    return jax.tree.unflatten(structure, first)


def check_rules(rules: Mapping[str, Any]) -> None:
    """Require every key to be a regular expression."""
    for rule in rules:
        try:
            re.compile(rule)
        except re.error as error:
            raise ValueError(f"rules must have regular expressions as keys, got {rule!r}: {error}") from None


def rates_by_path(
    rules: Mapping[str, ScalarLike | optax.Schedule], default: ScalarLike | optax.Schedule = 1.0
) -> optax.GradientTransformationExtraArgs:
    r"""Multiply each leaf's *update* by a factor that is found by the leaf's path.

    .. math:: u_i \leftarrow s_i\,u_i

    Chained **after** an optimizer this is a learning rate of its own for every layer, whatever the optimizer: Adam,
    which divides a scaled gradient by its own scale, follows a scaled update. Decoupled weight decay further up in the
    chain is multiplied too.

    Parameters
    ----------
    rules : mapping from regular expressions to float, array or optax schedule
        A path is the keys to a leaf joined by ``/``, as in ``encoder/0/kernel``. The expression must match the *whole*
        path (``re.fullmatch``), and the first that does counts: ``"encoder/1/.*"`` is layer 1 and not layer 10,
        ``".*/bias"`` is every bias. A factor is at least 0; 0 freezes the leaf, even against an update that is not
        finite. A schedule is called with the number of steps done.
    default : float, array or optax schedule
        The factor of all other leaves.

    Returns
    -------
    optax.GradientTransformationExtraArgs
        Its state is a step count, an `optax.ScaleByScheduleState`. Leaves of integers stay where they are.

    Raises
    ------
    ValueError
        A factor that is negative or not finite, a key that is no regular expression; by ``init`` and ``update``, a rule
        that matches no leaf (a tree without leaves passes).

    Notes
    -----
    Time: one multiplication a parameter; paths are matched while tracing.

    Equal to ``optax.partition`` with one optimizer for each factor, with a single copy of the optimizer's state, and
    transformations of the whole tree, such as a clip by the global norm, stay whole.

    Examples
    --------
    >>> optimizer = optax.chain(optax.sgd(1.0), rates_by_path({"encoder/.*": 0.1, ".*/bias": 0.0}))
    >>> params = {"encoder": {"bias": 1.0, "kernel": 1.0}, "head": {"bias": 1.0, "kernel": 1.0}}
    >>> updates, _ = optimizer.update(params, optimizer.init(params))
    >>> print(jax.tree.map(lambda update: round(float(update), 1) + 0.0, updates))
    {'encoder': {'bias': -0.1, 'kernel': -0.1}, 'head': {'bias': 0.0, 'kernel': -1.0}}

    References
    ----------
    J. Su, archives/6418, 2019, and ``extend_with_parameter_wise_lr`` of his bert4keras.
    """
    check_rules(rules)
    for name, factor in {**rules, "default": default}.items():
        require(f"rates_by_path: {name}", factor, "at least 0 and finite", lambda v: (v >= 0) & np.isfinite(v))

    def init(params: PyTree) -> optax.ScaleByScheduleState:
        by_path(rules, default, params)
        return optax.ScaleByScheduleState(jnp.zeros([], jnp.int32))

    def update(updates: PyTree, state: Any, params: Any = None, **extra_args: Any) -> tuple[PyTree, Any]:
        del params, extra_args
        factors = jax.tree.map(lambda factor: at(factor, state.count), by_path(rules, default, updates))
        step = optax.ScaleByScheduleState(optax.safe_increment(state.count))
        return map_inexact(_multiply, updates, factors), step

    return optax.GradientTransformationExtraArgs(init, update)


def _multiply(update: Any, factor: Any) -> Array:
    factor = like(factor, update)
    return jnp.where(factor == 0, 0, factor * update)  # 0 · inf is not a number, but a frozen leaf stays where it is


def discriminative_rates(
    layers: Sequence[str], decay: ScalarLike = 1 / 2.6, default: ScalarLike | optax.Schedule = 1.0
) -> optax.GradientTransformationExtraArgs:
    r"""Smaller rates the further a layer is from the output: the updates of layer ``l`` of ``n`` by a power.

    .. math:: u_l \leftarrow d^{\,n-1-l}\,u_l, \qquad l = 0, \dots, n - 1

    Parameters
    ----------
    layers : sequence of regular expressions
        From the input to the output, one for all leaves of a layer, as in :func:`rates_by_path`.
    decay : float, positive, or array
        :math:`d`, the ratio of the rates of two neighbours.
    default : float, array or optax schedule
        The factor of the leaves that none of the expressions matches.

    Returns
    -------
    optax.GradientTransformationExtraArgs

    Raises
    ------
    ValueError
        ``decay`` not positive, an expression that occurs twice, and what :func:`rates_by_path` raises.

    Examples
    --------
    >>> halved = discriminative_rates(["embedding", "layers/0", "layers/1"], decay=0.5)
    >>> updates = {"embedding": jnp.ones(()), "layers": [jnp.ones(()), jnp.ones(())], "head": jnp.ones(())}
    >>> print(jax.tree.map(float, halved.update(updates, halved.init(updates))[0]))
    {'embedding': 0.25, 'head': 1.0, 'layers': [0.5, 1.0]}

    References
    ----------
    J. Howard, S. Ruder, Universal language model fine-tuning for text classification, ACL 2018, arXiv:1801.06146:
    they divide by 2.6 from layer to layer.
    """
    positive("decay", decay)
    if len(set(layers)) < len(layers):
        raise ValueError(f"layers must name each layer once, got {list(layers)}")
    powers = (decay ** (len(layers) - 1 - depth) for depth in range(len(layers)))
    return rates_by_path(dict(zip(layers, powers, strict=True)), default)

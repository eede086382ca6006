"""A weighted network as arrays: one entry a link."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Int

from ..._check import square

__all__ = ["Links", "links", "links_of_matrix", "ring_of_cliques"]


class Links(eqx.Module):
    """The links of a network of ``nodes`` nodes, numbered from 0. Nodes without links are allowed."""

    source: Int[Array | np.ndarray, " E"]
    target: Int[Array | np.ndarray, " E"]
    weight: Float[Array | np.ndarray, " E"]
    nodes: int = eqx.field(static=True)


def links(
    source: ArrayLike | Sequence,
    target: ArrayLike | Sequence,
    weight: ArrayLike | Sequence | None = None,
    nodes: int | None = None,
) -> Links:
    """The network with these links, from ``source[e]`` to ``target[e]``.

    Whether a link can be walked both ways is said later, by :func:`kexue.entropy.undirected_flow` (list each link once)
    or :func:`kexue.entropy.directed_flow`. Links listed twice add up.

    Parameters
    ----------
    source, target : int (E,), at least 0
    weight : float (E,), at least 0, optional
        Default: ones. Links of weight 0 are left out.
    nodes : int, optional
        Default: one more than the largest number in ``source`` and ``target``.

    Returns
    -------
    Links
        Of NumPy arrays in double precision.

    Raises
    ------
    ValueError
        If the arrays have other shapes or types, a node is out of range, a weight is negative or not finite, or no link
        is left.

    Examples
    --------
    >>> network = links([0, 0, 1], [1, 2, 2])
    >>> print(network.nodes, network.weight.sum())
    3 3.0

    See Also
    --------
    kexue.entropy.links_of_matrix : from a matrix of weights
    """
    source, target = _nodes("source", source), _nodes("target", target)
    weight = np.ones(source.shape) if weight is None else np.asarray(weight, float)
    if not source.shape == target.shape == weight.shape:
        shapes = f"{source.shape}, {target.shape} and {weight.shape}"
        raise ValueError(f"source, target and weight must have one entry for each link, got shapes {shapes}")
    if not np.all((weight >= 0) & (weight < np.inf)):
        bad = int(np.argmin((weight >= 0) & (weight < np.inf)))
        raise ValueError(
            f"weight must be at least 0 and finite, got {weight[bad]} for the link {source[bad]} to {target[bad]}"
        )
    kept = weight > 0
    if not kept.any():
        raise ValueError("a network must have at least one link of positive weight, got none")
    largest = int(max(source.max(), target.max()))
    if nodes is None:
        nodes = largest + 1
    if nodes <= largest:
        raise ValueError(f"nodes must exceed the largest node of a link, {largest}, got {nodes}")
    return Links(source[kept], target[kept], weight[kept], int(nodes))


def links_of_matrix(matrix: ArrayLike | Sequence) -> Links:
    """The network whose link from row to column has the weight of the entry; a zero is no link.

    A symmetric matrix names every link twice, but for loops: as it stands it is the directed form of an undirected
    network. :func:`kexue.entropy.undirected_flow` takes the matrix itself.

    Parameters
    ----------
    matrix : float (n, n), at least 0

    Returns
    -------
    Links

    Raises
    ------
    ValueError
        If the matrix is not square, has negative entries or ones that are not finite, or is zero.

    Examples
    --------
    >>> print(links_of_matrix([[0, 2], [0, 1]]).target)
    [1 1]
    """
    array = np.asarray(matrix, float)
    square("matrix", array)
    source, target = np.nonzero(array)
    return links(source, target, array[source, target], len(array))


def ring_of_cliques(cliques: int, size: int) -> tuple[Links, Int[np.ndarray, " n"]]:
    """Cliques in a ring: each is complete, and one link leads to the next.

    Parameters
    ----------
    cliques : int, at least 3
    size : int, at least 2
        Nodes of a clique. The link to the next clique starts at its last node and ends at the next one's first.

    Returns
    -------
    (Links, int (cliques · size,))
        Each link once, for :func:`kexue.entropy.undirected_flow`; and the clique of each node.

    Raises
    ------
    ValueError
        If a number is too small.

    Examples
    --------
    >>> network, clique = ring_of_cliques(30, 5)
    >>> print(network.nodes, len(network.weight))
    150 330

    References
    ----------
    Fortunato and Barthélemy, "Resolution limit in community detection", 2007, arXiv:physics/0607100.
    """
    for name, value, least in (("cliques", cliques, 3), ("size", size, 2)):
        if value < least:
            raise ValueError(f"{name} must be at least {least}, got {value}")
    first = size * np.arange(cliques)
    one, other = np.triu_indices(size, 1)
    source = np.append((first[:, None] + one).ravel(), first + size - 1)
    target = np.append((first[:, None] + other).ravel(), np.roll(first, -1))
    return links(source, target), np.repeat(np.arange(cliques), size)


def _nodes(name: str, value: Any) -> Int[np.ndarray, " E"]:
    array = np.asarray(value)
    if array.ndim != 1 or (array.size and not np.issubdtype(array.dtype, np.integer)):
        raise ValueError(f"{name} must be a row of integers, got shape {array.shape} of {array.dtype}")
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must be at least 0, got {array.min()}")
    return array.astype(int)

"""Nodes and weights on [0, 1]: how to integrate a gradient along a path from a few points of it."""

from functools import lru_cache

import numpy as np
from jaxtyping import Float

__all__ = ["RULES", "quadrature"]

RULES = ("gauss", "lobatto", "left", "right", "midpoint", "trapezoid")


def quadrature(rule: str, nodes: int) -> tuple[Float[np.ndarray, " nodes"], Float[np.ndarray, " nodes"]]:
    r"""Nodes :math:`\alpha_k` and weights :math:`w_k` with :math:`\int_0^1g(\alpha)\,d\alpha\approx\sum_kw_kg(\alpha_k)`.

    Parameters
    ----------
    rule : {"gauss", "lobatto", "left", "right", "midpoint", "trapezoid"}
        ``"gauss"`` (Gauss–Legendre) is exact for polynomials up to degree :math:`2n-1`, ``"lobatto"``
        (Gauss–Lobatto: both end points are nodes) up to :math:`2n-3`; the others are Riemann sums with equal spacing.
    nodes : int
        :math:`n`, at least 1; at least 2 for the rules that use both end points, ``"lobatto"`` and ``"trapezoid"``.

    Returns
    -------
    (nodes, weights) : float64 NumPy arrays (nodes,)
        In increasing order; the weights add up to one. They are constants: they can be used inside ``jit``.

    Raises
    ------
    ValueError
        If the rule is unknown or has too few nodes.

    Notes
    -----
    The Gauss rules come from the eigenvalues of a symmetric tridiagonal matrix (Golub and Welsch, 1969) and are
    remembered: the first call costs :math:`O(n^3)`, 5 ms for a hundred nodes.

    Examples
    --------
    >>> print(*quadrature("gauss", 2))
    [0.21132487 0.78867513] [0.5 0.5]
    >>> print(*quadrature("trapezoid", 3))
    [0.  0.5 1. ] [0.25 0.5  0.25]

    References
    ----------
    Golub and Welsch, "Calculation of Gauss quadrature rules", Mathematics of Computation 23, 1969.
    """
    if rule not in RULES:
        raise ValueError(f"rule={rule!r} is not allowed: it must be one of {', '.join(map(repr, RULES))}")
    least = 2 if rule in ("lobatto", "trapezoid") else 1
    if nodes < least:
        raise ValueError(f"nodes must be at least {least} for the rule {rule!r}, got {nodes}")
    points, weights = _gauss(rule, nodes) if rule in ("gauss", "lobatto") else _riemann(rule, nodes)
    return points.copy(), weights.copy()


def _riemann(rule: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    if rule == "trapezoid":
        weights = np.full(n, 1 / (n - 1))
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, n), weights
    shift = {"left": 0.0, "midpoint": 0.5, "right": 1.0}[rule]
    return (np.arange(n) + shift) / n, np.full(n, 1 / n)


@lru_cache(maxsize=64)
def _gauss(rule: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes: the roots of the Legendre polynomial P_n, or the ends and the extrema of P_{n-1}."""
    inner = n - 2 if rule == "lobatto" else n
    k = np.arange(1.0, inner)
    # The recursion of the polynomials orthogonal on [-1, 1] with weight 1, or 1 - x² for the extrema.
    b = np.sqrt(k * (k + 2) / ((2 * k + 1) * (2 * k + 3))) if rule == "lobatto" else k / np.sqrt(4 * k**2 - 1)
    jacobi = np.diag(b, 1) + np.diag(b, -1) if inner > 1 else np.zeros((inner, inner))
    x = np.linalg.eigvalsh(jacobi)
    x = (x - x[::-1]) / 2  # exactly symmetric
    degree = n - 1
    if rule == "lobatto":
        x = np.concatenate([[-1.0], x, [1.0]])
        weights = 1 / _legendre(degree, x) ** 2
    else:
        weights = (1 - x**2) / _legendre(degree, x) ** 2
    return (1 + x) / 2, weights / weights.sum()


def _legendre(degree: int, x: np.ndarray) -> np.ndarray:
    previous, current = np.zeros_like(x), np.ones_like(x)
    for k in range(degree):
        previous, current = current, ((2 * k + 1) * x * current - k * previous) / (k + 1)
    return current

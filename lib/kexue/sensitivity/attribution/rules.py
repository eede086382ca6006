"""Nodes and weights on [0, 1]: how to integrate a gradient along a path from a few points of it."""

import numpy as np
from jaxtyping import Float
from scipy.special import eval_legendre, roots_jacobi, roots_legendre

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
    The Gauss rules are SciPy's: eigenvalues of a symmetric tridiagonal matrix (Golub and Welsch, 1969).

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
    return points, weights


def _riemann(rule: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    if rule == "trapezoid":
        weights = np.full(n, 1 / (n - 1))
        weights[[0, -1]] /= 2
        return np.linspace(0, 1, n), weights
    shift = {"left": 0.0, "midpoint": 0.5, "right": 1.0}[rule]
    return (np.arange(n) + shift) / n, np.full(n, 1 / n)


def _gauss(rule: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    if rule == "gauss":
        x, weights = roots_legendre(n)
    else:  # the ends, and the extrema of the Legendre polynomial of degree n - 1: the roots of a Jacobi polynomial
        x = np.concatenate([[-1.0], roots_jacobi(n - 2, 1, 1)[0] if n > 2 else [], [1.0]])
        weights = 1 / eval_legendre(n - 1, x) ** 2
    return (1 + x) / 2, weights / weights.sum()

"""Quadrature rules against NumPy's, and against the polynomials that they must integrate."""

import numpy as np
import pytest

from kexue.sensitivity.attribution.rules import RULES, quadrature


@pytest.mark.parametrize("n", [1, 2, 3, 10, 50, 101])
def test_gauss_is_numpys(n):
    x, w = np.polynomial.legendre.leggauss(n)
    nodes, weights = quadrature("gauss", n)
    np.testing.assert_allclose(nodes, (1 + x) / 2, atol=1e-14)
    np.testing.assert_allclose(weights, w / 2, atol=1e-14)


@pytest.mark.parametrize(
    ("rule", "degree"),
    [("gauss", 9), ("lobatto", 7), ("left", 0), ("right", 0), ("midpoint", 1), ("trapezoid", 1)],
)
def test_degree_of_exactness(rule, degree):
    nodes, weights = quadrature(rule, 5)
    errors = np.array([weights @ nodes**k - 1 / (k + 1) for k in range(degree + 2)])
    assert np.abs(errors[:-1]).max() < 1e-15
    assert abs(errors[-1]) > 1e-6  # and no further


def test_riemann_sums_are_the_textbook_sums():
    n, g = 7, np.exp
    sums = {
        "left": sum(g(k / n) for k in range(n)) / n,
        "right": sum(g(k / n) for k in range(1, n + 1)) / n,
        "midpoint": sum(g((k + 0.5) / n) for k in range(n)) / n,
    }
    for rule, value in sums.items():
        nodes, weights = quadrature(rule, n)
        np.testing.assert_allclose(weights @ g(nodes), value, rtol=1e-14)
    nodes, weights = quadrature("trapezoid", n + 1)
    np.testing.assert_allclose(weights @ g(nodes), (sums["left"] + sums["right"]) / 2, rtol=1e-14)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("n", [2, 3, 30])
def test_nodes_increase_and_weights_add_up(rule, n):
    nodes, weights = quadrature(rule, n)
    assert nodes.shape == weights.shape == (n,)
    assert nodes[0] >= 0 and nodes[-1] <= 1 and np.all(np.diff(nodes) > 0)
    assert np.all(weights > 0)
    np.testing.assert_allclose(weights.sum(), 1, rtol=1e-14)
    if rule in ("lobatto", "trapezoid"):
        assert nodes[0] == 0 and nodes[-1] == 1


def test_bad_input():
    with pytest.raises(ValueError, match="rule='simpson' is not allowed: it must be one of 'gauss', 'lobatto'"):
        quadrature("simpson", 5)
    for rule, least in [("gauss", 1), ("left", 1), ("trapezoid", 2), ("lobatto", 2)]:
        with pytest.raises(ValueError, match=f"nodes must be at least {least} for the rule {rule!r}, got {least - 1}"):
            quadrature(rule, least - 1)

"""Deletion curves against a loop; tokens from coordinates."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sensitivity import deletion_curve, token_attribution

X, SCORES = np.array([1.0, 2.0, 4.0, 8.0]), np.array([0.2, -3.0, 0.9, 0.2])
FILL = np.array([0.5, 0.25, -1.0, 16.0])


def weigh(x):
    return x @ jnp.array([1.0, 10.0, 100.0, 1000.0], x.dtype)


def test_the_highest_scores_go_first():
    x, scores, fill = (jnp.asarray(a, jnp.float32) for a in (X, SCORES, FILL))
    by_hand, point = [], X.copy()
    for i in (None, 2, 0, 3, 1):  # coordinates 0 and 3 are equal: memory order
        if i is not None:
            point[i] = FILL[i]
        by_hand.append(point @ [1, 10, 100, 1000])
    curve = deletion_curve(weigh, x, scores, fill, np.arange(5))
    np.testing.assert_allclose(curve, by_hand, rtol=1e-6)
    assert curve.dtype == jnp.float32
    together = jax.jit(jax.vmap(lambda s: deletion_curve(weigh, x, s, fill, np.array([1, 4]))))(
        jnp.stack([scores, -scores])
    )
    np.testing.assert_allclose(together[0], [by_hand[1], by_hand[4]], rtol=1e-6)
    np.testing.assert_allclose(together[1, 0], X @ [1, 10, 100, 1000] - 10 * 1.75, rtol=1e-6)


def test_images_and_targets():
    image = jnp.asarray(X.reshape(2, 2), jnp.float32)
    both = lambda image: jnp.stack([image.sum(), image[1, 1]])  # noqa: E731
    scores = jnp.array([[0.0, 1.0], [3.0, 2.0]])
    curve = deletion_curve(both, image, scores, jnp.zeros((2, 2)), np.arange(3), target=0)
    np.testing.assert_allclose(curve, [15, 11, 3])
    curve = deletion_curve(both, image, scores, jnp.zeros((2, 2)), np.arange(3), target=1)
    np.testing.assert_allclose(curve, [8, 8, 0])


def test_deletion_refuses():
    x = jnp.ones(4)
    with pytest.raises(ValueError, match=r"scores must have the shape of x, \(4,\), got \(3,\)"):
        deletion_curve(weigh, x, jnp.ones(3), x, np.arange(2))
    with pytest.raises(ValueError, match=r"fill must have the shape of x, \(4,\), got \(2, 2\)"):
        deletion_curve(weigh, x, x, jnp.ones((2, 2)), np.arange(2))
    for counts in (np.array([5]), np.array([-1, 2])):
        with pytest.raises(ValueError, match="counts must be from 0 to 4, the size of x, got"):
            deletion_curve(weigh, x, x, x, counts)
    with pytest.raises(ValueError, match=r"target must be in \[0, 4\), got 4"):
        deletion_curve(lambda x: x, x, x, x, np.arange(2), target=4)


def test_tokens():
    values = np.arange(24.0, dtype=np.float32).reshape(2, 3, 4) - 12
    np.testing.assert_allclose(token_attribution(values), values.sum(axis=2))
    np.testing.assert_allclose(
        token_attribution(jnp.asarray(values), how="norm"), np.sqrt((values**2).sum(2)), rtol=1e-6
    )
    np.testing.assert_allclose(jax.jit(jax.vmap(token_attribution))(jnp.asarray(values)), values.sum(axis=2))
    with pytest.raises(ValueError, match="how='max' is not allowed: it must be 'sum' or 'norm'"):
        token_attribution(values, how="max")

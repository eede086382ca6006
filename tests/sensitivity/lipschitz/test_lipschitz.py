"""Bounds, slopes, radii and attacks on networks, against dense linear algebra, linear models and enumeration."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from kexue.sensitivity.lipschitz.composition import _SLOPES, product_bound
from kexue.sensitivity.lipschitz.local import certified_radius, local_lipschitz, pgd_l2, wasserstein_critic_estimate
from kexue.sensitivity.lipschitz.normalization import SpectralNorm
from kexue.sensitivity.lipschitz.orthonormal import group_sort

KEYS = jax.random.split(jax.random.key(0), 8)
MLP = eqx.nn.MLP(6, 3, 10, 2, activation=jax.nn.relu, key=KEYS[0])
XS = jax.random.normal(KEYS[1], (40, 6))
norm = lambda w: np.linalg.svd(np.asarray(w, float), compute_uv=False)[0]  # noqa: E731


def product_of_norms(model):
    return np.prod([norm(layer.weight) for layer in model.layers])


def test_product_bound_of_a_perceptron_is_the_product_rounded_up():
    expected = product_of_norms(MLP)
    found = float(product_bound(MLP))
    assert expected <= found <= expected * (1 + 1e-5)
    twice = eqx.tree_at(lambda m: [layer.weight for layer in m.layers], MLP, replace_fn=lambda w: 2 * w)
    np.testing.assert_allclose(eqx.filter_jit(product_bound)(twice), 8 * found, rtol=1e-5)


def test_product_bound_knows_its_parts():
    a, b = jax.random.normal(KEYS[2], (4, 6)), jax.random.normal(KEYS[3], (2, 4))
    chain = [a, jnp.tanh, b, lambda x: x]
    np.testing.assert_allclose(product_bound(chain), norm(a) * norm(b), rtol=1e-5)
    np.testing.assert_allclose(product_bound((a, jax.nn.sigmoid, b)), norm(a) * norm(b) / 4, rtol=1e-5)
    np.testing.assert_allclose(product_bound([a, partial(group_sort, group=2), b]), norm(a) * norm(b), rtol=1e-5)
    layer = eqx.nn.Linear(6, 4, key=KEYS[4])
    sequence = eqx.nn.Sequential(
        [SpectralNorm(layer, target=3.0, key=KEYS[5]), eqx.nn.Lambda(jax.nn.relu), eqx.nn.Identity()]
    )
    estimate = sequence.layers[0].estimate  # from below: the bound sees what the layer really does
    np.testing.assert_allclose(product_bound(sequence), 3 * norm(layer.weight) / estimate, rtol=1e-5)
    scalar = eqx.nn.MLP(6, "scalar", 4, 1, key=KEYS[4])
    np.testing.assert_allclose(product_bound(scalar), product_of_norms(scalar), rtol=1e-5)


def test_product_bound_of_a_convolution_holds_for_every_padding():
    for mode, padding in (("ZEROS", 1), ("CIRCULAR", 1), ("ZEROS", 0)):
        layer = eqx.nn.Conv2d(2, 3, 3, padding=padding, padding_mode=mode, use_bias=False, key=KEYS[4])
        dense = jax.jacobian(lambda x, layer=layer: layer(x).ravel())(jnp.zeros((2, 5, 5))).reshape(-1, 50)
        bound = product_bound([layer])
        assert norm(dense) <= bound <= 3 * norm(layer.weight.reshape(3, -1)) * (1 + 1e-5)


def test_every_activation_is_as_steep_as_stated():
    table = [(slope, f) for slope, group in _SLOPES.items() for f in group if f is not group_sort]
    measure = jax.jit(lambda x: [jnp.max(jnp.abs(jax.vmap(jax.grad(f))(x))) for _, f in table])
    for (slope, activation), steepest in zip(table, measure(jnp.linspace(-8, 8, 40001)), strict=True):
        assert 0.98 * slope <= steepest <= slope * (1 + 1e-6), activation


def test_product_bound_is_differentiable():
    a, b = jax.random.normal(KEYS[2], (4, 6)), jax.random.normal(KEYS[3], (2, 4))
    u, s, vt = np.linalg.svd(a)
    gradient = jax.grad(lambda a: product_bound([a, jax.nn.relu, b]))(a)
    np.testing.assert_allclose(gradient, norm(b) * np.outer(u[:, 0], vt[0]), rtol=1e-3, atol=1e-4)


def test_product_bound_refuses_what_it_does_not_know():
    attention = eqx.nn.MultiheadAttention(1, 4, key=KEYS[0])
    for bad in (
        [jnp.eye(2), attention],
        [jnp.eye(2), jnp.square],
        [jnp.eye(2), eqx.nn.LayerNorm(2)],
        [jnp.eye(2), 3.0],
    ):
        with pytest.raises(ValueError, match="of which no Lipschitz constant is known"):
            product_bound(bad)
    reflecting = eqx.nn.Conv2d(1, 1, 3, padding=1, padding_mode="REFLECT", key=KEYS[0])
    with pytest.raises(ValueError, match="of which no Lipschitz constant is known"):
        product_bound([reflecting])
    with pytest.raises(ValueError, match="model must hold at least one weight"):
        product_bound([jax.nn.relu])


def test_local_slopes_are_jacobian_norms_and_never_above_the_bound():
    found = jax.jit(lambda xs: local_lipschitz(MLP, xs))(XS)
    for x, value in zip(XS[:5], found, strict=False):
        h = 1e-3
        columns = [(MLP(x + h * e) - MLP(x - h * e)) / (2 * h) for e in jnp.eye(6)]
        np.testing.assert_allclose(value, norm(np.array(columns).T), rtol=1e-2)
    assert jnp.max(found) <= product_bound(MLP)
    scalar = lambda x: 3 * x[0] - 4 * x[1]  # noqa: E731
    np.testing.assert_allclose(local_lipschitz(scalar, XS), 5, rtol=1e-6)
    many = jax.vmap(lambda xs: local_lipschitz(MLP, xs))(XS.reshape(2, 20, 6))
    np.testing.assert_allclose(many.ravel(), found, rtol=1e-5)


def test_the_jacobian_of_an_image_is_taken_over_all_its_pixels():
    w = np.random.RandomState(0).randn(4, 4)
    linear = lambda x: jnp.sum(x * jnp.asarray(w, x.dtype))  # noqa: E731
    np.testing.assert_allclose(local_lipschitz(linear, jnp.zeros((4, 4, 4))), [np.linalg.norm(w)] * 4, rtol=1e-6)
    rng = np.random.default_rng(0)
    a, images = 0.1 * rng.normal(size=(5, 60)), rng.normal(size=(3, 3, 4, 5))
    by_hand = [norm((1 - np.tanh(a @ x.ravel()) ** 2)[:, None] * a) for x in images]
    net = lambda x: jnp.tanh(jnp.asarray(a, x.dtype) @ x.ravel())  # noqa: E731
    images = jnp.asarray(images, jnp.float32)
    found = jax.jit(lambda xs: local_lipschitz(net, xs))(images)
    np.testing.assert_allclose(found, by_hand, rtol=1e-5)
    several = jax.vmap(lambda xs: local_lipschitz(net, xs))(images[:, None])
    np.testing.assert_allclose(several[:, 0], by_hand, rtol=1e-5)
    np.testing.assert_allclose(local_lipschitz(lambda x: jnp.stack([3 * x, -4 * x]), jnp.arange(3.0)), 5, rtol=1e-6)
    np.testing.assert_allclose(local_lipschitz(jnp.sum, np.full((2, 3, 3), 200, np.uint8)), 3, rtol=1e-6)


def test_radius_of_a_linear_classifier_is_exact_for_two_opposite_logits():
    # logits ±w·x: the boundary is at distance |w·x| / |w|, and sqrt(2) C is the norm of their difference's gradient
    w = jnp.array([1.0, -2.0, 2.0])
    logits = XS[:, :3] @ jnp.stack([w, -w], axis=1)
    distance = np.asarray(XS[:, :3] @ w) / 3
    radius = certified_radius(logits, jnp.zeros(40, jnp.int32), norm(jnp.stack([w, -w])))
    np.testing.assert_allclose(radius, distance, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(
        certified_radius(logits, jnp.ones(40, jnp.int32), norm(jnp.stack([w, -w]))), -distance, rtol=1e-4, atol=1e-6
    )


def test_radius_by_enumeration():
    logits = np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)
    labels = np.random.default_rng(1).integers(0, 4, 30)
    expected = [(row[y] - max(np.delete(row, y))) / (2**0.5 * 2.5) for row, y in zip(logits, labels, strict=True)]
    found = jax.jit(certified_radius)(jnp.asarray(logits), jnp.asarray(labels), 2.5)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_attack_finds_the_boundary_of_a_linear_classifier_and_stays_in_the_ball():
    weights = jax.random.normal(KEYS[6], (2, 6))
    model, labels = (lambda x: weights @ x), jnp.argmax(XS @ weights.T, axis=1)
    difference = np.asarray(weights[0] - weights[1])
    distance = np.abs(np.asarray(XS) @ difference) / np.linalg.norm(difference)
    for eps in (0.2, 0.7):
        attacked = jax.jit(lambda eps: pgd_l2(model, XS, labels, eps))(eps)
        moved = np.linalg.norm(attacked - XS, axis=1)
        assert moved.max() <= eps * (1 + 1e-5)
        fooled = np.asarray(jnp.argmax(attacked @ weights.T, axis=1) != labels)
        sure = abs(distance - eps) > 1e-3
        np.testing.assert_array_equal(fooled[sure], (distance < eps)[sure])


def test_attack_of_an_image_stays_in_the_ball_over_all_its_pixels():
    # linear logits: the way downhill is straight, and the margin falls by eps times the norm of their difference
    rng = np.random.default_rng(0)
    weights, images, eps = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(6, 3, 4, 5)), 0.7
    logits = np.einsum("kabc,nabc->nk", weights, images)
    labels, margin = logits.argmax(1), abs(logits[:, 0] - logits[:, 1])
    model = lambda x: jnp.sum(jnp.asarray(weights, x.dtype) * x[None], axis=(1, 2, 3))  # noqa: E731
    attack = jax.jit(lambda x, y: pgd_l2(model, x, y, eps))
    found = np.asarray(attack(jnp.asarray(images, jnp.float32), jnp.asarray(labels)))
    assert found.shape == images.shape and found.dtype == np.float32
    np.testing.assert_allclose(np.sqrt(((found - images) ** 2).sum((1, 2, 3))), eps, rtol=1e-4)
    after = np.einsum("kabc,nabc->nk", weights, found.astype(float))
    after = after[np.arange(6), labels] - after[np.arange(6), 1 - labels]
    np.testing.assert_allclose(after, margin - eps * np.linalg.norm(weights[0] - weights[1]), atol=1e-4)


def test_attack_respects_certificates_and_never_helps():
    labels = jnp.argmax(jax.vmap(MLP)(XS), axis=1)
    radius = certified_radius(jax.vmap(MLP)(XS), labels, product_bound(MLP))
    many = jax.jit(jax.vmap(lambda eps: pgd_l2(MLP, XS, labels, eps, 15)))(jnp.array([0.0, 0.05, 0.5, 3.0]))
    np.testing.assert_allclose(many[0], XS, atol=1e-7)
    for eps, attacked in zip((0.05, 0.5, 3.0), many[1:], strict=True):
        logits = jax.vmap(MLP)(attacked)
        assert not np.any((jnp.argmax(logits, axis=1) != labels) & (radius > eps))
        assert np.all(certified_radius(logits, labels, 1.0) <= certified_radius(jax.vmap(MLP)(XS), labels, 1.0) + 1e-6)
    assert np.mean(jnp.argmax(jax.vmap(MLP)(many[3]), axis=1) != labels) > 0.5


def test_critic_estimate_is_below_the_wasserstein_distance_and_attains_it():
    p, q = jnp.array([[-1.0], [1.0], [1.5]]), jnp.array([[0.0], [0.1], [0.1]])
    truth = scipy.stats.wasserstein_distance(p[:, 0], q[:, 0])  # sorted pairs: (1 + 0.9 + 1.4) / 3
    np.testing.assert_allclose(wasserstein_critic_estimate(lambda x: jnp.abs(x[0]), p, q), truth, rtol=1e-5)
    assert wasserstein_critic_estimate(lambda x: jnp.sin(x[0]), p, q) < truth
    shifted = jax.jit(lambda p: wasserstein_critic_estimate(lambda x: x[0], p, q))(p + 5)
    np.testing.assert_allclose(shifted, scipy.stats.wasserstein_distance(p[:, 0] + 5, q[:, 0]), rtol=1e-5)


def test_critic_estimate_of_images_is_the_length_of_a_shift():
    shift = np.random.default_rng(0).normal(size=(3, 4))
    images = np.random.default_rng(1).normal(size=(7, 3, 4)).astype(np.float32)
    moved = jnp.asarray(images + shift, jnp.float32)
    along = lambda x: jnp.sum(x * jnp.asarray(shift / np.linalg.norm(shift), x.dtype))  # noqa: E731
    found = wasserstein_critic_estimate(along, moved, images)
    np.testing.assert_allclose(found, np.linalg.norm(shift), rtol=1e-5)


def test_refuses_bad_input():
    ones, labels = jnp.ones((2, 3)), jnp.zeros(2, jnp.int32)
    with pytest.raises(ValueError, match="lipschitz must be at least 0, got -1.0"):
        certified_radius(ones, labels, -1.0)
    with pytest.raises(ValueError, match="logits must have at least two classes, got 1"):
        certified_radius(ones[:, :1], labels, 1.0)
    with pytest.raises(ValueError, match="labels must have one entry for each row of logits, 2, got"):
        certified_radius(ones, labels[:1], 1.0)
    with pytest.raises(ValueError, match="eps must be at least 0, got -0.1"):
        pgd_l2(MLP, XS, labels, -0.1)
    with pytest.raises(ValueError, match="steps must be at least 1, got 0"):
        pgd_l2(MLP, XS, labels, 0.1, 0)
    with pytest.raises(ValueError, match=r"xs must hold at least one point.*\(0, 6\)"):
        local_lipschitz(MLP, jnp.ones((0, 6)))
    with pytest.raises(ValueError, match=r"model must return a scalar or a vector.*\(3, 3\)"):
        local_lipschitz(lambda x: jnp.outer(x, x), ones)
    with pytest.raises(ValueError, match=r"q must hold examples of the shape of those of p, \(3,\), got \(2,\)"):
        wasserstein_critic_estimate(jnp.sum, ones, ones[:, :2])
    with pytest.raises(ValueError, match=r"p must hold at least one point.*\(0, 3\)"):
        wasserstein_critic_estimate(jnp.sum, ones[:0], ones)
    with pytest.raises(ValueError, match=r"logits must have one row of classes for each example.*\(2, 3, 1\)"):
        certified_radius(ones[..., None], labels, 1.0)
    with pytest.raises(ValueError, match=r"logits must have one row.*\(2,\)"):
        pgd_l2(lambda x: x[0], ones, labels, 0.1)
    with pytest.raises(ValueError, match=r"x must hold at least one point.*\(0, 3\)"):
        pgd_l2(MLP, ones[:0], labels[:0], 0.1)
    with pytest.raises(ValueError, match="critic must return one real number"):
        wasserstein_critic_estimate(lambda x: x, ones, ones)

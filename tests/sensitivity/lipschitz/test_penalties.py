"""Slopes against hand-written gradients and finite differences; penalties against sums over single points."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.sensitivity.lipschitz.penalties import clip_weights, gradient_penalty, keep_weights_clipped, slopes

KEY = jax.random.key(0)
POINTS = jnp.asarray(np.random.default_rng(1).normal(size=(6, 3)), jnp.float32)
FAKE = jnp.asarray(np.random.default_rng(2).normal(size=(6, 3)) + 2, jnp.float32)
WEIGHTS = np.array([1.0, -2.0, 0.5], np.float32)


def critic(x):
    return jnp.tanh(x @ jnp.asarray(WEIGHTS, x.dtype)) + x[0] ** 2


def slopes_by_hand(points):
    points = np.asarray(points, float)
    gradient = (1 - np.tanh(points @ WEIGHTS.astype(float)) ** 2)[:, None] * WEIGHTS
    gradient[:, 0] += 2 * points[:, 0]
    return np.sqrt((gradient**2).sum(1))


def test_slopes_are_the_norms_of_the_gradients():
    expected = slopes_by_hand(POINTS)
    np.testing.assert_allclose(slopes(critic, POINTS), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(lambda x: slopes(critic, x))(POINTS), expected, rtol=1e-5)
    many = jax.vmap(lambda x: slopes(critic, x))(jnp.stack([POINTS, FAKE]))
    np.testing.assert_allclose(many, [expected, slopes_by_hand(FAKE)], rtol=1e-5)


def test_slopes_survive_zero_tiny_and_huge_gradients():
    points = jnp.ones((1, 3))
    total = lambda scale: slopes(lambda x: scale * jnp.sum(x), points)[0]  # noqa: E731
    for scale in (1e-30, 1e30):
        np.testing.assert_allclose(total(jnp.float32(scale)), scale * 3**0.5, rtol=1e-6)
    assert total(jnp.float32(0)) == 0
    assert jax.grad(total)(jnp.float32(0)) == 0  # not NaN
    np.testing.assert_allclose(jax.grad(total)(jnp.float32(2)), 3**0.5, rtol=1e-6)
    flat = jax.grad(lambda w: slopes(lambda x: jnp.sum(w * x) ** 2, points)[0])(jnp.zeros(3))
    np.testing.assert_array_equal(flat, 0)


@pytest.mark.parametrize("one_sided", [False, True])
@pytest.mark.parametrize(("at", "points"), [("data", POINTS), ("samples", FAKE)])
@pytest.mark.parametrize("center", [0.0, 1.0, 2.5])
def test_penalty_is_the_mean_over_single_points(at, points, center, one_sided):
    excess = [slope - center for slope in slopes_by_hand(points)]
    expected = np.mean([max(e, 0.0) ** 2 if one_sided else e**2 for e in excess])
    call = lambda center: gradient_penalty(  # noqa: E731
        critic, POINTS, FAKE, None, center=center, one_sided=one_sided, at=at
    )
    np.testing.assert_allclose(call(center), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(call)(center), expected, rtol=1e-5)  # the centre may be traced
    np.testing.assert_allclose(jax.vmap(call)(jnp.full(2, center)), [expected] * 2, rtol=1e-5)


def test_the_slope_of_an_image_critic_is_the_norm_over_all_its_pixels():
    w = np.random.RandomState(0).randn(4, 4)
    linear, real = (lambda x: jnp.sum(x * jnp.asarray(w, x.dtype))), jnp.zeros((4, 4, 4))
    np.testing.assert_allclose(slopes(linear, real), np.full(4, np.linalg.norm(w)), rtol=1e-6)
    for at in ("data", "samples", "interpolates"):
        found = gradient_penalty(linear, real, real + 1, KEY, at=at)
        np.testing.assert_allclose(found, (np.linalg.norm(w) - 1) ** 2, rtol=1e-6)  # 10.390
    twenty = gradient_penalty(jnp.sum, jnp.zeros((3, 5, 4, 1)), jnp.ones((3, 5, 4, 1)), None, center=0, at="data")
    np.testing.assert_allclose(twenty, 20, rtol=1e-6)
    assert slopes(linear, real).dtype == twenty.dtype == jnp.float32

    images = np.random.default_rng(3).normal(size=(5, 2, 3, 7))
    v = np.random.default_rng(4).normal(size=(2, 3, 7))
    by_hand = [np.sqrt(((np.cos((x * v).sum()) * v + x) ** 2).sum()) for x in images]
    curved = lambda x: jnp.sin(jnp.sum(x * jnp.asarray(v, x.dtype))) + jnp.sum(x**2) / 2  # noqa: E731
    images = jnp.asarray(images, jnp.float32)
    np.testing.assert_allclose(jax.jit(lambda x: slopes(curved, x))(images), by_hand, rtol=1e-4)
    several = jax.vmap(lambda x: gradient_penalty(curved, x, x, None, at="data"))(jnp.stack([images, images]))
    np.testing.assert_allclose(several, [np.mean((np.array(by_hand) - 1) ** 2)] * 2, rtol=1e-4)


def test_examples_may_be_numbers_and_pixels_may_be_integers():
    numbers = jnp.array([0.0, 2.0, -3.0])
    np.testing.assert_allclose(slopes(lambda x: x**2, numbers), [0, 4, 6])
    grey = np.array([[[0, 255], [3, 4]], [[250, 1], [0, 0]]], np.uint8)
    brightness = lambda x: jnp.sum(x**2) / 2  # noqa: E731
    lengths = np.sqrt((grey.astype(float) ** 2).sum((1, 2)))
    np.testing.assert_allclose(slopes(brightness, grey), lengths, rtol=1e-6)
    found = gradient_penalty(brightness, grey, grey[::-1], None, center=0.0, at="samples")
    np.testing.assert_allclose(found, np.mean(lengths**2), rtol=1e-6)


def test_all_pixels_of_an_image_move_along_the_segment_together():
    # off the segment from 0 to the white image two pixels would differ, and this critic would have a slope
    differing = lambda x: (x[0, 0] - x[2, 1]) ** 2 + (x[0, 1] - x[1, 0]) ** 2  # noqa: E731
    black = jnp.zeros((50, 3, 2))
    assert gradient_penalty(differing, black, black + 1, KEY, center=0.0) < 1e-12
    # and each image has its own position: the slope of |x|²/2 is position · √6, of mean square 2
    half_square = lambda x: jnp.sum(x**2) / 2  # noqa: E731
    many = jnp.zeros((4000, 3, 2))
    np.testing.assert_allclose(gradient_penalty(half_square, many, many + 1, KEY, center=0.0), 2, atol=0.12)


def test_interpolates_lie_on_the_segments_each_with_its_own_position():
    # slope of x -> |x|²/2 is |x|: on a segment from 0 to e_i the slope is the position itself, uniform on [0, 1)
    count = 4000
    real = jnp.zeros((count, 2))
    fake = jnp.tile(jnp.array([[0.6, 0.8]]), (count, 1))
    half_square = lambda x: jnp.sum(x**2) / 2  # noqa: E731
    second_moment = gradient_penalty(half_square, real, fake, KEY, center=0.0)
    np.testing.assert_allclose(second_moment, 1 / 3, atol=0.02)  # one common position would miss this
    np.testing.assert_allclose(gradient_penalty(half_square, real, fake, KEY), 1 / 3, atol=0.02)
    assert gradient_penalty(half_square, real, fake, KEY, one_sided=True) == 0
    on_line = gradient_penalty(lambda x: x[0] + x[1] ** 2, real.at[:, 1].set(3.0), fake.at[:, 1].set(3.0), KEY)
    np.testing.assert_allclose(on_line, (37**0.5 - 1) ** 2, rtol=1e-5)  # both ends at height 3, so every point too


def test_gradient_of_the_penalty_equals_finite_differences():
    with jax.enable_x64(True):
        real, fake = jnp.asarray(POINTS, float), jnp.asarray(FAKE, float)

        def penalty(w, one_sided=False, center=1.0):
            network = lambda x: jnp.tanh(w[:3] @ x) * w[3]  # noqa: E731
            return gradient_penalty(network, real, fake, KEY, one_sided=one_sided, center=center)

        w, h = jnp.array([1.0, -2.0, 0.5, 1.5]), 1e-6
        for options in ((False, 1.0), (True, 1.0), (False, 0.0)):
            numeric = [(penalty(w + h * e, *options) - penalty(w - h * e, *options)) / (2 * h) for e in jnp.eye(4)]
            np.testing.assert_allclose(jax.grad(penalty)(w, *options), numeric, rtol=1e-6, atol=1e-8)
        assert penalty(w).dtype == jnp.float64


def test_zero_centred_penalty_is_smooth_where_the_critic_is_flat():
    # penalty(w) = |w|² for f(x) = w·x: Hessian 2 at w = 0, where a norm would have a kink
    penalty = lambda w, c: gradient_penalty(lambda x: w @ x, POINTS, FAKE, KEY, center=c, at="data")  # noqa: E731
    for center in (0.0, jnp.float32(0.0)):
        np.testing.assert_allclose(jax.hessian(penalty)(jnp.zeros(3), center), 2 * np.eye(3))
    np.testing.assert_allclose(jax.jit(jax.hessian(penalty))(jnp.zeros(3), 0.0), 2 * np.eye(3))
    assert np.isfinite(jax.grad(penalty)(jnp.zeros(3), 1.0)).all()


def test_penalty_refuses_bad_input():
    call = lambda f=critic, real=POINTS, fake=FAKE, key=KEY, **options: gradient_penalty(f, real, fake, key, **options)  # noqa: E731
    with pytest.raises(ValueError, match="at must be 'interpolates', 'data' or 'samples', got 'images'"):
        jax.jit(lambda: call(at="images"))()
    with pytest.raises(ValueError, match=r"fake must have the shape of real, \(6, 3\), got \(5, 3\)"):
        call(fake=FAKE[:5])
    with pytest.raises(ValueError, match=r"critic must return one real number.*shape=\(3,\), dtype=float32"):
        call(lambda x: x)
    with pytest.raises(ValueError, match="critic must return one real number.*int32"):
        call(lambda x: jnp.sum(x > 0))
    with pytest.raises(ValueError, match="critic must return one real number"):
        slopes(lambda x: (jnp.sum(x), x), POINTS)
    with pytest.raises(ValueError, match="center must be at least 0 and finite, got -1"):
        call(center=-1.0)
    with pytest.raises(ValueError, match="key must be a PRNG key"):
        call(key=None)
    with pytest.raises(ValueError, match=r"points must hold at least one point.*\(0, 3\)"):
        slopes(critic, jnp.zeros((0, 3)))
    with pytest.raises(ValueError, match=r"points must hold at least one point.*got shape \(\)"):
        slopes(lambda x: x, jnp.zeros(()))
    with pytest.raises(ValueError, match=r"fake must have the shape of real, \(2, 4, 4\), got \(2, 4\)"):
        gradient_penalty(jnp.sum, jnp.zeros((2, 4, 4)), jnp.zeros((2, 4)), KEY)


def test_clipping_touches_floating_arrays_only():
    model = eqx.nn.MLP(2, "scalar", 16, 2, key=KEY)
    clipped = clip_weights(model, 0.1)
    for before, after in zip(jax.tree.leaves(model), jax.tree.leaves(clipped), strict=True):
        if eqx.is_array(before):
            np.testing.assert_array_equal(after, np.minimum(np.maximum(before, np.float32(-0.1)), np.float32(0.1)))
            assert np.any(before != after)
        else:
            assert before is after
    mixed = {"count": jnp.arange(3), "rate": 5.0, "z": jnp.array([3 + 4j]), "half": jnp.array([4.0], jnp.float16)}
    kept = jax.jit(lambda bound: clip_weights({k: v for k, v in mixed.items() if k != "rate"}, bound))(1.0)
    np.testing.assert_array_equal(kept["count"], mixed["count"])
    np.testing.assert_array_equal(kept["z"], mixed["z"])
    assert kept["half"].dtype == jnp.float16 and kept["half"][0] == 1
    assert clip_weights(mixed, 1.0)["rate"] == 5.0
    np.testing.assert_array_equal(clip_weights(np.array([-2.0, 2.0], np.float32), 0), [0, 0])
    by_bound = jax.vmap(lambda bound: clip_weights(jnp.array([-2.0, 0.05, 2.0]), bound))(jnp.array([0.01, 1.0]))
    np.testing.assert_allclose(by_bound, [[-0.01, 0.01, 0.01], [-1, 0.05, 1]])


def test_clipping_optimizer_is_step_then_clip():
    optimizer, plain = optax.chain(optax.adam(0.1), keep_weights_clipped(0.3)), optax.adam(0.1)
    params = by_hand = {"w": jnp.array([0.25, -0.25, 0.0])}
    state, plain_state = optimizer.init(params), plain.init(params)
    for k in range(4):
        gradient = {"w": jnp.cos(jnp.arange(3.0) + k)}
        with jax.numpy_dtype_promotion("standard"):  # optax itself is not strict
            updates, state = jax.jit(optimizer.update)(gradient, state, params)
            plain_updates, plain_state = plain.update(gradient, plain_state, by_hand)
        params = optax.apply_updates(params, updates)
        by_hand = {"w": np.clip(by_hand["w"] + plain_updates["w"], -0.3, 0.3)}
        np.testing.assert_allclose(params["w"], by_hand["w"], atol=1e-7)


def test_clipping_refuses_bad_input():
    for bound in (-0.1, float("nan")):
        with pytest.raises(ValueError, match=f"bound must be at least 0, got {bound}"):
            clip_weights(jnp.ones(2), bound)
        with pytest.raises(ValueError, match="bound must be at least 0"):
            keep_weights_clipped(bound)
    optimizer = keep_weights_clipped(1.0)
    with pytest.raises(ValueError, match="params must be handed to the update of a constraint, got None"):
        optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))

"""Accumulation against the large batch, optax.MultiSteps and plain NumPy loops."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.optimizers import accumulate, accumulated_value_and_grad


def follow(optimizer, params, gradients, **extra_args):
    def step(carry, gradient):
        updates, state = optimizer.update(gradient, carry[1], carry[0], **extra_args)
        return (optax.apply_updates(carry[0], updates), state), updates

    (params, state), updates = jax.lax.scan(step, (params, optimizer.init(params)), gradients)
    return updates, params, state


@pytest.fixture(scope="module")
def least_squares():
    random = np.random.default_rng(0)
    return random.normal(size=(6, 4, 8, 3)), random.normal(size=(6, 4, 8))  # updates, micro-batches, examples


@pytest.mark.parametrize(
    "inner",
    [
        optax.sgd(0.1, momentum=0.9),
        optax.adamw(optax.linear_schedule(0.1, 0.0, 6), weight_decay=0.1),
        optax.chain(optax.clip_by_global_norm(0.5), optax.adam(0.1)),
    ],
    ids=["momentum", "adamw with a schedule", "clipped adam"],
)
def test_equals_the_large_batch_and_multisteps(inner, least_squares):
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        x, y = map(jnp.asarray, least_squares)

        def run(optimizer, batches):
            def step(carry, batch):
                params, state = carry
                gradient = jax.grad(lambda w: jnp.mean((batch[0] @ w - batch[1]) ** 2))(params)
                updates, state = optimizer.update(gradient, state, params)
                params = optax.apply_updates(params, updates)
                return (params, state), params

            start = jnp.ones(3)
            return jax.jit(lambda: jax.lax.scan(step, (start, optimizer.init(start)), batches)[1])()

        small = x.reshape(24, 8, 3), y.reshape(24, 8)
        ours = run(accumulate(inner, 4), small)
        large = run(inner, (x.reshape(6, 32, 3), y.reshape(6, 32)))
        is_new = (
            "accumulator_dtype" in inspect.signature(optax.MultiSteps).parameters
        )  # older ones take the parameters' type
        options = {"accumulator_dtype": jnp.float64} if is_new else {}
        theirs = run(optax.MultiSteps(inner, 4, **options).gradient_transformation(), small)
    np.testing.assert_allclose(ours[3::4], large, rtol=1e-12)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    held = np.concatenate([np.ones((1, 3)), ours])[:-1]
    np.testing.assert_array_equal(ours[np.arange(24) % 4 != 3], held[np.arange(24) % 4 != 3])


def test_a_batch_may_grow(least_squares):
    gradients = jnp.asarray(least_squares[1].reshape(-1, 8)[:, 0], jnp.float32)  # 24 of them
    updates, _, state = jax.jit(
        lambda g: follow(accumulate(optax.sgd(1.0), lambda step: jnp.where(step < 3, 2, 5)), jnp.array(0.0), g)
    )(gradients)
    batches = np.split(np.asarray(gradients), [2, 4, 6, 11, 16, 21])
    np.testing.assert_array_equal(np.flatnonzero(updates), [1, 3, 5, 10, 15, 20])
    np.testing.assert_allclose(updates[np.flatnonzero(updates)], [-b.mean() for b in batches[:-1]], rtol=1e-5)
    assert (state.step, state.gathered) == (6, 3)
    with jax.numpy_dtype_promotion("standard"):
        theirs = optax.MultiSteps(optax.sgd(1.0), lambda step: jnp.where(step < 3, 2, 5)).gradient_transformation()
        np.testing.assert_allclose(
            jax.jit(lambda g: follow(theirs, jnp.array(0.0), g)[0])(gradients), updates, rtol=1e-5
        )


def logarithm():
    """An inner optimizer that is NaN but for gradients above 1 on average, and counts its calls."""
    return optax.GradientTransformation(
        lambda params: jnp.array(0),
        lambda updates, state, params=None: (jax.tree.map(lambda g: jnp.log(g - 1), updates), state + 1),
    )


def test_a_nan_on_a_discarded_step_is_not_emitted():
    gradients, start = jnp.array([[0.5, 0.5], [3.5, 3.5], [0.5, 0.5], [3.5, 3.5]]), jnp.zeros(2)
    updates, _, state = jax.jit(lambda g: follow(accumulate(logarithm(), 2), start, g))(gradients)
    np.testing.assert_array_equal(updates, np.zeros((4, 2)))
    assert state.inner_state == 2
    # Nor where a batched number of steps turns the branch into a selection of values.
    batched = jax.jit(jax.vmap(lambda k: follow(accumulate(logarithm(), k), start, gradients)[0]))
    np.testing.assert_array_equal(batched(jnp.array([2, 4])), np.zeros((2, 4, 2)))
    with jax.numpy_dtype_promotion("standard"):
        theirs = optax.MultiSteps(logarithm(), 2)
        assert np.isnan(jax.jit(theirs.update)(gradients[0], theirs.init(start))[0]).all()


def test_a_nan_in_a_gradient_ends_with_its_own_batch():
    gradients = jnp.array([1.0, jnp.nan, 2.0, 4.0])
    updates, _, _ = jax.jit(lambda g: follow(accumulate(optax.sgd(1.0), 2), jnp.array(0.0), g))(gradients)
    np.testing.assert_array_equal(updates, [0, jnp.nan, 0, -3])


@pytest.mark.parametrize("accumulator_dtype, is_right", [(None, True), (jnp.float32, True), (jnp.bfloat16, False)])
def test_the_mean_of_many_bfloat16_gradients_needs_a_wider_dtype(accumulator_dtype, is_right):
    gradients = jnp.concatenate([jnp.ones(200), jnp.full(200, 3.0)]).astype(jnp.bfloat16)
    optimizer = accumulate(optax.sgd(1.0), 400, accumulator_dtype=accumulator_dtype)
    updates, _, _ = jax.jit(lambda g: follow(optimizer, jnp.array(0.0, jnp.bfloat16), g))(gradients)
    assert updates.dtype == jnp.bfloat16
    assert (abs(float(updates[-1]) + 2) < 0.01) == is_right


RAGGED = np.array([[1, 1, 1], [1, 0, 0], [0, 0, 0], [1, 1, 0]], float)


@pytest.mark.parametrize("count_dtype", [jnp.float64, jnp.int32])
def test_accumulated_gradient_is_exact_for_ragged_counts(count_dtype):
    random = np.random.default_rng(1)
    x, y = random.normal(size=(4, 3, 5)), random.normal(size=(4, 3))

    def loss(params, batch, scale):
        features, targets, counted = batch
        errors = (features @ params["w"] + params["b"] - targets) ** 2
        return scale * jnp.sum(jnp.where(counted > 0, errors, 0)), jnp.sum(counted).astype(count_dtype)

    with jax.enable_x64(True):
        params = {"b": jnp.array(0.3), "w": jnp.arange(5.0), "none": None}
        batch = jnp.asarray(x), jnp.asarray(y), jnp.asarray(RAGGED)
        value, gradient = jax.jit(accumulated_value_and_grad(loss, 4))(params, batch, 2.0)
    keep = RAGGED > 0
    errors = (x @ np.arange(5.0) + 0.3 - y)[keep]
    np.testing.assert_allclose(value, 2 * np.mean(errors**2), rtol=1e-14)
    np.testing.assert_allclose(gradient["w"], 4 * errors @ x[keep] / keep.sum(), rtol=1e-12)
    np.testing.assert_allclose(gradient["b"], 4 * np.mean(errors), rtol=1e-12)
    assert gradient["none"] is None
    # The mean of the three means that there are is something else.
    means = [np.mean((x[i] @ np.arange(5.0) + 0.3 - y[i])[keep[i]] ** 2) for i in (0, 1, 3)]
    assert abs(2 * np.mean(means) - float(value)) > 0.1


def test_accumulated_gradient_keeps_dtypes_and_sums_in_float32():
    def loss(params, batch):
        return jnp.sum(params["w"] * batch).real.astype(jnp.float32), jnp.array(1, jnp.int32)

    for dtype in (jnp.bfloat16, jnp.complex64):
        params = {"w": jnp.ones(2, dtype)}
        _, gradient = jax.jit(accumulated_value_and_grad(loss, 300))(params, jnp.ones((300, 2), dtype))
        assert gradient["w"].dtype == dtype
        np.testing.assert_allclose(gradient["w"].astype(jnp.complex64), 1)  # a sum in bfloat16 would stop at 256


@pytest.mark.parametrize(
    "batch, loss, words",
    [
        (
            (jnp.ones((3, 1)), jnp.ones((2, 1))),
            max,
            r"batch must have a leading axis of 3 at \[1\], got shape \(2, 1\)",
        ),
        (jnp.array(1.0), max, r"batch must have a leading axis of 3 at the root, got shape \(\)"),
        (jnp.ones((3, 1)), lambda w, b: jnp.sum(w * b), "loss_fn must return a sum and a count, two real scalars"),
        (
            jnp.ones((3, 1)),
            lambda w, b: (w * b, jnp.ones(1)),
            "loss_fn must return a sum and a count, two real scalars",
        ),
    ],
)
def test_bad_batches_and_losses_are_refused(batch, loss, words):
    with pytest.raises(ValueError, match=words):
        accumulated_value_and_grad(loss, 3)(jnp.array(1.0), batch)
    with pytest.raises(ValueError, match="every_k must be an integer of at least 1, got 0"):
        accumulated_value_and_grad(lambda w, b: (w, b), 0)

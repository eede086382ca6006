"""What people bring: integers, lists, half precision, masks, walls. The right number, or one sentence that names it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.signal

from kexue import dynamics, sampling, sensitivity

KEY = jax.random.key(0)
SQUARES = lambda x: (x**2).sum()  # noqa: E731


def test_covariances_of_integer_matrices_are_those_of_the_same_numbers():
    hessian, noise = np.diag([1, 10]), np.eye(2, dtype=int)
    found = dynamics.sgd_stationary_cov(hessian, noise.tolist(), 0.05, 0.9)
    np.testing.assert_allclose(found, np.diag([0.2533333, 0.0287879]), rtol=1e-5)
    found = dynamics.minibatch_stationary_cov(np.array([[1, 0], [0, 2], [1, 1]]), [1, 2, 1], 0.1, 1)
    np.testing.assert_allclose(found, [[0.0687, -0.0222], [-0.0222, 0.2105]], atol=5e-5)


@pytest.mark.parametrize("bounds", [([-5, -5], [5, 5]), (np.full(2, -5), np.full(2, 5)), (-jnp.full(2, 5.0), [5, 5])])
def test_a_box_of_integers_or_lists_is_the_same_box(bounds):
    run = sampling.anneal_box(SQUARES, *bounds, KEY, chains=2, steps=50)
    same = sampling.anneal_box(SQUARES, jnp.full(2, -5.0), jnp.full(2, 5.0), KEY, chains=2, steps=50)
    np.testing.assert_array_equal(run.best, same.best)


def test_a_wall_of_infinite_energy_is_a_constraint():
    run = sampling.anneal_box(
        lambda x: jnp.where(x.sum() > 1, x @ x, jnp.inf), [-1, -1], [2, 2], KEY, chains=8, steps=500, local_steps=0
    )
    best = run.best[run.best_energy.argmin()]
    assert best.sum() > 1 and abs(run.best_energy.min() - 0.5) < 0.05


@pytest.mark.parametrize(
    ("energy", "said"),
    [
        (
            lambda x: jnp.where(x[0] > 0, jnp.nan, x @ x),
            "energy must be a number or .inf everywhere in the box, got NaN",
        ),
        (lambda x: jnp.inf * jnp.ones(()), "energy must be finite somewhere in the box"),
    ],
)
def test_an_energy_that_fails_in_the_box_is_said_in_the_callers_words(energy, said):
    with pytest.raises(ValueError, match=said):
        sampling.anneal_box(energy, [-5.0], [5.0], KEY, chains=8, steps=10)


def test_a_count_is_an_energy():
    misplaced = lambda order: (order != jnp.arange(4)).sum()  # noqa: E731
    starts = jnp.tile(jnp.array([3, 2, 1, 0]), (3, 1))
    run = sampling.anneal(
        misplaced,
        np.geomspace(2, 0.1, 60).tolist(),
        jax.random.split(KEY, 3),
        starts,
        propose=lambda key, order, _: jax.random.permutation(key, order),
    )
    assert run.best_energy.dtype == jnp.float32
    np.testing.assert_array_equal(run.best_energy, 0)


@pytest.mark.parametrize(("kernel", "padding"), [(1, 2), (3, 3), (3, 1)])
def test_wide_circular_padding_repeats_pixels_and_the_bound_knows(kernel, padding):
    conv = eqx.nn.Conv2d(2, 4, kernel, padding=padding, padding_mode="CIRCULAR", key=KEY)
    jacobian = jax.jacobian(lambda x: conv(x) - conv(jnp.zeros_like(x)))(jnp.zeros((2, 4, 4)))
    true = np.linalg.norm(np.asarray(jacobian, float).reshape(-1, 32), 2)
    assert true <= sensitivity.product_bound(conv) <= 3.2 * true


@pytest.mark.parametrize("seed", range(6))
def test_the_certificate_of_a_float64_matrix_is_rounded_outwards(seed):
    w = np.random.RandomState(seed).randn(140, 130)
    bound, true = sensitivity.certified_norm(w), np.linalg.norm(w, 2)
    assert float(bound.lower) <= true <= float(bound.upper) <= true * (1 + 1e-6)


@pytest.mark.parametrize(("share", "shape"), [(0.01, -np.inf), (0.05, -np.inf), (0.12, -np.inf)])
def test_few_different_weights_are_harmless(share, shape):
    weights = np.where(np.arange(1000) < 1000 * share, 3.0, 1.0)
    assert sampling.pareto_smooth(np.log(weights)).k == shape
    weights[:3] = 1e9
    if share == 0.01:
        assert sampling.pareto_smooth(np.log(weights)).k > 0.7


def test_weights_of_correlated_draws_have_a_longer_tail():
    log_weights = jax.random.normal(KEY, (4000,)) * 1.5
    plain, chains = sampling.pareto_smooth(log_weights), sampling.pareto_smooth(log_weights, r_eff=0.25)
    changed = [int((np.diff(np.sort(one.log_weights - log_weights)) > 1e-5).sum()) for one in (plain, chains)]
    assert changed[1] > 1.5 * changed[0]
    with pytest.raises(ValueError, match="r_eff must be positive"):
        sampling.pareto_smooth(log_weights, r_eff=0.0)


def test_no_diagnostic_depends_on_the_unit_or_the_precision():
    noise = np.random.default_rng(0).standard_normal((4, 1000))
    trace = scipy.signal.lfilter([1], [1, -0.9], noise, axis=1)
    for kind in ("mean", "bulk", "tail"):
        sizes = [float(sampling.effective_sample_size(trace * unit, kind)) for unit in (1, 1e-20, 1e18)]
        np.testing.assert_allclose(sizes, sizes[0], rtol=1e-3)
        half = float(sampling.effective_sample_size(trace.astype(np.float16), kind))
        assert abs(half / sizes[0] - 1) < 0.03
    assert abs(sampling.potential_scale_reduction(trace.astype(np.float16)) - 1) < 0.1


def test_gumbel_softmax_goes_to_its_limit_without_overflow():
    logits = jnp.array([1, 2, 30], jnp.float16)
    np.testing.assert_array_equal(sampling.gumbel_softmax(KEY, logits, 1e-5), [0, 0, 1])
    np.testing.assert_array_equal(sampling.gumbel_softmax(KEY, logits, 1e-9), [0, 0, 1])
    with pytest.raises(ValueError, match="temperature must be one number, got shape"):
        sampling.gumbel_softmax(KEY, jnp.zeros((3, 3)), jnp.ones(3))


def test_masked_logits_have_mass_zero():
    logits = jnp.array([0.0, -jnp.inf, 1.0])
    keys = jax.random.split(KEY, 200)
    order = jax.vmap(lambda key: sampling.gumbel_top_k(key, logits, 3)[0])(keys)
    np.testing.assert_array_equal(order[:, 2], 1)
    soft = jax.vmap(lambda key: sampling.gumbel_softmax(key, logits, 0.5))(keys)
    np.testing.assert_array_equal(soft[:, 1], 0)
    assert bool(jnp.isfinite(soft).all())
    with pytest.raises(ValueError, match="not all of a row"):
        sampling.gumbel_top_k(KEY, jnp.full(3, -jnp.inf), 1)


def test_the_probability_of_a_whole_order_has_two_derivatives():
    x, order = jnp.array([1.0, 2.0, 3.0]), jnp.array([2, 1, 0])
    value = lambda x, order: sampling.plackett_luce_log_prob(x, order)  # noqa: E731
    expected = [[-0.2785, 0.2186, 0.0599], [0.2186, -0.3814, 0.1628], [0.0599, 0.1628, -0.2227]]
    np.testing.assert_allclose(jax.hessian(value)(x, order), expected, atol=1e-4)
    np.testing.assert_allclose(jax.hessian(value)(x, order[:2]), expected, atol=1e-4)
    np.testing.assert_allclose(jax.jacfwd(value)(x, order), jax.grad(value)(x, order), atol=1e-6)
    assert value(x, jnp.array([0, 1, 2])) < value(x, order)


def test_half_precision_is_orthonormalized_too():
    w = jax.random.normal(KEY, (64, 64)).astype(jnp.float16)
    q = sensitivity.orthonormalize(w, 20)
    assert q.dtype == jnp.float16
    single = sensitivity.orthonormalize(w.astype(jnp.float32), 20)
    np.testing.assert_allclose(np.asarray(q, np.float32), single, atol=1e-3)


def test_zeros_tell_the_shape_of_an_input():
    w = jax.random.normal(KEY, (5, 3))
    found = sensitivity.operator_norm(lambda x: w @ x, jnp.zeros(3), 200)
    np.testing.assert_allclose(found, np.linalg.norm(w, 2), rtol=1e-5)


def test_group_sort_of_nothing_is_nothing():
    assert (
        sensitivity.group_sort(jnp.zeros((0, 4))).shape == sensitivity.group_sort(jnp.zeros((0, 4)), 4).shape == (0, 4)
    )


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: sampling.stationary_distribution(np.eye(3)), "one closed class"),
        (lambda: sampling.stationary_distribution(np.kron(np.eye(2), np.full((2, 2), 0.5))), "one closed class"),
        (lambda: sensitivity.certified_radius([[-3.0, -2.0]], [5], 1.0), "labels must be classes from 0 to 1"),
        (lambda: sensitivity.certified_radius([[-3.0, -2.0]], [-1], 1.0), "labels must be classes from 0 to 1"),
        (lambda: sampling.ngram_model("the cat sat", 5, order=2), "lines must be a sequence of lines"),
        (lambda: sensitivity.LOSSES["RSGAN"](jnp.ones((8, 1)), jnp.ones(8)), "one entry a pair"),
        (lambda: sensitivity.LOSSES["GAN-QP"](jnp.ones(8), jnp.ones(8), jnp.ones((8, 1))), "one entry a pair"),
        (lambda: sensitivity.total_variation(jnp.ones(2) / 2, jnp.ones((2, 1)) / 2), "p and q must have one shape"),
        (lambda: sensitivity.jensen_shannon(jnp.ones(2) / 2, jnp.ones((2, 1)) / 2), "p and q must have one shape"),
        (lambda: sensitivity.triangular_discrimination(jnp.ones(2), jnp.ones((1, 2))), "p and q must have one shape"),
        (
            lambda: sampling.importance_estimate(jnp.zeros(5), jnp.ones((1, 5))),
            "values must have one entry for each of the 5",
        ),
        (lambda: sampling.importance_estimate(jnp.zeros((5, 1)), jnp.ones(5)), "log_weights must be a vector"),
    ],
)
def test_what_cannot_be_answered_is_refused_by_name(call, said):
    with pytest.raises(ValueError, match=said):
        call()


def test_lists_are_weights_and_values():
    found = sampling.importance_estimate([0, 1], [1, 2])
    np.testing.assert_allclose(found.mean, (1 + 2 * np.e) / (1 + np.e), rtol=1e-6)

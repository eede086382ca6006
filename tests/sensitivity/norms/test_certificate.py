"""The certified norm against dense singular values, where it is easy and where it is made hard on purpose."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kexue.sensitivity.norms import certificate
from kexue.sensitivity.norms.certificate import certified_norm

LOOSEST = 1e-6


def matrix(singular_values, rows, columns, seed=0):
    rng = np.random.default_rng(seed)
    orthogonal = lambda n: np.linalg.qr(rng.normal(size=(n, n)))[0]  # noqa: E731
    core = np.zeros((rows, columns))
    np.fill_diagonal(core, singular_values)
    return orthogonal(rows) @ core @ orthogonal(columns)


def clustered(n, count, gap=1e-9):
    return np.concatenate([1 - gap * np.arange(count), np.linspace(0.9, 0.1, n - count)])


HARD = {
    "gaussian": np.random.default_rng(0).normal(size=(60, 60)),
    "wide": np.random.default_rng(1).normal(size=(20, 90)),
    "tall": np.random.default_rng(2).normal(size=(90, 20)),
    "one row": np.random.default_rng(3).normal(size=(1, 30)),
    "one number": np.array([[-3.0]]),
    "rank one": np.outer(np.arange(1.0, 91), np.arange(1.0, 21)),
    "rank two, equal": matrix([2.0, 2.0], 20, 90),
    "two at the top": matrix(clustered(60, 2), 60, 60),
    "ten at the top": matrix(clustered(60, 10), 60, 60),
    "close pair": matrix(clustered(60, 2, 1e-4), 60, 60),
    "orthogonal": matrix(np.ones(60), 60, 60),
    "geometric": matrix(0.5 ** np.arange(60), 60, 60),
    "all positive": np.random.default_rng(4).uniform(size=(90, 20)),
    "sparse": np.random.default_rng(5).normal(size=(60, 60)) * (np.random.default_rng(6).uniform(size=(60, 60)) < 0.03),
    "one huge row": np.vstack([1e8 * np.ones((1, 60)), np.random.default_rng(7).normal(size=(59, 60))]),
    "nilpotent": np.diag(np.ones(59), 1),
    "zero but one": np.pad([[2.5]], ((3, 86), (7, 12))),
}


def check(w, bound, slack=1e-13):
    truth = np.linalg.svd(w.astype(float), compute_uv=False)[0]
    assert float(bound.upper) >= truth * (1 - slack)  # LAPACK's own rounding
    assert float(bound.lower) <= truth * (1 + slack)
    assert float(bound.upper) <= truth * (1 + LOOSEST)
    assert float(bound.lower) >= truth * (1 - LOOSEST)
    assert np.linalg.norm(w.astype(float) @ np.asarray(bound.v, float)) >= truth * (1 - 2e-6)
    np.testing.assert_allclose(np.linalg.norm(bound.v), 1, rtol=1e-5)


@pytest.fixture(scope="module", autouse=True, params=[0, 128], ids=["large", "small"])
def way(request):
    """The way of large matrices, tried on small ones; then the way of small ones."""
    before, certificate._SMALL = certificate._SMALL, request.param
    jax.clear_caches()
    yield request.param
    certificate._SMALL = before
    jax.clear_caches()


@pytest.mark.parametrize("name", HARD)
def test_encloses_the_first_singular_value(name, way):
    dtype = np.float32 if way else np.float64  # one each, to save compilations; float32 on the other way is below
    with jax.enable_x64(True):
        w = HARD[name].astype(dtype)
        bound = certified_norm(jnp.asarray(w))
        assert bound.upper.dtype == bound.lower.dtype == bound.v.dtype == dtype
        check(w, bound)


@pytest.mark.parametrize("scale", [1e-300, 1e-30, 1e30, 1e300])
def test_every_scale(scale):
    with jax.enable_x64(True):
        w = HARD["tall"]
        bound = certified_norm(jnp.asarray(scale * w))
        check(w, bound._replace(upper=bound.upper / scale, lower=bound.lower / scale), slack=1e-12)
    if 1e-30 <= scale <= 1e30:
        w = (scale * HARD["wide"]).astype(np.float32)
        truth = np.linalg.svd(w.astype(float), compute_uv=False)[0]
        assert truth <= float(certified_norm(jnp.asarray(w)).upper) <= truth * (1 + LOOSEST)


def test_a_start_orthogonal_to_the_first_singular_vector_costs_time_and_no_validity():
    rng = np.random.default_rng(8)
    for n, second in ((8, 1.0), (60, 2.9)):
        u, v = (np.linalg.qr(rng.normal(size=(n, n)))[0] for _ in range(2))
        w = u @ np.diag(np.concatenate([[3.0], np.linspace(second, 0.1, n - 1)])) @ v.T
        with jax.enable_x64(True):
            for start in (v[:, 1], v[:, -1], v[:, 0], np.zeros(n)):
                check(w, certified_norm(jnp.asarray(w), jnp.asarray(start)))
    # exact in every rounding: coordinates never mix, so Lanczos cannot find the 5
    w = np.diag([5.0, 4.0, 3.0, 2.0, 1.0]).astype(np.float32)
    check(w, certified_norm(jnp.asarray(w), jnp.array([0.0, 1.0, 1.0, 1.0, 1.0])))


def test_zero_and_not_finite():
    zero = certified_norm(jnp.zeros((5, 3)))
    assert zero.upper == 0 and zero.lower == 0 and np.isfinite(zero.v).all()
    for bad in (jnp.nan, jnp.inf, -jnp.inf):
        assert jnp.isnan(certified_norm(jnp.ones((5, 3)).at[2, 1].set(bad)).upper)


def test_jit_vmap_and_a_batch_with_one_hard_member():
    stack = np.stack([HARD["gaussian"], HARD["orthogonal"], np.zeros((60, 60))]).astype(np.float32)
    together = jax.jit(jax.vmap(certified_norm))(jnp.asarray(stack))
    for k, w in enumerate(stack):
        alone = certified_norm(jnp.asarray(w))
        np.testing.assert_allclose(together.upper[k], alone.upper, rtol=1e-6)
        truth = np.linalg.svd(w.astype(float), compute_uv=False)[0]
        assert truth <= float(together.upper[k]) <= truth * (1 + LOOSEST)
    assert jax.jit(certified_norm)(jnp.asarray(stack[0])).upper == certified_norm(jnp.asarray(stack[0])).upper


def test_gradient_is_the_outer_product_of_singular_vectors():
    with jax.enable_x64(True):
        for name in ("wide", "tall"):
            u, _, vt = np.linalg.svd(HARD[name])
            w = jnp.asarray(HARD[name])
            for gradient in jax.jit(jax.jacobian(lambda w: certified_norm(w)[:2]))(w):
                np.testing.assert_allclose(gradient, np.outer(u[:, 0], vt[0]), atol=1e-5)
    w = jnp.asarray(HARD["gaussian"], jnp.float32)
    many = jax.jit(jax.vmap(jax.grad(lambda w: certified_norm(w).upper)))(jnp.stack([w, 2 * w]))
    u, _, vt = np.linalg.svd(w)
    np.testing.assert_allclose(many, [np.outer(u[:, 0], vt[0])] * 2, atol=1e-4)


def test_large_and_flat(way):
    """512 × 512, where float32 alone would be off by its whole error bound; all three ways to the end."""
    if way:
        pytest.skip("these are large")
    with jax.enable_x64(True):
        gaussian = np.random.default_rng(9).normal(size=(512, 512))
        check(gaussian, certified_norm(jnp.asarray(gaussian)))
        crowd = matrix(clustered(200, 12, 1e-7), 200, 200)
        check(crowd, certified_norm(jnp.asarray(crowd)), slack=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**31), decay=st.floats(0.0, 3.0), cluster=st.integers(1, 12), gap=st.floats(-8, -1))
def test_any_spectrum(seed, decay, cluster, gap):
    values = (1.0 + np.arange(16)) ** -decay
    values[:cluster] = 1 - 10**gap * np.linspace(0, 1, cluster)
    w = matrix(values, 24, 16, seed).astype(np.float32)
    truth = np.linalg.svd(w.astype(float), compute_uv=False)[0]
    bound = certified_norm(jnp.asarray(w))
    assert float(bound.lower) <= truth <= float(bound.upper) <= truth * (1 + LOOSEST)


def test_refuses_bad_input():
    for bad in (jnp.ones(3), jnp.ones((0, 3)), jnp.ones((2, 2), jnp.int32), jnp.ones((2, 2), jnp.bfloat16)):
        with pytest.raises(ValueError, match="w must be a non-empty matrix of float32 or float64, got"):
            certified_norm(bad)
    with pytest.raises(ValueError, match=r"start must have shape \(2,\), the smaller side of w, got \(3,\)"):
        certified_norm(jnp.ones((2, 3)), jnp.ones(3))

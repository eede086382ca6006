"""Mixtures and the three measures of a sample, against brute force and samples made by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.stats import energy_distance as scipy_energy_distance

from kexue.sensitivity import (
    energy_distance,
    grid_centers,
    mode_coverage,
    mode_divergence,
    ring_centers,
    sample_mixture,
)


def test_centers():
    ring = np.asarray(ring_centers(8, 2.0))
    np.testing.assert_allclose(np.linalg.norm(ring, axis=1), 2.0, rtol=1e-6)
    np.testing.assert_allclose(ring[2], [0.0, 2.0], atol=1e-6)  # counter-clockwise
    np.testing.assert_allclose(
        np.linalg.norm(ring - np.roll(ring, 1, axis=0), axis=1), 4 * np.sin(np.pi / 8), rtol=1e-5
    )
    grid = np.asarray(grid_centers(5, 2.0))
    assert sorted(map(tuple, grid)) == [(float(x), float(y)) for x in range(-2, 3) for y in range(-2, 3)]
    np.testing.assert_allclose(grid[1], [-1.0, -2.0])  # row by row


def test_a_mixture_has_the_moments_of_a_mixture():
    centers = jnp.array([[3.0, 0.0], [-1.0, 2.0], [9.0, 9.0]])
    samples = np.asarray(sample_mixture(jax.random.key(0), 40_000, centers, 0.5, 2))
    np.testing.assert_allclose(samples.mean(0), [1.0, 1.0], atol=0.05)
    np.testing.assert_allclose(np.cov(samples.T), [[4.25, -2.0], [-2.0, 1.25]], atol=0.06)
    assert np.linalg.norm(samples - 9, axis=1).min() > 3  # the third centre is padding


def test_traced_number_of_modes_under_vmap():
    draw = lambda modes: sample_mixture(jax.random.key(1), 500, ring_centers(8), 1e-3, modes)  # noqa: E731
    samples = jax.jit(jax.vmap(draw))(jnp.array([1, 3, 8]))
    found = [mode_coverage(x, ring_centers(8), 0.1) for x in samples]
    assert [int(c.modes) for c in found] == [1, 3, 8]


def test_coverage_of_samples_made_by_hand():
    centers = grid_centers(2, 1.0)
    samples = np.repeat(np.asarray(centers), [50, 30, 1, 0], axis=0) + np.array([0.05, 0.0], np.float32)
    samples = np.concatenate([samples, np.full((19, 2), 0.4, np.float32)])
    coverage = mode_coverage(jnp.asarray(samples), centers, 0.1, least=0.02)
    assert int(coverage.modes) == 2  # the third mode holds one sample in a hundred, the fourth none
    np.testing.assert_allclose(coverage.share, 0.81, rtol=1e-6)
    assert int(mode_coverage(jnp.asarray(samples), centers, 0.1, least=0.01).modes) == 3
    assert int(mode_coverage(jnp.asarray(samples), centers, 0.04, least=0.0).modes) == 0
    assert int(mode_coverage(jnp.full((4, 2), jnp.nan), centers, 0.1).modes) == 0
    histogram = np.array([50, 30, 1, 19]) / 100  # the strays are nearest to the last centre
    np.testing.assert_allclose(
        mode_divergence(jnp.asarray(samples), centers), (histogram * np.log(4 * histogram)).sum(), rtol=1e-5
    )


def test_divergence_of_one_mode_and_of_all():
    centers = ring_centers(8)
    np.testing.assert_allclose(mode_divergence(centers, centers), 0.0, atol=1e-6)
    np.testing.assert_allclose(mode_divergence(centers[:1], centers), np.log(8), rtol=1e-6)


compiled = jax.jit(energy_distance)


def brute_force(x, y):
    n, m = len(x), len(y)
    return 2 * cdist(x, y).mean() - cdist(x, x).sum() / (n * (n - 1)) - cdist(y, y).sum() / (m * (m - 1))


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), n=st.sampled_from([2, 9]), m=st.sampled_from([2, 5]))
def test_energy_distance_against_brute_force(seed, n, m):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(n, 3)), rng.normal(size=(m, 3)) + 1
    with jax.enable_x64(True):
        found = compiled(jnp.asarray(x), jnp.asarray(y))
        np.testing.assert_allclose(found, brute_force(x, y), atol=1e-12)
        np.testing.assert_allclose(compiled(jnp.asarray(y), jnp.asarray(x)), found, atol=1e-12)


def test_energy_distance_of_images_and_of_integers():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 256, (9, 3, 4, 5)).astype(np.uint8), rng.integers(0, 200, (7, 3, 4, 5)).astype(np.uint8)
    expected = brute_force(x.reshape(9, -1).astype(float), y.reshape(7, -1).astype(float))
    np.testing.assert_allclose(compiled(x, y), expected, rtol=1e-4)
    np.testing.assert_allclose(compiled(jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)), expected, rtol=1e-4)
    line, other = np.array([0.0, 4.0, 9.0], np.float32), np.array([-3.0, 20.0], np.float32)
    np.testing.assert_allclose(compiled(line, other), brute_force(line[:, None], other[:, None]), rtol=1e-6)


def test_modes_that_are_images_and_samples_that_are_integers():
    centers = np.zeros((3, 2, 3))
    centers[1, 0, 2] = centers[2, 1, 0] = 10  # the last axis alone would not tell the second from the third
    drawn = sample_mixture(jax.random.key(0), 6000, jnp.asarray(centers, jnp.float32), 0.5)
    assert drawn.shape == (6000, 2, 3) and drawn.dtype == jnp.float32
    distances = cdist(np.asarray(drawn, float).reshape(-1, 6), centers.reshape(-1, 6))
    coverage = mode_coverage(drawn, jnp.asarray(centers, jnp.float32), 1.2)
    np.testing.assert_allclose(coverage.share, np.mean(distances.min(1) <= 1.2), atol=1e-3)
    assert int(coverage.modes) == 3
    share = np.bincount(distances.argmin(1), minlength=3) / 6000
    np.testing.assert_allclose(share, 1 / 3, atol=0.03)
    found = mode_divergence(drawn, jnp.asarray(centers, jnp.float32))
    np.testing.assert_allclose(found, (share * np.log(3 * share)).sum(), atol=1e-5)

    corners, steps = grid_centers(2, 1.0), np.array([[1, 1], [1, -1], [0, 0]])
    np.testing.assert_allclose(mode_coverage(steps, corners, 0.5).share, 2 / 3, rtol=1e-6)
    histogram = np.array([1, 1, 1]) / 3  # the origin is as near to the first corner as to the others
    expected = (histogram * np.log(4 * histogram)).sum()
    np.testing.assert_allclose(mode_divergence(steps, corners), expected, rtol=1e-5)
    np.testing.assert_allclose(
        sample_mixture(jax.random.key(0), 9, np.array([[3, 4]]), 0.5),
        sample_mixture(jax.random.key(0), 9, jnp.array([[3.0, 4.0]]), 0.5),
    )


def test_energy_distance_tends_to_scipys_square():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=2000), rng.normal(size=2000) + 1
    found = energy_distance(jnp.asarray(x[:, None], jnp.float32), jnp.asarray(y[:, None], jnp.float32))
    np.testing.assert_allclose(found, scipy_energy_distance(x, y) ** 2, atol=0.005)


def test_energy_distance_is_unbiased_jitted_and_batched():
    keys = jax.random.split(jax.random.key(0), 400)
    x, y = jax.vmap(lambda key: jax.random.normal(key, (2, 20, 2)))(keys).swapaxes(0, 1)
    values = jax.jit(jax.vmap(energy_distance))(x, y)
    assert values.dtype == jnp.float32
    assert abs(float(values.mean())) < 4 * float(values.std()) / 20
    assert float(values.min()) < 0
    np.testing.assert_allclose(values[3], energy_distance(x[3], y[3]), rtol=1e-4, atol=1e-6)


def test_bad_input():
    points = jnp.zeros((3, 2))
    with pytest.raises(ValueError, match="modes must be at least 1, got 0"):
        ring_centers(0)
    with pytest.raises(ValueError, match="radius must be positive.*got -1.0"):
        ring_centers(3, -1.0)
    with pytest.raises(ValueError, match="side must be at least 2, got 1"):
        grid_centers(1)
    with pytest.raises(ValueError, match="n must be at least 1, got 0"):
        sample_mixture(jax.random.key(0), 0, points, 1.0)
    with pytest.raises(ValueError, match="scale must be positive.*got 0.0"):
        sample_mixture(jax.random.key(0), 1, points, 0.0)
    with pytest.raises(ValueError, match=r"modes must be in \[1, 3\].*got 4"):
        sample_mixture(jax.random.key(0), 1, points, 1.0, 4)
    with pytest.raises(ValueError, match="radius must be positive.*got 0.0"):
        mode_coverage(points, points, 0.0)
    with pytest.raises(ValueError, match=r"least must be in \[0, 1\), got 1.0"):
        mode_coverage(points, points, 1.0, least=1.0)
    with pytest.raises(ValueError, match=r"of one shape, got shapes \(3, 2\) and \(3, 1\)"):
        mode_divergence(points, points[:, :1])
    for measure in (mode_divergence, lambda x, y: mode_coverage(x, y, 1.0), energy_distance):
        with pytest.raises(ValueError, match=r"of one shape.*got shapes \(3, 2, 1\) and \(3, 2\)"):
            measure(points[..., None], points)
    with pytest.raises(ValueError, match=r"at least two points.*\(1, 2\)"):
        energy_distance(points[:1], points)

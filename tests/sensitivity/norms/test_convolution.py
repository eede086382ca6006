"""Convolution norms against the dense matrix of the operator, built column by column from ``lax.conv``."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sensitivity.norms.convolution import conv_norm, reshaped_kernel
from kexue.sensitivity.norms.estimates import operator_norm

RNG = np.random.default_rng(0)


def convolve(image, kernel, padding):
    """(size, size, in) → (size, size, out); circular padding is written out by ``pad``."""
    kh, kw = kernel.shape[:2]
    if padding == "CIRCULAR":
        image = jnp.pad(image, ((kh // 2, (kh - 1) // 2), (kw // 2, (kw - 1) // 2), (0, 0)), mode="wrap")
    return jax.lax.conv_general_dilated(
        image[None], kernel, (1, 1), "VALID" if padding == "CIRCULAR" else "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )[0]  # fmt: skip


def dense_norm(kernel, size, padding):
    shape = (size, size, kernel.shape[2])
    basis = jnp.eye(int(np.prod(shape)), dtype=kernel.dtype).reshape(-1, *shape)
    columns = jax.jit(jax.vmap(lambda image: convolve(image, kernel, padding).ravel()))(basis)
    return np.linalg.norm(np.asarray(columns), 2)


@pytest.mark.parametrize("shape", [(3, 3, 2, 3), (3, 3, 3, 2), (2, 4, 1, 2), (1, 1, 2, 2), (5, 3, 2, 1)])
@pytest.mark.parametrize("size", [5, 6])
def test_equals_the_dense_operator_with_circular_padding(shape, size):
    with jax.enable_x64(True):
        kernel = jnp.asarray(RNG.normal(size=shape))
        np.testing.assert_allclose(conv_norm(kernel, size), dense_norm(kernel, size, "CIRCULAR"), rtol=1e-12)


def test_zero_padding_by_power_iteration_and_its_bound():
    with jax.enable_x64(True):
        kernel = jnp.asarray(RNG.uniform(size=(3, 3, 2, 3)))  # positive: a wide gap after the first singular value
        dense = dense_norm(kernel, 6, "SAME")
        start = jnp.asarray(RNG.normal(size=(6, 6, 2)))
        found = jax.jit(lambda x: operator_norm(lambda x: convolve(x, kernel, "SAME"), x, 300))(start)
        np.testing.assert_allclose(found, dense, rtol=1e-6)
        assert found <= dense * (1 + 1e-12) <= conv_norm(kernel, 8)
        assert conv_norm(kernel, 8) < 1.4 * dense


def test_all_ones_attain_the_factor_and_random_kernels_stay_inside():
    box = jnp.ones((3, 3, 1, 1))
    np.testing.assert_allclose(conv_norm(box, 8), 9, rtol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(reshaped_kernel(box), 2), 3, rtol=1e-6)
    kernels = jnp.asarray(RNG.normal(size=(50, 3, 3, 4, 4)), jnp.float32)
    operator = np.asarray(jax.jit(jax.vmap(lambda k: conv_norm(k, 8)))(kernels))
    reshaped = np.array([np.linalg.norm(reshaped_kernel(k), 2) for k in kernels])
    assert np.all(operator >= reshaped * (1 - 1e-5)) and np.all(operator <= 3 * reshaped * (1 + 1e-5))
    assert operator.dtype == np.float32


def test_reshaped_kernel_maps_a_patch_to_a_pixel():
    kernel = jnp.asarray(RNG.normal(size=(3, 2, 2, 4)), jnp.float32)
    image = jnp.asarray(RNG.normal(size=(3, 2, 2)), jnp.float32)
    pixel = jax.lax.conv_general_dilated(
        image[None], kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    np.testing.assert_allclose(reshaped_kernel(kernel) @ image.ravel(), pixel.ravel(), rtol=1e-5)


def test_gradient_equals_finite_differences():
    with jax.enable_x64(True):
        kernel, direction = (jnp.asarray(RNG.normal(size=(3, 3, 2, 2))) for _ in range(2))
        slope = jnp.sum(jax.grad(lambda k: conv_norm(k, 5))(kernel) * direction)
        h = 1e-6
        numeric = (conv_norm(kernel + h * direction, 5) - conv_norm(kernel - h * direction, 5)) / (2 * h)
        np.testing.assert_allclose(slope, numeric, rtol=1e-7)


def test_refuses_bad_input():
    for function in (lambda k: conv_norm(k, 8), reshaped_kernel):
        for bad in (jnp.ones((3, 3, 4)), jnp.ones((0, 3, 4, 4))):
            with pytest.raises(ValueError, match=r"kernel must have shape \(kh, kw, channels in, channels out\).*got"):
                function(bad)
    with pytest.raises(ValueError, match="size must be at least that of the kernel, 5, got 4"):
        conv_norm(jnp.ones((3, 5, 1, 1)), 4)

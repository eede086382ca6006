"""How much a convolution can stretch an image: not what its reshaped kernel says."""

import math

import jax.numpy as jnp
from jaxtyping import Array, Float, Num

__all__ = ["conv_norm", "reshaped_kernel"]


def conv_norm(kernel: Num[Array, "..."], size: int) -> Float[Array, ""]:
    r"""Operator norm of a convolution on ``size`` × ``size`` images with circular padding: exact.

    Such a convolution is a matrix product at each frequency, so its norm is the largest of the small ones,

    .. math:: \max_{\omega}\sigma_1\big(\hat K(\omega)\big),\qquad
              \hat K(\omega)=\sum_{a,b}K_{ab}\,e^{-2\pi i(\omega_1a+\omega_2b)/\text{size}}.

    Zero padding ("same") can be had from it as a bound: an image framed by ``kh - 1`` and ``kw - 1`` zeros does not
    notice that the border is circular, so ``conv_norm(kernel, size + max(kh, kw) - 1)`` bounds the norm on zero-padded
    ``size`` × ``size`` images.

    Parameters
    ----------
    kernel : float (kh, kw, channels in, channels out)
    size : int, at least max(kh, kw)

    Returns
    -------
    float
        At least the spectral norm of :func:`reshaped_kernel`, at most :math:`\sqrt{k_hk_w}` times that. Differentiable
        where the largest singular value is unique.

    Raises
    ------
    ValueError
        If ``kernel`` is not of rank four or empty, or ``size`` is smaller than the kernel.

    Notes
    -----
    Time: a fast Fourier transform and about ``size²/2`` small singular value problems.

    Examples
    --------
    >>> box = jnp.ones((3, 3, 1, 1))
    >>> print(f"{conv_norm(box, 8):.4f}", f"{jnp.linalg.norm(reshaped_kernel(box), ord=2):.4f}")
    9.0000 3.0000

    References
    ----------
    Sedghi, Gupta and Long, "The singular values of convolutional layers", 2019, arXiv:1805.10408.
    """
    height, width = _sides(kernel)
    if size < max(height, width):
        raise ValueError(f"size must be at least that of the kernel, {max(height, width)}, got {size}")
    symbol = jnp.fft.rfft2(kernel, (size, size), axes=(1, 0))  # a real kernel: the other half is conjugate
    return jnp.max(jnp.linalg.svd(symbol, compute_uv=False))


def reshaped_kernel(kernel: Num[Array, "..."]) -> Num[Array, "..."]:
    r"""The matrix (channels out, kh · kw · channels in) that maps one patch to one pixel.

    Its spectral norm :math:`s`, which is what is usually normalised, is not the norm of the convolution. An image of
    norm one holds each pixel in :math:`k_hk_w` patches, so the convolution's norm is at most :math:`\sqrt{k_hk_w}\,s`,
    and that is attained.

    Parameters
    ----------
    kernel : float (kh, kw, channels in, channels out)

    Returns
    -------
    float (channels out, kh · kw · channels in)

    Raises
    ------
    ValueError
        If ``kernel`` is not of rank four or empty.

    Examples
    --------
    >>> print(reshaped_kernel(jnp.ones((3, 3, 4, 8))).shape)
    (8, 36)
    """
    sides = _sides(kernel)
    return kernel.reshape(math.prod(sides) * kernel.shape[2], kernel.shape[3]).T


def _sides(kernel: Array) -> tuple[int, int]:
    if kernel.ndim != 4 or kernel.size == 0:
        raise ValueError(
            f"kernel must have shape (kh, kw, channels in, channels out), none of them zero, got {kernel.shape}"
        )
    return kernel.shape[0], kernel.shape[1]

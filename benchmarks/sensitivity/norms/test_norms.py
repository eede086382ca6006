"""Spectral norms: the certified one beside an SVD, a warm step beside its two products, normalisation beside torch's."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.sensitivity.lipschitz.normalization import SpectralNorm, advance
from kexue.sensitivity.norms.certificate import certified_norm
from kexue.sensitivity.norms.estimates import power_iteration

GAUSSIAN = np.random.default_rng(0).standard_normal((512, 512))
LARGE = jax.random.normal(jax.random.key(0), (2048, 2048))
START = LARGE[:, 0] / jnp.linalg.norm(LARGE[:, 0])
SIZES = (256, 512, 512, 10)
INPUTS = jax.random.normal(jax.random.key(1), (128, 256))
LABELS = jnp.arange(128) % 10


def in_float64(function):
    compiled = jax.jit(function)

    def call():
        with jax.enable_x64(True):
            return jax.block_until_ready(compiled(MATRIX))

    with jax.enable_x64(True):
        MATRIX = jnp.asarray(GAUSSIAN)
    return call


@pytest.mark.benchmark(group="spectral norm of a 512 × 512 Gaussian matrix, float64")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: in_float64(lambda w: certified_norm(w).upper), id="kexue.sensitivity.certified_norm"),
        pytest.param(lambda: lambda: np.linalg.svd(GAUSSIAN, compute_uv=False)[0], id="numpy.linalg.svd"),
        pytest.param(
            lambda: in_float64(lambda w: jnp.linalg.svd(w, compute_uv=False)[0]),
            id="jax.numpy.linalg.svd",
        ),
        pytest.param(  # the certificate returns the first singular vector as well
            lambda: in_float64(lambda w: jnp.linalg.svd(w)[1][0]),
            id="jax.numpy.linalg.svd, with vectors",
        ),
    ],
)
def test_certified_norm(measure, make):
    measure(make(), tolerance=1e-6)


@pytest.mark.benchmark(group="one warm step of power iteration, 2048 × 2048, float32")
@pytest.mark.parametrize(
    "step",
    [
        pytest.param(lambda w, u: power_iteration(w, u)[1], id="kexue.sensitivity.power_iteration"),
        pytest.param(lambda w, u: (lambda y: y / jnp.linalg.norm(y))(w @ (u @ w)), id="its two products"),
    ],
)
def test_warm_step(measure, step):
    measure(jax.jit(step), LARGE, START, tolerance=1e-4)


def jax_step(is_normalised):
    """One SGD step of a small classifier; called again and again on the same parameters."""
    layers = []
    for key, n, m in zip(jax.random.split(jax.random.key(2), 3), SIZES, SIZES[1:], strict=False):
        layer = eqx.nn.Linear(n, m, key=key)
        layers += [SpectralNorm(layer, key=key) if is_normalised else layer, eqx.nn.Lambda(jax.nn.relu)]
    model, optimizer = eqx.nn.Sequential(layers[:-1]), optax.sgd(1e-3)
    state = optimizer.init(eqx.filter(model, eqx.is_array))

    @eqx.filter_value_and_grad
    def loss(model):
        return optax.losses.softmax_cross_entropy_with_integer_labels(jax.vmap(model)(INPUTS), LABELS).mean()

    @eqx.filter_jit
    def step(model, state):
        value, gradient = loss(model)
        updates, state = optimizer.update(gradient, state)
        model = eqx.apply_updates(model, updates)
        return value, (advance(model) if is_normalised else model)

    return lambda: eqx.filter(step(model, state), eqx.is_array), model


def torch_step(is_normalised):
    torch = pytest.importorskip("torch")
    reference = jax_step(is_normalised)[1]
    layers = []
    for layer in reference.layers[::2]:
        source = layer.layer if is_normalised else layer
        linear = torch.nn.Linear(*source.weight.shape[::-1])
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(np.asarray(source.weight)))
            linear.bias.copy_(torch.tensor(np.asarray(source.bias)))
        if is_normalised:
            linear = torch.nn.utils.parametrizations.spectral_norm(linear)
        layers += [linear, torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
    inputs, labels = torch.tensor(np.asarray(INPUTS)), torch.tensor(np.asarray(LABELS), dtype=torch.long)

    def step():
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


STEPS = [
    pytest.param(lambda is_normalised: jax_step(is_normalised)[0], id="kexue.sensitivity.SpectralNorm"),
    pytest.param(torch_step, id="torch.nn.utils.parametrizations.spectral_norm"),
]


@pytest.mark.benchmark(group="training step 256-512-512-10, batch 128, spectrally normalised")
@pytest.mark.parametrize("make", STEPS)
def test_normalised_step(measure, make):
    measure(make(True), tolerance=0.02)


@pytest.mark.benchmark(group="training step 256-512-512-10, batch 128, plain")
@pytest.mark.parametrize("make", [pytest.param(STEPS[0].values[0], id="equinox"), pytest.param(torch_step, id="torch")])
def test_plain_step(measure, make):
    measure(make(False), tolerance=1e-4)

"""Attributions of digits: captum's integrated gradients, the forward pass, and Shapley values by a loop in NumPy."""

from math import comb

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue import data
from kexue.sensitivity import integrated_gradients, shapley_exact
from kexue.training import train


@pytest.fixture(scope="module")
def digits():
    """A network 64–128–10 with ReLU that was taught to read the digits, the images, and their labels."""
    table = data.digits()
    images, labels = table.inputs / 16, table.targets

    def loss(net, rows):
        logits = jax.vmap(net)(images[rows])
        return optax.losses.softmax_cross_entropy_with_integer_labels(logits, labels[rows]).mean()

    start = eqx.nn.MLP(64, 10, 128, depth=1, key=jax.random.key(0))
    rows = lambda key: jax.random.randint(key, (128,), 0, len(labels))  # noqa: E731
    fit = eqx.filter_jit(lambda net: train(loss, net, optax.adam(3e-3), 300, batch=rows, key=jax.random.key(1)).params)
    return fit(start), images, labels


ZERO = jnp.zeros(64)


def ours(net, **how):
    """All images at once."""
    return jax.jit(jax.vmap(lambda x, k: integrated_gradients(net, x, ZERO, target=k, **how)))


def five_at_a_time(net, *_):
    """50 nodes, of which 5 are in memory at a time and stay in the cache."""
    return ours(net, chunk=5)


def captums(our_net, images, labels):
    torch = pytest.importorskip("torch")
    attr = pytest.importorskip("captum.attr")
    net = torch.nn.Sequential(torch.nn.Linear(64, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    with torch.no_grad():
        for theirs, our in zip((net[0], net[2]), our_net.layers, strict=True):
            theirs.weight.copy_(torch.tensor(np.array(our.weight)))
            theirs.bias.copy_(torch.tensor(np.array(our.bias)))
    method = attr.IntegratedGradients(net)  # by default 50 Gauss–Legendre nodes
    images, labels = torch.tensor(np.array(images)), torch.tensor(np.array(labels), dtype=torch.long)

    def explain(*_):
        values, residual = method.attribute(images, 0 * images, labels, return_convergence_delta=True)
        return values.detach().numpy(), residual.detach().numpy()

    return explain


@pytest.mark.benchmark(group="integrated gradients of 1,797 digits, 64–128–10, 50 nodes")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(five_at_a_time, id="kexue.sensitivity.integrated_gradients"),
        pytest.param(captums, id="captum.attr.IntegratedGradients"),
    ],
)
def test_fifty_nodes(measure, digits, make):
    net, images, labels = digits
    explain = make(net, images, labels)
    residual = explain(images, labels)[1]
    assert np.abs(residual).mean() < 4e-3
    measure(explain, images, labels, tolerance=1e-4)


def exact(net):
    return ours(net, rule="exact")


def sums_first(make):
    """The sum of an attribution is the change of the logit, which the forward pass computes too."""

    def made(net):
        explain = make(net)

        def run(images, labels):
            result = explain(images, labels)
            return result.values.sum(1), result

        return run

    return made


def forward(net):
    return jax.jit(jax.vmap(lambda x, k: net(x)[k] - net(ZERO)[k]))


@pytest.mark.benchmark(group="the change of 1,797 logits, divided among 64 pixels")
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(sums_first(exact), id="rule='exact'"),
        pytest.param(sums_first(five_at_a_time), id="50 Gauss-Legendre nodes"),
        pytest.param(forward, id="the forward pass alone, not divided"),
    ],
)
def test_exact(measure, digits, make):
    net, images, labels = digits
    residual = np.abs(np.asarray(exact(net)(images, labels).residual))
    assert residual.max() < 1e-5
    measure(make(net), images, labels, tolerance=1e-3)


FEATURES, INPUTS = 12, 200
SMALL = eqx.nn.MLP(FEATURES, "scalar", 32, depth=2, key=jax.random.key(2))
ROWS = jax.random.normal(jax.random.key(3), (INPUTS, FEATURES))


def shapley_in_numpy(rows):
    """Subset by subset of the definition, all masks of one input at once."""
    layers = [(np.asarray(layer.weight), np.asarray(layer.bias)) for layer in SMALL.layers]
    masks = (np.arange(2**FEATURES)[:, None] >> np.arange(FEATURES)) % 2 == 1
    size = masks.sum(1)
    phi = np.zeros((len(rows), FEATURES))
    for n, row in enumerate(np.asarray(rows)):
        h = np.where(masks, row, np.float32(0))
        for weight, bias in layers[:-1]:
            h = np.maximum(h @ weight.T + bias, 0)
        value = (h @ layers[-1][0].T + layers[-1][1])[:, 0]
        for i in range(FEATURES):
            without = ~masks[:, i]
            gain = value[np.flatnonzero(without) | (1 << i)] - value[without]
            weight = np.array([1 / (FEATURES * comb(FEATURES - 1, s)) for s in range(FEATURES)])
            phi[n, i] = weight[size[without]] @ gain
    return phi


@pytest.mark.benchmark(group="exact Shapley values of 200 inputs, 12 features")
@pytest.mark.parametrize(
    "run",
    [
        pytest.param(
            jax.jit(lambda rows: jax.lax.map(lambda x: shapley_exact(SMALL, x, jnp.zeros(FEATURES)).values, rows)),
            id="kexue.sensitivity.shapley_exact",
        ),
        pytest.param(shapley_in_numpy, id="NumPy, one input after the other"),
    ],
)
def test_shapley(measure, run):
    measure(run, ROWS, tolerance=1e-4)

"""Reparametrised optimizers against training φ itself and against optax.partition with rates α λ^e; exponents."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.dynamics import heavy_ball, nesterov, rmsprop
from kexue.optimizers import adafactor, adax, layer_adapt, reparametrize, scaling_exponent
from kexue.training import train

EPS = 1e-30
PARAMS = {"encoder": {"w": np.array([[1.0, -2.0], [0.3, 0.8]])}, "head": np.array([0.5, -1.5])}
SCALE = {"encoder": 0.1, "head": 1.0}
LABELS = {"encoder": "encoder", "head": "head"}


@pytest.fixture(autouse=True)
def _double_precision_as_optax_promotes():
    with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
        yield


def loss(params):
    hidden = jnp.tanh(params["encoder"]["w"] @ jnp.array([0.4, -0.9]))
    return (hidden @ params["head"] - 1) ** 2 + 0.1 * jnp.sum(jnp.cosh(params["encoder"]["w"]))


def times(params, scale):
    return jax.tree.map(lambda s, branch: jax.tree.map(lambda leaf: s * leaf, branch), scale, params)


def path(optimizer, params=PARAMS, loss=loss, steps=20):
    return jax.jit(lambda params: train(loss, params, optimizer, steps, record=lambda p: p).history)(params)


def relative_miss(ours, theirs):
    """The largest distance of the encoder's paths, relative to the way that they went."""
    ours, theirs = (np.asarray(p["encoder"]["w"]) for p in (ours, theirs))
    return np.abs(ours - theirs).max() / np.abs(theirs - theirs[0]).max()


OPTIMIZERS = {
    "sgd": (optax.sgd, 2),
    "momentum": (lambda rate: optax.sgd(rate, 0.9), 2),
    "nesterov": (lambda rate: optax.sgd(rate, 0.9, nesterov=True), 2),
    "rmsprop": (lambda rate: optax.rmsprop(rate, eps=EPS), 1),
    "adagrad": (lambda rate: optax.adagrad(rate, 0.0, eps=EPS), 1),
    "adam": (lambda rate: optax.adam(rate, eps=EPS), 1),
    "adamax": (lambda rate: optax.adamax(rate, eps=EPS), 1),
    "adabelief": (lambda rate: optax.adabelief(rate, eps=EPS, eps_root=EPS), 1),
    "lion": (lambda rate: optax.lion(rate, weight_decay=0.0), 1),
    "sign": (optax.sign_sgd, 1),
    "novograd": (lambda rate: optax.novograd(rate, eps=EPS), 1),
    "muon": (lambda rate: optax.contrib.muon(rate, eps=EPS, adam_weight_decay=0.0), 1),
    "adafactor, no parameter scale": (
        lambda rate: optax.adafactor(rate, multiply_by_parameter_scale=False, clipping_threshold=None),
        1,
    ),
    "adafactor": (lambda rate: optax.adafactor(rate, clipping_threshold=None), 0),
    "lars": (lambda rate: optax.lars(rate, momentum=0.9), 0),
    "lamb": (lambda rate: optax.lamb(rate, eps=EPS), 0),
    "ours: heavy_ball": (lambda rate: heavy_ball(rate, 0.9), 2),
    "ours: nesterov": (nesterov, 2),
    "ours: rmsprop": (lambda rate: rmsprop(rate, eps=0.0), 1),
    "ours: rmsprop by tree": (lambda rate: rmsprop(rate, eps=0.0, per="tree"), 1),
    "ours: adax": (lambda rate: adax(rate, eps=0.0), 1),
    "ours: adafactor": (lambda rate: adafactor(rate, clip=None), 0),
    "ours: adafactor, not relative": (lambda rate: adafactor(rate, clip=None, relative=False), 1),
    "ours: layer_adapt": (lambda rate: layer_adapt(heavy_ball(rate, 0.9), rate), 0),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_exponents(name):
    optimizer, exponent = OPTIMIZERS[name]
    params, gradient = PARAMS["encoder"]["w"], np.array([[0.3, -0.1], [2.0, 0.7]])
    np.testing.assert_allclose(scaling_exponent(optimizer(0.1), params, gradient), exponent, atol=1e-8)


def test_what_has_no_exponent():
    slopes = scaling_exponent(optax.adadelta(0.1), np.array([1.0, -2.0]), np.array([3e-4, 2e-4]))
    assert slopes[0] > 1.9 and slopes[-1] < 1.5
    slopes = scaling_exponent(optax.adam(0.1, eps=1e-4), np.array([1.0]), np.array([1e-4]), [1e-8, 1e-7, 1e7, 1e8])
    np.testing.assert_allclose(slopes[::2], [2, 1], atol=1e-3)


def test_newton_has_exponent_zero():
    hessian = np.array([[2.0, 0.5], [0.5, 1.0]])

    def update(updates, state, params=None):
        # Of φ the Hessian is λ² H; λ is known from the gradient, which is H θ.
        scale = jnp.sqrt((params @ updates) / (params @ hessian @ params))
        return -jnp.linalg.solve(scale**2 * hessian, updates), state

    newton = optax.GradientTransformation(lambda params: optax.EmptyState(), update)
    params = np.array([1.0, 2.0])
    np.testing.assert_allclose(scaling_exponent(newton, params, hessian @ params), 0, atol=1e-12)


@pytest.mark.parametrize("name", ["momentum", "adam", "lion", "lamb", "adafactor"])
def test_trajectories_are_those_of_training_phi_and_of_scaled_rates(name):
    optimizer, exponent = OPTIMIZERS[name]
    ours = path(reparametrize(optimizer(0.01), SCALE))
    phi = times(PARAMS, {"encoder": 10.0, "head": 1.0})
    trained = times(path(optimizer(0.01), phi, lambda phi: loss(times(phi, SCALE))), SCALE)
    assert relative_miss(ours, trained) < 1e-12
    by_rate = optax.partition({"encoder": optimizer(0.01 * 0.1**exponent), "head": optimizer(0.01)}, LABELS)
    assert relative_miss(ours, path(by_rate)) < 1e-12


def by_hand(encoder, head):
    return path(optax.partition({"encoder": encoder, "head": head}, LABELS))


def test_adam_needs_eps_over_lambda():
    ours = path(reparametrize(optax.adam(0.01, eps=1e-4), {"encoder": 1e-3, "head": 1.0}))
    adam, rate = optax.adam, 0.01 * 1e-3
    assert relative_miss(ours, by_hand(adam(rate, eps=1e-4 / 1e-3), adam(0.01, eps=1e-4))) < 1e-9
    assert relative_miss(ours, by_hand(adam(rate, eps=1e-4), adam(0.01, eps=1e-4))) > 0.1


def test_decoupled_decay_needs_decay_over_lambda():
    def adamw(rate, decay):
        return optax.adamw(rate, eps=EPS, weight_decay=decay)

    ours = path(reparametrize(adamw(0.01, 0.1), SCALE))
    assert relative_miss(ours, by_hand(adamw(0.001, 1.0), adamw(0.01, 0.1))) < 1e-12
    assert relative_miss(ours, by_hand(adamw(0.001, 0.1), adamw(0.01, 0.1))) > 0.1


def test_line_searches_see_phi():
    ours = path(reparametrize(optax.lbfgs(), SCALE), steps=6)
    phi = times(PARAMS, {"encoder": 10.0, "head": 1.0})
    trained = times(path(optax.lbfgs(), phi, lambda phi: loss(times(phi, SCALE)), steps=6), SCALE)
    assert relative_miss(ours, trained) < 1e-9


def test_a_traced_scale_and_one_number_for_all():
    def end(scale):
        return train(loss, PARAMS, reparametrize(optax.sgd(0.1), scale), 5).params["head"]

    scales = jnp.array([0.3, 1.7])
    expected = [train(loss, PARAMS, optax.sgd(0.1 * s**2), 5).params["head"] for s in (0.3, 1.7)]
    np.testing.assert_allclose(jax.jit(jax.vmap(end))(scales), np.stack(expected), rtol=1e-12)


def test_integers_and_none_stay():
    optimizer = reparametrize(optax.sgd(1.0), 0.5)
    params = {"w": jnp.ones(2), "n": jnp.arange(2), "none": None}
    updates, _ = optimizer.update(params | {"n": jnp.zeros(2, int)}, optimizer.init(params), params)
    np.testing.assert_allclose(updates["w"], -0.25)
    assert updates["none"] is None and not updates["n"].any()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: reparametrize(optax.sgd(0.1), 0.0), "scale must be positive and finite, got 0.0"),
        (lambda: reparametrize(optax.sgd(0.1), {"a": 1.0, "b": -1.0}), "scale must be positive and finite, got -1.0"),
        (
            lambda: reparametrize(optax.sgd(0.1), lambda n: 1.0),
            "scale must be a number or a tree of numbers, not a sch",
        ),
        (lambda: reparametrize(optax.sgd(0.1), {"a": 1.0}).init({"b": jnp.ones(2)}), "scale must be a prefix of"),
        (lambda: scaling_exponent(optax.sgd(0.1), 1.0, 1.0, [1.0]), "scales must be at least two"),
        (
            lambda: scaling_exponent(optax.sgd(0.1), 1.0, 1.0, [1.0, 0.5]),
            "scales must be positive, finite and increasing",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()

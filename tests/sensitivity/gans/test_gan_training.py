"""The training loop against a plain one, batched lanes against single runs, and the tricks by hand."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.sensitivity import (
    LOSSES,
    ConditionalGenerator,
    GANSpec,
    Perceptron,
    ProjectionDiscriminator,
    energy_distance,
    loss_index,
    minibatch_deviation,
    one_pass_loss,
    orthogonal_penalty,
    player_pair,
    ring_centers,
    sample_mixture,
    stack_specs,
    train_gan,
    truncated_normal,
)

# Optimising the machine code of a program that runs once takes longer than the program.
compiled = partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def ring(key, n):
    return sample_mixture(key, n, ring_centers(), 0.15)


def short(key, spec, **changes):
    chosen = {"steps": 4, "batch": 8, "players": lambda key: player_pair(key, width=8), **changes}
    return train_gan(key, spec, sample_data=ring, **chosen)


def shown(generator, average, discriminator):
    return generator(jnp.ones(2)), average(jnp.ones(2)), discriminator(jnp.ones(2))


# Each is compiled once, for all games.
four_steps = compiled(partial(short, record=shown))
six_steps = compiled(partial(short, steps=6, record=shown, every=2))

VARIANTS = [
    GANSpec("hinge", spectral=1.5),
    GANSpec("Wasserstein", penalty=1.0, center=1.0, at="interpolates"),
    GANSpec("Wasserstein", penalty=2.0, power=6.0, at="samples", b1=0.5),
    GANSpec("GAN-QP", b1=0.9, learning_rate=0.01),
    GANSpec("RSGAN", penalty=0.3, simultaneous=True),
    *(GANSpec(name) for name in ("KL", "RaGAN", "least squares, target 0")),
]


def test_lanes_are_the_single_runs():
    keys = jax.random.split(jax.random.key(0), 2)
    zoo = compiled(jax.vmap(jax.vmap(partial(short, record=shown), (None, 0)), (0, None)))(keys, stack_specs(VARIANTS))
    for i, key in enumerate(keys):
        for j, spec in enumerate(VARIANTS):
            # Adam makes a step of full length of a gradient that is rounding error: the last bias of a loss of
            # differences, or a unit that is dead. A wrong lane would be wrong everywhere.
            pairs = zip(jax.tree.leaves(zoo), jax.tree.leaves(four_steps(key, spec)), strict=True)
            errors = [np.abs(np.asarray(lane[i, j]) - np.asarray(leaf)).ravel() for lane, leaf in pairs]
            assert np.mean(np.concatenate(errors) > 1e-4) < 0.02


def dense(net):
    """Weights of a Perceptron or of a score, as NumPy arrays."""
    layers = net.net.layers if hasattr(net, "net") else net.layers
    return [(np.asarray(layer.weight), np.asarray(layer.bias)) for layer in layers]


FIXED = np.array([[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], np.float32)


@compiled
def one_step(key, spec):
    return train_gan(key, spec, sample_data=lambda key, n: jnp.asarray(FIXED), steps=1, batch=3, average=0.75)


@pytest.mark.parametrize("simultaneous", [False, True])
def test_one_step_by_hand(simultaneous):
    """Adam's first step is g / (|g| + eps), whatever its memory."""
    key, rate = jax.random.key(3), 0.01
    spec = GANSpec("Wasserstein", learning_rate=rate, simultaneous=simultaneous)
    run = one_step(key, spec)
    generator, discriminator = player_pair(jax.random.split(key, 3)[0])

    @compiled
    def by_hand(generator, discriminator):
        noise = jax.random.split(jax.random.fold_in(jax.random.split(key, 3)[1], 0))[1]
        z_d, z_g = jnp.split(jax.random.normal(noise, (3, 5))[:, :4], 2, axis=1)
        move = lambda w, g: w - rate * g / (jnp.abs(g) + 1e-8)  # noqa: E731
        loss_d = lambda d: jnp.mean(jax.vmap(d)(jax.vmap(generator)(z_d))) - jnp.mean(jax.vmap(d)(FIXED))  # noqa: E731
        slope_d = jax.grad(loss_d)(discriminator)
        stepped = jax.tree.map(move, discriminator, slope_d)
        opponent = discriminator if simultaneous else stepped
        loss_g = lambda g: -jnp.mean(jax.vmap(opponent)(jax.vmap(g)(z_g)))  # noqa: E731
        slope_g = jax.grad(loss_g)(generator)
        return (stepped, slope_d), (jax.tree.map(move, generator, slope_g), slope_g)

    for found, hand in zip((run.discriminator, run.generator), by_hand(generator, discriminator), strict=True):
        nets = map(dense, (found, *hand))
        moved, expected, slope = (np.concatenate([x.ravel() for layer in net for x in layer]) for net in nets)
        wrong = np.abs(moved - expected) > 1e-5
        # Where terms cancel, a gradient is rounding error or zero, and so is the direction of Adam's step.
        assert not wrong[np.abs(slope) > 1e-6].any()
        assert np.mean(np.abs(slope) > 1e-6) > 0.3 and wrong.mean() < 0.01

    for (w, _), (w0, _), (w1, _) in zip(dense(run.average), dense(generator), dense(run.generator), strict=True):
        np.testing.assert_allclose(w, 0.75 * w0 + 0.25 * w1, atol=1e-6)


def test_many_steps_against_a_plain_loop():
    """NS with R1 against a Python loop with optax, autodiff of the whole penalty, and the formula of the loss."""
    key, spec = jax.random.key(1), GANSpec("non-saturating", penalty=0.7, b1=0.5, learning_rate=0.01)
    run = six_steps(key, spec)
    key_players, key_steps, _ = jax.random.split(key, 3)
    g, d = player_pair(key_players, width=8)
    adam = optax.adam(0.01, b1=0.5, b2=0.99)
    state_g, state_d = adam.init(g), adam.init(d)
    log_sigmoid = jax.nn.log_sigmoid

    def update(gradient, state, net):
        with jax.numpy_dtype_promotion("standard"):
            moves, state = adam.update(gradient, state)
        return optax.apply_updates(net, moves), state

    @compiled
    def step(k, g, d, state_g, state_d):
        key_data, key_z = jax.random.split(jax.random.fold_in(key_steps, k))
        x, (z_d, z_g) = ring(key_data, 8), jnp.split(jax.random.normal(key_z, (8, 5))[:, :4], 2, axis=1)

        def loss_d(d, z=z_d):
            slope = jnp.mean(jnp.sum(jax.vmap(jax.grad(d))(x) ** 2, axis=1))
            y = jax.vmap(g)(z)
            return -jnp.mean(log_sigmoid(jax.vmap(d)(x))) - jnp.mean(log_sigmoid(-jax.vmap(d)(y))) + 0.7 * slope

        d, state_d = update(jax.grad(loss_d)(d), state_d, d)
        loss_g = lambda g: -jnp.mean(log_sigmoid(jax.vmap(d)(jax.vmap(g)(z_g))))  # noqa: E731
        g, state_g = update(jax.grad(loss_g)(g), state_g, g)
        return g, d, state_g, state_d

    for k in range(6):
        g, d, state_g, state_d = step(k, g, d, state_g, state_d)
    for found, by_hand in ((run.generator, g), (run.discriminator, d)):
        for (w, _), (w_hand, _) in zip(dense(found), dense(by_hand), strict=True):
            np.testing.assert_allclose(w, w_hand, rtol=1e-2, atol=2e-4)


class _Reshaped(eqx.Module):
    """A player whose examples are images of 2 × 3 pixels, or the same on vectors of 6."""

    net: eqx.Module
    before: tuple | None = eqx.field(static=True)
    after: tuple | None = eqx.field(static=True)

    def __call__(self, x):
        x = self.net(x if self.before is None else x.reshape(self.before))
        return x if self.after is None else x.reshape(self.after)


@pytest.mark.parametrize(
    "spec", [GANSpec("GAN-QP"), GANSpec("Wasserstein", penalty=1.0, center=1.0, at="interpolates")]
)
def test_images_train_as_the_vectors_of_their_pixels(spec):
    def run(images):
        data = lambda key, n: 1 + jax.random.normal(key, (n, 6)).reshape((n, 2, 3) if images else (n, 6))  # noqa: E731

        def players(key):
            generator, discriminator = player_pair(key, dim=6, width=8)
            shape = (2, 3) if images else None
            return _Reshaped(generator, None, shape), _Reshaped(discriminator, (6,), None)

        train = lambda key: train_gan(key, spec, sample_data=data, steps=3, batch=2, players=players)  # noqa: E731
        return compiled(lambda key: jax.tree.leaves(eqx.filter(train(key), eqx.is_array)))(jax.random.key(3))

    for found, expected in zip(run(True), run(False), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_spectral_normalisation_ends_near_its_gain():
    run = compiled(lambda key: short(key, GANSpec("hinge", spectral=1.5), steps=60))(jax.random.key(0))
    for w, _ in dense(run.discriminator):
        np.testing.assert_allclose(np.linalg.svd(w)[1][0], 1.5, rtol=0.05)


def test_record_and_every():
    run, shorter = (steps(jax.random.key(0), GANSpec()) for steps in (six_steps, four_steps))
    assert [leaf.shape for leaf in run.history] == [(3, 2), (3, 2), (3,)]
    np.testing.assert_allclose(run.history[0][-1], run.generator(jnp.ones(2)), rtol=1e-5)
    np.testing.assert_allclose(run.history[2][1], shorter.history[2][0], rtol=1e-4)


def test_the_ring_is_learnt_by_a_good_game_and_not_by_a_bad_one():
    specs = stack_specs([GANSpec("least squares"), GANSpec("least squares", b1=0.95)])
    run = lambda spec: short(jax.random.key(0), spec, steps=400, batch=64, players=player_pair)  # noqa: E731
    z = jax.random.normal(jax.random.key(9), (500, 2))
    truth = ring(jax.random.key(10), 500)

    @compiled
    def distances(specs):
        samples = jax.vmap(lambda g: jax.vmap(g)(z))(jax.vmap(run)(specs).average)
        return jax.vmap(energy_distance, (0, None))(samples, truth)

    good, bad = distances(specs)
    assert float(good) < 0.1 < float(bad) / 2


def test_conditions_reach_both_players():
    def labelled(key, n):
        label = jax.random.randint(key, (n,), 0, 2)
        return jnp.where(label[:, None] == 0, -0.7, 0.7) * jnp.ones((n, 1)), label

    players = lambda key: (  # noqa: E731
        ConditionalGenerator(2, 1, 2, 16, key=key),
        ProjectionDiscriminator(2, 1, 16, key=jax.random.fold_in(key, 1)),
    )
    spec = GANSpec(penalty=0.5, learning_rate=5e-3)
    run = compiled(lambda key: train_gan(key, spec, sample_data=labelled, steps=300, players=players))(
        jax.random.key(0)
    )
    wanted = [float(run.average(jnp.zeros(2), jnp.array(label))[0]) for label in (0, 1)]
    np.testing.assert_allclose(wanted, [-0.7, 0.7], atol=0.25)


@pytest.mark.parametrize("name", ["non-saturating", "Wasserstein", "RSGAN", "RaGAN"])
def test_the_joint_gradient_is_the_two_gradients(name):
    key, loss = jax.random.key(0), LOSSES[name]
    nets = player_pair(key, width=8)
    real, z = ring(key, 16), jax.random.normal(jax.random.fold_in(key, 1), (16, 2))
    scores = lambda g, d: (jax.vmap(d)(real), jax.vmap(d)(jax.vmap(g)(z)))  # noqa: E731

    @compiled
    def gradients(g, d):
        joint = jax.value_and_grad(lambda nets: one_pass_loss(loss, *nets, real, z))((g, d))
        alone_g = jax.grad(lambda g: loss(*scores(g, d)).generator)(g)
        value, alone_d = jax.value_and_grad(lambda d: loss(*scores(g, d)).discriminator)(d)
        return joint, (value, (alone_g, alone_d))

    joint, alone = gradients(*nets)
    for a, b in zip(jax.tree.leaves(joint), jax.tree.leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_orthogonal_penalty():
    rng = np.random.default_rng(0)
    w = rng.normal(size=(5, 3))
    pairs = sum((w[:, i] @ w[:, j]) ** 2 for i in range(3) for j in range(3) if i != j)
    np.testing.assert_allclose(orthogonal_penalty(jnp.asarray(w, jnp.float32)), pairs, rtol=1e-5)
    q = jnp.asarray(np.linalg.qr(w)[0] * np.array([3.0, 1.0, 0.1]), jnp.float32)
    np.testing.assert_allclose(orthogonal_penalty(q), 0.0, atol=1e-10)
    batched = compiled(jax.vmap(orthogonal_penalty))(jnp.asarray(rng.normal(size=(2, 5, 3)), jnp.float32))
    assert batched.shape == (2,)


def test_truncated_normal_has_the_truncated_variance():
    from scipy.stats import truncnorm

    draws = compiled(jax.vmap(lambda tau: truncated_normal(jax.random.key(0), tau, (20_000, 2))))(jnp.array([0.5, 1.0]))
    for sample, tau in zip(np.asarray(draws), (0.5, 1.0), strict=True):
        assert np.abs(sample).max() <= tau
        np.testing.assert_allclose(sample.var(), truncnorm.var(-tau, tau), rtol=0.03)


def test_minibatch_deviation():
    x = np.random.default_rng(0).normal(size=(6, 3)).astype(np.float32)
    out = np.asarray(minibatch_deviation(jnp.asarray(x)))
    np.testing.assert_allclose(out[:, :3], x)
    np.testing.assert_allclose(out[:, 3], x.std(axis=0).mean(), rtol=1e-5)
    flat = jax.grad(lambda x: minibatch_deviation(x)[0, -1])(jnp.ones((4, 2)))
    np.testing.assert_allclose(flat, 0.0)


def test_networks():
    net = Perceptron((2, 3, 1), key=jax.random.key(0), slope=0.1)
    (w1, b1), (w2, b2) = dense(net)
    x = np.array([0.3, -1.2], np.float32)
    hidden = w1 @ x + b1
    np.testing.assert_allclose(net(jnp.asarray(x)), w2 @ np.where(hidden > 0, hidden, 0.1 * hidden) + b2, rtol=1e-5)
    projection = ProjectionDiscriminator(3, 2, 4, key=jax.random.key(1))
    scores = np.array([projection(jnp.asarray(x), jnp.array(label)) for label in range(3)])
    features = np.asarray(projection.net.features(jnp.asarray(x)))
    expected = np.asarray(projection.embedding) @ features
    np.testing.assert_allclose(scores - scores[0], expected - expected[0], rtol=1e-4, atol=1e-6)
    assert all(eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves((net, projection)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loss": "WGAN"}, "loss must be one of .*got 'WGAN'"),
        ({"at": "noise"}, "at must be one of 'data', 'interpolates', 'samples', got 'noise'"),
        ({"b1": 1.0}, r"b1 must be in \[0, 1\), got 1.0"),
        ({"penalty": -1.0}, "penalty must be at least 0, got -1.0"),
        ({"center": -1.0}, "center must be at least 0"),
        ({"spectral": -1.0}, "spectral must be at least 0"),
        ({"power": 0.5}, "power must be at least 1, got 0.5"),
        ({"learning_rate": 0.0}, "learning_rate must be positive"),
    ],
)
def test_a_spec_refuses(changes, message):
    with pytest.raises(ValueError, match=message):
        GANSpec(**changes)


def test_training_refuses():
    key, spec = jax.random.key(0), GANSpec()
    for changes, message in (
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"batch": 0}, "batch must be at least 1, got 0"),
        ({"latent": 0}, "latent must be at least 1, got 0"),
        ({"every": 3}, "every must divide steps, 4, got 3"),
        ({"average": 1.0}, r"average must be in \[0, 1\), got 1.0"),
        ({"b2": 1.5}, r"b2 must be in \[0, 1\), got 1.5"),
    ):
        with pytest.raises(ValueError, match=message):
            short(key, spec, **changes)
    with pytest.raises(ValueError, match=r"b1 must be in \[0, 1\)"):
        short(key, eqx.tree_at(lambda s: s.b1, spec, jnp.array(1.0)))
    with pytest.raises(ValueError, match="number of specs must be at least 1, got 0"):
        stack_specs([])
    assert int(GANSpec("hinge").loss) == loss_index("hinge")


def test_tricks_and_networks_refuse():
    with pytest.raises(ValueError, match=r"w must be a matrix, got shape \(3,\)"):
        orthogonal_penalty(jnp.zeros(3))
    with pytest.raises(ValueError, match="threshold must be positive.*got 0.0"):
        truncated_normal(jax.random.key(0), 0.0, (3,))
    with pytest.raises(ValueError, match=r"at least two rows.*\(1, 3\)"):
        minibatch_deviation(jnp.zeros((1, 3)))
    with pytest.raises(ValueError, match="one length, at least 1, got 3 and 2"):
        one_pass_loss(LOSSES["hinge"], lambda z: z, lambda x: x[0], jnp.zeros((3, 1)), jnp.zeros((2, 1)))
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        player_pair(jax.random.key(0), width=0)
    with pytest.raises(ValueError, match=r"widths must be.*\(3,\)"):
        Perceptron((3,), key=jax.random.key(0))
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        ConditionalGenerator(0, 1, 1, 1, key=jax.random.key(0))
    with pytest.raises(ValueError, match="classes must be at least 1, got 0"):
        ProjectionDiscriminator(0, 1, 1, key=jax.random.key(0))

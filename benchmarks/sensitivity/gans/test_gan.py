"""A zoo of GANs, twelve losses and five seeds: all at once, against one after the other by the same compiled function."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sensitivity import LOSSES, GANSpec, ring_centers, sample_mixture, stack_specs, train_gan

SPECS = [GANSpec(name, learning_rate=5e-3) for name in LOSSES for _ in range(5)]
KEYS = jnp.tile(jax.random.split(jax.random.key(0), 5), len(LOSSES))
CENTERS, LATENTS = ring_centers(), jax.random.normal(jax.random.key(1), (100, 2))


def train_one(key, spec):
    ring = lambda key, n: sample_mixture(key, n, CENTERS, 0.15)  # noqa: E731
    look = lambda generator, average, discriminator: jax.vmap(average)(LATENTS)  # noqa: E731
    return train_gan(key, spec, sample_data=ring, steps=640, record=look, every=10)


together, alone = jax.jit(jax.vmap(train_one)), jax.jit(train_one)


def all_at_once():
    run = together(KEYS, stack_specs(SPECS))
    return run.history[:, 0], run.average  # what is compared are the samples after 10 steps: later they are chaotic


def one_by_one():
    runs = [alone(key, spec) for key, spec in zip(KEYS, SPECS, strict=True)]
    return np.stack([run.history[0] for run in runs]), [run.average for run in runs]


@pytest.mark.benchmark(group="60 GANs on the ring of eight modes, 640 steps each")
@pytest.mark.parametrize(
    "way",
    [
        pytest.param(all_at_once, id="kexue.sensitivity.train_gan under vmap"),
        pytest.param(one_by_one, id="the same, one lane after the other"),
    ],
)
def test_zoo(measure, way):
    measure(way, tolerance=1e-2)

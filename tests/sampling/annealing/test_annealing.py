"""Annealing against enumeration, closed forms, and functions whose minimum is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sampling import (
    anneal,
    anneal_box,
    box_move,
    geometric_temperatures,
    ground_state_bound,
    linear_temperatures,
    logarithmic_temperatures,
    metropolis_hastings,
    newton_descent,
)


def test_schedules_against_numpy_and_their_definitions():
    np.testing.assert_allclose(geometric_temperatures(2.0, 0.03, 7), np.geomspace(2.0, 0.03, 7), rtol=1e-6)
    np.testing.assert_allclose(linear_temperatures(2.0, 0.03, 7), np.linspace(2.0, 0.03, 7), rtol=1e-6)
    # exp(-depth / T_k) = 1 / (k + 1): the sum over k of the chances to climb out diverges, just so
    np.testing.assert_allclose(
        np.exp(-3.0 / np.asarray(logarithmic_temperatures(3.0, 5))), 1 / np.arange(2, 7), rtol=1e-5
    )
    assert geometric_temperatures(1.0, 0.1, 1).shape == (1,)


def test_the_bound_holds_and_is_attained_when_all_other_states_lie_at_the_gap():
    energies = np.random.default_rng(0).uniform(size=200)
    lowest = np.sort(energies)[:2]
    for temperature in (0.001, 0.003, 0.03):
        weights = np.exp(-(energies - lowest[0]) / temperature)
        bound = float(ground_state_bound(200, float(lowest[1] - lowest[0]), temperature))
        assert weights.max() / weights.sum() >= bound - 1e-6
    # n - 1 states exactly at the gap: mass 1 / (1 + x) with x = (n - 1) exp(-δ/T), which is 1 - x + O(x²)
    x = 9 * np.exp(-10.0)
    np.testing.assert_allclose(ground_state_bound(10, 1.0, 0.1), 1 / (1 + x), atol=2 * x**2 + 1e-7)


ENERGIES = np.random.default_rng(1).normal(size=8)


def ring_step(key, state, temperature):
    return (state + 2 * jax.random.bernoulli(key).astype(jnp.int32) - 1) % 8


def ring_energy(state):
    return jnp.asarray(ENERGIES, jnp.float32)[state]


def test_at_constant_temperature_it_samples_the_boltzmann_law():
    temperature, chains = 0.7, 4000
    run = anneal(
        ring_energy,
        np.full(200, temperature),
        jax.random.split(jax.random.key(0), chains),
        jnp.zeros(chains, jnp.int32),
        propose=ring_step,
    )
    law = np.exp(-ENERGIES / temperature)
    found = np.bincount(run.position, minlength=8) / chains
    assert np.abs(found - law / law.sum()).max() < 4 * np.sqrt(0.25 / chains)
    # the expected share of accepted proposals: 200 powers of the chain's matrix
    matrix, here, accepted = np.zeros((8, 8)), np.eye(8)[0], 0.0
    for k in range(8):
        for d in (1, -1):
            matrix[k, (k + d) % 8] = min(1, np.exp(-(ENERGIES[(k + d) % 8] - ENERGIES[k]) / temperature)) / 2
    for _ in range(200):
        moving = here @ matrix
        accepted += moving.sum() / 200
        here = moving + here * (1 - matrix.sum(axis=1))
    np.testing.assert_allclose(run.acceptance.mean(), accepted, atol=0.005)


def test_kernels_drive_it_as_proposals_do():
    chains = 2000
    keys, starts = jax.random.split(jax.random.key(3), chains), jnp.zeros(chains, jnp.int32)
    kernel_at = lambda T: metropolis_hastings(  # noqa: E731
        lambda x: -ring_energy(x) / T, lambda key, x: ring_step(key, x, T), symmetric=True
    )
    run = anneal(ring_energy, np.full(150, 0.7), keys, starts, kernel_at=kernel_at)
    law = np.exp(-ENERGIES / 0.7)
    assert np.abs(np.bincount(run.position, minlength=8) / chains - law / law.sum()).max() < 0.045
    np.testing.assert_array_equal(run.energy, ring_energy(run.position))


def test_it_finds_the_minimum_keeps_the_best_and_records():
    keys, starts = jax.random.split(jax.random.key(1), 20), jnp.full(20, 3, jnp.int32)
    cooling = geometric_temperatures(3.0, 0.01, 400)
    run = anneal(ring_energy, cooling, keys, starts, propose=ring_step, every=1)
    assert np.all(run.best == ENERGIES.argmin()) and run.trace[0].shape == (20, 400)
    positions, energies = map(np.asarray, run.trace)
    np.testing.assert_array_equal(energies, ENERGIES.astype(np.float32)[positions])
    np.testing.assert_array_equal(run.best_energy, np.minimum(energies.min(axis=1), np.float32(ENERGIES[3])))
    np.testing.assert_array_equal(run.position, positions[:, -1])
    moves = np.diff(np.c_[np.full(20, 3), positions], axis=1) != 0
    np.testing.assert_allclose(run.acceptance, moves.mean(axis=1), rtol=1e-5)  # on a ring a proposal always differs
    coarse = anneal(ring_energy, cooling, keys, starts, propose=ring_step, every=100)
    np.testing.assert_array_equal(coarse.trace[0], positions[:, 99::100])
    heating = anneal(ring_energy, cooling[::-1], keys, starts, propose=ring_step)
    assert np.all(heating.best_energy <= heating.energy) and np.any(heating.best_energy < heating.energy)


def test_jit_vmap_pytrees_and_dtype():
    energy = lambda x: x["a"] ** 2 + jnp.sum(x["b"] ** 2)  # noqa: E731

    def propose(key, x, temperature):
        return jax.tree.map(lambda leaf: leaf + 0.3 * jax.random.normal(key, leaf.shape, leaf.dtype), x)

    starts = {"a": jnp.ones(3), "b": jnp.ones((3, 2))}
    keys = jax.random.split(jax.random.key(0), 3)
    cooling = geometric_temperatures(1.0, 0.01, 50)
    run = lambda keys, cooling: anneal(energy, cooling, keys, starts, propose=propose)  # noqa: E731
    eager, jitted = run(keys, cooling), jax.jit(run)(keys, cooling)
    np.testing.assert_allclose(eager.energy, jitted.energy, rtol=1e-5)
    assert jitted.best["b"].shape == (3, 2) and jitted.best["b"].dtype == jnp.float32
    both = jax.jit(jax.vmap(run, in_axes=(None, 0)))(keys, jnp.stack([cooling, 2 * cooling]))
    np.testing.assert_allclose(both.energy[0], eager.energy, rtol=1e-5)
    alone = anneal(energy, cooling, keys[:1], jax.tree.map(lambda leaf: leaf[:1], starts), propose=propose)
    np.testing.assert_allclose(alone.energy, eager.energy[:1], rtol=1e-5)  # chains do not see each other


def test_refusals():
    keys, starts, warm = jax.random.split(jax.random.key(0), 2), jnp.zeros(2, jnp.int32), np.ones(4)
    for temperatures in (np.array([1.0, 0.0]), np.array([1.0, -1.0]), np.array([np.inf]), jnp.array([jnp.nan])):
        with pytest.raises(ValueError, match="temperatures must be positive and finite"):
            anneal(ring_energy, temperatures, keys, starts, propose=ring_step)
    with pytest.raises(ValueError, match="temperatures must have shape"):
        anneal(ring_energy, np.ones(0), keys, starts, propose=ring_step)
    with pytest.raises(ValueError, match="NaN at the start of chain 1"):
        anneal(jnp.sqrt, warm, keys, jnp.array([1.0, -1.0]), propose=lambda key, x, T: x)
    with pytest.raises(ValueError, match="every must divide the number of steps, 4, got 3"):
        anneal(ring_energy, warm, keys, starts, propose=ring_step, every=3)
    for ways in ({}, {"propose": ring_step, "kernel_at": ring_step}):
        with pytest.raises(ValueError, match="exactly one of propose and kernel_at"):
            anneal(ring_energy, warm, keys, starts, **ways)
    for call, name in (
        (lambda: geometric_temperatures(0.0, 1.0, 3), "first"),
        (lambda: linear_temperatures(1.0, -1.0, 3), "last"),
        (lambda: logarithmic_temperatures(np.inf, 3), "depth"),
        (lambda: geometric_temperatures(1.0, 1.0, 0), "steps"),
        (lambda: ground_state_bound(0, 1.0, 1.0), "states"),
        (lambda: ground_state_bound(2, 0.0, 1.0), "gap"),
        (lambda: ground_state_bound(2, 1.0, 0.0), "temperature"),
    ):
        with pytest.raises(ValueError, match=f"^{name} must be"):
            call()


# Boxes


def test_box_moves_stay_inside_are_symmetric_and_change_what_they_should():
    lower, upper = np.array([-1.0, 0.0, 2.0]), np.array([0.0, 5.0, 2.5])
    move = box_move(lower, upper, decades=2.0, coordinatewise=0.75)
    x = jnp.array([-0.01, 4.9, 2.3])
    y = np.asarray(jax.jit(jax.vmap(lambda key: move(key, x, 1.0)))(jax.random.split(jax.random.key(0), 20_000)))
    assert np.all((y >= lower.astype(np.float32)) & (y <= upper.astype(np.float32)))
    changed = (y != np.asarray(x)).sum(axis=1)
    np.testing.assert_allclose((changed == 1).mean(), 0.75, atol=0.02)
    # Reflection keeps the proposal symmetric: equal flows between the halves of the box under the uniform law.
    keys = jax.random.split(jax.random.key(1), 40_000)
    starts = np.random.default_rng(0).uniform(lower, upper, (40_000, 3)).astype(np.float32)
    ends = np.asarray(jax.jit(jax.vmap(lambda key, x: move(key, x, 1.0)))(keys, jnp.asarray(starts)))
    for k in range(3):
        counts = np.histogram(ends[:, k], 10, (lower[k], upper[k]))[0]
        assert np.abs(counts / 4000 - 1).max() < 5 / np.sqrt(4000)  # a clipped step would pile up at the walls


def test_newton_descends_to_where_the_gradient_vanishes_and_never_climbs():
    lower, upper = jnp.full(3, -2.0), jnp.full(3, 2.0)
    saddle = lambda x: jnp.sum(x**4 / 4 - x**2 / 2) + 0.1 * x[0] * x[1]  # noqa: E731
    start = jnp.array([0.1, -0.2, 0.05])  # near the maximum at zero: plain Newton would climb to it
    end = newton_descent(saddle, start, lower, upper, 12)
    assert np.abs(jax.grad(saddle)(end)).max() < 1e-5 and saddle(end) < -0.7
    kink = lambda x: jnp.sum(jnp.abs(x))  # noqa: E731
    assert kink(newton_descent(kink, start, lower, upper, 3)) <= kink(start)
    corner = newton_descent(lambda x: jnp.sum((x - 5) ** 2), start, lower, upper, 3)
    np.testing.assert_allclose(corner, 2.0)


TURN = np.linalg.qr(np.random.default_rng(0).normal(size=(10, 10)))[0]


def rastrigin(x):
    return 10 * x.size + jnp.sum(x**2 - 10 * jnp.cos(2 * jnp.pi * x))


def test_rastrigin_in_ten_dimensions():
    with jax.enable_x64(True):
        lower, upper = jnp.full(10, -4.608), jnp.full(10, 5.632)  # the minimum is not the centre
        solve = jax.jit(lambda key: anneal_box(rastrigin, lower, upper, key))
        for seed in range(4):
            run = solve(jax.random.key(seed))
            assert 0 <= run.best_energy.min() < 1e-6
            np.testing.assert_allclose(run.best[run.best_energy.argmin()], 0.0, atol=1e-6)
            assert run.best.dtype == jnp.float64


def test_box_under_vmap_without_local_search_and_with_own_temperatures():
    lower, upper = jnp.full(2, -3.0), jnp.full(2, 4.0)
    bowl = lambda x: jnp.sum((x - 1) ** 2)  # noqa: E731
    solve = lambda key: anneal_box(  # noqa: E731
        bowl, lower, upper, key, chains=4, temperatures=geometric_temperatures(1.0, 1e-4, 500), local_steps=0
    )
    keys = jax.random.split(jax.random.key(0), 2)
    runs = jax.jit(jax.vmap(solve))(keys)
    assert runs.best.shape == (2, 4, 2) and runs.best_energy.max() < 0.01
    np.testing.assert_allclose(runs.best_energy[1], solve(keys[1]).best_energy, rtol=1e-4, atol=1e-7)
    flat = anneal_box(lambda x: jnp.sum(0 * x), lower, upper, keys[0], chains=2, steps=10)
    assert np.all(flat.best_energy == 0)


def test_box_refusals():
    low, high, key = np.zeros(2), np.ones(2), jax.random.key(0)
    for lower, upper in ((high, low), (low, low), (low, np.array([1.0, np.inf])), (np.array([np.nan, 0.0]), high)):
        for call in (lambda: box_move(lower, upper), lambda: anneal_box(jnp.sum, lower, upper, key)):  # noqa: B023
            with pytest.raises(ValueError, match="lower must be below upper"):
                call()
    with pytest.raises(ValueError, match="one shape"):
        anneal_box(jnp.sum, np.zeros(0), np.zeros(0), key)
    for name in ("chains", "steps"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            anneal_box(jnp.sum, low, high, key, **{name: 0})
    with pytest.raises(ValueError, match="local_steps must be at least 0"):
        anneal_box(jnp.sum, low, high, key, local_steps=-1)
    with pytest.raises(ValueError, match=r"coordinatewise must be in \[0, 1\], got 1.5"):
        box_move(low, high, coordinatewise=1.5)
    with pytest.raises(ValueError, match="got NaN at 32 of 32 random starts"):
        anneal_box(lambda x: jnp.sqrt(-1 - x[0]), low, high, key)
    with pytest.raises(ValueError, match="temperatures must be positive"):
        anneal_box(jnp.sum, low, high, key, temperatures=np.zeros(3))
    with pytest.raises(ValueError, match="steps must be at least 1"):
        newton_descent(jnp.sum, jnp.zeros(2), low, high, 0)

"""Tours against all permutations, a certified optimum, and lengths that are computed afresh."""

from itertools import permutations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.sampling import (
    anneal_tours,
    greedy_tour,
    nearest_cities,
    random_tours,
    reverse_between,
    run_chains,
    tour_length,
    two_opt_descent,
    two_opt_difference,
    two_opt_kernel,
)
from kexue.sampling.tours.moves import destination, random_move, source
from kexue.sampling.tours.round_trips import distances
from kexue.sampling.tours.two_opt import two_opt_choice


def cities(number, seed=0):
    return np.random.default_rng(seed).uniform(size=(number, 2)).astype(np.float32)


def length_by_hand(points, tour):
    return sum(
        np.hypot(*(points[a].astype(float) - points[b])) for a, b in zip(tour, [*tour[1:], tour[0]], strict=True)
    )


def all_tours(number):
    """Each round trip once: city 0 first, and the second city below the last."""
    return np.array([(0, *p) for p in permutations(range(1, number)) if p[0] < p[-1]], np.int32)


def canonical(tour):
    tour = np.roll(tour, -int(np.argmin(tour)))
    return tuple(tour.tolist()) if tour[1] < tour[-1] else (0, *tour[:0:-1].tolist())


def test_length_greedy_and_random_tours_by_hand():
    points = cities(30)
    tours = random_tours(jax.random.key(0), 30, 5)
    assert np.array_equal(np.sort(tours, axis=1), np.tile(np.arange(30), (5, 1))) and len(np.unique(tours, axis=0)) == 5
    expected = [length_by_hand(points, tour) for tour in np.asarray(tours)]
    np.testing.assert_allclose(tour_length(points, tours), expected, rtol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(tour_length, (None, 0)))(points, tours), expected, rtol=1e-5)
    here, route = 7, [7]
    while len(route) < 30:
        left = [c for c in range(30) if c not in route]
        here = min(left, key=lambda c: np.hypot(*(points[c] - points[here])))
        route.append(here)
    np.testing.assert_array_equal(greedy_tour(points, 7), route)
    np.testing.assert_array_equal(jax.jit(jax.vmap(greedy_tour, (None, 0)))(points, jnp.array([7, 3]))[0], route)


def test_every_reversal_changes_the_length_by_the_difference():
    points = cities(9)
    tour = np.random.default_rng(1).permutation(9).astype(np.int32)
    i, j = np.array([(i, j) for i in range(9) for j in range(i, 9)]).T
    changed = np.asarray(jax.jit(jax.vmap(reverse_between, (None, 0, 0)))(jnp.asarray(tour), i, j))
    differences = jax.jit(jax.vmap(two_opt_difference, (None, None, 0, 0)))(points, jnp.asarray(tour), i, j)
    for k in range(len(i)):
        expected = [*tour[: i[k]], *tour[i[k] : j[k] + 1][::-1], *tour[j[k] + 1 :]]
        np.testing.assert_array_equal(changed[k], expected)
        true = length_by_hand(points, expected) - length_by_hand(points, tour)
        np.testing.assert_allclose(differences[k], true, atol=2e-6)


@pytest.mark.parametrize("number", [4, 5, 6, 9])
@pytest.mark.parametrize("or_opt", [0, 256])
def test_every_annealing_move_is_a_move_and_costs_what_it_says(number, or_opt):
    points = cities(number, seed=number)
    far = distances(points)
    near = nearest_cities(far, number - 1)
    tour = jnp.asarray(np.random.default_rng(2).permutation(number), jnp.int32)
    place = jnp.argsort(tour).astype(jnp.int32)
    bits = jax.random.bits(jax.random.key(0), (3000, 2), jnp.uint32)

    @jax.vmap
    def made(word):
        difference, move = random_move(word, tour, place, far, near, number - 1, or_opt)
        return difference, tour[source(move, number)], destination(move, place)

    differences, tours, places = map(np.asarray, jax.jit(made)(bits))
    valid = np.isfinite(differences)
    differences, tours, places = differences[valid], tours[valid], places[valid]
    np.testing.assert_array_equal(np.sort(tours, axis=1), np.tile(np.arange(number), (len(tours), 1)))
    np.testing.assert_array_equal(
        np.take_along_axis(tours, places, axis=1), np.tile(np.arange(number), (len(tours), 1))
    )
    lengths = [length_by_hand(points, t) - length_by_hand(points, np.asarray(tour)) for t in tours[:500]]
    np.testing.assert_allclose(differences[:500], lengths, atol=2e-6)

    reached = {canonical(t) for t in tours} - {canonical(np.asarray(tour))}
    # all that one 2-opt move, or one segment of at most three cities carried elsewhere, can reach
    ring, expected = list(np.asarray(tour)), set()
    for start in range(number):
        turned = ring[start:] + ring[:start]
        for size in range(2, number - 1) if or_opt == 0 else range(1, min(3, number - 2) + 1):
            segment, rest = turned[:size], turned[size:]
            if or_opt == 0:
                expected.add(canonical(np.array(segment[::-1] + rest)))
            else:  # between two cities that stay neighbours, or turned around where it is
                for k in range(1, len(rest)):
                    expected |= {canonical(np.array(rest[:k] + s + rest[k:])) for s in (segment, segment[::-1])}
    assert reached == expected - {canonical(np.asarray(tour))}


def exhaustive(points):
    return min(length_by_hand(points, tour) for tour in all_tours(len(points)))


@pytest.mark.parametrize("number", [4, 7, 8])
def test_annealing_finds_the_best_of_all_permutations(number):
    solve = jax.jit(lambda points, key: anneal_tours(points, key, chains=4, steps=256))
    for seed in range(4):
        points = cities(number, seed)
        run = solve(points, jax.random.key(seed))
        np.testing.assert_allclose(run.length, exhaustive(points), rtol=1e-5)
        assert length_by_hand(points, np.asarray(run.tour)) == pytest.approx(float(run.length), rel=1e-5)


def test_detailed_balance_of_the_kernel_on_all_tours_of_five_cities():
    points, temperature, tours = cities(5), 0.2, all_tours(5)
    index = {canonical(tour): k for k, tour in enumerate(tours)}
    assert len(tours) == 12
    i, j = np.array([(i, j) for i in range(1, 5) for j in range(i + 1, 5)]).T
    matrix = np.zeros((12, 12))
    change = jax.jit(
        jax.vmap(lambda t, i, j: (two_opt_difference(points, t, i, j), reverse_between(t, i, j)), (None, 0, 0))
    )
    for k, tour in enumerate(tours):
        difference, ends = change(jnp.asarray(tour), i, j)
        accept = np.minimum(1, np.exp(-np.asarray(difference, float) / temperature)) / len(i)
        for end, probability in zip(np.asarray(ends), accept, strict=True):
            matrix[k, index[canonical(end)]] += probability
        matrix[k, k] += 1 - accept.sum()
    law = np.exp(-np.array([length_by_hand(points, tour) for tour in tours]) / temperature)
    law /= law.sum()
    flow = law[:, None] * matrix
    np.testing.assert_allclose(flow, flow.T, atol=1e-7)
    assert np.linalg.matrix_power(matrix, 50).min() > 0  # every tour is reached

    kernel, draws = two_opt_kernel(points, temperature), 40_000
    pairs = np.stack(
        jax.vmap(lambda key: jnp.stack(two_opt_choice(key, 5)))(jax.random.split(jax.random.key(0), draws))
    )
    counts = np.zeros((5, 5))
    np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1)
    np.testing.assert_allclose(counts[i, j], draws / 6, rtol=0.05)  # the pairs that the matrix above took as uniform
    step = jax.jit(jax.vmap(lambda key: kernel.step(key, kernel.init(jnp.asarray(tours[3])))))
    state, info = step(jax.random.split(jax.random.key(1), draws))
    ends = np.bincount([index[canonical(t)] for t in np.asarray(state.position)], minlength=12) / draws
    np.testing.assert_allclose(ends, matrix[3], atol=4 * np.sqrt(0.25 / draws))
    expected = np.array([-length_by_hand(points, t) / temperature for t in np.asarray(state.position[:50])])
    np.testing.assert_allclose(state.log_density[:50], expected, rtol=1e-5)

    chains = run_chains(
        kernel, jax.random.split(jax.random.key(2), 400), jnp.tile(jnp.asarray(tours[0]), (400, 1)), 100
    )
    visited = [index[canonical(t)] for t in np.asarray(chains[1])[:, 20::10].reshape(-1, 5)]
    assert np.abs(np.bincount(visited, minlength=12) / len(visited) - law).max() < 0.03


def test_descent_ends_without_an_improving_move_and_on_the_hull():
    points = cities(40)
    descend = jax.jit(jax.vmap(two_opt_descent, (None, 0)))
    tours = descend(points, random_tours(jax.random.key(0), 40, 8))
    i, j = np.triu_indices(40, 1)
    change = jax.jit(jax.vmap(two_opt_difference, (None, None, 0, 0)))
    for tour in tours:
        differences = change(points, tour, i, j)
        assert sorted(np.asarray(tour)) == list(range(40)) and differences.min() > -1e-5
    angles = 2 * np.pi * np.random.default_rng(0).permutation(40) / 40
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    ends = descend(circle, random_tours(jax.random.key(1), 40, 8))
    np.testing.assert_allclose(tour_length(circle, ends), 80 * np.sin(np.pi / 40), rtol=1e-5)
    assert anneal_tours(circle, jax.random.key(0), chains=2).length == pytest.approx(80 * np.sin(np.pi / 40), rel=1e-5)


# The optimum of 100 uniform cities; benchmarks/sampling/tours/test_tours.py proves it by integer programming.
CERTIFIED = {0: 7.871863269, 1: 7.504046522, 2: 7.908302786}


def test_a_hundred_cities_end_within_a_percent_of_the_certified_optimum():
    solve = jax.jit(anneal_tours)
    excess = []
    for seed, optimum in CERTIFIED.items():
        points = np.random.default_rng(seed).uniform(size=(100, 2))
        for k in range(3):
            run = solve(points.astype(np.float32), jax.random.key(k))
            true = length_by_hand(points, np.asarray(run.tour))
            assert true > optimum * (1 - 1e-6) and true == pytest.approx(float(run.length), rel=1e-5)
            excess.append(true / optimum - 1)
    assert np.median(excess) < 0.005 and max(excess) < 0.02


def test_five_hundred_cities_run_and_beat_greedy_and_descent():
    points = cities(500)
    run = anneal_tours(points, jax.random.key(0), chains=4, steps=8000, record=True)
    greedy = greedy_tour(points)
    assert sorted(np.asarray(run.tour)) == list(range(500))
    descended = tour_length(points, two_opt_descent(points, greedy))
    assert run.length < 0.985 * descended < 0.985 * tour_length(points, greedy)
    assert run.trace.tours.shape == (126, 4, 500) and run.trace.temperature.shape == (126,)
    np.testing.assert_allclose(run.trace.lengths[-1], tour_length(points, run.trace.tours[-1]), rtol=2e-4)
    assert run.trace.temperature[-1] == 0 and np.all(np.diff(run.trace.temperature) < 0)


def test_independent_chains_resampling_starts_jit_vmap_and_dtype():
    points = cities(20)
    starts = random_tours(jax.random.key(5), 20, 6)
    options = {"chains": 6, "steps": 128, "starts": starts, "tries": 4}
    solve = lambda points, key, rho: anneal_tours(points, key, resample=rho, **options)  # noqa: E731
    alone, herd = solve(points, jax.random.key(0), 0.0), solve(points, jax.random.key(0), 2.0)
    assert np.std(herd.lengths) < np.std(alone.lengths)
    assert alone.length <= np.min(alone.lengths) + 1e-6 and np.all((alone.acceptance > 0) & (alone.acceptance <= 1))
    jitted = jax.jit(jax.vmap(lambda points, key: solve(points, key, 0.0)))
    both = jitted(jnp.stack([points, 2 * points]), jnp.stack([jax.random.key(0), jax.random.key(0)]))
    np.testing.assert_allclose(both.lengths[0], alone.lengths, rtol=1e-4)
    np.testing.assert_allclose(both.lengths[1], 2 * alone.lengths, rtol=1e-4)  # the schedule has no unit
    frozen = anneal_tours(
        points, jax.random.key(0), temperatures=np.full(64, 1e-9), resample=0.0, chains=6, starts=starts
    )
    assert np.all(frozen.lengths <= tour_length(points, starts) + 1e-5)
    coincident = anneal_tours(np.zeros((5, 2), np.float32), jax.random.key(0), chains=2, steps=64)
    assert coincident.length == 0
    with jax.enable_x64(True):
        shapes = jax.eval_shape(lambda p: anneal_tours(p, jax.random.key(0), chains=2), jnp.ones((20, 2)))
        assert shapes.length.dtype == jnp.float64 and shapes.tour.dtype == jnp.int32


SQUARE = np.array([[0, 0], [1, 1], [1, 0], [0, 1]])


@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8])
def test_integer_coordinates_give_the_numbers_of_floats(dtype):
    square = SQUARE.astype(dtype)
    crossing = two_opt_difference(square, jnp.arange(4), 1, 2)
    np.testing.assert_allclose(crossing, 2 - 2 * 2**0.5, rtol=1e-6)
    assert crossing.dtype == jnp.float32
    np.testing.assert_allclose(tour_length(square, jnp.arange(4)), 2 + 2 * 2**0.5, rtol=1e-6)
    assert canonical(np.asarray(two_opt_descent(square, jnp.arange(4)))) == (0, 2, 1, 3)

    points = np.random.default_rng(0).integers(0, 200, (9, 2)).astype(dtype)
    tour = np.random.default_rng(1).permutation(9).astype(np.int32)
    np.testing.assert_allclose(tour_length(jnp.asarray(points), tour), length_by_hand(points, tour), rtol=1e-6)
    for i, j in ((0, 3), (2, 5), (4, 8)):
        changed = [*tour[:i], *tour[i : j + 1][::-1], *tour[j + 1 :]]
        expected = length_by_hand(points, changed) - length_by_hand(points, tour)
        found = jax.jit(two_opt_difference)(points, jnp.asarray(tour), i, j)
        np.testing.assert_allclose(found, expected, atol=1e-3)
    here, route = 4, [4]
    while len(route) < 9:
        here = min(set(range(9)) - set(route), key=lambda c: np.hypot(*(points[c].astype(float) - points[here])))
        route.append(here)
    np.testing.assert_array_equal(greedy_tour(points, 4), route)
    run = anneal_tours(points, jax.random.key(0), chains=4, temperatures=np.geomspace(50, 0.5, 640))
    np.testing.assert_allclose(run.length, exhaustive(points), rtol=1e-5)
    far = np.round(np.hypot(*(points[:, None].astype(float) - points[None]).T)).astype(int)
    nearest = far + 10**6 * np.eye(9, dtype=int)
    np.testing.assert_array_equal(nearest_cities(far, 3), np.argsort(nearest, axis=1, kind="stable")[:, :3])


def test_coordinates_beyond_32_bits_are_not_cut_off():
    np.testing.assert_allclose(tour_length(SQUARE * 2**40, jnp.array([0, 2, 1, 3])), 2.0**42)


def test_the_kernel_has_its_law_on_cities_with_integer_coordinates():
    kernel = two_opt_kernel(SQUARE, 0.5)
    starts = jax.vmap(kernel.init)(random_tours(jax.random.key(0), 4, 200))

    def onward(states, key):
        states, _ = jax.vmap(kernel.step)(jax.random.split(key, 200), states)
        return states, states.log_density

    _, log_density = jax.jit(lambda: jax.lax.scan(onward, starts, jax.random.split(jax.random.key(1), 600)))()
    share = np.mean(np.asarray(log_density)[100:] > -8.1)  # the round trip of length 4, at temperature 1/2
    short, crossed = np.exp(-8), np.exp(-2 * (2 + 2 * 2**0.5))
    np.testing.assert_allclose(share, short / (short + 2 * crossed), atol=0.01)  # 0.724; blind to lengths: 1/3


def test_a_matrix_of_distances_is_not_read_as_points():
    key, tour = jax.random.key(0), jnp.arange(6)
    far = np.asarray(distances(cities(6)), float)
    inexact = np.sqrt(np.maximum(np.float32(far) ** 2 + np.float32(1e-8) * np.arange(36).reshape(6, 6), 0))
    for matrix in (far, far.astype(np.float32), jnp.asarray(far, jnp.float32), inexact, np.rint(100 * far).astype(int)):
        for call in (
            lambda: tour_length(matrix, tour),  # noqa: B023
            lambda: two_opt_difference(matrix, tour, 1, 2),  # noqa: B023
            lambda: greedy_tour(matrix),  # noqa: B023
            lambda: two_opt_descent(matrix, tour),  # noqa: B023
            lambda: two_opt_kernel(matrix, 1.0),  # noqa: B023
            lambda: anneal_tours(matrix, key),  # noqa: B023
        ):
            with pytest.raises(
                ValueError, match="symmetric 6 × 6 matrix with a zero diagonal.*append a column of zeros"
            ):
                call()
    with pytest.raises(ValueError, match="symmetric 3 × 3 matrix"):
        tour_length(far[:3, :3], jnp.arange(3))
    # the way out for points that do look so: the corners of a simplex, all at distance √2
    simplex = np.pad(1.0 - np.eye(5), ((0, 0), (0, 1)))
    np.testing.assert_allclose(tour_length(simplex, jnp.arange(5)), 5 * 2**0.5, rtol=1e-6)
    # square arrays of coordinates that are no distances
    staircase = np.tril(np.ones((4, 4)), -1)
    np.testing.assert_allclose(tour_length(staircase, jnp.arange(4)), 3 + 3**0.5, rtol=1e-6)
    np.testing.assert_allclose(tour_length(np.eye(4), jnp.arange(4)), 4 * 2**0.5, rtol=1e-6)
    assert tour_length(np.zeros((4, 4)), jnp.arange(4)) == 0
    np.testing.assert_allclose(tour_length(np.array([[0.0, 3.0], [3.0, 0.0]]), jnp.arange(2)), 2 * 18**0.5, rtol=1e-6)


def test_refusals():
    points, key = cities(6), jax.random.key(0)
    broken = points.copy()
    broken[2, 1] = np.nan
    for bad, message in ((points[:3], "at least 4 cities"), (broken, "points must be finite")):
        for call in (
            lambda: anneal_tours(bad, key),  # noqa: B023
            lambda: greedy_tour(bad),  # noqa: B023
            lambda: two_opt_descent(bad, jnp.arange(len(bad))),  # noqa: B023
            lambda: two_opt_kernel(bad, 1.0),  # noqa: B023
        ):
            with pytest.raises(ValueError, match=message):
                call()
    for temperature in (0.0, -1.0, np.nan):
        with pytest.raises(ValueError, match="temperature must be positive"):
            two_opt_kernel(points, temperature)
        with pytest.raises(ValueError, match="temperatures must be positive"):
            anneal_tours(points, key, temperatures=np.array([1.0, temperature]))
    for name in ("chains", "steps", "tries", "neighbours"):
        with pytest.raises(
            ValueError, match=f"{'number|' if name == 'neighbours' else ''}{name} must be at least 1, got 0"
        ):
            anneal_tours(points, key, **{name: 0})
    with pytest.raises(ValueError, match=r"or_opt must be in \[0, 1\], got 2.0"):
        anneal_tours(points, key, or_opt=2.0)
    with pytest.raises(ValueError, match="resample must be at least 0"):
        anneal_tours(points, key, resample=-0.1)
    with pytest.raises(ValueError, match="starts must have shape"):
        anneal_tours(points, key, starts=jnp.zeros((2, 6), jnp.int32))
    with pytest.raises(ValueError, match="starts must be permutations"):
        anneal_tours(points, key, chains=2, starts=jnp.zeros((2, 6), jnp.int32))
    for call in (tour_length, lambda points, tour: two_opt_difference(points, tour, 1, 2), two_opt_descent):
        with pytest.raises(
            ValueError, match=r"points must have shape \(cities, dim\), one row a city, got \(6, 2, 1\)"
        ):
            call(points[..., None], jnp.arange(6))
    with pytest.raises(ValueError, match=r"far must be a non-empty square matrix, got shape \(6, 2\)"):
        nearest_cities(points, 1)
    with pytest.raises(ValueError, match="start must be a city"):
        greedy_tour(points, 6)
    with pytest.raises(ValueError, match="cities must be at least 1"):
        random_tours(key, 0, 1)

"""The convex problems against brute force over supports, SciPy, closed forms and their own duals, in double precision."""

from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize, nnls

from kexue.optimizers.tasks.hulls import cagrad, main_and_auxiliary, min_norm


def draw(seed, tasks, size, shift=0.0, spread=0.0):
    rng = np.random.default_rng(seed)
    grads = rng.normal(size=(tasks, size)) + shift
    return grads * 10 ** rng.uniform(-spread, spread, size=(tasks, 1))


def nearest_by_brute_force(grads):
    """The shortest vector of the affine hulls of all subsets that lies in the convex hull."""
    best = np.full(grads.shape[1], np.inf)
    for size in range(1, len(grads) + 1):
        for rows in map(list, combinations(range(len(grads)), size)):
            edges = grads[rows[1:]] - grads[rows[0]]
            rest = np.linalg.lstsq(edges.T, -grads[rows[0]], rcond=None)[0]
            weights = np.r_[1 - rest.sum(), rest]
            point = weights @ grads[rows]
            if weights.min() >= -1e-12 and point @ point < best @ best:
                best = point
    return best


CASES = [
    (1, 3, 0.0),
    (2, 5, 0.0),
    (2, 5, 1.0),
    (3, 2, 0.0),
    (3, 2, 1.5),
    (4, 3, 0.4),
    (5, 20, 0.0),
    (5, 20, 0.6),
    (6, 4, 1.0),
]


@pytest.mark.parametrize("tasks, size, shift", CASES)
def test_min_norm_is_the_nearest_point_of_the_hull(tasks, size, shift):
    with jax.enable_x64(True):
        for seed in range(6):
            grads = draw(seed, tasks, size, shift, spread=0.5 * (seed % 2))
            solution = min_norm(jnp.asarray(grads))
            np.testing.assert_allclose(solution.direction, nearest_by_brute_force(grads), atol=1e-9)
            np.testing.assert_allclose(solution.weights @ grads, solution.direction, atol=1e-12)
            np.testing.assert_allclose(solution.weights.sum(), 1, rtol=1e-12)
            assert (solution.weights >= 0).all()
            assert 0 <= solution.gap < 1e-12 * (grads**2).sum(axis=1).max()


def test_min_norm_of_two_tasks_in_closed_form():
    pairs = np.stack([draw(seed, 2, 3, 0.5, spread=4) for seed in range(200)])
    g1, g2 = pairs[:, 0], pairs[:, 1]
    first = np.clip(((g2 - g1) * g2).sum(-1) / ((g1 - g2) ** 2).sum(-1), 0, 1)
    with jax.enable_x64(True):
        weights = np.asarray(jax.jit(jax.vmap(lambda g: min_norm(g).weights))(jnp.asarray(pairs)))
    np.testing.assert_allclose(weights[:, 0], first, rtol=1e-12, atol=1e-15)
    assert 20 < ((first > 0) & (first < 1)).sum() < 180


def test_min_norm_hurts_nobody_and_turns_to_the_smallest_corrected_for_the_others():
    with jax.enable_x64(True):
        grads = jnp.asarray(draw(3, 3, 8))
        before = min_norm(grads)
        assert (grads @ before.direction >= before.direction @ before.direction - 1e-12).all()
        after = min_norm(grads.at[1].mul(1e-6)).direction * 1e6
        limit = main_and_auxiliary(grads[1], grads[jnp.array([0, 2])])
        assert limit.weights.max() > 0.1
        np.testing.assert_allclose(after, limit.direction, atol=1e-4)
        unit = [g / jnp.linalg.norm(g, axis=1, keepdims=True) for g in (grads, grads.at[1].mul(0.01))]
        np.testing.assert_allclose(min_norm(unit[0]).direction, min_norm(unit[1]).direction, rtol=1e-12)


def test_the_gap_bounds_the_distance_of_any_point_of_the_hull():
    rng = np.random.default_rng(0)
    for seed in range(5):
        grads = draw(seed, 4, 6, 0.3)
        best = nearest_by_brute_force(grads)
        for u in rng.dirichlet(np.ones(4), size=50) @ grads:
            gap = u @ u - (grads @ u).min()
            assert (u - best) @ (u - best) <= gap + 1e-12
            assert (u @ u - best @ best) / 2 <= gap + 1e-12


def test_min_norm_at_a_pareto_point_and_with_a_zero_gradient():
    triangle = jnp.array([[1.0, 0.0], [-0.5, 0.75**0.5], [-0.5, -(0.75**0.5)]])
    solution = min_norm(triangle)
    np.testing.assert_allclose(solution.direction, 0, atol=1e-6)
    np.testing.assert_allclose(solution.weights, 1 / 3, rtol=1e-5)
    solution = min_norm(triangle.at[1].set(0))
    np.testing.assert_array_equal(solution.weights, [0, 1, 0])
    np.testing.assert_array_equal(min_norm(jnp.zeros((4, 2))).weights, 0.25)


@pytest.mark.parametrize("tasks, size", [(2, 3), (6, 4)])
def test_the_corrected_main_gradient_is_a_least_squares_problem_without_negatives(tasks, size):
    with jax.enable_x64(True):
        for seed in range(6):
            grads, main = draw(seed, tasks, size, spread=2), draw(seed + 100, 1, size)[0]
            weights, distance = nnls(grads.T, -main)
            solution = main_and_auxiliary(jnp.asarray(main), jnp.asarray(grads))
            np.testing.assert_allclose(solution.direction, main + weights @ grads, atol=1e-9)
            np.testing.assert_allclose(np.linalg.norm(solution.direction), distance, atol=1e-9)
            np.testing.assert_allclose(main + solution.weights @ grads, solution.direction, atol=1e-12)
            assert (solution.weights >= 0).all() and abs(solution.gap) < 1e-12
            np.testing.assert_allclose(solution.direction @ main, distance**2, atol=1e-9)


def test_one_auxiliary_task_in_closed_form():
    main = jnp.array([2.0, 1.0])
    for other in (jnp.array([-1.0, 0.5]), jnp.array([1.0, 0.5]), jnp.zeros(2)):
        factor = max(0.0, -float(main @ other)) / max(float(other @ other), 1e-30)
        solution = main_and_auxiliary(main, other[None])
        np.testing.assert_allclose(solution.weights, [factor], rtol=1e-6)
        np.testing.assert_allclose(solution.direction, main + factor * other, atol=1e-6)


def best_for_the_worst_served(grads, c):
    """The primal problem, in the direction and its smallest gain."""
    mean = grads.mean(axis=0)
    found = minimize(
        lambda x: -x[-1],
        np.r_[mean, (grads @ mean).min()],
        jac=lambda x: np.r_[np.zeros(len(x) - 1), -1.0],
        constraints=[
            {"type": "ineq", "fun": lambda x: grads @ x[:-1] - x[-1]},
            {"type": "ineq", "fun": lambda x: c**2 * mean @ mean - (x[:-1] - mean) @ (x[:-1] - mean)},
        ],
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert found.status in (0, 8)  # 8: no further descent can be resolved
    return found.x[:-1], found.x[-1]


@pytest.mark.parametrize("tasks, size", [(2, 2), (3, 2), (5, 6)])
@pytest.mark.parametrize("c", [0.05, 0.4, 0.95, 3.0])
def test_cagrad_is_the_best_direction_for_the_worst_served(tasks, size, c):
    with jax.enable_x64(True):
        for seed in range(4):
            grads = draw(seed, tasks, size, 0.5)
            direction, gain = best_for_the_worst_served(grads, c)
            solution = cagrad(jnp.asarray(grads), c)
            np.testing.assert_allclose((grads @ solution.direction).min(), gain, atol=1e-7)
            if gain > 1e-3:  # at zero there may be many
                np.testing.assert_allclose(solution.direction, direction, atol=2e-4)
            np.testing.assert_allclose(solution.weights @ grads, solution.direction, atol=1e-12)
            assert abs(solution.gap) < 1e-11
            mean = grads.mean(axis=0)
            assert np.linalg.norm(solution.direction - mean) <= c * np.linalg.norm(mean) * (1 + 1e-12)


def test_cagrad_from_the_mean_to_the_shortest():
    with jax.enable_x64(True):
        grads = jnp.asarray(draw(1, 5, 6, 0.3))
        np.testing.assert_allclose(cagrad(grads, 0.0).direction, grads.mean(axis=0), rtol=1e-12)
        far, shortest = cagrad(grads, 1e6).direction, min_norm(grads).direction
        np.testing.assert_allclose(far / jnp.linalg.norm(far), shortest / jnp.linalg.norm(shortest), atol=1e-5)
        rates = jnp.array([0.0, 0.4, 2.0])
        batched = jax.vmap(lambda c: cagrad(grads, c).direction)(rates)
        np.testing.assert_allclose(batched, [cagrad(grads, float(c)).direction for c in rates], rtol=1e-10)


@pytest.mark.parametrize("c", [0.5, 2.0])
@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_cagrad_where_zero_is_on_the_edge_of_the_hull(c, dtype):
    # Two opposite tasks allow no first coordinate; the mean has one, so it is not a solution, and what is left of it is.
    with jax.enable_x64(dtype == jnp.float64):
        solution = cagrad(jnp.array([[1.0, 0.0], [-0.5, 0.0], [0.0, 10.0]], dtype), c)
        np.testing.assert_allclose(solution.direction, [0, 10 / 3], atol=1e-5)
        assert abs(solution.gap) < 1e-5


@pytest.mark.parametrize("c", [0.01, 0.5])
def test_cagrad_of_opposite_tasks_stays_in_its_ball(c):
    solution = cagrad(jnp.array([[1.0, 0.0], [-0.5, 0.0]]), c)
    np.testing.assert_allclose(solution.direction, [0.25 * (1 - c), 0], rtol=1e-5)


def test_single_precision_keeps_the_gap_at_rounding():
    with jax.enable_x64(False):
        for seed in range(10):
            grads = jnp.asarray(draw(seed, 5, 6, 0.2), jnp.float32)
            largest = jnp.max(jnp.sum(grads**2, axis=1))
            assert min_norm(grads).gap < 1e-6 * largest
            assert abs(cagrad(grads).gap) < 1e-6 * largest


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: cagrad(jnp.eye(2), -0.1), "c must be at least 0 and finite, got -0.1"),
        (lambda: cagrad(jnp.eye(2), np.array([0.1, 0.2])), r"c must be one number, got shape \(2,\)"),
        (
            lambda: main_and_auxiliary(jnp.ones(3), jnp.eye(2)),
            r"main must be like .* tasks, \['float32\[2\]'\], got \['float32\[3\]'\]",
        ),
        (
            lambda: main_and_auxiliary([jnp.ones(2)], (jnp.eye(2),)),
            "main must be like the gradient of one of the 2 tasks",
        ),
        (lambda: main_and_auxiliary(jnp.ones(()), jnp.ones(())), "grads must have leaves with one leading axis"),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()

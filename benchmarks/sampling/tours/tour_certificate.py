"""The length of the shortest round trip, proved: linear programs with cuts, then an integer program on what they leave."""

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, linprog, milp
from scipy.sparse import csr_matrix, vstack
from scipy.sparse.csgraph import breadth_first_order, connected_components, maximum_flow


def certified_optimum(points, tour):
    """Return the shortest length and its tour; `tour` is any good one, whose length bounds the optimum from above.

    Every round trip has two edges at each city and at least two out of each set of cities. The linear program with
    these inequalities, added where they are violated, bounds all tours from below. An edge whose reduced cost exceeds
    the gap to `tour` lies in no shorter one and is dropped. The integer program on the rest, with the same lazy cuts, ends
    in a single circle: the shortest tour.
    """
    points = np.asarray(points, float)
    cities = len(points)
    i, j = np.triu_indices(cities, 1)
    cost = np.linalg.norm(points[i] - points[j], axis=1)
    above = np.linalg.norm(points[tour] - points[np.roll(tour, -1)], axis=1).sum()
    degree = csr_matrix((np.ones(2 * len(i)), (np.r_[i, j], np.r_[np.arange(len(i)), np.arange(len(i))])))
    sets = []
    while True:
        cuts = rows(sets, i, j)
        program = linprog(cost, -cuts, np.full(len(sets), -2.0), degree, np.full(cities, 2.0), (0, 1))
        assert program.status == 0
        violated = light_cuts(cities, i, j, program.x)
        if not violated:
            break
        sets += violated
    keep = program.lower.marginals <= above - program.fun + 1e-9
    i, j, cost, degree = i[keep], j[keep], cost[keep], degree[:, keep]
    while True:
        constraints = LinearConstraint(
            vstack([degree, rows(sets, i, j)]),
            np.full(cities + len(sets), 2.0),
            np.r_[np.full(cities, 2.0), np.full(len(sets), np.inf)],
        )
        program = milp(cost, integrality=1, bounds=Bounds(0, 1), constraints=constraints, options={"mip_rel_gap": 0.0})
        assert program.status == 0
        chosen = program.x > 0.5
        count, circle = connected_components(graph(cities, i[chosen], j[chosen], np.ones(chosen.sum())), directed=False)
        if count == 1:
            return cost[chosen].sum(), walk(cities, i[chosen], j[chosen])
        sets += [circle == k for k in range(count)]


def rows(sets, i, j):
    """One row a set of cities: the edges that leave it."""
    return csr_matrix(np.array([(s[i] != s[j]).astype(float) for s in sets]).reshape(len(sets), len(i)))


def graph(cities, i, j, weight):
    return csr_matrix((np.r_[weight, weight], (np.r_[i, j], np.r_[j, i])), (cities, cities))


def light_cuts(cities, i, j, x):
    """Sets of cities that fewer than two edges leave, by maximum flows from city 0; all of them are sound."""
    flowing = x > 1e-6
    count, part = connected_components(graph(cities, i[flowing], j[flowing], x[flowing]), directed=False)
    if count > 1:
        return [part == k for k in range(count)]
    unit = 1_000_000
    capacity = graph(cities, i[flowing], j[flowing], np.round(unit * x[flowing]).astype(np.int32))
    found = {}
    for sink in range(1, cities):
        flow = maximum_flow(capacity, 0, sink)
        if flow.flow_value < 1.999 * unit:
            left = capacity - flow.flow
            left.data = np.maximum(left.data, 0)
            left.eliminate_zeros()
            side = np.zeros(cities, bool)
            side[breadth_first_order(left, 0, return_predecessors=False)] = True
            found[side.tobytes()] = side
    return list(found.values())


def walk(cities, i, j):
    beside = [[] for _ in range(cities)]
    for a, b in zip(i.tolist(), j.tolist(), strict=True):
        beside[a].append(b)
        beside[b].append(a)
    tour = [0, beside[0][0]]
    while len(tour) < cities:
        tour.append(next(c for c in beside[tour[-1]] if c != tour[-2]))
    return np.array(tour)

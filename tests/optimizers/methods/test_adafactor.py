"""AdaFactor against the paper's algorithm in NumPy, against optax, and its table against scikit-learn's NMF."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.decomposition import NMF

from kexue.optimizers.methods.adafactor import Factors, adafactor, scale_by_factored_rms

SHAPES = {"w": (16, 24), "tall": (24, 16), "square": (9, 9), "b": (24,), "kernel": (20, 3, 18), "scalar": ()}
START = {name: np.random.default_rng(0).standard_normal(shape) for name, shape in SHAPES.items()}


def gradient(params, k, library):
    """A gradient whose size jumps, with a row that is always zero."""
    grown = library.exp(library.asarray(k % 5, params.dtype))
    g = library.sin(3 * params + k.astype(params.dtype)) * grown
    return g if g.ndim < 2 else g * library.asarray(np.arange(g.shape[0]) > 0, g.dtype).reshape(-1, *[1] * (g.ndim - 1))


def follow(optimizer, dtype=jnp.float32, steps=100):
    params = jax.tree.map(lambda p: jnp.asarray(p, dtype), START)

    def step(carry, k):
        params, state = carry
        g = jax.tree.map(lambda p: gradient(p, k, jnp), params)
        updates, state = optimizer.update(g, state, params)
        return (optax.apply_updates(params, updates), state), updates

    return jax.jit(lambda: jax.lax.scan(step, (params, optimizer.init(params)), jnp.arange(steps))[1])()


def falling(count):
    return 0.1 / (count + 1).astype(jnp.result_type(float))


def papers(theta, steps, rate, c=0.8, d=1.0, eps=(1e-30, 1e-3), relative=True, b1=None, shortest=9):
    """Algorithms 4 and 5, one tensor, in float64; each table along the two longest axes by a loop."""
    axes = tuple(sorted(np.argsort(theta.shape, kind="stable")[-2:])) if theta.ndim > 1 else ()
    is_factored = len(axes) == 2 and min(theta.shape[a] for a in axes) >= shortest
    rows = columns = v = m = 0.0
    updates = []
    for t in range(1, steps + 1):
        g = gradient(theta, np.asarray(t - 1), np)
        kept, square = 1 - t**-c, g**2 + eps[0]
        if is_factored:
            rows = kept * rows + (1 - kept) * square.sum(axis=axes[1], keepdims=True)
            columns = kept * columns + (1 - kept) * square.sum(axis=axes[0], keepdims=True)
            table = rows * columns / rows.sum(axis=axes[0], keepdims=True)
        else:
            table = v = kept * v + (1 - kept) * square
        u = g / np.sqrt(table)
        u = u / max(1, np.sqrt(np.mean(u**2)) / d)
        if b1 is not None:
            u = m = b1 * m + (1 - b1) * u
        size = max(eps[1], np.sqrt(np.mean(theta**2))) if relative else 1
        updates.append(-rate(t) * size * u)
        theta = theta + updates[-1]
    return np.stack(updates)


def paper_rate(t):
    return min(t**-0.5, 0.01)


@pytest.mark.parametrize(
    "ours, options",
    [
        (adafactor(min_dim_to_factor=9), {"rate": paper_rate}),
        (
            adafactor(relative=False, c=0.5, clip=0.7, momentum=0.8, min_dim_to_factor=9),
            {"rate": lambda t: 0.05 * paper_rate(t), "relative": False, "c": 0.5, "d": 0.7, "b1": 0.8},
        ),
        (
            adafactor(falling, eps=(1e-3, 0.9), clip=None, min_dim_to_factor=17),
            {"rate": lambda t: 0.1 / t, "eps": (1e-3, 0.9), "d": np.inf, "shortest": 17},
        ),
    ],
    ids=["paper", "absolute, momentum", "schedule, eps"],
)
def test_is_the_paper_s_algorithm(ours, options):
    with jax.enable_x64(True):
        updates = follow(ours, jnp.float64)
        updates = jax.tree.map(np.asarray, updates)
    for name, start in START.items():
        np.testing.assert_allclose(updates[name], papers(start, 100, **options), rtol=1e-9, atol=1e-13, err_msg=name)


@pytest.mark.parametrize(
    "ours, theirs",
    [
        (adafactor(0.01, min_dim_to_factor=9), optax.adafactor(0.01, min_dim_size_to_factor=9)),
        (
            adafactor(falling, c=0.6, clip=0.5, relative=False, min_dim_to_factor=17),
            optax.adafactor(
                falling,
                decay_rate=0.6,
                clipping_threshold=0.5,
                multiply_by_parameter_scale=False,
                min_dim_size_to_factor=17,
            ),
        ),
        (
            adafactor(0.01, clip=None, relative=False, momentum=0.9),
            optax.adafactor(0.01, clipping_threshold=None, multiply_by_parameter_scale=False, momentum=0.9),
        ),
    ],
    ids=["relative", "schedule", "momentum, unfactored"],
)
def test_is_optax_s_where_the_options_coincide(ours, theirs):
    first, second = follow(ours), follow(theirs)
    for name in SHAPES:
        scale = np.abs(second[name]).max()
        np.testing.assert_allclose(first[name] / scale, second[name] / scale, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("shape", [(12, 9), (7, 16), (3, 5)])  # fewer than eight rows, eight, and more
def test_the_table_is_the_one_of_least_divergence(shape):
    table = np.random.default_rng(1).gamma(0.7, size=shape)
    model = NMF(1, beta_loss="kullback-leibler", solver="mu", init="random", random_state=0, tol=0, max_iter=200)
    best = model.fit_transform(table) @ model.components_
    with jax.enable_x64(True):
        optimizer = scale_by_factored_rms(lambda t: 0.0, min_dim_to_factor=2)
        g = jnp.asarray(np.sqrt(table))
        u, state = optimizer.update(g, optimizer.init(g))
        implied = np.asarray((g / u) ** 2)
        row, column = np.asarray(state.mean_square.row), np.asarray(state.mean_square.column)
    np.testing.assert_allclose(implied, best, rtol=1e-6)
    np.testing.assert_allclose(implied.sum(0), table.sum(0), rtol=1e-12)
    np.testing.assert_allclose(implied.sum(1), table.sum(1), rtol=1e-12)
    np.testing.assert_allclose(row, table.mean(1), rtol=1e-12)
    np.testing.assert_allclose(column, table.mean(0), rtol=1e-12)


def test_which_axes_are_factored():
    shapes = {"conv": (3, 3, 6, 8), "cube": (5, 5, 5), "wide": (9, 2, 4), "thin": (100, 3), "vector": (100,)}
    tree = jax.tree.map(jnp.zeros, shapes, is_leaf=lambda node: isinstance(node, tuple))
    moments = scale_by_factored_rms(lambda t: 0.0, min_dim_to_factor=4).init(tree).mean_square
    found = {name: jax.tree.map(jnp.shape, moment) for name, moment in moments.items()}
    assert found == {
        "conv": Factors((3, 3, 6), (3, 3, 8)),
        "cube": Factors((5, 5), (5, 5)),
        "wide": Factors((2, 9), (2, 4)),
        "thin": (100, 3),
        "vector": (100,),
    }


def test_state_of_ten_million_parameters():
    params = jax.ShapeDtypeStruct((3163, 3163), jnp.float32)

    def size(optimizer):
        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(jax.eval_shape(optimizer.init, params)))

    assert size(adafactor()) == 2 * 3163 * 4 + 8
    assert 1000 * size(adafactor()) <= size(optax.adam(1e-3))


def test_no_table_is_made():
    """Neither the squares nor the second moment of a large matrix are written to memory."""
    g = jax.ShapeDtypeStruct((2048, 2048), jnp.float32)
    optimizer = adafactor()
    before = jax.config.read("jax_disable_most_optimizations")
    jax.config.update("jax_disable_most_optimizations", False)
    try:
        compiled = jax.jit(optimizer.update).lower(g, jax.eval_shape(optimizer.init, g), g).compile()
    finally:
        jax.config.update("jax_disable_most_optimizations", before)
    assert compiled.memory_analysis().temp_size_in_bytes < 0.3 * 4 * 2048**2


def test_a_zero_row_and_column_beside_large_gradients():
    g = jnp.zeros((4, 4)).at[1:, 1:].set(1e12)
    optimizer = scale_by_factored_rms(lambda t: 0.0, min_dim_to_factor=2)
    u, _ = optimizer.update(g, optimizer.init(g))
    np.testing.assert_allclose(u, np.where(np.arange(4) > 0, 1.0, 0.0) * (np.arange(4) > 0)[:, None], rtol=1e-5)


def test_the_clip_holds_a_jump_back():
    """A gradient that jumps at step t gives |u| = t^0.4, and 1 with the clip."""
    for clip, expected in ((None, 10**0.4), (1.0, 1.0)):
        optimizer = adafactor(1.0, clip=clip, relative=False)
        state = optimizer.init(jnp.zeros(3))
        for t in range(10):
            update, state = optimizer.update(jnp.full(3, 1.0 if t == 9 else 0.0), state)
        np.testing.assert_allclose(update, -expected, rtol=1e-5)


@pytest.mark.parametrize(
    "call, words",
    [
        (lambda: adafactor(-1.0), "learning_rate must be at least 0 and finite, got -1.0"),
        (lambda: adafactor(float("nan")), "learning_rate must be"),
        (lambda: adafactor(c=0.0), "c must be positive and finite, got 0.0"),
        (lambda: adafactor(clip=0.0), "clip must be positive and finite, got 0.0"),
        (lambda: adafactor(eps=(0.0, 1e-3)), "eps must be at least 1.2e-38 and finite, got 0.0"),
        (lambda: adafactor(eps=(1e-30, -1.0)), r"eps\[1\] must be at least 0 and finite, got -1.0"),
        (lambda: adafactor(momentum=1.0), r"momentum must be in \[0, 1\), got 1.0"),
        (lambda: adafactor(min_dim_to_factor=0), "min_dim_to_factor must be at least 1, got 0"),
        (
            lambda: adafactor().init({"layer": [jnp.ones(2), jnp.ones((0, 3))]}),
            r"params\['layer'\]\[1\] must have no axis of length zero, whose mean does not exist, got shape \(0, 3\)",
        ),
    ],
)
def test_bad_input(call, words):
    with pytest.raises(ValueError, match=words):
        call()

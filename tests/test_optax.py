"""What the installed optax does that is easily taken for something else; and its own tests, run on our optimizers.

Those tests are read from the installed package. The ones on sharding need eight devices, and so a process of their
own: ``python tests/test_optax.py 1 0 PORT``.
"""

import ast
import importlib.util
import json
import unittest
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from kexue.dynamics import heavy_ball, nesterov, rmsprop
from kexue.optimizers import accumulate, adafactor, adax, reparametrize, weight_decay

FACTORIES = {
    "heavy_ball": (heavy_ball, {"learning_rate": 1e-3, "momentum": 0.9, "half_step_start": True}),
    "nesterov": (nesterov, {"learning_rate": 3e-4}),
    "rmsprop": (rmsprop, {"learning_rate": 5e-3}),
    "reparametrize": (lambda learning_rate: reparametrize(rmsprop(learning_rate), 0.5), {"learning_rate": 1e-2}),
    "adax": (adax, {"learning_rate": 1e-2}),
    "factored": (lambda learning_rate: adafactor(learning_rate, min_dim_to_factor=2), {"learning_rate": 5e-3}),
    "wrapped": (
        lambda learning_rate: accumulate(weight_decay(heavy_ball(learning_rate, 0.9), learning_rate, 1e-5), 2),
        {"learning_rate": 1e-3},
    ),
}


# What follows is true of this version, and no wish: where a later one differs, so may what the library says about it.
pinned = pytest.mark.skipif(optax.__version__ != "0.2.8", reason="describes optax 0.2.8")
older = importlib.util.find_spec("optax._src.sharding_test") is None
comparable = pytest.mark.skipif(older, reason="the tests of an older optax find optimizers in another way")


@pinned
def test_injected_numbers_are_rounded_to_the_dtype_of_the_parameters():
    params = jnp.ones(2, jnp.bfloat16)
    injected = optax.inject_hyperparams(optax.adam)(0.1, b2=0.999)
    state = injected.init(params)
    assert state.hyperparams["b2"] == 1 and state.hyperparams["b2"].dtype == jnp.bfloat16
    with jax.numpy_dtype_promotion("standard"):
        assert jnp.isnan(injected.update(params, state, params)[0]).all()  # the bias correction divides by 1 − b2
        plain = optax.adam(0.1, b2=0.999)
        np.testing.assert_allclose(plain.update(params, plain.init(params), params)[0].astype(float), -0.1, rtol=0.01)
        wide = optax.inject_hyperparams(optax.adam, hyperparam_dtype=jnp.float32)(0.1, b2=0.999)
        assert jnp.isfinite(wide.update(params, wide.init(params), params)[0]).all()


@pinned
def test_a_gradient_that_is_not_finite_stays_in_the_accumulator_unless_it_is_skipped():
    def emitted(optimizer, **options):
        steps = optax.MultiSteps(optimizer, 2, **options)
        params, found = jnp.zeros(()), []
        state, step = steps.init(params), jax.jit(steps.update)
        for gradient in (1.0, np.nan, 1.0, 1.0, 1.0, 1.0):
            update, state = step(jnp.float32(gradient), state, params)
            found.append(float(update))
        return found

    sgd = optax.sgd(1.0)
    with jax.numpy_dtype_promotion("standard"):
        np.testing.assert_array_equal(emitted(sgd), [0, np.nan, 0, np.nan, 0, np.nan])
        # An inner optimizer that refuses it is never given anything else again ...
        np.testing.assert_array_equal(emitted(optax.apply_if_finite(sgd, 10)), [0, 0, 0, 0, 0, 0])
        # ... and the accumulator's own test keeps it out.
        skipping = emitted(sgd, should_skip_update_fn=optax.skip_not_finite)
        np.testing.assert_array_equal(skipping, [0, 0, -1, 0, -1, 0])


@pinned
def test_adafactor_factors_from_128_rows_and_columns_and_steps_relative_to_the_parameters():
    def numbers(size):
        return sum(leaf.size for leaf in jax.tree.leaves(jax.eval_shape(optax.adafactor(0.1).init, jnp.ones(size))))

    assert numbers((127, 128)) > 127 * 128 and numbers((128, 128)) < 300
    params, gradient = {"small": jnp.full((4, 4), 1.0), "large": jnp.full((4, 4), 10.0)}, jnp.ones((4, 4))
    optimizer = optax.adafactor(0.1)
    with jax.numpy_dtype_promotion("standard"):
        update, _ = optimizer.update(jax.tree.map(lambda _: gradient, params), optimizer.init(params), params)
    np.testing.assert_allclose(update["small"], -0.1, rtol=1e-5)
    np.testing.assert_allclose(update["large"], -1.0, rtol=1e-5)


def cases(file, listing, ours, **replaced):
    """The test classes of an installed file, with our optimizers in the place of its list."""
    spec = importlib.util.find_spec(f"optax._src.{file}")
    if spec is None or spec.origin is None or importlib.util.find_spec("sklearn") is None:
        pytest.skip("the installed optax comes without its tests")
    source = ast.parse(Path(spec.origin).read_text(encoding="utf-8"))
    for statement in source.body:
        if isinstance(statement, ast.Assign) and [ast.unparse(target) for target in statement.targets] == [listing]:
            statement.value = ast.copy_location(ast.Name("OURS", ast.Load()), statement.value)
    names = {"__name__": spec.name, "OURS": ours}
    exec(compile(ast.fix_missing_locations(source), spec.origin, "exec"), names)
    names.update(replaced)
    return names


def failures(case):
    """How many tests were run, and the last lines of those that failed."""
    result, names = unittest.TestResult(), unittest.defaultTestLoader.getTestCaseNames(case)
    # Dtypes of the state, the longest of all, are a column of our own table.
    unittest.TestSuite(case(name) for name in names if "shape_dtype_shard" not in name).run(result)
    failed = {test.id().split(".")[-1]: text.splitlines()[-1] for test, text in result.failures + result.errors}
    return result.testsRun, failed


def factory(_, name):
    return FACTORIES[name][0] if name in FACTORIES else getattr(optax, name)


@comparable
def test_its_tests_of_optimizers_pass_on_ours():
    ours = tuple({"opt_name": name, "opt_kwargs": kwargs} for name, (_, kwargs) in FACTORIES.items())
    names = cases("alias_test", "_OPTIMIZERS_UNDER_TEST", ours, _get_opt=factory)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        run, failed = failures(names["AliasTest"])
    assert not failed
    assert run >= 10 * len(ours)


@comparable
def test_its_tests_of_sharding_pass_on_ours(run_job):
    ((run, failed),) = run_job(1, 8)
    assert not failed
    assert run >= 3 * len(FACTORIES) - 1


if __name__ == "__main__":
    ours = {name: factory(**kwargs) for name, (factory, kwargs) in FACTORIES.items()}
    print(json.dumps(failures(cases("sharding_test", "OPTIMIZERS", ours)["ShardingTest"])))

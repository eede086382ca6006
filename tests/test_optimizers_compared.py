"""The script that compares the optimizers on miniatures of its problems, its committed rows, and what is said of them."""

import json
import re
import sys
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from test_optimizers import ROWS

from kexue.book.pages.measured.comparison import LENGTHS, Comparison, say

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "appendix/optimizers_compared.md").read_text(encoding="utf-8")
RESULTS = json.loads((ROOT / "benchmarks/optimizers_compared.json").read_text(encoding="utf-8"))
TINY = {
    "quadratic": {"steps": 12, "dim": 4},
    "rotated": {"steps": 12, "dim": 4},
    "reddi": {"steps": 200, "frames": 10},
    "digits": {"steps": 6, "batch": 4, "hidden": 4},
    "text": {"steps": 4, "look": 2, "batch": 1, "context": 8, "width": 4, "kinds": 8, "held_out": 2},
}


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import optimizers_compared

    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield optimizers_compared
    del sys.modules["optimizers_compared"]


@pytest.fixture
def comparison():
    return Comparison(RESULTS)


def tiny(script, name, seeds=5):
    return script.PROBLEMS[name](seeds=seeds, **TINY[name])


@pytest.mark.parametrize("name", TINY)
def test_a_miniature_of_each_problem(script, monkeypatch, name):
    monkeypatch.setattr(script, "COARSE", range(0, -12, -3))
    monkeypatch.setattr(script, "MOST_SWEEPS", 1)
    short, long = script.rows(name, tiny(script, name), "optax.adam")
    assert (short["gradients"] * 4, long["length"]) == (long["gradients"], "long")
    for row in (short, long):
        assert len(row["value"]) == 5 and np.isfinite(row["value"]).all() and len(set(row["value"])) > 1
        assert row["sweep"][f"{row['exponent']:g}"] == min(row["sweep"].values())
        assert row["sweep"][f"{row['exponent']:g}"] == pytest.approx(np.mean(row["value"]), abs=1e-4)
    json.dumps(short)


def test_all_optimizers_of_the_list_run(script):
    problem = tiny(script, "digits", seeds=1)
    small = problem._replace(steps=4)
    for name, contender in script.CONTENDERS.items():
        made = contender.make(lambda count: 0.01, small)
        params = {"in": np.ones((2, 2), np.float32), "bias": np.ones(2, np.float32)}
        params |= {"out": params["in"], "offset": params["bias"]}
        step = jax.jit(optax.with_extra_args_support(made).update, static_argnames="grad_fn")
        updates, _ = step(params, made.init(params), params, grad_fn=lambda params, _: params)
        assert jax.tree.map(np.shape, updates) == jax.tree.map(np.shape, params), name
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(updates)), name


def test_the_mean_decides_and_the_best_rate_has_worse_neighbours(script):
    def measure(contender, rates, seeds, steps):
        noise = np.random.default_rng(1).normal(size=len(seeds))
        return {"value": (np.log2(rates)[:, None] - best) ** 2 + 0.01 * noise}

    problem = tiny(script, "quadratic")._replace(measure=measure)
    for best in (3, -7):
        found = script.tuned(script.CONTENDERS["optax.sgd"], problem, 10, near=0)
        assert found["exponent"] == best and found["inside"]
    best = -100
    assert not script.tuned(script.CONTENDERS["optax.sgd"], problem, 10)["inside"]


def test_a_rate_that_ends_in_infinity_is_never_the_best(script):
    def measure(contender, rates, seeds, steps):
        return {"value": np.where(rates > 1, np.nan, 1 / rates)[:, None] + 0 * seeds}

    found = script.tuned(
        script.CONTENDERS["optax.sgd"], tiny(script, "quadratic")._replace(measure=measure), 10, near=3
    )
    assert found["exponent"] == 0 and found["inside"] and found["sweep"]["1"] is None


def test_wrappers_pay_for_all_their_gradients(script):
    """Where the gradient is the same everywhere, SAM is its inner optimizer at half the steps."""
    problem, rates, seeds = tiny(script, "reddi"), np.array([0.1]), np.arange(3)
    sam = problem.measure(script.CONTENDERS["optax.sam"], rates, seeds, 400)
    adam = problem.measure(script.CONTENDERS["optax.adam"], rates, seeds, 200)
    np.testing.assert_allclose(sam["value"], adam["value"], rtol=1e-6)


def test_turning_changes_nothing_for_descent_and_everything_for_adam(script):
    rates, seeds = np.array([0.1]), np.arange(3)
    ends = {}
    for optimizer in ("optax.sgd", "optax.adam"):
        pair = [
            tiny(script, name).measure(script.CONTENDERS[optimizer], rates, seeds, 40)["value"]
            for name in ("quadratic", "rotated")
        ]
        ends[optimizer] = np.abs(pair[0] - pair[1]).max()
    assert ends["optax.sgd"] < 1e-4 and ends["optax.adam"] > 0.01


def test_settings_are_read_from_the_signatures(script):
    assert script.settings(optax.sgd, momentum=0.9) == "sgd(momentum=0.9, nesterov=False)"
    assert script.CONTENDERS["optax.lion"].settings.startswith("lion(b1=0.9, b2=0.99, ")


def test_the_file_is_never_half_written_and_keeps_one_row_a_line(script, monkeypatch, tmp_path):
    monkeypatch.setattr(script, "RESULTS", tmp_path / "results.json")
    results = {"made_with": {"jax": "1"}, "rows": [{"a": 1}, {"b": "−"}]}
    script.write(results)
    text = script.RESULTS.read_text(encoding="utf-8")
    assert json.loads(text) == results and '\n  {"a": 1},\n' in text
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


# The committed rows --------------------------------------------------------------------------------------------------


def test_every_row_of_the_table_of_properties_is_there_or_a_duplicate(script):
    def base(name):
        return name.partition(",")[0]

    there = {base(name) for name in RESULTS["optimizers"]} | set(RESULTS["duplicates"])
    assert {base(name) for name in ROWS} <= there
    assert list(RESULTS["optimizers"]) == list(script.CONTENDERS)
    if RESULTS["made_with"]["optax"] == optax.__version__:
        assert RESULTS["optimizers"] == {name: contender.settings for name, contender in script.CONTENDERS.items()}
    assert RESULTS["duplicates"] == script.DUPLICATES


def test_all_optimizers_stand_at_both_lengths_of_all_problems(script):
    places = [(row["problem"], row["optimizer"], row["length"]) for row in RESULTS["rows"]]
    assert places == [(p, o, length) for p in script.PROBLEMS for o in script.CONTENDERS for length in LENGTHS]
    assert list(RESULTS["problems"]) == list(script.PROBLEMS)


@pytest.mark.parametrize("row", RESULTS["rows"], ids=lambda row: f"{row['problem']}-{row['optimizer']}-{row['length']}")
def test_a_row_is_tuned_and_has_its_seeds(row):
    about = RESULTS["problems"][row["problem"]]
    assert len(row["value"]) == about["seeds"] >= 5
    assert row["gradients"] == about["steps"] * {"short": 1, "long": 4}[row["length"]]
    sweep = {float(e): value for e, value in row["sweep"].items()}
    best = sweep[row["exponent"]]
    assert best == pytest.approx(np.mean(row["value"]), rel=1e-3, abs=1e-4)
    assert best == min(value for value in sweep.values() if value is not None)
    inside = min(sweep) < row["exponent"] < max(sweep)
    assert inside == row["inside"]
    if inside:  # neighbours at most half a power of two away
        assert sum(0 < abs(e - row["exponent"]) <= 0.5 for e in sweep) >= 2
    # Only where the best is not to move at all.
    assert inside or (row["problem"] == "reddi" and row["exponent"] == min(sweep) and abs(best - 1) < 0.02)


def test_the_file_says_where_it_was_made_and_nothing_of_that_machine_else():
    assert set(RESULTS["made_with"]) == {"python", "jax", "optax", "numpy", "processor"}
    assert not re.search(r"/(home|root|tmp|work)\b", json.dumps(RESULTS))


# What the page says --------------------------------------------------------------------------------------------------

ROLE = re.compile(r"\{compared\}`([^`]+)`")


def test_every_number_of_the_page_comes_from_the_file(comparison):
    assert all(say(comparison, text) for text in ROLE.findall(PAGE))
    prose = re.sub(
        r"^```\{.*?^```$|\$[^$]*\$|`[^`]*`|\]\([^)]*\)|^\{\.figure-caption\}$",
        " ",
        ROLE.sub(" ", PAGE),
        flags=re.M | re.S,
    )
    assert not re.findall(r"\S*\d\S*", prose)
    counted = r"\b(three|four|five|six|seven|eight|nine|ten|twelve|dozen|twenty|hundred|thousand|half|twice|third)\b"
    assert not re.findall(counted, prose), "written as a role, a count follows the file"
    assert 600 <= len(re.findall(r"[A-Za-z][A-Za-z'-]+", prose)) <= 1200


def test_every_problem_has_its_picture_and_caption():
    shown = re.findall(r"^```\{comparison\} (\w+)\n```\n\n\{\.figure-caption\}\n\S", PAGE, re.M)
    assert shown == list(RESULTS["problems"])


# What a sentence says without a number, and what of the file has to be so. Times are "short" and "long".
SAID = {
    "coordinate by coordinate, ends together with Adam": lambda c: all(
        abs(c.difference("quadratic", n, "long")[0]) < 0.03
        for n in ("rmsprop", "rmsprop, eps outside", "adax", "optax.adagrad", "adafactor", "optax.amsgrad")
    ),
    "momentum does not help it": lambda c: c.difference("quadratic", "heavy_ball", "long", "optax.sgd")[0] > -0.01,
    "`nesterov`, whose momentum grows without end": lambda c: all(
        c.sorted(p, n)[-1] == "nesterov" and c.rows[p, "nesterov", n]["exponent"] < -7
        for p in ("quadratic", "rotated")
        for n in LENGTHS
    ),
    "plain descent is even a little lower now": lambda c: c.verdict("rotated", "optax.sgd", "long") == "better",
    "All that is still far from Adam is worse, but for": lambda c: (
        {n for n in c.rivals if c.difference("rotated", n, "long")[0] < -0.05}
        == {"optax.adagrad", "with_schedule, sgd", "average", "average, sgd"}
    ),
    "So this is a schedule, and no geometry": lambda c: (
        abs(c.difference("rotated", "optax.adagrad", "long", "with_schedule, sgd")[0]) < 0.03
    ),
    "leads in both pictures at both lengths, and hardly notices the turn": lambda c: (
        all(c.sorted(p, n)[0] == "average" for p in ("quadratic", "rotated") for n in LENGTHS)
        and abs(c.turned("average", "long")[0]) < 2 * c.turned("average", "long")[1]
    ),
    "Adam does best by not moving": lambda c: all(c.stands("reddi", c.reference, n) for n in LENGTHS),
    "and `nesterov` not behind": lambda c: c.sorted("reddi")[0] == "nesterov",
    "`accumulate` stands halfway": lambda c: (
        c.verdict("reddi", "accumulate", "long") == "better"
        and not c.stands("reddi", "accumulate", "long")
        and c.sorted("reddi").index("accumulate") == len(c.names("reddi", "long", "better")) - 1
    ),
    "verdicts change, nearly all from told apart to not": lambda c: (
        not c.flipped("digits")
        and sum(c.verdict("digits", n, "long") == "alike" for n in c.changed("digits")) > 0.8 * len(c.changed("digits"))
    ),
    "`lookahead`, `accumulate` and the versions of `rmsprop` lag only in the shorter run": lambda c: all(
        (c.verdict("digits", n, "short"), c.verdict("digits", n, "long")) == ("worse", "alike")
        for n in c.rivals
        if n.startswith(("lookahead", "accumulate", "rmsprop"))
    ),
    "is worse than Adam here, at both lengths": lambda c: all(
        c.verdict("digits", "average", n) == "worse" for n in LENGTHS
    ),
    "`heavy_ball` cannot be told apart from Adam at either length": lambda c: all(
        c.verdict("digits", "heavy_ball", n) == "alike" for n in LENGTHS
    ),
    "none is better than Adam everywhere": lambda c: (
        not any(all(c.verdict(p, n, "long") == "better" for p in c.results["problems"]) for n in c.rivals)
    ),
    "The leaders are": lambda c: (
        c.sorted("text")[:4] == ["adafactor, factored", "adafactor", "optax.lamb", "layer_adapt"]
        and c.difference("text", "layer_adapt", "long")[0] < 3 * c.difference("text", c.sorted("text")[4], "long")[0]
    ),
    "Without such units differences are small again": lambda c: (
        c.sorted("text")[4:7] == ["optax.muon", "lookahead", "optax.nadam"]
    ),
    "momentum does not make up for it": lambda c: c.difference("text", "heavy_ball", "long")[0] > 0.05,
    "Both kinds of `average` lose again": lambda c: all(
        c.verdict("text", n, "long") == "worse" for n in ("average", "average, sgd")
    ),
    "one changes sides": lambda c: len(c.flipped("text")) == 1,
    "Scaling each coordinate helps where the axes are coordinates, and nowhere else on a quadratic": lambda c: all(
        c.verdict("quadratic", "optax.sgd", n) == "worse" and c.verdict("rotated", "optax.sgd", n) != "worse"
        for n in LENGTHS
    ),
    "Signs alone (`lion`, `bend_gradients`) and a second gradient for each step": lambda c: all(
        c.verdict(p, n, length) == ("alike" if p == "reddi" else "worse")
        for p in c.results["problems"]
        for n in ("optax.lion", "bend_gradients, sign", "optax.sam")
        for length in LENGTHS
    ),
    "`adamw` and Adam, anywhere, at this decay": lambda c: all(
        c.verdict(p, "optax.adamw", "long") == "alike" for p in c.results["problems"]
    ),
    "`muon` on both quadratics is `nadam`": lambda c: all(
        c.difference(p, "optax.muon", n, "optax.nadam") == (0, 0) for p in ("quadratic", "rotated") for n in LENGTHS
    ),
}


@pytest.mark.parametrize("words", SAID)
def test_what_the_page_says_in_words_is_so(comparison, words):
    assert words in " ".join(PAGE.split())
    assert SAID[words](comparison)

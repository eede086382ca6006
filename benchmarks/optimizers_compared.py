"""Every optimizer on the same five problems, each at its own best rate: writes ``optimizers_compared.json``.

    python benchmarks/optimizers_compared.py                 # what is missing in the file; a row is kept once it is there
    python benchmarks/optimizers_compared.py --fresh         # all of it, about twenty minutes on one core

A row is one optimizer on one problem at one length. All optimizers get the same starts, batches, schedule, number of
gradients and grid of rates; the rate is tuned by :func:`tuned`, and everything else stands at its documented default.
"""

import argparse
import functools
import json
import os
import platform
import re
from collections.abc import Callable, Iterable
from importlib.metadata import version
from inspect import signature
from pathlib import Path
from time import process_time
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from kexue import data
from kexue.dynamics import heavy_ball, nesterov, rmsprop
from kexue.optimizers import (
    accumulate,
    adafactor,
    adax,
    adaxw,
    average,
    averaged_params,
    bend_gradients,
    discriminative_rates,
    layer_adapt,
    lazy,
    lookahead,
    online_linear,
    slow_params,
    with_schedule,
)

RESULTS = Path(__file__).with_suffix(".json")
REFERENCE = "optax.adam"
LENGTHS = {"short": 1, "long": 4}
RATES_AT_ONCE = 4  # neighbours on the grid of the powers of two
MOST_SWEEPS = 6
FINER = (-0.5, -0.25, 0.25, 0.5)
COARSE = range(9, -15, -2)  # exponents: where the search for the best rate begins

# Optimizers ----------------------------------------------------------------------------------------------------------

Schedule = Callable[[Any], Any]


class Contender(NamedTuple):
    """An optimizer: how it is made from a schedule, what is judged in the end, and the gradients a step takes."""

    make: Callable[[Schedule, "Problem"], optax.GradientTransformation]
    settings: str
    judged: Callable[[Any, Any], Any] = lambda params, state: params
    evaluations: int = 1


def settings(function: Callable[..., Any], **given: Any) -> str:
    """A call as one reads it, all defaults written out that are numbers or names."""
    defaults = {name: parameter.default for name, parameter in signature(function).parameters.items()}
    shown = {name: value for name, value in (defaults | given).items() if _is_shown(value)}
    words = [f"{name}={value:g}" if type(value) is float else f"{name}={value}" for name, value in shown.items()]
    inner = getattr(function, "func", function)
    return f"{inner.__name__}({', '.join(words)})"


def _is_shown(value: Any) -> bool:
    return isinstance(value, bool | int | float | str) or (isinstance(value, tuple) and value != ())


def plain(function: Callable[..., Any], **given: Any) -> Contender:
    return Contender(lambda rate, problem: function(rate, **given), settings(function, **given))


def around_adam(wrapper: Callable[..., Any], outer: str = "", **more: Any) -> Contender:
    """``wrapper(adam, problem)``."""
    return Contender(
        lambda rate, problem: wrapper(optax.adam(rate), problem), f"{outer} around {settings(optax.adam)}", **more
    )


def falling(count: Any) -> Any:
    """One over the root of the step, on top of the schedule that all have: what Adagrad's growing sum does by itself."""
    return jax.lax.rsqrt(count + 1.0)


def sam(rate: Schedule, problem: "Problem") -> optax.GradientTransformation:
    climb = optax.chain(optax.contrib.normalize(), optax.sgd(SAM_RADIUS))
    return optax.contrib.sam(optax.adam(rate), climb, opaque_mode=True)


PAIR = 2  # gradients that `accumulate` gathers, and that SAM takes for a step
MOMENTUM = 0.9
SAM_RADIUS = 0.1  # that of optax's documentation
CONTENDERS = {
    "optax.sgd": plain(optax.sgd),
    "heavy_ball": plain(heavy_ball, momentum=MOMENTUM),
    "heavy_ball, half step": plain(heavy_ball, momentum=MOMENTUM, half_step_start=True),
    "nesterov": plain(nesterov),
    "rmsprop": plain(rmsprop),
    "rmsprop, eps outside": plain(rmsprop, eps_in_sqrt=False),
    "rmsprop by leaf": plain(rmsprop, per="leaf"),
    "rmsprop by tree": plain(rmsprop, per="tree"),
    "adafactor": plain(adafactor),
    "adafactor, factored": plain(adafactor, min_dim_to_factor=2),
    "adax": plain(adax),
    "adaxw": plain(adaxw),
    "accumulate": Contender(
        lambda rate, problem: accumulate(optax.adam(lambda count: rate(PAIR * count)), PAIR),
        f"{settings(accumulate, every_k=PAIR)} around {settings(optax.adam)}",
    ),
    "average": around_adam(
        lambda adam, problem: average(adam),
        settings(average),
        judged=lambda params, state: averaged_params(state),
    ),
    "average, sgd": Contender(
        lambda rate, problem: average(optax.sgd(rate)),
        f"{settings(average)} around {settings(optax.sgd)}",
        judged=lambda params, state: averaged_params(state),
    ),
    "with_schedule, sgd": Contender(
        lambda rate, problem: with_schedule(optax.sgd(rate), falling),
        f"with_schedule(1/√t) around {settings(optax.sgd)}",
    ),
    "layer_adapt": Contender(
        lambda rate, problem: layer_adapt(optax.sgd(rate), rate),
        f"{settings(layer_adapt)} around {settings(optax.sgd)}",
    ),
    "lazy": around_adam(lambda adam, problem: lazy(adam, problem.tables), settings(lazy)),
    "lookahead": around_adam(
        lambda adam, problem: lookahead(adam),
        settings(lookahead),
        judged=lambda params, state: slow_params(state),
    ),
    "discriminative_rates": around_adam(
        lambda adam, problem: optax.chain(adam, discriminative_rates(problem.layers)), settings(discriminative_rates)
    ),
    "bend_gradients, sign": Contender(
        lambda rate, problem: optax.chain(bend_gradients({".*": jnp.sign}), optax.sgd(rate)),
        f"bend_gradients(sign) before {settings(optax.sgd)}",
    ),
    "optax.adam": plain(optax.adam),
    "optax.adamw": plain(optax.adamw),
    "optax.lamb": plain(optax.lamb),
    "optax.lion": plain(optax.lion),
    "optax.adagrad": plain(optax.adagrad),
    "optax.amsgrad": plain(optax.amsgrad),
    "optax.nadam": plain(optax.nadam),
    "optax.muon": plain(optax.contrib.muon),
    "optax.sam": Contender(
        sam,
        f"{settings(optax.contrib.sam, opaque_mode=True)}, radius {SAM_RADIUS}, around {settings(optax.adam)}",
        evaluations=PAIR,
    ),
}
# Rows of the table of properties that need no run of their own.
DUPLICATES = {
    "scale_by_root_mean_square": "`rmsprop` without its rate",
    "weight_decay": "around Adam it is `optax.adamw`",
    "rates_by_path": "what `discriminative_rates` is made of",
    "reparametrize": "a change of the rate, which tuning undoes",
    "optax.adafactor": "the updates of `adafactor`",
}

# Problems ------------------------------------------------------------------------------------------------------------


class Problem(NamedTuple):
    """What is minimised, and what is compared in the end: `measure` maps rates and seeds to figures by length."""

    title: str
    unit: str
    """What the figure of a row is; lower is better."""
    steps: int
    """Gradients of the short length."""
    seeds: int
    about: dict[str, Any]
    measure: Callable[[Contender, np.ndarray, np.ndarray, int], dict[str, np.ndarray]]
    layers: tuple[str, ...] = (".*",)
    tables: Any = False
    look: int | None = None
    """Gradients of the first look at all rates; without it, each length looks for itself."""


def descent(
    contender: Contender,
    problem: Problem,
    start: Callable[[Any], Any],
    loss: Callable[[Any, Any, Any], Any],
    draw: Callable[[Any], Any],
    rate: Any,
    key: Any,
    steps: Any,
) -> Any:
    """The parameters in the end. ``start(key)``, ``draw(key)`` a batch, ``loss(params, batch, key)``."""
    updates_in_all, stream = steps // contender.evaluations, jax.random.fold_in(key, 0)
    optimizer = contender.make(lambda count: rate * (1 - count / updates_in_all), problem)
    optimizer = optax.with_extra_args_support(optimizer)

    def step(k: Any, carry: tuple[Any, Any]) -> tuple[Any, Any]:
        params, state = carry
        batch = draw(jax.random.fold_in(stream, k))
        gradient_at = jax.grad(lambda params, _: loss(params, batch, key))
        updates, state = optimizer.update(gradient_at(params, 0), state, params, grad_fn=gradient_at)
        return optax.apply_updates(params, updates), state

    params = start(key)
    params, state = jax.lax.fori_loop(0, updates_in_all, step, (params, optimizer.init(params)))
    return contender.judged(params, state)


def trained(
    start: Callable[[Any], Any],
    loss: Callable[[Any, Any, Any], Any],
    draw: Callable[[Any], Any],
    judge: Callable[[Any, Any], dict[str, Any]],
    **about: Any,
) -> Problem:
    """A problem of descent with a rate that falls in a straight line to zero."""

    @functools.cache
    def compiled(contender: Contender) -> Any:
        def one(rate: Any, seed: Any, steps: Any) -> dict[str, Any]:
            key = jax.random.fold_in(jax.random.key(0), seed)
            return judge(descent(contender, problem, start, loss, draw, rate, key, steps), key)

        return jax.jit(jax.vmap(one, (0, 0, None)))

    def measure(contender: Contender, rates: np.ndarray, seeds: np.ndarray, steps: int) -> dict[str, np.ndarray]:
        pairs = np.repeat(rates, len(seeds)).astype(np.float32), np.tile(seeds, len(rates))
        found = compiled(contender)(*pairs, steps)
        return {name: np.asarray(values).reshape(len(rates), -1) for name, values in found.items()}

    problem = Problem(measure=measure, **about)
    return problem


def quadratic(is_rotated: bool, steps: int = 500, seeds: int = 20, dim: int = 32, condition: float = 1e3) -> Problem:
    """Half the sum of curvatures times squares, from one random point to another, with noise as of a mini-batch."""
    curvature = jnp.asarray(condition ** -np.linspace(0, 1, dim), jnp.float32)
    noise = 0.3

    def axes(key: Any) -> Any:
        return jax.random.orthogonal(jax.random.fold_in(key, 1), dim) if is_rotated else jnp.eye(dim)

    def along_axes(theta: Any, key: Any) -> Any:
        return axes(key) @ theta - jax.random.normal(jax.random.fold_in(key, 2), (dim,))

    def start(key: Any) -> Any:
        return axes(key).T @ jax.random.normal(jax.random.fold_in(key, 3), (dim,))

    def loss(theta: Any, push: Any, key: Any) -> Any:
        z = along_axes(theta, key)
        return jnp.sum(curvature * z**2 / 2 + noise * jnp.sqrt(curvature) * push * z)

    def judge(theta: Any, key: Any) -> dict[str, Any]:
        return {"value": jnp.log10(jnp.sum(curvature * along_axes(theta, key) ** 2 / 2))}

    start_loss = float(np.log10(np.sum(np.asarray(curvature))))  # both points are standard normal
    return trained(
        start,
        loss,
        lambda key: jax.random.normal(key, (dim,)),
        judge,
        title="rotated quadratic" if is_rotated else "quadratic",
        unit="log10 of the loss",
        steps=steps,
        seeds=seeds,
        about={"dimension": dim, "condition": condition, "noise": noise, "trivial": start_loss},
    )


def reddi(steps: int = 20_000, seeds: int = 20, chance: float = 1e-3, mean: float = 0.3, frames: int = 100) -> Problem:
    """Reddi's linear losses: rarely a large gradient, otherwise −1; the mean is positive, the best point −1.

    The figure is the regret of all points played, in units of what standing still at the start regrets.
    """
    large = (1 + mean) / chance - 1

    def sampler(key: Any, t: Any) -> Any:
        return jnp.where(jax.random.bernoulli(key, chance), large, -1.0)

    @functools.cache
    def compiled(contender: Contender, steps: int) -> Any:
        def one(rate: Any, seed: Any) -> Any:
            optimizer = contender.make(lambda count: rate * jax.lax.rsqrt(count + 1.0), problem)
            optimizer = optax.with_extra_args_support(optimizer)

            def update(g: Any, state: Any, x: Any) -> Any:
                return optimizer.update(g, state, x, grad_fn=lambda x, _: g)

            played = optax.GradientTransformation(optimizer.init, update)
            key = jax.random.fold_in(jax.random.key(0), seed)
            count = steps // contender.evaluations
            x = online_linear(sampler, played, key, count, 1, frames=frames)[:, 0]
            return {"value": jnp.mean(x) + 1, "position": x[-1]}

        return jax.jit(jax.vmap(one))

    def measure(contender: Contender, rates: np.ndarray, seeds: np.ndarray, steps: int) -> dict[str, np.ndarray]:
        pairs = np.repeat(rates, len(seeds)).astype(np.float32), np.tile(seeds, len(rates))
        found = compiled(contender, steps)(*pairs)
        return {name: np.asarray(values).reshape(len(rates), -1) for name, values in found.items()}

    problem = Problem(
        title="Reddi’s losses",
        unit="regret over that of standing still",
        steps=steps,
        seeds=seeds,
        about={"large": large, "chance": chance, "mean": mean, "trivial": 1.0},
        measure=measure,
    )
    return problem


def digits(steps: int = 300, seeds: int = 10, batch: int = 32, hidden: int = 24) -> Problem:
    """Images of digits, a network with one hidden layer; the figure is the loss on images that it has not seen."""
    table, order = data.digits(), np.random.default_rng(0).permutation(1797)
    pictures = jnp.asarray(table.inputs[order] / 16, jnp.float32)
    names = jnp.asarray(table.targets[order])
    seen = 1500

    def start(key: Any) -> Any:
        return {
            "in": jax.random.normal(jax.random.fold_in(key, 1), (64, hidden)) * (2 / 64) ** 0.5,
            "bias": jnp.zeros(hidden),
            "out": jax.random.normal(jax.random.fold_in(key, 2), (hidden, 10)) * (1 / hidden) ** 0.5,
            "offset": jnp.zeros(10),
        }

    def scores(theta: Any, pictures: Any) -> Any:
        return jax.nn.relu(pictures @ theta["in"] + theta["bias"]) @ theta["out"] + theta["offset"]

    def surprise(theta: Any, rows: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(scores(theta, pictures[rows]), names[rows]).mean()

    def judge(theta: Any, key: Any) -> dict[str, Any]:
        unseen = jnp.arange(seen, len(names))
        right = scores(theta, pictures[unseen]).argmax(1) == names[unseen]
        return {"value": surprise(theta, unseen), "accuracy": jnp.mean(right)}

    shares = np.bincount(table.targets[order][:seen]) / seen
    trivial = -float(np.log(shares)[table.targets[order][seen:]].mean())
    return trained(
        start,
        lambda theta, rows, key: surprise(theta, rows),
        lambda key: jax.random.randint(key, (batch,), 0, seen),
        judge,
        title="digits",
        unit="test loss",
        steps=steps,
        seeds=seeds,
        about={"batch": batch, "hidden": hidden, "seen": seen, "unseen": len(order) - seen, "trivial": trivial},
        layers=("in|bias", "out|offset"),
        tables={"in": True, "bias": False, "out": False, "offset": False},
    )


def text(
    steps: int = 120,
    look: int = 40,
    seeds: int = 5,
    batch: int = 4,
    context: int = 32,
    width: int = 32,
    kinds: int = 256,
    held_out: int = 64,
) -> Problem:
    """Characters of a newspaper, a Transformer of one layer; the figure is the loss on a later part, in nats."""
    letters = ["".join(word for line in data.peoples_daily(part) for word, _ in line) for part in ("train", "dev")]
    known, counts = np.unique([*letters[0]], return_counts=True)
    common = known[np.argsort(-counts, kind="stable")[: kinds - 1]]
    numbers = {letter: number for number, letter in enumerate(common, 1)}  # 0 is any other character
    read, later = (np.array([numbers.get(letter, 0) for letter in part], np.int32) for part in letters)
    places = np.linspace(0, len(later) - context - 1, held_out).astype(int)
    train, test = jnp.asarray(read), jnp.asarray(later[places[:, None] + np.arange(context + 1)])
    heads, inner = 2, 2 * width
    shapes = {
        "embed": (kinds, width),
        "place": (context, width),
        "attend": (width, 3 * width),
        "join": (width, width),
        "up": (width, inner),
        "down": (inner, width),
        "out": (width, kinds),
    }
    mask = jnp.tril(jnp.ones((context, context), bool))

    def start(key: Any) -> Any:
        keys = {name: jax.random.fold_in(key, 1 + i) for i, name in enumerate(shapes)}
        scales = {name: 1.0 if name in ("embed", "place") else shape[0] ** -0.5 for name, shape in shapes.items()}
        return {name: scales[name] * jax.random.normal(keys[name], shape) for name, shape in shapes.items()}

    def normal(x: Any) -> Any:
        return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-6)

    def loss(theta: Any, pieces: Any, key: Any = None) -> Any:
        x = theta["embed"][pieces[:, :-1]] + theta["place"][None]
        mixed = (normal(x) @ theta["attend"]).reshape(*x.shape[:2], 3, heads, width // heads)
        query, what, value = jnp.moveaxis(mixed, (2, 3), (0, 2))  # each: pieces, heads, places, width
        looks = jnp.where(mask, query @ jnp.swapaxes(what, -1, -2) * (width // heads) ** -0.5, -jnp.inf)
        seen = jnp.moveaxis(jax.nn.softmax(looks) @ value, 1, 2).reshape(x.shape)
        x = x + seen @ theta["join"]
        x = x + jax.nn.relu(normal(x) @ theta["up"]) @ theta["down"]
        scores = normal(x) @ theta["out"]
        return optax.softmax_cross_entropy_with_integer_labels(scores, pieces[:, 1:]).mean()

    def draw(key: Any) -> Any:
        first = jax.random.randint(key, (batch, 1), 0, len(read) - context - 1)
        return train[first + jnp.arange(context + 1)[None]]

    shares = (np.bincount(read, minlength=kinds) + 1) / (len(read) + kinds)
    return trained(
        start,
        loss,
        draw,
        lambda theta, key: {"value": loss(theta, test)},
        title="text",
        unit="test loss, nats a character",
        steps=steps,
        seeds=seeds,
        about={
            "batch": batch,
            "context": context,
            "width": width,
            "characters": kinds,
            "parameters": int(sum(np.prod(shape) for shape in shapes.values())),
            "trivial": -float(np.log(shares)[np.asarray(test)[:, 1:]].mean()),
        },
        layers=("embed|place", "attend|join|up|down", "out"),
        tables={name: name == "embed" for name in shapes},
        look=look,
    )


PROBLEMS: dict[str, Callable[..., Problem]] = {
    "quadratic": functools.partial(quadratic, False),
    "rotated": functools.partial(quadratic, True),
    "reddi": reddi,
    "digits": digits,
    "text": text,
}

# Tuning --------------------------------------------------------------------------------------------------------------


def tuned(contender: Contender, problem: Problem, steps: int, near: float | None = None) -> dict[str, Any]:
    """The figures at the best rate, and how it was found; rates are powers of two, whose exponents are kept.

    Without ``near`` a look at widely spaced rates says where to begin. Then four neighbours at a time, for all seeds,
    until the rate with the best mean has a worse one on either side, or `MOST_SWEEPS` are done; and last, between
    that rate and its neighbours, four more.
    """
    seeds = np.arange(problem.seeds)
    found: dict[float, dict[str, np.ndarray]] = {}

    def sweep(exponents: Iterable[float]) -> float:
        exponents = [float(exponent) for exponent in exponents]
        measured = problem.measure(contender, 2.0 ** np.array(exponents), seeds, steps)
        for i, exponent in enumerate(exponents):
            found[exponent] = {name: values[i] for name, values in measured.items()}
        return min(sorted(found), key=mean)

    def mean(exponent: float) -> float:
        value = float(np.mean(found[exponent]["value"]))
        return value if np.isfinite(value) else np.inf

    if near is None:
        near = _first_look(contender, problem, problem.look or steps)
    middle = round(near)
    exponent = sweep(range(middle - 2, middle - 2 + RATES_AT_ONCE))
    for _ in range(MOST_SWEEPS - 1):
        if exponent == min(found):
            exponent = sweep(exponent - 1 - np.arange(RATES_AT_ONCE))
        elif exponent == max(found):
            exponent = sweep(exponent + 1 + np.arange(RATES_AT_ONCE))
        else:
            exponent = sweep(exponent + np.array(FINER))
            break
    return {
        "exponent": exponent,
        "inside": min(found) < exponent < max(found),
        "sweep": {f"{e:g}": _short(mean(e)) for e in sorted(found)},
        **{name: [_short(float(x)) for x in values] for name, values in found[exponent].items()},
    }


def _first_look(contender: Contender, problem: Problem, steps: int) -> int:
    """Of widely spaced rates, as many at once as later, the exponent of the best."""
    means = []
    for i in range(0, len(COARSE), RATES_AT_ONCE):
        rates = 2.0 ** np.array(COARSE[i : i + RATES_AT_ONCE])
        means.append(problem.measure(contender, rates, np.arange(problem.seeds), steps)["value"].mean(axis=1))
    return COARSE[int(np.argmin(np.nan_to_num(np.concatenate(means), nan=np.inf)))]


def _short(value: float) -> float | None:
    return float(f"{value:.5g}") if np.isfinite(value) else None


def rows(name: str, problem: Problem, optimizer: str) -> list[dict[str, Any]]:
    """One row a length."""
    contender, near, made = CONTENDERS[optimizer], None, []
    for length, times in LENGTHS.items():
        steps = times * problem.steps
        found = tuned(contender, problem, steps, near)
        near = found["exponent"] if problem.look else None
        made.append({"problem": name, "optimizer": optimizer, "length": length, "gradients": steps, **found})
    return made


def machine() -> dict[str, str]:
    try:
        cpu = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    except OSError:
        cpu = None
    software = {name: version(name) for name in ("jax", "optax", "numpy")}
    return {"python": platform.python_version(), **software, "processor": cpu[1] if cpu else platform.machine()}


def write(results: dict[str, Any]) -> None:
    """One row a line, and never half a file."""
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in results["rows"])
    head = json.dumps({k: v for k, v in results.items() if k != "rows"}, indent=1, ensure_ascii=False)
    partial = RESULTS.with_suffix(".partial")
    partial.write_text(head.removesuffix("\n}") + ',\n "rows": [\n' + lines + "\n ]\n}\n", encoding="utf-8")
    os.replace(partial, RESULTS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fresh", action="store_true", help="forget the rows that are there")
    parser.add_argument("--only", nargs="*", default=[*PROBLEMS], choices=[*PROBLEMS], help="problems; default: all")
    options = parser.parse_args()
    # Half of the time is compilation; with fewer optimisations it is half as long, and the runs are as fast.
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")
    old = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() and not options.fresh else {}
    kept = [row for row in old.get("rows", []) if row["optimizer"] in CONTENDERS]
    results: dict[str, Any] = {
        "made_with": machine(),
        "seconds": old.get("seconds", 0.0),
        "reference": REFERENCE,
        "optimizers": {name: contender.settings for name, contender in CONTENDERS.items()},
        "duplicates": DUPLICATES,
        "problems": old.get("problems", {}),
        "rows": kept,
    }
    order = [*CONTENDERS]
    for name in options.only:
        problem = PROBLEMS[name]()
        about = {"title": problem.title, "unit": problem.unit, "steps": problem.steps, "seeds": problem.seeds}
        results["problems"][name] = about | problem.about
        for optimizer in order:
            if any((row["problem"], row["optimizer"]) == (name, optimizer) for row in results["rows"]):
                continue
            before = process_time()
            new = rows(name, problem, optimizer)
            spent = process_time() - before
            results["seconds"] = round(results["seconds"] + spent, 1)
            places = [*PROBLEMS]
            results["rows"] = sorted(
                [*results["rows"], *new], key=lambda row: (places.index(row["problem"]), order.index(row["optimizer"]))
            )
            write(results)
            short, long = (f"{np.mean(row['value']):.4g} at 2^{row['exponent']:g}" for row in new)
            print(f"{name:10} {optimizer:24} {short:22} {long:22} {spent:5.1f} s", flush=True)
            jax.clear_caches()


if __name__ == "__main__":
    main()

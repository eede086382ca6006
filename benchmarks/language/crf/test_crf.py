"""A linear-chain CRF beside pytorch-crf, one thread each: loss with gradients, and the best tag sequences."""

import os
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kexue.language import crf_nll, crf_score, crf_viterbi

pytestmark = pytest.mark.filterwarnings("ignore:where received a uint8 condition tensor")
SEQUENCES, STEPS = 64, 128


@cache
def inputs(k):
    rng = np.random.default_rng(k)
    sizes = {"h": (SEQUENCES, STEPS, k), "g": (k, k), "start": (k,), "end": (k,)}
    scores = {name: rng.normal(0, 1, size).astype(np.float32) for name, size in sizes.items()}
    return scores, rng.integers(0, k, (SEQUENCES, STEPS))


@pytest.fixture(autouse=True)
def one_core():
    """JAX's threads follow the process: they share what it may run on."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    yield
    os.sched_setaffinity(0, cores)


def ours_loss(k):
    scores, tags = inputs(k)

    def loss(h, g, start, end):
        return jnp.sum(jax.vmap(lambda h, y: crf_nll(h, g, y, start=start, end=end))(h, tags))

    run = jax.jit(jax.value_and_grad(loss, (0, 1, 2, 3)))
    arguments = [jnp.asarray(scores[name]) for name in ("h", "g", "start", "end")]
    return lambda: run(*arguments)


def ours_best(k):
    h, g, start, end = (jnp.asarray(array) for array in inputs(k)[0].values())
    run = jax.jit(jax.vmap(lambda h: crf_viterbi(h, g, start=start, end=end)))
    return lambda: run(h)[::-1]


def peer(k):
    torch, torchcrf = pytest.importorskip("torch"), pytest.importorskip("torchcrf")
    torch.set_num_threads(1)
    scores, tags = inputs(k)
    crf = torchcrf.CRF(k, batch_first=True)
    with torch.no_grad():
        crf.transitions.copy_(torch.tensor(scores["g"]))
        crf.start_transitions.copy_(torch.tensor(scores["start"]))
        crf.end_transitions.copy_(torch.tensor(scores["end"]))
    mask = torch.ones(SEQUENCES, STEPS, dtype=torch.bool)
    return torch, crf, torch.tensor(scores["h"], requires_grad=True), torch.tensor(tags), mask


def torch_loss(k):
    _, crf, h, tags, mask = peer(k)

    def call():
        h.grad = None
        crf.zero_grad()
        loss = -crf(h, tags, mask)
        loss.backward()
        return loss.detach().numpy(), h.grad.numpy()

    return call


def torch_best(k):
    """The scores of the sequences that it finds: it returns none itself."""
    torch, crf, h, _, mask = peer(k)
    scores = {name: jnp.asarray(array) for name, array in inputs(k)[0].items()}
    ends = {name: scores[name] for name in ("start", "end")}
    score = jax.jit(jax.vmap(lambda h, y: crf_score(h, scores["g"], y, **ends)))
    found = {}

    def call():
        with torch.no_grad():
            tags = crf.decode(h, mask)
        if "scores" not in found:  # in the first call, which is not measured
            found["scores"] = np.asarray(score(scores["h"], np.array(tags)))
        return found["scores"]

    return call


LOSSES = pytest.mark.parametrize(
    "make", [pytest.param(ours_loss, id="kexue.language.crf_nll"), pytest.param(torch_loss, id="pytorch-crf")]
)
DECODERS = pytest.mark.parametrize(
    "make", [pytest.param(ours_best, id="kexue.language.crf_viterbi"), pytest.param(torch_best, id="pytorch-crf")]
)


@pytest.mark.benchmark(group="CRF loss and gradients, 64 × 128 steps, 4 tags")
@LOSSES
def test_loss_of_4_tags(measure, make):
    measure(make(4), tolerance=1e-6)


@pytest.mark.benchmark(group="CRF loss and gradients, 64 × 128 steps, 32 tags")
@LOSSES
def test_loss_of_32_tags(measure, make):
    measure(make(32), tolerance=1e-6)


@pytest.mark.benchmark(group="Viterbi, 64 × 128 steps, 4 tags")
@DECODERS
def test_best_of_4_tags(measure, make):
    measure(make(4), tolerance=1e-6)


@pytest.mark.benchmark(group="Viterbi, 64 × 128 steps, 32 tags")
@DECODERS
def test_best_of_32_tags(measure, make):
    measure(make(32), tolerance=1e-6)

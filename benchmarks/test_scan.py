"""The loop under everything here: ``lax.scan`` that stacks one number a step.

A chapter that runs on JAX 0.11.1 warns because of this workload. On CPU, its compiled loops copy the whole output buffer at each step
in order to write one element, so that 200,000 steps cost 200,000 × 200,000 writes. The versions before and after it
write the element in place. The peer is the same loop without the stack: what the arithmetic alone takes.
"""

import jax
import pytest

STEPS = 200_000


def last_and_all(x):
    return jax.lax.scan(lambda x, _: (0.999 * x + 1, x), x, length=STEPS)


def last(x):
    return jax.lax.scan(lambda x, _: (0.999 * x + 1, None), x, length=STEPS)


@pytest.mark.benchmark(group="a loop of 200,000 scalar steps that keeps all of them")
@pytest.mark.parametrize(
    "way",
    [pytest.param(last_and_all, id="lax.scan, outputs stacked"), pytest.param(last, id="lax.scan, last value only")],
)
def test_scan(measure, way):
    measure(jax.jit(way), 0.5, tolerance=0.0)

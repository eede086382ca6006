"""What a data set is: a table and a card."""

from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

__all__ = ["Card", "Table", "make_table", "split"]


class Table(eqx.Module):
    """Rows of numbers with something to predict.

    A pytree whose leaves are the two arrays: it passes through ``jit``, and ``kexue.parallel.split`` splits its rows.
    """

    inputs: Float[Array, "rows columns"]
    """In the source's units, unless standardised; float32, or float64 if JAX's 64-bit mode is on."""
    targets: Float[Array, " rows"] | Int[Array, " rows"]
    """A number, or the index of a class in ``classes``."""
    names: tuple[str, ...] = eqx.field(static=True)
    """The columns' names."""
    classes: tuple[str, ...] = eqx.field(static=True, default=())
    """The classes' names; empty where the target is a number."""

    def __len__(self) -> int:
        return self.inputs.shape[0]


class Card(NamedTuple):
    """What a reader should know about a data set before using it. All entries are one line of text."""

    name: str
    """The function in ``kexue.data`` that returns it."""
    what: str
    """Its contents."""
    size: str
    """Rows, columns, classes."""
    source: str
    """Where it comes from, and which package brings it."""
    licence: str
    """Under which terms."""
    splits: str
    """Into which parts it is divided, and how."""


def split(table: Table, fraction: float, seed: int = 0) -> tuple[Table, Table]:
    """Divide the rows of a table at random into two tables, in the same way each time.

    Parameters
    ----------
    table : Table
        Stays as it is.
    fraction : float in (0, 1)
        The first table receives ``round(fraction * rows)`` rows.
    seed : int, at least 0
        Another seed, another split.

    Returns
    -------
    (Table, Table)
        Together they hold each row once.

    Raises
    ------
    ValueError
        If ``fraction`` is not in (0, 1) or leaves one of the tables without rows.

    Examples
    --------
    >>> table = Table(jnp.ones((10, 2)), jnp.arange(10), ("height", "weight"))
    >>> train, test = split(table, 0.8)
    >>> print(len(train), test.targets)
    8 [0 5]
    """
    rows = len(table)
    first = round(fraction * rows) if 0 < fraction < 1 else 0
    if not 0 < first < rows:
        raise ValueError(f"fraction={fraction!r} of {rows} rows is not allowed: both tables must receive a row.")
    # NumPy promises the same stream in all versions for RandomState, and for no newer generator.
    order = np.random.RandomState(seed).permutation(rows)

    def take(rows: np.ndarray) -> Table:  # in NumPy: JAX would compile a gather for every shape
        inputs, targets = (jnp.asarray(np.asarray(column)[rows]) for column in (table.inputs, table.targets))
        return Table(inputs, targets, table.names, table.classes)

    return take(order[:first]), take(order[first:])


def _standardize(inputs: Float[np.ndarray, "rows columns"]) -> Float[np.ndarray, "rows columns"]:
    """Shift and scale each column to mean 0 and variance 1; a constant column becomes 0."""
    deviation = inputs.std(axis=0)
    return (inputs - inputs.mean(axis=0)) / np.where(deviation > 0, deviation, 1)


def make_table(
    inputs: np.ndarray, targets: np.ndarray, names: tuple[str, ...], classes: tuple[str, ...], standardized: bool
) -> Table:
    """Put NumPy arrays into a table; means and variances are computed in float64, whatever JAX's precision."""
    if standardized:
        inputs = _standardize(inputs.astype(np.float64))
    # dtype=float is the float of JAX's current mode, float32 or float64.
    return Table(
        jnp.asarray(inputs, dtype=float), jnp.asarray(targets, dtype=jnp.int32 if classes else float), names, classes
    )

"""From distinct keys to their places, for millions of queries at once: a hash table in arrays."""

import numpy as np
from jaxtyping import Int

__all__ = ["Lookup"]

# Fibonacci hashing: the odd number nearest to 2^64 over the golden ratio spreads even consecutive keys.
SPREAD = np.uint64(0x9E3779B97F4A7C15)


class Lookup:
    """Open addressing with linear probing. Four to eight slots a key: most queries end at the first slot.

    ``lookup(queries)`` is the place of each query among the keys, or −1: two gathers, 10 to 20 ns, where a binary
    search among half a million keys takes 200 ns.
    """

    def __init__(self, keys: Int[np.ndarray, " keys"]) -> None:
        self.keys = keys
        self.bits = np.uint64((4 * len(keys)).bit_length())
        self.slots = np.full(1 << int(self.bits), -1, np.int32)
        pending, slot = np.arange(len(keys), dtype=np.int32), self._hash(keys)
        while pending.size:
            free = self.slots[slot] < 0
            self.slots[slot[free]] = pending[free]  # of several at one slot one stays, and the others move on
            lost = self.slots[slot] != pending
            pending, slot = pending[lost], self._next(slot[lost])

    def __call__(self, queries: Int[np.ndarray, " queries"]) -> Int[np.ndarray, " queries"]:
        if not len(self.keys):
            return np.full(len(queries), -1, np.int32)
        slot = self._hash(queries)
        places = self.slots[slot]
        other = np.flatnonzero((places >= 0) & (self.keys[places] != queries))
        slot = slot[other]
        while other.size:
            slot = self._next(slot)
            found = self.slots[slot]
            places[other] = found
            more = (found >= 0) & (self.keys[found] != queries[other])
            other, slot = other[more], slot[more]
        return places

    def _hash(self, keys: np.ndarray) -> np.ndarray:
        return ((keys.astype(np.uint64) * SPREAD) >> (np.uint64(64) - self.bits)).astype(np.int64)

    def _next(self, slot: np.ndarray) -> np.ndarray:
        return (slot + 1) & (len(self.slots) - 1)

"""What people like together: implicit-feedback alternating least squares in numpy (Hu, Koren, Volinsky, ICDM 2008).

A person's factors are folded in from what they have done when they ask, so that a model holds items alone: new acts
count at once, and who has gone is in no model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

FACTORS: Final = 32
LEAST_FACTORS: Final = 4
ITEMS_OF_FACTOR: Final = 8
"""Fewer things than this for a factor would be learnt by heart."""
ROUNDS: Final = 6
REGULARISATION: Final = 1.0
ALPHA: Final = 10.0
"""What one act adds to the confidence of 1 that everything has."""
MOST_OF_ROW: Final = 2_000
"""Entries of one row that count: of a very busy person, or of a thing that very many like, a sample says as much."""
CELLS: Final = 4_000_000
"""Numbers in one batch of gathered factors."""


class Rows(msgspec.Struct, frozen=True):
    """Sparse rows (CSR): row ``r`` has ``columns`` and ``weights`` from ``starts[r]`` to ``starts[r + 1]``."""

    starts: Ints
    columns: Ints
    weights: Floats

    @property
    def count(self) -> int:
        return len(self.starts) - 1


def rows_of(row: Ints, column: Ints, weight: Floats, count: int) -> Rows:
    order = np.argsort(row, kind="stable")
    lengths = np.bincount(row, minlength=count)
    starts = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    return Rows(starts, column[order], weight[order])


def factorise(people: Rows, things: Rows, *, rounds: int = ROUNDS, seed: int = 1) -> Floats:
    """The factors of the things, (things, factors), few where there are few things.

    ``people`` and ``things``: the same entries by row and column.
    """
    factors = min(FACTORS, max(LEAST_FACTORS, things.count // ITEMS_OF_FACTOR))
    rng = np.random.default_rng(seed)
    of_things = rng.normal(0, 0.1, (things.count, factors)).astype(np.float32)
    for _ in range(rounds):
        of_people = solve(people, of_things)
        of_things = solve(things, of_people)
    return of_things


def base_of(other: Floats) -> Floats:
    """What every row has in common, given the factors of the columns: it takes all of them, so it is kept."""
    size = other.shape[1]
    base: Floats = (other.T @ other + REGULARISATION * np.eye(size, dtype=np.float32)).astype(np.float32)
    return base


def solve(rows: Rows, other: Floats, base: Floats | None = None) -> Floats:
    """The factors of rows, given those of their columns; of an empty row zeros. ``base``: ``base_of(other)``."""
    size = other.shape[1]
    base = base_of(other) if base is None else base
    found = np.zeros((rows.count, size), dtype=np.float32)
    for batch, columns, weights in _padded(rows, size):
        gathered = other[columns]
        extra = (ALPHA * weights)[:, :, None] * gathered
        left = base + np.matmul(gathered.transpose(0, 2, 1), extra)
        right = ((weights > 0) + ALPHA * weights)[:, None, :] @ gathered
        found[batch] = np.linalg.solve(left, right.transpose(0, 2, 1))[:, :, 0]
    return found


def fold_in(other: Floats, base: Floats, columns: Sequence[int], weights: Sequence[float]) -> Floats:
    """The factors of one person who has acted on these things. ``base``: ``base_of(other)``."""
    given = Rows(
        np.array([0, len(columns)], dtype=np.int64),
        np.asarray(columns, dtype=np.int64),
        np.asarray(weights, dtype=np.float32),
    )
    found: Floats = solve(given, other, base)[0]
    return found


def _padded(rows: Rows, size: int) -> Iterator[tuple[Ints, Ints, Floats]]:
    """Batches of rows of nearly one length: their numbers, columns and weights, padded with weights of 0."""
    lengths = np.minimum(np.diff(rows.starts), MOST_OF_ROW)
    order = np.argsort(lengths, kind="stable")
    order = order[lengths[order] > 0]
    at = 0
    while at < len(order):
        end = at + 1
        first = max(int(lengths[order[at]]), 1)
        while end < len(order) and _fits(int(lengths[order[end]]), first, end - at + 1, size):
            end += 1
        batch = order[at:end]
        width = int(lengths[batch[-1]])
        places = np.arange(width)
        is_there = places < lengths[batch][:, None]
        index = np.where(is_there, rows.starts[batch][:, None] + places, rows.starts[batch][:, None])
        yield batch, rows.columns[index], np.where(is_there, rows.weights[index], np.float32(0))
        at = end


def _fits(length: int, first: int, count: int, size: int) -> bool:
    return length <= 1.5 * first + 4 and count * max(length, size) * size <= CELLS

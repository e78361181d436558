"""How well an order of things is met by what people did next: pure."""

from __future__ import annotations

from typing import Final

import numpy as np

from server.features.discovery.recommendations.als import Floats, Ints, Rows, solve

AT: Final = 50


def measure(people: Rows, held_out: Ints, factors: Floats, popularity: Floats, newest: Floats) -> dict[str, float]:
    """``people``: what sampled persons did before; ``held_out``: the thing that each did next. What a person has done
    already is not offered. The model stands beside an order by popularity and one by age, on the same sample.
    """
    orders = {
        "": solve(people, factors) @ factors.T,
        "popularity_": np.broadcast_to(popularity, (people.count, len(popularity))),
        "chronological_": np.broadcast_to(newest, (people.count, len(newest))),
    }
    told: dict[str, float] = {"people": float(people.count)}
    for name, scores in orders.items():
        ranks, shown = _ranked(people, held_out, np.array(scores, dtype=np.float32))
        hit = ranks < AT
        told[f"{name}recall_at_{AT}"] = float(hit.mean())
        told[f"{name}ndcg_at_{AT}"] = float(np.where(hit, 1 / np.log2(ranks + 2), 0).mean())
        told[f"{name}coverage"] = shown / max(1, len(popularity))
    return {name: round(value, 6) for name, value in told.items()}


def _ranked(people: Rows, held_out: Ints, scores: Floats) -> tuple[Ints, int]:
    """The place of what was held out (0: the first) for each person, and how many things were in anybody's best."""
    for row in range(people.count):
        scores[row, people.columns[people.starts[row] : people.starts[row + 1]]] = -np.inf
    own = scores[np.arange(people.count), held_out]
    ranks = (scores > own[:, None]).sum(axis=1) + ((scores == own[:, None]).sum(axis=1) - 1) // 2
    count = min(AT, scores.shape[1])
    best = np.argpartition(-scores, count - 1, axis=1)[:, :count]
    return ranks.astype(np.int64), len(np.unique(best))

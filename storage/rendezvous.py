"""Who should have each shard: weighted rendezvous hashing, on which all nodes agree without talking."""

from __future__ import annotations

from hashlib import blake2b
from math import log as ln
from typing import Final

from actors.runtime import SHARDS
from storage.members import Holder, Member, View

ROLE: Final = "actors"


class RendezvousHash:
    """Chooses among the nodes that may have shards.

    A node that comes or goes moves its own share and nothing else (Thaler and Ravishankar's highest random weight).
    """

    def __init__(self) -> None:
        self._able: tuple[tuple[Holder, float], ...] = ()
        self._of: list[Holder | None] = [None] * SHARDS
        self._draws: dict[str, list[float]] = {}

    @property
    def are_none(self) -> bool:
        return not self._able

    def of(self, shard: int) -> Holder | None:
        """The node that should have the shard; None while no node may have it, and then it stays where it is."""
        return self._of[shard]

    def see(self, view: View) -> None:
        able = tuple(sorted((member.holder, member.weight) for member in view.members.values() if _is_able(member)))
        if able != self._able:
            self._able = able
            self._draws = {holder.name: self._draws.get(holder.name) or draws(holder.name) for holder, _ in able}
            self._of = [self._choose(shard) for shard in range(SHARDS)]

    def _choose(self, shard: int) -> Holder | None:
        scores = ((weight * self._draws[holder.name][shard], holder) for holder, weight in self._able)
        return max(scores, default=(0.0, None))[1]


def _is_able(member: Member) -> bool:
    return ROLE in member.roles and member.weight > 0 and not member.is_draining


def draws(name: str) -> list[float]:
    """For each shard a number that depends on the node's name alone."""
    return [-1 / ln(_uniform(f"{shard}/{name}")) for shard in range(SHARDS)]


def _uniform(text: str) -> float:
    """Between 0 and 1, neither included."""
    return (int.from_bytes(blake2b(text.encode(), digest_size=6).digest(), "big") + 0.5) / 2**48

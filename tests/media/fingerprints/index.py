"""An index of hashes in memory, for tests and benches without Postgres."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from media.fingerprints.alignment import MAX_DIFFERENT, Alignment, Hit, align
from media.fingerprints.messages import Hash


@dataclass
class MemoryIndex:
    places: dict[int, list[tuple[int, Hash]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, work: int, hashes: Sequence[Hash]) -> None:
        for each in hashes:
            self.places[each.value].append((work, each))

    def find(self, query: Sequence[Hash], *, least: int) -> dict[int, Alignment]:
        """Work → its strongest line."""
        hits: dict[int, list[Hit]] = defaultdict(list)
        for asked in query:
            for work, held in self.places.get(asked.value, ()):
                if (held.detail ^ asked.detail).bit_count() <= MAX_DIFFERENT:
                    hits[work].append(Hit(asked.ms, held.ms, asked.turn - held.turn))
        found = {work: align(each, least=least) for work, each in hits.items()}
        return {work: lines[0] for work, lines in found.items() if lines}

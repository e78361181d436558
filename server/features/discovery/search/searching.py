"""From what was asked to the ids of documents: words, their prefixes and misspellings, and the way to look them up.

A word that few documents have is looked up in the index of lexemes, and what it finds is ranked by text and weight. One
that many have would cost as much as there are; those documents are walked by weight until there are enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

import msgspec

from server.features.discovery.search import queries
from server.features.discovery.search.folding import folded, stem, tokens
from server.features.discovery.search.index import ALL, MARK, Kind, alike, column_of
from storage.postgres import Database, Row

MAX_WORDS: Final = 8
MAX_CORRECTED: Final = 2
PREFIXES: Final = 8
ALIKE: Final = 4
MAX_ANY: Final = 40
RAREST: Final = 5
SHORTEST_PREFIX: Final = 2
SHORTEST_CORRECTED: Final = 4
FEW: Final = 1_000
"""A word of more documents stands for itself alone, also where it begins others."""
MOST_LOOKED_UP: Final = 5_000
SEARCH_S: Final = 2.0
LAST: Final = "\U0010ffff"
_MAX_UUID: Final = str(UUID(int=2**128 - 1))
_MOST: Final = 2**62

Counts = Mapping[str, int]
"""Column of ``search_words`` → documents."""


class Asked(msgspec.Struct, frozen=True):
    """A word of a query. ``typed``: as it was, in one spelling; ``is_last``: it may have yet to be finished."""

    lexeme: str
    typed: str
    is_last: bool


class Plan(msgspec.Struct, frozen=True):
    """``words``: for each that was asked, the lexemes that will do. ``counts`` of all of these, and of ``ALL``."""

    words: Sequence[Sequence[str]]
    counts: Mapping[str, Counts]
    exact: str

    def tsquery(self, kind: Kind) -> str:
        mark = MARK[kind]
        return " & ".join("(" + " | ".join(f"'{mark}{one}'" for one in word) + ")" for word in self.words)

    def exact_tsquery(self, kind: Kind) -> str | None:
        return f"'{MARK[kind]}={self.exact}'" if self.exact and kind == "person" else None

    def expected(self, kind: Kind) -> float:
        """How many documents of the kind match, as if words had nothing to do with one another."""
        column = column_of(kind)
        total = max(1, self.counts.get(ALL, {}).get(column, 0))
        share = 1.0
        for word in self.words:
            share *= min(1.0, sum(self.counts.get(one, {}).get(column, 0) for one in word) / total)
        return share * total

    def has_many(self, kind: Kind) -> bool:
        """Whether its documents are to be walked, since too many match to be ranked."""
        return self.expected(kind) > MOST_LOOKED_UP


class Position(msgspec.Struct, frozen=True):
    """After which a page begins. A walk and a look-up have orders of their own."""

    score: int
    id: str
    is_walk: bool

    @property
    def number(self) -> int:
        return self.score * 2 + self.is_walk

    @classmethod
    def of(cls, number: int, document_id: str) -> Position:
        return cls(max(-_MOST, min(number >> 1, _MOST)), document_id, bool(number & 1))


class Searching:
    """Every statement is given up after ``SEARCH_S``: ``Unavailable``."""

    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def plan(self, text: str) -> Plan | None:
        """None: there is nothing to be found for this."""
        asked = words_of(text)
        if not asked:
            return None
        counts = await self._counts([ALL, *(one.lexeme for one in asked)])
        corrected = 0
        words: list[list[str]] = []
        for one in asked:
            found = [one.lexeme] if _total(counts, one.lexeme) else []
            if one.is_last and _total(counts, one.lexeme) < FEW:
                found += await self._prefixed(one, counts)
            if not found and corrected < MAX_CORRECTED and len(one.typed) >= SHORTEST_CORRECTED:
                corrected += 1
                found = await self._corrected(one, counts)
            if not found:
                return None
            words.append(list(dict.fromkeys(found)))
        return Plan(words, counts, folded(text).strip().removeprefix("@"))

    async def plan_of_any(self, text: str) -> Plan | None:
        """For documents that have any of the rarest words of a text; None: no word of it says much."""
        lexemes = list(dict.fromkeys(one.lexeme for one in tokens(text)))[:MAX_ANY]
        counts = await self._counts([ALL, *lexemes])
        known = [one for one in lexemes if 0 < _total(counts, one) <= MOST_LOOKED_UP]
        rarest = sorted(known, key=lambda one: _total(counts, one))[:RAREST]
        return Plan([rarest], counts, "") if rarest else None

    async def page(self, plan: Plan, kind: Kind, after: Position | None, is_walk: bool, limit: int) -> list[Position]:
        """The best documents of the kind, or the next after a position of the same way."""
        query = plan.tsquery(kind)
        score, document_id = (after.score, after.id) if after is not None else (_MOST, _MAX_UUID)
        if is_walk:
            rows = await self._fetch(queries.WALKED, query, score, document_id, limit, kind)
        else:
            exact = plan.exact_tsquery(kind) if _is_name(plan.exact) else None
            rows = await self._fetch(queries.MATCHING, query, score, document_id, limit, exact)
        return [Position(row["score"], row["id"], is_walk) for row in rows]

    async def _counts(self, lexemes: Sequence[str]) -> dict[str, Counts]:
        return {row["lexeme"]: _counts_of(row) for row in await self._fetch(queries.WORDS, list(lexemes))}

    async def _prefixed(self, one: Asked, counts: dict[str, Counts]) -> list[str]:
        if len(one.typed.removeprefix("#")) < SHORTEST_PREFIX:
            return []
        rows = await self._fetch(queries.PREFIXED, one.typed, one.typed + LAST, PREFIXES)
        return _noted(rows, counts)

    async def _corrected(self, one: Asked, counts: dict[str, Counts]) -> list[str]:
        """Letters that changed places or are one too many, else what is spelt alike."""
        slips = list(dict.fromkeys(stem(slip) for slip in slips_of(one.typed)))
        found = _noted(await self._fetch(queries.WORDS, slips), counts)
        if not found:
            rows = await self._fetch(queries.ALIKE, alike(one.lexeme), len(one.lexeme), ALIKE)
            found = _noted(rows, counts)
        return found[:ALIKE]

    async def _fetch(self, sql: str, *args: object) -> list[Row]:
        return await self._db.fetch(sql, *args, timeout_s=SEARCH_S)


def words_of(text: str) -> list[Asked]:
    """The words of a query, each once: the first ``MAX_WORDS``."""
    found: dict[str, Asked] = {}
    pieces = text.split()[: 4 * MAX_WORDS]
    for at, piece in enumerate(pieces):
        of_piece = list(tokens(piece))
        is_last = at == len(pieces) - 1
        if piece.startswith("#") and of_piece:
            of_piece = of_piece[:1]
        for number, token in enumerate(of_piece):
            last = is_last and number == len(of_piece) - 1
            found[token.lexeme] = Asked(token.lexeme, token.shown, last)
            if len(found) == MAX_WORDS:
                return list(found.values())
    return list(found.values())


def slips_of(word: str) -> list[str]:
    """The word with two neighbours changed, and without one of its letters."""
    swapped = [word[:n] + word[n + 1] + word[n] + word[n + 2 :] for n in range(len(word) - 1)]
    shorter = [word[:n] + word[n + 1 :] for n in range(len(word))]
    return [one for one in (*swapped, *shorter) if one != word]


def _is_name(text: str) -> bool:
    return 0 < len(text) <= 30 and text.replace("_", "a").isalnum()


def _noted(rows: Sequence[Row], counts: dict[str, Counts]) -> list[str]:
    counts.update({row["lexeme"]: _counts_of(row) for row in rows})
    return [row["lexeme"] for row in rows if sum(_counts_of(row).values())]


def _counts_of(row: Row) -> Counts:
    return {name: row[name] for name in ("people", "posts", "others")}


def _total(counts: Mapping[str, Counts], lexeme: str) -> int:
    return sum(counts.get(lexeme, {}).values())

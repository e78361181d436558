"""How long searches and suggestions take among a million posts, beside plain SQL over the same texts.

The engine is an embedded Postgres in a fresh folder, or in that of ``--folder``. Words follow Zipf's law, two posts in
five are Arabic. What is measured is what a request does but for HTTP: the words of the query looked up, documents found
and ranked, suggestions with the people whom one follows. The plan of every statement is read at that size.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import random
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import uvloop

from bench import report
from bench.report import Figure, figure
from server.features.discovery.search.folding import Token, tokens
from server.features.discovery.search.index import alike
from server.features.discovery.search.searching import Searching
from server.features.discovery.search.suggesting import Suggesting
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import migrate
from storage.postgres import Database

BATCH: Final = 5_000
FILL_S: Final = 600.0
BAR_P99_MS: Final = 50.0
VOCABULARY: Final = 60_000
ARABIC: Final = 0.4
_CONSONANTS: Final = {
    "en": "bcdfghklmnprstvw",
    "ar": "\u0628\u062a\u062c\u062d\u062f\u0631\u0633\u0634\u0635\u0639\u0641\u0642\u0643\u0644\u0645\u0646",
}
_VOWELS: Final = {"en": "aeiou", "ar": "\u0627\u0648\u064a"}


class Corpus:
    """What people write, from a seed: words by their rank, texts, and what is searched for."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.words = {language: self._vocabulary(language) for language in ("en", "ar")}
        self._cumulated = list(itertools.accumulate(1.0 / (rank + 10) for rank in range(VOCABULARY)))
        self._tokens = {word: next(tokens(word)) for of in self.words.values() for word in of}

    def _vocabulary(self, language: str) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < VOCABULARY:
            syllables = self._random.randint(2, 4)
            pairs = [
                self._random.choice(_CONSONANTS[language]) + self._random.choice(_VOWELS[language])
                for _ in range(syllables)
            ]
            word = "".join(pairs) + self._random.choice(_CONSONANTS[language])
            found[("\u0627\u0644" if language == "ar" and self._random.random() < 0.3 else "") + word] = None
        return list(found)

    def text(self) -> list[str]:
        words = self.words["ar" if self._random.random() < ARABIC else "en"]
        return self._random.choices(words, cum_weights=self._cumulated, k=self._random.randint(6, 18))

    def tokens(self, text: Sequence[str]) -> dict[str, Token]:
        return {token.lexeme: token for token in map(self._tokens.__getitem__, text)}

    def queries(self, count: int) -> list[str]:
        """One word, two of a text, a word that is not finished, one that is misspelt; rare ones and frequent ones."""
        found = []
        for n in range(count):
            text = self.text()
            word = self._random.choice(text)
            kind = n % 5
            if kind == 1:
                word = " ".join(self._random.sample(text, 2))
            elif kind == 2:
                word = word[: max(3, len(word) - 2)]
            elif kind == 3 and len(word) > 4:
                word = word[:2] + self._random.choice(word) + word[3:]
            found.append(word)
        return found

    def beginnings(self, count: int) -> list[str]:
        return [word[: 1 + n % 5] for n, word in enumerate(self._random.choice(self.text()) for _ in range(count))]


async def _fill(db: Database, corpus: Corpus, posts: int, people: int) -> None:
    counts: Counter[str] = Counter()
    shown: dict[str, str] = {}
    await db.execute("drop index search_documents_by_lexeme, search_documents_by_weight, search_words_alike")
    await db.execute("create table plain_posts (id uuid primary key, text text, weight bigint)")
    names = [f"{corpus.words['en'][n % VOCABULARY]}{n // VOCABULARY or ''}" for n in range(people)]
    ids = [_id(n) for n in range(people)]
    for at in range(0, people, BATCH):
        await db.execute(_PEOPLE, ids[at : at + BATCH], names[at : at + BATCH], timeout_s=FILL_S)
        weights = [n * 17 % 4_000_000 for n in range(at, min(at + BATCH, people))]
        await db.execute(_NAMES, ids[at : at + BATCH], names[at : at + BATCH], weights, timeout_s=FILL_S)
    await db.execute("insert into follows (follower_id, followee_id) select $1, unnest($2::uuid[])", ids[0], ids[1:200])
    for at in range(0, posts, BATCH):
        texts = [corpus.text() for _ in range(min(BATCH, posts - at))]
        found = [corpus.tokens(text) for text in texts]
        for one in found:
            counts.update(one.keys())
            shown.update({lexeme: token.shown for lexeme, token in one.items()})
        vectors = [" ".join(f"'p{lexeme}':1A" for lexeme in one) for one in found]
        rows = range(people + at, people + at + len(texts))
        weights = [40_000_000 + n * 7_919 % 3_000_000 for n in rows]
        post_ids = [_id(n) for n in rows]
        await db.execute(_POSTS, post_ids, vectors, weights, ids[at // BATCH % people], timeout_s=FILL_S)
        await db.execute(_PLAIN, post_ids, list(map(" ".join, texts)), weights, timeout_s=FILL_S)
    words = list(counts)
    for at in range(0, len(words), BATCH):
        some = words[at : at + BATCH]
        columns = [some, [shown[word] for word in some], list(map(alike, some)), [counts[word] for word in some]]
        await db.execute(_WORDS, *columns, timeout_s=FILL_S)
    await db.execute("insert into search_words values ('', '', '', $1, $2, 0)", people, posts)
    for sql in _INDEXES:
        await db.execute(sql, timeout_s=FILL_S)
    await db.execute("vacuum analyze", timeout_s=FILL_S)


def _id(number: int) -> str:
    return str(UUID(int=(0x0190 << 112) | (number * 2_654_435_761 % 2**32) << 64 | number))


async def _timed(asked: Sequence[str], ask: Callable[[str], Awaitable[object]]) -> list[float]:
    """Milliseconds of each, one after the other, after a first round that warms the caches."""
    for one in asked[: len(asked) // 5]:
        await ask(one)
    took = []
    for one in asked:
        began = time.perf_counter()
        await ask(one)
        took.append(1000 * (time.perf_counter() - began))
    return sorted(took)


class ReadPlans:
    """Stands before a database: keeps each statement once, with the arguments that it was last asked with."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self.seen: dict[str, tuple[object, ...]] = {}

    async def fetch(self, sql: str, *args: object, timeout_s: float | None = None) -> object:
        self.seen[sql] = args
        return await self._db.fetch(sql, *args, timeout_s=timeout_s)

    async def scans(self) -> list[str]:
        """Statements that read a table of some size as a whole."""
        found = []
        for sql, args in self.seen.items():
            [row] = await self._db.fetch(f"explain (format json) {sql}", *args)
            for table in _read_as_a_whole(row[0][0]["Plan"]):
                if await self._db.fetchval("select reltuples > 1000 from pg_class where relname = $1", table):
                    found.append(f"{table}: {sql.strip()[:80]}")
        return found


def _read_as_a_whole(plan: dict[str, Any]) -> Iterator[str]:
    if plan["Node Type"] == "Seq Scan":
        yield plan["Relation Name"]
    for part in plan.get("Plans", []):
        yield from _read_as_a_whole(part)


async def _measure(url: str, posts: int, people: int, rounds: int, seed: int) -> list[Figure]:
    await migrate(url)
    db = await Database.connect(url, max_connections=4, deadline_s=30.0)
    corpus = Corpus(seed)
    if await db.fetchval("select to_regclass('plain_posts') is null"):
        began = time.perf_counter()
        await _fill(db, corpus, posts, people)
        print(f"filled in {time.perf_counter() - began:.0f} s", flush=True)
    watched = ReadPlans(db)
    searching = Searching(db=watched)  # type: ignore[arg-type]
    suggesting = Suggesting(db=watched)  # type: ignore[arg-type]

    async def search(q: str) -> int:
        plan = await searching.plan(q)
        if plan is None:
            return 0
        return len(await searching.page(plan, "post", None, plan.has_many("post"), 21))

    viewer = _id(0)
    queries, beginnings = corpus.queries(rounds), corpus.beginnings(rounds)
    hits = [await search(q) for q in queries]
    searched = await _timed(queries, search)
    suggested = await _timed(beginnings, lambda q: suggesting.suggest(q, viewer))
    few = queries[:10]
    ilike = await _timed(few, lambda q: db.fetch(_ILIKE, f"%{q}%", timeout_s=30.0))
    whole = await _timed(few, lambda q: db.fetch(_TO_TSVECTOR, q, timeout_s=30.0))
    scans = await watched.scans()
    for scan in scans:
        print("reads a table as a whole:", scan)
    size = await db.fetchval("select pg_total_relation_size('search_documents') / 1e6::float8")
    await db.close()
    title = f"{posts:,} posts, {people:,} people"
    return [
        *_quantiles(title, "search", searched, bar=BAR_P99_MS),
        *_quantiles(title, "suggest", suggested, bar=BAR_P99_MS),
        *_quantiles(title, "plain ilike", ilike, bar=None),
        *_quantiles(title, "plain to_tsvector", whole, bar=None),
        figure(
            title, "searches that found something", [100.0 * sum(map(bool, hits)) / len(hits)], "%", better="higher"
        ),
        figure(title, "statements that read a whole table", [len(scans)], "", better="lower", bar=0),
        figure(title, "documents with indexes", [size], "MB", better="lower"),
    ]


def _quantiles(title: str, what: str, took: Sequence[float], *, bar: float | None) -> list[Figure]:
    p50, p99 = took[len(took) // 2], took[min(len(took) - 1, int(0.99 * len(took)))]
    return [
        figure(title, f"{what} p50", [p50], "ms", better="lower"),
        figure(title, f"{what} p99", [p99], "ms", better="lower", bar=bar),
    ]


_PEOPLE: Final = """
insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)
select id, name, name, id, id, '', name, id from unnest($1::uuid[], $2::text[]) as p (id, name)
"""
_NAMES: Final = """
insert into search_names (name, person_id, weight)
select name, id, weight from unnest($1::uuid[], $2::text[], $3::bigint[]) as p (id, name, weight)
"""
_POSTS: Final = """
insert into search_documents (kind, id, author_id, lexemes, weight)
select 'post', p.id, $4, p.lexemes::tsvector, p.weight
from unnest($1::uuid[], $2::text[], $3::bigint[]) as p (id, lexemes, weight)
"""
_PLAIN: Final = "insert into plain_posts select * from unnest($1::uuid[], $2::text[], $3::bigint[])"
_WORDS: Final = """
insert into search_words (lexeme, shown, alike, posts)
select * from unnest($1::text[], $2::text[], $3::text[], $4::int[])
"""
_INDEXES: Final = (
    "create index search_documents_by_lexeme on search_documents using gin (lexemes)",
    "create index search_documents_by_weight on search_documents (kind, weight desc, id desc)",
    "create index search_words_alike on search_words using gin (alike gin_trgm_ops)",
)
_ILIKE: Final = "select id from plain_posts where text ilike $1 order by weight desc limit 21"
_TO_TSVECTOR: Final = """
select id from plain_posts where to_tsvector('simple', text) @@ plainto_tsquery('simple', $1)
order by weight desc limit 21
"""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench search", description=__doc__)
    parser.add_argument("--posts", type=int, default=1_000_000)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1_000, help="searches and suggestions, each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, help="a data folder that stays: filled once, and asked again later")
    report.options(parser)
    options = parser.parse_args(argv)
    with contextlib.ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sf-bench-")))
        engine = EmbeddedPostgres(data_dir=folder)
        stack.callback(engine.stop)
        figures = uvloop.run(_all(engine, options.posts, options.people, options.rounds, options.seed))
    report.hand_over(figures, options.json)
    return 0


async def _all(engine: EmbeddedPostgres, posts: int, people: int, rounds: int, seed: int) -> list[Figure]:
    return await _measure(await asyncio.to_thread(engine.start), posts, people, rounds, seed)


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

"""The index: documents by their lexemes, the words that there are, and the names of people."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec

from server.features.discovery.search.folding import Token, folded, tokens
from storage.postgres import Transaction

Kind = Literal["person", "stream", "recording", "clip", "post", "community"]

MAX_LEXEMES: Final = 400
MAX_NAMES: Final = 8
_EPOCH: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_TENFOLD_DAYS: Final = 60.0
"""A document that is ten times as popular stands as high as one that is so many days younger."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What can be found. ``title`` counts for more than ``by``, the names of its author, and
    that for more than ``text``. ``at``: None for what does not age.
    """

    kind: Kind
    id: str
    author_id: str
    title: str
    text: str
    popularity: float
    by: str = ""
    at: dt.datetime | None = None
    stream_id: str | None = None

    @property
    def weight(self) -> int:
        """In millionths: the logarithm of the popularity, and the age."""
        days = 0.0 if self.at is None else (self.at - _EPOCH).total_seconds() / 86_400
        return round(1e6 * (math.log10(1.0 + max(0.0, self.popularity)) + days / _TENFOLD_DAYS))

    @property
    def exact(self) -> str:
        """The lexeme of a person's username as a whole; empty for others."""
        return f"={folded(self.title.partition(' ')[0])}" if self.kind == "person" else ""


MARK: Final[Mapping[Kind, str]] = {
    "person": "u", "stream": "s", "recording": "r", "clip": "c", "post": "p", "community": "g",
}  # fmt: skip
"""What lexemes of the kind begin with in the index, so that a word of one kind costs nothing to searches of another."""
NAME: Final = "C"
ALL: Final = ""
"""The lexeme that counts all documents."""
_ALNUM: Final = "abcdefghijklmnopqrstuvwxyz0123456789"


def column_of(kind: str) -> Literal["people", "posts", "others"]:
    """Of ``search_words``: where documents of this kind are counted."""
    return "people" if kind == "person" else "posts" if kind == "post" else "others"


def alike(lexeme: str) -> str:
    """The lexeme with ASCII letters and digits in place of others: pg_trgm takes other
    letters only where the locale of the database does.
    """
    return "".join(one if one.isascii() else _ALNUM[ord(one) % 36] for one in lexeme)


class Index:
    """Every write may be repeated. Words are locked in their order, so that two writers do not wait for each other."""

    async def put(self, tx: Transaction, documents: Sequence[Document]) -> None:
        """Add documents, or replace those of the same kind and id. Those of people and streams that have gone are left
        out.
        """
        documents = await self._held(tx, documents)
        if not documents:
            return
        kinds, ids = [one.kind for one in documents], [one.id for one in documents]
        before = await self._lexemes(tx, kinds, ids)
        lexemes = [lexemes_of(one) for one in documents]
        await tx.execute(
            _PUT, kinds, ids, [one.author_id for one in documents], [one.stream_id for one in documents],
            [_vector(one, found) for one, found in zip(documents, lexemes, strict=True)],
            [one.weight for one in documents],
        )  # fmt: skip
        shown = {token.lexeme: token.shown for one in lexemes for token, _ in one.values()}
        after = [(one.kind, {ALL, *_counted(found)}) for one, found in zip(documents, lexemes, strict=True)]
        await self._count(tx, before, after, shown)
        await self._name(tx, [one for one in documents if one.kind == "person"])

    async def remove(self, tx: Transaction, kind: Kind, ids: Sequence[str]) -> None:
        """Those that are there."""
        if not ids:
            return
        before = await self._lexemes(tx, [kind] * len(ids), ids)
        await tx.execute(_REMOVE, kind, list(ids))
        await self._count(tx, before, [], {})
        if kind == "person":
            await tx.execute(_UNNAME, list(ids))

    async def _held(self, tx: Transaction, documents: Sequence[Document]) -> list[Document]:
        """Whose authors and streams are there, and stay until the transaction ends. They are locked before their
        documents, as by who deletes them, so that the two do not wait for each other.
        """
        authors = {one.author_id for one in documents}
        streams = {one.stream_id for one in documents if one.stream_id is not None}
        kept = {row["id"] for row in await tx.fetch(_AUTHORS, sorted(authors))} if authors else set()
        kept |= {row["id"] for row in await tx.fetch(_STREAMS, sorted(streams))} if streams else set()
        return [one for one in documents if {one.author_id, one.stream_id or one.author_id} <= kept]

    async def _lexemes(self, tx: Transaction, kinds: Sequence[str], ids: Sequence[str]) -> list[tuple[str, set[str]]]:
        rows = await tx.fetch(_LEXEMES, list(kinds), list(ids))
        return [(row["kind"], {ALL, *(lexeme[1:] for lexeme in row["lexemes"])}) for row in rows]

    async def _count(
        self,
        tx: Transaction,
        before: Sequence[tuple[str, set[str]]],
        after: Sequence[tuple[str, set[str]]],
        shown: Mapping[str, str],
    ) -> None:
        counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for sign, side in ((-1, before), (1, after)):
            for kind, lexemes in side:
                for lexeme in lexemes:
                    counts[lexeme][column_of(kind)] += sign
        words = sorted(word for word, of in counts.items() if any(of.values()) and not word.startswith("="))
        if words:
            columns = [[counts[word][name] for word in words] for name in ("people", "posts", "others")]
            await tx.execute(
                _COUNT, words, [shown.get(word, word) for word in words], list(map(alike, words)), *columns
            )

    async def _name(self, tx: Transaction, people: Sequence[Document]) -> None:
        if not people:
            return
        named = [(name, one.id, one.weight) for one in people for name in names_of(one)]
        await tx.execute(_UNNAME, [one.id for one in people])
        columns = list(map(list, zip(*named, strict=True))) if named else [[], [], []]
        await tx.execute(_NAME, *columns)


def lexemes_of(document: Document) -> dict[str, tuple[Token, str]]:
    """Lexeme → its token and weight (A in the title, C in names, D in the text), at most ``MAX_LEXEMES``."""
    found: dict[str, tuple[Token, str]] = {}
    if document.exact:
        found[document.exact] = (Token(document.exact, document.exact), "A")
    for text, weight in ((document.title, "A"), (document.text, "D"), (document.by, NAME)):
        for token in tokens(text):
            if len(found) >= MAX_LEXEMES:
                return found
            found.setdefault(token.lexeme, (token, weight))
    return found


def _counted(lexemes: Mapping[str, tuple[Token, str]]) -> list[str]:
    """Names of authors are words of people, and of none of what these make."""
    return [lexeme for lexeme, (_, weight) in lexemes.items() if weight != NAME]


def names_of(person: Document) -> list[str]:
    """By what a person is suggested: the username, the words of the display name, and both as they are written."""
    username, _, display_name = person.title.partition(" ")
    whole = [folded(username), " ".join(folded(display_name).split())]
    parts = [token.shown for token in tokens(person.title)]
    return [name[:64] for name in dict.fromkeys((*whole, *parts)) if name][:MAX_NAMES]


def _vector(document: Document, lexemes: Mapping[str, tuple[Token, str]]) -> str:
    """The text form of a tsvector. Lexemes have neither quotes nor backslashes: they are letters and digits."""
    mark = MARK[document.kind]
    return " ".join(f"'{mark}{lexeme}':1{weight}" for lexeme, (_, weight) in lexemes.items())


_AUTHORS: Final = "select id from users where id = any($1::uuid[]) order by id for key share"
_STREAMS: Final = "select id from streams where id = any($1::uuid[]) order by id for key share"
_PUT: Final = """
insert into search_documents (kind, id, author_id, stream_id, lexemes, weight)
select d.kind, d.id, d.author_id, d.stream_id, d.lexemes::tsvector, d.weight
from unnest($1::text[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bigint[])
    as d (kind, id, author_id, stream_id, lexemes, weight)
on conflict (kind, id) do update set author_id = excluded.author_id, stream_id = excluded.stream_id,
    lexemes = excluded.lexemes, weight = excluded.weight
"""
_LEXEMES: Final = """
select d.kind, tsvector_to_array(ts_filter(d.lexemes, '{a,d}')) as lexemes
from unnest($1::text[], $2::uuid[]) as w (kind, id)
join search_documents d on d.kind = w.kind and d.id = w.id order by d.kind, d.id for update of d
"""
_REMOVE: Final = "delete from search_documents where kind = $1 and id = any($2::uuid[])"
_COUNT: Final = """
insert into search_words as w (lexeme, shown, alike, people, posts, others)
select * from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::int[])
on conflict (lexeme) do update set people = greatest(0, w.people + excluded.people),
    posts = greatest(0, w.posts + excluded.posts), others = greatest(0, w.others + excluded.others)
"""
_UNNAME: Final = "delete from search_names where person_id = any($1::uuid[])"
_NAME: Final = """
insert into search_names (name, person_id, weight)
select n.name, n.person_id, n.weight from unnest($1::text[], $2::uuid[], $3::bigint[]) as n (name, person_id, weight)
where exists (select from users u where u.id = n.person_id) on conflict do nothing
"""

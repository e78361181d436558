"""Suggestions as one types: people by their names, those whom one follows first, then hashtags and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from server.features.discovery.search import queries
from server.features.discovery.search.folding import folded
from server.features.discovery.search.searching import LAST, SEARCH_S
from storage.pictures import AVATAR_URL
from storage.postgres import Database, Row
from storage.seen_streams import IN_GOOD_STANDING, MUTE_HOLDS, NOT_APART

PEOPLE: Final = 5
TAGS: Final = 3
WORDS: Final = 4
RANGE: Final = 2_000
"""Names that are read by their beginning; where there are more, those of the most followed are walked instead."""
WALKED: Final = 20_000
FOLLOWED: Final = 2_000


class Suggesting:
    def __init__(self, *, db: Database) -> None:
        self._db = db

    async def suggest(self, text: str, viewer_id: str | None) -> list[dict[str, Any]]:
        """At most ``PEOPLE``, ``TAGS`` and ``WORDS`` of each; nothing for what has no letter yet."""
        plain = " ".join(folded(text).split())
        name, last = plain.removeprefix("@"), plain.rpartition(" ")[2]
        found = [] if plain.startswith("#") else await self._people(name, viewer_id)
        if plain.startswith("@"):
            return found
        found += await self._tags(last.removeprefix("#"))
        return found if last.startswith("#") else found + await self._words(plain, last)

    async def _people(self, prefix: str, viewer_id: str | None) -> list[dict[str, Any]]:
        if not any(map(str.isalnum, prefix)):
            return []
        bounds = (prefix, prefix + LAST)
        followed = [] if viewer_id is None else await self._fetch(_FOLLOWED, *bounds, viewer_id)
        rows = list(followed)
        if len(rows) < PEOPLE:
            near = await self._fetch(_NAMED, *bounds, viewer_id)
            is_whole = not near or near[0]["seen"] < RANGE
            rows += near if is_whole else await self._fetch(_POPULAR, *bounds, viewer_id)
        people = {row["id"]: row for row in reversed(rows)}
        order = list(dict.fromkeys(row["id"] for row in rows))[:PEOPLE]
        return [_person(people[person_id]) for person_id in order]

    async def _tags(self, prefix: str) -> list[dict[str, Any]]:
        if not prefix.isalnum() and not prefix.replace("_", "a").isalnum():
            return []
        rows = await self._fetch(queries.PREFIXED, f"#{prefix}", f"#{prefix}{LAST}", TAGS)
        return [{"kind": "hashtag", "text": row["lexeme"]} for row in rows if row["posts"] + row["others"]]

    async def _words(self, plain: str, last: str) -> list[dict[str, Any]]:
        """The text with its last word completed."""
        if len(last) < 2 or not last.isalnum():
            return []
        begun = plain[: len(plain) - len(last)]
        rows = await self._fetch(queries.PREFIXED, last, last + LAST, 2 * WORDS)
        shown = dict.fromkeys(begun + row["shown"] for row in rows if row["posts"] + row["others"])
        return [{"kind": "word", "text": text} for text in shown if text != plain][:WORDS]

    async def _fetch(self, sql: str, *args: object) -> Sequence[Row]:
        return await self._db.fetch(sql, *args, timeout_s=SEARCH_S)


def _person(row: Row) -> dict[str, Any]:
    person = {name: row[name] for name in ("id", "username", "display_name", "avatar_url")}
    return {"kind": "person", "text": f"@{row['username']}", "person": person}


_SHOWN: Final = f"u.id, u.username, u.display_name, {AVATAR_URL}"
_MAY_SUGGEST: Final = f"""
{IN_GOOD_STANDING.format("u")} and {NOT_APART.format(person="u.id", viewer="$3")}
and not exists (select from mutes m where m.user_id = $3::uuid and m.muted_id = u.id and {MUTE_HOLDS.format("m")})
"""
_FOLLOWED: Final = f"""
select {_SHOWN} from (select followee_id from follows where follower_id = $3::uuid
    order by created_at desc, followee_id desc limit {FOLLOWED}) f
join lateral (select max(n.weight) as weight from search_names n
    where n.person_id = f.followee_id and n.name >= $1 and n.name < $2) n on n.weight is not null
join users u on u.id = f.followee_id where {_MAY_SUGGEST} order by n.weight desc, u.id limit {PEOPLE}
"""
_NAMED: Final = f"""
with near as materialized (select person_id, weight from search_names where name >= $1 and name < $2 limit {RANGE}),
best as (select person_id, max(weight) as weight from near group by person_id)
select {_SHOWN}, (select count(*) from near) as seen
from (select * from best order by weight desc, person_id limit {8 * PEOPLE}) n join users u on u.id = n.person_id
where {_MAY_SUGGEST} order by n.weight desc, u.id limit {PEOPLE}
"""
_POPULAR: Final = f"""
select {_SHOWN} from (
    select person_id, weight, name from search_names order by weight desc, person_id, name limit {WALKED}) n
join users u on u.id = n.person_id
where n.name >= $1 and n.name < $2 and {_MAY_SUGGEST} limit {2 * PEOPLE}
"""

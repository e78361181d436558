"""``GET /api/v1/me/export``: everything that is held on a person, as one document that is written while it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
from aiohttp import web
from pydantic import BaseModel

from server.http.errors import not_found
from server.http.feature import Call, Operation
from server.http.limits import AccountRates
from server.http.shapes import Shape
from storage.postgres import Database, Row

_PAGE: Final = 500
_NO_UUID: Final = "00000000-0000-0000-0000-000000000000"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Section:
    """Rows of one table, in the order of ``key``, from which the next page starts.

    ``sql`` takes the person, the values of ``key`` to start after, and the number of rows.
    """

    name: str
    sql: str
    key: Sequence[str]
    start: Sequence[object]


def _by_id(name: str, columns: str, source: str, key: str = "id") -> Section:
    """A section whose rows are ordered by one UUID; ``source`` compares the person with ``$1``."""
    sql = f"select {columns} from {source} and {key} > $2::uuid order by {key} limit $3"
    return Section(name=name, sql=sql, key=(key.rpartition(".")[2],), start=(_NO_UUID,))


def _people(name: str, table: str, mine: str, theirs: str) -> Section:
    columns = f"u.username, t.{theirs}, t.created_at"
    source = f"{table} t join users u on u.id = t.{theirs} where t.{mine} = $1"
    return _by_id(name, columns, source, f"t.{theirs}")


_PROFILE: Final = """
select id, username, email, email_verified_at, display_name, bio, avatar_url, roles, stream_defaults, created_at,
       updated_at, suspended_until
from users where id = $1 and deleted_at is null
"""

_MESSAGES: Final = Section(
    name="messages",
    sql='select room_id, "offset", id, text, reply_to, sent_at, media_time_ms, deleted_at from chat_messages '
    "where user_id = $1 and (sent_at, id) > ($2::timestamptz, $3::uuid) order by sent_at, id limit $4",
    key=("sent_at", "id"),
    start=(_LONG_AGO, _NO_UUID),
)

SECTIONS: Final = (
    _by_id(
        "sessions",
        "id, user_agent, ip, created_at, last_seen_at, expires_at, revoked_at, revoked_reason",
        "auth_sessions where user_id = $1",
    ),
    _people("following", "follows", "follower_id", "followee_id"),
    _people("followers", "follows", "followee_id", "follower_id"),
    _people("blocks", "blocks", "user_id", "blocked_id"),
    _people("mutes", "mutes", "user_id", "muted_id"),
    _by_id(
        "streams",
        "id, room_id, title, description, category, tags, language, visibility, latency, is_recorded, state, "
        "created_at, scheduled_at, started_at, ended_at, peak_viewers, unique_viewers, watched_ms",
        "streams where owner_id = $1",
    ),
    _MESSAGES,
    _by_id("moderates", "room_id", "chat_moderators where user_id = $1", "room_id"),
    _by_id("sanctions", "room_id, until, reason, created_at", "chat_sanctions where user_id = $1", "room_id"),
    _by_id(
        "views",
        "id, stream_id, started_at, last_at, watched_ms, stalled_ms, transport",
        "view_sessions where user_id = $1",
    ),
    _by_id("log", "id, at, action, subject, detail", "audit_log where actor_id = $1"),
)


class Held(Shape):
    """Everything held on a person. Each section is a list of rows as they lie in the database."""

    exported_at: datetime
    profile: dict[str, Any]
    sessions: list[dict[str, Any]]
    following: list[dict[str, Any]]
    followers: list[dict[str, Any]]
    blocks: list[dict[str, Any]]
    mutes: list[dict[str, Any]]
    streams: list[dict[str, Any]]
    messages: list[dict[str, Any]]
    moderates: list[dict[str, Any]]
    sanctions: list[dict[str, Any]]
    views: list[dict[str, Any]]
    log: list[dict[str, Any]]


class Export:
    """Writes page by page, so that a long life costs no more memory than a short one. Not a snapshot: what changes
    meanwhile may or may not be in it.
    """

    name = "export"

    def __init__(self, *, database: Database, rates: AccountRates | None = None) -> None:
        self._db = database
        self._rate = (rates or AccountRates()).exports

    def operations(self) -> Sequence[Operation]:
        answers: Mapping[int, type[BaseModel]] = {200: Held}
        return [
            Operation(
                method="GET", path="/api/v1/me/export", handler=self._export, name="exportMe", tag="people",
                summary="Everything that is held on me", answers=answers, problems=frozenset({404}), auth="required",
                account_rate=self._rate,
            )
        ]  # fmt: skip

    async def _export(self, call: Call[None, None]) -> web.StreamResponse:
        profile = await self._db.fetchrow(_PROFILE, call.me.id)
        if profile is None:
            raise not_found("The account is no more")
        name = f"socialflow-{profile['username']}.json"
        response = web.StreamResponse(
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
        )
        response.content_type = "application/json"
        await response.prepare(call.request)
        head = {"exported_at": datetime.now(UTC), "profile": dict(profile)}
        await response.write(msgspec.json.encode(head)[:-1])
        for section in SECTIONS:
            await self._write(response, section, call.me.id)
        await response.write_eof(b"}")
        return response

    async def _write(self, response: web.StreamResponse, section: Section, person_id: str) -> None:
        await response.write(b',"%s":[' % section.name.encode())
        after, comma = section.start, b""
        while True:
            rows = await self._db.fetch(section.sql, person_id, *after, _PAGE)
            if rows:
                await response.write(comma + _encoded(rows))
            if len(rows) < _PAGE:
                break
            after, comma = [rows[-1][name] for name in section.key], b","
        await response.write(b"]")


def _encoded(rows: Sequence[Row]) -> bytes:
    return b",".join(msgspec.json.encode(dict(row)) for row in rows)

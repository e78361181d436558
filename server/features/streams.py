"""What follows from streams and chat when their people go: ended on the air, erased, swept."""

from __future__ import annotations

import datetime as dt
from typing import Final

import msgspec

from server.feature import NO_UUID, ExportSection, Feature, PersonalData, Platform, rows_by_id
from server.features.people.facts import AccountDeleted, AccountSuspended
from server.features.recorded_tracks import RecordedTracks
from server.jobs import Attempt, Job, Jobs, repeated
from server.live.departure import Departure
from server.publish import Publish
from server.socket_events import ServerEvent
from storage.doomed import DoomedObjects
from storage.facts import Consumer
from storage.postgres import Database, Transaction
from storage.rights import RightsTable
from storage.stream_facts import StreamHealthChanged
from storage.stream_passwords import StreamPasswords

BATCH: Final = 1_000
SWEEP_S: Final = 15.0
PURGE_S: Final = 3_600.0
UNFINISHED_KEPT: Final = dt.timedelta(days=2)
"""No object is on its way to the store for so long."""


class EndStreams(msgspec.Struct, frozen=True):
    person_id: str


class StreamEnds:
    """Ends what a person has on the air who was suspended or has asked for the deletion of their account."""

    def __init__(self, *, jobs: Jobs, departure: Departure) -> None:
        self._jobs = jobs
        self._departure = departure
        self.job = Job(name="streams.end", body=EndStreams, run=self._run, timeout_s=60.0)
        self.consumers = (Consumer(AccountDeleted, self._enqueue), Consumer(AccountSuspended, self._enqueue))

    async def _enqueue(self, tx: Transaction, fact: AccountDeleted | AccountSuspended) -> None:
        await self._jobs.enqueue(tx, self.job, EndStreams(fact.person_id), priority="high")

    async def _run(self, attempt: Attempt[EndStreams]) -> None:
        await self._departure.end_streams_of(attempt.body.person_id)


class StreamHealth(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``faults``: what is wrong, the gravest first, as ``GET /api/v1/streams/{stream_id}/health`` names and explains
    it; empty: all is well again."""

    stream_id: str
    faults: list[str]


HEALTH: Final = ServerEvent(
    name="stream:health",
    summary="What is wrong with what arrives from the publisher has changed",
    body=StreamHealth,
    to="the sockets of the stream's owner",
)


def health_consumer(publish: Publish) -> Consumer[StreamHealthChanged]:
    """Sends ``HEALTH``; a client that was away reads it over REST."""

    async def send(tx: Transaction, fact: StreamHealthChanged) -> None:
        body = {"stream_id": fact.stream_id, "faults": list(fact.faults)}
        tx.after_commit(lambda: publish.to_person(fact.owner_id, HEALTH.name, body))

    return Consumer(StreamHealthChanged, send)


def build(platform: Platform, *, departure: Departure, rights: RightsTable) -> Feature:
    ends = StreamEnds(jobs=platform.jobs, departure=departure)

    async def unfinished() -> None:
        await platform.objects.sweep_unfinished(before=platform.now() - UNFINISHED_KEPT)

    return Feature(
        name="streams",
        consumers=(*ends.consumers, health_consumer(platform.publish)),
        sent=[HEALTH],
        jobs=[ends.job],
        schedules=[
            repeated("rights.purge", rights.purge, every_s=PURGE_S),
            repeated("objects.delete", DoomedObjects(db=platform.db, objects=platform.objects).sweep, every_s=SWEEP_S),
            repeated("objects.unfinished", unfinished, every_s=PURGE_S),
            repeated("stream_guest_grants.purge", StreamPasswords(db=platform.db).purge, every_s=PURGE_S),
        ],
        personal_data=_personal_data(
            platform.db, departure, RecordedTracks(database=platform.db, objects=platform.objects)
        ),
    )


def _personal_data(db: Database, departure: Departure, recordings: RecordedTracks) -> PersonalData:
    async def erase_large(person_id: str) -> None:
        await departure.remove_streams_of(person_id)
        for sql in (EMPTY_MESSAGES, FORGET_VIEWS):
            while await db.execute(sql, person_id, BATCH) == BATCH:
                pass

    return PersonalData(
        tables=frozenset(
            {
                "streams",
                "stream_guests",
                "stream_grants",
                "chat_rooms",
                "chat_messages",
                "chat_moderators",
                "chat_vips",
                "chat_sanctions",
            }
            | {"view_sessions", "chat_held", "chat_filters"}
        ),
        sections=SECTIONS,
        erase=_erase,
        erase_large=erase_large,
        media=recordings.of,
        kept={"chat_messages": "an empty message keeps its place, so that the offsets of a room have no gap"},
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in ERASE:
        await tx.execute(sql, person_id)


SECTIONS: Final = (
    rows_by_id(
        "streams",
        "id, room_id, title, description, category, tags, language, visibility, latency, is_recorded, "
        "transcode, slate, takeover, restrictions, state, created_at, scheduled_at, started_at, ended_at, "
        "peak_viewers, unique_viewers, watched_ms",
        "streams where owner_id = $1",
    ),
    ExportSection(
        name="messages",
        sql='select room_id, "offset", id, text, reply_to, sent_at, media_time_ms, deleted_at from chat_messages '
        "where user_id = $1 and (sent_at, id) > ($2::timestamptz, $3::uuid) order by sent_at, id limit $4",
        key=("sent_at", "id"),
        start=(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), NO_UUID),
    ),
    rows_by_id("moderates", "room_id", "chat_moderators where user_id = $1", "room_id"),
    rows_by_id("held_messages", "id, room_id, text, held_at, state", "chat_held where user_id = $1"),
    rows_by_id("chat_filter", "owner_id, filter, changed_at", "chat_filters where owner_id = $1", "owner_id"),
    rows_by_id("vip", "room_id", "chat_vips where user_id = $1", "room_id"),
    rows_by_id("sanctions", "room_id, until, reason, created_at", "chat_sanctions where user_id = $1", "room_id"),
    rows_by_id("passwords_given", "stream_id, created_at", "stream_grants where user_id = $1", "stream_id"),
    rows_by_id(
        "views",
        "id, stream_id, started_at, last_at, watched_ms, stalled_ms, transport",
        "view_sessions where user_id = $1",
    ),
)

EMPTY_MESSAGES: Final = """
update chat_messages set text = '', deleted_at = coalesce(deleted_at, now()), deleted_by = coalesce(deleted_by, $1)
where (room_id, "offset") in (select room_id, "offset" from chat_messages where user_id = $1 and text <> '' limit $2)
"""
FORGET_VIEWS: Final = """
update view_sessions set user_id = null, viewer = id::text
where id in (select id from view_sessions where user_id = $1 limit $2)
"""
ERASE: Final = (
    "delete from chat_moderators where user_id = $1",
    "delete from chat_vips where user_id = $1",
    "delete from chat_held where user_id = $1",
    "update chat_held set decided_by = null where decided_by = $1",
    "delete from chat_filters where owner_id = $1",
    "delete from chat_sanctions where user_id = $1",
    f"update chat_sanctions set by_id = '{NO_UUID}' where by_id = $1",
    "delete from stream_guests where user_id = $1",
    "delete from stream_grants where user_id = $1",
)

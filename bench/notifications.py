"""How long it takes to notify all followers of a person that a stream of theirs has started, and what it leaves.

The engine is an embedded Postgres in a fresh folder with synchronous commit. The jobs of the fan-out run one after the
other in this process, claimed from their table as a worker claims them.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import report
from bench.report import Figure, figure
from server.features.delivery.notifications.deliveries import Deliver, Deliveries
from server.features.delivery.notifications.fan_out import StreamFanOut
from server.features.delivery.notifications.notifications import Notifications
from server.features.delivery.notifications.reminders import Reminders
from server.features.delivery.notifications.subjects import Subjects
from server.features.people.audience import Audience
from server.features.social.communities import CommunityLookups
from server.features.town.market import OrderTitles
from server.features.videos.works import MatchTitles
from server.jobs import Attempt, Job, Jobs
from storage.embedded.postgres import EmbeddedPostgres
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.migrate import migrate
from storage.postgres import Database, Reads
from storage.stream_facts import StreamStarted
from storage.stream_titles import StreamTitles

BATCH: Final = 5_000


class NoSockets:
    """``Publish``: counts the events."""

    events = 0

    def to_person(self, person_id: str, event: str, body: dict[str, Any]) -> None:
        self.to_people([person_id], event, body)

    def to_people(self, person_ids: Sequence[str], event: str, body: dict[str, Any]) -> None:
        self.events += 1

    def to_socket(self, node: str, person_id: str, socket: str, event: str, body: dict[str, Any]) -> None: ...
    def to_topic(self, topic: str, event: str, body: dict[str, Any], *, person_id: str | None = None) -> None: ...

    def conflate(
        self, topic: str, key: str, event: str, body: dict[str, Any], *, person_id: str | None = None
    ) -> None: ...


class NoPosts:
    """``Posts``: none is asked for."""

    async def shown(self, reads: Reads, ids: Collection[str], viewer_id: str | None) -> dict[str, Any]:
        return {}


async def _people(db: Database, followers: int) -> str:
    """The id of a person with so many followers."""
    ids, now = Ids(), time.time()
    owner, *others = [ids.uuid7(now) for _ in range(followers + 1)]
    for at in range(0, followers + 1, BATCH):
        await db.execute(ADD_PEOPLE, [owner, *others][at : at + BATCH])
    for at in range(0, followers, BATCH):
        await db.execute(ADD_FOLLOWS, others[at : at + BATCH], owner)
        await db.execute(ADD_DEVICES, others[at : at + BATCH])
    return owner


async def _measure(url: str, followers: int) -> list[Figure]:
    from tests.server.jobs.inline import run_due

    await migrate(url)
    db, ids, publish = await Database.connect(url, max_connections=4), Ids(), NoSockets()
    owner_id, stream_id = await _people(db, followers), ids.uuid7(time.time())
    await db.execute(ADD_STREAM, stream_id, owner_id)
    audience, jobs = Audience(), Jobs(rows=JobQueue(db=db), ids=ids, wall=time.time)

    async def deliver(_: Attempt[Deliver]) -> None: ...

    job = Job(name="notifications.deliver", body=Deliver, run=deliver)
    deliveries = Deliveries(
        jobs=jobs, job=lambda: job, ids=ids, now=lambda: datetime.now(UTC), push_delay_s=5.0, email_delay_s=300.0
    )
    notifications = Notifications(
        db=db, people=audience,
        subjects=Subjects(
            streams=StreamTitles(), posts=NoPosts(), communities=CommunityLookups(), orders=OrderTitles(),
            matches=MatchTitles(),
        ),
        deliveries=deliveries, publish=publish, ids=ids, now=lambda: datetime.now(UTC), kept=500, days=90,
    )  # fmt: skip
    streams = StreamTitles()
    reminders = Reminders(db=db, streams=streams, now=lambda: datetime.now(UTC))
    fan_out = StreamFanOut(
        notifications=notifications, followers=audience, streams=streams, reminders=reminders, jobs=jobs
    )
    fact = StreamStarted(stream_id=stream_id, owner_id=owner_id, visibility="public", started_at=datetime.now(UTC))
    async with db.transaction() as tx:
        await fan_out.begin(tx, fact)
    began = time.perf_counter()
    ran = await run_due(db, fan_out.job)
    took_s = time.perf_counter() - began
    rows = await db.fetchval("select count(*) from notifications")
    pushes = await db.fetchval("select count(*) from notification_deliveries")
    enqueued = await db.fetchval("select count(*) from jobs where name = 'notifications.deliver'")
    size = await db.fetchval("select pg_total_relation_size('notifications') / 1e6::float8")
    await db.close()
    question = f"{followers:,} followers are notified"
    return [
        figure(question, "until the last one", [took_s], "s", better="lower"),
        figure(question, "rows", [rows], "", better="lower"),
        figure(question, "with indexes", [size], "MB", better="lower"),
        figure(question, "jobs", [ran], "", better="lower"),
        figure(question, "push messages planned", [pushes], "", better="higher"),
        figure(question, "jobs that push them", [enqueued], "", better="lower"),
        figure(question, "events to nodes", [publish.events], "", better="lower"),
    ]


ADD_PEOPLE: Final = """
insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)
select id, id, id, id, id, '', id, id from unnest($1::uuid[]) id
"""
ADD_FOLLOWS: Final = "insert into follows (follower_id, followee_id) select id, $2 from unnest($1::uuid[]) id"
ADD_DEVICES: Final = """
insert into push_subscriptions (id, person_id, kind, target_hash, sealed_target, device)
select id, id, 'web', id::text::bytea, '', 'bench' from unnest($1::uuid[]) id
"""
ADD_STREAM: Final = """
insert into streams (id, owner_id, room_id, title, stream_key) values ($1, $2, gen_random_uuid(), 'Engines', 'k')
"""


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench notifications", description=__doc__)
    parser.add_argument("--followers", type=int, default=100_000)
    report.options(parser)
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="sf-bench-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        try:
            figures = uvloop.run(_all(engine, options.followers))
        finally:
            engine.stop()
    report.hand_over(figures, options.json)
    return 0


async def _all(engine: EmbeddedPostgres, followers: int) -> list[Figure]:
    return await _measure(await asyncio.to_thread(engine.start), followers)


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

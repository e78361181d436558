"""``GET /api/v1/admin/overview``: how the server fares, and what an operator should look after first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field

from server.feature import Feature, Platform
from server.features.operations.nodes import NodesAsked
from server.http.addresses import is_loopback
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Shape
from server.live.inspection import DescribeNode, NodeReport
from server.outbound.settings import Site
from storage.facts import Facts
from storage.jobs.queue import JobQueue
from storage.jobs.rows import JobCount
from storage.members import Member
from storage.postgres import Database

DISK_FULL: Final = 0.05
DISK_FILLS: Final = 0.15
BUSY: Final = 0.85
SLOW_LOOP_MS: Final = 500.0
LATE_S: Final = 300.0
MAILS: Final = """
select count(*) filter (where state = 'queued') as waiting,
       count(*) filter (where state in ('bounced', 'failed') and ended_at > now() - interval '1 day') as failed
from mails where state in ('queued', 'bounced', 'failed')
"""
DATABASE_BYTES: Final = "select pg_database_size(current_database())"

Code = Literal[
    "node_silent", "node_draining", "bus_deaf", "media_away", "media_restarted", "disk_full", "disk_fills", "busy",
    "slow_loop", "http_errors", "dead_letters", "jobs_dead", "jobs_late", "facts_aside", "mails_failed",
    "no_mail_server", "no_public_url",
]  # fmt: skip


class TodoShape(Shape):
    """``code`` says what; ``count`` how many of it, or how much: percent of a disk or core, ms, s."""

    code: Code
    severity: Literal["problem", "note"]
    node: Annotated[str | None, Field(description="Where, if it is of one node")]
    count: int


class LoadShape(Shape):
    """Sums over the nodes that answer; `busiest` and `slowest_loop_ms` are of the worst of them."""

    nodes: int
    silent: int
    sockets: int
    streams: int
    whep_viewers: int
    busiest: Annotated[float, Field(description="Share of a core, 0 to 1")]
    slowest_loop_ms: float
    rss_bytes: int


class QueuesShape(Shape):
    jobs_waiting: int
    jobs_running: int
    jobs_dead: int
    jobs_late_s: Annotated[float, Field(description="How long the first that is due has waited; 0 when none is")]
    mails_waiting: int
    mails_failed: Annotated[int, Field(description="Bounced or given up within a day")]
    facts_behind: Annotated[int, Field(description="Of the reader that is furthest behind")]
    facts_aside: int


class DiskShape(Shape):
    node: str
    what: Annotated[str, Field(description="The folder that is on it: `data` or `run`")]
    free_bytes: int
    total_bytes: int


class StorageShape(Shape):
    database_bytes: int
    disks: list[DiskShape]


class ErrorsShape(Shape):
    """Since each node's start."""

    http: Annotated[int, Field(description="Requests answered with 500")]
    dead_letters: Annotated[int, Field(description="Messages that nobody handled")]
    media_restarts: int


class OverviewShape(Shape):
    at: datetime
    status: Literal["good", "attention", "bad"]
    todo: Annotated[list[TodoShape], Field(description="Problems first")]
    load: LoadShape
    queues: QueuesShape
    storage: StorageShape
    errors: ErrorsShape


Reports = Mapping[str, NodeReport | None]


class OverviewRoutes:
    def __init__(
        self,
        *,
        nodes: NodesAsked,
        db: Database,
        facts: Facts,
        now: Callable[[], datetime],
        has_mail_server: bool,
        is_public: bool,
    ) -> None:
        self._nodes = nodes
        self._db = db
        self._queue = JobQueue(db=db)
        self._facts = facts
        self._now = now
        self._has_mail_server = has_mail_server
        self._is_public = is_public

    def operations(self) -> Sequence[Operation]:
        return [
            Operation(
                method="GET", path="/api/v1/admin/overview", handler=self._overview, name="getOverview", tag="admin",
                summary="How the server fares, and what to do about it", answers={200: OverviewShape},
                auth="required", roles=frozenset({"admin"}),
            )
        ]  # fmt: skip

    async def _overview(self, call: Call[None, None]) -> Answer:
        members = dict(self._nodes.members())
        reports, queues, database_bytes = await asyncio.gather(
            self._nodes.ask({name: DescribeNode(limit=0) for name in members}),
            self._queues(),
            self._db.fetchval(DATABASE_BYTES),
        )
        todo = [*of_nodes(members, reports), *of_queues(queues), *self._of_settings()]
        todo.sort(key=lambda one: one.severity == "note")
        return Answer(
            body=OverviewShape(
                at=self._now(),
                status="bad" if any(one.severity == "problem" for one in todo) else "attention" if todo else "good",
                todo=todo,
                load=_load(reports),
                queues=queues,
                storage=StorageShape(database_bytes=database_bytes, disks=list(_disks(reports))),
                errors=_errors(reports),
            )
        )

    async def _queues(self) -> QueuesShape:
        counts, readers, (mails,) = await asyncio.gather(
            self._queue.counts(), self._facts.readers(), self._db.fetch(MAILS)
        )
        return QueuesShape(
            jobs_waiting=_jobs(counts, "queued"),
            jobs_running=_jobs(counts, "running"),
            jobs_dead=_jobs(counts, "dead"),
            jobs_late_s=_late_s(counts, self._now()),
            mails_waiting=mails["waiting"],
            mails_failed=mails["failed"],
            facts_behind=max((reader.behind for reader in readers), default=0),
            facts_aside=sum(reader.aside for reader in readers),
        )

    def _of_settings(self) -> Iterator[TodoShape]:
        if not self._has_mail_server:
            yield _note("no_mail_server")
        if not self._is_public:
            yield _note("no_public_url")


def of_nodes(members: Mapping[str, Member], reports: Reports) -> Iterator[TodoShape]:
    """What to do about the nodes, those first that do not answer."""
    for name in sorted(members):
        if reports[name] is None:
            yield _problem("node_silent", node=name)
    for name, report in sorted(reports.items()):
        if report is not None:
            if members[name].is_draining:
                yield _note("node_draining", node=name)
            yield from _of_node(name, report, has_media="media" in members[name].roles)


def _of_node(name: str, report: NodeReport, *, has_media: bool) -> Iterator[TodoShape]:
    if report.bus.is_deaf:
        yield _problem("bus_deaf", node=name)
    if has_media and report.media.pid is None:
        yield _problem("media_away", node=name)
    if report.media.restarts:
        yield _note("media_restarted", report.media.restarts, node=name)
    if report.http_errors:
        yield _problem("http_errors", report.http_errors, node=name)
    if report.dead_letters:
        yield _note("dead_letters", report.dead_letters, node=name)
    if report.load >= BUSY:
        yield _note("busy", round(100 * report.load), node=name)
    if report.loop_lag_ms >= SLOW_LOOP_MS:
        yield _note("slow_loop", round(report.loop_lag_ms), node=name)
    for share in (disk.free_bytes / max(1, disk.total_bytes) for disk in report.disks):
        if share < DISK_FULL:
            yield _problem("disk_full", round(100 * share), node=name)
        elif share < DISK_FILLS:
            yield _note("disk_fills", round(100 * share), node=name)


def of_queues(queues: QueuesShape) -> Iterator[TodoShape]:
    if queues.jobs_late_s >= LATE_S:
        yield _problem("jobs_late", round(queues.jobs_late_s))
    if queues.facts_aside:
        yield _problem("facts_aside", queues.facts_aside)
    if queues.jobs_dead:
        yield _note("jobs_dead", queues.jobs_dead)
    if queues.mails_failed:
        yield _note("mails_failed", queues.mails_failed)


def _problem(code: Code, count: int = 1, *, node: str | None = None) -> TodoShape:
    return TodoShape(code=code, severity="problem", node=node, count=count)


def _note(code: Code, count: int = 1, *, node: str | None = None) -> TodoShape:
    return TodoShape(code=code, severity="note", node=node, count=count)


def _jobs(counts: Sequence[JobCount], state: str) -> int:
    return sum(one.count for one in counts if one.state == state)


def _late_s(counts: Sequence[JobCount], now: datetime) -> float:
    due = [one.oldest_due_at for one in counts if one.state == "queued"]
    return max(0.0, (now - min(due)).total_seconds()) if due else 0.0


def _load(reports: Reports) -> LoadShape:
    told = [report for report in reports.values() if report is not None]
    return LoadShape(
        nodes=len(reports),
        silent=len(reports) - len(told),
        sockets=sum(report.sockets for report in told),
        streams=sum(report.media.streams for report in told),
        whep_viewers=sum(report.media.whep_viewers for report in told),
        busiest=max((report.load for report in told), default=0.0),
        slowest_loop_ms=max((report.loop_lag_ms for report in told), default=0.0),
        rss_bytes=sum(report.rss_bytes for report in told),
    )


def _disks(reports: Reports) -> Iterator[DiskShape]:
    for name, report in sorted(reports.items()):
        for disk in report.disks if report is not None else ():
            yield DiskShape(node=name, what=disk.what, free_bytes=disk.free_bytes, total_bytes=disk.total_bytes)


def _errors(reports: Reports) -> ErrorsShape:
    told = [report for report in reports.values() if report is not None]
    return ErrorsShape(
        http=sum(report.http_errors for report in told),
        dead_letters=sum(report.dead_letters for report in told),
        media_restarts=sum(report.media.restarts for report in told),
    )


def build(platform: Platform, *, nodes: NodesAsked, facts: Facts, has_mail_server: bool, site: Site) -> Feature:
    host = urlsplit(site.origin).hostname or "localhost"
    routes = OverviewRoutes(
        nodes=nodes,
        db=platform.db,
        facts=facts,
        now=platform.now,
        has_mail_server=has_mail_server,
        is_public=host != "localhost" and not is_loopback(host),
    )
    return Feature(name="overview", operations=routes.operations())

"""Features in process, over the shared Postgres: made by ``install`` as a node makes them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from actors.reader import READER
from actors.runtime import LocalTransport, LoopClock, Node
from server.feature import Feature, Platform
from server.features.install import Core, Installed, install
from server.features.people.accounts.passwords import Passwords
from server.features.settings import FeatureSettings
from server.http.identity import Identity
from server.http.limits import RateLimiter, TokenBuckets
from server.jobs import Jobs
from server.limits import ice_servers
from server.live.addresses import MediaAddresses
from server.live.edge.fanout import Fanout
from server.live.footage import FootageFinder
from server.live.playback import Playback
from server.live.pull import Pull
from server.live.rights import Rights
from server.live.viewings import Viewings
from server.outbound.settings import Site
from storage.audit import AuditLog
from storage.errors import Unavailable
from storage.facts import Advance, Facts, by_name
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.leases import Leases
from storage.objects import LocalObjects
from storage.postgres import Database
from storage.recording import Recordings
from storage.redis import Redis
from storage.rights import RightsTable
from tests.server.jobs.inline import run_due
from tests.server.live.nodes import NodeDirectory
from tests.server.served import LiveNode, Served, serving


@dataclass
class PublishedEvents:
    """``server.publish.Publish``: keeps what was published, as (address, event, body)."""

    events: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    def to_person(self, person_id: str, event: str, body: dict[str, Any]) -> None:
        self.events.append((person_id, event, body))

    def to_people(self, person_ids: Sequence[str], event: str, body: dict[str, Any]) -> None:
        self.events += [(person_id, event, body) for person_id in person_ids]

    def to_socket(self, node: str, person_id: str, socket: str, event: str, body: dict[str, Any]) -> None:
        self.events.append((f"{node}/{socket}", event, body))

    def to_topic(self, topic: str, event: str, body: dict[str, Any], *, person_id: str | None = None) -> None:
        self.events.append((topic, event, body))

    def conflate(self, topic: str, key: str, event: str, body: dict[str, Any], *, person_id: str | None = None) -> None:
        self.events.append((topic, event, body))


@dataclass
class Streams:
    """``Departure``: keeps whose streams were removed and ended; the next ``failures`` calls raise ``error``."""

    failures: int = 0
    error: Exception = field(default_factory=lambda: LookupError("away"))
    removed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def remove_streams_of(self, person_id: str) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise self.error
        self.removed.append(person_id)

    async def end_streams_of(self, person_id: str) -> None:
        self.ended.append(person_id)


class AwayRedis:
    """``Redis`` that does not answer."""

    async def command(self, *words: object, timeout_s: float | None = None) -> object:
        raise Unavailable("redis", "it is away")

    async def pipeline(self, commands: object, *, timeout_s: float | None = None) -> list[object]:
        raise Unavailable("redis", "it is away")

    async def run(self, script: object, **_: object) -> object:
        raise Unavailable("redis", "it is away")


@dataclass
class Kit:
    """Parts for features. ``install`` makes them all; each call makes them anew, as another node would."""

    database: Database
    identity: Identity
    passwords: Passwords
    objects_dir: Path
    redis: Redis = field(default_factory=lambda: cast(Redis, AwayRedis()))
    """Without one, it is away."""
    limiter: RateLimiter = field(default_factory=TokenBuckets)
    published: PublishedEvents = field(default_factory=PublishedEvents)
    streams: Streams = field(default_factory=Streams)
    topics: Fanout = field(default_factory=Fanout)
    present: list[str] = field(default_factory=list)
    """The ids of who is in each room."""
    playback: Playback | None = None
    """What is published here; without it nothing is."""

    def __post_init__(self) -> None:
        self.rights = Rights(rows=RightsTable(db=self.database), now=lambda: datetime.now(UTC))

    def platform(self) -> Platform:
        ids = Ids()
        return Platform(
            db=self.database,
            redis=self.redis,
            objects=LocalObjects(root=self.objects_dir),
            node=Node(name="n1", clock=LoopClock(), directory=NodeDirectory(), transport=LocalTransport()),
            jobs=Jobs(rows=JobQueue(db=self.database), ids=ids, wall=time.time),
            publish=self.published,
            limiter=self.limiter,
            audit=AuditLog(ids=ids),
            ids=ids,
            now=lambda: datetime.now(UTC),
            node_name="n1",
        )

    def core(self, settings: FeatureSettings | None = None) -> Core:
        return Core(
            identity=self.identity,
            departure=cast(Any, self.streams),
            rights=RightsTable(db=self.database),
            facts=Facts(db=self.database),
            members=dict,
            owners=dict,
            when_rights_changed=self.rights.heed,
            footage=self.footage(),
            addresses=MediaAddresses(
                seals=self.identity,
                cdn=settings.cdn_base_url if settings else "",
                signs_all=settings is not None and settings.sign_playback,
            ),
            viewings=Viewings(),
            topics=self.topics,
            in_room=self._in_room,
            ice=ice_servers(settings or FeatureSettings(), now=lambda: datetime.now(UTC)),
        )

    async def _in_room(self, _: str) -> list[str]:
        return self.present

    def footage(self) -> FootageFinder:
        recordings = Recordings(db=self.database)
        return FootageFinder(
            playback=self.playback or Playback(recordings=recordings),
            recordings=recordings,
            objects=LocalObjects(root=self.objects_dir),
            pull=Pull(address_of=lambda _: ""),
            addresses=MediaAddresses(seals=self.identity),
            me="n1",
        )

    def install(self, platform: Platform | None = None, **settings: Any) -> Installed:
        given = FeatureSettings(**{"screening_model": False, "assistant_vectors": False, **settings})
        return install(
            platform or self.platform(),
            core=self.core(given),
            settings=given,
            passwords=self.passwords,
            site=Site(name="Social Flow", origin="https://live.test"),
            is_https=False,
        )

    @asynccontextmanager
    async def serve(self, *more: Callable[[Platform], Feature], **settings: Any) -> AsyncIterator[Served]:
        """Serve all features, and those that ``more`` builds, over HTTP and Socket.IO while the block runs."""
        live = LiveNode(identity=self.identity)
        platform = replace(self.platform(), node=live.node, publish=live.publish)
        self.topics = live.fanout
        installed = self.install(platform, **settings)
        features = [*installed.features, *(build(platform) for build in more)]
        self.rights.on_changed([feature.heeds for feature in features if feature.heeds is not None])
        async with serving(
            live,
            features,
            database=self.database,
            identity=self.identity,
            limiter=self.limiter,
            on_forged=installed.people.suspicions.forged_token,
        ) as served:
            yield served

    async def read_facts(self, features: Iterable[Feature] | None = None) -> None:
        """Have the features' readers read all facts that there are, as the nodes that hold their shards do."""
        facts, leases = Facts(db=self.database), Leases(db=self.database)
        for feature in features if features is not None else self.install().features:
            consumers = by_name(feature.consumers)
            if consumers:
                await facts.open(feature.name)
                fence = await leases.fence_of(READER, feature.name)
                step = Advance(read=1)
                while step.read or step.again_after_s is not None:
                    step = await facts.advance(feature.name, consumers, fence=fence)
                    assert not step.error, f"{feature.name}: {step.error}"

    async def run_jobs(self, features: Iterable[Feature] | None = None) -> int:
        """Run the features' jobs that are due; how many there were."""
        given = features if features is not None else self.install().features
        return await run_due(self.database, *(job for feature in given for job in feature.jobs))

    async def run_schedule(self, feature: Feature, name: str) -> None:
        """Do once what a schedule does that has no body."""
        [schedule] = [one for one in feature.schedules if one.name == name]
        await schedule.job.run(cast(Any, None))

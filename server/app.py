"""The one place that wires: settings in, a running node out."""

from __future__ import annotations

import gc
import importlib.metadata
import logging
import os
import re
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from actors.presence import Presence
from actors.runtime import LoopClock, Node
from actors.tracing import Span
from server.access import Access
from server.assembly import realtime
from server.config import Settings
from server.engines import Engines
from server.features.auth.accounts import Accounts, NewAccount
from server.features.auth.guesses import Guesses
from server.features.auth.passwords import Passwords
from server.features.auth.routes import Auth, AuthRates
from server.features.cluster import ClusterRoutes
from server.features.export import Export
from server.features.jobs import JobRoutes
from server.features.readers import ReaderRoutes
from server.features.users import Profiles
from server.folders import require_folder, run_folder
from server.http.application import HttpSettings, build_app
from server.http.health import Dependency, Health, ServerInfo, known
from server.http.idempotency import IdempotencyKeys
from server.http.identity import Identity
from server.http.protocol import http_protocols, refused_head
from server.http.translations import known_errors
from server.http.web_client import WebClient
from server.jobs import JobNode, Jobs
from server.lifecycle import Stages, closer
from server.limits import (
    SharedRates,
    account_rates,
    connection_quota,
    edge_limits,
    media_config,
    offer_limits,
    public_limits,
    rate_limits,
)
from server.live.admission import QuotaSync
from server.live.durable import DurableStreams, DurableViews
from server.live.edge import Edge, Fanout, address_in, reconnect_delays_ms, tag_of
from server.live.events import SERVER_EVENTS
from server.live.hls import HlsRoutes, Playback
from server.live.ingest import Ingest
from server.live.inspection import Inspection, bus_report, media_report
from server.live.live_events import Broadcaster, LiveEventHandler, MediaEvents, StreamCleanup
from server.live.media import MediaAway, MediaProcess
from server.live.node_actor import NodeActor
from server.live.pull import Pull
from server.live.room_mirror import RoomMirrors
from server.live.room_traces import RoomTraces
from server.live.shard_moves import ShardMoves
from server.live.stream import StreamRoutes
from server.live.stream_directory import StreamDirectory
from server.live.whip import WebrtcRoutes
from server.load_monitor import LoadMonitor
from server.metrics import ActorMetrics, Gauges, register_processes
from server.otlp import OtlpExporter
from server.ports import CannotStart, Ports, tls_context
from server.readers import Readers, start_readers
from server.registration import Kinds
from server.tracing import Traces
from storage.admission import AdmissionTable
from storage.chat import PostgresChatLog
from storage.cluster import Cluster
from storage.errors import StorageError
from storage.facts import Facts
from storage.ids import Ids
from storage.jobs import JobQueue
from storage.leases import Leases
from storage.migrate import check, migrate
from storage.objects import ObjectStore, open_objects
from storage.postgres import Database
from storage.recording import Recordings
from storage.redis import Redis, RedisRateLimiter
from storage.relationships import Relationships
from storage.rooms import Rooms
from storage.stream import Streams
from storage.viewers import Views

VERSION: Final = importlib.metadata.version("socialflow")
WEB: Final = Path(__file__).parent / "web" / "dist"
GC_THRESHOLDS: Final = (100_000, 50, 100)
RECONNECTS_PER_S: Final = 2_500.0  # of a drained node's clients, on the other nodes

log = logging.getLogger("server.app")


def now() -> datetime:
    return datetime.now(UTC)


class App:
    """One node. ``start`` returns when it serves; ``stop`` drains it. Once each."""

    def __init__(self, *, settings: Settings, ports: Ports | None = None) -> None:
        """``ports``: sockets that are bound already; else they are bound at the start."""
        self.settings = settings
        self._given_ports = ports
        self.is_draining = False
        self.first_admin: NewAccount | None = None
        self._is_open = False
        self._stages = Stages()
        self._ids = Ids()
        self._registry = CollectorRegistry()
        host = re.sub("[^A-Za-z0-9]+", "-", socket.gethostname()).strip("-")
        self._name = f"{host or 'node'}-{os.getpid()}"[-64:]

    async def start(self) -> None:
        """Raises ``CannotStart``; what was started until then is closed again."""
        try:
            await self._start()
        except BaseException:
            await self._stages.close()
            raise

    async def stop(self) -> None:
        """Readiness off, clients told, media flushed, actors written back, engines last."""
        self.is_draining = True
        await self._stages.close()

    async def _start(self) -> None:
        require_folder(self.settings.data_dir)
        if self.settings.has_unnamed_proxy:
            log.warning("public_url is served by a proxy that trusted_proxies does not name: limits by address are off")
        self.ports = self._given_ports or Ports(self.settings)
        self._stages.add("ports", closer(self.ports.close))
        await self._open_storage()
        await self._open_node()
        await self._open_accounts()
        await self._open_live()
        await self._open_http()
        await self._access.departure.resume()
        self._start_jobs()
        start_readers(self._readers, db=self.db, stages=self._stages)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    # storage

    async def _open_storage(self) -> None:
        engines = Engines(self.settings)
        await engines.start()
        self._stages.add("engines", engines.stop, budget_s=20)
        try:
            await (migrate if self.settings.migrate else check)(engines.database_url)
            self.db = await Database.connect(engines.database_url, max_connections=32)
            self._stages.add("database", self.db.close)
            self.redis = await Redis.connect(engines.redis_url)
            self._stages.add("redis", self.redis.close)
            self.cluster = await self._join_cluster(engines)
            self._jobs = Jobs(rows=JobQueue(db=self.db), ids=self._ids, wall=time.time)
            self._log = PostgresChatLog(db=self.db)
            self._stages.add("chat log", self._log.close)
            await self._log.open()
        except StorageError as error:
            raise CannotStart(f"{error}: check database_url and redis_url, or run `socialflow doctor`") from None
        self.database_url = engines.database_url
        self.objects: ObjectStore = open_objects(self._object_place)
        self._stages.add("objects", self.objects.close)
        self._streams = Streams(db=self.db)
        self._facts = Facts(db=self.db)
        await self._facts.adopt()
        self._recordings = Recordings(db=self.db)
        self._rooms = Rooms(db=self.db)

    @property
    def _object_place(self) -> str:
        return self.settings.object_store or str(self.settings.data_dir.absolute() / "objects")

    # actors

    async def _join_cluster(self, engines: Engines) -> Cluster:
        return await Cluster.open(
            node=self._name,
            name=self.settings.cluster_name,
            redis_url=engines.redis_url,
            db=self.db,
            roles=self.settings.node_roles,
            address=f"http://{self.settings.node_host}:{self.ports.inside.getsockname()[1]}",
            version=VERSION,
            on_leave=lambda member: self._moves.left(member.name),
            on_moved=lambda shards: self._moves.moved(shards),  # noqa: PLW0108 - it is made later
            on_replaced=self._replaced,
            is_alone=engines.are_own,
        )

    def _replaced(self) -> None:
        log.error("another process has joined the cluster under the name %s: this one stops", self._name)
        os.kill(os.getpid(), signal.SIGTERM)

    async def _open_node(self) -> None:
        self.node = Node(
            name=self._name,
            clock=LoopClock(),
            directory=self.cluster.directory,
            transport=self.cluster.transport,
            observer=ActorMetrics(registry=self._registry),
        )
        self._traces = Traces(
            node=self._name, clock=self.node.clock, share=self.settings.trace_share, export=self._exporter()
        )
        self._load_monitor = LoadMonitor(clock=self.node.clock, report=lambda load: self.cluster.report(load=load))
        self._rate_limits, self._connection_quota = rate_limits(self.settings), connection_quota(self.settings)
        self._broadcaster = Broadcaster(me=self._name, others=lambda: self.cluster.members.view.members)
        self._readers = Readers(node=self.node, facts=self._facts, shards=self.cluster.shards)
        self._register_kinds()
        await self.node.start()
        self._stages.add("actors", self._stop_node, budget_s=2 * self.settings.drain_s + 5)

    async def _stop_node(self) -> None:
        """Others take over with the actors' state; what nobody takes is written back."""
        if len(self.cluster.members.view.members) > 1:
            await self.cluster.drain(budget_s=self.settings.drain_s)
        await self.node.stop(budget_s=self.settings.drain_s)
        await self.cluster.stop()

    def _register_kinds(self) -> None:
        Kinds(
            node=self.node,
            streams=DurableStreams(streams=self._streams, recordings=self._recordings),
            log=self._log,
            rooms=self._rooms,
            relationships=Relationships(db=self.db, needs_verified_email=self.settings.require_verified_email),
            views=DurableViews(views=Views(db=self.db)),
            reader=self._readers.actor,
            node_actor=self._node_actor,
            rate_limits=self._rate_limits,
            broadcast=self._broadcaster,
            trace=self._traces.note,
            new_id=self._new_id,
            now=now,
            grace_s=self.settings.grace_s,
        ).register()

    def _node_actor(self) -> NodeActor:
        return NodeActor(
            live_events=self._live_events,
            media=self.media,
            presence=self._presence,
            inspection=self._inspection(),
            viewings=self._access.webrtc,
        )

    def _inspection(self) -> Inspection:
        return Inspection(
            node=self.node,
            held=lambda: self.cluster.shards.held,
            sockets=self._session_count,
            media=lambda: media_report(self.media, self._listener.counters),
            bus=lambda: bus_report(self.cluster.bus),
            load_monitor=self._load_monitor,
            traces=self._traces,
        )

    def _exporter(self) -> Callable[[Span], None] | None:
        if self.settings.otel_endpoint is None:
            return None
        exporter = OtlpExporter(
            endpoint=self.settings.otel_endpoint, service=self.settings.server_name, node=self._name
        )
        exporter.start()
        self._stages.add("traces", exporter.close, budget_s=6)
        return exporter.put

    def _session_count(self) -> int:
        return self.edge.session_count if self._is_open else 0

    def _new_id(self) -> str:
        return self._ids.uuid7(time.time())

    # people

    async def _open_accounts(self) -> None:
        self.identity = Identity(rows=self.db)
        await self.identity.start()
        self._stages.add("identity", self.identity.close)
        passwords = Passwords()
        self._stages.add("passwords", closer(passwords.close))
        self._rates = SharedRates(limiter=RedisRateLimiter(redis=self.redis))
        self._profiles = Profiles(database=self.db)
        self._access = Access(
            db=self.db,
            identity=self.identity,
            ids=self._ids,
            node=self.node,
            streams=self._streams,
            fence=Leases(db=self.db).fence_of,
            now=now,
            media=lambda: self.media,
            jobs=self._jobs,
            settings=self.settings,
        )
        self._stages.add("rights", self._access.close)
        self.accounts = Accounts(
            database=self.db,
            identity=self.identity,
            passwords=passwords,
            profiles=self._profiles,
            guesses=Guesses(limiter=self._rates),
            ids=self._ids,
            deletions=self._access.deletions,
            when_changed=self._access.rights.heed,
        )
        self.first_admin = await self.accounts.create_first_admin()

    # the live side

    async def _open_live(self) -> None:
        self.fanout = Fanout()
        self._presence = Presence()
        self._stream_directory = StreamDirectory(
            node=self.node,
            fan=self.fanout,
            broadcast=self._broadcaster,
            rights=self._access.rights,
            addresses=self._access.addresses,
        )
        self._ingest = Ingest(
            streams=self._streams,
            node=self.node,
            ids=self._ids,
            now=now,
            needs_verified_email=self.settings.require_verified_email,
        )
        self._playback = Playback(recordings=self._recordings)
        self._mirrors = RoomMirrors(node=self.node, pages=self._log, fan=self.fanout)
        self._listener = MediaEvents(
            node=self.node,
            ingest=self._ingest,
            stream_directory=self._stream_directory,
            playback=self._playback,
            viewings=self._access.webrtc,
        )
        run_dir = run_folder(chosen=self.settings.run_dir, data_dir=self.settings.data_dir)
        self._stages.add("run folder", closer(lambda: shutil.rmtree(run_dir, ignore_errors=True)))
        self.media = MediaProcess(
            config=media_config(self.settings, run_dir=run_dir, object_store=self._object_place),
            sockets={"rtmp": self.ports.rtmp},
            listener=self._listener,
        )
        cleanup = StreamCleanup(playback=self._playback, media=self.media, objects=self.objects)
        self._stages.add("after-ends", closer(cleanup.close))
        self._realtime = realtime.assemble(
            settings=self.settings,
            identity=self.identity,
            node=self.node,
            fanout=self.fanout,
            mirrors=self._mirrors,
            log=self._log,
            streams=self._stream_directory,
            presence=self._presence,
            others=lambda: self.cluster.members.view.members,
            rate_limits=self._rate_limits,
            connection_quota=self._connection_quota,
            rights=self._access.rights,
            traces=self._traces,
            new_id=self._new_id,
            now=now,
        )
        self._moves = ShardMoves(node=self.node, handlers=(self._mirrors, self._realtime.watching))
        self._pull = Pull(address_of=self._address_of)
        self._stages.add("pull", self._pull.close)
        eviction = self._access.eviction(
            stream_directory=self._stream_directory,
            mirrors=self._mirrors,
            realtime=self._realtime,
            keepers=[self._playback, self._pull],
        )
        followed = RoomTraces(traces=self._traces, fan=self.fanout, clock=self.node.clock)
        self._live_events = LiveEventHandler(
            stream_directory=self._stream_directory,
            mirrors=self._mirrors,
            cleanup=cleanup,
            viewers=self._realtime.watching,
            rights_check=eviction,
            followed=followed,
        )
        self._broadcaster.join(node=self.node, live_events=self._live_events)
        self._mirrors.start()
        self._stages.add("feeds", self._mirrors.close)
        quota_sync = self._quota_sync()
        quota_sync.start()
        self._stages.add("exchange", quota_sync.close)
        self._access.rights.start(eviction.handle)
        self._load_monitor.start()
        self._stages.add("pulse", closer(self._load_monitor.close))
        try:
            await self.media.start()
        except MediaAway as error:
            raise CannotStart(f"{error or 'the media process did not start'}: see the log above") from None
        self._stages.add("media", partial(self.media.stop, budget_s=8), budget_s=12)

    def _quota_sync(self) -> QuotaSync:
        return QuotaSync(
            rate_limits=self._rate_limits,
            connection_quota=self._connection_quota,
            table=AdmissionTable(redis=self.redis, cluster=self.settings.cluster_name, node=self._name),
            clock=self.node.clock,
            is_alone=lambda: len(self.cluster.members.view.members) < 2,
        )

    def _address_of(self, name: str) -> str:
        member = self.cluster.members.view.members.get(name)
        return member.address if member is not None else ""

    # the outside

    async def _open_http(self) -> None:
        self._health = self._make_health()
        self._stages.add("health", self._health.close)
        runner = web.AppRunner(self._web_app(), access_log=None, handle_signals=False)
        await runner.setup()
        assert runner.server is not None
        self._stages.add("http", runner.cleanup)
        self.edge = Edge(
            application=self._realtime.sockets,
            http=http_protocols(runner.server, keepalive_timeout_s=75.0),
            limits=edge_limits(self.settings),
            allowed_origins=self.settings.allowed_origins,
            trusted_proxies=self.settings.trusted_proxies,
            fanout=self.fanout,
            node_tag=tag_of(self._name),
            elsewhere=self._node_with,
            head_refusal=refused_head(),
        )
        self._is_open = True
        Gauges(read=self._gauges, registry=self._registry)
        register_processes(version=VERSION, media_pid=lambda: self.media.pid, registry=self._registry)
        await self.edge.listen_inside(sock=self.ports.inside)
        try:
            await self.cluster.start(self.node)  # so late, since what is taken over waits until this node has started
        except StorageError as error:
            raise CannotStart(f"{error}: see the log above") from None
        await self.edge.start(sock=self.ports.http, ssl=tls_context(self.settings))
        self._stages.add("sockets", self._drain_sockets, budget_s=self.settings.drain_s + 2)

    def _node_with(self, tag: str) -> tuple[str, int] | None:
        """Where the node listens inside whose session ids end with this."""
        members = self.cluster.members.view.members
        return address_in(tag, [(member.name, member.address) for member in members.values()])

    async def _drain_sockets(self) -> None:
        """Everybody is told, with different times to come back, and then let go, in the same order."""
        clients = self.edge.sockets
        delays_ms = reconnect_delays_ms(len(clients), per_s=min(self.settings.connect_rate, RECONNECTS_PER_S))
        for client, delay_ms in zip(clients, delays_ms, strict=True):
            client.emit("server:draining", {"reconnect_in_ms": delay_ms})
        spread_s = min(2.0, self.settings.drain_s) if self.edge.session_count else 0.0
        # Whoever asks whether this node is ready is told, unless others listen on the same sockets and are.
        await self.edge.drain(within_s=spread_s, is_listening=self._given_ports is None)
        await self.edge.close()

    def _web_app(self) -> web.Application:
        self._idempotency = IdempotencyKeys(rows=self.db)
        app = build_app(
            features=[
                self._health,
                ServerInfo(server_name=self.settings.server_name, version=VERSION, limits=public_limits(self.settings)),
                Auth(accounts=self.accounts, rates=AuthRates(), is_secure=self.settings.is_https),
                Export(database=self.db, rates=account_rates(self.settings)),
                *self._access.features(self._stream_directory, profiles=self._profiles, accounts=self.accounts),
                self._stream_routes(),
                HlsRoutes(
                    playback=self._playback,
                    stream_directory=self._stream_directory,
                    objects=self.objects,
                    recordings=self._recordings,
                    pull=self._pull,
                    addresses=self._access.addresses,
                    viewings=self._access.viewings,
                    me=self._name,
                ),
                WebrtcRoutes(
                    ingest=self._ingest,
                    stream_directory=self._stream_directory,
                    addresses=self._access.addresses,
                    media=self.media,
                    node=self.node,
                    began=self._listener.began,
                    offer_limits=offer_limits(self.settings),
                ),
                JobRoutes(db=self.db, ids=self._ids),
                ReaderRoutes(facts=self._facts),
                ClusterRoutes(
                    node=self.node,
                    members=lambda: self.cluster.members.view.members,
                    owners=self.cluster.shards.owners,
                ),
            ],
            identity=self.identity,
            idempotency=self._idempotency,
            limiter=self._rates,
            problems=known_errors(),
            registry=self._registry,
            client_events=self._realtime.events,
            server_events=SERVER_EVENTS,
            settings=HttpSettings(
                title=self.settings.server_name,
                version=VERSION,
                allowed_origins=self.settings.allowed_origins,
                trusted_proxies=self.settings.trusted_proxies,
                limit_loopback=self.settings.limit_loopback,
            ),
        )
        WebClient(folder=WEB).add_to(app)
        return app

    def _make_health(self) -> Health:
        return Health(
            dependencies={
                "postgres": Dependency(probe=self.db.ping, is_critical=True),
                "redis": Dependency(probe=known(lambda: not self.cluster.is_degraded), is_critical=False),
                "media": Dependency(probe=known(lambda: self.media.is_there), is_critical=False),
                "cluster": Dependency(probe=known(lambda: not self.cluster.is_deaf), is_critical=True),
            },
            is_draining=lambda: self.is_draining,
            registry=self._registry,
        )

    def _stream_routes(self) -> StreamRoutes:
        return StreamRoutes(
            rows=self._streams,
            ingest=self._ingest,
            stream_directory=self._stream_directory,
            log=self._log,
            rooms=self._rooms,
            objects=self.objects,
            node=self.node,
            db=self.db,
            departure=self._access.departure,
            rights=self._access.rights,
            rtmp_address=self.rtmp_address,
            public_url=self.settings.public_url,
            needs_verified_email=self.settings.require_verified_email,
            rates=account_rates(self.settings),
        )

    def rtmp_address(self, host: str) -> str:
        scheme = "rtmps" if self.settings.tls_cert else "rtmp"
        shown = f"[{host}]" if ":" in host else host
        return f"{scheme}://{shown}:{self.ports.rtmp_port}/live"

    def _gauges(self) -> Mapping[str, tuple[str, float]]:
        media = {
            f"media_{name}": ("Reported by the media process", value) for name, value in self._listener.counters.items()
        }
        return {
            "sockets": ("Socket.IO sessions", self.edge.session_count),
            "sockets_slow": ("Sessions that read too slowly", self.edge.slow_count),
            "fanout_deliveries_total": ("Events written to sockets", self.fanout.deliveries),
            "fanout_skipped_total": ("Events skipped for slow sockets", self.fanout.skipped),
            "actors": ("Active actors", self.node.cell_count),
            "actor_dead_letters_seen": ("Messages nobody handled", self.node.dead_letters.total),
            "bus_entries_unreadable": ("Entries of the bus that were skipped", self.cluster.bus.counters.unreadable),
            "loop_lag_seconds": ("How late a timer was at worst in the last 10 s", self._load_monitor.loop_lag_s),
            "load": ("Share of a core that this process uses, smoothed over 10 s", self._load_monitor.load),
            "media_restarts": ("Times that the media process was started again", self.media.restarts),
            **media,
            **self._readers.gauges(),
        }

    def _start_jobs(self) -> None:
        if "jobs" not in self.settings.node_roles:
            return
        hourly = {"sessions.purge": self.accounts.purge, "idempotency_keys.purge": self._idempotency.purge}
        hourly["facts.prune"] = self._readers.prune
        node = JobNode(
            db=self.db,
            enqueue=self._jobs,
            jobs=[self._access.deletions.job],
            schedules=self._access.schedules(self.objects, hourly),
            name=self._name,
            clock=self.node.clock,
            slots=self.settings.max_jobs,
        )
        node.start()
        self._stages.add("jobs", lambda: node.close(budget_s=self.settings.drain_s), budget_s=self.settings.drain_s + 5)

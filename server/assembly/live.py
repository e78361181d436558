"""The live core of a node: its media process, what its sockets and players are shown, and the actors behind them."""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from actors.chat_judging import SlowJudge
from actors.presence import Presence
from actors.runtime import Node
from media.pictures.reencoder import Reencoder
from server import error_reports
from server.assembly import kinds, realtime
from server.assembly.access import Access, now
from server.assembly.cluster import ClusterPlace
from server.assembly.realtime import Realtime
from server.assembly.storage import Storage
from server.config import Settings
from server.feature import Feature
from server.folders import run_folder
from server.http.limits import hourly
from server.http.middleware import UNFORESEEN_ERRORS
from server.lifecycle import Stages, closer
from server.limits import connection_quota, ice_servers, media_config, offer_limits, rate_limits
from server.live.admission import QuotaSync
from server.live.broadcast import Handlers
from server.live.captions import CaptionMedia
from server.live.chat_filters import FilterRoutes, renewal
from server.live.chat_replay import ReplayRoutes
from server.live.edge.fanout import Fanout
from server.live.encoder_settings import EncoderRoutes
from server.live.eviction import Eviction
from server.live.guests import GuestRoutes
from server.live.hls import HlsRoutes
from server.live.hls_players import HlsPlayers
from server.live.ingest import Ingest
from server.live.inspection import Inspection, bus_report, media_report
from server.live.live_events import handlers as live_event_handlers
from server.live.marks import Languages, Marks
from server.live.media import MediaAway, MediaProcess
from server.live.media_events import MediaEvents
from server.live.naming import Naming
from server.live.node_actor import NodeActor
from server.live.playback import Playback
from server.live.player_ids import PlayerIds
from server.live.players import Players
from server.live.pull import Pull
from server.live.restreams import Restreaming, TargetsOf
from server.live.restrictions import RestrictionRoutes
from server.live.room_mirrors import RoomMirrors
from server.live.rooms import Attachments
from server.live.slates import Slates
from server.live.sockets import Sockets
from server.live.sources import SourceLeases, Sources
from server.live.storyboards import RecordedMoments, StoryboardRoutes, Storyboards
from server.live.stream import StreamRoutes
from server.live.stream_access import StreamAccess
from server.live.stream_cleanup import StreamCleanup
from server.live.stream_directory import StreamDirectory
from server.live.stream_keys import IngestAddresses, KeyRoutes
from server.live.stream_lists import StreamListRoutes
from server.live.stream_passwords import GUESSES_PER_HOUR, Hasher, PasswordRoutes, StreamPassword
from server.live.viewings import WebrtcViewings
from server.live.webhook_judge import WebhookJudge
from server.live.whip import WebrtcRoutes
from server.ports import CannotStart, Ports
from storage.admission import AdmissionTable
from storage.stream_cues import StreamCues
from storage.stream_passwords import StreamPasswords
from storage.timed_marks import TimedMarks

MEDIA_STOP_S: Final = 8.0


@dataclass(frozen=True, kw_only=True)
class Live:
    """``features``: what the live core takes from clients. ``media_events`` takes the reports of ``media``,
    ``restreaming`` and ``sources`` what it pushes and fetches.

    ``start`` begins what runs by itself in this process.
    """

    media: MediaProcess
    media_events: MediaEvents
    restreaming: Restreaming
    sources: Sources
    fanout: Fanout
    sockets: Sockets
    realtime: Realtime
    features: Sequence[Feature]
    start: Callable[[], Awaitable[None]]

    async def start_media(self, stages: Stages) -> None:
        """Start the media process. Raises ``CannotStart``."""
        try:
            await self.media.start(self.media_events)
        except MediaAway as error:
            raise CannotStart(f"{error or 'the media process did not start'}: see the log above") from None
        stages.add("media", partial(self.media.stop, budget_s=MEDIA_STOP_S), budget_s=MEDIA_STOP_S + 4)


@dataclass(frozen=True, kw_only=True)
class _Watched:
    """What this node knows of streams and rooms, for all that shows them."""

    streams: StreamDirectory
    playback: Playback
    mirrors: RoomMirrors
    ingest: Ingest
    webrtc: WebrtcViewings
    players: Players
    presence: Presence
    pull: Pull
    media: MediaProcess
    media_events: MediaEvents
    restreaming: Restreaming
    sources: Sources
    run_dir: Path


def assemble(
    settings: Settings,
    storage: Storage,
    place: ClusterPlace,
    access: Access,
    stages: Stages,
    *,
    fanout: Fanout,
    ports: Ports,
    restream_targets: TargetsOf,
    source_leases: SourceLeases,
    hasher: Hasher,
    attachments: Attachments,
    registry: CollectorRegistry,
) -> Live:
    """Registers the core's kinds of actors. Nothing runs yet. ``hasher`` hashes the passwords of streams."""
    limits, quota = rate_limits(settings), connection_quota(settings)
    watched = _watched(
        settings,
        storage,
        place,
        access,
        stages,
        fanout=fanout,
        ports=ports,
        restream_targets=restream_targets,
        source_leases=source_leases,
    )
    sockets = realtime.assemble(
        settings=settings,
        identity=access.identity,
        node=place.node,
        fanout=fanout,
        mirrors=watched.mirrors,
        log=storage.chat_log,
        streams=watched.streams,
        presence=watched.presence,
        others=place.serving,
        rate_limits=limits,
        connection_quota=quota,
        rights=access.rights,
        traces=place.traces,
        new_id=storage.new_id,
        now=now,
        country_of=access.countries.of,
        attachments=attachments,
    )
    eviction = _eviction(place, access, watched, sockets)
    place.broadcaster.join(
        node=place.node,
        handlers=_handlers(
            node=place.node,
            storage=storage,
            watched=watched,
            sockets=sockets,
            eviction=eviction,
            stages=stages,
        ),
    )
    place.moves.join(node=place.node, handlers=(watched.mirrors, sockets.watching, watched.players))
    kinds.register(
        settings,
        storage,
        place,
        limits,
        node_actor=_node_actor(settings, place, watched, sockets, registry),
        judge=_judge(settings, stages),
    )
    quota_sync = QuotaSync(
        rate_limits=limits,
        connection_quota=quota,
        table=AdmissionTable(redis=storage.redis, cluster=settings.cluster_name, node=place.name),
        clock=place.node.clock,
        is_alone=place.is_alone,
    )

    async def start() -> None:
        watched.mirrors.start()
        stages.add("room mirrors", watched.mirrors.close)
        watched.restreaming.start()
        stages.add("restreams", watched.restreaming.close)
        watched.sources.start()
        stages.add("sources", watched.sources.close)
        quota_sync.start()
        stages.add("quota sync", quota_sync.close)
        access.rights.start(eviction.handle)
        place.load_monitor.start()
        stages.add("load monitor", closer(place.load_monitor.close))

    return Live(
        media=watched.media,
        realtime=sockets,
        media_events=watched.media_events,
        restreaming=watched.restreaming,
        sources=watched.sources,
        fanout=fanout,
        sockets=sockets.sockets,
        features=[*sockets.features, *features(settings, storage, place, access, watched, ports=ports, hasher=hasher)],
        start=start,
    )


def _watched(
    settings: Settings,
    storage: Storage,
    place: ClusterPlace,
    access: Access,
    stages: Stages,
    *,
    fanout: Fanout,
    ports: Ports,
    restream_targets: TargetsOf,
    source_leases: SourceLeases,
) -> _Watched:
    streams = StreamDirectory(
        node=place.node,
        fan=fanout,
        broadcast=place.broadcaster,
        rights=access.rights,
        addresses=access.addresses,
    )
    ingest = Ingest(
        streams=storage.streams,
        node=place.node,
        ids=storage.ids,
        now=now,
        needs_verified_email=settings.require_verified_email,
    )
    run_dir = run_folder(chosen=settings.run_dir, data_dir=settings.data_dir)
    stages.add("run folder", closer(lambda: shutil.rmtree(run_dir, ignore_errors=True)))
    media = MediaProcess(
        config=media_config(settings, run_dir=run_dir, object_store=storage.objects_at),
        sockets={"rtmp": ports.rtmp},
        environment=error_reports.told(settings.sentry_dsn, environment=settings.sentry_environment),
    )
    webrtc = WebrtcViewings(viewings=access.viewings, media=media)
    playback, pull = access.playback, access.pull
    restreaming = Restreaming(targets=restream_targets, set_restreams=media.set_restreams)
    sources = Sources(leases=source_leases, set_sources=media.set_sources, is_ready=lambda: media.is_there)
    return _Watched(
        streams=streams,
        playback=playback,
        mirrors=RoomMirrors(node=place.node, pages=storage.chat_log, fan=fanout),
        ingest=ingest,
        webrtc=webrtc,
        players=Players(
            node=place.node,
            new_id=storage.new_id,
            per_address=settings.max_players_per_address,
            limit_loopback=settings.limit_loopback,
        ),
        presence=Presence(),
        pull=pull,
        media=media,
        media_events=MediaEvents(
            node=place.node,
            ingest=ingest,
            stream_directory=streams,
            playback=playback,
            viewings=webrtc,
            restreaming=restreaming,
            sources=sources,
        ),
        restreaming=restreaming,
        sources=sources,
        run_dir=run_dir,
    )


def _eviction(place: ClusterPlace, access: Access, watched: _Watched, sockets: Realtime) -> Eviction:
    naming = Naming(
        node=place.node,
        identity=access.identity,
        stream_directory=watched.streams,
        mirrors=watched.mirrors,
        named=[sockets.rooms, sockets.sockets],
        shown=access.table.shown,
    )
    return Eviction(
        node=place.node,
        rights=access.rights,
        stream_directory=watched.streams,
        mirrors=watched.mirrors,
        holders=[sockets.watching, access.viewings],
        keepers=[watched.streams, watched.playback, watched.pull],
        recordings=watched.playback,
        renamed=naming.rename,
        members_changed=sockets.rooms.members_changed,
        blocks_changed=sockets.rooms.blocks_changed,
    )


def _handlers(
    *,
    node: Node,
    storage: Storage,
    watched: _Watched,
    sockets: Realtime,
    eviction: Eviction,
    stages: Stages,
) -> Handlers:
    cleanup = StreamCleanup(playback=watched.playback, media=watched.media, objects=storage.objects)
    stages.add("stream cleanup", closer(cleanup.close))
    return live_event_handlers(
        stream_directory=watched.streams,
        mirrors=watched.mirrors,
        cleanup=cleanup,
        viewers=(sockets.watching, watched.players),
        rights_check=eviction,
        traces=sockets.followed,
        hype=sockets.hype,
        renew_screens=renewal(node),
    )


def _judge(settings: Settings, stages: Stages) -> SlowJudge | None:
    if settings.judge_url is None:
        return None
    webhook = WebhookJudge(url=settings.judge_url)
    stages.add("judge", webhook.close)
    return SlowJudge(judge=webhook, when_late=settings.judge_when_late)


def _node_actor(
    settings: Settings, place: ClusterPlace, watched: _Watched, sockets: Realtime, registry: CollectorRegistry
) -> Callable[[], NodeActor]:
    inspection = Inspection(
        node=place.node,
        held=lambda: place.cluster.shards.held,
        sockets=lambda: sockets.sockets.count,
        media=lambda: media_report(watched.media, watched.media_events.counters),
        bus=lambda: bus_report(place.cluster.bus),
        load_monitor=place.load_monitor,
        traces=place.traces,
        http_errors=lambda: int(registry.get_sample_value(UNFORESEEN_ERRORS) or 0),
        folders={"data": settings.data_dir, "run": watched.run_dir},
    )
    slates = Slates(
        media=watched.media,
        playback=watched.playback,
        began=watched.media_events.slate_began,
        lost=watched.media_events.slate_lost,
    )
    return lambda: NodeActor(
        broadcaster=place.broadcaster,
        media=watched.media,
        presence=watched.presence,
        inspection=inspection,
        viewings=watched.webrtc,
        published=sockets.published,
        restreaming=watched.restreaming,
        sources=watched.sources,
        slates=slates,
        players=watched.players,
    )


def features(
    settings: Settings,
    storage: Storage,
    place: ClusterPlace,
    access: Access,
    watched: _Watched,
    *,
    ports: Ports,
    hasher: Hasher,
) -> list[Feature]:
    """What the core takes over HTTP."""
    to_publish = IngestAddresses(rtmp_address=partial(rtmp_address, settings, ports), public_url=settings.public_url)
    streams = StreamAccess(directory=watched.streams, addresses=access.addresses)
    passwords = StreamPassword(table=StreamPasswords(db=storage.db), hasher=hasher)
    broadcasting = StreamRoutes(
        rows=storage.streams,
        ingest=watched.ingest,
        stream_directory=watched.streams,
        access=streams,
        addresses=to_publish,
        objects=storage.objects,
        node=place.node,
        departure=access.departure,
        rights=access.rights,
        passwords=passwords,
        has_file=storage.recordings.has_file,
        needs_verified_email=settings.require_verified_email,
        new_streams=hourly("new_streams", settings.max_new_streams_per_hour),
    )
    lists = StreamListRoutes(
        rows=storage.streams,
        pages=storage.stream_pages,
        stream_directory=watched.streams,
        addresses=access.addresses,
        now=now,
    )
    keys = KeyRoutes(ingest=watched.ingest, access=streams, addresses=to_publish, node=place.node, rows=storage.streams)
    encoders = EncoderRoutes(addresses=to_publish)
    filters = FilterRoutes(
        db=storage.db, filters=storage.chat_filters, audit=storage.audit, broadcast=place.broadcaster
    )
    replay = ReplayRoutes(log=storage.chat_log, rooms=storage.rooms, access=streams, window=storage.recordings.window)
    restrictions = RestrictionRoutes(
        access=streams,
        node=place.node,
        rights=access.rights,
        db=storage.db,
        audit=storage.audit,
        knows_countries=access.countries.is_known,
    )
    giving_passwords = PasswordRoutes(
        passwords=passwords, stream_directory=watched.streams, addresses=access.addresses, new_id=storage.new_id
    )
    guests = GuestRoutes(table=access.table, rights=access.rights, stream_directory=watched.streams)
    cues = StreamCues(db=storage.db)
    playback = HlsRoutes(
        playback=watched.playback,
        stream_directory=watched.streams,
        objects=storage.objects,
        recordings=storage.recordings,
        pull=watched.pull,
        addresses=access.addresses,
        viewings=access.viewings,
        footage=access.footage.live_reel,
        want=watched.media.want_renditions,
        me=place.name,
        marks=Marks(read=TimedMarks(db=storage.db).of).of,
        players=HlsPlayers(players=watched.players, ids=PlayerIds(seals=access.identity, new_id=storage.new_id)),
        languages=Languages(read=cues.languages).of,
    )
    sheets = Reencoder(max_pixels=settings.max_picture_pixels, at_once=1)
    moments = RecordedMoments(storage.recordings)
    storyboards = StoryboardRoutes(
        moments=moments,
        storyboards=Storyboards(recordings=moments, objects=storage.objects, sheet=sheets.sheet),
        views=watched.streams,
        addresses=access.addresses,
    )
    webrtc = WebrtcRoutes(
        ingest=watched.ingest,
        stream_directory=watched.streams,
        addresses=access.addresses,
        media=watched.media,
        node=place.node,
        publications=watched.media_events,
        offer_limits=offer_limits(settings),
        ice=ice_servers(settings, now=now),
    )
    return [
        Feature(
            name="broadcasting",
            operations=[
                *broadcasting.operations(),
                *lists.operations(),
                *keys.operations(),
                *encoders.operations(),
                *replay.operations(),
                *filters.operations(),
            ],
        ),
        Feature(
            name="guests",
            operations=[
                *guests.operations(),
                *giving_passwords.operations(),
                *restrictions.operations(),
            ],
            limits={"stream_passwords_per_hour": GUESSES_PER_HOUR},
        ),
        Feature(
            name="playback",
            operations=[
                *CaptionMedia(hls=playback, cues=cues).operations(),  # before a rendition's files, which are as deep
                *playback.operations(),
                *storyboards.operations(),
            ],
        ),
        Feature(name="webrtc", operations=webrtc.operations()),
    ]


def rtmp_address(settings: Settings, ports: Ports, host: str) -> str:
    """Where OBS and other encoders publish to, by the name under which they reach this machine."""
    scheme = "rtmps" if settings.tls_cert else "rtmp"
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}:{ports.rtmp_port}/live"

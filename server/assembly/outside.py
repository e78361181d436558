"""What a node shows to the outside: REST, the page, health and metrics, and the port with its sockets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from aiohttp import web
from prometheus_client import CollectorRegistry

from server.assembly.cluster import ClusterPlace, become_member
from server.assembly.live import Live
from server.assembly.storage import Storage
from server.config import Settings
from server.feature import Feature, Gauges
from server.features.town.assistant_settings import engine_of
from server.http.application import HttpSettings, build_app
from server.http.countries import SHIPPED, database_of
from server.http.dispatch import OnForged
from server.http.health import Dependency, Health, ServerInfo, known
from server.http.idempotency import IdempotencyKeys
from server.http.identity import Identity
from server.http.limits import RateLimiter
from server.http.own_address import OwnAddresses
from server.http.protocol import http_protocols, refused_head
from server.http.translations import known_errors
from server.http.web_client import WebClient
from server.lifecycle import Stages
from server.limits import edge_limits, public_limits
from server.live.edge.admission import Trusted, reconnect_delays_ms
from server.live.edge.endpoint import Edge
from server.live.edge.nodes import SessionNodes, address_in, tag_of
from server.live.edge.server import HttpSide
from server.metrics import GaugeCollector, register_processes
from server.ports import Ports, tls_context
from server.version import VERSION

WEB: Final = Path(__file__).parent.parent / "web" / "dist"
KEEPALIVE_S: Final = 75.0
RECONNECTS_PER_S: Final = 2_500.0  # of a drained node's clients, on the other nodes


async def open_outside(
    settings: Settings,
    storage: Storage,
    place: ClusterPlace,
    live: Live,
    stages: Stages,
    *,
    features: Sequence[Feature],
    identity: Identity,
    limiter: RateLimiter,
    on_forged: OnForged,
    registry: CollectorRegistry,
    ports: Ports,
    is_draining: Callable[[], bool],
    is_listening_alone: bool,
) -> None:
    """Become a member of the cluster and take clients. Raises ``CannotStart``.

    ``is_listening_alone``: no other process listens on the same sockets.
    """
    health = _health(storage, place, live, is_draining=is_draining, registry=registry)
    stages.add("health", health.close)
    shown = [*server_features(settings, health, features), *features]
    app = web_app(
        settings, storage, features=shown, identity=identity, limiter=limiter, on_forged=on_forged, registry=registry
    )
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    assert runner.server is not None
    stages.add("http", runner.cleanup)
    edge = Edge(
        application=live.sockets,
        http=HttpSide(
            protocol=http_protocols(runner.server, keepalive_timeout_s=KEEPALIVE_S), head_refusal=refused_head()
        ),
        limits=edge_limits(settings),
        trusted=Trusted(origins=settings.allowed_origins, proxies=settings.trusted_proxies),
        nodes=SessionNodes(tag=tag_of(place.name), elsewhere=lambda tag: _node_with(place, tag)),
        fanout=live.fanout,
    )
    GaugeCollector(read=lambda: _gauges(place, live, edge, features), registry=registry)
    register_processes(version=VERSION, media_pid=lambda: live.media.pid, registry=registry)
    await edge.listen_inside(sock=ports.inside)
    await become_member(place)
    await edge.start(sock=ports.http, ssl=tls_context(settings))

    async def drain() -> None:
        await _drain_sockets(settings, edge, is_listening_alone=is_listening_alone)

    stages.add("sockets", drain, budget_s=settings.drain_s + 2)


def web_app(
    settings: Settings,
    storage: Storage,
    *,
    features: Sequence[Feature],
    identity: Identity,
    limiter: RateLimiter,
    registry: CollectorRegistry,
    on_forged: OnForged | None = None,
) -> web.Application:
    """The application of the features' operations, with the page. Their events are documented."""
    app = build_app(
        operations=[operation for feature in features for operation in feature.operations],
        identity=identity,
        idempotency=IdempotencyKeys(rows=storage.db),
        limiter=limiter,
        on_forged=on_forged,
        problems=known_errors({code: status for feature in features for code, status in feature.codes.items()}),
        registry=registry,
        outgoing=[call for feature in features for call in feature.outgoing],
        client_events=[event for feature in features for event in feature.events],
        server_events=[event for feature in features for event in feature.sent],
        settings=HttpSettings(
            access_log_share=settings.access_log_share,
            title=settings.server_name,
            version=VERSION,
            allowed_origins=settings.allowed_origins,
            trusted_proxies=settings.trusted_proxies,
            limit_loopback=settings.limit_loopback,
            cdn=settings.cdn_base_url,
        ),
    )
    previews = {place: preview for feature in features for place, preview in feature.previews.items()}
    addresses = OwnAddresses(origin=settings.origin(settings.http_port))
    WebClient(
        folder=WEB,
        previews=previews,
        addresses=addresses,
        site_name=settings.server_name,
        cdn=settings.cdn_base_url,
    ).add_to(app)
    return app


def server_features(settings: Settings, health: Health, features: Sequence[Feature]) -> list[Feature]:
    """What the server says of itself, the limits of all features among it."""
    limits = {name: value for feature in features for name, value in feature.limits.items()}
    info = ServerInfo(
        server_name=settings.server_name,
        version=VERSION,
        limits={**public_limits(settings), **limits},
        describe=lambda: {"rooms": _rooms(settings), "geolocation": _geolocation(settings)},
    )
    return [
        Feature(name="health", operations=health.operations()),
        Feature(name="server", operations=info.operations()),
    ]


def _geolocation(settings: Settings) -> str | None:
    """Whose data say which country an address is in; pages that show or use it name DB-IP."""
    database = database_of(settings.geoip_database)
    return None if database is None else "db-ip" if database == SHIPPED else "own"


def _rooms(settings: Settings) -> Sequence[str]:
    """Those whose pages clients show."""
    without = {"assistant"} if engine_of(settings) == "off" else set[str]()
    return [one for one in settings.rooms if one not in without]


def _health(
    storage: Storage,
    place: ClusterPlace,
    live: Live,
    *,
    is_draining: Callable[[], bool],
    registry: CollectorRegistry,
) -> Health:
    cluster = place.cluster
    return Health(
        dependencies={
            "postgres": Dependency(probe=storage.db.ping, is_critical=True),
            "redis": Dependency(probe=known(lambda: not cluster.is_degraded), is_critical=False),
            "media": Dependency(probe=known(lambda: live.media.is_there), is_critical=False),
            "cluster": Dependency(probe=known(lambda: not cluster.is_deaf), is_critical=True),
        },
        is_draining=is_draining,
        registry=registry,
    )


def _node_with(place: ClusterPlace, tag: str) -> tuple[str, int] | None:
    """Where the node listens inside whose session ids end with this."""
    members = place.cluster.members.view.members
    return address_in(tag, [(member.name, member.address) for member in members.values()])


async def _drain_sockets(settings: Settings, edge: Edge, *, is_listening_alone: bool) -> None:
    """Have each client reconnect at another time, and close its socket in the same order."""
    clients = edge.sockets
    delays_ms = reconnect_delays_ms(len(clients), per_s=min(settings.connect_rate, RECONNECTS_PER_S))
    for client, delay_ms in zip(clients, delays_ms, strict=True):
        client.emit("server:draining", {"reconnect_in_ms": delay_ms})
    spread_s = min(2.0, settings.drain_s) if edge.session_count else 0.0
    # A readiness probe is answered that this node drains, unless others listen on the same sockets and are ready.
    await edge.drain(within_s=spread_s, is_listening=is_listening_alone)
    await edge.close()


def _gauges(place: ClusterPlace, live: Live, edge: Edge, features: Sequence[Feature]) -> Gauges:
    media: Mapping[str, float] = live.media_events.counters
    of_features = {
        name: value for feature in features if feature.gauges is not None for name, value in feature.gauges().items()
    }
    return {
        "sockets": ("Socket.IO sessions", edge.session_count),
        "sockets_slow": ("Sessions that read too slowly", edge.slow_count),
        "fanout_deliveries_total": ("Events written to sockets", live.fanout.deliveries),
        "fanout_skipped_total": ("Events skipped for slow sockets", live.fanout.skipped),
        "actors": ("Active actors", place.node.cell_count),
        "actor_dead_letters_seen": ("Messages nobody handled", place.node.dead_letters.total),
        "bus_entries_unreadable": ("Entries of the bus that were skipped", place.cluster.bus.counters.unreadable),
        "loop_lag_seconds": ("How late a timer was at worst in the last 10 s", place.load_monitor.loop_lag_s),
        "load": ("Share of a core that this process uses, smoothed over 10 s", place.load_monitor.load),
        "media_restarts": ("Times that the media process was started again", live.media.restarts),
        **{f"media_{name}": ("Reported by the media process", value) for name, value in media.items()},
        **place.readers.gauges(),
        **of_features,
    }

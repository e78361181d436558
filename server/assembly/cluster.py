"""A node's place in the cluster: its actors' runtime, what it tells the other nodes, and the readers of facts."""

from __future__ import annotations

import logging
import os
import re
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry

from actors.runtime import LoopClock, Node
from actors.tracing import Span
from server.assembly.storage import Storage
from server.config import Settings
from server.lifecycle import Stages
from server.live.broadcast import Broadcaster
from server.live.shard_moves import ShardMoves
from server.load_monitor import LoadMonitor
from server.metrics import ActorMetrics
from server.otlp import OtlpExporter
from server.ports import CannotStart
from server.readers import Readers
from server.tracing import Traces
from server.version import VERSION
from storage.cluster import Cluster, ClusterCallbacks
from storage.errors import StorageError

MAX_NAME_CHARS: Final = 64
JOBS_ALONE: Final = ("jobs",)

log = logging.getLogger("server.app")


@dataclass(frozen=True, kw_only=True)
class ClusterPlace:
    """``node`` is made and not started; ``broadcaster`` and ``moves`` are joined later to what they call."""

    name: str
    cluster: Cluster
    node: Node
    broadcaster: Broadcaster
    moves: ShardMoves
    readers: Readers
    traces: Traces
    load_monitor: LoadMonitor

    def serving(self) -> list[str]:
        """The names of the nodes that serve clients or hold actors, this one included: all but those for jobs alone."""
        return _serving(self.cluster)

    def is_alone(self) -> bool:
        return len(self.cluster.members.view.members) < 2

    def address_of(self, name: str) -> str:
        """Where a node listens for the others; empty when there is no such node."""
        member = self.cluster.members.view.members.get(name)
        return member.address if member is not None else ""


async def join_cluster(
    settings: Settings, storage: Storage, stages: Stages, *, inside_port: int | None, registry: CollectorRegistry
) -> ClusterPlace:
    """Raises ``CannotStart``. The node becomes a member when the cluster is started with it.

    ``inside_port``: where it listens for other nodes; None when it does not.
    """
    name = node_name()
    moves = ShardMoves()
    try:
        cluster = await Cluster.open(
            node=name,
            name=settings.cluster_name,
            redis_url=storage.redis_url,
            db=storage.db,
            roles=settings.node_roles,
            address=f"http://{settings.node_host}:{inside_port}" if inside_port is not None else "",
            version=VERSION,
            callbacks=ClusterCallbacks(
                on_leave=lambda member: moves.left(member.name),
                on_moved=moves.moved,
                on_replaced=lambda: _replaced(name),
            ),
            is_alone=storage.are_engines_own,
        )
    except StorageError as error:
        raise CannotStart(f"{error}: check database_url and redis_url, or run `socialflow doctor`") from None
    node = Node(
        name=name,
        clock=LoopClock(),
        directory=cluster.directory,
        transport=cluster.transport,
        observer=ActorMetrics(registry=registry),
    )
    place = ClusterPlace(
        name=name,
        cluster=cluster,
        node=node,
        broadcaster=Broadcaster(me=name, others=lambda: _serving(cluster)),
        moves=moves,
        readers=Readers(node=node, facts=storage.facts, shards=cluster.shards),
        traces=Traces(
            node=name, clock=node.clock, share=settings.trace_share, export=_exporter(settings, stages, name)
        ),
        load_monitor=LoadMonitor(clock=node.clock, report=lambda load: cluster.report(load=load)),
    )
    stages.add("actors", lambda: _leave(place, settings.drain_s), budget_s=2 * settings.drain_s + 5)
    return place


async def become_member(place: ClusterPlace) -> None:
    """Take this node's share of the actors: as late as can be, since others wait for what it takes over.

    Raises ``CannotStart``.
    """
    try:
        await place.cluster.start(place.node)
    except StorageError as error:
        raise CannotStart(f"{error}: see the log above") from None


def node_name() -> str:
    """This process's name in the cluster, unique on its host."""
    host = re.sub("[^A-Za-z0-9]+", "-", socket.gethostname()).strip("-")
    return f"{host or 'node'}-{os.getpid()}"[-MAX_NAME_CHARS:]


def _serving(cluster: Cluster) -> list[str]:
    return [name for name, member in cluster.members.view.members.items() if tuple(member.roles) != JOBS_ALONE]


async def _leave(place: ClusterPlace, drain_s: float) -> None:
    """Others take over with the actors' state; what nobody takes is written back."""
    if not place.is_alone():
        await place.cluster.drain(budget_s=drain_s)
    await place.node.stop(budget_s=drain_s)
    await place.cluster.stop()


def _replaced(name: str) -> None:
    log.error("another process has joined the cluster under the name %s: this one stops", name)
    os.kill(os.getpid(), signal.SIGTERM)


def _exporter(settings: Settings, stages: Stages, name: str) -> Callable[[Span], None] | None:
    if settings.otel_endpoint is None:
        return None
    exporter = OtlpExporter(endpoint=settings.otel_endpoint, service=settings.server_name, node=name)
    exporter.start()
    stages.add("traces", exporter.close, budget_s=6)
    return exporter.put

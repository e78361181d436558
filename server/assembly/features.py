"""The features of a node: made from what it has, and their jobs, schedules and readers begun."""

from __future__ import annotations

import time
from collections.abc import Sequence

from prometheus_client import CollectorRegistry

from server.assembly.access import Access, now
from server.assembly.cluster import ClusterPlace
from server.assembly.storage import Storage
from server.config import Settings
from server.feature import Feature, Platform
from server.features.install import Core, Installed, install
from server.features.people.accounts.passwords import Passwords
from server.http.idempotency import IdempotencyKeys
from server.jobs import JobNode, Jobs, repeated
from server.lifecycle import Stages, closer
from server.limits import SharedRates, ice_servers
from server.live.edge.fanout import Fanout
from server.live.presence import RoomPeople
from server.live.published import NodesPublish
from server.metrics import JobCollector
from server.outbound.settings import Site
from storage.audit import AuditLog
from storage.jobs.queue import JobQueue
from storage.redis import RedisRateLimiter

HOUR_S = 3_600.0


def open_features(
    settings: Settings,
    storage: Storage,
    place: ClusterPlace,
    access: Access,
    stages: Stages,
    *,
    origin: str,
    topics: Fanout,
) -> Installed:
    """Registers the features' kinds of actors and the consumers of facts. Nothing runs yet.

    ``origin``: the address that people reach this server under. ``topics``: what sockets of this node subscribe to.
    """
    platform = Platform(
        db=storage.db,
        redis=storage.redis,
        objects=storage.objects,
        node=place.node,
        jobs=Jobs(rows=JobQueue(db=storage.db), ids=storage.ids, wall=time.time),
        publish=NodesPublish(node=place.node, nodes=place.serving),
        limiter=SharedRates(limiter=RedisRateLimiter(redis=storage.redis)),
        audit=AuditLog(ids=storage.ids),
        ids=storage.ids,
        now=now,
        node_name=place.name,
    )
    core = Core(
        identity=access.identity,
        departure=access.departure,
        rights=access.table,
        facts=storage.facts,
        members=lambda: place.cluster.members.view.members,
        owners=place.cluster.shards.owners,
        when_rights_changed=access.rights.heed,
        footage=access.footage,
        addresses=access.addresses,
        viewings=access.viewings,
        ice=ice_servers(settings, now=now),
        topics=topics,
        in_room=RoomPeople(node=place.node, nodes=lambda: list(place.cluster.members.view.members)).of,
    )
    passwords = Passwords()
    stages.add("passwords", closer(passwords.close))
    installed = install(
        platform,
        core=core,
        settings=settings,
        passwords=passwords,
        site=Site(name=settings.server_name, origin=origin),
        is_https=settings.is_https,
    )
    for feature in installed.features:
        for kind in feature.kinds:
            place.node.register(kind.name, kind.factory, mailbox=kind.mailbox, idle_after_s=kind.idle_after_s)
        if feature.close is not None:
            stages.add(feature.name, feature.close)
    place.readers.add({feature.name: feature.consumers for feature in installed.features})
    for feature in installed.features:
        place.readers.add_logs(feature.logs)
    return installed


def start_jobs(
    settings: Settings,
    storage: Storage,
    place: ClusterPlace,
    installed: Installed,
    stages: Stages,
    *,
    registry: CollectorRegistry,
) -> None:
    """Run jobs and schedules, on a node with that role."""
    if "jobs" not in settings.node_roles:
        return
    features: Sequence[Feature] = installed.features
    node = JobNode(
        db=storage.db,
        enqueue=installed.platform.jobs,
        jobs=[job for feature in features for job in feature.jobs],
        schedules=[
            *(schedule for feature in features for schedule in feature.schedules),
            repeated("idempotency_keys.purge", IdempotencyKeys(rows=storage.db).purge, every_s=HOUR_S),
            repeated("facts.prune", place.readers.prune, every_s=HOUR_S),
        ],
        name=place.name,
        clock=place.node.clock,
        slots=settings.max_jobs,
        ids=storage.ids,
    )
    JobCollector(worker=node.worker, registry=registry)
    node.start()
    stages.add("jobs", lambda: node.close(budget_s=settings.drain_s), budget_s=settings.drain_s + 5)

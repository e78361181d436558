"""A node's life: what it consists of, in the order in which it starts; it stops in the opposite order."""

from __future__ import annotations

import logging

from prometheus_client import CollectorRegistry

from server.assembly import live
from server.assembly.access import open_access
from server.assembly.cluster import join_cluster
from server.assembly.features import open_features, start_jobs
from server.assembly.outside import open_outside
from server.assembly.storage import open_storage
from server.config import Settings
from server.features.people.accounts.operators import NewAccount
from server.folders import require_folder
from server.http.countries import database_of
from server.lifecycle import Stages, closer
from server.live.edge.fanout import Fanout
from server.ports import Ports
from server.readers import start_readers

log = logging.getLogger("server.app")


class App:
    """One node. ``start`` returns when it serves; ``stop`` drains it. Once each."""

    ports: Ports

    def __init__(self, *, settings: Settings, ports: Ports | None = None) -> None:
        """``ports``: sockets that are bound already; else they are bound at the start."""
        self.settings = settings
        self._given_ports = ports
        self.is_draining = False
        self.first_admin: NewAccount | None = None
        self._stages = Stages()

    async def start(self) -> None:
        """Raises ``CannotStart``; what was started until then is closed again."""
        try:
            await self._start()
        except BaseException:
            await self._stages.close()
            raise

    async def stop(self) -> None:
        """Readiness off, clients told to come back, media flushed, actors written back, engines last."""
        self.is_draining = True
        await self._stages.close()

    def rtmp_address(self, host: str) -> str:
        return live.rtmp_address(self.settings, self.ports, host)

    async def _start(self) -> None:
        settings, stages, registry = self.settings, self._stages, CollectorRegistry()
        require_folder(settings.data_dir)
        if settings.has_unnamed_proxy:
            log.warning("public_url is served by a proxy that trusted_proxies does not name: limits by address are off")
        self.ports = self._given_ports or Ports(settings)
        stages.add("ports", closer(self.ports.close))
        storage = await open_storage(settings, stages)
        inside_port = self.ports.inside.getsockname()[1]
        place = await join_cluster(settings, storage, stages, inside_port=inside_port, registry=registry)
        access = await open_access(
            storage, place, stages, settings=settings, geoip_database=database_of(settings.geoip_database)
        )
        origin = settings.origin(self.ports.http_port)
        fanout = Fanout()
        installed = open_features(settings, storage, place, access, stages, origin=origin, topics=fanout)
        self.first_admin = await installed.people.operators.create_first_admin()
        core = live.assemble(
            settings,
            storage,
            place,
            access,
            stages,
            fanout=fanout,
            ports=self.ports,
            restream_targets=installed.restreams.targets_of,
            source_leases=installed.sources.leases,
            hasher=installed.passwords,
            attachments=installed.attachments,
            registry=registry,
        )
        features = [*core.features, *installed.features]
        core.sockets.install(
            [event for feature in features for event in feature.events],
            closed=[feature.closed for feature in features if feature.closed is not None],
            on_forged=installed.people.suspicions.forged_token,
        )
        core.realtime.rooms.on_entered([feature.entered for feature in features if feature.entered is not None])
        core.realtime.watching.on_watched([feature.watched for feature in features if feature.watched is not None])
        access.rights.on_changed([feature.heeds for feature in features if feature.heeds is not None])
        await place.node.start()
        await core.start()
        await self._start_media(core)
        await open_outside(
            settings,
            storage,
            place,
            core,
            stages,
            features=features,
            identity=access.identity,
            limiter=installed.platform.limiter,
            on_forged=installed.people.suspicions.forged_token,
            registry=registry,
            ports=self.ports,
            is_draining=lambda: self.is_draining,
            is_listening_alone=self._given_ports is None,
        )
        await access.departure.resume()
        start_jobs(settings, storage, place, installed, stages, registry=registry)
        start_readers(place.readers, db=storage.db, stages=stages)
        for feature in features:
            if feature.begin is not None:
                feature.begin()

    async def _start_media(self, core: live.Live) -> None:
        await core.start_media(self._stages)

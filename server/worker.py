"""``socialflow worker``: a member of the cluster that works jobs and nothing else. It serves no client."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from server.assembly import kinds
from server.assembly.access import open_access
from server.assembly.cluster import JOBS_ALONE, become_member, join_cluster
from server.assembly.features import open_features, start_jobs
from server.assembly.storage import open_storage
from server.config import Settings
from server.folders import require_folder
from server.lifecycle import Stages
from server.limits import rate_limits
from server.live.edge.fanout import Fanout
from server.ports import CannotStart

ONLY_JOBS = {"node_roles": JOBS_ALONE, "processes": 1}


class JobWorker:
    """Starts what jobs lean on: storage, a place in the cluster without actors of its own, the features.

    It has no port: other nodes reach it through Redis.
    """

    def __init__(self, *, settings: Settings) -> None:
        """Raises ``CannotStart`` without a Postgres and a Redis that others use too."""
        if settings.database_url is None or settings.redis_url is None:
            raise CannotStart("a worker needs the --database-url and --redis-url of the cluster that it works for")
        self.settings = settings.model_copy(update=ONLY_JOBS)
        self._stages = Stages()

    async def start(self) -> None:
        """Raises ``CannotStart``; what was started until then is closed again."""
        try:
            await self._start()
        except BaseException:
            await self._stages.close()
            raise

    async def stop(self) -> None:
        """Jobs that run get ``drain_s`` to end; what takes longer is given back."""
        await self._stages.close()

    async def _start(self) -> None:
        settings, stages = self.settings, self._stages
        require_folder(settings.data_dir)
        storage = await open_storage(settings, stages)
        registry = CollectorRegistry()
        place = await join_cluster(settings, storage, stages, inside_port=None, registry=registry)
        access = await open_access(storage, place, stages, settings=settings, geoip_database=None)
        origin = settings.origin(settings.http_port)  # of the nodes that serve, which have the same settings
        installed = open_features(settings, storage, place, access, stages, origin=origin, topics=Fanout())
        kinds.register(settings, storage, place, rate_limits(settings), node_actor=None)
        await place.node.start()
        await become_member(place)
        start_jobs(settings, storage, place, installed, stages, registry=registry)

"""``socialflow worker``: a member of the cluster that works jobs and nothing else. It serves no client."""

from __future__ import annotations

from server.app import App
from server.config import Settings
from server.folders import require_folder
from server.http.idempotency import IdempotencyKeys
from server.lifecycle import closer
from server.live.shard_moves import ShardMoves
from server.ports import CannotStart, Ports
from storage.errors import StorageError

ONLY_JOBS = {"node_roles": ("jobs",), "http_port": 0, "rtmp_port": 0, "webrtc_port": 0, "node_port": 0, "processes": 1}


class JobWorker(App):
    """Starts what jobs lean on: storage, a place in the cluster without actors of its own, accounts. No media, no HTTP.

    Its ports are free ones on which it never listens.
    """

    def __init__(self, *, settings: Settings) -> None:
        """Raises ``CannotStart`` without a Postgres and a Redis that others use too."""
        if settings.database_url is None or settings.redis_url is None:
            raise CannotStart("a worker needs the --database-url and --redis-url of the cluster that it works for")
        super().__init__(settings=settings.model_copy(update=ONLY_JOBS))

    async def _start(self) -> None:
        require_folder(self.settings.data_dir)
        self.ports = Ports(self.settings)
        self._stages.add("ports", closer(self.ports.close))
        await self._open_storage()
        await self._open_node()
        await self._open_accounts()
        self._idempotency = IdempotencyKeys(rows=self.db)
        self._moves = ShardMoves(node=self.node, handlers=())
        try:
            await self.cluster.start(self.node)
        except StorageError as error:
            raise CannotStart(f"{error}: see the log above") from None
        self._start_jobs()

    def _register_kinds(self) -> None:
        """None: other nodes own the actors, and this one tells and asks them."""

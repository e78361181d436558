"""The embedded Postgres and Redis of a node, kept running for as long as it does."""

from __future__ import annotations

import asyncio
import logging

from server.config import Settings
from server.point_in_time import BaseBackups
from server.ports import CannotStart
from storage.embedded.keep_running import keep_running
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.redis import EmbeddedRedis
from storage.errors import EmbeddedStartFailed

log = logging.getLogger("server.engines")


class Engines:
    """The embedded Postgres and Redis, as far as no other ones were named."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        embedded = EmbeddedPostgres(data_dir=settings.data_dir, wal_folder=settings.wal_folder)
        self._postgres = embedded if settings.database_url is None else None
        self._redis = EmbeddedRedis(data_dir=settings.data_dir) if settings.redis_url is None else None
        self.database_url = settings.database_url or ""
        self.redis_url = settings.redis_url or ""
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def are_own(self) -> bool:
        """Nobody but this process can reach the embedded Redis."""
        return self._redis is not None

    async def start(self) -> None:
        """Both at once. Raises ``CannotStart``."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._start_postgres(), name="postgres")
                group.create_task(self._start_redis(), name="redis")
        except* EmbeddedStartFailed as failed:
            raise CannotStart(str(failed.exceptions[0])) from None

    async def _start_postgres(self) -> None:
        if self._postgres is not None:
            self.database_url = await asyncio.to_thread(self._postgres.start)
            self._keep(self._postgres)
            self._keep_bases()

    async def _start_redis(self) -> None:
        if self._redis is not None:
            self.redis_url = await asyncio.to_thread(self._redis.start)
            self._keep(self._redis)

    def _keep(self, engine: EmbeddedPostgres | EmbeddedRedis) -> None:
        keeping = keep_running(
            engine,
            on_restart=lambda name: log.warning("the embedded %s had gone and was started again", name),
            on_failure=lambda error: log.error("%s", error),
        )
        self._keepers.append(asyncio.get_running_loop().create_task(keeping, name="keep an engine"))

    def _keep_bases(self) -> None:
        folder = self._settings.wal_folder
        if folder is not None:
            bases = BaseBackups(settings=self._settings, wal_folder=folder, url=self.database_url)
            self._keepers.append(asyncio.get_running_loop().create_task(bases.keep(), name="keep base backups"))

    async def stop(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        engines = [engine for engine in (self._redis, self._postgres) if engine is not None]
        await asyncio.gather(*(asyncio.to_thread(engine.stop) for engine in engines))

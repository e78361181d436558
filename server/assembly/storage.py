"""Where a node's state lies, opened: Postgres, Redis, objects, and the log of chat messages."""

from __future__ import annotations

import time
from dataclasses import dataclass

from server.config import Settings
from server.engines import Engines
from server.lifecycle import Stages
from server.ports import CannotStart
from storage.audit import AuditLog
from storage.chat import PostgresChatLog
from storage.chat_filters import ChatFilters
from storage.chat_held import HeldMessages
from storage.errors import StorageError
from storage.facts import Facts
from storage.ids import Ids
from storage.migrate import check, migrate
from storage.objects import ObjectStore, open_objects
from storage.postgres import Database
from storage.recording import Recordings
from storage.redis import Redis
from storage.relationships import Relationships
from storage.rooms import Rooms
from storage.stream import Streams
from storage.stream_pages import StreamPages

MAX_CONNECTIONS = 32


@dataclass(frozen=True, kw_only=True)
class Storage:
    """``are_engines_own``: this node runs the Redis itself, and nobody else can reach it."""

    database_url: str
    redis_url: str
    are_engines_own: bool
    db: Database
    redis: Redis
    objects: ObjectStore
    objects_at: str
    ids: Ids
    facts: Facts
    streams: Streams
    stream_pages: StreamPages
    recordings: Recordings
    chat_log: PostgresChatLog
    rooms: Rooms
    held: HeldMessages
    chat_filters: ChatFilters
    audit: AuditLog
    relationships: Relationships

    def new_id(self) -> str:
        return self.ids.uuid7(time.time())


async def open_storage(settings: Settings, stages: Stages) -> Storage:
    """Raises ``CannotStart``."""
    engines = Engines(settings)
    await engines.start()
    stages.add("engines", engines.stop, budget_s=20)
    try:
        await (migrate if settings.migrate else check)(engines.database_url)
        db = await Database.connect(engines.database_url, max_connections=MAX_CONNECTIONS)
        stages.add("database", db.close)
        redis = await Redis.connect(engines.redis_url)
        stages.add("redis", redis.close)
        chat_log = PostgresChatLog(db=db)
        stages.add("chat log", chat_log.close)
        await chat_log.open()
        facts = Facts(db=db)
        await facts.adopt()
    except StorageError as error:
        raise CannotStart(f"{error}: check database_url and redis_url, or run `socialflow doctor`") from None
    ids = Ids()
    audit = AuditLog(ids=ids)
    objects_at = settings.object_store or str(settings.data_dir.absolute() / "objects")
    objects = open_objects(objects_at)
    stages.add("objects", objects.close)
    return Storage(
        database_url=engines.database_url,
        redis_url=engines.redis_url,
        are_engines_own=engines.are_own,
        db=db,
        redis=redis,
        objects=objects,
        objects_at=objects_at,
        ids=ids,
        facts=facts,
        streams=Streams(db=db),
        stream_pages=StreamPages(db=db),
        recordings=Recordings(db=db),
        chat_log=chat_log,
        rooms=Rooms(db=db, audit=audit),
        held=HeldMessages(db=db, audit=audit),
        chat_filters=ChatFilters(db=db),
        audit=audit,
        relationships=Relationships(db=db, needs_verified_email=settings.require_verified_email),
    )

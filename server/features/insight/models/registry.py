"""The registry of models: which there are, in which versions, and which version of each is in use.

A version is shipped with the server or was trained by it. Its content is bytes that the room which uses it reads;
nothing is unpickled. What can't be had as it was registered is not used: the room does what it does without a model.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from server.features.insight.models import queries
from storage.errors import Unavailable
from storage.objects import NoSuchObject, ObjectStore
from storage.postgres import Database, Transaction

MAX_SHOWN: Final = 20
KEPT: Final = 5
"""Trained versions of a model that are kept, besides the one in use and the one before it."""
MAX_BYTES: Final = 256 * 1024 * 1024

Measures = Mapping[str, float]
Load = Callable[[], Awaitable[bytes]]


class NoModel(Exception):
    """A version can't be had, for the reason that this says."""


class Shipped(msgspec.Struct, frozen=True, kw_only=True):
    """A version that comes with the server. ``measures``: of what it was tried on, as its model card has them."""

    version: str
    measures: Measures
    load: Load


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """``created_at`` None: it comes with the server."""

    version: str
    measures: Measures
    created_at: dt.datetime | None
    size: int | None = None


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """``state``: of the version in use. ``why``: it is not ready."""

    name: str
    summary: str
    fallback: str
    active: str | None
    previous: str | None
    state: str
    why: str
    versions: list[Version]


class Model:
    """One model as the room that uses it sees it. ``fallback``: what the room does without."""

    def __init__(self, *, registry: Registry, name: str, summary: str, fallback: str, shipped: Sequence[Shipped]):
        self.name = name
        self.summary = summary
        self.fallback = fallback
        self.shipped = {one.version: one for one in shipped}
        self.why = ""
        self._registry = registry

    async def active(self) -> str | None:
        """The version in use; None: there is none yet. Raises ``Unavailable``."""
        return await self._registry.active(self)

    async def content(self, version: str) -> bytes | None:
        """The bytes of a version as they were registered. None: they can't be had, and operators see why."""
        try:
            found = await self._registry.content(self, version)
        except NoModel as error:
            self.why = str(error)
            return None
        self.why = ""
        return found

    def unusable(self, why: str) -> None:
        """The room can't read the content, as of another format: operators see why."""
        self.why = why

    async def add(self, version: str, content: bytes, measures: Measures, *, activate: bool) -> bool:
        """Register what was trained; False if the version is there. With ``activate`` it is in use from now on."""
        return await self._registry.add(self, version, content, measures, activate=activate)


class Registry:
    def __init__(self, *, db: Database, objects: ObjectStore, now: Callable[[], dt.datetime]) -> None:
        self._db = db
        self._objects = objects
        self._now = now
        self._models: dict[str, Model] = {}

    def declare(self, name: str, *, summary: str, fallback: str, shipped: Sequence[Shipped] = ()) -> Model:
        """A model of a room, at wiring. The last of ``shipped`` is in use unless an operator chooses another."""
        if name in self._models:
            raise ValueError(f"the model {name} is declared twice")
        self._models[name] = Model(registry=self, name=name, summary=summary, fallback=fallback, shipped=shipped)
        return self._models[name]

    async def known(self) -> list[Known]:
        """All models that rooms have declared, by name."""
        choices = {row["name"]: row for row in await self._db.fetch(queries.CHOICES)}
        trained: dict[str, list[Version]] = {}
        for row in await self._db.fetch(queries.VERSIONS, MAX_SHOWN):
            trained.setdefault(row["name"], []).append(_version(row))
        return [_known(model, choices.get(name), trained.get(name, [])) for name, model in sorted(self._models.items())]

    async def one(self, name: str) -> Known | None:
        return next((one for one in await self.known() if one.name == name), None)

    async def activate(self, tx: Transaction, name: str, version: str) -> bool | None:
        """Use a version from now on, on every node. None: no such model; False: no such version of it."""
        model = self._models.get(name)
        if model is None:
            return None
        if version not in model.shipped and await tx.fetchrow(queries.VERSION, name, version) is None:
            return False
        await tx.execute(queries.CHOOSE, name, version, self._now())
        return True

    async def active(self, model: Model) -> str | None:
        rows = await self._db.fetch(queries.CHOICES)
        chosen = next((row["version"] for row in rows if row["name"] == model.name), None)
        return chosen or next(reversed(model.shipped), None)

    async def content(self, model: Model, version: str) -> bytes:
        if version in model.shipped:
            return await model.shipped[version].load()
        row = await self._db.fetchrow(queries.VERSION, model.name, version)
        if row is None:
            raise NoModel("the version is not there")
        content = await self._read(row["object_key"])
        if hashlib.sha256(content).digest() != row["sha256"]:
            raise NoModel("the content is corrupt: its sha256 is another")
        return content

    async def add(self, model: Model, version: str, content: bytes, measures: Measures, *, activate: bool) -> bool:
        key = f"models/{model.name}/{version}/content"
        await self._objects.put(key, content, content_type="application/octet-stream")
        async with self._db.transaction() as tx:
            given = model.name, version, dict(measures), key, hashlib.sha256(content).digest(), len(content)
            if await tx.fetchval(queries.ADD, *given, self._now()) is None:
                return False
            if activate:
                await tx.execute(queries.CHOOSE, model.name, version, self._now())
        await self._forget_old(model.name)
        return True

    async def _forget_old(self, name: str) -> None:
        rows = await self._db.fetch(queries.OLD, name, KEPT)
        for row in rows:
            await self._objects.delete_prefix(row["object_key"].removesuffix("content"))
        await self._db.execute(queries.FORGET, name, [row["version"] for row in rows])

    async def _read(self, key: str) -> bytes:
        content = bytearray()
        try:
            async for chunk in self._objects.open(key):
                content += chunk
                if len(content) > MAX_BYTES:
                    raise NoModel(f"the content is larger than {MAX_BYTES} bytes")
        except NoSuchObject:
            raise NoModel("the content is missing") from None
        except Unavailable as error:
            raise NoModel(f"the content can't be read now: {error}") from error
        return bytes(content)


def _version(row: Any) -> Version:
    return Version(
        version=row["version"], measures=row["measures"], created_at=row["created_at"], size=row["bytes"]
    )  # fmt: skip


def _known(model: Model, choice: Any, trained: list[Version]) -> Known:
    shipped = [Version(version=one.version, measures=one.measures, created_at=None) for one in model.shipped.values()]
    versions = [*trained, *reversed(shipped)]
    active = choice["version"] if choice is not None else (shipped[-1].version if shipped else None)
    is_there = any(one.version == active for one in versions)
    why = model.why or ("" if is_there or active is None else "the version is not there")
    return Known(
        name=model.name,
        summary=model.summary,
        fallback=model.fallback,
        active=active,
        previous=choice["previous"] if choice is not None else None,
        state="absent" if active is None else "fallback" if why else "ready",
        why=why,
        versions=versions,
    )

"""Postgres, Redis and the object store: whether they answer, their versions, and whether they may be used."""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from server.config import Settings
from server.database_url import database_url, is_held, running_database_url
from server.diagnostics.findings import Finding, fine, note, problem
from storage.embedded.redis import EmbeddedRedis
from storage.errors import SchemaMismatch, StorageError
from storage.migrate import check, current, head
from storage.objects import open_objects
from storage.postgres import Database
from storage.redis import Redis

SAFE_REDIS: Final = (8, 6, 3)
MIN_POSTGRES: Final = 14
MAX_SKEW_S: Final = 5.0


async def check_postgres(settings: Settings) -> list[Finding]:
    given = settings.database_url
    try:
        if given is not None:
            return await _look_into(given, "given")
        url = running_database_url(settings.data_dir)
        if url is not None:
            return await _look_into(url, "embedded, in use by the running server")
        return await _embedded_postgres(settings)
    except StorageError as error:
        return [problem("postgres", str(error), "see that it runs and that database_url is right")]


async def _embedded_postgres(settings: Settings) -> list[Finding]:
    """A new data folder is left alone: that Postgres can start is then tried in a folder that is thrown away."""
    if (settings.data_dir.absolute() / "postgres" / "PG_VERSION").exists():
        async with database_url(settings) as url:
            return await _look_into(url, "embedded, starts")
    with tempfile.TemporaryDirectory(prefix="socialflow-doctor-") as folder:
        async with database_url(settings.model_copy(update={"data_dir": Path(folder)})):
            return [fine("postgres", "embedded, starts; the first `socialflow serve` makes the database")]


async def _look_into(url: str, which: str) -> list[Finding]:
    db = await Database.connect(url, max_connections=1, name="doctor")
    try:
        version = str(await db.fetchval("show server_version"))
        before = datetime.now(UTC)
        there: datetime = await db.fetchval("select clock_timestamp()")
        skew_s = (there - before - (datetime.now(UTC) - before) / 2).total_seconds()
    finally:
        await db.close()
    return [_judge_server(which, version, skew_s), await _judge_schema(url)]


def _judge_server(which: str, version: str, skew_s: float) -> Finding:
    says = f"{which}, version {version}"
    if int(re.split(r"\D", version)[0]) < MIN_POSTGRES:
        return problem("postgres", says, f"use Postgres {MIN_POSTGRES} or later")
    if abs(skew_s) > MAX_SKEW_S:
        return problem("postgres", f"{says}, its clock is {skew_s:+.0f} s off ours", "set the clocks by NTP")
    return fine("postgres", says)


async def _judge_schema(url: str) -> Finding:
    at = await current(url)
    if at == head():
        return fine("schema", at)
    if not at:
        return fine("schema", "none yet; the first start makes it")
    if at > head():
        return await _judge_later_schema(url, at)
    return note("schema", f"{at}, this version needs {head()}", "the next start or `socialflow migrate` applies it")


async def _judge_later_schema(url: str, at: str) -> Finding:
    try:
        await check(url)
    except SchemaMismatch:
        return problem("schema", f"{at} has left this version's {head()} behind", "start the later version")
    return note("schema", f"{at} of a later version, this one has {head()}", "finish the upgrade of all nodes")


async def check_redis(settings: Settings) -> list[Finding]:
    try:
        if settings.redis_url is not None:
            return [_judged(*await _redis_version(settings.redis_url))]
        if is_held(settings.data_dir, "redis"):
            return [fine("redis", "embedded, in use by the running server; for one machine only")]
        return [await _embedded_redis()]
    except StorageError as error:
        return [problem("redis", str(error), "see that it runs and that redis_url is right")]


async def _embedded_redis() -> Finding:
    with tempfile.TemporaryDirectory(prefix="socialflow-doctor-") as folder:
        engine = EmbeddedRedis(data_dir=Path(folder))
        try:
            version, _ = await _redis_version(await asyncio.to_thread(engine.start))
        finally:
            await asyncio.to_thread(engine.stop)
    return fine("redis", f"embedded {version}, starts; for one machine only")


async def _redis_version(url: str) -> tuple[str, str]:
    """The server's version, and which master it is, if sentinels were asked for it."""
    redis = await Redis.connect(url, max_connections=1)
    try:
        told = bytes(await redis.command("INFO", "server")).decode(errors="replace")
        master = redis.master
    finally:
        await redis.close()
    found = re.search(r"^redis_version:(\S+)", told, re.MULTILINE)
    return (found.group(1) if found else ""), master


def _judged(version: str, master: str) -> Finding:
    numbers = tuple(int(part) for part in re.findall(r"\d+", version)[:3])
    says = ", ".join(word for word in (f"version {version or 'unknown'}", master) if word)
    if numbers >= SAFE_REDIS:
        return fine("redis", says)
    safe = ".".join(str(part) for part in SAFE_REDIS)
    advice = f"use {safe} or later, or a distribution's build with its security patches: clients can crash older ones"
    return note("redis", says, advice)


async def check_objects(settings: Settings) -> list[Finding]:
    data = settings.data_dir.absolute()
    place = settings.object_store
    if place is None and not data.is_dir():
        return [fine("objects", f"{data / 'objects'} (will be made)")]
    shown = place or str(data / "objects")
    try:
        await _try_objects(shown)
    except StorageError as error:
        return [problem("objects", f"{shown}: {error}", "see that the bucket is there and that it may be written")]
    return [fine("objects", f"{shown} takes, keeps and deletes")]


async def _try_objects(place: str) -> None:
    """Store, measure and delete a few bytes. Raises ``StorageError``."""
    objects = open_objects(place)
    folder, body = f"doctor/{os.getpid()}-{time.time_ns()}/", b"a few bytes"
    try:
        await objects.put(folder + "probe.txt", body, content_type="text/plain")
        if await objects.size(folder + "probe.txt") != len(body):
            raise StorageError("what was put is not what is there")
        await objects.delete_prefix(folder)
        if await objects.size(folder + "probe.txt") is not None:
            raise StorageError("what was deleted is still there")
    finally:
        await objects.close()

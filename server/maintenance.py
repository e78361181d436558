"""What an operator does beside serving: bring the schema up to date, examine the machine.

Nothing here disturbs a server that runs: its embedded Postgres is then used over the socket it listens on, and left
running.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import platform
import re
import resource
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote

import aiohttp

from server.config import Settings
from storage.embedded import EmbeddedPostgres, EmbeddedRedis
from storage.errors import EmbeddedStartFailed, SchemaMismatch, StorageError
from storage.migrate import check, current, head, migrate
from storage.objects import open_objects
from storage.postgres import Database
from storage.process import FolderLock
from storage.redis import Redis

WEB: Final = Path(__file__).parent / "web" / "dist"
CHECK_S: Final = 40.0
MIN_FREE_BYTES: Final = 1 << 30
SAFE_REDIS: Final = (8, 6, 3)
MIN_POSTGRES: Final = 14
OLDEST_CLOCK: Final = datetime(2026, 1, 1, tzinfo=UTC)
MAX_SKEW_S: Final = 5.0
CERTIFICATE_WARNING_DAYS: Final = 14
SPARE_FILES: Final = 512


# ------------------------------------------------------------------------------------------------------------ migrate


async def migrate_database(settings: Settings) -> int:
    """Apply what is due and say from which revision to which; 1 when it cannot be done."""
    try:
        async with database_url(settings) as url:
            before = await current(url)
            after = await migrate(url)
    except StorageError as error:
        return failed(error)
    if before == after:
        print(f"The schema is at {after} already.")
    else:
        print(f"The schema went from {before or 'nothing'} to {after}.")
    return 0


def failed(reason: object) -> int:
    """Say why on the standard error; the exit code."""
    print(f"socialflow: {' '.join(str(reason).split())}", file=sys.stderr)
    return 1


@contextlib.asynccontextmanager
async def database_url(settings: Settings) -> AsyncIterator[str]:
    """The URL of the configured Postgres, else of the embedded one: the running one, or one started for the block.

    Raises ``EmbeddedStartFailed``.
    """
    url = settings.database_url or running_database_url(settings.data_dir)
    if url is not None:
        yield url
        return
    engine = EmbeddedPostgres(data_dir=settings.data_dir)
    url = await asyncio.to_thread(engine.start)
    try:
        yield url
    finally:
        await asyncio.to_thread(engine.stop)


def running_database_url(data_dir: Path) -> str | None:
    """The URL of the embedded Postgres that a running server has on this data folder; None when no server has."""
    if not _is_held(data_dir, "postgres"):
        return None
    lines = (data_dir.absolute() / "postgres" / "postmaster.pid").read_text().splitlines()
    # Line 5 of postmaster.pid is the folder of the socket.
    return f"postgresql://postgres:@/postgres?host={quote(lines[4].strip())}" if len(lines) > 4 else None


def _is_held(data_dir: Path, engine: str) -> bool:
    path = data_dir.absolute() / f"{engine}.lock"
    if not path.exists():
        return False
    lock = FolderLock(path=path, engine=engine)
    try:
        lock.acquire()
    except EmbeddedStartFailed:
        return True
    lock.release()
    return False


# ------------------------------------------------------------------------------------------------------------- doctor

State = Literal["ok", "note", "problem"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One line of the examination. A problem must be mended before Social Flow works, a note need not be."""

    subject: str
    state: State
    says: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f" -> {self.advice}" if self.advice else ""
        return f"{self.state:<8} {self.subject:<13} {self.says}{advice}"


def fine(subject: str, says: str) -> Finding:
    return Finding(subject=subject, state="ok", says=says)


def note(subject: str, says: str, advice: str) -> Finding:
    return Finding(subject=subject, state="note", says=says, advice=advice)


def problem(subject: str, says: str, advice: str) -> Finding:
    return Finding(subject=subject, state="problem", says=says, advice=advice)


async def diagnose(settings: Settings) -> int:
    """Check everything and print what was found; 1 when something must be mended."""
    findings = await Diagnostics(settings=settings).findings()
    _print(findings)
    return 1 if any(found.state == "problem" for found in findings) else 0


def _print(findings: Sequence[Finding]) -> None:
    if sys.stdout.isatty():
        _print_table(findings)
    else:
        print("\n".join(str(found) for found in findings))


def _print_table(findings: Sequence[Finding]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    colours = {"ok": "green", "note": "yellow", "problem": "bold red"}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for heading in ("", "what", "found", "what to do"):
        table.add_column(heading, overflow="fold")
    for found in findings:
        table.add_row(Text(found.state, colours[found.state]), found.subject, Text(found.says), Text(found.advice))
    Console().print(table)


class Diagnostics:
    """Every check of one machine and its settings. ``findings`` runs them one after another, each with a deadline."""

    def __init__(self, *, settings: Settings) -> None:
        self._settings = settings
        self._data = settings.data_dir.absolute()
        self._running: str | None = None

    async def findings(self, *only: str) -> list[Finding]:
        """What all checks found, or those that are named."""
        checks: Sequence[tuple[str, Callable[[], Awaitable[list[Finding]]]]] = [
            ("python", self._python),
            ("data folder", self._data_folder),
            ("ports", self._ports),
            ("postgres", self._postgres),
            ("redis", self._redis),
            ("objects", self._objects),
            ("run folder", self._run_folder),
            ("tls", self._tls),
            ("proxy", self._proxy),
            ("web client", self._web_client),
            ("open files", self._open_files),
            ("clock", self._clock),
        ]
        chosen = [(subject, check) for subject, check in checks if not only or subject in only]
        return [found for subject, check in chosen for found in await self._within(subject, check)]

    async def _within(self, subject: str, check: Callable[[], Awaitable[list[Finding]]]) -> list[Finding]:
        try:
            async with asyncio.timeout(CHECK_S):
                return await check()
        except TimeoutError:
            return [problem(subject, f"no answer within {CHECK_S:.0f} s", "see that it is up and can be reached")]
        except OSError as error:
            return [problem(subject, str(error), "see who may read and write there")]

    # the machine

    async def _python(self) -> list[Finding]:
        return [fine("python", f"{platform.python_version()} on {platform.machine()} {platform.system()}")]

    async def _data_folder(self) -> list[Finding]:
        there = _nearest(self._data)
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            return [problem("data folder", f"{there} cannot be written", "mend its permissions, or choose --data-dir")]
        free = shutil.disk_usage(there).free
        says = f"{self._data}{'' if there == self._data else ' (will be made)'}, {_bytes(free)} free"
        if free < MIN_FREE_BYTES:
            return [problem("data folder", says, f"free at least {_bytes(MIN_FREE_BYTES)}, or choose --data-dir")]
        return [fine("data folder", says)]

    async def _open_files(self) -> list[Finding]:
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = self._settings.max_sockets + SPARE_FILES
        says = f"{_count(soft)} of {_count(hard)}, {wanted} for max_sockets and what else is open"
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return [fine("open files", says)]
        return [note("open files", says, f"raise the limit (ulimit -n {wanted}), or lower --max-sockets")]

    async def _clock(self) -> list[Finding]:
        now = datetime.now(UTC)
        says = now.isoformat(timespec="seconds")
        if now < OLDEST_CLOCK:
            return [problem("clock", f"{says} is in the past", "set the clock: tokens and certificates lean on it")]
        return [fine("clock", says)]

    async def _web_client(self) -> list[Finding]:
        if (WEB / "index.html").is_file():
            return [fine("web client", "built")]
        return [note("web client", "not built: there is an API, but no page", "run `make web`")]

    # ports

    async def _ports(self) -> list[Finding]:
        settings = self._settings
        self._running = await _running_version(settings)
        return [
            self._port("http", settings.http_host, settings.http_port, socket.SOCK_STREAM),
            self._port("rtmp", settings.rtmp_host, settings.rtmp_port, socket.SOCK_STREAM),
            self._port("webrtc", "127.0.0.1", settings.webrtc_port, socket.SOCK_DGRAM),
        ]

    def _port(self, name: str, host: str, port: int, kind: socket.SocketKind) -> Finding:
        subject = f"{name} port"
        if port == 0:
            return fine(subject, "a free one is taken")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                return self._taken(subject, f"{host}:{port}", error, f"--{name}-port")
        return fine(subject, f"{host}:{port} is free")

    def _taken(self, subject: str, where: str, error: OSError, flag: str) -> Finding:
        if self._running is not None:
            return fine(subject, f"{where} is in use while Social Flow {self._running} runs here")
        reason = os.strerror(error.errno or 0)
        return problem(subject, f"{where} cannot be used ({reason})", f"stop what listens there, or choose {flag}")

    # dependencies

    async def _postgres(self) -> list[Finding]:
        given = self._settings.database_url
        try:
            if given is not None:
                return await _look_into(given, "given")
            url = running_database_url(self._data)
            if url is not None:
                return await _look_into(url, "embedded, in use by the running server")
            return await self._embedded_postgres()
        except StorageError as error:
            return [problem("postgres", str(error), "see that it runs and that database_url is right")]

    async def _embedded_postgres(self) -> list[Finding]:
        """A new data folder is left alone: that Postgres can start is then tried in a folder that is thrown away."""
        if (self._data / "postgres" / "PG_VERSION").exists():
            async with database_url(self._settings) as url:
                return await _look_into(url, "embedded, starts")
        with tempfile.TemporaryDirectory(prefix="socialflow-doctor-") as folder:
            async with database_url(self._settings.model_copy(update={"data_dir": Path(folder)})):
                return [fine("postgres", "embedded, starts; the first `socialflow serve` makes the database")]

    async def _redis(self) -> list[Finding]:
        try:
            if self._settings.redis_url is not None:
                return [_judged(*await _redis_version(self._settings.redis_url))]
            if _is_held(self._data, "redis"):
                return [fine("redis", "embedded, in use by the running server; for one machine only")]
            return [await _embedded_redis()]
        except StorageError as error:
            return [problem("redis", str(error), "see that it runs and that redis_url is right")]

    async def _objects(self) -> list[Finding]:
        place = self._settings.object_store
        if place is None and not self._data.is_dir():
            return [fine("objects", f"{self._data / 'objects'} (will be made)")]
        shown = place or str(self._data / "objects")
        try:
            await _try_objects(shown)
        except StorageError as error:
            return [problem("objects", f"{shown}: {error}", "see that the bucket is there and that it may be written")]
        return [fine("objects", f"{shown} takes, keeps and deletes")]

    # folders and files

    async def _run_folder(self) -> list[Finding]:
        folder = self._settings.run_dir or _default_run_dir(self._data)
        there = _nearest(folder.absolute())
        if not os.access(there, os.W_OK | os.X_OK):
            return [problem("run folder", f"{there} cannot be written", "mend its permissions, or choose --run-dir")]
        free, wanted = shutil.disk_usage(there).free, self._settings.max_run_bytes
        says = f"{folder}, {_bytes(free)} free of {_bytes(wanted)} that live segments may take"
        if free < wanted:
            return [note("run folder", says, "give it more room (containers: shm_size), or lower --max-run-bytes")]
        if not _is_memory(there):
            return [note("run folder", f"{says}, on a disk", "choose a memory-backed --run-dir, as below /dev/shm")]
        return [fine("run folder", f"{says}, in memory")]

    async def _tls(self) -> list[Finding]:
        cert, key = self._settings.tls_cert, self._settings.tls_key
        if cert is None or key is None:
            return [_without_tls(self._settings)]
        return [_examine_certificate(cert, key)]

    async def _proxy(self) -> list[Finding]:
        trusted = self._settings.trusted_proxies
        if self._settings.has_unnamed_proxy:
            says = "public_url is served by a proxy that trusted_proxies does not name"
            advice = "name its address in --trusted-proxies: limits by address know nobody behind it"
            return [note("proxy", says, advice)]
        return [fine("proxy", f"believes {', '.join(trusted)}" if trusted else "none")]


def _without_tls(settings: Settings) -> Finding:
    is_open = settings.http_host not in ("127.0.0.1", "::1", "localhost")
    if is_open and not settings.trusted_proxies:
        advice = "browsers give a page the camera over HTTPS only: give --tls-cert and --tls-key, or use a proxy"
        return note("tls", "none, and HTTP listens for others", advice)
    return fine("tls", "none (HTTP)")


def _examine_certificate(cert: Path, key: Path) -> Finding:
    import ssl

    from cryptography import x509

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # Loads both and sees that the key is the certificate's; a password would be asked for on the terminal.
        context.load_cert_chain(cert, key, password="")
        leaf = x509.load_pem_x509_certificates(cert.read_bytes())[0]
    except (OSError, ValueError) as error:
        return problem("tls", f"{cert} and {key} cannot be used: {error}", "give a PEM chain and its unencrypted key")
    return _judge_dates(leaf)


def _judge_dates(leaf: Any) -> Finding:
    now = datetime.now(UTC)
    until, since = leaf.not_valid_after_utc, leaf.not_valid_before_utc
    says = f"valid until {until:%Y-%m-%d}"
    if now > until:
        return problem("tls", f"expired on {until:%Y-%m-%d}", "renew the certificate")
    if now < since:
        return problem("tls", f"valid from {since:%Y-%m-%d} only", "look at the clock, or wait")
    if (until - now).days < CERTIFICATE_WARNING_DAYS:
        return note("tls", says, "renew the certificate soon")
    return fine("tls", says)


async def _running_version(settings: Settings) -> str | None:
    """The version of the Social Flow that answers on the HTTP port; None when none does."""
    if settings.http_port == 0:
        return None
    origin = local_origin(settings)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=3)) as client:
            async with client.get(f"{origin}/livez", ssl=False) as alive:
                if alive.status != 200 or (await alive.json()).get("status") != "alive":
                    return None
            async with client.get(f"{origin}/api/v1/server", ssl=False) as described:
                return str((await described.json())["version"])
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, KeyError, AttributeError):
        return None


def local_origin(settings: Settings) -> str:
    """Where a server with these settings is reached from this machine."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.http_host, settings.http_host)
    shown = f"[{host}]" if ":" in host else host
    return f"{settings.scheme}://{shown}:{settings.http_port}"


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


async def _embedded_redis() -> Finding:
    with tempfile.TemporaryDirectory(prefix="socialflow-doctor-") as folder:
        engine = EmbeddedRedis(data_dir=Path(folder))
        try:
            version, _ = await _redis_version(await asyncio.to_thread(engine.start))
        finally:
            await asyncio.to_thread(engine.stop)
    return fine("redis", f"embedded {version}, starts; for one machine only")


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


def _default_run_dir(data_dir: Path) -> Path:
    shared = Path("/dev/shm")  # noqa: S108 - the server makes a folder of its own in it
    return shared / "socialflow" if shared.is_dir() else data_dir / "run"


def _nearest(path: Path) -> Path:
    """The path itself, or the nearest folder above it that is there."""
    return next(step for step in (path, *path.parents) if step.exists())


def _is_memory(path: Path) -> bool:
    """Whether the folder lies on a file system in memory, where the system says (Linux); elsewhere False."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    except OSError:
        return False
    holding = [(len(words[1]), words[2]) for words in mounts if path.resolve().is_relative_to(words[1])]
    return bool(holding) and max(holding)[1] in {"tmpfs", "ramfs"}


def _bytes(count: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def _count(limit: int) -> str:
    return "unlimited" if limit == resource.RLIM_INFINITY else str(limit)

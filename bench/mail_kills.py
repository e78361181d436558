"""Mails under fire: the nodes that deliver and the SMTP server are killed, then the server's notes show what came."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from bench.mail_notes import NOBODY, Notes, Why, read_notes
from bench.mail_processes import outbox_of
from server.outbound.mail import Recipient
from storage.errors import StorageError
from storage.postgres import Database

WORKERS: Final = 2
SERVER_EACH: Final = 2
"""Of so many kills one hits the SMTP server."""
BATCH: Final = 500
DATA: Final = {"link": "/verify#token=x", "until": "2030-01-01 00:00 UTC"}


class MailToll(msgspec.Struct, frozen=True, kw_only=True):
    """``lost``: mails that no server took. ``again``: see ``MailNotes``."""

    mails: int
    kills: int
    lost: int
    again: dict[Why, int]
    took_s: float


class MailCrew:
    """Nodes that deliver and the server that takes, each a process."""

    def __init__(self, url: str, notes: Path, *, workers: int) -> None:
        self._url = url
        self._path = notes
        self._notes = Notes(notes)
        self.port = _free_port()
        self._server = self._take()
        self._workers = [self._deliver() for _ in range(workers)]

    def _deliver(self) -> subprocess.Popen[bytes]:
        return self._spawn("deliver", self._url)

    def _take(self) -> subprocess.Popen[bytes]:
        return self._spawn("take")

    def _spawn(self, role: str, *more: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "bench.mail_processes", role, str(self._path), str(self.port), *more]
        return subprocess.Popen(command, stderr=subprocess.DEVNULL)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait(20)
        self._notes.note("killed", NOBODY, process.pid)

    def kill_worker(self, chance: random.Random) -> None:
        at = chance.randrange(len(self._workers))
        self._end(self._workers[at])
        self._workers[at] = self._deliver()

    def kill_server(self) -> None:
        self._end(self._server)
        self._server = self._take()

    def stop(self) -> None:
        for process in (*self._workers, self._server):
            self._end(process)


@contextlib.contextmanager
def _crew(url: str, notes: Path) -> Iterator[MailCrew]:
    crew = MailCrew(url, notes, workers=WORKERS)
    try:
        yield crew
    finally:
        crew.stop()


async def under_fire(url: str, folder: Path, *, mails: int, kills: int, within_s: float, seed: int = 1) -> MailToll:
    """Put the mails, kill whenever another share of them has been sent, wait for the rest, and count."""
    chance = random.Random(seed)
    notes = folder / "taken.txt"
    db = await Database.connect(url)
    try:
        with _crew(url, notes) as crew:
            await _put(db, mails, crew.port, Notes(notes))
            began = time.monotonic()
            deadline = began + within_s
            for number in range(1, kills + 1):
                await _until_sent(db, mails * number // (kills + 1), deadline)
                await asyncio.sleep(chance.random() * 0.1)
                kill = crew.kill_server if number % SERVER_EACH == 0 else lambda: crew.kill_worker(chance)
                await asyncio.to_thread(kill)
            await _until_sent(db, mails, deadline)
            took_s = time.monotonic() - began
        found = read_notes(notes.read_text().splitlines())
        return MailToll(mails=mails, kills=kills, lost=mails - found.taken, again=found.again, took_s=took_s)
    finally:
        await db.close()


async def _put(db: Database, count: int, port: int, notes: Notes) -> None:
    outbox, _ = outbox_of(db, port, notes)
    for start in range(0, count, BATCH):
        async with db.transaction(timeout_s=60) as tx:
            for number in range(start, min(start + BATCH, count)):
                to = Recipient(address=f"person{number}@example.org", name=f"person{number}")
                await outbox.put(tx, to=to, template="verify_email", data=DATA, language="ar" if number % 2 else "en")


async def _until_sent(db: Database, count: int, deadline: float) -> None:
    while time.monotonic() < deadline:
        with contextlib.suppress(StorageError):
            if await db.fetchval("select count(*) from mails where state = 'sent'") >= count:
                return
        await asyncio.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""Mails under fire: the nodes that deliver and the SMTP server are killed, then the server's notes show what came."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

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
    """``lost``: mails that no server took. ``twice``: takings beyond the first of a mail. ``answered_twice``: of those
    the ones of a mail whose first taking had been answered, so that only the kill of a node can have caused them."""

    mails: int
    kills: int
    lost: int
    twice: int
    answered_twice: int
    took_s: float


class MailCrew:
    """Nodes that deliver and the server that takes, each a process."""

    def __init__(self, url: str, notes: Path, *, workers: int) -> None:
        self._url = url
        self._notes = notes
        self.port = _free_port()
        self._server = self._spawn("take", str(self.port), str(notes))
        self._workers = [self._deliver() for _ in range(workers)]

    def _deliver(self) -> subprocess.Popen[bytes]:
        return self._spawn("deliver", self._url, str(self.port))

    def _spawn(self, *argv: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-m", "bench.mail_processes", *argv], stderr=subprocess.DEVNULL)

    def kill_worker(self, chance: random.Random) -> None:
        at = chance.randrange(len(self._workers))
        _end(self._workers[at])
        self._workers[at] = self._deliver()

    def kill_server(self) -> None:
        _end(self._server)
        self._server = self._spawn("take", str(self.port), str(self._notes))

    def stop(self) -> None:
        for process in (*self._workers, self._server):
            _end(process)


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
            await _put(db, mails, crew.port)
            began = time.monotonic()
            deadline = began + within_s
            for number in range(1, kills + 1):
                await _until_sent(db, mails * number // (kills + 1), deadline)
                await asyncio.sleep(chance.random() * 0.1)
                kill = crew.kill_server if number % SERVER_EACH == 0 else lambda: crew.kill_worker(chance)
                await asyncio.to_thread(kill)
            await _until_sent(db, mails, deadline)
            took_s = time.monotonic() - began
        return _count(notes, mails, kills, took_s)
    finally:
        await db.close()


async def _put(db: Database, count: int, port: int) -> None:
    outbox, _ = outbox_of(db, port)
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


def _count(notes: Path, mails: int, kills: int, took_s: float) -> MailToll:
    taken: Counter[str] = Counter()
    answered: set[str] = set()
    answered_twice = 0
    for line in notes.read_text().splitlines():
        what, _, message_id = line.partition(" ")
        if what == "answered":
            answered.add(message_id)
        else:
            taken[message_id] += 1
            answered_twice += message_id in answered
    twice = sum(taken.values()) - len(taken)
    lost = mails - len(taken)
    return MailToll(mails=mails, kills=kills, lost=lost, twice=twice, answered_twice=answered_twice, took_s=took_s)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(20)

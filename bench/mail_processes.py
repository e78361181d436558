"""The processes of the bench of mails, to be killed: ``python -m bench.mail_processes deliver URL PORT`` delivers, and
``python -m bench.mail_processes take PORT FILE`` is an SMTP server that notes what it takes.

The server writes ``taken <Message-ID>`` before it answers that it has a mail, and ``answered <Message-ID>`` behind it.
"""

from __future__ import annotations

import asyncio
import email
import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

from actors.runtime import LoopClock
from server.jobs import JobNode, Jobs
from server.outbound.mail import Outbox
from server.outbound.mail.smtp import SmtpClient
from server.outbound.mail.templates import Templates
from server.outbound.settings import SmtpServer
from storage.errors import StorageError
from storage.ids import Ids
from storage.jobs import JobQueue
from storage.postgres import Database

LEASE_S: Final = 1.5
SLOTS: Final = 16


def outbox_of(db: Database, port: int) -> tuple[Outbox, Jobs]:
    """An outbox as a node has it, and what enqueues for it."""
    jobs = Jobs(rows=JobQueue(db=db), ids=Ids(), wall=time.time)
    server = SmtpServer(host="127.0.0.1", port=port, tls="none")
    outbox = Outbox(
        db=db,
        jobs=jobs,
        ids=Ids(),
        clock=LoopClock(),
        templates=Templates(server="Bench", origin="https://bench.example"),
        client=SmtpClient(server, hello="bench.example"),
        sender="no-reply@bench.example",
        sender_name="Bench",
        kept_days=30,
    )
    return outbox, jobs


async def _deliver(url: str, port: int) -> None:
    while True:
        try:
            db = await Database.connect(url, max_connections=SLOTS + 4)
        except StorageError:
            await asyncio.sleep(0.1)
            continue
        outbox, jobs = outbox_of(db, port)
        node = JobNode(
            db=db,
            enqueue=jobs,
            jobs=[outbox.job],
            schedules=[],
            name=f"bench-{os.getpid()}",
            clock=LoopClock(),
            slots=SLOTS,
            lease_s=LEASE_S,
        )
        node.start()
        await asyncio.Event().wait()


class _Taking(SMTP):
    """aiosmtpd, which notes behind its answer as well."""

    last: str = ""

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802 - aiosmtpd's name
        await super().smtp_DATA(arg)
        if self.last:
            self.event_handler.note(f"answered {self.last}")
            self.last = ""


class _Notes:
    """A file of lines, each written at once: what a process that is killed has written stays."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(self, line: str) -> None:
        os.write(self._file, line.encode() + b"\n")

    async def handle_DATA(self, server: Any, _: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        message = email.message_from_bytes(envelope.original_content or b"")
        server.last = message["Message-ID"]
        self.note(f"taken {server.last}")
        return "250 taken"


async def _take(port: int, path: Path) -> None:
    notes = _Notes(path)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Taking(notes, hostname="mx.bench"), "127.0.0.1", port, reuse_address=True
    )
    await server.serve_forever()


def main() -> None:
    role, first, second = sys.argv[1:]
    uvloop.run(_deliver(first, int(second)) if role == "deliver" else _take(int(first), Path(second)))


if __name__ == "__main__":
    main()

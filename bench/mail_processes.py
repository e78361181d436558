"""The processes of the bench of mails, to be killed: ``python -m bench.mail_processes deliver FILE PORT URL`` delivers,
and ``python -m bench.mail_processes take FILE PORT`` is an SMTP server. They note in the file what they do.
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
from bench.mail_notes import Notes
from server.jobs import JobNode, Jobs
from server.outbound.mail import Outbox
from server.outbound.mail.message import Composed
from server.outbound.mail.smtp import SmtpClient, SmtpSession
from server.outbound.mail.templates import Templates
from server.outbound.settings import SmtpServer
from storage.errors import StorageError
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.postgres import Database, Row

LEASE_S: Final = 1.5
SLOTS: Final = 16


class _NotingOutbox(Outbox):
    notes: Notes

    async def _hand_over(self, session: SmtpSession, row: Row, composed: Composed) -> None:
        await super()._hand_over(_NotingSession(session, self.notes), row, composed)
        self.notes.note("marked", composed.message_id)


class _NotingSession(SmtpSession):
    def __init__(self, session: SmtpSession, notes: Notes) -> None:
        self._session = session
        self._notes = notes

    async def hand_over(self, mail: Composed, *, sender: str) -> str:
        self._notes.note("gives", mail.message_id)
        answer = await self._session.hand_over(mail, sender=sender)
        self._notes.note("read", mail.message_id)
        return answer


def outbox_of(db: Database, port: int, notes: Notes) -> tuple[Outbox, Jobs]:
    """An outbox as a node has it, and what enqueues for it."""
    jobs = Jobs(rows=JobQueue(db=db), ids=Ids(), wall=time.time)
    server = SmtpServer(host="127.0.0.1", port=port, tls="none")
    outbox = _NotingOutbox(
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
    outbox.notes = notes
    return outbox, jobs


async def _deliver(notes: Notes, port: int, url: str) -> None:
    while True:
        try:
            db = await Database.connect(url, max_connections=SLOTS + 4)
        except StorageError:
            await asyncio.sleep(0.1)
            continue
        outbox, jobs = outbox_of(db, port, notes)
        node = JobNode(
            db=db,
            enqueue=jobs,
            jobs=[outbox.job],
            schedules=[],
            name=f"bench-{os.getpid()}",
            clock=LoopClock(),
            slots=SLOTS,
            ids=Ids(),
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
            self.event_handler.notes.note("answered", self.last)
            self.last = ""


class _Handler:
    def __init__(self, notes: Notes) -> None:
        self.notes = notes

    async def handle_DATA(self, server: Any, _: Session, envelope: Envelope) -> str:  # noqa: N802 - likewise
        message = email.message_from_bytes(envelope.original_content or b"")
        server.last = message["Message-ID"]
        self.notes.note("taken", server.last)
        return "250 taken"


async def _take(notes: Notes, port: int) -> None:
    handler = _Handler(notes)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Taking(handler, hostname="mx.bench"), "127.0.0.1", port, reuse_address=True
    )
    await server.serve_forever()


def main() -> None:
    role, path, port, *url = sys.argv[1:]
    notes = Notes(Path(path))
    uvloop.run(_deliver(notes, int(port), *url) if role == "deliver" else _take(notes, int(port)))


if __name__ == "__main__":
    main()

"""A person, an SMTP server and an outbox."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.runtime import Clock, LoopClock
from server.jobs import Jobs
from server.outbound.mail import Outbox, Recipient
from server.outbound.mail.smtp import SmtpClient
from server.outbound.mail.templates import Templates
from server.outbound.settings import SmtpServer
from storage.ids import Ids
from storage.jobs.queue import JobQueue
from storage.postgres import Database, Row
from tests.server.jobs.inline import make_due, run_due
from tests.server.outbound.smtp_server import SmtpServerFixture

ADA = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
BOB = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0b22"
LINK = "/verify#token=abc"
VERIFY: dict[str, Any] = {"link": LINK, "until": "2026-12-01 10:00 UTC"}


async def add_person(database: Database, person_id: str, name: str) -> None:
    await database.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
        " values ($1, $2, $2, $3, $3, '', $2, $2)",
        person_id,
        name,
        f"{name}@example.org",
    )


class MailFixture:
    """An outbox over the database, whose jobs run where the test stands."""

    def __init__(self, database: Database, port: int | None, clock: Clock | None = None) -> None:
        server = None if port is None else SmtpServer(host="127.0.0.1", port=port, tls="none")
        self.database = database
        self._clock = clock or LoopClock()
        self.jobs = Jobs(rows=JobQueue(db=database), ids=Ids(), wall=time.time)
        self.outbox = self.new_outbox(None if server is None else SmtpClient(server, hello="live.test"))

    def new_outbox(self, client: SmtpClient | None) -> Outbox:
        return Outbox(
            db=self.database,
            jobs=self.jobs,
            ids=Ids(),
            clock=self._clock,
            templates=Templates(server="Social Flow", origin="https://live.test"),
            client=client,
            sender="no-reply@live.test",
            sender_name="Social Flow",
            kept_days=30,
        )

    async def put(self, address: str = "ada@example.org", **more: Any) -> str | None:
        given: dict[str, Any] = {
            "to": Recipient(person_id=ADA, address=address, name="ada"),
            "template": "verify_email",
            "data": VERIFY,
            **more,
        }
        async with self.database.transaction() as tx:
            return await self.outbox.put(tx, **given)

    async def deliver(self) -> int:
        return await run_due(self.database, self.outbox.job)

    async def deliver_again(self) -> int:
        await make_due(self.database)
        return await self.deliver()

    async def row(self) -> Row:
        (row,) = await self.database.fetch("select * from mails")
        return row


@pytest.fixture
async def smtp() -> AsyncIterator[SmtpServerFixture]:
    server = SmtpServerFixture()
    await server.start()
    yield server
    server.close()


@pytest.fixture
async def people(database: Database) -> None:
    await add_person(database, ADA, "ada")
    await add_person(database, BOB, "bob")


@pytest.fixture
async def mail(database: Database, smtp: SmtpServerFixture, people: None) -> MailFixture:
    return MailFixture(database, smtp.port)


@pytest.fixture
async def mail_without_server(database: Database, people: None) -> MailFixture:
    return MailFixture(database, None)

"""A server that is away is left alone, by all mails of a node."""

from __future__ import annotations

import asyncio

import pytest

from actors.runtime.clock import ManualClock
from server.jobs import RetryLater
from server.outbound.mail.pause import LONGEST_S, ServerPause
from storage.postgres import Database
from tests.e2e.waiting import until
from tests.server.outbound.conftest import MailFixture
from tests.server.outbound.smtp_server import SmtpServerFixture


async def test_pauses_double_up_to_half_a_minute_and_begin_anew_when_the_server_works() -> None:
    clock = ManualClock()
    pause = ServerPause(clock=clock)
    await asyncio.wait_for(pause.over(), 30)
    for length_s in (1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_S, LONGEST_S):
        pause.failed()
        pause.failed()  # side by side with the first one
        await _lasts(pause, clock, length_s)
    pause.failed()
    pause.worked()
    await asyncio.wait_for(pause.over(), 30)
    pause.failed()
    await _lasts(pause, clock, 1.0)


async def _lasts(pause: ServerPause, clock: ManualClock, length_s: float) -> None:
    waiting = asyncio.ensure_future(pause.over())
    await asyncio.sleep(0)
    await clock.advance(length_s - 0.001)
    assert not waiting.done()
    await clock.advance(0.002)
    await asyncio.wait_for(waiting, 30)


async def test_mails_keep_their_attempts_while_the_server_is_away(
    database: Database, people: None, smtp: SmtpServerFixture
) -> None:
    clock = ManualClock()
    mail = MailFixture(database, smtp.port, clock)
    smtp.close()
    first, second = await mail.put(), await mail.put()
    with pytest.raises(RetryLater):
        await mail.deliver()
    await database.execute("delete from jobs where state = 'running'")
    waiting = asyncio.ensure_future(mail.deliver())
    running = "select exists (select from jobs where state = 'running')"
    await until(lambda: database.fetchval(running), what="the second job runs")
    rows = await database.fetch("select id, attempts from mails order by id")
    assert [(row["id"], row["attempts"]) for row in rows] == [(first, 1), (second, 0)]
    await smtp.start(smtp.port)
    await clock.advance(1.0)
    assert await asyncio.wait_for(waiting, 10) == 1
    assert len(smtp.envelopes) == 1

"""From the transaction to the SMTP server, over a real one."""

from __future__ import annotations

import contextlib
import datetime as dt
from typing import Any

import pytest

from server.jobs import RetryLater
from server.outbound.mail import Recipient, erase
from server.outbound.mail.outbox import MOST_ATTEMPTS, pause_after
from storage.errors import Unavailable
from tests.server.outbound.conftest import ADA, BOB, LINK, VERIFY, MailFixture
from tests.server.outbound.smtp_server import SmtpServerFixture


async def test_a_mail_arrives_with_its_words_and_its_link(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    mail_id = await mail.put()
    assert await mail.deliver() == 1
    (envelope,), (message,) = smtp.envelopes, smtp.messages()
    assert (envelope.mail_from, envelope.rcpt_tos) == ("no-reply@live.test", ["ada@example.org"])
    assert message["From"] == "Social Flow <no-reply@live.test>"
    assert message["To"] == "ada <ada@example.org>"
    assert message["Subject"] == "Confirm your e-mail address for Social Flow"
    assert message["Message-ID"] == f"<{mail_id}@live.test>"
    assert message["Auto-Submitted"] == "auto-generated"
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert "https://live.test" + LINK in body.get_content()


async def test_a_sent_mail_keeps_the_servers_answer_and_no_link(mail: MailFixture) -> None:
    await mail.put()
    await mail.deliver()
    row = await mail.row()
    assert (row["state"], row["reason"], row["attempts"], row["data"]) == ("sent", "250 2.0.0 taken", 1, {})


async def test_nothing_is_sent_for_a_transaction_that_is_rolled_back(mail: MailFixture) -> None:
    with contextlib.suppress(ZeroDivisionError):
        async with mail.database.transaction() as tx:
            to = Recipient(person_id=ADA, address="ada@example.org", name="ada")
            assert await mail.outbox.put(tx, to=to, template="verify_email", data=VERIFY)
            raise ZeroDivisionError
    assert await mail.deliver() == 0
    assert not await mail.database.fetch("select from mails")


async def test_a_key_sends_one_mail_of_a_template_for_good(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    reset = {"template": "reset_password", "key": "1"}
    assert await mail.put(key="1")
    assert await mail.put(**reset)
    await mail.deliver()
    await mail.database.execute("delete from mails")
    assert await mail.put(key="1") is None
    assert await mail.put(**reset) is None
    await mail.deliver()
    assert len(smtp.envelopes) == 2


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"link": LINK},
        {**VERIFY, "more": "x"},
        {**VERIFY, "name": "x"},
        {**VERIFY, "link": "https://evil.example/"},
        {**VERIFY, "link": "//evil.example/"},
        {**VERIFY, "link": "/\\evil.example/"},
        {**VERIFY, "link": "/a\r\nBcc: eve@example.org"},
        {**VERIFY, "link": "/" + "a" * 1001},
    ],
)
async def test_data_that_the_template_does_not_name_is_an_error(mail: MailFixture, data: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="a mail verify_email"):
        await mail.put(data=data)


async def test_times_are_shown_in_utc_and_values_on_one_line(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    at = dt.datetime(2026, 11, 29, 18, 5, tzinfo=dt.timezone(dt.timedelta(hours=3)))
    device = "Firefox\r\n.\r\nQUIT\r\n<script>alert(1)</script>"
    await mail.put(template="new_device", data={"link": "/", "ip": "::1", "at": at, "device": device})
    await mail.deliver()
    (message,) = smtp.messages()
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))  # type: ignore[union-attr]
    assert "Time: 2026-11-29 15:05 UTC" in text.splitlines()
    assert "Device: Firefox . QUIT <script>alert(1)</script>" in text.splitlines()
    assert "<script" not in html


async def test_a_server_that_wants_it_later_gets_it_later(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    smtp.answers = {"MAIL": ["451 4.3.0 slow down"], "RCPT": ["450 4.2.0 greylisted"], "DATA": ["452 4.3.1 full"]}
    await mail.put()
    for attempts, reason in enumerate(("451 4.3.0 slow down", "450 4.2.0 greylisted", "452 4.3.1 full"), 1):
        with pytest.raises(RetryLater, match=reason):
            await mail.deliver_again()
        row = await mail.row()
        assert (row["state"], row["attempts"], row["reason"]) == ("queued", attempts, reason)
    await mail.deliver_again()
    assert len(smtp.envelopes) == 1
    assert (await mail.row())["state"] == "sent"


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
async def test_a_refusal_bounces_and_is_not_tried_again(
    mail: MailFixture, smtp: SmtpServerFixture, command: str
) -> None:
    smtp.answers = {command: ["550 5.1.1 no such mailbox"]}
    await mail.put()
    await mail.deliver()
    row = await mail.row()
    assert (row["state"], row["reason"]) == ("bounced", "550 5.1.1 no such mailbox")
    assert await mail.deliver_again() == 0


async def test_no_server_at_the_address_is_tried_again(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    smtp.close()
    await mail.put()
    with pytest.raises(RetryLater, match="cannot be used"):
        await mail.deliver()
    assert (await mail.row())["state"] == "queued"


async def test_a_mail_is_given_up_after_its_attempts(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    smtp.answers = {"RCPT": ["450 later"] * 2}
    await mail.put()
    await mail.database.execute("update mails set attempts = $1", MOST_ATTEMPTS - 2)
    with pytest.raises(RetryLater):
        await mail.deliver()
    await mail.deliver_again()
    row = await mail.row()
    assert (row["state"], row["reason"]) == ("failed", "450 later")


async def test_a_mail_that_kills_its_worker_is_given_up_as_well(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    await mail.put()
    await mail.database.execute("update mails set attempts = $1", MOST_ATTEMPTS)
    await mail.deliver()
    row = await mail.row()
    assert (row["state"], row["reason"]) == ("failed", "its worker was killed at each attempt")
    assert smtp.envelopes == []


@pytest.mark.parametrize("unknown", ["template = 'of_tomorrow'", "data = data - 'until'"])
async def test_a_mail_of_a_later_version_waits_for_a_node_that_knows_it(mail: MailFixture, unknown: str) -> None:
    await mail.put()
    await mail.database.execute(f"update mails set {unknown}")
    with pytest.raises(RetryLater, match="this version cannot write a mail"):
        await mail.deliver()
    assert (await mail.row())["state"] == "queued"


def test_the_pauses_grow_to_an_hour_and_give_up_after_two_days() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, MOST_ATTEMPTS)]
    assert 3.75 <= pauses[0] <= 5
    assert max(pauses) <= 3_600
    assert 36 <= sum(pauses) / 3_600 <= 50


async def test_without_a_server_a_mail_is_kept_with_its_link(mail_without_server: MailFixture) -> None:
    await mail_without_server.put()
    await mail_without_server.deliver()
    row = await mail_without_server.row()
    assert (row["state"], row["data"]) == ("kept", VERIFY)


async def test_a_node_that_was_killed_after_the_mark_sends_it_once(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    await mail.put()
    await mail.deliver()
    assert await mail.deliver_again() == 0
    await mail.database.execute("update jobs set state = 'running'")  # as if the end of the job had not been written
    assert await mail.deliver_again() == 1
    assert len(smtp.envelopes) == 1


async def test_a_node_that_was_killed_before_the_mark_sends_the_same_bytes_again(
    mail: MailFixture, smtp: SmtpServerFixture
) -> None:
    await mail.put(language="ar")
    await mail.deliver()
    await mail.database.execute("update mails set state = 'queued', data = $1", VERIFY)
    await mail.database.execute("update jobs set state = 'running'")
    await mail.deliver_again()
    first, second = (envelope.original_content for envelope in smtp.envelopes)
    assert first == second


async def test_postgres_away_after_the_servers_answer_delays_the_mark(
    mail: MailFixture, smtp: SmtpServerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute, failures = mail.database.execute, [Unavailable("postgres", "restarts")] * 2

    async def flaky(sql: str, *args: Any, **more: Any) -> int:
        if smtp.envelopes and failures:
            raise failures.pop()
        return await execute(sql, *args, **more)

    await mail.put()
    monkeypatch.setattr(mail.database, "execute", flaky)
    await mail.deliver()
    assert (await mail.row())["state"] == "sent"
    assert len(smtp.envelopes) == 1
    assert not failures


async def test_an_erased_persons_mails_are_not_sent(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    await mail.put()
    await mail.put("bob@example.org", to=Recipient(person_id=BOB, address="bob@example.org", name="bob"))
    async with mail.database.transaction() as tx:
        await erase(tx, ADA)
    await mail.deliver()
    assert [envelope.rcpt_tos for envelope in smtp.envelopes] == [["bob@example.org"]]
    assert not await mail.database.fetch("select from mails where person_id = $1", ADA)


async def test_what_ended_long_ago_is_pruned_and_what_waits_is_not(mail: MailFixture) -> None:
    for state, age in (("sent", 31), ("kept", 31), ("bounced", 29), ("queued", 400)):
        mail_id = await mail.put()
        await mail.database.execute(
            "update mails set state = $2, ended_at = case when $2 <> 'queued' then now() - $3 * interval '1 day' end"
            " where id = $1",
            mail_id,
            state,
            age,
        )
    await mail.outbox.prune()
    left = await mail.database.fetch("select state from mails order by state")
    assert [row["state"] for row in left] == ["bounced", "queued"]


async def test_a_bounced_mail_is_delivered_when_an_operator_says_so(mail: MailFixture, smtp: SmtpServerFixture) -> None:
    smtp.answers = {"RCPT": ["550 unknown"]}
    mail_id = await mail.put()
    assert mail_id is not None
    await mail.deliver()
    for expected in (True, False):
        async with mail.database.transaction() as tx:
            assert await mail.outbox.retry(tx, mail_id) is expected
    await mail.deliver()
    assert (await mail.row())["state"] == "sent"
    async with mail.database.transaction() as tx:
        assert not await mail.outbox.retry(tx, mail_id)
    assert len(smtp.envelopes) == 1

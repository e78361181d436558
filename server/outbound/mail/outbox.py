"""The outbox: a mail is a row that is written in the transaction of its cause, and a job that delivers it.

Once the transaction commits the mail is delivered at least once, whatever dies. The row is marked as sent by one
statement as soon as the server has answered that it has the mail, and what is marked is not sent again. So a mail
comes twice only when the node, or Postgres, is killed between the server's answer and that commit, or when the
server's answer is lost on its way; its Message-ID and its bytes are the same then.
"""

from __future__ import annotations

import datetime as dt
import logging
import random
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from actors.runtime import Clock
from actors.text import clean_line
from server.jobs import Attempt, Job, Jobs, RetryLater
from server.outbound.envelopes import BadAddress
from server.outbound.mail import queries
from server.outbound.mail.message import Composed, compose, shown_name
from server.outbound.mail.pause import LONGEST_S, ServerPause
from server.outbound.mail.smtp import ACCEPT_S, PREPARE_S, Deferred, Refused, ServerAway, SmtpClient, SmtpSession
from server.outbound.mail.templates import LINES, PATHS, TemplateName, Templates
from storage.errors import Unavailable
from storage.ids import Ids
from storage.jobs.rows import storable
from storage.postgres import Database, Row, Transaction

MOST_ATTEMPTS: Final = 60
FIRST_PAUSE_S: Final = 5.0
LONGEST_PAUSE_S: Final = 3_600.0
"""With them a mail is given up after two days of trying."""
AT_ONCE_ON_NODE: Final = 8
"""Of the slots of a node: a server that is slow must not keep all other jobs waiting."""
KILLED: Final = "its worker was killed at each attempt"
MARK_AGAIN_S: Final = 0.2
MAX_ADDRESS_CHARS: Final = 320
MAX_VALUE_CHARS: Final = 500
MAX_LINES: Final = 20
PRUNE_BATCH: Final = 5_000

log = logging.getLogger("server.mail")


class Recipient(msgspec.Struct, frozen=True, kw_only=True):
    """``name``: what the mail greets and addresses. Take the username: a display name may hold advertising, and its
    author may have registered with the address of another person. ``person_id``: the account that the mail is about.
    """

    address: str
    name: str
    person_id: str | None = None


class DeliverMail(msgspec.Struct, frozen=True):
    mail_id: str


class Outbox:
    """``client``: None where no SMTP server is set; mails are kept then, for an operator to read.

    ``sender``: the address that mails come from, with the server's name.
    """

    def __init__(
        self,
        *,
        db: Database,
        jobs: Jobs,
        ids: Ids,
        clock: Clock,
        templates: Templates,
        client: SmtpClient | None,
        sender: str,
        sender_name: str,
        kept_days: int,
        pause_s: Callable[[int], float] | None = None,
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._ids = ids
        self._clock = clock
        self._templates = templates
        self._client = client
        self._sender = sender
        self._sender_name = sender_name
        self._kept_days = kept_days
        self._server_pause = ServerPause(clock=clock)
        self._pause_s = pause_s or pause_after
        self.job = Job(
            name="mail.deliver",
            body=DeliverMail,
            run=self._deliver,
            timeout_s=LONGEST_S + 2 * PREPARE_S + ACCEPT_S + 60,
            tries=2 * MOST_ATTEMPTS,
            at_once_on_node=AT_ONCE_ON_NODE,
        )

    async def put(
        self,
        tx: Transaction,
        *,
        to: Recipient,
        template: TemplateName,
        data: Mapping[str, str | dt.datetime],
        language: str = "en",
        key: str | None = None,
    ) -> str | None:
        """Send a mail when the caller's transaction commits. The mail's id.

        ``data``: exactly the values that the template names, else ``ValueError``. ``link`` and ``unsubscribe`` are
        paths on this server, as ``/reset#token=…``; times are shown in UTC. ``key``: of all mails of the template with
        this key only the first is sent, for good, and None is answered for the others. ``language``: English is taken
        for one that has no templates.
        """
        values = {name: _shown(name, value) for name, value in data.items()}
        self._templates.check(template, values)
        mail_id = self._ids.uuid7(self._clock.time())
        once = None if key is None else f"{template}:{key}"
        if await self._jobs.enqueue(tx, self.job, DeliverMail(mail_id), key=once) is None:
            return None
        await tx.execute(
            queries.ADD,
            mail_id,
            to.person_id,
            storable(to.address, MAX_ADDRESS_CHARS),
            shown_name(to.name),
            template,
            self._templates.catalogue(language).language,
            self._templates.subject(template, language, values),
            values,
        )
        return mail_id

    async def retry(self, tx: Transaction, mail_id: str) -> bool:
        """Deliver a mail that was kept, bounced or given up; False when it is in another state, or not there."""
        if await tx.fetchval(queries.REQUEUE, mail_id) is None:
            return False
        await self._jobs.enqueue(tx, self.job, DeliverMail(mail_id))
        return True

    async def prune(self) -> None:
        """Delete what ended so many days ago."""
        while await self._db.execute(queries.PRUNE, self._kept_days, PRUNE_BATCH) == PRUNE_BATCH:
            pass

    # the job

    async def _deliver(self, attempt: Attempt[DeliverMail]) -> None:
        await self._server_pause.over()
        async with attempt.step() as tx:
            row = await tx.fetchrow(queries.BEGIN, attempt.body.mail_id)
        if row is None:
            return  # sent by an attempt that was killed afterwards, or erased with the person
        if row["attempts"] > MOST_ATTEMPTS:
            await self._end(row, "failed", row["reason"] or KILLED)
        elif self._client is None:
            await self._end(row, "kept", "no SMTP server is set")
        else:
            await self._try(self._client, row)

    async def _try(self, client: SmtpClient, row: Row) -> None:
        try:
            await self._send(client, row)
        except (Refused, BadAddress) as error:
            log.warning("mail %s to a mailbox of %s bounced: %s", row["id"], _domain(row["address"]), error)
            await self._end(row, "bounced", str(error))
        except Deferred as error:
            await self._defer(row, str(error))

    async def _send(self, client: SmtpClient, row: Row) -> None:
        composed = self._compose(row)
        try:
            async with client.connected() as session:
                self._server_pause.worked()
                await self._hand_over(session, row, composed)
        except ServerAway:
            self._server_pause.failed()
            raise

    async def _hand_over(self, session: SmtpSession, row: Row, composed: Composed) -> None:
        """Nothing stands between the server's answer and the statement that marks the mail as sent."""
        answer = await session.hand_over(composed, sender=self._sender)
        while True:
            try:
                await self._db.execute(queries.SENT, row["id"], answer)
                return
            except Unavailable as error:
                # Unmarked it would be sent again: worth a wait as long as the job may run.
                log.warning("mail %s was sent and is not marked yet: %s", row["id"], error)
                await self._clock.sleep(MARK_AGAIN_S)

    def _compose(self, row: Row) -> Composed:
        """Raises ``BadAddress``; ``Deferred`` for what a later version has put, in a rolling upgrade."""
        try:
            rendered = self._templates.render(row["template"], row["language"], row["name"], row["data"])
        except KeyError as error:
            raise Deferred(f"this version cannot write a mail {row['template']}: it does not know {error}") from error
        return compose(
            rendered,
            mail_id=row["id"],
            sender=self._sender,
            sender_name=self._sender_name,
            address=row["address"],
            name=row["name"],
            language=row["language"],
            written_at=row["created_at"],
        )

    async def _defer(self, row: Row, reason: str) -> None:
        if row["attempts"] >= MOST_ATTEMPTS:
            log.warning("mail %s is given up: %s", row["id"], reason)
            await self._end(row, "failed", reason)
            return
        await self._db.execute(queries.DEFERRED, row["id"], reason)
        raise RetryLater(reason, after_s=self._pause_s(row["attempts"]))

    async def _end(self, row: Row, state: str, reason: str) -> None:
        await self._db.execute(queries.ENDED, row["id"], reason, state)


async def erase(tx: Transaction, person_id: str) -> None:
    """Delete every mail to the person, and the tokens of its links."""
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)


def pause_after(attempts: int) -> float:
    """5 s, 10 s, 20 s … an hour, of which a quarter is left to chance."""
    longest: float = min(FIRST_PAUSE_S * 2.0 ** min(attempts - 1, 30), LONGEST_PAUSE_S)
    return longest * (0.75 + random.random() / 4)  # noqa: S311 - it only spreads the pauses


def _shown(name: str, value: str | dt.datetime) -> str:
    """The value on one line, a list on one for each; a link as it is."""
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    if name in PATHS:
        return value
    lines = value.split("\n")[:MAX_LINES] if name == LINES else [value]
    return "\n".join(clean_line(line)[:MAX_VALUE_CHARS] for line in lines)


def _domain(address: str) -> str:
    return clean_line(address.rpartition("@")[2])

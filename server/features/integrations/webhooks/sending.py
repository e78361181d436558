"""Deliveries are sent: each try with a deadline, the next one after a growing pause, for a day.

A job claims one delivery, posts it, and records what came of it in the transaction in which the job ends. Of a webhook
``AT_ONCE`` are under way; one that does not answer is left alone for a while as a whole and is then asked with a single
delivery, so that it takes up no more slots of the workers than that.
"""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable
from typing import Final, Literal, Protocol

import msgspec

from server.features.integrations.webhooks import queries
from server.features.integrations.webhooks.outbox import AT_ONCE, Outbox, Send
from server.features.integrations.webhooks.rules import DAY_S, LOST_S, pause_s, signature, silence_s
from server.http.encryption import Encryption
from server.http.errors import Problem
from server.jobs import Attempt
from server.outbound.http import BadAnswer, PublicHttp, Reply
from server.outbound.public_addresses import NotPublic, Unresolved
from server.outbound.urls import host_of
from storage.postgres import Database, Row, Transaction

TRY_S: Final = 10.0
CLAIM_S: Final = 60.0
MAX_ANSWER: Final = 64 * 1024
KEPT_ANSWER: Final = 1_024
STALLED_S: Final = 300.0
PRUNE_BATCH: Final = 2_000
USER_AGENT: Final = "SocialFlow-Webhooks/1"

log = logging.getLogger("server.webhooks")

Error = Literal[
    "", "status", "redirect", "timeout", "unreachable", "not_found", "not_public", "tls", "protocol", "secret_lost"
]
SILENT: Final[frozenset[Error]] = frozenset({"timeout", "unreachable", "not_found", "not_public", "tls", "protocol"})
"""No answer was had."""


class Claimed(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    webhook_id: str
    owner_id: str
    url: str
    sealed_secret: bytes
    event_id: str
    event: str
    body: str
    tries: int
    silences: int


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """``error`` is empty when the receiver has taken the delivery, which any status from 200 to 299 says."""

    error: Error
    status: int | None = None
    answer: str = ""
    duration_ms: int = 0


class Disabled(Protocol):
    async def __call__(self, tx: Transaction, claimed: Claimed, host: str) -> None:
        """Notify the owner that their webhook to this host is switched off."""


class Sending:
    """``run`` is the handler of ``Send``."""

    def __init__(
        self,
        *,
        db: Database,
        http: PublicHttp,
        encryption: Encryption,
        outbox: Callable[[], Outbox],
        disabled: Disabled,
        wall: Callable[[], float],
        try_s: float = TRY_S,
    ) -> None:
        self._db = db
        self._http = http
        self._encryption = encryption
        self._outbox = outbox
        self._disabled = disabled
        self._wall = wall
        self._try_s = try_s

    async def run(self, attempt: Attempt[Send]) -> None:
        async with attempt.step() as tx:
            claimed = await _claim(tx, attempt.body.webhook_id, attempt.job_id)
        if claimed is None:
            return
        outcome = await self._post(claimed)
        async with attempt.finish() as tx:
            await self._record(tx, claimed, outcome)

    async def sweep(self) -> None:
        """Go on with webhooks whose jobs have died."""
        async with self._db.transaction() as tx:
            for row in await tx.fetch(queries.STALLED, STALLED_S):
                await self._outbox().send(tx, row["id"])

    async def prune(self, *, days: int, kept: int) -> None:
        for sql, bound in ((queries.PRUNE_OLD, days), (queries.PRUNE_MANY, kept)):
            while await self._db.execute(sql, bound, PRUNE_BATCH) == PRUNE_BATCH:
                pass

    async def _post(self, claimed: Claimed) -> Outcome:
        began = time.monotonic()
        try:
            reply = await self._request(claimed)
        except Problem:
            return Outcome(error="secret_lost")
        except (OSError, TimeoutError) as error:
            return Outcome(error=_error_of(error), answer=_said(error), duration_ms=_ms_since(began))
        text = reply.beginning[:KEPT_ANSWER].decode("utf-8", "replace").replace("\0", "")
        return Outcome(error=_judged(reply), status=reply.status, answer=text, duration_ms=_ms_since(began))

    async def _request(self, claimed: Claimed) -> Reply:
        secret = await self._encryption.open(claimed.sealed_secret, context=context_of(claimed.webhook_id))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "Accept-Encoding": "identity",
            "Socialflow-Event": claimed.event,
            "Socialflow-Event-Id": claimed.event_id,
            "Socialflow-Delivery-Id": claimed.id,
            "Socialflow-Signature": signature(secret, claimed.body, int(self._wall())),
        }
        return await self._http.post(
            claimed.url, body=claimed.body.encode(), headers=headers, timeout_s=self._try_s, max_bytes=MAX_ANSWER
        )

    async def _record(self, tx: Transaction, claimed: Claimed, outcome: Outcome) -> None:
        """What came of the try, and the job that goes on. Nothing when the webhook was removed meanwhile."""
        hook = await tx.fetchrow(queries.LOCK, claimed.webhook_id)
        if hook is None:
            return
        recorded = await tx.fetchrow(
            queries.RECORD, claimed.id, claimed.webhook_id, outcome.status, outcome.error, outcome.answer,
            outcome.duration_ms, pause_s(claimed.tries + 1), DAY_S,
        )  # fmt: skip
        if hook["is_off"] or recorded is None:
            return
        if not outcome.error:
            await tx.execute(queries.SUCCEEDED, claimed.webhook_id)
        elif not await self._failed(tx, claimed, outcome, hook, recorded):
            return
        if await tx.fetchval(queries.IS_DUE, claimed.webhook_id):
            await self._outbox().send(tx, claimed.webhook_id)

    async def _failed(self, tx: Transaction, claimed: Claimed, outcome: Outcome, hook: Row, recorded: Row) -> bool:
        """Whether others may be sent now."""
        silence = silence_s(hook["silences"] + 1) if outcome.error in SILENT else None
        row = await tx.fetchrow(queries.FAILED, claimed.webhook_id, silence, LOST_S)
        assert row is not None
        if row["is_lost"]:
            await tx.execute(queries.DISABLE, claimed.webhook_id)
            await tx.execute(queries.GIVE_UP, claimed.webhook_id)
            await self._disabled(tx, claimed, host_of(claimed.url)[0][:253])
            log.info("webhook %s is switched off: nothing was taken for a day", claimed.webhook_id)
            return False
        for at in {recorded["next_try_at"], row["silent_until"]} - {None}:
            await self._outbox().send(tx, claimed.webhook_id, at=at)
        return row["silent_until"] is None


async def _claim(tx: Transaction, webhook_id: str, job_id: str) -> Claimed | None:
    hook = await tx.fetchrow(queries.LOCK, webhook_id)
    if hook is None or hook["is_off"] or hook["is_silent"]:
        return None
    at_once = 1 if hook["silences"] else AT_ONCE
    row = await tx.fetchrow(queries.CLAIM, webhook_id, job_id, at_once, CLAIM_S)
    if row is None:
        return None
    return Claimed(
        **dict(row),
        webhook_id=webhook_id,
        owner_id=hook["owner_id"],
        url=hook["url"],
        sealed_secret=bytes(hook["sealed_secret"]),
        silences=hook["silences"],
    )


def context_of(webhook_id: str) -> str:
    """What a webhook's secret is sealed for."""
    return f"webhook {webhook_id}"


def _judged(reply: Reply) -> Error:
    if 200 <= reply.status < 300:
        return ""
    return "redirect" if 300 <= reply.status < 400 else "status"


def _error_of(error: OSError | TimeoutError) -> Error:
    if isinstance(error, TimeoutError):
        return "timeout"
    if isinstance(error, NotPublic):
        return "not_public"
    if isinstance(error, BadAnswer):
        return "tls" if "certificate" in str(error) else "protocol"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "not_found" if isinstance(error, Unresolved) else "unreachable"


def _said(error: OSError | TimeoutError) -> str:
    """For the log of deliveries: nothing of what stands behind an address that is not public."""
    return str(error)[:KEPT_ANSWER] if isinstance(error, BadAnswer) else ""


def _ms_since(began: float) -> int:
    return int((time.monotonic() - began) * 1000)

"""The mails that accounts send, each in the transaction of its cause."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from server.features.people.accounts import queries
from server.features.people.accounts.devices import Device
from server.outbound.mail import LinkTokens, Outbox, Recipient
from server.outbound.mail.templates import TemplateName
from storage.postgres import Row, Transaction

VERIFY_S: Final = 3 * 24 * 3600.0
RESET_S: Final = 3600.0
Values = dict[str, str | dt.datetime]
SECURITY_PAGE: Final = "/settings/security"
WEBHOOKS_PAGE: Final = "/settings/webhooks"
MONEY_PAGE: Final = "/settings/money"
UNPAID: Final[Mapping[int, TemplateName]] = {
    1: "subscription_unpaid", 2: "subscription_unpaid_still", 3: "subscription_unpaid_last"
}  # fmt: skip
UNDO_S: Final = 7 * 24 * 3600.0

Notice = Literal[
    "factor_added",
    "factor_removed",
    "codes_renewed",
    "passkey_added",
    "passkey_removed",
    "provider_linked",
    "provider_unlinked",
    "token_added",
]
OperatorNotice = Literal["operator_reset_password", "operator_removed_factor", "operator_made_token"]


@dataclass(frozen=True, kw_only=True)
class Addressee:
    """Whom a mail is for. ``language``: the one that they were last seen with."""

    id: str
    username: str
    email: str
    language: str

    @classmethod
    def of(cls, row: Row, *, language: str | None = None) -> Addressee:
        """Of a row of ``ADDRESSEE``. ``language``: the one that they read at this moment."""
        said = language or row["language"]
        return cls(id=row["id"], username=row["username"], email=row["email"], language=said)

    @property
    def recipient(self) -> Recipient:
        return Recipient(address=self.email, name=self.username, person_id=self.id)


class AccountMails:
    """``tx``: the mail goes out when it commits."""

    def __init__(self, *, outbox: Outbox, tokens: LinkTokens, now: Callable[[], dt.datetime]) -> None:
        self._outbox = outbox
        self._tokens = tokens
        self._now = now

    async def verify(self, tx: Transaction, to: Addressee) -> None:
        """A link that proves that the person reads the mail of their address."""
        token = await self._tokens.issue(
            tx, person_id=to.id, purpose="verify_email", valid_s=VERIFY_S, detail={"email": to.email}
        )
        await self._verify(tx, to, to.recipient, token)

    async def verify_new(self, tx: Transaction, to: Addressee, email: str) -> None:
        """The same of the address that they would like to change to."""
        token = await self._tokens.issue(
            tx, person_id=to.id, purpose="change_email", valid_s=VERIFY_S, detail={"email": email}
        )
        await self._verify(tx, to, Recipient(address=email, name=to.username, person_id=to.id), token)

    async def reset(self, tx: Transaction, to: Addressee) -> None:
        token = await self._tokens.issue(
            tx, person_id=to.id, purpose="reset_password", valid_s=RESET_S, detail={"email": to.email}
        )
        data: Values = {"link": f"/reset#token={token}", "until": self._in(RESET_S)}
        await self._outbox.put(tx, to=to.recipient, template="reset_password", language=to.language, data=data)

    async def password_changed(self, tx: Transaction, to: Addressee, device: Device) -> None:
        data: Values = {"at": self._now(), **_from(device), "link": "/forgot"}
        await self._outbox.put(tx, to=to.recipient, template="password_changed", language=to.language, data=data)

    async def email_changed(self, tx: Transaction, to: Addressee, email: str) -> None:
        """To the address until now, with a link that takes it back; ``email`` is the new one.

        While such a link is good no other is given out: else a thief could void it by a second change.
        """
        link = SECURITY_PAGE
        if not await self._tokens.holds(tx, to.id, "undo_email"):
            detail = {"email": to.email}
            token = await self._tokens.issue(tx, person_id=to.id, purpose="undo_email", valid_s=UNDO_S, detail=detail)
            link = f"/undo-email#token={token}"
        data: Values = {"at": self._now(), "email": email, "until": self._in(UNDO_S), "link": link}
        await self._outbox.put(tx, to=to.recipient, template="email_changed", language=to.language, data=data)

    async def new_device(self, tx: Transaction, to: Addressee, device: Device) -> None:
        data: Values = {"at": self._now(), **_from(device), "link": SECURITY_PAGE}
        await self._outbox.put(tx, to=to.recipient, template="new_device", language=to.language, data=data)

    async def notice(
        self, tx: Transaction, to: Addressee, notice: Notice, device: Device, *, name: str | None = None
    ) -> None:
        """Of a change of how the person signs in. ``name``: of what was added or removed, where the mail says it."""
        data: Values = {"at": self._now(), **_from(device), "link": SECURITY_PAGE}
        if name is not None:
            data["which"] = name
        await self._outbox.put(tx, to=to.recipient, template=notice, language=to.language, data=data)

    async def by_operator(
        self,
        tx: Transaction,
        person_id: str,
        notice: OperatorNotice,
        *,
        name: str | None = None,
        link: str = SECURITY_PAGE,
    ) -> None:
        """Of what an operator did to an account at the command line. ``name``: of what was made, where the mail says
        it.
        """
        to = await self.addressee(tx, person_id)
        if to is None:
            return
        data: Values = {"at": self._now(), "link": link}
        if name is not None:
            data["which"] = name
        await self._outbox.put(tx, to=to.recipient, template=notice, language=to.language, data=data)

    async def addressee(self, tx: Transaction, person_id: str, *, language: str | None = None) -> Addressee | None:
        """None for an account that has no address any more."""
        row = await tx.fetchrow(queries.ADDRESSEE, person_id)
        return None if row is None else Addressee.of(row, language=language)

    async def export_ready(self, tx: Transaction, to: Addressee, until: dt.datetime) -> None:
        """``until``: when the archive is deleted; the link ends with it."""
        valid_s = (until - self._now()).total_seconds()
        token = await self._tokens.issue(tx, person_id=to.id, purpose="export", valid_s=valid_s)
        data: Values = {"until": until, "link": f"/export#token={token}"}
        await self._outbox.put(tx, to=to.recipient, template="export_ready", language=to.language, data=data)

    async def deletion_scheduled(self, tx: Transaction, to: Addressee, until: dt.datetime) -> None:
        data: Values = {"until": until, "link": "/login"}
        await self._outbox.put(tx, to=to.recipient, template="deletion_scheduled", language=to.language, data=data)

    async def webhook_disabled(self, tx: Transaction, person_id: str, host: str) -> None:
        """A webhook of theirs to this host was switched off, since it took nothing for a day."""
        to = await self.addressee(tx, person_id)
        if to is not None:
            data: Values = {"host": host, "at": self._now(), "link": WEBHOOKS_PAGE}
            await self._outbox.put(tx, to=to.recipient, template="webhook_disabled", language=to.language, data=data)

    async def subscription_unpaid(
        self, tx: Transaction, person_id: str, stage: Literal[1, 2, 3], *, creator: str, tier: str, until: dt.datetime
    ) -> None:
        """The next month of a subscription of theirs was not paid; it ends at ``until``. Stage 3 is the last."""
        to = await self.addressee(tx, person_id)
        if to is not None:
            data: Values = {"creator": creator, "tier": tier, "until": until, "link": MONEY_PAGE}
            await self._outbox.put(tx, to=to.recipient, template=UNPAID[stage], language=to.language, data=data)

    async def suspended(self, tx: Transaction, to: Addressee, until: dt.datetime, reason: str) -> None:
        data: Values = {"until": until, "reason": reason or "—"}
        await self._outbox.put(tx, to=to.recipient, template="suspended", language=to.language, data=data)

    async def _verify(self, tx: Transaction, to: Addressee, recipient: Recipient, token: str) -> None:
        data: Values = {"link": f"/verify#token={token}", "until": self._in(VERIFY_S)}
        await self._outbox.put(tx, to=recipient, template="verify_email", language=to.language, data=data)

    def _in(self, seconds: float) -> dt.datetime:
        return self._now() + dt.timedelta(seconds=seconds)


def _from(device: Device) -> Values:
    return {"ip": device.address, "device": device.name or device.agent or "—"}

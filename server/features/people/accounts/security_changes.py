"""Changes of how a person signs in: each is a row of the audit log, and a mail, so that none passes unseen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from server.features.people.accounts.devices import Device
from server.features.people.accounts.mails import AccountMails, Notice
from server.features.people.accounts.sessions import Sessions
from storage.postgres import Transaction

Action = Literal[
    "factor.added",
    "factor.removed",
    "factor.codes_renewed",
    "passkey.added",
    "passkey.removed",
    "provider.linked",
    "provider.unlinked",
    "token.added",
]

_NOTICES: Mapping[Action, Notice] = {
    "factor.added": "factor_added",
    "factor.removed": "factor_removed",
    "factor.codes_renewed": "codes_renewed",
    "passkey.added": "passkey_added",
    "passkey.removed": "passkey_removed",
    "provider.linked": "provider_linked",
    "provider.unlinked": "provider_unlinked",
    "token.added": "token_added",
}


class SecurityChanges:
    def __init__(self, *, sessions: Sessions, mails: AccountMails) -> None:
        self._sessions = sessions
        self._mails = mails

    async def note(
        self,
        tx: Transaction,
        action: Action,
        *,
        person_id: str,
        device: Device,
        subject: str | None = None,
        name: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """In the transaction of the change. ``subject``: the id of what changed, the person's own without. ``name``:
        what the mail calls it, where there may be several of its kind.
        """
        await self._sessions.note(tx, person_id, action, subject or person_id, device, detail=detail)
        to = await self._mails.addressee(tx, person_id, language=device.language)
        if to is not None:
            await self._mails.notice(tx, to, _NOTICES[action], device, name=name)

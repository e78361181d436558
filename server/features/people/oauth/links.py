"""Which account a provider's person signs in to, by links that are made once.

A link is made when the person is signed in; with a new account; or by a mail to an account with the same address,
when both the provider and this server have verified it. Nothing else makes one, so an address alone gives nobody away.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal

from server.features.people.accounts import Device, EmailOwner, NewAccounts, SecurityChanges, SignInLinks
from server.features.people.oauth import queries
from server.features.people.oauth.providers import Claims, Provider, ProviderError
from server.http.errors import Problem, not_found
from server.http.identity import Caller
from server.outbound.mail import Mail, Recipient
from storage.audit import AuditLog
from storage.errors import Conflict
from storage.ids import Ids
from storage.postgres import Database, Row, Transaction

CONFIRM_S: Final = 3_600.0


class Links:
    def __init__(
        self,
        *,
        database: Database,
        accounts: NewAccounts,
        mail: Mail,
        audit: AuditLog,
        changes: SecurityChanges,
        mail_links: SignInLinks,
        ids: Ids,
        names: Callable[[str], str],
        wall: Callable[[], float] = time.time,
    ) -> None:
        """``names``: of providers by id."""
        self._db = database
        self._accounts = accounts
        self._mail = mail
        self._audit = audit
        self._changes = changes
        self._mail_links = mail_links
        self._ids = ids
        self._names = names
        self._wall = wall

    async def person_of(self, provider: Provider, claims: Claims, device: Device) -> str:
        """The account that the claims sign in to, made if it is new. Raises ``ProviderError`` when there is none:
        ``email-missing``, ``email-taken`` and ``confirm-by-mail``, when a mail with a link has been sent.
        """
        linked = await self._db.fetchval(queries.OWNER, provider.id, claims.subject)
        if linked is not None:
            await self._db.execute(queries.USED, provider.id, claims.subject)
            return str(linked)
        if claims.email is None:
            raise ProviderError("email-missing", "it gives no e-mail address")
        owner = await self._accounts.owner_of_email(claims.email)
        if owner is None:
            return await self._new_account(provider, claims, device)
        if not (claims.is_email_verified and owner.is_email_verified):
            raise ProviderError("email-taken", "an account has the address, and it is not verified on both sides")
        await self._ask_by_mail(provider, claims, owner, device)
        raise ProviderError("confirm-by-mail", "an account has the address: its owner was sent a mail")

    async def link(self, provider_id: str, claims: Claims, person_id: str, device: Device) -> None:
        """Raises ``ProviderError``: ``linked-elsewhere``, or ``linked-already`` with another subject."""
        async with self._db.transaction() as tx:
            await self._link(tx, provider_id, claims.subject, claims.email, person_id)
            await self._note(tx, "provider.linked", provider_id, person_id, device)

    async def confirm(self, token: str, device: Device) -> None:
        """Make the link that a mail asked about. Raises ``LinkInvalid``, a 409."""
        async with self._mail_links.redeeming(token, ("link_provider",), device) as (tx, _, grant):
            detail, person_id = grant.detail, grant.person_id
            try:
                await self._link(tx, detail["provider"], detail["subject"], detail["email"], person_id)
            except ProviderError as error:
                raise Problem(409, str(error), slug=error.code) from error
            await self._note(tx, "provider.linked", detail["provider"], person_id, device)

    async def list(self, person: Caller) -> Sequence[Row]:
        return await self._db.fetch(queries.LINKS, person.id)

    async def remove(self, person: Caller, provider_id: str, device: Device) -> None:
        """Raises a 404 without such a link, a 409 when it is the only way to sign in."""
        async with self._db.transaction() as tx:
            removed = await tx.fetchval(queries.UNLINK, person.id, provider_id)
            if removed is None:
                raise not_found("There is no such link")
            is_last = not await tx.fetchval(queries.COUNT_LINKS, person.id)
            if is_last and not await self._accounts.has_password(person.id):
                raise Problem(409, "Choose a password first: there is no other way to sign in", slug="last-sign-in")
            await self._note(tx, "provider.unlinked", provider_id, person.id, device)

    async def prune(self) -> None:
        for sql in queries.PRUNE:
            await self._db.execute(sql)

    async def _new_account(self, provider: Provider, claims: Claims, device: Device) -> str:
        assert claims.email is not None
        async with self._db.transaction() as tx:
            person_id = await self._accounts.add_by_provider(
                tx,
                username_hint=claims.username,
                email=claims.email,
                is_email_verified=claims.is_email_verified,
            )
            detail = {"provider": provider.id, "user_agent": device.agent}
            await self._audit.add(
                tx, "account.registered", actor_id=person_id, subject=person_id, ip=device.address, detail=detail
            )
            await self._link(tx, provider.id, claims.subject, claims.email, person_id)
        return person_id

    async def _link(self, tx: Transaction, provider_id: str, subject: str, email: str | None, person_id: str) -> None:
        try:
            await tx.execute(queries.LINK, self._ids.uuid7(self._wall()), person_id, provider_id, subject, email)
        except Conflict as error:
            is_elsewhere = "subject" in error.constraint
            code = "linked-elsewhere" if is_elsewhere else "linked-already"
            raise ProviderError(code, "another account is linked with it") from error

    async def _note(
        self,
        tx: Transaction,
        action: Literal["provider.linked", "provider.unlinked"],
        provider_id: str,
        person_id: str,
        device: Device,
    ) -> None:
        await self._changes.note(
            tx,
            action,
            person_id=person_id,
            device=device,
            name=self._names(provider_id),
            detail={"provider": provider_id},
        )

    async def _ask_by_mail(self, provider: Provider, claims: Claims, owner: EmailOwner, device: Device) -> None:
        until = dt.datetime.fromtimestamp(self._wall() + CONFIRM_S, dt.UTC)
        detail = {"provider": provider.id, "subject": claims.subject, "email": claims.email}
        async with self._db.transaction() as tx:
            token = await self._mail.tokens.issue(
                tx, person_id=owner.id, purpose="link_provider", valid_s=CONFIRM_S, detail=detail
            )
            await self._mail.outbox.put(
                tx,
                to=Recipient(address=owner.email, name=owner.username, person_id=owner.id),
                template="confirm_provider",
                data={"provider": self._names(provider.id), "until": until, "link": f"/confirm-provider#token={token}"},
                language=device.language,
            )

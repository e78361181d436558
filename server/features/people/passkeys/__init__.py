"""Passkeys (WebAuthn): a sign-in of their own, and a proof before sensitive acts."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.accounts import AccountsRoom
from server.features.people.passkeys import queries
from server.features.people.passkeys.passkeys import MAX_PASSKEYS, Passkeys
from server.features.people.passkeys.routes import PasskeyRoutes
from server.http.own_address import OwnAddresses
from server.jobs import repeated
from server.outbound.settings import Site
from storage.postgres import Transaction

PRUNE_S: Final = 600.0


def build(platform: Platform, *, people: AccountsRoom, site: Site) -> Feature:
    passkeys = Passkeys(
        database=platform.db,
        audit=platform.audit,
        changes=people.changes,
        ids=platform.ids,
        server_name=site.name,
    )
    people.methods.offer_passkeys()
    routes = PasskeyRoutes(
        database=platform.db, passkeys=passkeys, parties=OwnAddresses(origin=site.origin), people=people
    )
    return Feature(
        name="passkeys",
        operations=routes.operations(),
        schedules=[repeated("passkeys.prune", passkeys.prune, every_s=PRUNE_S)],
        limits={"passkeys_per_account": MAX_PASSKEYS},
        personal_data=PersonalData(
            tables=frozenset({"passkeys", "passkey_challenges"}),
            sections=(
                rows_by_id("passkeys", "id, name, transports, created_at, last_used_at", "passkeys where user_id = $1"),
            ),
            erase=_erase,
        ),
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)

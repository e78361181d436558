"""Signing in by other providers: OpenID Connect, and OAuth 2 where there is no more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people import accounts
from server.features.people.accounts import AccountsRoom
from server.features.people.oauth import queries
from server.features.people.oauth.client import HttpSession, ProviderClient
from server.features.people.oauth.links import Links
from server.features.people.oauth.providers import Provider, providers_of
from server.features.people.oauth.routes import OAuthRoutes
from server.http.own_address import OwnAddresses
from server.jobs import repeated
from server.outbound.mail import Mail
from server.outbound.settings import Site
from storage.postgres import Transaction

__all__ = ["build", "providers_of"]

PRUNE_S: Final = 600.0


def build(
    platform: Platform, *, people: AccountsRoom, mail: Mail, site: Site, providers: Sequence[Provider]
) -> Feature:
    http = HttpSession()
    clients = {one.id: ProviderClient(one, http=http) for one in providers}
    for one in providers:
        people.methods.add_provider(accounts.Provider(provider=one.id, name=one.name))
    links = Links(
        database=platform.db,
        accounts=people.new_accounts,
        mail=mail,
        audit=platform.audit,
        changes=people.changes,
        mail_links=people.links,
        ids=platform.ids,
        names=lambda provider: clients[provider].provider.name if provider in clients else provider,
    )
    routes = OAuthRoutes(
        database=platform.db,
        clients=clients,
        links=links,
        people=people,
        addresses=OwnAddresses(origin=site.origin),
    )
    return Feature(
        name="oauth",
        operations=routes.operations(),
        schedules=[repeated("oauth.prune", links.prune, every_s=PRUNE_S)],
        personal_data=PersonalData(
            tables=frozenset({"oauth_links", "oauth_codes", "oauth_flows"}),
            sections=(
                rows_by_id(
                    "links", "id, provider, subject, email, created_at, last_used_at", "oauth_links where user_id = $1"
                ),
            ),
            erase=_erase,
        ),
        close=http.close,
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)

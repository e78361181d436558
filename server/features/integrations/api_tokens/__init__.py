"""API tokens, with which programs act for a person within scopes."""

from __future__ import annotations

from typing import Final

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.integrations.api_tokens import queries
from server.features.integrations.api_tokens.routes import ApiTokenRoutes
from server.features.integrations.api_tokens.tokens import MAX_TOKENS, ApiTokens, OperatorTokens, TokenTable, Wanted
from server.features.people.accounts import AccountsRoom
from server.http.identity import Identity
from server.jobs import repeated
from storage.postgres import Transaction

__all__ = ["ApiTokens", "OperatorTokens", "TokenTable", "Wanted", "build"]

PURGE_S: Final = 3_600.0


def build(platform: Platform, *, identity: Identity, people: AccountsRoom) -> Feature:
    tokens = ApiTokens(
        database=platform.db, audit=platform.audit, changes=people.changes, table=TokenTable(ids=platform.ids)
    )
    routes = ApiTokenRoutes(tokens=tokens, identity=identity, reauthentication=people.reauthentication)
    return Feature(
        name="api_tokens",
        operations=routes.operations(),
        schedules=[repeated("api_tokens.purge", tokens.purge, every_s=PURGE_S)],
        limits={"api_tokens_per_account": MAX_TOKENS},
        personal_data=PersonalData(
            tables=frozenset({"api_tokens"}),
            sections=(
                rows_by_id(
                    "api_tokens",
                    "id, name, scopes, created_at, expires_at, revoked_at, last_used_at",
                    "api_tokens where user_id = $1",
                ),
            ),
            erase=_erase,
        ),
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    await tx.execute(queries.ERASE, person_id)

"""Second factors: one-time passwords with recovery codes. Accounts ask them at a sign-in and before sensitive acts."""

from __future__ import annotations

from server.feature import Feature, PersonalData, Platform, rows_by_id
from server.features.people.accounts import AccountsRoom
from server.features.people.factors import queries
from server.features.people.factors.operators import OperatorFactors
from server.features.people.factors.routes import FactorRoutes
from server.features.people.factors.second_factors import SecondFactors
from server.http.encryption import Encryption
from storage.postgres import Transaction

__all__ = ["OperatorFactors", "build"]


def build(platform: Platform, *, encryption: Encryption, people: AccountsRoom, server_name: str) -> Feature:
    """``server_name``, as authenticator apps show it."""
    second_factors = SecondFactors(
        database=platform.db,
        encryption=encryption,
        guesses=people.factor_guesses,
        audit=platform.audit,
        changes=people.changes,
        issuer=server_name,
    )
    people.methods.add_second_factor(second_factors)
    routes = FactorRoutes(
        database=platform.db,
        second_factors=second_factors,
        accounts=people.accounts,
        reauthentication=people.reauthentication,
        guesses=people.factor_guesses,
    )
    return Feature(
        name="factors",
        operations=routes.operations(),
        personal_data=PersonalData(
            tables=frozenset({"totp_factors", "recovery_codes"}),
            sections=(
                rows_by_id(
                    "second_factors", "user_id, created_at, confirmed_at", "totp_factors where user_id = $1", "user_id"
                ),
            ),
            erase=_erase,
        ),
    )


async def _erase(tx: Transaction, person_id: str) -> None:
    for sql in queries.ERASE:
        await tx.execute(sql, person_id)

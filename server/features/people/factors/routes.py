"""``/api/v1/auth/totp``, ``/auth/recovery-codes`` and ``/auth/reauthenticate``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Field

from server.features.people.accounts import Accounts, FactorGuesses, Reauthentication, device_of
from server.features.people.factors.second_factors import SecondFactors
from server.http.errors import Problem
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Shape, Text
from storage.postgres import Database

TAG: Final = "accounts"
MAX_BODY: Final = 4 * 1024

Code = Annotated[Text, Field(min_length=1, max_length=64, examples=["123456"])]
Secret = Annotated[Text, Field(min_length=1, max_length=256)]


class TotpCode(Body):
    code: Code


class TotpRemoval(Body):
    """For an account without a password a proof of the last 10 minutes is enough."""

    password: Secret | None = None
    code: Annotated[Code, Field(description="A code of the factor, or a recovery code")] | None = None


class Reauthenticate(Body):
    """One of them: the code of the second factor where there is one, else the password."""

    password: Secret | None = None
    totp: Annotated[Code, Field(description="A code of the second factor, or a recovery code")] | None = None


class TotpEnrolment(Shape):
    secret: Annotated[str, Field(description="In base 32, to be typed")]
    otpauth_uri: Annotated[str, Field(description="What a QR code says")]


class RecoveryCodes(Shape):
    recovery_codes: Annotated[list[str], Field(description="Each works once in place of a code; shown this once")]


class TotpShape(Shape):
    created_at: datetime
    confirmed_at: datetime
    codes_left: Annotated[int, Field(description="Recovery codes that were not used")]


class Factors(Shape):
    totp: TotpShape | None


class FactorRoutes:
    def __init__(
        self,
        *,
        database: Database,
        second_factors: SecondFactors,
        accounts: Accounts,
        reauthentication: Reauthentication,
        guesses: FactorGuesses,
    ) -> None:
        self._db = database
        self._factors = second_factors
        self._accounts = accounts
        self._reauthentication = reauthentication
        self._guesses = guesses

    def operations(self) -> Sequence[Operation]:
        rate = CallRate("factors", per_s=0.5, burst=20)
        return [
            Operation(
                method="GET", path="/api/v1/auth/factors", handler=self._state, name="getFactors", tag=TAG,
                summary="My second factor", answers={200: Factors}, auth="required", rate=OWN_SETTINGS,
            ),
            Operation(
                method="POST", path="/api/v1/auth/totp/enroll", handler=self._enroll, name="enrollTotp", tag=TAG,
                summary="Get a secret for an authenticator app; it counts once a code of it is confirmed",
                description=RECENT, answers={200: TotpEnrolment}, problems=frozenset({409}), auth="required",
                rate=rate,
            ),
            Operation(
                method="POST", path="/api/v1/auth/totp/confirm", handler=self._confirm, name="confirmTotp", tag=TAG,
                summary="Confirm the second factor by a code of it; from now on every sign-in needs one",
                description=RECENT, body=TotpCode, max_body=MAX_BODY, answers={200: RecoveryCodes},
                problems=frozenset({403, 409, 429}), auth="required", rate=rate,
            ),
            Operation(
                method="DELETE", path="/api/v1/auth/totp", handler=self._remove, name="removeTotp", tag=TAG,
                summary="Remove the second factor and its recovery codes", body=TotpRemoval, body_required=False,
                description="Takes the password and a code. An account without a password needs a proof of the last 10 "
                "minutes instead, by a code or a passkey; else 401 with the type `…/reauthentication-required`.",
                max_body=MAX_BODY, answers={204: None}, problems=frozenset({403, 409, 429}), auth="required", rate=rate,
            ),
            Operation(
                method="POST", path="/api/v1/auth/recovery-codes", handler=self._renew, name="renewRecoveryCodes",
                tag=TAG, summary="Get new recovery codes; those until now are void", description=RECENT,
                answers={200: RecoveryCodes}, problems=frozenset({409}), auth="required", rate=rate,
            ),
            Operation(
                method="POST", path="/api/v1/auth/reauthenticate", handler=self._reauthenticate,
                name="reauthenticate", tag=TAG, summary="Prove once more that it is me",
                description="What others answer with 401 and the type `…/reauthentication-required` is allowed "
                "for the next 10 minutes in this session.",
                body=Reauthenticate, max_body=MAX_BODY, answers={204: None}, problems=frozenset({403, 429}),
                auth="required", rate=rate,
            ),
        ]  # fmt: skip

    async def _state(self, call: Call[None, None]) -> Answer:
        state = await self._factors.state(call.me.id)
        return Answer(200, Factors(totp=TotpShape(**asdict(state)) if state is not None else None))

    async def _enroll(self, call: Call[None, None]) -> Answer:
        await self._reauthentication.require(call.me)
        enrolment = await self._factors.enroll(person_id=call.me.id, username=call.me.username)
        return Answer(200, TotpEnrolment(**asdict(enrolment)))

    async def _confirm(self, call: Call[TotpCode, None]) -> Answer:
        await self._reauthentication.require(call.me)
        async with self._guesses.of_session(call.me), self._db.transaction() as tx:
            codes = await self._factors.confirm(tx, call.me.id, call.body.code, device_of(call))
            await self._reauthentication.note(tx, call.me, has_factor=True)
        return Answer(200, RecoveryCodes(recovery_codes=codes))

    async def _remove(self, call: Call[TotpRemoval | None, None]) -> Answer:
        given = call.body or TotpRemoval()
        account = await self._accounts.prove(call.me, given.password)
        if given.code is not None:
            await self._remove_by_code(call, given.code)
        elif account["password_hash"]:
            raise _code_needed()
        else:
            async with self._db.transaction() as tx:
                await self._factors.remove(tx, call.me.id, device_of(call))
        return Answer(204)

    async def _remove_by_code(self, call: Call[Any, None], code: str) -> None:
        device = device_of(call)
        async with self._guesses.of_session(call.me), self._db.transaction() as tx:
            await self._factors.reprove(tx, call.me.id, code, device)
            await self._factors.remove(tx, call.me.id, device)
            await self._reauthentication.note(tx, call.me, has_factor=True)

    async def _renew(self, call: Call[None, None]) -> Answer:
        await self._reauthentication.require(call.me)
        async with self._db.transaction() as tx:
            codes = await self._factors.renew_codes(tx, call.me.id, device_of(call))
        return Answer(200, RecoveryCodes(recovery_codes=codes))

    async def _reauthenticate(self, call: Call[Reauthenticate, None]) -> Answer:
        is_due = await self._factors.is_due(call.me.id)
        if is_due:
            await self._by_code(call)
        else:
            await self._by_password(call)
        return Answer(204)

    async def _by_code(self, call: Call[Reauthenticate, None]) -> None:
        if call.body.totp is None:
            raise _code_needed()
        async with self._guesses.of_session(call.me), self._db.transaction() as tx:
            await self._factors.reprove(tx, call.me.id, call.body.totp, device_of(call))
            await self._reauthentication.note(tx, call.me, has_factor=True)

    async def _by_password(self, call: Call[Reauthenticate, None]) -> None:
        if call.body.password is None:
            raise Problem(403, "It takes the password", slug="password-needed")
        await self._accounts.prove(call.me, call.body.password)
        async with self._db.transaction() as tx:
            await self._reauthentication.note(tx, call.me, has_factor=False)


def _code_needed() -> Problem:
    return Problem(403, "It takes a code of the second factor", slug="totp-needed")


RECENT: Final = (
    "Needs a proof of who it is of the last 10 minutes, with the second factor where there is one; else 401 with the "
    "type `…/reauthentication-required`."
)

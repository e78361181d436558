"""``/api/v1/auth/email`` and ``/auth/password``: what goes by mail, and the password itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from server.features.people.accounts.accounts import Accounts
from server.features.people.accounts.cookies import device_of
from server.features.people.accounts.email_addresses import EmailAddresses
from server.features.people.accounts.recovery import PasswordRecovery
from server.features.people.accounts.routes import TAG, AuthRates, CurrentPassword
from server.features.people.rules import Email, Password
from server.http.operation import Answer, Call, Operation
from server.http.shapes import Body, Text

MAX_BODY = 16 * 1024
Token = Annotated[Text, Field(min_length=1, max_length=256, description="Of the link in a mail")]


class Verification(Body):
    token: Token


class EmailChange(Body):
    password: CurrentPassword = None
    email: Email


class Forgotten(Body):
    email: Email


class PasswordReset(Body):
    token: Token
    password: Password


class PasswordChange(Body):
    password: CurrentPassword = None
    new_password: Password


class EmailRoutes:
    def __init__(
        self, *, accounts: Accounts, addresses: EmailAddresses, recovery: PasswordRecovery, rates: AuthRates
    ) -> None:
        self._accounts = accounts
        self._addresses = addresses
        self._recovery = recovery
        self._rates = rates

    def operations(self) -> Sequence[Operation]:
        return [*self._email(), *self._undone(), *self._password()]

    def _email(self) -> list[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/auth/email/verify", handler=self._verify, name="verifyEmail", tag=TAG,
                summary="Prove an e-mail address by the link in a mail", body=Verification, max_body=MAX_BODY,
                answers={204: None}, problems=frozenset({409}), rate=self._rates.link,
            ),
            Operation(
                method="POST", path="/api/v1/auth/email/resend", handler=self._resend, name="resendVerification",
                tag=TAG, summary="Send the mail that verifies my address again",
                description="Nothing is sent when the address is verified.", answers={202: None}, auth="required",
                rate=self._rates.change, account_rate=self._rates.mail,
            ),
            Operation(
                method="POST", path="/api/v1/auth/email/change", handler=self._change, name="changeEmail", tag=TAG,
                summary="Change my e-mail address",
                description="It changes once the link in the mail to the new address is used; the old one is told.",
                body=EmailChange, max_body=MAX_BODY, answers={202: None}, problems=frozenset({401, 403, 409, 429}),
                auth="required", rate=self._rates.change, account_rate=self._rates.mail,
            ),
        ]  # fmt: skip

    def _undone(self) -> list[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/auth/email/undo", handler=self._undo, name="undoEmailChange", tag=TAG,
                summary="Take a change of my e-mail address back, by the link in the mail to the old one",
                description="Within 7 days of the change. All sessions end, and a link to choose another password goes "
                "to the old address.",
                body=Verification, max_body=MAX_BODY, answers={204: None}, problems=frozenset({409}),
                rate=self._rates.link,
            ),
        ]  # fmt: skip

    def _password(self) -> list[Operation]:
        return [
            Operation(
                method="POST", path="/api/v1/auth/password/forgot", handler=self._forgot, name="forgotPassword",
                tag=TAG, summary="Send a mail to choose a new password by",
                description="The answer is the same whether somebody has the address or not.",
                body=Forgotten, max_body=MAX_BODY, answers={202: None}, rate=self._rates.forgot,
            ),
            Operation(
                method="POST", path="/api/v1/auth/password/reset", handler=self._reset, name="resetPassword", tag=TAG,
                summary="Choose a new password by the link in a mail; all sessions end", body=PasswordReset,
                max_body=MAX_BODY, answers={204: None}, rate=self._rates.link,
            ),
            Operation(
                method="POST", path="/api/v1/auth/password/change", handler=self._change_password,
                name="changePassword", tag=TAG, summary="Change my password; my other sessions end",
                body=PasswordChange, max_body=MAX_BODY, answers={204: None}, problems=frozenset({401, 403, 429}),
                auth="required", rate=self._rates.change, takes_one_time_password=True,
            ),
        ]  # fmt: skip

    async def _verify(self, call: Call[Verification, None]) -> Answer:
        await self._addresses.verify(token=call.body.token, device=device_of(call))
        return Answer(204)

    async def _undo(self, call: Call[Verification, None]) -> Answer:
        await self._addresses.undo(token=call.body.token, device=device_of(call))
        return Answer(204)

    async def _resend(self, call: Call[None, None]) -> Answer:
        await self._addresses.resend(person=call.me, device=device_of(call))
        return Answer(202)

    async def _change(self, call: Call[EmailChange, None]) -> Answer:
        body = call.body
        await self._addresses.change(person=call.me, password=body.password, email=body.email, device=device_of(call))
        return Answer(202)

    async def _forgot(self, call: Call[Forgotten, None]) -> Answer:
        await self._recovery.forgot(email=call.body.email, device=device_of(call), wall=time.time())
        return Answer(202)

    async def _reset(self, call: Call[PasswordReset, None]) -> Answer:
        body = call.body
        await self._recovery.reset(token=body.token, password=body.password, device=device_of(call))
        return Answer(204)

    async def _change_password(self, call: Call[PasswordChange, None]) -> Answer:
        body = call.body
        await self._accounts.change_password(
            person=call.me, password=body.password, new_password=body.new_password, device=device_of(call)
        )
        return Answer(204)

"""``/api/v1/auth/passkeys``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

from server.features.people.accounts import AccountsRoom, device_of, kept_device, signed_in_answer
from server.features.people.accounts.routes import Tokens
from server.features.people.passkeys.passkeys import Passkeys, Shown
from server.http.cursors import decode_cursor, encode_cursor
from server.http.errors import Problem
from server.http.limits import OWN_SETTINGS, CallRate
from server.http.operation import Answer, Call, Operation
from server.http.own_address import OwnAddresses
from server.http.shapes import Body, Page, PageQuery, Shape, Text, one_line
from storage.postgres import Database

TAG: Final = "accounts"
MAX_BODY: Final = 32 * 1024

MAX_NAME: Final = 64
Name = Annotated[
    Text,
    Field(min_length=1, max_length=MAX_NAME, examples=["Phone"]),
    AfterValidator(partial(one_line, at_least=1, at_most=MAX_NAME)),
]
Credential = Annotated[
    dict[str, Any], Field(description="`PublicKeyCredential.toJSON()` (WebAuthn level 3)", max_length=16)
]


class NewPasskey(Body):
    name: Name
    credential: Credential


class PasskeyAnswer(Body):
    ticket: Annotated[Text, Field(min_length=1, max_length=64)]
    credential: Credential


class PasskeyLogin(PasskeyAnswer):
    session: Literal["cookie"] | None = None


class _Options(Shape):
    model_config = ConfigDict(alias_generator=to_camel)


class CreationOptions(_Options):
    """``PublicKeyCredentialCreationOptionsJSON`` of WebAuthn level 3."""

    rp: dict[str, Any]
    user: dict[str, Any]
    challenge: str
    pub_key_cred_params: list[dict[str, Any]]
    timeout: int
    exclude_credentials: list[dict[str, Any]]
    authenticator_selection: dict[str, Any]
    attestation: str


class RequestOptions(_Options):
    """``PublicKeyCredentialRequestOptionsJSON`` of WebAuthn level 3."""

    challenge: str
    timeout: int
    rp_id: str
    allow_credentials: list[dict[str, Any]]
    user_verification: str


class PasskeyRequest(Shape):
    ticket: Annotated[str, Field(description="Goes back with the credential, once, within five minutes")]
    options: RequestOptions


class PasskeyShape(Shape):
    id: UUID
    name: str
    transports: list[str]
    is_backed_up: Annotated[bool, Field(description="Whether it is synced to other devices")]
    created_at: datetime
    last_used_at: datetime | None


class PasskeyRoutes:
    def __init__(self, *, database: Database, passkeys: Passkeys, parties: OwnAddresses, people: AccountsRoom) -> None:
        self._db = database
        self._passkeys = passkeys
        self._parties = parties
        self._people = people

    def operations(self) -> Sequence[Operation]:
        rate = CallRate("passkeys", per_s=0.5, burst=30)
        offers = CallRate("passkey_offers", per_s=2, burst=60)  # each sign-in page that is opened asks for one
        return [
            Operation(
                method="POST", path="/api/v1/auth/passkeys/options", handler=self._options, name="passkeyOptions",
                tag=TAG, summary="Begin to register a passkey", description=RECENT, answers={200: CreationOptions},
                auth="required", rate=rate,
            ),
            Operation(
                method="POST", path="/api/v1/auth/passkeys", handler=self._register, name="registerPasskey", tag=TAG,
                summary="Register a passkey", body=NewPasskey, max_body=MAX_BODY, answers={201: PasskeyShape},
                problems=frozenset({409}), auth="required", rate=rate,
            ),
            Operation(
                method="GET", path="/api/v1/auth/passkeys", handler=self._list, name="listPasskeys", tag=TAG,
                summary="My passkeys", query=PageQuery, answers={200: Page[PasskeyShape]}, auth="required",
                rate=OWN_SETTINGS,
            ),
            Operation(
                method="DELETE", path="/api/v1/auth/passkeys/{passkey_id}", handler=self._remove,
                name="removePasskey", tag=TAG, summary="Remove a passkey", description=RECENT,
                answers={204: None}, auth="required", rate=OWN_SETTINGS,
            ),
            Operation(
                method="POST", path="/api/v1/auth/passkeys/login/options", handler=self._login_options,
                name="passkeyLoginOptions", tag=TAG, summary="Begin to sign in with a passkey",
                answers={200: PasskeyRequest}, rate=offers,
            ),
            Operation(
                method="POST", path="/api/v1/auth/passkeys/login", handler=self._login, name="passkeyLogin", tag=TAG,
                summary="Sign in with a passkey", body=PasskeyLogin, max_body=MAX_BODY, answers={200: Tokens},
                problems=frozenset({401, 403}), rate=rate,
            ),
            Operation(
                method="POST", path="/api/v1/auth/passkeys/reauthenticate", handler=self._reauthenticate,
                name="passkeyReauthenticate", tag=TAG, summary="Prove once more that it is me, with a passkey",
                body=PasskeyAnswer, max_body=MAX_BODY, answers={204: None}, problems=frozenset({403}),
                auth="required", rate=rate,
            ),
        ]  # fmt: skip

    async def _options(self, call: Call[None, None]) -> Answer:
        await self._people.reauthentication.require(call.me)
        return Answer(200, await self._passkeys.creation_options(call.me, self._parties.of(call.request)))

    async def _register(self, call: Call[NewPasskey, None]) -> Answer:
        party = self._parties.of(call.request)
        row = await self._passkeys.register(
            call.me, party, name=call.body.name, credential=call.body.credential, device=device_of(call)
        )
        return Answer(201, PasskeyShape(**dict(row)), {"Location": f"/api/v1/auth/passkeys/{row['id']}"})

    async def _list(self, call: Call[None, PageQuery]) -> Answer:
        limit, cursor = call.query.limit, call.query.cursor
        rows = await self._passkeys.list(call.me, after=_after(cursor), limit=limit + 1)
        shown = rows[:limit]
        last = encode_cursor((shown[-1]["created_at"], shown[-1]["id"])) if len(rows) > limit else None
        return Answer(200, Page[PasskeyShape](items=[PasskeyShape(**dict(row)) for row in shown], next=last))

    async def _remove(self, call: Call[None, None]) -> Answer:
        await self._people.reauthentication.require(call.me)
        await self._passkeys.remove(call.me, call.path["passkey_id"], device_of(call))
        return Answer(204)

    async def _login_options(self, call: Call[None, None]) -> Answer:
        ticket, options = await self._passkeys.request_options(self._parties.of(call.request))
        return Answer(200, {"ticket": ticket, "options": options})

    async def _login(self, call: Call[PasskeyLogin, None]) -> Answer:
        shown, device = await self._shown(call), kept_device(call)
        if not shown.is_user_verified and await self._people.methods.is_factor_due(shown.person_id):
            raise _needs_verification()
        signed_in = await self._people.accounts.sign_in(
            person_id=shown.person_id, device=device, method="passkey", has_factor=shown.is_user_verified
        )
        as_cookie = call.body.session == "cookie"
        return signed_in_answer(signed_in, call, device, self._people.cookies, as_cookie=as_cookie)

    async def _reauthenticate(self, call: Call[PasskeyAnswer, None]) -> Answer:
        shown = await self._shown(call)
        if shown.person_id != call.me.id:
            raise Problem(403, "This is a passkey of another account", slug="passkey-refused")
        async with self._db.transaction() as tx:
            await self._people.reauthentication.note(tx, call.me, has_factor=shown.is_user_verified)
        return Answer(204)

    async def _shown(self, call: Call[Any, None]) -> Shown:
        party = self._parties.of(call.request)
        return await self._passkeys.show(
            party, ticket=call.body.ticket, credential=call.body.credential, device=device_of(call)
        )


RECENT: Final = (
    "Needs a proof of who it is of the last 10 minutes, with the second factor where there is one; else 401 with the "
    "type `…/reauthentication-required`."
)


def _needs_verification() -> Problem:
    return Problem(
        401,
        "The passkey has to verify who uses it, as there is a second factor",
        slug="user-verification-required",
        headers={"WWW-Authenticate": "Bearer"},
    )


def _after(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    at, passkey_id = decode_cursor(cursor, tuple[datetime, UUID])
    return at, str(passkey_id)

"""The two ceremonies of WebAuthn level 3: registration (section 7.1) and authentication (7.2). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import msgspec
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import (
    base64url_to_bytes,
    decode_credential_public_key,
    decoded_public_key_to_cryptography,
    options_to_json_dict,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from server.http.own_address import OwnAddress

TIMEOUT_MS: Final = 300_000
MAX_CREDENTIAL_ID: Final = 1_023  # section 4 of WebAuthn
TRANSPORTS: Final = {one.value: one for one in AuthenticatorTransport}
SELECTION: Final = AuthenticatorSelectionCriteria(
    resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.PREFERRED
)

Json = dict[str, Any]


class Refused(Exception):
    """An answer of an authenticator that does not hold; the sentence is for the log and the person."""


@dataclass(frozen=True, kw_only=True)
class Registered:
    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: Sequence[str]
    is_backed_up: bool


@dataclass(frozen=True, kw_only=True)
class Authenticated:
    sign_count: int
    is_backed_up: bool
    is_user_verified: bool


def creation_options(
    party: OwnAddress,
    *,
    server_name: str,
    person_id: str,
    username: str,
    display_name: str,
    challenge: bytes,
    known: Sequence[tuple[bytes, Sequence[str]]],
) -> Json:
    """``PublicKeyCredentialCreationOptionsJSON``. ``known``: the person's credentials, with their transports."""
    options = generate_registration_options(
        rp_id=party.host,
        rp_name=server_name,
        user_id=UUID(person_id).bytes,
        user_name=username,
        user_display_name=display_name or username,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        authenticator_selection=SELECTION,
        exclude_credentials=[_descriptor(*one) for one in known],
    )
    return options_to_json_dict(options)


def request_options(party: OwnAddress, *, challenge: bytes) -> Json:
    """``PublicKeyCredentialRequestOptionsJSON`` for whatever passkey the person chooses."""
    options = generate_authentication_options(
        rp_id=party.host,
        challenge=challenge,
        timeout=TIMEOUT_MS,
        user_verification=UserVerificationRequirement.PREFERRED,
    )
    return options_to_json_dict(options)


def challenge_in(credential: Mapping[str, Any]) -> bytes:
    """The challenge that a credential claims to answer. Raises ``Refused``."""
    try:
        client = msgspec.json.decode(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        return base64url_to_bytes(client["challenge"])
    except (KeyError, TypeError, ValueError, msgspec.MsgspecError) as error:
        raise Refused("It has no client data") from error


def credential_id_in(credential: Mapping[str, Any]) -> bytes:
    try:
        return base64url_to_bytes(credential["id"])
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("It has no id") from error


def user_handle_in(credential: Mapping[str, Any]) -> str:
    """The person whom the authenticator made the credential for."""
    try:
        return str(UUID(bytes=base64url_to_bytes(credential["response"]["userHandle"])))
    except (KeyError, TypeError, ValueError) as error:
        raise Refused("It does not say whose it is") from error


def register(credential: Json, party: OwnAddress, *, challenge: bytes) -> Registered:
    """Raises ``Refused``."""
    try:
        found = verify_registration_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
        )
        decoded_public_key_to_cryptography(decode_credential_public_key(found.credential_public_key))
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(str(error)) from error
    if len(found.credential_id) > MAX_CREDENTIAL_ID:
        raise Refused("Its id is too long")
    return Registered(
        credential_id=found.credential_id,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        transports=_transports(credential),
        is_backed_up=found.credential_backed_up,
    )


def authenticate(
    credential: Json, party: OwnAddress, *, challenge: bytes, public_key: bytes, sign_count: int
) -> Authenticated:
    """``sign_count``: the one of the last time; one that has not grown since is refused. Raises ``Refused``."""
    try:
        found = verify_authentication_response(
            credential=credential,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=sign_count,
        )
    except (WebAuthnException, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Refused(str(error)) from error
    return Authenticated(
        sign_count=found.new_sign_count,
        is_backed_up=found.credential_backed_up,
        is_user_verified=found.user_verified,
    )


def _descriptor(credential_id: bytes, transports: Sequence[str]) -> PublicKeyCredentialDescriptor:
    known = [TRANSPORTS[one] for one in transports if one in TRANSPORTS]
    return PublicKeyCredentialDescriptor(id=credential_id, transports=known or None)


def _transports(credential: Json) -> list[str]:
    said = credential["response"].get("transports")
    return sorted({one for one in said if one in TRANSPORTS}) if isinstance(said, list) else []

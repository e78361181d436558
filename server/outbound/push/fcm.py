"""Firebase Cloud Messaging, HTTP v1, for programs on phones.

A service account signs a JWT, which its token address takes for an access token (RFC 7523, 2.1); with that a message
is posted to ``{url}/v1/projects/{project}/messages:send``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import jwt
import msgspec

from server.outbound.http import PublicHttp, Reply
from server.outbound.push.message import (
    CONNECT_S,
    MAX_ANSWER,
    TIMEOUT_S,
    Outcome,
    PushMessage,
    outcome_of,
    outcome_of_failure,
)

SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
GOOD_S: Final = 3_600
RENEWED_S: Final = 300.0
MAX_TOKEN_CHARS: Final = 4_096
"""Of the token of a device."""


class ServiceAccount(msgspec.Struct, frozen=True, kw_only=True):
    """As the console of Firebase writes it to a JSON file."""

    project_id: str
    client_email: str
    private_key: str
    token_uri: str


class _Granted(msgspec.Struct, frozen=True, kw_only=True):
    access_token: str
    expires_in: float = GOOD_S


def service_account(path: Path) -> ServiceAccount:
    """Raises ``ValueError`` with a sentence that has no secret."""
    try:
        account = msgspec.json.decode(path.read_bytes(), type=ServiceAccount)
        jwt.encode({}, account.private_key, algorithm="RS256")
    except OSError as error:
        raise ValueError(f"fcm_credentials: {path} cannot be read") from error
    except (msgspec.MsgspecError, ValueError, jwt.PyJWTError):
        raise ValueError(f"fcm_credentials: {path} is no service account of Firebase in JSON") from None
    return account


class Fcm:
    """``send`` never raises: what goes wrong is in its outcome. ``http`` may reach all addresses: these are the
    operator's.
    """

    def __init__(
        self, *, http: PublicHttp, account: ServiceAccount, url: str, wall: Callable[[], float] = time.time
    ) -> None:
        self._http = http
        self._account = account
        self._address = f"{url.rstrip('/')}/v1/projects/{account.project_id}/messages:send"
        self._wall = wall
        self._token = ""
        self._good_until = 0.0

    async def send(self, token: str, message: PushMessage) -> Outcome:
        """``token``: the device's."""
        try:
            reply = await self._post(token, message)
            if reply.status == 401:  # the access token was revoked before its time
                self._good_until = 0.0
                reply = await self._post(token, message)
        except (OSError, TimeoutError) as error:
            return outcome_of_failure(error)
        except _NoToken as error:
            return error.outcome
        return Outcome(state="gone", reason="UNREGISTERED") if _is_unregistered(reply) else outcome_of(reply)

    async def _post(self, token: str, message: PushMessage) -> Reply:
        headers = {"Authorization": f"Bearer {await self._access()}", "Content-Type": "application/json"}
        body = msgspec.json.encode({"message": _message(token, message, self._wall())})
        return await self._http.post(
            self._address,
            body=body,
            headers=headers,
            timeout_s=TIMEOUT_S,
            connect_s=CONNECT_S,
            max_bytes=MAX_ANSWER,
        )

    async def _access(self) -> str:
        now = self._wall()
        if self._good_until - now < RENEWED_S:
            granted = await self._grant(int(now))
            self._token, self._good_until = granted.access_token, now + granted.expires_in
        return self._token

    async def _grant(self, now: int) -> _Granted:
        account = self._account
        claims = {
            "iss": account.client_email,
            "scope": SCOPE,
            "aud": account.token_uri,
            "iat": now,
            "exp": now + GOOD_S,
        }
        form = {"grant_type": GRANT, "assertion": jwt.encode(claims, account.private_key, algorithm="RS256")}
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        try:
            reply = await self._http.post(
                account.token_uri,
                body=urlencode(form).encode(),
                headers=headers,
                timeout_s=TIMEOUT_S,
                max_bytes=MAX_ANSWER,
            )
        except (OSError, TimeoutError):
            raise _NoToken(Outcome(state="later", reason="the token address does not answer")) from None
        if reply.status != 200:
            raise _NoToken(Outcome(state="later", reason=f"the token address answered {reply.status}"))
        try:
            return msgspec.json.decode(reply.beginning, type=_Granted)
        except msgspec.MsgspecError:
            raise _NoToken(Outcome(state="later", reason="the token address answered without a token")) from None


class _NoToken(Exception):
    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


def _message(token: str, message: PushMessage, now: float) -> dict[str, Any]:
    is_urgent = message.urgency == "high"
    return {
        "token": token,
        "notification": {"title": message.title, "body": message.body},
        "data": dict(message.data),
        "android": {
            "ttl": f"{message.ttl_s}s",
            "priority": "HIGH" if is_urgent else "NORMAL",
            "collapse_key": message.topic,
            "notification": {"tag": message.topic},
        },
        "apns": {
            "headers": {
                "apns-collapse-id": message.topic,
                "apns-expiration": str(int(now) + message.ttl_s),
                "apns-priority": "10" if is_urgent else "5",
            }
        },
    }


def _is_unregistered(reply: Reply) -> bool:
    return reply.status in (400, 404) and b'"UNREGISTERED"' in reply.beginning

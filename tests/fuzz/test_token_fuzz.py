"""Access tokens that somebody made up: 401 over HTTP, ``connect_error`` over Socket.IO."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from typing import Any

import jwt
import pytest
import socketio.exceptions
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.e2e.people import Account, Api
from tests.e2e.talking import Talker


def _part(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _with_secret(secret: bytes, head: dict[str, Any], claims: str) -> str:
    signed = f"{_part({**head, 'alg': 'HS256'})}.{claims}"
    return f"{signed}.{_part(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def _forged(token: str) -> dict[str, str]:
    _, claims, seal = token.split(".")
    head = jwt.get_unverified_header(token)
    said = jwt.decode(token, options={"verify_signature": False})
    own_key = Ed25519PrivateKey.generate()
    return {
        "no algorithm": f"{_part({**head, 'alg': 'none'})}.{claims}.",
        "no seal": f"{_part(head)}.{claims}.",
        "a shared secret": _with_secret(b"", head, claims),
        "the key's name as the secret": _with_secret(head["kid"].encode(), head, claims),
        "another key": jwt.encode(said, own_key, algorithm="EdDSA", headers=head),
        "a key that is a path": f"{_part({**head, 'kid': '../../dev/null'})}.{claims}.{seal}",
        "a key that is a list": f"{_part({**head, 'kid': ['k1']})}.{claims}.{seal}",
        "a key that is nothing": f"{_part({**head, 'kid': None})}.{claims}.{seal}",
        "a key from elsewhere": f"{_part({**head, 'jku': 'http://127.0.0.1:1/'})}.{claims}.{seal}",
        "a critical extension": f"{_part({**head, 'crit': ['x']})}.{claims}.{seal}",
        "a longer life": f"{_part(head)}.{_part({**said, 'exp': 9_999_999_999})}.{seal}",
        "another person": f"{_part(head)}.{_part({**said, 'sub': 'x'})}.{seal}",
        "a head that is a list": f"{_part([])}.{claims}.{seal}",
        "a deep head": f"{_part(b'[' * 2000)}.{claims}.{seal}",
        "dots": "." * 100,
        "five parts": f"{token}.a.b",
        "too long": "a" * 5000,
    }


@pytest.fixture
def forged(someone: Account) -> dict[str, str]:
    assert someone.token is not None
    return _forged(someone.token)


async def test_forged_token_is_a_401(nobody: Api, forged: dict[str, str]) -> None:
    for name, token in forged.items():
        answer = await Api(nobody.http, nobody.url, token).call("GET", "me")
        assert answer.status == 401, name
        assert answer.body["code"] == "token_invalid", name


async def test_forged_token_opens_no_socket(nobody: Api, forged: dict[str, str]) -> None:
    for name, token in forged.items():
        socket = Talker(nobody.url, token)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await socket.open()
        await socket.close()
        assert socket.refused["data"]["code"] == "token_invalid", name


async def test_a_refresh_token_is_taken_once_however_many_devices_present_it_at_the_same_time(
    someone: Account, nobody: Api
) -> None:
    body = {"refresh_token": someone.refresh_token}
    devices = [{"User-Agent": f"device {number}"} for number in range(20)]
    answers = await asyncio.gather(*(nobody.call("POST", "auth/refresh", body, headers=one) for one in devices))
    assert sorted(answer.status for answer in answers) == [200] + [401] * 19

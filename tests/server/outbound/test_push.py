"""Web Push as the RFCs have it, and Firebase against a stand-in."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from server.http.encryption import Encryption
from server.outbound.http import PublicHttp, Reply
from server.outbound.public_addresses import PublicAddresses
from server.outbound.push import BadSubscription, Fcm, Outcome, PushMessage, VapidKeys, WebTarget, service_account
from server.outbound.push.encryption import MAX_PLAINTEXT, encrypted
from server.outbound.push.message import outcome_of, outcome_of_failure
from storage.postgres import Database
from tests.server.outbound.push_service import b64, decrypted, unb64

# RFC 8291, appendix A.
TEXT = b"When I grow up, I want to be a watermelon"
THEIRS = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
RESULT = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
MESSAGE = PushMessage(title="Ada", body="is live", data={"path": "/"}, topic="t", ttl_s=60, urgency="high")


def test_a_message_is_encrypted_as_in_the_example_of_the_rfc() -> None:
    private = ec.derive_private_key(int.from_bytes(unb64(PRIVATE)), ec.SECP256R1())
    body = encrypted(TEXT, p256dh=unb64(THEIRS), auth=unb64(AUTH), private=private, salt=unb64(SALT))
    assert b64(body) == RESULT


def test_the_longest_message_is_read_and_a_longer_one_is_refused() -> None:
    device, private = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    point = WebTarget(endpoint="", p256dh=THEIRS, auth=AUTH)
    p256dh = unb64(_point(device))
    body = encrypted(b"x" * MAX_PLAINTEXT, p256dh=p256dh, auth=b"a" * 16, private=private, salt=b"s" * 16)
    assert len(body) <= 4096
    assert decrypted(body, device, b"a" * 16) == b"x" * MAX_PLAINTEXT
    with pytest.raises(ValueError, match="at most"):
        encrypted(b"x" * (MAX_PLAINTEXT + 1), p256dh=p256dh, auth=b"a" * 16, private=private, salt=b"s" * 16)
    assert point.checked() is point


@pytest.mark.parametrize(
    ("p256dh", "auth", "field"),
    [
        ("", AUTH, "keys.p256dh"),
        ("!", AUTH, "keys.p256dh"),
        (b64(b"\4" + b"\1" * 64), AUTH, "keys.p256dh"),
        (THEIRS[:-4], AUTH, "keys.p256dh"),
        (THEIRS, "", "keys.auth"),
        (THEIRS, b64(b"x" * 15), "keys.auth"),
        (THEIRS, "A", "keys.auth"),
    ],
)
def test_keys_that_are_none_are_named(p256dh: str, auth: str, field: str) -> None:
    with pytest.raises(BadSubscription) as caught:
        WebTarget(endpoint="https://push.test/", p256dh=p256dh, auth=auth).checked()
    assert caught.value.field == field


def test_what_a_service_answers_decides_whether_it_is_asked_again() -> None:
    def of(status: int, retry_after: str = "") -> tuple[str, float | None]:
        outcome = outcome_of(Reply(status=status, beginning=b"", retry_after=retry_after))
        return outcome.state, outcome.after_s

    assert [of(status)[0] for status in (201, 404, 410, 429, 500, 503, 400, 403, 413)] == [
        "sent", "gone", "gone", "later", "later", "later", "failed", "failed", "failed",
    ]  # fmt: skip
    assert of(429, "120") == ("later", 120.0)
    assert of(503, "99999999") == ("later", 3600.0)
    assert of(429, "Wed, 21 Oct 2026 07:28:00 GMT") == ("later", None)


async def test_only_what_never_reached_the_service_is_sent_again(database: Database) -> None:
    """A listener whose backlog is full answers no connection; one that accepts and is silent has the message."""
    http = PublicHttp(addresses=PublicAddresses(allow_private=True))
    silent = await asyncio.start_server(lambda reader, writer: reader.read(), "127.0.0.1", 0)
    with socket.socket() as full, socket.socket() as filler:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        filler.setblocking(False)
        filler.connect_ex(full.getsockname())
        states = []
        for port in (full.getsockname()[1], silent.sockets[0].getsockname()[1]):
            with pytest.raises((OSError, TimeoutError)) as caught:  # noqa: PT012 - the port is all that differs
                url = f"http://127.0.0.1:{port}/"
                await http.post(url, body=b"", headers={}, timeout_s=0.6, connect_s=0.2, max_bytes=1)
            states.append(outcome_of_failure(caught.value).state)
    assert states == ["later", "unsure"]
    silent.close()
    await http.close()


async def test_all_nodes_push_with_the_same_key_which_is_sealed(database: Database) -> None:
    def keys() -> VapidKeys:
        encryption = Encryption(database=database, secrets_key="operators")
        return VapidKeys(db=database, encryption=encryption, subject="mailto:a@b.test")

    first, second = await keys().public_key(), await keys().public_key()
    assert first == second
    assert len(unb64(first)) == 65
    sealed = bytes(await database.fetchval("select sealed_private from push_keys"))
    assert b"PRIVATE KEY" not in sealed


async def test_a_token_is_used_again_until_it_is_nearly_over(database: Database) -> None:
    now = time.time()
    encryption = Encryption(database=database)
    keys = VapidKeys(db=database, encryption=encryption, subject="mailto:a@b.test", wall=lambda: now)
    first = await keys.authorization("https://push.test/a")
    assert await keys.authorization("https://push.test/b") == first
    assert await keys.authorization("https://other.test/a") != first
    now += 11.5 * 3600
    assert await keys.authorization("https://push.test/a") != first


class Firebase:
    """Grants tokens and takes messages; ``answers`` are given first."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.granted = 0
        self.messages: list[dict[str, Any]] = []
        self.answers: list[tuple[int, dict[str, Any]]] = []
        app = web.Application()
        app.router.add_post("/token", self._grant)
        app.router.add_post("/v1/projects/town/messages:send", self._send)
        self.server = TestServer(app, host="127.0.0.1")

    @property
    def url(self) -> str:
        return str(self.server.make_url("/"))

    def account(self, folder: Path) -> Path:
        pem = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        path = folder / "account.json"
        account = {
            "type": "service_account",
            "project_id": "town",
            "client_email": "sf@town.test",
            "private_key": pem,
            "token_uri": f"{self.url}token",
        }
        path.write_text(json.dumps(account))
        return path

    async def _grant(self, request: web.Request) -> web.Response:
        form = await request.post()
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        audience = f"{self.url}token"
        claims = jwt.decode(str(form["assertion"]), self.key.public_key(), algorithms=["RS256"], audience=audience)
        assert (claims["iss"], claims["scope"].rpartition("/")[2]) == ("sf@town.test", "firebase.messaging")
        self.granted += 1
        return web.json_response({"access_token": f"token{self.granted}", "expires_in": 3600})

    async def _send(self, request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == f"Bearer token{self.granted}"
        self.messages.append((await request.json())["message"])
        status, body = self.answers.pop(0) if self.answers else (200, {"name": "projects/town/messages/1"})
        return web.json_response(body, status=status)


@pytest.fixture
async def firebase() -> AsyncIterator[Firebase]:
    made = Firebase()
    await made.server.start_server(shutdown_timeout=0)
    yield made
    await made.server.close()


@pytest.fixture
async def fcm(firebase: Firebase, tmp_path: Path) -> AsyncIterator[Fcm]:
    http = PublicHttp(addresses=PublicAddresses(allow_private=True))
    yield Fcm(http=http, account=service_account(firebase.account(tmp_path)), url=firebase.url)
    await http.close()


async def test_firebase_gets_messages_with_one_token_of_the_account(firebase: Firebase, fcm: Fcm) -> None:
    assert [await fcm.send(f"device{number}", MESSAGE) for number in range(2)] == [Outcome(state="sent")] * 2
    assert firebase.granted == 1
    sent = firebase.messages[0]
    assert (sent["token"], sent["notification"]) == ("device0", {"title": "Ada", "body": "is live"})
    assert sent["data"] == {"path": "/"}
    assert (sent["android"]["ttl"], sent["android"]["collapse_key"], sent["android"]["priority"]) == (
        "60s",
        "t",
        "HIGH",
    )


async def test_a_token_that_firebase_has_revoked_is_renewed_once(firebase: Firebase, fcm: Fcm) -> None:
    firebase.answers = [(401, {})]
    assert (await fcm.send("device", MESSAGE)).state == "sent"
    firebase.answers = [(401, {}), (401, {})]
    assert (await fcm.send("device", MESSAGE)).state == "failed"
    assert firebase.granted == 3


async def test_a_device_that_firebase_does_not_know_any_more_is_gone(firebase: Firebase, fcm: Fcm) -> None:
    unregistered = {"error": {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}}
    busy = {"error": {"status": "UNAVAILABLE"}}
    firebase.answers = [(404, unregistered), (503, busy), (400, {"error": {"status": "INVALID_ARGUMENT"}})]
    assert [(await fcm.send("device", MESSAGE)).state for _ in range(3)] == ["gone", "later", "failed"]


async def test_without_a_token_nothing_is_sent_and_it_is_tried_later(firebase: Firebase, tmp_path: Path) -> None:
    account = service_account(firebase.account(tmp_path))
    http = PublicHttp(addresses=PublicAddresses(allow_private=True))
    await firebase.server.close()
    outcome = await Fcm(http=http, account=account, url=account.token_uri).send("device", MESSAGE)
    await http.close()
    assert (outcome.state, firebase.messages) == ("later", [])


@pytest.mark.parametrize("content", [None, "", "{}", '{"project_id": 1}', "["])
def test_an_account_that_is_none_is_refused_without_repeating_it(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "account.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(ValueError, match="fcm_credentials"):
        service_account(path)


def _point(private: ec.EllipticCurvePrivateKey) -> str:
    from cryptography.hazmat.primitives.serialization import PublicFormat

    return b64(private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint))

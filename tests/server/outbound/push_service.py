"""A push service on loopback, which reads what it is given as a browser does: by RFC 8188, 8291 and 8292 alone."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _hkdf(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(secret)


def decrypted(body: bytes, private: ec.EllipticCurvePrivateKey, auth: bytes) -> bytes:
    salt, (record_size, key_length) = body[:16], struct.unpack(">IB", body[16:21])
    theirs, ciphertext = body[21 : 21 + key_length], body[21 + key_length :]
    assert len(ciphertext) <= record_size <= 4096
    mine = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), theirs))
    secret = _hkdf(auth, shared, b"WebPush: info\0" + mine + theirs, 32)
    key = _hkdf(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _hkdf(salt, secret, b"Content-Encoding: nonce\0", 12)
    padded = AESGCM(key).decrypt(nonce, ciphertext, None).rstrip(b"\0")
    assert padded[-1:] == b"\2"
    return padded[:-1]


@dataclass
class Browser:
    """A subscription: what ``PushSubscription.toJSON()`` gives of it."""

    endpoint: str
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    auth: bytes = b"0123456789abcdef"

    def subscription(self) -> dict[str, Any]:
        public = self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": self.endpoint,
            "expirationTime": None,
            "keys": {"p256dh": b64(public), "auth": b64(self.auth)},
        }


@dataclass
class Pushed:
    message: dict[str, Any]
    headers: dict[str, str]


@dataclass
class PushReceiver:
    """``status``: what it answers. ``before_answer`` runs when a message has been read and is not answered yet."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    taken: list[Pushed] = field(default_factory=list)
    asked: int = 0
    before_answer: Callable[[], Awaitable[None]] | None = None
    _browsers: dict[str, Browser] = field(default_factory=dict)
    _server: TestServer | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_post("/push/{name}", self._take)
        self._server = TestServer(app, host="127.0.0.1")
        await self._server.start_server(shutdown_timeout=0)

    async def close(self) -> None:
        assert self._server is not None
        await self._server.close()

    def browser(self, name: str = "one") -> Browser:
        assert self._server is not None
        return self._browsers.setdefault(name, Browser(str(self._server.make_url(f"/push/{name}"))))

    async def _take(self, request: web.Request) -> web.Response:
        self.asked += 1
        browser = self._browsers[request.match_info["name"]]
        self._check(request.headers["Authorization"])
        assert request.headers["Content-Encoding"] == "aes128gcm"
        message = json.loads(decrypted(await request.read(), browser.private, browser.auth))
        if self.before_answer is not None:
            await self.before_answer()
        if self.status < 300:
            self.taken.append(Pushed(message, dict(request.headers)))
        return web.Response(status=self.status, headers=self.headers)

    def _check(self, authorization: str) -> None:
        scheme, _, rest = authorization.partition(" ")
        parts = dict(part.strip().split("=", 1) for part in rest.split(","))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(parts["k"]))
        assert scheme == "vapid"
        assert self._server is not None
        origin = str(self._server.make_url("/")).rstrip("/")
        claims = jwt.decode(parts["t"], key, algorithms=["ES256"], audience=origin, options={"require": ["exp"]})
        assert claims["sub"].startswith(("mailto:", "https:"))

"""Providers in process, with the shapes and errors of the real ones, so far as they are documented.

``answers`` says what the endpoints answer: a value is sent as JSON, ``(status, text)`` as it is.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec

from server.features.people.oauth.client import challenge_of
from server.features.people.oauth.providers import Provider, providers_of
from server.features.people.oauth_settings import OAuthSettings

CLIENT_ID = "our-client"
TOKENS = {"access_token": "at-1", "token_type": "bearer"}
SETTINGS = OAuthSettings(
    **{f"{name}_client_{part}": f"our-{'client' if part == 'id' else part}"
       for name in ("google", "github", "facebook", "twitter", "oidc") for part in ("id", "secret")},
    oidc_issuer="https://id.example", oidc_name="Example ID",
)  # fmt: skip


@dataclass
class StandIn:
    """``asked`` keeps (path, form, headers) of each request."""

    server: TestServer
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str], dict[str, str]]] = field(default_factory=list)
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    kid: str = "k1"

    @property
    def url(self) -> str:
        return str(self.server.make_url("")).rstrip("/")

    def provider(self, name: str) -> Provider:
        """The provider as the settings make it, at this server's addresses."""
        (made,) = [one for one in providers_of(SETTINGS) if one.id == name]
        if made.kind == "oidc":
            return replace(made, issuer=self.url)
        return replace(
            made,
            authorize_url=f"{self.url}/authorize",
            token_url=f"{self.url}/token",
            person_url=f"{self.url}/person",
            emails_url=f"{self.url}/emails",
        )

    def id_token(self, nonce: str, /, *, kid: str | None = None, algorithm: str = "ES256", **claims: Any) -> str:
        now = int(time.time())
        given = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "sub": "ada-1",
            "iat": now,
            "exp": now + 60,
            "nonce": nonce,
            **claims,
        }
        kept = {name: value for name, value in given.items() if value is not None}
        key = "shared secret of at least 32 bytes" if algorithm.startswith("HS") else self.key
        return jwt.encode(
            kept, None if algorithm == "none" else key, algorithm=algorithm, headers={"kid": kid or self.kid}
        )

    def rotate(self) -> None:
        self.key, self.kid = ec.generate_private_key(ec.SECP256R1()), self.kid + "'"

    def jwks(self) -> dict[str, Any]:
        key = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**key, "kid": self.kid, "use": "sig", "alg": "ES256"}]}

    def paths(self) -> list[str]:
        return [path for path, _, _ in self.asked]

    async def answer(self, request: web.Request) -> web.Response:
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.asked.append((request.path, form, dict(request.headers)))
        answer = self.answers.get(request.path, self.usual(request.path))
        if isinstance(answer, tuple):
            return web.Response(status=answer[0], text=answer[1], content_type="text/html")
        return web.json_response(answer)

    def usual(self, path: str) -> Any:
        if path == "/.well-known/openid-configuration":
            return {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            }
        return self.jwks() if path == "/jwks" else TOKENS


@asynccontextmanager
async def stand_in() -> AsyncIterator[StandIn]:
    app = web.Application()
    found = StandIn(TestServer(app))
    app.router.add_route("*", "/{path:.*}", found.answer)
    async with found.server:
        yield found


@dataclass(frozen=True)
class Begun:
    """A sign-in on its way: what the browser was sent to the provider with, and its cookie."""

    state: str
    nonce: str
    challenge: str
    redirect_uri: str
    scope: str
    cookie: str


def begun(location: str, cookie: str) -> Begun:
    query = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
    return Begun(
        state=query["state"],
        nonce=query.get("nonce", ""),
        challenge=query["code_challenge"],
        redirect_uri=query["redirect_uri"],
        scope=query["scope"],
        cookie=cookie,
    )


def answers_challenge(verifier: str, challenge: str) -> bool:
    return challenge_of(verifier) == challenge

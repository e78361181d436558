"""A client of providers over HTTP: discovery, the token endpoint, ID tokens, and the APIs of those without.

Every answer is bounded in size and time, no redirect is followed, and what does not hold is a ``ProviderError``.
Sources: RFC 6749, RFC 7636 (PKCE), RFC 9207, OpenID Connect Core and Discovery.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import aiohttp
import jwt
import msgspec

from server.features.people.oauth.providers import (
    Claims,
    Provider,
    ProviderError,
    claims_of_facebook,
    claims_of_github,
    claims_of_id_token,
    claims_of_twitter,
)

TIMEOUT_S: Final = 10.0
MAX_BYTES: Final = 256 * 1024
KEYS_KEPT_S: Final = 3_600.0
KEYS_AGAIN_S: Final = 5.0
"""A token with an unknown key has the keys fetched again, at most so often."""
LEEWAY_S: Final = 60
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""None without a signature, and none whose key is the client's secret."""
_DISCOVERY: Final = "/.well-known/openid-configuration"

Json = dict[str, Any]


class ProviderClient:
    """All calls to one provider. ``http`` makes the session when it is first needed."""

    def __init__(
        self, provider: Provider, *, http: HttpSession, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.provider = provider
        self._http = http
        self._monotonic = monotonic
        self._configuration: Json = {}
        self._configured_at = 0.0
        self._keys: list[jwt.PyJWK] = []
        self._keys_at = float("-inf")

    async def authorize_url(self, *, redirect_uri: str, state: str, nonce: str, verifier: str) -> str:
        """Where the person is sent to."""
        given = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": redirect_uri,
            "scope": self.provider.scope,
            "state": state,
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        if self.provider.kind == "oidc":
            given["nonce"] = nonce
        address = self.provider.authorize_url or await self._endpoint("authorization_endpoint")
        return f"{address}{'&' if '?' in address else '?'}{urlencode(given, quote_via=quote)}"

    async def claims(self, *, code: str, redirect_uri: str, nonce: str, verifier: str) -> Claims:
        """Exchange the code, and find out who it is."""
        tokens = await self._tokens(code, redirect_uri, verifier)
        if self.provider.kind == "oidc":
            claims = await self._id_token(tokens.get("id_token"), nonce)
            return claims_of_id_token(claims if "email" in claims else await self._with_user_info(claims, tokens))
        return await self._person(_access_token(tokens))

    async def _with_user_info(self, claims: Json, tokens: Json) -> Json:
        """What an ID token need not say where there is an access token (Core section 5.4)."""
        address = (await self._discover()).get("userinfo_endpoint")
        if not isinstance(address, str) or "access_token" not in tokens:
            return claims
        headers = {"Authorization": f"Bearer {_access_token(tokens)}"}
        found = await self._object("GET", address, headers=headers)
        if found.get("sub") != claims["sub"]:
            raise ProviderError("failed", "its user info is of another person")
        return {**found, **claims}

    async def _person(self, access_token: str) -> Claims:
        headers = {"Authorization": f"Bearer {access_token}"}
        person = await self._object("GET", self.provider.person_url, headers=headers)
        if self.provider.kind == "facebook":
            return claims_of_facebook(person)
        if self.provider.kind == "twitter":
            return claims_of_twitter(person)
        emails = await self._json("GET", self.provider.emails_url, headers=headers)
        return claims_of_github(person, emails if isinstance(emails, list) else [])

    async def _tokens(self, code: str, redirect_uri: str, verifier: str) -> Json:
        provider = self.provider
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": verifier,
        }
        headers = {}
        if provider.client_secret is not None and await self._is_secret_in_header():
            headers["Authorization"] = _basic(provider.client_id, provider.client_secret)
        else:
            given["client_id"] = provider.client_id
            if provider.client_secret is not None:
                given["client_secret"] = provider.client_secret
        address = provider.token_url or await self._endpoint("token_endpoint")
        return await self._object("POST", address, data=given, headers=headers)

    async def _is_secret_in_header(self) -> bool:
        if self.provider.kind != "oidc":
            return self.provider.is_secret_in_header
        methods = (await self._discover()).get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return "client_secret_basic" in methods if isinstance(methods, list) else True

    async def _endpoint(self, name: str) -> str:
        address = (await self._discover()).get(name)
        if not isinstance(address, str) or not address.startswith(("https://", "http://")):
            raise ProviderError("failed", f"its configuration has no {name}")
        return address

    async def _discover(self) -> Json:
        """OpenID Connect Discovery section 4, kept for an hour."""
        now = self._monotonic()
        if not self._configuration or now - self._configured_at > KEYS_KEPT_S:
            found = await self._object("GET", self.provider.issuer + _DISCOVERY)
            if str(found.get("issuer", "")).rstrip("/") != self.provider.issuer:
                raise ProviderError("failed", "its configuration is of another issuer")
            self._configuration, self._configured_at = found, now
        return self._configuration

    async def _id_token(self, token: object, nonce: str) -> Json:
        """The claims of an ID token whose signature, issuer, audience, times and nonce hold (Core section 3.1.3.7)."""
        if not isinstance(token, str):
            raise ProviderError("failed", "its token endpoint gives no ID token")
        issuer = str((await self._discover())["issuer"])
        try:
            header = jwt.get_unverified_header(token)
            claims = jwt.decode(
                token,
                await self._key(header),
                algorithms=ALGORITHMS,
                audience=self.provider.client_id,
                issuer=issuer,
                leeway=LEEWAY_S,
                options={"require": ["iss", "aud", "exp", "iat", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise ProviderError("failed", f"its ID token does not hold: {error}") from error
        if claims.get("nonce") != nonce:
            raise ProviderError("failed", "its ID token is of another sign-in")
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self.provider.client_id:
            raise ProviderError("failed", "its ID token is of another client")
        return claims

    async def _key(self, header: Mapping[str, Any]) -> jwt.PyJWK:
        """The key that a token names; one that is unknown may be new."""
        if header.get("alg") not in ALGORITHMS:
            raise ProviderError("failed", "its ID token is signed by no algorithm that is taken")
        age_s = self._monotonic() - self._keys_at
        found = self._known(header)
        if age_s > KEYS_KEPT_S or (found is None and age_s > KEYS_AGAIN_S):
            await self._load_keys()
            found = self._known(header)
        if found is None:
            raise ProviderError("failed", "its ID token is signed with a key that it does not publish")
        return found

    def _known(self, header: Mapping[str, Any]) -> jwt.PyJWK | None:
        kid = header.get("kid")
        fitting = [one for one in self._keys if kid is None or one.key_id == kid]
        return fitting[0] if len(fitting) == 1 or (fitting and kid is not None) else None

    async def _load_keys(self) -> None:
        found = await self._object("GET", await self._endpoint("jwks_uri"))
        try:
            self._keys = [one for one in jwt.PyJWKSet.from_dict(found).keys if one.public_key_use in (None, "sig")]
        except (jwt.PyJWTError, ValueError, TypeError, AttributeError) as error:
            raise ProviderError("failed", f"its keys cannot be read: {error}") from error
        self._keys_at = self._monotonic()

    async def _object(self, method: str, address: str, **given: Any) -> Json:
        found = await self._json(method, address, **given)
        if not isinstance(found, dict):
            raise ProviderError("failed", "it answers no JSON object")
        if "error" in found:  # GitHub answers errors with 200
            raise ProviderError("failed", f"it answers the error {str(found['error'])[:200]!r}")
        return found

    async def _json(self, method: str, address: str, **given: Any) -> Any:
        headers = {"Accept": "application/json", "User-Agent": "socialflow", **given.pop("headers", {})}
        try:
            async with self._http.session().request(
                method, address, headers=headers, allow_redirects=False, **given
            ) as answer:
                raw = await _bounded(answer)
                if answer.status != 200:
                    raise ProviderError("failed", f"{method} {_shown(address)} answers {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ProviderError("failed", f"{_shown(address)} cannot be reached: {error!r}") from error
        try:
            return msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ProviderError("failed", f"{_shown(address)} answers no JSON") from error


class HttpSession:
    """One session of a node for all providers, made when it is first needed."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    def session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


async def _bounded(answer: aiohttp.ClientResponse) -> bytes:
    raw = b""
    async for chunk in answer.content.iter_chunked(16 * 1024):
        raw += chunk
        if len(raw) > MAX_BYTES:
            raise ProviderError("failed", "it answers too much")
    return raw


def _access_token(tokens: Json) -> str:
    token = tokens.get("access_token")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise ProviderError("failed", "its token endpoint gives no access token")
    return token


def challenge_of(verifier: str) -> str:
    """RFC 7636 section 4.2, S256."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _basic(client_id: str, client_secret: str) -> str:
    pair = f"{quote(client_id, safe='')}:{quote(client_secret, safe='')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _shown(address: str) -> str:
    return address.partition("?")[0]

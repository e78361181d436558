"""Who is calling: access tokens that every node signs and every node takes, and the sessions that were ended early.

A token is checked without leaving the process. What can change before it expires, the end of its session, is followed
from Postgres twice a second, and told at once to the node that ended it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import jwt
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from server.http.api_tokens import PREFIX, ApiTokenTable
from server.http.caller import Caller
from server.http.errors import Problem, Unauthorized

__all__ = ["Caller", "Identity", "Revoked", "SessionRows"]

log = structlog.get_logger(__name__)

ALGORITHM: Final = "EdDSA"
ISSUER: Final = "socialflow"
AUDIENCE: Final = "socialflow"
TYPE: Final = "at+jwt"
ACCESS_TTL_S: Final = 900
LEEWAY_S: Final = 5
REVOKED_KEPT_S: Final = 13 * 3600
"""Longer than anything lives that was given out for a session: its access tokens, and signed addresses of streams. So
long a retired key verifies.
"""
ONE_TIME: Final = "must_change_password"
"""A claim of tokens that were made while the person has a one-time password."""
CHANGE_FIRST: Final = "This is a one-time password: choose one of your own first, by POST /api/v1/auth/password/change"
MIN_SEAL_BYTES: Final = 16
MAX_TOKEN_CHARS: Final = 4096
MAX_KNOWN: Final = 20_000

_KEYS_SQL = "select kid, secret, retired_at, extract(epoch from now() - created_at)::float8 as age_s \
from signing_keys where algorithm = $1 and (retired_at is null or retired_at > now() - make_interval(secs => $2)) \
order by created_at, kid"

# The fixed name lets only one of the nodes of a new cluster succeed, so that no token is signed with an unknown key.
_FIRST_KEY_SQL = "insert into signing_keys (kid, algorithm, secret) select 'k1', $1, $2 \
where not exists (select from signing_keys where retired_at is null) on conflict (kid) do nothing"

_NEXT_KEY_SQL = "insert into signing_keys (kid, algorithm, secret) select $1, $2, $3 where not exists \
(select from signing_keys where retired_at is null and created_at > now() - make_interval(days => $4))"

# Once every node has had the time to hear of a newer one.
_RETIRE_SQL = "update signing_keys set retired_at = now() where retired_at is null and created_at < \
(select max(created_at) from signing_keys where retired_at is null and created_at < now() - interval '10 minutes')"
_FORGET_SQL = "delete from signing_keys where retired_at < now() - make_interval(secs => $1)"

_REPLACE_SQL = "with old as (update signing_keys set retired_at = least(retired_at, created_at - interval '10 years')) \
insert into signing_keys (kid, algorithm, secret) values ($1, $2, $3)"

_IS_ONE_TIME_SQL = "select from users where id = $1 and must_change_password"

_REVOKED_SQL = "select id, revoked_reason from auth_sessions \
where revoked_at is not null and revoked_at > clock_timestamp() - make_interval(secs => $1)"


class Forged(Unauthorized):
    """A token that was made up or tampered with. The answer is that of any bad token."""

    def __init__(self) -> None:
        super().__init__("token_invalid", "The access token is not valid")


class SessionRows(Protocol):
    """What identity needs of Postgres."""

    async def fetch(self, sql: str, /, *args: Any) -> Sequence[Any]: ...

    async def execute(self, sql: str, /, *args: Any) -> Any: ...


Revoked = Callable[[str, str], None]
"""Called with ``(session_id, reason)``; must not block."""


@dataclass(frozen=True, slots=True)
class _Key:
    kid: str
    private: Ed25519PrivateKey
    public: Ed25519PublicKey
    is_retired: bool
    age_s: float


@dataclass(frozen=True, slots=True)
class _Known:
    """A token whose signature need not be looked at again."""

    person: Caller
    expires_at: float
    kid: str


class Identity:
    """Makes and verifies access tokens.

    A token is refused within ``poll_s`` plus one query of its session's end on another node, at once on this node.
    While Postgres is away what is known stays in force, and the next successful look covers the whole time since
    the last one.
    """

    def __init__(
        self,
        *,
        rows: SessionRows,
        poll_s: float = 0.5,
        overlap_s: float = 10.0,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rows = rows
        self._poll_s = poll_s
        self._overlap_s = overlap_s
        self._wall = wall
        self._monotonic = monotonic
        self._api_tokens = ApiTokenTable(rows=rows, wall=wall)
        self._keys: dict[str, _Key] = {}
        self._revoked: dict[str, float] = {}
        self._known: dict[bytes, _Known] = {}  # by the token's hash, oldest first
        self._names: dict[str, tuple[str, float]] = {}  # of people who were renamed, while older tokens may live
        self._changed: dict[str, float] = {}  # sessions, since the one-time password of older tokens
        self._callbacks: list[Revoked] = []
        self._looked_at: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Makes the cluster's first key if there is none, loads keys and ended sessions, and follows them."""
        await self._rows.execute(_FIRST_KEY_SQL, ALGORITHM, Ed25519PrivateKey.generate().private_bytes_raw())
        await self.refresh()
        self._task = asyncio.create_task(self._follow(), name="identity-follow")

    async def close(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None

    def on_revoked(self, callback: Revoked) -> None:
        """``callback`` is called once for each ended session, whichever node ended it."""
        self._callbacks.append(callback)

    def mint(self, person: Caller) -> tuple[str, int]:
        """An access token and the seconds it lives."""
        key = self._signing_key()
        now = int(self._wall())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": person.id,
            "sid": person.session_id,
            "username": person.username,
            "name": person.display_name,
            "roles": sorted(person.roles),
            "iat": now,
            "exp": now + ACCESS_TTL_S,
            "jti": uuid.uuid4().hex,
        }
        if person.has_one_time_password:
            claims[ONE_TIME] = True
        token = jwt.encode(claims, key.private, algorithm=ALGORITHM, headers={"kid": key.kid, "typ": TYPE})
        self._remember(_digest(token), _Known(person, now + ACCESS_TTL_S, key.kid))
        return token, ACCESS_TTL_S

    def verify(self, token: str) -> Caller:
        """Raises Unauthorized with the code ``token_invalid``, ``token_expired`` or ``token_revoked``."""
        if len(token) > MAX_TOKEN_CHARS:
            raise _invalid()
        if token.startswith(PREFIX):
            return self._verified_api_token(token)
        digest = _digest(token)
        known = self._known.get(digest)
        if known is None or known.kid not in self._keys:
            known = self._checked(token)
        if known.expires_at + LEEWAY_S <= self._wall():
            self._known.pop(digest, None)
            raise Unauthorized("token_expired", "The access token has expired")
        if known.person.session_id in self._revoked:
            raise Unauthorized("token_revoked", "The session was ended")
        self._remember(digest, known)
        return self._named(known.person) if self._names else known.person

    def _verified_api_token(self, token: str) -> Caller:
        caller = self._api_tokens.verify(token)
        if caller.session_id in self._revoked:
            raise Unauthorized("token_revoked", "The API token was deleted")
        return caller

    def rename(self, person_id: str, display_name: str) -> None:
        """The person is called so from now on, whatever tokens say that were made before."""
        self._names[person_id] = display_name, self._monotonic() + ACCESS_TTL_S + LEEWAY_S + 60

    def _named(self, person: Caller) -> Caller:
        name = self._names.get(person.id)
        return person if name is None or name[0] == person.display_name else replace(person, display_name=name[0])

    def must_change_password(self, person: Caller) -> bool:
        """Whether the token is of a sign-in with a one-time password, as far as this node knows."""
        return person.has_one_time_password and person.session_id not in self._changed

    async def require_own_password(self, person: Caller) -> None:
        """Raises a 403 while the person has a one-time password. Postgres is asked where the token alone is refused."""
        if not self.must_change_password(person):
            return
        if await self._rows.fetch(_IS_ONE_TIME_SQL, person.id):
            raise Problem(403, CHANGE_FIRST, slug="password-change-required")
        self._changed[person.session_id] = self._monotonic() + ACCESS_TTL_S + LEEWAY_S + 60

    def is_revoked(self, session_id: str) -> bool:
        return session_id in self._revoked

    def seal(self, purpose: bytes, body: bytes) -> bytes:
        """32 bytes that only this cluster can make of these, for ``is_sealed`` on any of its nodes."""
        return _seal(self._signing_key(), purpose, body)

    def is_sealed(self, purpose: bytes, body: bytes, seal: bytes) -> bool:
        """Whether the seal, or the first 16 bytes of it, was made of these with a key that is still known."""
        if len(seal) < MIN_SEAL_BYTES:
            return False
        return any(
            hmac.compare_digest(_seal(key, purpose, body)[: len(seal)], seal) for key in list(self._keys.values())
        )

    def revoke(self, session_id: str, reason: str) -> None:
        """Refuse the session's tokens from now on, here; the row in Postgres is the caller's and tells the others."""
        is_news = session_id not in self._revoked
        self._revoked[session_id] = self._monotonic() + REVOKED_KEPT_S
        if not is_news:
            return
        self._tell(session_id, reason)

    def _tell(self, session_id: str, reason: str) -> None:
        """Have what is open of a session, or of an API token, closed on this node."""
        for callback in self._callbacks:
            callback(session_id, reason)

    async def refresh(self) -> None:
        """Take over keys, ended sessions and API tokens from Postgres, once."""
        at = self._monotonic()
        since_s = None if self._looked_at is None else at - self._looked_at + self._overlap_s
        keys = await self._rows.fetch(_KEYS_SQL, ALGORITHM, float(REVOKED_KEPT_S))
        revoked = await self._rows.fetch(_REVOKED_SQL, float(REVOKED_KEPT_S if since_s is None else since_s))
        ended_tokens = await self._api_tokens.refresh(since_s)
        self._keys = {row["kid"]: _key(row, self._keys.get(row["kid"])) for row in keys}
        self._looked_at = at
        for row in revoked:
            if str(row["id"]) not in self._revoked:
                self.revoke(str(row["id"]), row["revoked_reason"] or "ended")
        for token_id in ended_tokens:
            self._tell(token_id, "token_ended")
        self._forget_old()
        await self._api_tokens.note_use()

    async def rotate_keys(self, *, days: int) -> None:
        """Make a new key when the newest is so many days old, and retire the older ones once all nodes know it; to be
        called every hour or so. What a retired key has signed stays good until it expires.
        """
        await self._rows.execute(_NEXT_KEY_SQL, *_new_key(), days)
        await self._rows.execute(_RETIRE_SQL)
        await self._rows.execute(_FORGET_SQL, float(2 * REVOKED_KEPT_S))

    async def replace_keys(self) -> str:
        """For keys that may have leaked: the id of a new one. What the others have signed is refused by every node
        within ``poll_s``.
        """
        kid, algorithm, secret = _new_key()
        await self._rows.execute(_REPLACE_SQL, kid, algorithm, secret)
        return kid

    def _forget_old(self) -> None:
        now = self._monotonic()
        for session_id in [one for one, until in self._revoked.items() if until <= now]:
            del self._revoked[session_id]
        self._names = {person_id: name for person_id, name in self._names.items() if name[1] > now}
        self._changed = {session_id: until for session_id, until in self._changed.items() if until > now}

    async def _follow(self) -> None:
        is_failing = False
        while True:
            await asyncio.sleep(self._poll_s)
            try:
                async with asyncio.timeout(10):
                    await self.refresh()
                is_failing = False
            # The named edge of this loop: whatever keeps Postgres from answering, the next look is due.
            except Exception as error:
                if not is_failing:
                    log.warning("ended sessions cannot be followed", error=repr(error))
                is_failing = True

    def _signing_key(self) -> _Key:
        """The newest key that every node has had the time to read, else the oldest key."""
        usable = [key for key in self._keys.values() if not key.is_retired]
        if not usable:
            raise LookupError("identity has no signing key: it was not started")
        known = [key for key in usable if key.age_s > 60]
        return known[-1] if known else usable[0]

    def _remember(self, digest: bytes, known: _Known) -> None:
        """Checking a signature costs many times what all else does when a socket opens."""
        self._known[digest] = known
        if len(self._known) > MAX_KNOWN:
            del self._known[next(iter(self._known))]

    def _checked(self, token: str) -> _Known:
        """What a token says whose signature is good; it may have expired."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.get(str(header.get("kid")))
            if header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
                raise Forged
            if key is None:
                raise _invalid() if _KID.fullmatch(str(header.get("kid"))) else Forged
            claims = jwt.decode(
                token,
                key.public,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": ["exp", "iat", "sub", "sid", "jti"], "verify_exp": False, "verify_iat": False},
            )
        except _FORGERIES as error:
            raise Forged from error
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _invalid() from error
        return _Known(_person(claims), float(claims["exp"]), key.kid)


_KID: Final = re.compile(r"k[0-9a-f]{1,64}")
"""Ids of keys that there may have been. Another one tries for a path, a statement or a key of its author's."""

_FORGERIES: Final = (
    jwt.InvalidSignatureError,
    jwt.InvalidAlgorithmError,
    jwt.InvalidIssuerError,
    jwt.InvalidAudienceError,
    jwt.MissingRequiredClaimError,
)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _seal(key: _Key, purpose: bytes, body: bytes) -> bytes:
    return hmac.digest(key.private.private_bytes_raw(), len(purpose).to_bytes(2, "big") + purpose + body, "sha256")


def _invalid() -> Unauthorized:
    return Unauthorized("token_invalid", "The access token is not valid")


def _person(claims: dict[str, Any]) -> Caller:
    return Caller(
        id=claims["sub"],
        username=claims.get("username", ""),
        display_name=claims.get("name", ""),
        roles=frozenset(claims.get("roles", ())),
        session_id=claims["sid"],
        has_one_time_password=claims.get(ONE_TIME) is True,
    )


def _key(row: Any, before: _Key | None) -> _Key:
    """The key as it is now; ``before``: as it was at the last look."""
    private = before.private if before else Ed25519PrivateKey.from_private_bytes(bytes(row["secret"]))
    public = before.public if before else private.public_key()
    return _Key(row["kid"], private, public, row["retired_at"] is not None, row["age_s"])


def _new_key() -> tuple[str, str, bytes]:
    return f"k{uuid.uuid4().hex}", ALGORITHM, Ed25519PrivateKey.generate().private_bytes_raw()

"""API tokens as a node knows them: all that are good, in memory, followed from Postgres with the ended sessions.

So a token is checked without leaving the process, as an access token is, and what ends it holds on every node within a
second. A token takes about half a kilobyte; the tokens of an account are bounded.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from server.http.caller import Caller
from server.http.errors import Unauthorized
from server.scopes import roles_within

PREFIX: Final = "sf_pat_"
USE_NOTED_S: Final = 60.0
"""The last use is written at most so often for a token."""

_STATE: Final = """
select t.id, t.token_hash, t.user_id, t.scopes, extract(epoch from t.expires_at)::float8 as expires_at,
       t.revoked_at is null and u.deleted_at is null as is_good, u.username, u.display_name, u.roles,
       extract(epoch from u.suspended_until)::float8 as suspended_until
from api_tokens t join users u on u.id = t.user_id where
"""
_ALL: Final = f"{_STATE} t.revoked_at is null and (t.expires_at is null or t.expires_at > now())"
_CHANGED: Final = f"{_STATE} t.changed_at > clock_timestamp() - make_interval(secs => $1)"
_NOTE_USE: Final = """
update api_tokens t set last_used_at = greatest(t.last_used_at, to_timestamp(used.at))
from unnest($1::uuid[], $2::float8[]) as used (id, at) where t.id = used.id
"""


class TokenRows(Protocol):
    async def fetch(self, sql: str, /, *args: Any) -> Sequence[Any]: ...

    async def execute(self, sql: str, /, *args: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class _Known:
    caller: Caller
    expires_at: float | None
    suspended_until: float | None


class ApiTokenTable:
    def __init__(self, *, rows: TokenRows, wall: Callable[[], float]) -> None:
        self._rows = rows
        self._wall = wall
        self._by_hash: dict[bytes, _Known] = {}
        self._used: dict[str, float] = {}
        self._noted: dict[str, float] = {}

    def verify(self, token: str) -> Caller:
        """Raises Unauthorized with the code ``token_invalid``, ``token_expired`` or ``token_revoked``."""
        known = self._by_hash.get(hash_of(token))
        if known is None:
            raise Unauthorized("token_invalid", "The API token is not valid")
        now = self._wall()
        if known.expires_at is not None and known.expires_at <= now:
            raise Unauthorized("token_expired", "The API token has expired")
        if known.suspended_until is not None and known.suspended_until > now:
            raise Unauthorized("token_revoked", "The account is suspended")
        self._used[known.caller.session_id] = now
        return known.caller

    async def refresh(self, lookback_s: float | None) -> list[str]:
        """Take over what has changed since, or everything for None. The ids of tokens that are good no longer."""
        rows = await (self._rows.fetch(_ALL) if lookback_s is None else self._rows.fetch(_CHANGED, float(lookback_s)))
        return [token_id for row in rows if (token_id := self._take_over(row)) is not None]

    def _take_over(self, row: Any) -> str | None:
        """The token's id if it has ended with this row."""
        token_id, digest = str(row["id"]), bytes(row["token_hash"])
        is_suspended = row["suspended_until"] is not None and row["suspended_until"] > self._wall()
        was = self._by_hash.get(digest)
        if not row["is_good"]:
            self._by_hash.pop(digest, None)
            return token_id if was is not None else None
        scopes = frozenset(row["scopes"])
        caller = Caller(
            id=str(row["user_id"]),
            username=row["username"],
            display_name=row["display_name"],
            roles=roles_within(row["roles"], scopes),
            session_id=token_id,
            scopes=scopes,
        )
        self._by_hash[digest] = _Known(caller, row["expires_at"], row["suspended_until"])
        return token_id if is_suspended and was is not None and was.suspended_until != row["suspended_until"] else None

    async def note_use(self) -> None:
        """Write which tokens were used lately, each at most once in ``USE_NOTED_S``."""
        now = self._wall()
        due = {one: at for one, at in self._used.items() if now - self._noted.get(one, 0.0) >= USE_NOTED_S}
        if not due:
            return
        await self._rows.execute(_NOTE_USE, list(due), list(due.values()))
        for token_id, at in due.items():
            self._noted[token_id] = now
            if self._used.get(token_id) == at:
                del self._used[token_id]
        self._noted = {one: at for one, at in self._noted.items() if now - at < USE_NOTED_S}


def hash_of(token: str) -> bytes:
    """A token has 256 random bits, so a plain hash is enough to keep a leaked table useless."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()

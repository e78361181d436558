"""The names of WHIP and WHEP sessions: 128 random bits, a mark of who made the session, and the node that has it.

``PATCH`` and ``DELETE`` take the key or the account that made the session (RFC 9725, section 4.7). The mark is a hash
over the random bits and the maker, so that every node can check it without asking. A session that a guest made has no
mark: its address is its secret.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final, Literal

from server.http.errors import Problem, Unauthorized
from server.http.operation import PathFormat

Protocol = Literal["whip", "whep"]

_NODE: Final = "[A-Za-z0-9-]{1,80}"
WHIP_SESSION: Final = PathFormat(
    pattern=f"^whip-[0-9a-f]{{32}}-[0-9a-f]{{32}}\\.{_NODE}$",
    description="A publisher's session",
    example="whip-3f0c8a5be1d94a7c9f5b27d0c86e4a13-5d41402abc4b2a76b9719d911017c592.node-1",
)
WHEP_SESSION: Final = PathFormat(
    pattern=f"^whep-[0-9a-f]{{32}}(-[0-9a-f]{{32}})?\\.{_NODE}$",
    description="A viewer's session",
    example="whep-3f0c8a5be1d94a7c9f5b27d0c86e4a13.node-1",
)


def new_session(protocol: Protocol, *, node: str, maker: str | None) -> str:
    """The id of a new session on ``node``. ``maker`` is the stream key or the account's id, None for a guest."""
    name = f"{protocol}-{secrets.token_hex(16)}"
    mark = "" if maker is None else "-" + _mark(name, maker)
    return f"{name}{mark}.{node}"


def node_of(session_id: str) -> str:
    return session_id.partition(".")[2]


def require_maker(session_id: str, presented: str | None) -> None:
    """Raises a 401 when the session has a maker and nobody is ``presented``, a 403 when it is another one."""
    name, _, mark = session_id.partition(".")[0].rpartition("-")
    if "-" not in name:
        return
    if presented is None:
        raise Unauthorized("token_missing", "Send the key or token that made this session")
    if not hmac.compare_digest(mark, _mark(name, presented)):
        raise Problem(403, "This session was made with another key or token")


def _mark(name: str, maker: str) -> str:
    return hashlib.sha256(f"{name} {maker}".encode()).hexdigest()[:32]

"""Who makes a request."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a verified token speaks for. Names are those of the moment an access token was made.

    ``session_id``: of an API token, its own id. ``scopes``: what an API token is for; None for a session, which may do
    what its person may. ``has_one_time_password``: the person signed in with one that is to be changed first.
    """

    id: str
    username: str
    display_name: str
    roles: frozenset[str]
    session_id: str
    scopes: frozenset[str] | None = None
    has_one_time_password: bool = False

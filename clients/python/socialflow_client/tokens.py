"""The access token that calls and connections carry, and where a new one comes from."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from socialflow_client.errors import HttpRefused, SignInRequired

Renew = Callable[[], Awaitable[str]]
"""Answers a token that the server takes. Called at first, and when the last one is no longer taken."""

Post = Callable[[str, Any], Awaitable[Any]]
"""Sends a body to a path, without a token; the answer's document."""


class Tokens:
    """One token at a time. ``token``: a fixed one, how to get one, or None for a guest."""

    def __init__(self, token: str | Renew | None) -> None:
        self._renew = token if callable(token) else None
        self._token = None if callable(token) else token
        self._renewing = asyncio.Lock()

    def renew_by(self, renew: Renew) -> None:
        self._renew = renew

    async def current(self) -> str | None:
        """Raises what ``Renew`` raises."""
        if self._token is None and self._renew is not None:
            return await self.renewed(None)
        return self._token

    async def renewed(self, refused: str | None) -> str:
        """A token other than the one that was refused; callers at the same time get the same one.

        Raises ``SignInRequired`` for a fixed token, and what ``Renew`` raises.
        """
        async with self._renewing:
            if self._token is None or self._token == refused:
                if self._renew is None:
                    raise SignInRequired("token_invalid", "The token is not taken, and cannot be renewed.")
                self._token = await self._renew()
            return self._token


class PasswordLogin:
    """``Renew`` by password: signs in once, and then exchanges refresh tokens; signs in again when one is not taken."""

    def __init__(self, *, login: str, password: str, totp: str | None, post: Post) -> None:
        self._body = {"login": login, "password": password, **({"totp": totp} if totp else {})}
        self._post = post
        self._refresh_token: str | None = None

    async def __call__(self) -> str:
        """Raises ``HttpRefused`` when the password is not taken."""
        answer = await self._refreshed() or await self._post("/auth/login", self._body)
        self._refresh_token = answer["refresh_token"]
        token: str = answer["access_token"]
        return token

    async def _refreshed(self) -> Any:
        if self._refresh_token is None:
            return None
        try:
            return await self._post("/auth/refresh", {"refresh_token": self._refresh_token})
        except HttpRefused as refusal:
            if refusal.status != 401:
                raise
            return None

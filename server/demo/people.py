"""The personas as accounts of a server: registered the first time, signed in to afterwards."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, Final

from server.demo.client import Api, CallRefused
from server.demo.script import LATER, Persona, Plan

SECRET_FILE: Final = "demo.secret"  # noqa: S105 - a file name
FRIENDS: Final = 4


class SecretUnusable(Exception):
    """The secret that the passwords are made from can be neither read nor kept."""


@dataclass(kw_only=True)
class DemoMember:
    """A persona who is signed in."""

    persona: Persona
    username: str
    password: str
    token: str


def kept_secret(data_dir: Path) -> bytes:
    """What all passwords are derived from, made on first use: nobody else knows them, a second run has the same."""
    path = data_dir / SECRET_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(fd, "w") as file:
                file.write(secrets.token_urlsafe(32))
        return path.read_bytes().strip()
    except OSError as error:
        raise SecretUnusable(f"{path}: {error.strerror}") from error


class Company:
    """Brings personas in. A name that another account has is taken with a suffix that depends on the secret."""

    def __init__(self, *, api: Api, secret: bytes) -> None:
        self._api = api
        self._secret = secret

    async def bring(self, persona: Persona) -> DemoMember:
        """Sign in, or register and say who they are. Raises ``CallRefused`` and ``Lost``."""
        for username in (persona.username, f"{persona.username}_{self._derived(persona.username)[:4].lower()}"):
            member = DemoMember(
                persona=persona, username=username, password=self._derived("password " + username), token=""
            )
            if await self._enter(member):
                return member
        raise CallRefused(409, f"the names for {persona.display_name} belong to somebody else")

    async def sign_in(self, member: DemoMember) -> bool:
        """Get a fresh token; False when there is no such account, or it is not ours."""
        try:
            held = await self._api.call(
                "POST", "/api/v1/auth/login", {"login": member.username, "password": member.password}
            )
        except CallRefused as refusal:
            if refusal.status == 401:
                return False
            raise
        member.token = held["access_token"]
        return True

    async def _enter(self, member: DemoMember) -> bool:
        return await self.sign_in(member) or await self._register(member)

    async def _register(self, member: DemoMember) -> bool:
        email = f"{member.username}@demo.example"
        body = {"username": member.username, "email": email, "password": member.password}
        try:
            held = await self._api.call("POST", "/api/v1/auth/register", body)
        except CallRefused as refusal:
            if refusal.status == 409:
                return False
            raise
        member.token = held["access_token"]
        said = {"display_name": member.persona.display_name, "bio": member.persona.bio}
        await self._api.call("PATCH", "/api/v1/me", said, token=member.token)
        return True

    def _derived(self, what: str) -> str:
        return hmac.new(self._secret, what.encode(), hashlib.sha256).hexdigest()[:24]


async def befriend(api: Api, members: Sequence[DemoMember], chance: Random) -> None:
    """Everybody follows the host, who is the first, and a few others."""
    for member in members:
        others = [other for other in members if other is not member]
        for other in {id(one): one for one in (others[0], *chance.sample(others, min(FRIENDS, len(others))))}.values():
            await api.call("PUT", f"/api/v1/users/{other.username}/follow", token=member.token)


async def broadcast(api: Api, members: Sequence[DemoMember]) -> None:
    """The streams of the days to come, unless they are announced already."""
    for plan in LATER:
        owner = next(member for member in members if member.persona.username == plan.owner)
        planned = await streams_of(api, owner, state="scheduled")
        if all(stream["title"] != plan.title for stream in planned):
            await prepare(api, owner, plan)


async def streams_of(api: Api, owner: DemoMember, *, state: str) -> list[dict[str, Any]]:
    """Up to a hundred of a person's streams, the newest first."""
    page = await api.call("GET", f"/api/v1/streams?owner={owner.username}&state={state}&limit=100", token=owner.token)
    return list(page["items"])


async def prepare(api: Api, owner: DemoMember, plan: Plan) -> dict[str, Any]:
    """Create a stream; the answer holds it and what an encoder needs."""
    body = {"title": plan.title, "description": plan.description, "category": plan.category, "tags": list(plan.tags)}
    if plan.in_hours:
        at = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=plan.in_hours)
        body["scheduled_at"] = at.isoformat().replace("+00:00", "Z")
    created: dict[str, Any] = await api.call("POST", "/api/v1/streams", body, token=owner.token)
    return created

"""A person with a second factor, for tests."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import pyotp
from aiohttp import ClientResponse

from tests.server.conftest import PASSWORD, ApiFixture, Someone

LOGIN = "/api/v1/auth/login"


@dataclass
class Holder:
    """``code`` is of the step after the one that the enrolment was confirmed with, so that it was not used yet."""

    api: ApiFixture
    someone: Someone
    secret: str
    recovery_codes: list[str]

    def code(self, *, steps: int = 1) -> str:
        return pyotp.TOTP(self.secret).at(int(time.time()) + 30 * steps)

    async def login(self, **body: Any) -> ClientResponse:
        given = {"login": self.someone.username, "password": PASSWORD, **body}
        return await self.api.client.post(LOGIN, json=given)

    async def has_aged(self, seconds: int = 601) -> None:
        """The person's sessions were proven so long ago."""
        await self.api.database.execute(
            "update auth_sessions set authenticated_at = authenticated_at - make_interval(secs => $2),"
            " factor_at = factor_at - make_interval(secs => $2) where user_id = $1",
            self.someone.id,
            float(seconds),
        )


async def enrolled(api: ApiFixture, username: str = "ada") -> Holder:
    return await with_factor(api, await api.register(username))


async def with_factor(api: ApiFixture, someone: Someone) -> Holder:
    secret = (await (await someone.ask("POST", "/auth/totp/enroll")).json())["secret"]
    code = pyotp.TOTP(secret).at(int(time.time()))
    answer = await someone.ask("POST", "/auth/totp/confirm", json={"code": code})
    assert answer.status == 200, await answer.text()
    return Holder(api, someone, secret, (await answer.json())["recovery_codes"])


async def slug(answer: ClientResponse) -> tuple[int, str]:
    """The status and the end of the problem's type."""
    return answer.status, (await answer.json())["type"].rpartition("/")[2]

"""Auth calls that come at the same time: each secret is good once, and what ends sessions leaves none behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from typing import Any

import pytest
from aiohttp import ClientResponse

from server.features.people.accounts import queries
from storage.postgres import Database
from tests.e2e.waiting import until
from tests.server.conftest import PASSWORD, ApiFixture
from tests.server.features.factors.holder import enrolled
from tests.server.features.passkeys.authenticator import Authenticator
from tests.server.features.test_email_flows import NEW, _post, _token

LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
REGISTER = "/api/v1/auth/register"
WAITING = "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')"
SESSIONS = "select count(*) from auth_sessions where user_id = $1 and revoked_at is null"


async def _statuses(*calls: Awaitable[ClientResponse]) -> Counter[int]:
    return Counter(answer.status for answer in await asyncio.gather(*calls))


async def _until_one_waits(database: Database) -> None:
    await until(lambda: database.fetchval(WAITING), what="a call that waits for a lock")


def _login(api: ApiFixture) -> asyncio.Task[ClientResponse]:
    return asyncio.ensure_future(api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD}))


async def test_a_sign_in_with_the_old_password_does_not_outlive_the_change(api: ApiFixture) -> None:
    ada = await api.register("ada")
    hashed = await api.kit.passwords.hash(NEW)
    async with api.database.transaction() as tx:
        await tx.execute(queries.NEW_HASH, ada.id, hashed)
        late = _login(api)
        await _until_one_waits(api.database)
        await tx.fetch(queries.END_ALL_SESSIONS, ada.id, "password_reset")
    assert (await late).status == 401
    assert await api.database.fetchval(SESSIONS, ada.id) == 0


async def test_a_sign_in_does_not_outlive_a_suspension(api: ApiFixture) -> None:
    ada = await api.register("ada")
    until = await api.database.fetchval("select now() + interval '1 hour'")
    async with api.database.transaction() as tx:
        await tx.fetchval(queries.SUSPEND, ada.id, until)
        late = _login(api)
        await _until_one_waits(api.database)
        await tx.fetch(queries.END_ALL_SESSIONS, ada.id, "suspended")
    assert (await late).status == 403
    assert await api.database.fetchval(SESSIONS, ada.id) == 0


async def test_a_session_that_is_ended_while_it_is_refreshed_stays_ended(api: ApiFixture) -> None:
    ada = await api.register("ada")
    other = await (await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD})).json()
    ended = ada.ask("DELETE", "/auth/sessions")
    refreshes = [api.client.post(REFRESH, json={"refresh_token": other["refresh_token"]}) for _ in range(4)]
    done, *pairs = await asyncio.gather(ended, *refreshes)
    assert done.status == 204
    assert {one.status for one in pairs} <= {200, 401}
    for held in [await one.json() for one in pairs if one.status == 200]:
        assert (await api.client.post(REFRESH, json={"refresh_token": held["refresh_token"]})).status == 401
        headers = {"Authorization": f"Bearer {held['access_token']}"}
        assert (await api.client.get("/api/v1/me", headers=headers)).status == 401


@pytest.mark.parametrize("same", ["username", "email"])
async def test_of_twenty_registrations_at_once_of_one_name_one_is_made(api: ApiFixture, same: str) -> None:
    def body(number: int) -> dict[str, str]:
        names = {"username": f"ada_{number}", "email": f"ada{number}@example.org", "password": PASSWORD}
        return {**names, same: "ada@example.org" if same == "email" else "ada"}

    assert await _statuses(*(api.client.post(REGISTER, json=body(number)) for number in range(20))) == {201: 1, 409: 19}
    assert await api.database.fetchval("select count(*) from users") == 1


async def test_a_link_of_a_mail_works_once_also_when_it_is_used_twice_at_once(api: ApiFixture) -> None:
    await api.register("ada")
    token = await _token(api, "verify_email")
    assert sorted(await asyncio.gather(*(_post(api, "email/verify", token=token) for _ in range(4)))) == [
        204,
        *[422] * 3,
    ]
    assert await _post(api, "password/forgot", email="ada@example.org") == 202
    await api.kit.run_jobs()
    token = await _token(api, "reset_password")
    resets = [_post(api, "password/reset", token=token, password=f"{NEW} {number}") for number in range(4)]
    assert sorted(await asyncio.gather(*resets)) == [204, *[422] * 3]


async def test_a_recovery_code_works_once_also_when_it_is_used_twice_at_once(api: ApiFixture) -> None:
    ada = await enrolled(api)
    calls = (ada.login(totp=ada.recovery_codes[0]) for _ in range(4))
    assert await _statuses(*calls) == {200: 1, 401: 3}


async def test_a_challenge_makes_one_passkey_also_when_it_is_answered_twice_at_once(api: ApiFixture) -> None:
    ada = await api.register("ada")
    options = await (await ada.ask("POST", "/auth/passkeys/options")).json()
    made: list[dict[str, Any]] = [
        {"name": "Key", "credential": Authenticator(origin="https://live.test", rp_id="live.test").create(options)}
        for _ in range(2)
    ]
    assert await _statuses(*(ada.ask("POST", "/auth/passkeys", json=body) for body in made)) == {201: 1, 422: 1}

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from aiohttp import ClientResponse

from server.features.people.accounts.devices import Device
from server.features.people.accounts.passwords import Passwords
from server.features.people.accounts.sessions import MAX_REFRESHES
from server.hashing.argon2 import Cost
from server.hashing.process import HashingThreads
from server.http.errors import Problem, Unauthorized
from server.http.identity import Identity
from storage.postgres import Database
from tests.server.conftest import PASSWORD, ApiFixture

REGISTER = "/api/v1/auth/register"
LOGIN = "/api/v1/auth/login"
REFRESH = "/api/v1/auth/refresh"
DEVICE = Device(address="127.0.0.1", user_agent="test")


async def test_register_signs_in_and_answers_the_profile(api: ApiFixture) -> None:
    ada = await api.register("Ada_1")
    me = await (await ada.ask("GET", "/me")).json()
    assert me["username"] == "Ada_1"
    assert me["email"] == "Ada_1@example.org"
    assert me["roles"] == ["viewer", "creator"]
    assert me["counts"] == {"followers": 0, "following": 0, "streams": 0}
    assert me["created_at"].endswith("Z")
    assert "password" not in me


async def test_register_gives_each_person_a_stream_key(api: ApiFixture) -> None:
    ada = await api.register("ada")
    key = await api.database.fetchval("select stream_key from users where id = $1", ada.id)
    assert key.startswith("sk_")
    assert len(key) == 35


@pytest.mark.parametrize(
    ("username", "email", "fields"),
    [
        ("ADA", "other@example.org", ["username"]),
        ("other", "Ada@Example.org", ["email"]),
        ("Ada", "ada@example.org", ["username", "email"]),
        ("Admin", "other@example.org", ["username"]),
    ],
)
async def test_register_of_something_taken_is_a_409_that_names_it(
    api: ApiFixture, username: str, email: str, fields: list[str]
) -> None:
    await api.register("ada")
    answer = await api.client.post(REGISTER, json={"username": username, "email": email, "password": PASSWORD})
    assert answer.status == 409
    assert [one["field"] for one in (await answer.json())["errors"]] == fields


async def test_register_twice_at_once_makes_one_account(api: ApiFixture) -> None:
    body = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    answers = await asyncio.gather(*(api.client.post(REGISTER, json=body) for _ in range(5)))
    assert sorted(one.status for one in answers) == [201, 409, 409, 409, 409]


async def test_register_names_every_wrong_field_at_once(api: ApiFixture) -> None:
    body = {"username": "a b", "email": "nobody", "password": "short", "is_admin": True}
    answer = await api.client.post(REGISTER, json=body)
    assert answer.status == 422
    assert {one["field"] for one in (await answer.json())["errors"]} == {"username", "email", "password", "is_admin"}


@pytest.mark.parametrize("login", ["ada", "ADA", "ada@example.org", "Ada@EXAMPLE.org"])
async def test_login_takes_username_and_email_in_any_case(api: ApiFixture, login: str) -> None:
    await api.register("ada")
    answer = await api.client.post(LOGIN, json={"login": login, "password": PASSWORD})
    assert answer.status == 200
    held = await answer.json()
    assert held["token_type"] == "Bearer"
    assert held["expires_in"] == 900
    assert held["user"]["username"] == "ada"


async def test_login_answers_the_same_for_an_unknown_name_and_a_wrong_password(api: ApiFixture) -> None:
    await api.register("ada")
    wrong = await api.client.post(LOGIN, json={"login": "ada", "password": "not the password"})
    unknown = await api.client.post(LOGIN, json={"login": "nobody", "password": "not the password"})
    assert wrong.status == unknown.status == 401
    assert await wrong.json() == await unknown.json()


async def test_login_takes_a_password_typed_in_another_unicode_form(api: ApiFixture) -> None:
    await api.register("ada", password="pässwörter①")
    answer = await api.client.post(LOGIN, json={"login": "ada", "password": "pa\u0308sswo\u0308rter1"})
    assert answer.status == 200


async def test_login_of_a_suspended_account_is_a_403(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await api.database.execute("update users set suspended_until = now() + interval '1 hour' where id = $1", ada.id)
    assert (await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD})).status == 403
    assert (await api.client.post(REFRESH, json={"refresh_token": ada.refresh_token})).status == 403


async def test_login_hashes_anew_when_the_parameters_have_changed(api: ApiFixture) -> None:
    ada = await api.register("ada")
    before = await api.database.fetchval("select password_hash from users where id = $1", ada.id)
    stronger = Passwords(cost=Cost(time_cost=2, memory_kib=64), hashing=HashingThreads())
    accounts = replace(api.kit, passwords=stronger).install().accounts
    await accounts.login(login="ada", password=PASSWORD, device=DEVICE)
    after = await api.database.fetchval("select password_hash from users where id = $1", ada.id)
    assert "t=1" in before
    assert "t=2" in after
    await accounts.login(login="ada", password=PASSWORD, device=DEVICE)
    stronger.close()


async def test_refresh_answers_a_new_pair_of_the_same_session(api: ApiFixture) -> None:
    ada = await api.register("ada")
    answer = await api.client.post(REFRESH, json={"refresh_token": ada.refresh_token})
    assert answer.status == 200
    held = await answer.json()
    assert held["refresh_token"] != ada.refresh_token
    assert api.identity.verify(held["access_token"]).session_id == api.identity.verify(ada.access_token).session_id


async def _used_long_ago(api: ApiFixture, seconds: int = 11) -> None:
    ago = f"{seconds} s"
    await api.database.execute("update refresh_tokens set used_at = used_at - $1::text::interval", ago)


async def _refresh(api: ApiFixture, token: str, agent: str = "") -> ClientResponse:
    headers = {"User-Agent": agent} if agent else {}
    return await api.client.post(REFRESH, json={"refresh_token": token}, headers=headers)


async def test_spent_refresh_token_that_comes_again_later_ends_the_whole_family(api: ApiFixture) -> None:
    ada = await api.register("ada")
    held = await (await _refresh(api, ada.refresh_token)).json()
    await _used_long_ago(api)
    assert (await _refresh(api, ada.refresh_token)).status == 401
    assert (await _refresh(api, held["refresh_token"])).status == 401
    assert (await ada.ask("GET", "/me")).status == 401
    reason = await api.database.fetchval("select revoked_reason from auth_sessions")
    assert reason == "refresh_token_reused"


async def test_spent_refresh_token_of_another_user_agent_ends_the_whole_family(api: ApiFixture) -> None:
    ada = await api.register("ada")
    held = await (await _refresh(api, ada.refresh_token)).json()
    assert (await _refresh(api, ada.refresh_token, "curl/8")).status == 401
    assert (await _refresh(api, held["refresh_token"])).status == 401


async def test_refresh_token_sent_again_by_the_same_device_within_ten_seconds_gives_another_pair(
    api: ApiFixture,
) -> None:
    ada = await api.register("ada")
    answers = await asyncio.gather(*(_refresh(api, ada.refresh_token) for _ in range(4)))
    assert [one.status for one in answers] == [200] * 4
    await _used_long_ago(api, 9)
    answers.append(await _refresh(api, ada.refresh_token))
    pairs = [await one.json() for one in answers]
    assert len({pair["refresh_token"] for pair in pairs}) == 5
    for pair in pairs:
        assert (await _refresh(api, pair["refresh_token"])).status == 200
    assert (await ada.ask("GET", "/me")).status == 200


async def test_refreshes_of_one_session_are_bounded(api: ApiFixture) -> None:
    ada = await api.register("ada")
    statuses = [(await _refresh(api, ada.refresh_token)).status for _ in range(MAX_REFRESHES + 1)]
    assert statuses[:3] == [200] * 3
    assert statuses[-1] == 429


async def test_expired_refresh_token_is_a_401(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await api.database.execute("update refresh_tokens set expires_at = now() - interval '1 s'")
    answer = await api.client.post(REFRESH, json={"refresh_token": ada.refresh_token})
    assert answer.status == 401
    assert (await answer.json())["code"] == "token_expired"


async def test_unknown_refresh_token_is_a_401(api: ApiFixture) -> None:
    answer = await api.client.post(REFRESH, json={"refresh_token": "rt_nothing"})
    assert answer.status == 401
    assert (await answer.json())["code"] == "token_invalid"


async def test_logout_stops_both_tokens_here_and_on_other_nodes(api: ApiFixture, database: Database) -> None:
    ada = await api.register("ada")
    elsewhere = Identity(rows=database, poll_s=0.02)
    await elsewhere.start()
    heard: asyncio.Queue[str] = asyncio.Queue()
    elsewhere.on_revoked(lambda session_id, reason: heard.put_nowait(reason))
    elsewhere.verify(ada.access_token)
    assert (await ada.ask("POST", "/auth/logout")).status == 204
    assert (await ada.ask("GET", "/me")).status == 401
    assert (await api.client.post(REFRESH, json={"refresh_token": ada.refresh_token})).status == 401
    assert await asyncio.wait_for(heard.get(), 30) == "logout"
    with pytest.raises(Unauthorized) as refused:
        elsewhere.verify(ada.access_token)
    assert refused.value.code == "token_revoked"
    await elsewhere.close()


async def test_sessions_are_listed_with_the_newest_first_and_page_by_page(api: ApiFixture) -> None:
    ada = await api.register("ada")
    for agent in ("phone", "tablet"):
        body = {"login": "ada", "password": PASSWORD}
        await api.client.post(LOGIN, json=body, headers={"User-Agent": agent})
    first = await (await ada.ask("GET", "/auth/sessions?limit=2")).json()
    assert [one["user_agent"] for one in first["items"]] == ["tablet", "phone"]
    assert [one["current"] for one in first["items"]] == [False, False]
    rest = await (await ada.ask("GET", f"/auth/sessions?limit=2&cursor={first['next']}")).json()
    assert [one["current"] for one in rest["items"]] == [True]
    assert rest["next"] is None


async def test_ended_session_is_refused_and_other_sessions_go_on(api: ApiFixture) -> None:
    ada = await api.register("ada")
    phone = await (await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD})).json()
    phone_session = api.identity.verify(phone["access_token"]).session_id
    heard: list[tuple[str, str]] = []
    api.identity.on_revoked(lambda session_id, reason: heard.append((session_id, reason)))
    assert (await ada.ask("DELETE", f"/auth/sessions/{phone_session}")).status == 204
    assert heard == [(phone_session, "ended")]
    refused = await api.client.get("/api/v1/me", headers={"Authorization": f"Bearer {phone['access_token']}"})
    assert refused.status == 401
    assert (await ada.ask("GET", "/me")).status == 200
    assert (await ada.ask("DELETE", f"/auth/sessions/{phone_session}")).status == 404


async def test_session_of_somebody_else_is_not_there(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    session_id = api.identity.verify(bob.access_token).session_id
    assert (await ada.ask("DELETE", f"/auth/sessions/{session_id}")).status == 404
    assert (await bob.ask("GET", "/me")).status == 200


async def test_purge_forgets_only_what_can_never_be_used_again(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    await api.database.execute("update auth_sessions set expires_at = now() where user_id = $1", bob.id)
    await api.people.sessions.purge()
    assert await api.database.fetchval("select count(*) from auth_sessions") == 1
    assert (await api.client.post(REFRESH, json={"refresh_token": ada.refresh_token})).status == 200
    assert (await api.client.post(REFRESH, json={"refresh_token": bob.refresh_token})).status == 401


async def test_what_happens_to_an_account_is_logged(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD})
    await ada.ask("POST", "/auth/logout")
    rows = await api.database.fetch("select action from audit_log where actor_id = $1 order by id", ada.id)
    assert [row["action"] for row in rows] == ["account.registered", "session.began", "session.logout"]


async def test_first_admin_is_made_once_however_many_nodes_start(api: ApiFixture) -> None:
    made = await asyncio.gather(*(api.people.operators.create_first_admin() for _ in range(3)))
    admins = [one for one in made if one is not None]
    assert len(admins) == 1
    answer = await api.client.post(LOGIN, json={"login": "admin", "password": admins[0].password})
    assert "admin" in (await answer.json())["user"]["roles"]
    assert await api.people.operators.create_first_admin() is None


async def test_admin_of_a_taken_name_is_a_409(api: ApiFixture) -> None:
    await api.register("ada")
    with pytest.raises(Problem) as refused:
        await api.people.operators.create_admin(username="ada", email="new@example.org")
    assert refused.value.status == 409


async def test_user_agent_that_is_not_utf8_is_kept_as_far_as_it_can_be(api: ApiFixture) -> None:
    await api.register("ada")
    signed_in = await api.accounts.login(
        login="ada", password=PASSWORD, device=Device(address="127.0.0.1", user_agent="bad \udcff agent" + "x" * 999)
    )
    kept = await api.database.fetchval("select user_agent from auth_sessions order by id desc limit 1")
    assert kept.startswith("bad ? agent")
    assert len(kept) == 256
    assert signed_in.user.username == "ada"


async def test_changed_password_is_the_only_one_and_ends_the_other_sessions(api: ApiFixture) -> None:
    ada = await api.register("ada")
    other = await (await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD})).json()
    change = {"password": PASSWORD, "new_password": "another horse, another battery"}
    assert (await ada.ask("POST", "/auth/password/change", json=change)).status == 204
    assert (await ada.ask("GET", "/me")).status == 200
    assert (await _refresh(api, other["refresh_token"])).status == 401
    headers = {"Authorization": f"Bearer {other['access_token']}"}
    assert (await api.client.get("/api/v1/me", headers=headers)).status == 401
    assert (await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD})).status == 401
    assert (await api.client.post(LOGIN, json={"login": "ada", "password": change["new_password"]})).status == 200


@pytest.mark.parametrize(
    ("password", "new_password", "status"),
    [
        ("wrong", "another horse, another battery", 403),
        (PASSWORD, "password123", 422),
        (PASSWORD, "nine char", 422),
        (PASSWORD, "sunny-Ada-weather", 422),
        (PASSWORD, "ada@example.org", 422),
    ],
)
async def test_password_is_not_changed_without_the_old_one_or_to_a_weak_one(
    api: ApiFixture, password: str, new_password: str, status: int
) -> None:
    ada = await api.register("ada")
    change = {"password": password, "new_password": new_password}
    assert (await ada.ask("POST", "/auth/password/change", json=change)).status == status
    assert (await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD})).status == 200


@pytest.mark.parametrize("password", ["password123", "1234567890", "Ada_Lovelace1", "my-ada_lovelace-horse"])
async def test_common_password_is_refused_at_registration(api: ApiFixture, password: str) -> None:
    body = {"username": "ada_lovelace", "email": "ada@example.org", "password": password}
    answer = await api.client.post(REGISTER, json=body)
    assert answer.status == 422
    assert [one["field"] for one in (await answer.json())["errors"]] == ["password"]


@pytest.mark.parametrize("prompt", [("DELETE", "/me"), ("POST", "/auth/password/change")])
async def test_every_prompt_for_a_password_counts_as_a_guess(api: ApiFixture, prompt: tuple[str, str]) -> None:
    ada = await api.register("ada")
    more = {"new_password": "another horse, another battery"} if prompt[0] == "POST" else {}
    statuses = [(await ada.ask(*prompt, json={"password": f"wrong {n}", **more})).status for n in range(12)]
    assert statuses == [403] * 10 + [429] * 2
    right = await ada.ask(*prompt, json={"password": PASSWORD, **more})
    assert right.status == 429
    assert int(right.headers["Retry-After"]) > 0


async def test_guesses_are_limited_from_loopback_too_and_right_ones_cost_nothing(api: ApiFixture) -> None:
    await api.register("ada")
    stranger = {"User-Agent": "stranger", "Cookie": ""}
    wrong = {"login": "ada", "password": "wrong"}
    right = {"login": "ada", "password": PASSWORD}
    assert [(await api.client.post(LOGIN, json=right)).status for _ in range(15)] == [200] * 15
    api.client.session.cookie_jar.clear()
    statuses = [(await api.client.post(LOGIN, json=wrong, headers=stranger)).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2
    assert (await api.client.post(LOGIN, json=right, headers=stranger)).status == 429


async def test_device_that_is_known_by_its_cookie_gets_in_while_others_guess_at_the_same_address(
    api: ApiFixture,
) -> None:
    await api.register("ada")
    right = {"login": "ADA@example.org", "password": PASSWORD}
    signed_in = await api.client.post(LOGIN, json=right, headers={"User-Agent": "one"})
    cookie = signed_in.cookies["sf_device"]
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/api/v1/auth", True, "Strict")
    api.client.session.cookie_jar.clear()
    for _ in range(12):
        await api.client.post(LOGIN, json={"login": "ada", "password": "wrong"}, headers={"User-Agent": "x"})
    headers = {"User-Agent": "two", "Cookie": f"sf_device={cookie.value}"}
    assert (await api.client.post(LOGIN, json=right, headers=headers)).status == 200
    api.client.session.cookie_jar.clear()
    forged = {"User-Agent": "three", "Cookie": f"sf_device={'A' * 22}"}
    assert (await api.client.post(LOGIN, json=right, headers=forged)).status == 429


async def test_guesses_at_a_name_that_nobody_has_are_limited_alike(api: ApiFixture) -> None:
    wrong = {"login": "nobody_1", "password": "wrong"}
    statuses = [(await api.client.post(LOGIN, json=wrong)).status for _ in range(12)]
    assert statuses == [401] * 10 + [429] * 2


async def test_operators_reset_gives_a_new_password_and_ends_all_sessions(api: ApiFixture) -> None:
    ada = await api.register("ada")
    password = await api.people.operators.reset_password(username="ADA")
    await api.identity.refresh()
    assert (await ada.ask("GET", "/me")).status == 401
    assert (await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD})).status == 401
    assert (await api.client.post(LOGIN, json={"login": "ada", "password": password})).status == 200
    assert await api.people.operators.reset_password(username="nobody") is None


async def test_all_that_is_wrong_with_a_registration_is_said_at_once(api: ApiFixture) -> None:
    body = {"username": "a b", "email": "nowhere", "password": "password123"}
    answer = await api.client.post("/api/v1/auth/register", json=body)
    assert answer.status == 422
    assert {error["field"] for error in (await answer.json())["errors"]} == {"username", "email", "password"}

"""Sessions: where a page's refresh token lies, which devices there are, and how they are signed out."""

from __future__ import annotations

from http.cookies import Morsel
from typing import Any

import pytest
from aiohttp import ClientResponse

from server.features.people.accounts import queries
from server.features.people.accounts.devices import Seen, device_name
from server.features.people.accounts.methods import Provider
from server.http.languages import preferred
from tests.server.conftest import PASSWORD, ApiFixture

REGISTER, LOGIN = "/api/v1/auth/register", "/api/v1/auth/login"
REFRESH, LOGOUT = "/api/v1/auth/refresh", "/api/v1/auth/logout"


async def _sign_in(api: ApiFixture) -> ClientResponse:
    await api.register("ada")
    body = {"login": "ada", "password": PASSWORD, "session": "cookie"}
    return await api.client.post(LOGIN, json=body)


def _cookie(answer: ClientResponse) -> Morsel[str]:
    return answer.cookies["sf_refresh"]


@pytest.mark.parametrize("path", [REGISTER, LOGIN])
async def test_a_cookie_session_has_its_refresh_token_where_no_script_reads_it(api: ApiFixture, path: str) -> None:
    if path == LOGIN:
        answer = await _sign_in(api)
    else:
        body = {"username": "ada", "email": "ada@example.org", "password": PASSWORD, "session": "cookie"}
        answer = await api.client.post(REGISTER, json=body)
    cookie = _cookie(answer)
    assert (cookie["path"], cookie["httponly"], cookie["samesite"]) == ("/api/v1/auth", True, "Strict")
    assert cookie.value.startswith("rt_")
    assert "refresh_token" not in await answer.json()
    assert cookie.value not in await answer.text()


async def test_refresh_without_a_body_takes_the_cookie_and_gives_the_next(api: ApiFixture) -> None:
    first = _cookie(await _sign_in(api))
    answer = await api.client.post(REFRESH)
    assert answer.status == 200
    assert "refresh_token" not in await answer.json()
    assert _cookie(answer).value != first.value
    assert (await api.client.post(REFRESH)).status == 200


async def test_refresh_with_a_body_answers_the_token_in_the_body(api: ApiFixture) -> None:
    ada = await api.register("ada")
    answer = await api.client.post(REFRESH, json={"refresh_token": ada.refresh_token})
    assert (await answer.json())["refresh_token"].startswith("rt_")
    assert "sf_refresh" not in answer.cookies


async def test_a_session_whose_page_held_its_token_moves_into_the_cookie(api: ApiFixture) -> None:
    ada = await api.register("ada")
    answer = await api.client.post(REFRESH, json={"refresh_token": ada.refresh_token, "session": "cookie"})
    assert "refresh_token" not in await answer.json()
    assert (await api.client.post(REFRESH)).status == 200


async def test_refresh_without_body_and_cookie_is_a_400(api: ApiFixture) -> None:
    assert (await api.client.post(REFRESH)).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
@pytest.mark.parametrize("path", [REFRESH, LOGOUT])
async def test_the_cookie_is_not_taken_from_a_page_of_another_origin(
    api: ApiFixture, path: str, headers: dict[str, str]
) -> None:
    await _sign_in(api)
    assert (await api.client.post(path, headers=headers)).status == 403
    assert (await api.client.post(REFRESH, headers=_own(api))).status == 200


def _own(api: ApiFixture) -> dict[str, str]:
    return {"Origin": str(api.client.make_url("/")).rstrip("/"), "Sec-Fetch-Site": "same-origin"}


async def test_logout_without_a_body_ends_the_session_of_the_cookie_and_takes_it_away(api: ApiFixture) -> None:
    signed_in = await _sign_in(api)
    access = (await signed_in.json())["access_token"]
    answer = await api.client.post(LOGOUT, headers=_own(api))
    assert answer.status == 204
    assert (_cookie(answer).value, _cookie(answer)["max-age"]) == ("", "0")
    headers = {"Authorization": f"Bearer {access}", "Cookie": f"sf_refresh={_cookie(signed_in).value}"}
    assert (await api.client.get("/api/v1/me", headers=headers)).status == 401
    assert (await api.client.post(REFRESH, headers={"Cookie": headers["Cookie"]})).status == 401


async def test_logout_of_nobody_is_a_401(api: ApiFixture) -> None:
    assert (await api.client.post(LOGOUT)).status == 401
    forged = {"Cookie": f"sf_refresh=rt_{'A' * 43}"}
    assert (await api.client.post(LOGOUT, headers=forged)).status == 401


async def test_two_tabs_that_refresh_at_once_by_one_cookie_both_get_on(api: ApiFixture) -> None:
    cookie = _cookie(await _sign_in(api)).value
    answers = [await _refresh_by(api, cookie) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200]
    assert len({_cookie(answer).value for answer in answers}) == 2
    stolen = await _refresh_by(api, cookie, agent="another browser")
    assert stolen.status == 401
    assert (await _refresh_by(api, _cookie(answers[0]).value)).status == 401


async def _refresh_by(api: ApiFixture, value: str, agent: str | None = None) -> ClientResponse:
    api.client.session.cookie_jar.clear()
    headers: dict[str, Any] = {"Cookie": f"sf_refresh={value}"} | ({"User-Agent": agent} if agent else {})
    return await api.client.post(REFRESH, headers=headers)


async def test_all_other_devices_are_signed_out_at_once(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    others = [await (await api.client.post(LOGIN, json=_login("ada"))).json() for _ in range(2)]
    assert (await ada.ask("DELETE", "/auth/sessions")).status == 204
    assert [one["current"] for one in (await (await ada.ask("GET", "/auth/sessions")).json())["items"]] == [True]
    for other in others:
        headers = {"Authorization": f"Bearer {other['access_token']}"}
        assert (await api.client.get("/api/v1/me", headers=headers)).status == 401
        assert (await api.client.post(REFRESH, json={"refresh_token": other["refresh_token"]})).status == 401
    assert (await bob.ask("GET", "/me")).status == 200


def _login(name: str) -> dict[str, str]:
    return {"login": name, "password": PASSWORD}


async def test_devices_have_names_that_people_read(api: ApiFixture) -> None:
    ada = await api.register("ada")
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
    await api.client.post(LOGIN, json=_login("ada"), headers={"User-Agent": agent})
    newest = (await (await ada.ask("GET", "/auth/sessions")).json())["items"][0]
    assert (newest["device"], newest["user_agent"]) == ("Firefox on Linux", agent)


@pytest.mark.parametrize(
    ("agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64) AppleWebKit/537 Chrome/149.0 Safari/537 Edg/149.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) Version/26.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16; Pixel 10) Chrome/149.0 Mobile Safari/537.36", "Chrome on Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/26.0 Safari/605", "Safari on macOS"),
        ("curl/8.14.1", "curl"),
        ("Mozilla/5.0", ""),
        ("", ""),
        ("<script>alert(1)</script>", ""),
    ],
)  # fmt: skip
def test_device_name_says_program_and_system(agent: str, name: str) -> None:
    assert device_name(agent) == name


async def test_methods_are_the_password_and_what_other_rooms_add(api: ApiFixture) -> None:
    methods = "/api/v1/auth/methods"
    assert await (await api.client.get(methods)).json() == {"password": True, "passkeys": True, "oauth": []}
    api.people.methods.add_provider(Provider(provider="google", name="Google"))
    offered = {"password": True, "passkeys": True, "oauth": [{"provider": "google", "name": "Google"}]}
    assert await (await api.client.get(methods)).json() == offered


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ar-EG,ar;q=0.9,en;q=0.5", "ar"),
        ("fr, ar;q=0.4, en;q=0.3", "ar"),
        ("en, ar;q=0.9", "en"),
        ("ar;q=0", "en"),
        ("ar;q=x", "en"),
        ("ar;q=nan", "en"),
        (",;;q=,", "en"),
        ("de," * 10_000 + "ar", "en"),
    ],
)
def test_language_is_the_one_that_the_client_ranks_highest(header: str, language: str) -> None:
    assert preferred(header, ["en", "ar"]) == language


@pytest.mark.parametrize(("reason", "is_known"), [(None, True), ("logout", True), ("ended", False)])
async def test_sessions_that_nobody_had_to_end_say_which_devices_an_account_knows(
    api: ApiFixture, reason: str | None, is_known: bool
) -> None:
    ada = await api.register("ada")
    used = await api.database.fetchrow("select device_key, user_agent from auth_sessions where user_id = $1", ada.id)
    if reason is not None:
        await api.database.fetch(queries.END_ALL_SESSIONS, ada.id, reason)
    assert used is not None
    by_cookie = await api.database.fetchrow(queries.SEEN, ada.id, used["device_key"], "another browser")
    by_agent = await api.database.fetchrow(queries.SEEN, ada.id, None, used["user_agent"])
    assert by_cookie is not None
    assert by_agent is not None
    assert Seen.of(by_cookie) == Seen(is_first=not is_known, has_cookie=is_known)
    assert Seen.of(by_agent) == Seen(is_first=not is_known, addresses=["127.0.0.1"] if is_known else ())

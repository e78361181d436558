"""People as admins find them, their roles, and what operators do from the command line."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from server.http.identity import Identity
from tests.server.conftest import PASSWORD, ApiFixture, Someone
from tests.server.features.test_audit import admin_of

PEOPLE = "/admin/people"


async def _names(admin: Someone, query: str = "") -> list[str]:
    answer = await admin.ask("GET", PEOPLE + query)
    assert answer.status == 200, await answer.text()
    return [one["username"] for one in (await answer.json())["items"]]


async def _patch(admin: Someone, person: Someone, **body: Any) -> tuple[int, dict[str, Any]]:
    answer = await admin.ask("PATCH", f"{PEOPLE}/{person.id}", json=body)
    return answer.status, await answer.json()


async def test_people_are_found_by_name_address_role_and_state(api: ApiFixture) -> None:
    _, adam, bob = [await api.register(name) for name in ("ada", "Adam_1", "bob")]
    admin = await admin_of(api)
    await _patch(admin, bob, suspended_until="2099-01-01T00:00:00Z")
    await api.database.execute("update users set deleted_at = now() where id = $1", adam.id)
    assert await _names(admin) == ["root_1", "bob", "Adam_1", "ada"]
    assert await _names(admin, "?q=AD") == ["Adam_1", "ada"]
    assert await _names(admin, "?q=ada@") == ["ada"]
    assert await _names(admin, "?role=admin") == ["root_1"]
    assert await _names(admin, "?state=suspended") == ["bob"]
    assert await _names(admin, "?state=leaving") == ["Adam_1"]
    assert await _names(admin, "?state=active&role=creator") == ["root_1", "ada"]
    first = await (await admin.ask("GET", f"{PEOPLE}?limit=3")).json()
    assert await _names(admin, f"?cursor={first['next']}") == ["ada"]


@pytest.mark.parametrize("query", ["%25", "_da", "a%25", "\\", "' or 1=1 --", "d"])
async def test_signs_of_patterns_are_signs(api: ApiFixture, query: str) -> None:
    await api.register("ada")
    assert await _names(await admin_of(api), f"?q={query}") == []


async def test_a_person_is_shown_with_state_and_last_sight_but_not_once_wiped(api: ApiFixture) -> None:
    ada, admin = await api.register("ada"), await admin_of(api)
    (shown,) = (await (await admin.ask("GET", f"{PEOPLE}?q=ada")).json())["items"]
    assert (shown["email"], shown["state"], shown["roles"]) == ("ada@example.org", "active", ["viewer", "creator"])
    assert shown["last_seen_at"].endswith("Z")
    await ada.ask("DELETE", "/me", json={"password": PASSWORD})
    await api.wipe_deleted()
    assert await _names(admin) == ["root_1"]


async def test_a_birth_date_is_corrected_and_the_log_does_not_say_to_what(api: ApiFixture) -> None:
    ada, admin = await api.register("ada"), await admin_of(api)
    right = "1999-02-03"
    for wrong in (None, "2999-01-01", "1999", 5):
        status, refused = await _patch(admin, ada, birth_date=wrong)
        assert (status, refused["errors"][0]["field"]) == (422, "birth_date")
    assert (await _patch(ada, ada, birth_date=right))[0] == 403
    assert (await _patch(admin, admin, birth_date=right))[0] == 409
    for was_known in (False, True):
        assert (await _patch(admin, ada, birth_date=right, reason="a passport"))[0] == 200
        log = await admin.ask("GET", "/admin/audit?action=person.birth_date_corrected&limit=1")
        (noted,) = (await log.json())["items"]
        assert (noted["detail"], noted["why"]) == ({"was_known": was_known}, "a passport")
    assert (await (await ada.ask("GET", "/me")).json())["birth_date"] == right


async def test_a_role_that_is_given_counts_from_the_next_token_and_one_that_is_taken_at_once(api: ApiFixture) -> None:
    ada, admin = await api.register("ada"), await admin_of(api)
    status, shown = await _patch(admin, ada, roles=["creator", "moderator", "admin"], reason="new colleague")
    assert (status, shown["roles"]) == (200, ["admin", "creator", "moderator", "viewer"])
    assert (await ada.ask("GET", PEOPLE)).status == 403
    answer = await api.client.post("/api/v1/auth/refresh", json={"refresh_token": ada.refresh_token})
    ada.access_token = (await answer.json())["access_token"]
    assert (await ada.ask("GET", PEOPLE)).status == 200
    assert (await _patch(admin, ada, roles=["creator"]))[0] == 200
    assert (await ada.ask("GET", PEOPLE)).status == 401
    newest, before = (await (await admin.ask("GET", "/admin/audit?action=person")).json())["items"]
    assert newest["detail"]["after"] == ["creator", "viewer"]
    assert (before["why"], before["detail"]["before"]) == ("new colleague", ["viewer", "creator"])


async def test_who_is_given_a_role_without_those_of_everybody_stays_signed_in(api: ApiFixture) -> None:
    ada, admin = await api.register("ada"), await admin_of(api)
    assert (await _patch(admin, ada, roles=["support"]))[1]["roles"] == ["support", "viewer"]
    assert (await ada.ask("GET", "/me")).status == 200
    assert (await _patch(admin, ada, roles=["creator"]))[0] == 200
    assert (await ada.ask("GET", "/me")).status == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"reason": "none"}, 422),
        ({"roles": None}, 422),
        ({"roles": ["root"]}, 422),
        ({"roles": "admin"}, 422),
        ({"roles": ["viewer"] * 9}, 422),
        ({"suspended_until": 4_000_000_000}, 422),
        ({"suspended_until": "2099-01-01T00:00:00"}, 422),
        ({"roles": ["viewer"], "reason": "x" * 501}, 422),
    ],
)
async def test_a_bad_change_is_a_422_and_changes_nothing(api: ApiFixture, body: dict[str, Any], status: int) -> None:
    ada, admin = await api.register("ada"), await admin_of(api)
    assert (await _patch(admin, ada, **body))[0] == status
    assert (await ada.ask("GET", "/me")).status == 200


async def test_nobody_changes_themselves_or_somebody_who_is_not_there(api: ApiFixture) -> None:
    ada, admin = await api.register("ada"), await admin_of(api)
    assert (await _patch(admin, admin, roles=["viewer"]))[0] == 409
    assert (await _patch(ada, admin, roles=["viewer"]))[0] == 403
    answer = await admin.ask("PATCH", f"{PEOPLE}/01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11", json={"roles": ["viewer"]})
    assert answer.status == 404


async def test_a_one_time_password_is_marked_until_it_was_changed(api: ApiFixture) -> None:
    made = await api.people.operators.create_first_admin()
    assert made is not None
    body = {"login": "admin", "password": made.password}
    held = await (await api.client.post("/api/v1/auth/login", json=body)).json()
    assert held["user"]["must_change_password"] is True
    admin = Someone(api.client, made.id, "admin", held["access_token"], held["refresh_token"])
    change = {"password": made.password, "new_password": PASSWORD}
    assert (await admin.ask("POST", "/auth/password/change", json=change)).status == 204
    assert (await (await admin.ask("GET", "/me")).json())["must_change_password"] is False
    assert await api.people.operators.reset_password(username="admin") is not None
    assert await api.database.fetchval("select must_change_password from users where username_key = 'admin'")


async def test_operators_sign_people_out_and_suspend_them(api: ApiFixture, identity: Identity) -> None:
    operators = api.people.operators
    ada = await api.register("ada")
    assert await operators.end_sessions(username="ADA") == 1
    await identity.refresh()
    assert (await ada.ask("GET", "/me")).status == 401
    until = dt.datetime.now(dt.UTC) + dt.timedelta(days=1)
    assert await operators.suspend(username="ada", until=until)
    body = {"login": "ada", "password": PASSWORD}
    assert (await api.client.post("/api/v1/auth/login", json=body)).status == 403
    assert await operators.suspend(username="ada", until=None)
    assert (await api.client.post("/api/v1/auth/login", json=body)).status == 200
    assert await operators.end_sessions(username="nobody") is None
    assert not await operators.suspend(username="nobody", until=until)
    rows = await api.database.fetch("select action, actor_id from audit_log where action like 'person.%' order by id")
    assert [tuple(row.values()) for row in rows] == [
        ("person.sessions_ended", None),
        ("person.suspended", None),
        ("person.let_back_in", None),
    ]

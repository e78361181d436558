"""What goes by mail: proving and changing an address, a forgotten password, and what people are told of."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.server.conftest import PASSWORD, ApiFixture, Someone
from tests.server.features.test_audit import admin_of

NEW = "another horse, another battery"
LOGIN = "/api/v1/auth/login"


async def _mails(api: ApiFixture, template: str) -> list[dict[str, Any]]:
    rows = await api.database.fetch("select * from mails where template = $1 order by id", template)
    return [dict(row) for row in rows]


async def _token(api: ApiFixture, template: str) -> str:
    """Of the newest mail of the template."""
    found = re.search("#token=([A-Za-z0-9_-]+)$", (await _mails(api, template))[-1]["data"]["link"])
    assert found is not None
    return found[1]


async def _post(api: ApiFixture, path: str, **body: Any) -> int:
    return (await api.client.post(f"/api/v1/auth/{path}", json=body)).status


async def _email(someone: Someone) -> tuple[str, bool]:
    me = await (await someone.ask("GET", "/me")).json()
    return me["email"], me["email_verified"]


async def _actions(api: ApiFixture) -> list[str]:
    return [row["action"] for row in await api.database.fetch("select action from audit_log order by id")]


async def test_a_registration_sends_a_link_that_verifies_the_address_once(api: ApiFixture) -> None:
    ada = await api.register("ada")
    assert await _email(ada) == ("ada@example.org", False)
    token = await _token(api, "verify_email")
    assert await _post(api, "email/verify", token=token) == 204
    assert await _email(ada) == ("ada@example.org", True)
    assert await _post(api, "email/verify", token=token) == 422
    assert "account.email_verified" in await _actions(api)


async def test_another_link_voids_the_one_before_and_none_is_sent_to_a_verified_address(api: ApiFixture) -> None:
    ada = await api.register("ada")
    first = await _token(api, "verify_email")
    assert (await ada.ask("POST", "/auth/email/resend")).status == 202
    assert await _post(api, "email/verify", token=first) == 422
    assert await _post(api, "email/verify", token=await _token(api, "verify_email")) == 204
    assert (await ada.ask("POST", "/auth/email/resend")).status == 202
    assert len(await _mails(api, "verify_email")) == 2


async def test_mails_of_one_account_are_limited(api: ApiFixture) -> None:
    ada = await api.register("ada")
    answers = [await ada.ask("POST", "/auth/email/resend") for _ in range(6)]
    assert [one.status for one in answers] == [202] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) > 0


async def _change(ada: Someone, email: str, password: str = PASSWORD) -> int:
    return (await ada.ask("POST", "/auth/email/change", json={"password": password, "email": email})).status


async def test_an_address_changes_once_the_new_one_is_proved_and_the_old_one_is_told(api: ApiFixture) -> None:
    ada = await api.register("ada")
    assert await _change(ada, "new@example.org") == 202
    assert await _email(ada) == ("ada@example.org", False)
    assert (await _mails(api, "verify_email"))[-1]["address"] == "new@example.org"
    assert await _post(api, "email/verify", token=await _token(api, "verify_email")) == 204
    assert await _email(ada) == ("new@example.org", True)
    told = (await _mails(api, "email_changed"))[-1]
    assert (told["address"], told["data"]["email"]) == ("ada@example.org", "new@example.org")
    assert await _post(api, "login", login="new@example.org", password=PASSWORD) == 200
    assert await _post(api, "login", login="ada@example.org", password=PASSWORD) == 401


async def test_links_to_the_old_address_are_void_once_it_was_changed(api: ApiFixture) -> None:
    ada = await api.register("ada")
    verify = await _token(api, "verify_email")
    assert await _post(api, "password/forgot", email="ada@example.org") == 202
    await api.kit.run_jobs()
    reset = await _token(api, "reset_password")
    assert await _change(ada, "new@example.org") == 202
    assert await _post(api, "email/verify", token=await _token(api, "verify_email")) == 204
    assert await _post(api, "password/reset", token=reset, password=NEW) == 422
    assert await _post(api, "email/verify", token=verify) == 422


@pytest.mark.parametrize(
    ("email", "password", "status"),
    [("bob@example.org", PASSWORD, 409), ("new@example.org", "wrong", 403), ("nowhere", PASSWORD, 422)],
)
async def test_an_address_is_not_changed_to_a_taken_one_nor_without_the_password(
    api: ApiFixture, email: str, password: str, status: int
) -> None:
    ada, _ = await api.register("ada"), await api.register("bob")
    assert await _change(ada, email, password) == status
    assert len(await _mails(api, "verify_email")) == 2


async def test_an_address_that_was_taken_meanwhile_is_a_409_and_the_link_stays(api: ApiFixture) -> None:
    ada = await api.register("ada")
    assert await _change(ada, "bob@example.org") == 202
    token = await _token(api, "verify_email")
    await api.register("bob")
    assert await _post(api, "email/verify", token=token) == 409
    assert await _email(ada) == ("ada@example.org", False)


async def test_forgot_answers_alike_for_an_address_that_nobody_has(api: ApiFixture) -> None:
    await api.register("ada")
    answers = [
        await api.client.post("/api/v1/auth/password/forgot", json={"email": email})
        for email in ("ada@example.org", "nobody@example.org")
    ]
    assert [one.status for one in answers] == [202, 202]
    assert [await one.read() for one in answers] == [b"", b""]
    jobs = await api.database.fetch("select name, octet_length(body::text) from jobs where name like 'accounts.%'")
    assert len({tuple(row.values()) for row in jobs}) == 1
    await api.kit.run_jobs()
    assert [one["address"] for one in await _mails(api, "reset_password")] == ["ada@example.org"]


async def test_a_reset_changes_the_password_ends_all_sessions_and_verifies_the_address(api: ApiFixture) -> None:
    ada = await api.register("ada")
    assert await _post(api, "password/forgot", email="ADA@example.org") == 202
    await api.kit.run_jobs()
    token = await _token(api, "reset_password")
    assert await _post(api, "password/reset", token=token, password=NEW) == 204
    assert (await ada.ask("GET", "/me")).status == 401
    assert await _post(api, "refresh", refresh_token=ada.refresh_token) == 401
    assert await _post(api, "login", login="ada", password=PASSWORD) == 401
    held = await (await api.client.post(LOGIN, json={"login": "ada", "password": NEW})).json()
    assert held["user"]["email_verified"] is True
    assert await _post(api, "password/reset", token=token, password=PASSWORD) == 422
    assert [one["address"] for one in await _mails(api, "password_changed")] == ["ada@example.org"]


async def test_a_weak_password_does_not_use_the_link_up(api: ApiFixture) -> None:
    await api.register("ada_l")
    await _post(api, "password/forgot", email="ada_l@example.org")
    await api.kit.run_jobs()
    token = await _token(api, "reset_password")
    for weak in ("password123", "too short", "my-name-is-ada_l"):
        assert await _post(api, "password/reset", token=token, password=weak) == 422
    assert await _post(api, "password/reset", token=token, password=NEW) == 204


async def test_of_one_address_only_some_links_are_sent(api: ApiFixture) -> None:
    await api.register("ada")
    assert [await _post(api, "password/forgot", email="ada@example.org") for _ in range(5)] == [202] * 5
    await api.kit.run_jobs()
    assert len(await _mails(api, "reset_password")) == 3


async def test_a_link_is_good_for_its_purpose_only_and_the_attempt_is_logged(api: ApiFixture) -> None:
    await api.register("ada")
    await _post(api, "password/forgot", email="ada@example.org")
    await api.kit.run_jobs()
    verify, reset = await _token(api, "verify_email"), await _token(api, "reset_password")
    assert await _post(api, "email/verify", token=reset) == 422
    assert await _post(api, "password/reset", token=verify, password=NEW) == 422
    assert (await _actions(api)).count("link.of_another_purpose") == 2
    assert await _post(api, "email/verify", token=verify) == 204
    assert await _post(api, "password/reset", token=reset, password=NEW) == 204


@pytest.mark.parametrize("token", ["x", "A" * 43, "../../etc/passwd", "' or 1=1 --", "é" * 43, "A" * 256])
async def test_what_is_no_link_is_a_422_that_names_the_field(api: ApiFixture, token: str) -> None:
    for path, more in (("email/verify", {}), ("password/reset", {"password": NEW})):
        answer = await api.client.post(f"/api/v1/auth/{path}", json={"token": token, **more})
        assert answer.status == 422
        assert [one["field"] for one in (await answer.json())["errors"]] == ["token"]
    assert "link.of_another_purpose" not in await _actions(api)


async def test_links_of_a_deleted_person_open_nothing(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await _post(api, "password/forgot", email="ada@example.org")
    await api.kit.run_jobs()
    verify, reset = await _token(api, "verify_email"), await _token(api, "reset_password")
    assert (await ada.ask("DELETE", "/me", json={"password": PASSWORD})).status == 204
    assert await _post(api, "email/verify", token=verify) == 422
    await api.wipe_deleted()
    assert await _post(api, "password/reset", token=reset, password=NEW) == 422
    assert await _post(api, "login", login="ada", password=NEW) == 401


async def test_a_new_device_is_told_of_and_a_known_one_is_not(api: ApiFixture) -> None:
    await api.register("ada")
    body = {"login": "ada", "password": PASSWORD}
    await api.client.post(LOGIN, json=body)
    assert await _mails(api, "new_device") == []
    api.client.session.cookie_jar.clear()
    agent = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/153.0"
    await api.client.post(LOGIN, json=body, headers={"User-Agent": agent})
    await api.client.post(LOGIN, json=body, headers={"User-Agent": agent})
    (told,) = await _mails(api, "new_device")
    assert (told["data"]["device"], told["data"]["ip"]) == ("Firefox on Windows", "127.0.0.1")


async def test_people_are_told_of_a_changed_password_a_deletion_and_a_suspension(api: ApiFixture) -> None:
    ada, bob, admin = await api.register("ada"), await api.register("bob"), await admin_of(api)
    change = {"password": PASSWORD, "new_password": NEW}
    assert (await ada.ask("POST", "/auth/password/change", json=change)).status == 204
    assert (await ada.ask("DELETE", "/me", json={"password": NEW})).status == 204
    body = {"suspended_until": "2099-01-01T00:00:00Z", "reason": "spam"}
    assert (await admin.ask("PATCH", f"/admin/people/{bob.id}", json=body)).status == 200
    for template, address in (
        ("password_changed", "ada@example.org"),
        ("deletion_scheduled", "ada@example.org"),
        ("suspended", "bob@example.org"),
    ):
        assert [one["address"] for one in await _mails(api, template)] == [address]
    assert (await _mails(api, "suspended"))[0]["data"]["reason"] == "spam"


async def test_mails_speak_the_language_that_the_person_was_last_seen_with(api: ApiFixture) -> None:
    body = {"username": "ada", "email": "ada@example.org", "password": PASSWORD}
    arabic = {"Accept-Language": "ar-EG,ar;q=0.9,en;q=0.5"}
    held = await (await api.client.post("/api/v1/auth/register", json=body, headers=arabic)).json()
    assert (await _mails(api, "verify_email"))[-1]["language"] == "ar"
    await api.client.post(LOGIN, json={"login": "ada", "password": PASSWORD}, headers=arabic)
    admin = await admin_of(api)
    suspension = {"suspended_until": "2099-01-01T00:00:00Z"}
    assert (await admin.ask("PATCH", f"/admin/people/{held['user']['id']}", json=suspension)).status == 200
    assert (await _mails(api, "suspended"))[-1]["language"] == "ar"


async def test_a_mail_is_written_only_if_its_cause_is(api: ApiFixture) -> None:
    await api.register("ada")
    await api.database.execute(
        "alter table audit_log add constraint refused check (action <> 'account.registered') not valid"
    )
    try:
        body = {"username": "bob", "email": "bob@example.org", "password": PASSWORD}
        assert (await api.client.post("/api/v1/auth/register", json=body)).status >= 400
    finally:
        await api.database.execute("alter table audit_log drop constraint refused")
    assert [one["address"] for one in await _mails(api, "verify_email")] == ["ada@example.org"]


async def test_guesses_until_the_lock_are_logged(api: ApiFixture) -> None:
    ada = await api.register("ada")
    api.client.session.cookie_jar.clear()
    for number in range(14):
        body = {"login": "ada", "password": f"wrong {number}"}
        await api.client.post(LOGIN, json=body, headers={"User-Agent": "stranger"})
    rows = await api.database.fetch("select subject from audit_log where action = 'login.locked_out'")
    assert {row["subject"] for row in rows} == {ada.id}
    assert len(rows) <= 5

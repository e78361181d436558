"""Changes of how one signs in: each is told by mail, and logged with where it came from."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.server.conftest import PASSWORD, ApiFixture, Someone
from tests.server.features.factors.holder import Holder, enrolled
from tests.server.features.passkeys.authenticator import Authenticator
from tests.server.features.test_email_flows import NEW

AGENT = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/153.0"}
LOGGED = """
select a.subject, a.actor_id, d.body::jsonb as detail from audit_log a join audit_details d on d.entry_id = a.id
where a.action = $1
"""


async def _told(api: ApiFixture, template: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await api.database.fetch("select * from mails where template = $1", template)]


async def _require_told(api: ApiFixture, template: str, action: str, *, which: str | None = None) -> None:
    """One mail to Ada, and an entry of the log with address and user agent."""
    (mail,) = await _told(api, template)
    assert mail["address"] == "ada@example.org"
    assert (mail["data"]["device"], mail["data"]["ip"]) == ("Firefox on Windows", "127.0.0.1")
    assert mail["data"].get("which") == which
    (entry,) = await api.database.fetch(LOGGED, action)
    assert (entry["detail"]["ip"], entry["detail"]["user_agent"]) == ("127.0.0.1", AGENT["User-Agent"])


async def _remove(ada: Holder) -> None:
    body = {"password": PASSWORD, "code": ada.code()}
    assert (await ada.someone.ask("DELETE", "/auth/totp", json=body, headers=AGENT)).status == 204


async def test_of_a_second_factor(api: ApiFixture) -> None:
    api.client.session.headers.update(AGENT)
    ada = await enrolled(api)
    await _require_told(api, "factor_added", "factor.added")
    assert (await ada.someone.ask("POST", "/auth/recovery-codes")).status == 200
    await _require_told(api, "codes_renewed", "factor.codes_renewed")
    await _remove(ada)
    await _require_told(api, "factor_removed", "factor.removed")


async def test_of_a_recovery_code_that_was_used_the_log_says_from_where(api: ApiFixture) -> None:
    ada = await enrolled(api)
    assert (await ada.login(totp=ada.recovery_codes[0])).status == 200
    (entry,) = await api.database.fetch(LOGGED, "factor.recovery_code_used")
    assert entry["detail"]["ip"] == "127.0.0.1"
    assert entry["detail"]["user_agent"]


async def test_of_a_passkey(api: ApiFixture) -> None:
    ada = await api.register("ada")
    device = Authenticator(origin="https://live.test", rp_id="live.test")
    options = await (await ada.ask("POST", "/auth/passkeys/options")).json()
    body = {"name": "Phone", "credential": device.create(options)}
    made = await (await ada.ask("POST", "/auth/passkeys", json=body, headers=AGENT)).json()
    await _require_told(api, "passkey_added", "passkey.added", which="Phone")
    assert (await ada.ask("DELETE", f"/auth/passkeys/{made['id']}", headers=AGENT)).status == 204
    await _require_told(api, "passkey_removed", "passkey.removed", which="Phone")


async def test_of_an_api_token(api: ApiFixture) -> None:
    ada = await api.register("ada")
    body = {"name": "My bot", "scopes": ["read"]}
    made = await (await ada.ask("POST", "/auth/tokens", json=body, headers=AGENT)).json()
    await _require_told(api, "token_added", "token.added", which="My bot")
    assert (await ada.ask("DELETE", f"/auth/tokens/{made['id']}", headers=AGENT)).status == 204
    (entry,) = await api.database.fetch(LOGGED, "token.deleted")
    assert entry["detail"]["ip"] == "127.0.0.1"


async def test_in_the_language_of_the_person(api: ApiFixture) -> None:
    ada = await api.register("ada")
    body = {"name": "روبوت", "scopes": ["read"]}
    await ada.ask("POST", "/auth/tokens", json=body, headers={"Accept-Language": "ar"})
    (mail,) = await _told(api, "token_added")
    assert mail["language"] == "ar"
    assert mail["subject"] == "أُنشئ رمز وصول برمجي لحسابك في \u2068Social Flow\u2069"


async def _link_token(api: ApiFixture, template: str) -> str:
    """Of the oldest mail of the template whose link carries a token."""
    links = [mail["data"]["link"] for mail in await _told(api, template)]
    return next(found[1] for link in links if (found := re.search("#token=(.+)$", link)))


async def _change_email(api: ApiFixture, someone: Someone, email: str) -> None:
    body = {"password": PASSWORD, "email": email}
    assert (await someone.ask("POST", "/auth/email/change", json=body)).status == 202
    link = await api.database.fetchrow("select data from mails where address = $1 order by id desc limit 1", email)
    assert link is not None
    token = link["data"]["link"].partition("=")[2]
    assert (await api.client.post("/api/v1/auth/email/verify", json={"token": token})).status == 204


async def _undo(api: ApiFixture, token: str) -> int:
    return (await api.client.post("/api/v1/auth/email/undo", json={"token": token})).status


async def _address(api: ApiFixture) -> str:
    found = await api.database.fetchval("select email from users where username = 'ada'")
    return str(found)


async def test_a_changed_address_is_taken_back_by_the_old_one_and_everybody_is_signed_out(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await _change_email(api, ada, "thief@example.org")
    token = await _link_token(api, "email_changed")
    assert await _undo(api, token) == 204
    assert await _address(api) == "ada@example.org"
    assert (await ada.ask("GET", "/me")).status == 401
    assert await _undo(api, token) == 422
    (reset,) = await _told(api, "reset_password")
    assert reset["address"] == "ada@example.org"
    body = {"token": reset["data"]["link"].partition("=")[2], "password": NEW}
    assert (await api.client.post("/api/v1/auth/password/reset", json=body)).status == 204


async def test_a_second_change_does_not_void_the_way_back_to_the_first_address(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await _change_email(api, ada, "thief@example.org")
    await _change_email(api, ada, "thief2@example.org")
    links = [mail["data"]["link"] for mail in await _told(api, "email_changed")]
    assert [link.partition("#")[0] for link in links] == ["/undo-email", "/settings/security"]
    assert await _undo(api, await _link_token(api, "email_changed")) == 204
    assert await _address(api) == "ada@example.org"


async def test_an_address_that_another_account_has_by_now_is_a_409_and_the_link_stays(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await _change_email(api, ada, "new@example.org")
    await api.database.execute(
        "update users set email = 'ada@example.org', email_key = 'ada@example.org' where id = $1",
        (await api.register("bob")).id,
    )
    token = await _link_token(api, "email_changed")
    assert await _undo(api, token) == 409
    await api.database.execute("update users set email = 'b@x.org', email_key = 'b@x.org' where username = 'bob'")
    assert await _undo(api, token) == 204


@pytest.mark.parametrize("is_wiped", [False, True])
async def test_an_account_that_the_thief_deletes_is_got_back_while_it_is_there(api: ApiFixture, is_wiped: bool) -> None:
    ada = await api.register("ada")
    await _change_email(api, ada, "thief@example.org")
    token = await _link_token(api, "email_changed")
    assert (await ada.ask("DELETE", "/me", json={"password": PASSWORD})).status == 204
    if is_wiped:
        await api.wipe_deleted()
    assert await _undo(api, token) == (422 if is_wiped else 204)

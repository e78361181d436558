from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import ClientResponse

from server.http.errors import Unauthorized
from server.http.identity import Identity
from tests.server.conftest import ApiFixture, Someone
from tests.server.features.factors.holder import Holder, slug

MISSING = (403, "missing-scope")


async def _make(someone: Someone, *scopes: str, **body: Any) -> dict[str, Any]:
    answer = await someone.ask("POST", "/auth/tokens", json={"name": "My bot", "scopes": list(scopes), **body})
    assert answer.status == 201, await answer.text()
    made: dict[str, Any] = await answer.json()
    return made


async def _call(api: ApiFixture, token: str, method: str, path: str, **kwargs: Any) -> ClientResponse:
    headers = {"Authorization": f"Bearer {token}"}
    return await api.client.request(method, f"/api/v1{path}", headers=headers, **kwargs)


async def _until_refused(identity: Identity, token: str) -> str:
    """The code of the refusal, once there is one."""
    async with asyncio.timeout(30):
        while True:
            try:
                identity.verify(token)
            except Unauthorized as refusal:
                return refusal.code
            await asyncio.sleep(0.01)


async def test_a_token_is_shown_once_and_works_at_once(api: ApiFixture) -> None:
    ada = await api.register("ada")
    made = await _make(ada, "read")
    assert made["token"].startswith("sf_pat_")
    me = await (await _call(api, made["token"], "GET", "/me")).json()
    assert me["username"] == "ada"
    (listed,) = (await (await ada.ask("GET", "/auth/tokens")).json())["items"]
    assert "token" not in listed
    assert (listed["name"], listed["scopes"], listed["expires_at"]) == ("My bot", ["read"], None)
    stored = await api.database.fetch("select * from api_tokens")
    assert made["token"].removeprefix("sf_pat_") not in str([dict(row) for row in stored])


async def test_a_token_does_what_its_scopes_say_and_no_more(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    reads, writes = (await _make(ada, "read"))["token"], (await _make(ada, "write"))["token"]
    follow = ("PUT", f"/users/{bob.username}/follow")
    refused = await _call(api, reads, *follow)
    assert await slug(refused) == MISSING
    assert (await refused.json())["scope"] == "write"
    assert (await _call(api, writes, *follow)).status == 204
    assert await slug(await _call(api, writes, "GET", "/me")) == MISSING
    assert await slug(await _call(api, writes, "GET", "/users/bob")) == MISSING


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/tokens", {"name": "another", "scopes": ["admin"]}),
        ("GET", "/auth/tokens", None),
        ("GET", "/auth/sessions", None),
        ("POST", "/auth/totp/enroll", None),
        ("POST", "/auth/password/change", {"password": "x", "new_password": "a new password of mine"}),
        ("DELETE", "/me", {"password": "x"}),
    ],
)
async def test_no_token_does_what_takes_a_session(api: ApiFixture, method: str, path: str, body: Any) -> None:
    ada = await api.register("ada")
    made = await _make(ada, "read", "write", "chat", "stream", "moderate", "upload", "money")
    assert await slug(await _call(api, made["token"], method, path, json=body)) == MISSING


async def test_a_token_has_the_roles_that_its_scopes_name(api: ApiFixture) -> None:
    ada = await api.register("ada")
    answer = await ada.ask("POST", "/auth/tokens", json={"name": "x", "scopes": ["admin"]})
    assert await slug(answer) == (422, "invalid")
    reads = (await _make(ada, "read"))["token"]
    await api.database.execute("update users set roles = '{viewer,moderator,admin}'")
    await api.identity.refresh()
    assert api.identity.verify(reads).roles == {"viewer"}
    made = await api.client.post(
        "/api/v1/auth/login", json={"login": "ada", "password": "correct horse battery staple"}
    )
    admin = Someone(api.client, ada.id, "ada", (await made.json())["access_token"], "")
    rules = (await _make(admin, "admin"))["token"]
    assert api.identity.verify(rules).roles == {"viewer", "admin"}
    assert await slug(await _call(api, reads, "GET", "/admin/audit")) == (403, "forbidden")
    assert (await _call(api, rules, "GET", "/admin/audit")).status == 200
    assert await slug(await _call(api, rules, "GET", "/me")) == MISSING


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scopes": []}, "scopes"),
        ({"scopes": ["root"]}, "scopes.0"),
        ({"name": " "}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
    ],
)
async def test_a_token_that_cannot_be_is_a_422_that_names_why(api: ApiFixture, body: Any, field: str) -> None:
    ada = await api.register("ada")
    answer = await ada.ask("POST", "/auth/tokens", json={"name": "x", "scopes": ["read"], **body})
    assert answer.status == 422
    assert [one["field"] for one in (await answer.json())["errors"]] == [field]


async def test_a_deleted_token_is_refused_on_every_node_and_its_sockets_are_closed(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    made = await _make(ada, "read")
    other = Identity(rows=api.database, poll_s=0.02)
    await other.start()
    closed: list[str] = []
    other.on_revoked(lambda session_id, _: closed.append(session_id))
    assert other.verify(made["token"]).id == ada.id
    assert (await bob.ask("DELETE", f"/auth/tokens/{made['id']}")).status == 404
    assert (await ada.ask("DELETE", f"/auth/tokens/{made['id']}")).status == 204
    assert (await _call(api, made["token"], "GET", "/me")).status == 401
    assert await _until_refused(other, made["token"]) == "token_invalid"
    await other.refresh()
    assert closed == [made["id"]]
    assert (await ada.ask("DELETE", f"/auth/tokens/{made['id']}")).status == 404
    await other.close()


async def test_an_expired_token_is_refused(api: ApiFixture) -> None:
    ada = await api.register("ada")
    made = await _make(ada, "read", expires_at="2999-01-01T00:00:00Z")
    await api.database.execute(
        "update api_tokens set expires_at = now() - interval '1 s', changed_at = clock_timestamp()"
    )
    assert await _until_refused(api.identity, made["token"]) == "token_expired"
    assert await slug(await _call(api, made["token"], "GET", "/me")) == (401, "token-expired")


@pytest.mark.parametrize(
    ("change", "back"),
    [
        ("suspended_until = now() + interval '1 h'", "suspended_until = null"),
        ("deleted_at = now()", "deleted_at = null"),
    ],
)
async def test_the_tokens_of_who_is_suspended_or_leaving_rest(api: ApiFixture, change: str, back: str) -> None:
    ada = await api.register("ada")
    made = await _make(ada, "read")
    closed: list[str] = []
    api.identity.on_revoked(lambda session_id, _: closed.append(session_id))
    await api.database.execute(f"update users set {change}")
    await _until_refused(api.identity, made["token"])
    await api.identity.refresh()
    assert closed == [made["id"]]
    await api.database.execute(f"update users set {back}")
    await api.identity.refresh()
    assert api.identity.verify(made["token"]).id == ada.id


async def test_the_last_use_is_noted_at_most_once_a_minute(api: ApiFixture) -> None:
    ada = await api.register("ada")
    made = await _make(ada, "read")
    used = "select last_used_at from api_tokens"
    assert await api.database.fetchval(used) is None
    await _call(api, made["token"], "GET", "/me")
    await api.identity.refresh()
    first = await api.database.fetchval(used)
    assert first is not None
    await _call(api, made["token"], "GET", "/me")
    await api.identity.refresh()
    assert await api.database.fetchval(used) == first


async def test_making_a_token_wants_a_recent_proof(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await Holder(api, ada, "", []).has_aged()
    answer = await ada.ask("POST", "/auth/tokens", json={"name": "x", "scopes": ["read"]})
    assert await slug(answer) == (401, "reauthentication-required")


async def test_tokens_of_an_account_are_bounded(api: ApiFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.features.integrations.api_tokens.tokens.MAX_TOKENS", 1)
    ada = await api.register("ada")
    await _make(ada, "read")
    answer = await ada.ask("POST", "/auth/tokens", json={"name": "x", "scopes": ["read"]})
    assert await slug(answer) == (409, "too-many-tokens")


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\ufffd", "x" * 5000])
async def test_a_token_that_is_made_up_is_refused(api: ApiFixture, token: str) -> None:
    with pytest.raises(Unauthorized, match="token-invalid"):
        api.identity.verify(f"sf_pat_{token}")

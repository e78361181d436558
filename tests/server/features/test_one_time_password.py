"""A password that the server has made up: nothing is answered until it is changed, by REST and by sockets."""

from __future__ import annotations

import pytest
import socketio

from server.http.identity import Identity
from tests.server.conftest import PASSWORD, ApiFixture, Someone
from tests.server.features.factors.holder import slug
from tests.server.kit import Kit
from tests.server.served import Served

DUE = (403, "password-change-required")
LOGIN = "/api/v1/auth/login"


async def _first_admin(api: ApiFixture) -> tuple[Someone, str]:
    """Signed in with the one-time password, and that password."""
    made = await api.people.operators.create_first_admin()
    assert made is not None
    return await _signed_in(api, "admin", made.password), made.password


async def _signed_in(api: ApiFixture, login: str, password: str) -> Someone:
    held = await (await api.client.post(LOGIN, json={"login": login, "password": password})).json()
    return Someone(api.client, held["user"]["id"], login, held["access_token"], held["refresh_token"])


async def _change(someone: Someone, password: str) -> int:
    body = {"password": password, "new_password": PASSWORD}
    return (await someone.ask("POST", "/auth/password/change", json=body)).status


REFUSED = [
    ("GET", "/admin/people", None),
    ("GET", "/users/admin", None),
    ("PATCH", "/me", {"bio": "mine"}),
    ("DELETE", "/me", {"password": "whatever"}),
    ("POST", "/auth/tokens", {"name": "bot", "scopes": ["read"]}),
    ("GET", "/auth/sessions", None),
    ("GET", "/me/export", None),
]


async def test_until_it_is_changed_calls_are_refused(api: ApiFixture) -> None:
    admin, _ = await _first_admin(api)
    for method, path, body in REFUSED:
        assert await slug(await admin.ask(method, path, json=body)) == DUE, path


async def test_changing_it_is_allowed_and_opens_the_rest_to_the_same_token(api: ApiFixture) -> None:
    admin, password = await _first_admin(api)
    assert (await (await admin.ask("GET", "/me")).json())["must_change_password"] is True
    assert await _change(admin, password) == 204
    assert (await admin.ask("GET", "/admin/people")).status == 200


async def test_signing_out_is_allowed(api: ApiFixture) -> None:
    admin, _ = await _first_admin(api)
    assert (await admin.ask("POST", "/auth/logout")).status == 204


async def test_a_refreshed_token_is_refused_too(api: ApiFixture) -> None:
    admin, _ = await _first_admin(api)
    answer = await api.client.post("/api/v1/auth/refresh", json={"refresh_token": admin.refresh_token})
    token = (await answer.json())["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    assert await slug(await api.client.get("/api/v1/admin/people", headers=headers)) == DUE


async def test_another_node_knows_that_it_was_changed(api: ApiFixture, identity: Identity) -> None:
    admin, password = await _first_admin(api)
    assert await _change(admin, password) == 204
    other = Identity(rows=api.database)
    await other.refresh()
    await other.require_own_password(other.verify(admin.access_token))
    assert not other.must_change_password(other.verify(admin.access_token))


@pytest.mark.parametrize("is_reset", [False, True])
async def test_what_an_operator_gives_at_the_command_line_is_one(api: ApiFixture, is_reset: bool) -> None:
    operators = api.people.operators
    made = await operators.create_admin(username="grace", email="grace@example.org")
    password: str | None = made.password
    if is_reset:
        await api.register("ada")
        password = await operators.reset_password(username="ada")
    assert password is not None
    someone = await _signed_in(api, "ada" if is_reset else "grace", password)
    assert await slug(await someone.ask("GET", "/auth/sessions")) == DUE


async def test_an_api_token_goes_on_while_the_password_is_due(api: ApiFixture) -> None:
    ada = await api.register("ada")
    made = await (await ada.ask("POST", "/auth/tokens", json={"name": "bot", "scopes": ["read"]})).json()
    assert await api.people.operators.reset_password(username="ada")
    headers = {"Authorization": f"Bearer {made['token']}"}
    assert (await api.client.get("/api/v1/users/ada", headers=headers)).status == 200


async def _token(served: Served, password: str) -> str:
    _, held = await served.call("POST", "/auth/login", json={"login": "admin", "password": password})
    return str(held["access_token"])


async def test_a_socket_is_refused_until_it_is_changed(kit: Kit) -> None:
    made = await kit.install().people.operators.create_first_admin()
    assert made is not None
    async with kit.serve() as served:
        token, refusals = await _token(served, made.password), []
        client = socketio.AsyncClient(reconnection=False)
        client.on("connect_error", refusals.append)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await client.connect(served.url, auth={"token": token}, wait_timeout=30)
        assert [one["data"]["code"] for one in refusals] == ["password_change_required"]
        body = {"password": made.password, "new_password": PASSWORD}
        assert (await served.call("POST", "/auth/password/change", token=token, json=body))[0] == 204
        assert (await served.call("GET", "/auth/sessions", token=token))[0] == 200
        device = await served.connect(token)
        assert device.client.connected

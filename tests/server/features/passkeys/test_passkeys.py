from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientResponse

from tests.server.conftest import ApiFixture, Someone
from tests.server.features.factors.holder import Holder, enrolled, slug
from tests.server.features.passkeys.authenticator import Authenticator, b64

REASON = (
    "select body::jsonb->>'reason' from audit_details join audit_log on id = entry_id where action = 'passkey.refused'"
)
REFUSED = (401, "passkey-refused")
NO_CREDENTIALS: list[dict[str, Any]] = [
    {},
    {"id": 1, "response": []},
    {"id": "AA", "rawId": "AA", "type": "public-key", "response": {"clientDataJSON": "!", "attestationObject": ""}},
    {"response": {"clientDataJSON": b64(b'{"challenge": 5}')}},
    {"response": {"clientDataJSON": b64(b"\xff" * 2000)}},
]


def _authenticator(api: ApiFixture, **changed: Any) -> Authenticator:
    """Of the address that ``Kit`` gives the server."""
    return Authenticator(**{"origin": "https://live.test", "rp_id": "live.test", **changed})


async def _register(someone: Someone, device: Authenticator, name: str = "Phone") -> ClientResponse:
    options = await (await someone.ask("POST", "/auth/passkeys/options")).json()
    body = {"name": name, "credential": device.create(options)}
    return await someone.ask("POST", "/auth/passkeys", json=body)


async def _request(api: ApiFixture) -> dict[str, Any]:
    answer = await api.client.post("/api/v1/auth/passkeys/login/options")
    assert answer.status == 200
    found: dict[str, Any] = await answer.json()
    return found


async def _login(api: ApiFixture, device: Authenticator, **changed: Any) -> ClientResponse:
    asked = await _request(api)
    return await _answer(api, asked["ticket"], device.get(asked["options"], **changed))


async def _answer(api: ApiFixture, ticket: str, credential: dict[str, Any], **body: Any) -> ClientResponse:
    given = {"ticket": ticket, "credential": credential, **body}
    return await api.client.post("/api/v1/auth/passkeys/login", json=given)


async def test_the_options_ask_for_a_key_that_the_device_keeps(api: ApiFixture) -> None:
    ada = await api.register("ada")
    options = await (await ada.ask("POST", "/auth/passkeys/options")).json()
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["rp"] == {"name": "Social Flow", "id": "live.test"}
    assert options["user"]["name"] == "ada"
    assert options["excludeCredentials"] == []


async def test_a_passkey_signs_in_without_name_and_password(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    assert (await _register(ada, device)).status == 201
    answer = await _login(api, device)
    assert answer.status == 200
    held = await answer.json()
    assert held["user"]["username"] == "ada"
    assert api.identity.verify(held["access_token"]).id == ada.id


async def test_a_passkey_gets_in_while_strangers_have_used_up_the_guesses(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    await _register(ada, device)
    api.client.session.cookie_jar.clear()
    stranger = {"User-Agent": "stranger"}
    wrong = {"login": "ada", "password": "wrong"}
    statuses = [(await api.client.post("/api/v1/auth/login", json=wrong, headers=stranger)).status for _ in range(12)]
    assert statuses[-1] == 429
    assert (await _login(api, device)).status == 200


async def test_a_page_may_have_the_refresh_token_as_a_cookie(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    await _register(ada, device)
    asked = await _request(api)
    answer = await _answer(api, asked["ticket"], device.get(asked["options"]), session="cookie")
    assert "refresh_token" not in await answer.json()
    assert answer.cookies["sf_refresh"].value.startswith("rt_")


async def test_a_person_has_several_passkeys_and_removes_one(api: ApiFixture) -> None:
    ada, phone, key = await api.register("ada"), _authenticator(api), _authenticator(api)
    await _register(ada, phone, "Phone")
    await _register(ada, key, "Key")
    listed = (await (await ada.ask("GET", "/auth/passkeys")).json())["items"]
    assert [one["name"] for one in listed] == ["Key", "Phone"]
    options = await (await ada.ask("POST", "/auth/passkeys/options")).json()
    assert {one["id"] for one in options["excludeCredentials"]} == {b64(phone.credential_id), b64(key.credential_id)}
    assert (await ada.ask("DELETE", f"/auth/passkeys/{listed[0]['id']}")).status == 204
    assert await slug(await _login(api, key)) == REFUSED
    assert (await _login(api, phone)).status == 200


async def test_a_passkey_of_another_person_cannot_be_removed(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    passkey = await (await _register(ada, _authenticator(api))).json()
    assert (await bob.ask("DELETE", f"/auth/passkeys/{passkey['id']}")).status == 404


async def test_a_credential_is_registered_once(api: ApiFixture) -> None:
    ada, bob, device = await api.register("ada"), await api.register("bob"), _authenticator(api)
    await _register(ada, device)
    assert await slug(await _register(bob, device)) == (409, "taken")


async def test_passkeys_of_a_person_are_bounded(api: ApiFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.features.people.passkeys.passkeys.MAX_PASSKEYS", 1)
    ada = await api.register("ada")
    await _register(ada, _authenticator(api))
    assert await slug(await _register(ada, _authenticator(api))) == (409, "too-many-passkeys")


@pytest.mark.parametrize(
    "changed", [{"origin": "https://evil.example"}, {"origin": "https://live.test:444"}, {"rp_id": "evil.example"}]
)
async def test_a_page_of_another_origin_can_neither_register_nor_sign_in(
    api: ApiFixture, changed: dict[str, str]
) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    wrong = await _register(ada, _authenticator(api, **changed))
    assert await slug(wrong) == (422, "invalid")
    await _register(ada, device)
    assert await slug(await _login(api, replace(device, **changed))) == REFUSED
    logged = await api.database.fetch("select id from audit_log where action = 'passkey.refused'")
    assert len(logged) == 1


async def test_a_counter_that_goes_back_or_stands_still_is_refused_and_logged(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    await _register(ada, device)
    copy = replace(device)
    assert (await _login(api, device)).status == 200
    assert await slug(await _login(api, copy)) == REFUSED
    reason = await api.database.fetchval(REASON)
    assert "count" in reason


async def test_an_authenticator_that_does_not_count_signs_in_again_and_again(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api, counts=False)
    await _register(ada, device)
    assert [(await _login(api, device)).status for _ in range(2)] == [200, 200]


async def test_a_credential_that_names_another_person_is_refused(api: ApiFixture) -> None:
    ada, bob, device = await api.register("ada"), await api.register("bob"), _authenticator(api)
    await _register(ada, device)

    assert await slug(await _login(api, device, userHandle=b64(uuid.UUID(bob.id).bytes))) == REFUSED
    assert await slug(await _login(api, device, userHandle=None)) == REFUSED


async def test_a_ticket_is_good_for_one_answer_right_or_wrong(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api, counts=False)
    await _register(ada, device)
    asked = await _request(api)
    right = device.get(asked["options"])
    assert await slug(await _answer(api, asked["ticket"], device.get(asked["options"], signature="AAAA"))) == REFUSED
    assert await slug(await _answer(api, asked["ticket"], right)) == REFUSED
    asked = await _request(api)
    both = [_answer(api, asked["ticket"], device.get(asked["options"])) for _ in range(2)]
    assert sorted(one.status for one in await asyncio.gather(*both)) == [200, 401]


async def test_an_answer_to_the_challenge_of_another_ticket_is_refused(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    await _register(ada, device)
    one, other = await _request(api), await _request(api)
    assert await slug(await _answer(api, one["ticket"], device.get(other["options"]))) == REFUSED


async def test_a_challenge_that_is_too_old_is_refused(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    await _register(ada, device)
    asked = await _request(api)
    await api.database.execute("update passkey_challenges set expires_at = now() - interval '1 s'")
    assert await slug(await _answer(api, asked["ticket"], device.get(asked["options"]))) == REFUSED


async def test_a_registration_answers_a_challenge_of_that_person_once(api: ApiFixture) -> None:
    ada, bob, device = await api.register("ada"), await api.register("bob"), _authenticator(api)
    options = await (await ada.ask("POST", "/auth/passkeys/options")).json()
    body = {"name": "Phone", "credential": device.create(options)}
    assert await slug(await bob.ask("POST", "/auth/passkeys", json=body)) == (422, "invalid")
    assert (await ada.ask("POST", "/auth/passkeys", json=body)).status == 201
    assert await slug(await ada.ask("POST", "/auth/passkeys", json=body)) == (422, "invalid")


async def test_what_is_no_credential_is_refused(api: ApiFixture) -> None:
    ada = await api.register("ada")
    for credential in NO_CREDENTIALS:
        answer = await ada.ask("POST", "/auth/passkeys", json={"name": "x", "credential": credential})
        assert await slug(answer) == (422, "invalid")
        asked = await _request(api)
        assert await slug(await _answer(api, asked["ticket"], credential)) == REFUSED


async def test_a_broken_member_of_an_answer_is_refused(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    await _register(ada, device)
    for member in ("clientDataJSON", "authenticatorData", "signature", "userHandle"):
        for broken in ("", "!", "AAAA", b64(b"\xa1" * 500), b64(bytes(500))):
            assert await slug(await _login(api, device, **{member: broken})) == REFUSED


async def test_a_suspended_person_does_not_get_in(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    await _register(ada, device)
    await api.database.execute("update users set suspended_until = now() + interval '1 h' where id = $1", ada.id)
    assert (await _login(api, device)).status == 403


async def test_with_a_second_factor_the_passkey_has_to_know_its_user(api: ApiFixture) -> None:
    ada = await enrolled(api)
    device = _authenticator(api, is_user_verified=False)
    await _register(ada.someone, device)
    assert await slug(await _login(api, device)) == (401, "user-verification-required")
    device.is_user_verified = True
    held = await (await _login(api, device)).json()
    headers = {"Authorization": f"Bearer {held['access_token']}"}
    assert (await api.client.post("/api/v1/auth/recovery-codes", headers=headers)).status == 200


async def test_adding_and_removing_want_a_recent_proof_which_a_passkey_is(api: ApiFixture) -> None:
    ada, device = await api.register("ada"), _authenticator(api)
    passkey = await (await _register(ada, device)).json()
    await Holder(api, ada, "", []).has_aged()
    required = (401, "reauthentication-required")
    assert await slug(await ada.ask("POST", "/auth/passkeys/options")) == required
    assert await slug(await ada.ask("DELETE", f"/auth/passkeys/{passkey['id']}")) == required
    asked = await _request(api)
    body = {"ticket": asked["ticket"], "credential": device.get(asked["options"])}
    assert (await ada.ask("POST", "/auth/passkeys/reauthenticate", json=body)).status == 204
    assert (await ada.ask("DELETE", f"/auth/passkeys/{passkey['id']}")).status == 204


async def test_a_passkey_of_another_account_proves_nothing(api: ApiFixture) -> None:
    ada, bob, device = await api.register("ada"), await api.register("bob"), _authenticator(api)
    await _register(bob, device)
    asked = await _request(api)
    body = {"ticket": asked["ticket"], "credential": device.get(asked["options"])}
    assert (await ada.ask("POST", "/auth/passkeys/reauthenticate", json=body)).status == 403


async def test_the_sign_in_page_is_told_of_passkeys(api: ApiFixture) -> None:
    assert (await (await api.client.get("/api/v1/auth/methods")).json())["passkeys"] is True

"""Sensitive acts want a proof of who it is that is not older than ten minutes."""

from __future__ import annotations

import pytest

from tests.server.conftest import PASSWORD, ApiFixture
from tests.server.features.factors.holder import Holder, enrolled, slug, with_factor

REQUIRED = (401, "reauthentication-required")


async def test_a_session_of_long_ago_may_not_add_a_factor_until_the_password_is_given_again(api: ApiFixture) -> None:
    someone = await api.register("ada")
    await Holder(api, someone, "", []).has_aged()
    assert await slug(await someone.ask("POST", "/auth/totp/enroll")) == REQUIRED
    assert (await someone.ask("POST", "/auth/reauthenticate", json={"password": PASSWORD})).status == 204
    assert (await someone.ask("POST", "/auth/totp/enroll")).status == 200


async def test_a_proof_is_good_for_ten_minutes(api: ApiFixture) -> None:
    someone = await api.register("ada")
    await Holder(api, someone, "", []).has_aged(590)
    assert (await someone.ask("POST", "/auth/totp/enroll")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/auth/password/change", {"password": PASSWORD, "new_password": "another battery staple"}),
        ("DELETE", "/me", {"password": PASSWORD}),
        ("POST", "/auth/recovery-codes", None),
    ],
)
async def test_where_there_is_a_second_factor_the_password_alone_does_not_do(
    api: ApiFixture, method: str, path: str, body: dict[str, str] | None
) -> None:
    ada = await enrolled(api)
    await ada.has_aged()
    assert await slug(await ada.someone.ask(method, path, json=body)) == REQUIRED
    proof = await ada.someone.ask("POST", "/auth/reauthenticate", json={"password": PASSWORD})
    assert await slug(proof) == (403, "totp-needed")
    proof = await ada.someone.ask("POST", "/auth/reauthenticate", json={"totp": ada.code()})
    assert proof.status == 204
    assert (await ada.someone.ask(method, path, json=body)).status in {200, 204}


async def test_a_session_that_began_before_the_factor_has_not_proven_it(api: ApiFixture) -> None:
    someone = await api.register("ada")
    before = await (await api.client.post("/api/v1/auth/login", json={"login": "ada", "password": PASSWORD})).json()
    await with_factor(api, someone)
    headers = {"Authorization": f"Bearer {before['access_token']}"}
    answer = await api.client.post("/api/v1/auth/recovery-codes", headers=headers)
    assert await slug(answer) == REQUIRED


async def test_a_sign_in_with_a_code_proves_the_factor(api: ApiFixture) -> None:
    ada = await enrolled(api)
    held = await (await ada.login(totp=ada.code())).json()
    headers = {"Authorization": f"Bearer {held['access_token']}"}
    assert (await api.client.post("/api/v1/auth/recovery-codes", headers=headers)).status == 200


@pytest.mark.parametrize(
    ("body", "answered"),
    [
        ({}, (403, "password-needed")),
        ({"password": "not it"}, (403, "wrong-password")),
        ({"totp": "000000"}, (403, "password-needed")),
    ],
)
async def test_a_wrong_proof_proves_nothing(api: ApiFixture, body: dict[str, str], answered: tuple[int, str]) -> None:
    someone = await api.register("ada")
    await Holder(api, someone, "", []).has_aged()
    assert await slug(await someone.ask("POST", "/auth/reauthenticate", json=body)) == answered
    assert await slug(await someone.ask("POST", "/auth/totp/enroll")) == REQUIRED


async def test_guesses_of_a_proof_are_bounded(api: ApiFixture) -> None:
    ada = await enrolled(api)
    asked = [await ada.someone.ask("POST", "/auth/reauthenticate", json={"totp": "000000"}) for _ in range(6)]
    assert [one.status for one in asked] == [403] * 5 + [429]

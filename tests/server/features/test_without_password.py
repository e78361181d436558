"""Accounts without a password, as a provider makes them: a recent proof of another kind stands in for it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import PASSWORD, ApiFixture, Someone
from tests.server.features.factors.holder import Holder, slug, with_factor

REQUIRED = (401, "reauthentication-required")
NEW = "another horse, another battery"


async def _linus(api: ApiFixture) -> Someone:
    """An account without a password."""
    someone = await api.register("linus")
    await api.database.execute("update users set password_hash = '' where id = $1", someone.id)
    return someone


CALLS = [
    ("DELETE", "/me", None, 204),
    ("DELETE", "/me", {}, 204),
    ("POST", "/auth/email/change", {"email": "new@example.org"}, 202),
    ("POST", "/auth/password/change", {"new_password": NEW}, 204),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), CALLS)
async def test_a_sign_in_of_just_now_is_enough(api: ApiFixture, method: str, path: str, body: Any, status: int) -> None:
    linus = await _linus(api)
    assert (await (await linus.ask("GET", "/me")).json())["has_password"] is False
    assert (await linus.ask(method, path, json=body)).status == status


@pytest.mark.parametrize(("method", "path", "body", "status"), CALLS)
async def test_one_of_long_ago_is_not(api: ApiFixture, method: str, path: str, body: Any, status: int) -> None:
    linus = await _linus(api)
    await Holder(api, linus, "", []).has_aged()
    assert await slug(await linus.ask(method, path, json=body)) == REQUIRED
    assert (await linus.ask("GET", "/me")).status == 200


@pytest.mark.parametrize("body", [None, {}, {"password": None}])
async def test_an_account_with_a_password_is_not_deleted_without_it(api: ApiFixture, body: Any) -> None:
    ada = await api.register("ada")
    assert await slug(await ada.ask("DELETE", "/me", json=body)) == (403, "password-needed")
    assert (await ada.ask("GET", "/me")).status == 200


async def test_a_second_factor_is_removed_by_a_proof_of_just_now(api: ApiFixture) -> None:
    holder = await with_factor(api, await _linus(api))
    await holder.has_aged()
    assert await slug(await holder.someone.ask("DELETE", "/auth/totp")) == REQUIRED
    proof = await holder.someone.ask("POST", "/auth/reauthenticate", json={"totp": holder.code()})
    assert proof.status == 204
    assert (await holder.someone.ask("DELETE", "/auth/totp")).status == 204
    assert (await (await holder.someone.ask("GET", "/auth/factors")).json())["totp"] is None
    assert await slug(await holder.someone.ask("DELETE", "/auth/totp")) == (409, "not-enrolled")


async def test_with_a_password_the_second_factor_takes_both(api: ApiFixture) -> None:
    holder = await with_factor(api, await api.register("ada"))
    assert await slug(await holder.someone.ask("DELETE", "/auth/totp")) == (403, "password-needed")
    asked = await holder.someone.ask("DELETE", "/auth/totp", json={"password": PASSWORD})
    assert await slug(asked) == (403, "totp-needed")
    body = {"password": PASSWORD, "code": holder.code()}
    assert (await holder.someone.ask("DELETE", "/auth/totp", json=body)).status == 204


async def test_a_password_that_was_chosen_is_asked_for_from_then_on(api: ApiFixture) -> None:
    linus = await _linus(api)
    assert (await linus.ask("POST", "/auth/password/change", json={"new_password": NEW})).status == 204
    assert await slug(await linus.ask("DELETE", "/me")) == (403, "password-needed")
    assert (await linus.ask("DELETE", "/me", json={"password": NEW})).status == 204

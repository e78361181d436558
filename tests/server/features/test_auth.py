from __future__ import annotations

import asyncio

from tests.server.conftest import PASSWORD, House


async def test_register_signs_in_and_answers_the_profile(house: House) -> None:
    ada = await house.register("Ada_1")
    me = await (await ada.ask("GET", "/me")).json()
    assert me["username"] == "Ada_1"
    assert me["email"] == "Ada_1@example.org"
    assert me["counts"] == {"followers": 0, "following": 0, "streams": 0}
    assert me["created_at"].endswith("Z")

from __future__ import annotations

from storage.postgres import Database
from tests.server.conftest import ApiFixture

ROOM = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"


async def say(database: Database, user_id: str, count: int) -> None:
    await database.execute("insert into chat_rooms (id, owner_id, log_epoch) values ($1, $2, 'e')", ROOM, user_id)
    await database.execute(
        'insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at) '
        "select $1, n, gen_random_uuid(), $2, n::text, 'message ' || n, now() from generate_series(1, $3::int) n",
        ROOM,
        user_id,
        count,
    )


async def test_export_holds_everything_in_order_over_many_pages(api: ApiFixture) -> None:
    ada, bob = await api.register("ada"), await api.register("bob")
    await ada.ask("PUT", "/users/bob/follow")
    await bob.ask("PUT", "/users/ada/follow")
    await say(api.database, ada.id, 1203)
    answer = await ada.ask("GET", "/me/export")
    assert answer.status == 200
    assert "attachment" in answer.headers["Content-Disposition"]
    held = await answer.json()
    assert held["profile"]["email"] == "ada@example.org"
    assert "password_hash" not in held["profile"]
    assert sorted(one["offset"] for one in held["messages"]) == list(range(1, 1204))
    assert [one["username"] for one in held["following"]] == ["bob"]
    assert [one["username"] for one in held["followers"]] == ["bob"]
    assert len(held["sessions"]) == 1
    assert held["log"][0]["action"] == "account.registered"


async def test_deletion_empties_every_message(api: ApiFixture) -> None:
    ada = await api.register("ada")
    await say(api.database, ada.id, 1001)
    assert (await ada.ask("DELETE", "/me", json={"password": "correct horse battery staple"})).status == 204
    await api.wipe_deleted()
    left = await api.database.fetchrow(
        "select count(*) as n, max(text) as text, count(deleted_at) as d from chat_messages"
    )
    assert left is not None
    assert dict(left) == {"n": 1001, "text": "", "d": 1001}

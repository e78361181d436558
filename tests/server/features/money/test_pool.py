"""The watch-time pool: what counts, how it is shared to the last unit, and who gets a part."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from server.features.rooms.pool.pool import month_before
from server.features.rooms.pool.rules import Watched, counted, fault_in_parts, parts_of, pool_of, shared
from server.features.videos.works.facts import MatchCredited, MatchDecided
from storage.facts import publish
from tests.server.features.money.conftest import Shop, new_id

HOUR = 3_600
DAY = date(2027, 1, 5)


@given(st.integers(0, 10**9), st.dictionaries(st.text(max_size=3), st.integers(0, 10**6), min_size=1, max_size=20))
def test_parts_come_to_the_whole_and_none_is_a_unit_from_its_share(total: int, weights: dict[str, int]) -> None:
    parts, whole = shared(total, weights), sum(weights.values())
    assert sum(parts.values()) == (total if whole else 0)
    assert all(abs(parts[key] * whole - total * weight) < max(whole, 1) for key, weight in weights.items())


def test_the_largest_remainder_gets_the_cent_and_of_equal_ones_the_first() -> None:
    assert shared(100, {"a": 1, "b": 1, "c": 1}) == {"a": 34, "b": 33, "c": 33}
    assert shared(10, {"a": 61, "b": 39}) == {"a": 6, "b": 4}
    assert parts_of(101, "ada", None) == {"ada": 101}
    assert parts_of(101, "ada", {"ada": 50, "bob": 50}) == {"ada": 51, "bob": 50}
    assert (pool_of(999, 10), pool_of(-5, 10)) == (99, 0)
    assert month_before(datetime(2027, 1, 2, tzinfo=UTC)) == (
        datetime(2026, 12, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC),
    )  # fmt: skip


def test_a_viewer_counts_for_so_many_hours_a_day_shared_among_the_streams() -> None:
    def seen(stream: str, hours: int, day: date = DAY) -> Watched:
        return Watched(person_id="eve", day=day, media_id=stream, seconds=hours * HOUR)

    assert counted([seen("a", 3), seen("b", 2)], most_a_day=8 * HOUR) == {"a": 3 * HOUR, "b": 2 * HOUR}
    assert counted([seen("a", 12), seen("b", 4)], most_a_day=8 * HOUR) == {"a": 6 * HOUR, "b": 2 * HOUR}
    other_day = DAY + timedelta(days=1)
    assert counted([seen("a", 12), seen("a", 12, other_day)], most_a_day=8 * HOUR) == {"a": 16 * HOUR}


def test_parts_of_a_split_come_to_100() -> None:
    assert fault_in_parts({"a": 50, "b": 50}, 2) is None
    assert fault_in_parts({"a": 51, "b": 50}, 2) == "must come to 100 per cent, not 101"
    assert fault_in_parts({"a": 100}, 2) == "names a person twice"


async def watch(shop: Shop, person: str, stream: str, seconds: int, *, lasted: int | None = None) -> None:
    began = month_before(datetime.now(UTC))[0] + timedelta(days=2)
    await shop.kit.database.execute(
        "insert into view_sessions (id, stream_id, user_id, viewer, started_at, last_at, watched_ms)"
        " values ($1, $2, $3, 'v', $4, $5, $6)",
        new_id(), stream, person, began, began + timedelta(seconds=seconds if lasted is None else lasted),
        seconds * 1_000,
    )  # fmt: skip


async def settle(shop: Shop) -> None:
    [pool] = [one for one in shop.kit.install(test_money=True, pool_percent=50).features if one.name == "pool"]
    for _ in range(2):
        await shop.kit.run_schedule(pool, "pool.settle")


async def read(shop: Shop) -> None:
    await shop.kit.read_facts([one for one in shop.features if one.name == "pool"])


async def earn_last_month(shop: Shop, amount: int) -> None:
    """A tip whose share of the server was booked in the month before."""
    await shop.tip(amount=amount)
    await shop.settle()
    first, _ = month_before(datetime.now(UTC))
    async with shop.kit.database.transaction() as tx:
        await tx.execute("set local session_replication_role = replica")
        await tx.execute("update ledger_transfers set at = $1", first + timedelta(days=1))


async def people(shop: Shop, *names: str) -> dict[str, str]:
    """Who has had an account for long."""
    for name in names:
        await shop.served.register(name)
    await shop.kit.database.execute("update users set created_at = now() - interval '90 days'")
    return {name: await shop.id_of(name) for name in ("ada", "bob", *names)}


async def test_the_pool_goes_to_streams_by_seconds_and_to_parts_as_agreed(shop: Shop) -> None:
    ids = await people(shop, "eve")
    other = new_id()
    await shop.kit.database.execute(
        "insert into streams (id, owner_id, room_id, title, stream_key, state)"
        " values ($1, $2, $1, 'Other', 'k2', 'ended')", other, ids["bob"],
    )  # fmt: skip
    await earn_last_month(shop, 1_010)  # the server's share is 101, the pool 50
    await watch(shop, ids["eve"], shop.stream, 600)
    await watch(shop, ids["ada"], shop.stream, 9_000)  # her own
    await watch(shop, ids["eve"], other, 9_000, lasted=300)  # more than it lasted
    body = {"stream_id": shop.stream, "parts": [{"user": "ada", "percent": 60}, {"user": "bob", "percent": 40}]}
    for parts in ([60, 41], [60, 39]):
        wrong = [{"user": "ada", "percent": parts[0]}, {"user": "bob", "percent": parts[1]}]
        status, problem = await shop.call("POST", "/me/splits", token=shop.ada, json={**body, "parts": wrong})
        assert (status, problem["errors"][0]["field"]) == (422, "parts")
    assert (await shop.call("POST", "/me/splits", json=body))[0] == 404
    split = (await shop.call("POST", "/me/splits", token=shop.ada, json=body))[1]["split"]
    assert (split["state"], [part["has_agreed"] for part in split["parts"]]) == ("proposed", [True, False])
    path = f"/splits/{split['id']}/agree"
    assert (await shop.call("POST", path))[1]["split"]["state"] == "agreed"
    assert (await shop.call("POST", path))[0] == 409
    await settle(shop)
    _, mine = await shop.call("GET", "/me/pool", token=shop.ada)
    (one,) = mine["items"]
    arithmetic = {key: one[key] for key in ("income", "pool_percent", "pool", "all_seconds", "seconds", "amount")}
    assert arithmetic == {
        "income": 101, "pool_percent": 50, "pool": 50, "all_seconds": 900, "seconds": 600, "amount": 33,
    }  # fmt: skip
    assert (one["percent"], one["part"]) == (60, 20)
    _, theirs = await shop.call("GET", "/me/pool")
    assert sorted(item["part"] for item in theirs["items"]) == [13, 17]
    assert (await shop.balance(shop.bob))[0]["available"] == 30
    _, months = await shop.call("GET", "/admin/pool", token=shop.admin)
    first = month_before(datetime.now(UTC))[0].date().isoformat()
    settled = [(month["amount"], month["seconds"]) for month in months["items"] if month["month"] == first]
    assert settled == [(50, 900)]
    await shop.require_sound()


async def test_a_match_offers_a_split_which_holds_when_it_is_agreed_or_upheld(shop: Shop) -> None:
    ids = await people(shop)
    same: dict[str, Any] = {"holder_id": ids["bob"], "publisher_id": ids["ada"], "work_id": new_id()}
    first, second = new_id(), new_id()
    async with shop.kit.database.transaction() as tx:
        for match in (first, first, second):
            await publish(tx, MatchCredited(
                match_id=match, media_id=shop.stream, media_kind="stream", from_ms=0, to_ms=8_000, **same
            ))  # fmt: skip
    await read(shop)
    _, page = await shop.call("GET", "/me/splits", token=shop.ada)
    assert [(one["state"], one["match_id"]) for one in page["items"]] == [("proposed", second), ("proposed", first)]
    assert {part["username"]: part["has_agreed"] for part in page["items"][0]["parts"]} == {"ada": False, "bob": True}
    decline = f"/splits/{page['items'][0]['id']}/decline"
    assert (await shop.call("POST", decline, token=shop.admin))[0] == 404
    assert (await shop.call("POST", decline, token=shop.ada))[1]["split"]["state"] == "declined"
    async with shop.kit.database.transaction() as tx:
        for match, state in ((first, "withdrawn"), (second, "upheld")):
            await publish(tx, MatchDecided(match_id=match, media_id=shop.stream, state=state, **same))
    await read(shop)
    _, page = await shop.call("GET", "/me/splits", token=shop.ada)
    assert [one["state"] for one in page["items"]] == ["agreed", "declined"]


async def video_of(shop: Shop, owner: str, title: str = "Film", **more: Any) -> str:
    fields = {
        "id": new_id(), "owner_id": owner, "title": title, "state": "ready", "edition": 1, "duration_ms": 600_000,
        "created_at": datetime.now(UTC), **more,
    }  # fmt: skip
    places = ", ".join(f"${n}" for n in range(1, len(fields) + 1))
    await shop.kit.database.execute(f"insert into videos ({', '.join(fields)}) values ({places})", *fields.values())
    return str(fields["id"])


async def watch_video(shop: Shop, person: str, video: str, seconds: int) -> None:
    day = month_before(datetime.now(UTC))[0].date() + timedelta(days=2)
    await shop.kit.database.execute(
        "insert into video_watchers (video_id, person_id, day, watched_ms) values ($1, $2, $3, $4)",
        video, person, day, seconds * 1_000,
    )  # fmt: skip


async def test_videos_and_recordings_are_in_the_pool_with_streams(shop: Shop) -> None:
    ids = await people(shop, "eve")
    film = await video_of(shop, ids["bob"])
    await video_of(shop, ids["ada"], id=shop.stream, stream_id=shop.stream)
    await earn_last_month(shop, 1_000)  # the pool is 50
    await watch(shop, ids["eve"], shop.stream, 200)
    await watch_video(shop, ids["eve"], shop.stream, 100)  # the recording is of the stream
    await watch_video(shop, ids["eve"], film, 200)
    await watch_video(shop, ids["bob"], film, 9_000)  # his own
    await settle(shop)
    [mine] = (await shop.call("GET", "/me/pool", token=shop.ada))[1]["items"]
    [theirs] = (await shop.call("GET", "/me/pool"))[1]["items"]
    told = [
        (one["stream_id"], one["video_id"], one["seconds"], one["all_seconds"], one["part"]) for one in (mine, theirs)
    ]
    assert told == [(shop.stream, None, 300, 500, 30), (None, film, 200, 500, 20)]
    await shop.require_sound()


async def test_a_match_in_a_video_opens_a_split_which_both_sides_agree_to(shop: Shop) -> None:
    ids = await people(shop, "eve")
    film = await video_of(shop, ids["ada"])
    async with shop.kit.database.transaction() as tx:
        await publish(tx, MatchCredited(
            match_id=new_id(), media_id=film, media_kind="video", from_ms=0, to_ms=8_000, holder_id=ids["bob"],
            publisher_id=ids["ada"], work_id=new_id(),
        ))  # fmt: skip
    await read(shop)
    [split] = (await shop.call("GET", "/me/splits", token=shop.ada))[1]["items"]
    assert (split["stream_id"], split["video_id"], split["title"], split["state"]) == (None, film, "Film", "proposed")
    assert (await shop.call("POST", f"/splits/{split['id']}/agree", token=shop.ada))[1]["split"]["state"] == "agreed"
    await earn_last_month(shop, 1_000)
    await watch_video(shop, ids["eve"], film, 100)
    await settle(shop)
    for token in (shop.ada, shop.bob):
        [one] = (await shop.call("GET", "/me/pool", token=token))[1]["items"]
        assert (one["video_id"], one["amount"], one["percent"], one["part"]) == (film, 50, 50, 25)
    await shop.require_sound()


async def test_a_split_of_a_video_is_offered_by_its_owner_and_replaces_the_one_before(shop: Shop) -> None:
    ids = await people(shop)
    film = await video_of(shop, ids["ada"])
    await video_of(shop, ids["ada"], id=shop.stream, stream_id=shop.stream)
    parts = [{"user": "ada", "percent": 50}, {"user": "bob", "percent": 50}]

    async def offer(token: str, **of: Any) -> tuple[int, Any]:
        return await shop.call("POST", "/me/splits", token=token, json={"parts": parts, **of})

    assert (await offer(shop.bob, video_id=film))[0] == 404
    assert (await offer(shop.ada, stream_id=film))[0] == 404
    assert (await offer(shop.ada))[0] == 422
    assert (await offer(shop.ada, stream_id=shop.stream, video_id=film))[0] == 422
    states = []
    for _ in range(2):
        _, answer = await offer(shop.ada, video_id=film)
        states.append((await shop.call("POST", f"/splits/{answer['split']['id']}/agree"))[1]["split"]["state"])
    assert states == ["agreed"] * 2
    _, page = await shop.call("GET", "/me/splits", token=shop.ada)
    assert [one["state"] for one in page["items"]] == ["agreed", "replaced"]
    assert (await offer(shop.ada, video_id=shop.stream))[1]["split"]["stream_id"] == shop.stream

"""What people are notified of, what they see of it, and what they are spared."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.features.delivery.notifications.queries import MAX_PEOPLE
from storage.leases import Leases
from storage.stream import Streams
from tests.server.conftest import PASSWORD, Someone
from tests.server.features.notifications.conftest import Notified, Stage
from tests.server.jobs.inline import make_due

TIES = [("ada", "mute", "bob"), ("ada", "block", "bob"), ("bob", "block", "ada")]


async def three(notified: Notified) -> tuple[Someone, Someone, Someone]:
    return await notified.register("ada"), await notified.register("bob"), await notified.register("cleo")


# ------------------------------------------------------------------------------------------------------------ follows


async def test_a_follow_is_one_unread_notification(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    await notified.settle()
    page = await notified.listed(ada)
    (one,) = page["items"]
    assert (one["kind"], one["count"], one["subject"], one["read_at"]) == ("follow", 1, None, None)
    assert one["people"] == [{"id": bob.id, "username": "bob", "display_name": "bob", "avatar_url": None}]
    assert one["created_at"].endswith("Z")
    assert (page["next"], page["unread"]) == (None, 1)
    assert await notified.told(bob) == []


async def test_follows_are_one_notification_until_it_is_read(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    dan, eve = await notified.register("dan"), await notified.register("eve")
    for follower in (bob, cleo, dan, eve):
        await notified.follow(follower, ada)
        await notified.settle()
    assert await notified.told(ada) == [("follow", ["eve", "dan", "cleo"], 4)]
    (before,) = (await notified.listed(ada))["items"]
    await ada.ask("POST", "/notifications/read", json={"until": before["id"]})
    fay = await notified.register("fay_x")
    await notified.follow(fay, ada)
    await notified.settle()
    assert await notified.told(ada) == [("follow", ["fay_x"], 1), ("follow", ["eve", "dan", "cleo"], 4)]
    assert (await notified.listed(ada))["unread"] == 1


async def test_a_follow_that_was_taken_back_is_withdrawn(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await notified.follow(bob, ada)
    await notified.follow(cleo, ada)
    await notified.settle()
    await bob.ask("DELETE", "/users/ada/follow")
    await notified.settle()
    assert await notified.told(ada) == [("follow", ["cleo"], 1)]
    await cleo.ask("DELETE", "/users/ada/follow")
    await notified.settle()
    assert await notified.told(ada) == []
    assert (await notified.listed(ada))["unread"] == 0


async def test_a_follow_again_and_again_counts_once_and_stays_in_its_place(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    for _ in range(3):
        await notified.follow(bob, ada)
        await notified.settle()
        await bob.ask("DELETE", "/users/ada/follow")
    await notified.follow(bob, ada)
    await notified.settle()
    await notified.follow(cleo, ada)
    await notified.settle()
    assert await notified.told(ada) == [("follow", ["cleo", "bob"], 2)]


async def test_more_people_than_are_kept_are_counted(notified: Notified) -> None:
    ada = await notified.register("ada")
    followers = [f"follower{number}" for number in range(MAX_PEOPLE + 2)]
    await notified.database.execute(
        "insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)"
        " select gen_random_uuid(), n, n, n, n, '', n, n from unnest($1::text[]) n",
        followers,
    )
    await notified.database.execute(
        "insert into facts (name, body) select 'follow.changed', jsonb_build_object('follower_id', id,"
        " 'followee_id', $1::text, 'is_following', true) from users where username like 'follower%' order by username",
        ada.id,
    )
    await notified.settle()
    ((_, people, count),) = await notified.told(ada)
    assert (len(people), count) == (3, MAX_PEOPLE + 2)
    assert await notified.database.fetchval("select cardinality(people) from notifications") == MAX_PEOPLE


# ------------------------------------------------------------------------------------------------------------ streams


async def test_followers_are_notified_once_that_a_stream_has_started(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await notified.follow(bob, ada)
    await notified.follow(cleo, ada)
    stage = await notified.stage(ada, title="محرك <b>&amp;")
    fact = await notified.go_live(stage)
    await notified.publish(fact)
    await notified.settle()
    (one,) = (await notified.listed(bob))["items"]
    assert (one["kind"], one["count"], one["people"][0]["username"]) == ("stream_started", 1, "ada")
    assert one["subject"] == {
        "type": "stream", "id": stage.stream_id, "title": "محرك <b>&amp;", "path": f"/watch/{stage.stream_id}"
    }  # fmt: skip
    assert one["created_at"] == "2026-11-29T12:00:00Z"
    assert len(notified.events(bob)) == len(notified.events(cleo)) == 1
    assert [kind for kind, _, _ in await notified.told(ada)] == ["follow"]


async def schedule(notified: Notified, stage: Stage, at: datetime | None) -> None:
    fence = await Leases(db=notified.database).fence_of("stream", stage.stream_id)
    assert await Streams(db=notified.database).edit(stage.stream_id, {"scheduled_at": at}, fence=fence)
    await notified.settle()


async def test_followers_are_notified_of_a_stream_that_is_announced_and_before_it_begins(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    stage = await notified.stage(ada)
    later = datetime.now(UTC) + timedelta(days=1)
    await schedule(notified, stage, later)
    assert await notified.told(bob) == [("stream_scheduled", ["ada"], 1)]
    await schedule(notified, stage, later)
    assert len(notified.events(bob)) == 1
    await make_due(notified.database)
    await notified.settle()
    assert await notified.told(bob) == [("stream_reminder", ["ada"], 1), ("stream_scheduled", ["ada"], 1)]


async def test_who_asks_is_reminded_of_an_announced_stream_once_whether_they_follow_or_not(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await notified.follow(bob, ada)
    stage = await notified.stage(ada)
    path = f"/streams/{stage.stream_id}/reminder"
    assert (await cleo.ask("PUT", path)).status == 409, "it is not announced"
    await schedule(notified, stage, datetime.now(UTC) + timedelta(days=1))
    for person in (bob, cleo, cleo):
        assert (await person.ask("PUT", path)).status == 204
    (one,) = (await (await cleo.ask("GET", "/me/reminders")).json())["items"]
    assert (one["stream_id"], one["title"]) == (stage.stream_id, "Engines")
    await make_due(notified.database)
    await notified.settle()
    assert await notified.told(cleo) == [("stream_reminder", ["ada"], 1)]
    assert await notified.told(bob) == [("stream_reminder", ["ada"], 1), ("stream_scheduled", ["ada"], 1)]
    await notified.publish(await notified.go_live(stage))
    await notified.settle()
    assert [kind for kind, _, _ in await notified.told(cleo)] == ["stream_started", "stream_reminder"]


async def test_a_reminder_that_was_taken_back_or_is_none_of_theirs_is_not_sent(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    stage, hidden = await notified.stage(ada), await notified.stage(ada, visibility="private")
    for one in (stage, hidden):
        await schedule(notified, one, datetime.now(UTC) + timedelta(days=1))
    assert (await bob.ask("PUT", f"/streams/{hidden.stream_id}/reminder")).status == 404
    for person in (bob, cleo):
        assert (await person.ask("PUT", f"/streams/{stage.stream_id}/reminder")).status == 204
    assert (await bob.ask("DELETE", f"/streams/{stage.stream_id}/reminder")).status == 204
    assert (await ada.ask("PUT", "/users/cleo/block")).status == 204
    assert (await (await cleo.ask("GET", "/me/reminders")).json())["items"] == []
    await make_due(notified.database)
    await notified.settle()
    assert await notified.told(bob) == await notified.told(cleo) == []


@pytest.mark.parametrize("visibility", ["unlisted", "private"])
async def test_nobody_is_notified_of_an_announced_stream_that_is_not_public(
    notified: Notified, visibility: str
) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    await schedule(notified, await notified.stage(ada, visibility=visibility), datetime.now(UTC) + timedelta(days=1))
    assert await notified.told(bob) == []


async def test_a_stream_that_was_called_off_is_neither_announced_nor_reminded_of(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    stage = await notified.stage(ada)
    await schedule(notified, stage, datetime.now(UTC) + timedelta(days=1))
    await schedule(notified, stage, None)
    assert await notified.told(bob) == []
    await make_due(notified.database)
    await notified.settle()
    assert await notified.told(bob) == []


@pytest.mark.parametrize("visibility", ["unlisted", "private"])
async def test_nobody_is_notified_of_a_stream_that_is_not_public(notified: Notified, visibility: str) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    await notified.go_live(await notified.stage(ada, visibility=visibility), visibility)
    await notified.settle()
    assert await notified.told(bob) == []


async def test_a_stream_that_may_not_be_seen_any_more_is_no_subject(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    stage = await notified.stage(ada)
    await notified.go_live(stage)
    await notified.settle()
    await notified.database.execute("update streams set visibility = 'private' where id = $1", stage.stream_id)
    (one,) = (await notified.listed(bob))["items"]
    assert (one["kind"], one["subject"]) == ("stream_started", None)


# ----------------------------------------------------------------------------------------------------------- mentions


async def test_a_mention_in_a_chat_notifies_all_but_the_author(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    stage = await notified.stage(cleo)
    await notified.say(stage, bob, "قال @ADA و@bob و@nobody_here ذلك")
    await notified.settle()
    (one,) = (await notified.listed(ada))["items"]
    assert (one["kind"], one["people"][0]["username"], one["subject"]["id"]) == ("mention", "bob", stage.stream_id)
    assert one["created_at"] == "2026-11-29T12:01:00Z"
    assert await notified.told(bob) == await notified.told(cleo) == []


async def test_mentions_in_one_chat_are_one_notification_at_the_time_of_the_last(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    stage, other = await notified.stage(cleo), await notified.stage(cleo, "Other")
    for author, where in ((bob, stage), (bob, other), (cleo, stage), (bob, stage)):
        await notified.say(where, author, "@ada")
    await notified.settle()
    assert await notified.told(ada) == [("mention", ["bob", "cleo"], 2), ("mention", ["bob"], 1)]
    assert (await notified.listed(ada))["items"][0]["created_at"] == "2026-11-29T12:04:00Z"


async def test_a_mention_in_a_private_room_notifies_its_guests_alone(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    stage = await notified.stage(cleo, visibility="private")
    await notified.database.execute("insert into stream_guests values ($1, $2)", stage.stream_id, bob.id)
    await notified.say(stage, cleo, "@ada @bob")
    await notified.settle()
    assert await notified.told(ada) == []
    assert await notified.told(bob) == [("mention", ["cleo"], 1)]


async def test_a_message_that_was_deleted_before_it_was_read_notifies_nobody(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    message_id = await notified.say(await notified.stage(cleo), bob, "@ada")
    await notified.database.execute("update chat_messages set deleted_at = now() where id = $1", message_id)
    await notified.settle()
    assert await notified.told(ada) == []


# ------------------------------------------------------------------------------------------------ muted, blocked, gone


@pytest.mark.parametrize(
    ("who", "tie", "whom"), [("ada", "mute", "bob"), ("ada", "block", "bob"), ("bob", "block", "ada")]
)
async def test_who_is_muted_or_blocked_causes_no_notification(
    notified: Notified, who: str, tie: str, whom: str
) -> None:
    people = dict(zip(("ada", "bob", "cleo"), await three(notified), strict=True))
    await people[who].ask("PUT", f"/users/{whom}/{tie}")
    await notified.say(await notified.stage(people["cleo"]), people["bob"], "@ada")
    await notified.settle()
    assert await notified.told(people["ada"]) == []


@pytest.mark.parametrize(
    ("who", "tie", "whom"), [("ada", "mute", "bob"), ("ada", "block", "bob"), ("bob", "block", "ada")]
)
async def test_what_somebody_caused_goes_when_they_are_muted_or_blocked(
    notified: Notified, who: str, tie: str, whom: str
) -> None:
    people = dict(zip(("ada", "bob", "cleo"), await three(notified), strict=True))
    stage = await notified.stage(people["cleo"])
    for author in ("bob", "cleo"):
        await notified.say(stage, people[author], "@ada")
    await notified.follow(people["bob"], people["ada"])
    await notified.settle()
    await people[who].ask("PUT", f"/users/{whom}/{tie}")
    await notified.settle()
    assert await notified.told(people["ada"]) == [("mention", ["cleo"], 1)]
    assert (await notified.listed(people["ada"]))["unread"] == 1


async def test_what_a_deleted_account_caused_disappears_at_once_and_for_good(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    await notified.settle()
    await bob.ask("DELETE", "/me", json={"password": PASSWORD})
    assert await notified.told(ada) == []
    await notified.settle()
    assert (await notified.listed(ada))["unread"] == 0
    assert await notified.database.fetchval("select count(*) from notifications") == 0


# ----------------------------------------------------------------------------------------------------- events, devices


async def test_the_event_is_what_the_list_says_and_names_what_it_replaces(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await notified.follow(bob, ada)
    await notified.settle()
    (first,) = notified.events(ada)
    await notified.follow(cleo, ada)
    await notified.settle()
    second = notified.events(ada)[1]
    assert first["replaces"] is None
    assert second["replaces"] == first["id"]
    assert {k: v for k, v in second.items() if k != "replaces"} == (await notified.listed(ada))["items"][0]


async def test_what_is_rolled_back_is_not_sent(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    (follow,) = [one for one in notified.feature.consumers if one.kind.__name__ == "FollowChanged"]

    async def handle_and_fail() -> None:
        async with notified.database.transaction() as tx:
            await follow.handle(tx, follow.kind(follower_id=bob.id, followee_id=ada.id, is_following=True))
            raise LookupError

    with pytest.raises(LookupError):
        await handle_and_fail()
    assert notified.events(ada) == []


async def test_a_fact_that_is_handled_twice_leaves_the_same_rows(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await notified.follow(bob, ada)
    stage = await notified.stage(bob)
    await notified.go_live(stage)
    await notified.say(stage, cleo, "@ada")
    await notified.settle()
    before = await rows(notified)
    await notified.database.execute("delete from fact_readers")
    await notified.settle()
    assert await rows(notified) == before
    assert [one["kind"] for one in notified.events(ada)] == ["follow", "mention"]


async def rows(notified: Notified) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await notified.database.fetch("select * from notifications order by person_id, id")]


# ------------------------------------------------------------------------------------------------------------ reading


async def test_reading_up_to_one_leaves_what_joined_it_since_unread(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await notified.follow(bob, ada)
    await notified.settle()
    seen = (await notified.listed(ada))["items"][0]["id"]
    await notified.follow(cleo, ada)
    await notified.settle()
    assert (await ada.ask("POST", "/notifications/read", json={"until": seen})).status == 204
    assert (await notified.listed(ada))["unread"] == 1


async def test_reading_is_told_to_the_other_devices_once(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await notified.follow(bob, ada)
    await notified.say(await notified.stage(cleo), bob, "@ada")
    await notified.settle()
    newest, oldest = [one["id"] for one in (await notified.listed(ada))["items"]]
    for body in ({"ids": [newest]}, {"ids": [newest]}, {"until": newest}, {"until": newest}):
        assert (await ada.ask("POST", "/notifications/read", json=body)).status == 204
    told = [body for to, event, body in notified.kit.published.events if event == "notification:read" and to == ada.id]
    assert told == [{"until": None, "ids": [newest], "unread": 1}, {"until": newest, "ids": None, "unread": 0}]
    assert {one["id"] for one in (await notified.listed(ada))["items"]} == {newest, oldest}
    assert (await notified.listed(ada, "?unread=true"))["items"] == []


async def test_nobody_reads_for_anybody_else(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    await notified.settle()
    (one,) = (await notified.listed(ada))["items"]
    for body in ({"ids": [one["id"]]}, {"until": one["id"]}):
        assert (await bob.ask("POST", "/notifications/read", json=body)).status == 204
    assert (await notified.listed(ada))["unread"] == 1


async def test_what_cannot_be_read_is_a_422(notified: Notified) -> None:
    ada = await notified.register("ada")
    wrong: list[dict[str, Any]] = [
        {},
        {"until": None},
        {"until": "x"},
        {"ids": []},
        {"ids": [1]},
        {"until": "x", "ids": ["y"]},
        {"more": 1},
    ]
    for body in wrong:
        assert (await ada.ask("POST", "/notifications/read", json=body)).status == 422, body


async def test_pages_go_on_where_the_last_ended_while_more_come(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    for title in "abc":
        await notified.say(await notified.stage(cleo, title), bob, "@ada")
    await notified.settle()
    first = await notified.listed(ada, "?limit=2")
    await notified.say(await notified.stage(cleo, "d"), bob, "@ada")
    await notified.settle()
    second = await notified.listed(ada, f"?limit=2&cursor={first['next']}")
    titles = [one["subject"]["title"] for one in (*first["items"], *second["items"])]
    assert (titles, second["next"]) == (["c", "b", "a"], None)


async def test_a_wrong_page_is_a_422(notified: Notified) -> None:
    ada = await notified.register("ada")
    for query in ("?limit=0", "?limit=101", "?cursor=x", "?unread=perhaps"):
        assert (await ada.ask("GET", f"/notifications{query}")).status == 422, query


async def test_guests_have_none(notified: Notified) -> None:
    assert (await notified.api.client.get("/api/v1/notifications")).status == 401


# ----------------------------------------------------------------------------------------------------------- settings


async def test_all_kinds_are_on_until_they_are_switched(notified: Notified) -> None:
    ada = await notified.register("ada")
    quiet = {"repost", "reaction", "recording_expiring"}
    on = {
        kind: {"in_app": True, "push": kind not in quiet, "email": False}
        for kind in (
            "follow", "follow_request", "follow_approved", "mention", "reply", "quote", "repost", "reaction",
            "stream_started", "stream_scheduled", "stream_reminder", "conversation_request", "message", "community",
            "webhook_disabled", "recording_expiring", "subscription_unpaid", "moderation", "order", "match",
        )
    }  # fmt: skip
    made = {"kinds": on, "time_zone": "UTC", "quiet_hours": None, "digest": "off", "strangers": "notify"}
    assert await (await ada.ask("GET", "/me/notification-settings")).json() == made
    answer = await ada.ask("PUT", "/me/notification-settings", json={"kinds": {"follow": {"in_app": False}}})
    assert await answer.json() == {**made, "kinds": {**on, "follow": {**on["follow"], "in_app": False}}}
    assert await (await ada.ask("GET", "/me/notification-settings")).json() == await answer.json()


async def test_a_kind_that_is_off_does_not_notify_and_the_others_do(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await ada.ask("PUT", "/me/notification-settings", json={"kinds": {"follow": {"in_app": False}}})
    await notified.follow(bob, ada)
    await notified.say(await notified.stage(cleo), bob, "@ada")
    await notified.settle()
    assert await notified.told(ada) == [("mention", ["bob"], 1)]


async def test_settings_of_what_there_is_not_are_a_422(notified: Notified) -> None:
    ada = await notified.register("ada")
    wrong: list[Any] = [
        {"x" * 300: {"in_app": True}},
        {"follow": {"in_app": 1}},
        {"follow": {"pigeon": True}},
        {"follow": None},
        None,
    ]
    for kinds in wrong:
        answer = await ada.ask("PUT", "/me/notification-settings", json={"kinds": kinds})
        assert answer.status == 422, kinds


# ------------------------------------------------------------------------------------------------------------- bounds


async def test_what_is_old_and_what_is_too_much_is_pruned(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    for title in "abcd":
        await notified.say(await notified.stage(cleo, title), bob, "@ada")
    await notified.settle()
    await notified.database.execute("update notifications set created_at = now()")
    await notified.database.execute(
        "update notifications set created_at = now() - interval '91 days'"
        " where id = (select id from notifications order by id limit 1)"
    )
    (feature,) = [one for one in notified.kit.install(max_notifications=2).features if one.name == "notifications"]
    (schedule,) = [one for one in feature.schedules if one.name == "notifications.prune"]
    await schedule.job.run(None)  # type: ignore[arg-type]  # it needs nothing of its attempt
    assert [one["subject"]["title"] for one in (await notified.listed(ada))["items"]] == ["d", "c"]


async def test_the_export_has_notifications_and_settings_but_nobody_elses_names(notified: Notified) -> None:
    ada, bob, _ = await three(notified)
    await notified.follow(bob, ada)
    await notified.settle()
    await ada.ask("PUT", "/me/notification-settings", json={"kinds": {"mention": {"in_app": False}}})
    export = await (await ada.ask("GET", "/me/export")).json()
    assert [(one["kind"], one["count"]) for one in export["notifications"]] == [("follow", 1)]
    assert export["notification_settings"] == [{"kind": "mention", "in_app": False, "push": None, "email": False}]
    assert bob.id not in str(export["notifications"])

"""When and how people hear of what happens."""

from __future__ import annotations

from typing import Any

from tests.server.features.notifications.conftest import Notified
from tests.server.features.notifications.test_notifications import three


async def test_when_and_how_a_person_hears_is_kept_as_it_was_given(notified: Notified) -> None:
    ada = await notified.register("ada")
    wanted = {
        "kinds": {"follow": {"push": False, "email": True}},
        "time_zone": "Asia/Riyadh",
        "quiet_hours": {"start": "22:30", "end": "07:00"},
        "digest": "weekly",
        "strangers": "requests",
    }
    assert (await ada.ask("PUT", "/me/notification-settings", json=wanted)).status == 200
    kept = await (await ada.ask("GET", "/me/notification-settings")).json()
    assert {key: kept[key] for key in wanted if key != "kinds"} == {k: v for k, v in wanted.items() if k != "kinds"}
    assert kept["kinds"]["follow"] == {"in_app": True, "push": False, "email": True}


async def test_a_time_that_there_is_not_is_a_422(notified: Notified) -> None:
    ada = await notified.register("ada")
    wrong: list[dict[str, Any]] = [
        {"time_zone": "Mars/Olympus"},
        {"time_zone": "../../etc/passwd"},
        {"time_zone": ""},
        {"quiet_hours": {"start": "24:00", "end": "07:00"}},
        {"quiet_hours": {"start": "22:00"}},
        {"quiet_hours": {"start": "٢٢:٠٠", "end": "07:00"}},
        {"digest": "hourly"},
        {"strangers": "never"},
    ]
    for body in wrong:
        assert (await ada.ask("PUT", "/me/notification-settings", json=body)).status == 422, body


async def test_strangers_are_kept_among_the_requests_of_who_wants_that(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await ada.ask("PUT", "/me/notification-settings", json={"strangers": "requests"})
    await notified.follow(ada, cleo)
    stage, other = await notified.stage(cleo), await notified.stage(cleo)
    await notified.say(stage, bob, "@ada")
    await notified.settle()
    assert (await notified.told(ada), notified.events(ada)) == ([], [])
    assert (await notified.listed(ada))["unread"] == 0
    (request,) = (await notified.listed(ada, "?requests=true"))["items"]
    assert (request["kind"], request["people"][0]["username"]) == ("mention", "bob")
    await notified.say(other, cleo, "@ada")
    await notified.say(stage, cleo, "@ada")
    await notified.settle()
    assert await notified.told(ada) == [("mention", ["cleo", "bob"], 2), ("mention", ["cleo"], 1)]


async def test_the_list_shows_one_kind_alone(notified: Notified) -> None:
    ada, bob, cleo = await three(notified)
    await notified.follow(bob, ada)
    await notified.say(await notified.stage(cleo), bob, "@ada")
    await notified.settle()
    assert [one["kind"] for one in (await notified.listed(ada, "?kind=follow"))["items"]] == ["follow"]
    assert (await ada.ask("GET", "/notifications?kind=pigeon")).status == 422

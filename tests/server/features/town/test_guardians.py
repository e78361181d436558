"""Guardians: offered, accepted; they decide for a minor until the minor is 18, and see nothing of what is watched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.server.features.town.conftest import Scene

MINE = "/me/wellbeing"


def day_before(years: int) -> str:
    return (datetime.now(UTC).date() - timedelta(days=round(years * 365.25) + 30)).isoformat()


async def born(scene: Scene, token: str, years: int) -> None:
    status, answer = await scene.call("PATCH", "/me", token, json={"birth_date": day_before(years)})
    assert status == 200, answer


async def guarded(scene: Scene, **decided: Any) -> None:
    """Ada is bob's guardian."""
    await born(scene, scene.ada, 40)
    await born(scene, scene.bob, 12)
    assert (await scene.call("PUT", f"{MINE}/minors/bob", scene.ada, json=decided))[0] == 200
    assert (await scene.call("PUT", f"{MINE}/guardians/ada"))[0] == 200


async def beats(scene: Scene) -> Any:
    return (await scene.call("POST", f"{MINE}/active"))[1]


async def test_what_a_guardian_decides_holds_once_it_is_accepted_and_cannot_be_passed(scene: Scene) -> None:
    await born(scene, scene.ada, 40)
    await born(scene, scene.bob, 12)
    decided = {"daily_seconds": 60, "quiet_hours": {"start": "20:00", "end": "06:00"}, "time_zone": "Asia/Riyadh"}
    assert (await scene.call("PUT", f"{MINE}/minors/bob", scene.ada, json=decided))[0] == 200
    assert (await beats(scene))["is_stopped"] is False, "an offer holds nothing"
    assert (await scene.call("PUT", f"{MINE}/guardians/eve"))[0] == 404, "she has offered nothing"
    status, mine = await scene.call("PUT", f"{MINE}/guardians/ada")
    assert (status, mine["guardians"][0]["state"], mine["guardians"][0]["daily_seconds"]) == (200, "accepted", 60)
    assert (await beats(scene))["is_stopped"]
    own = {"daily_seconds": 36_000, "quiet_hours": None, "time_zone": "Pacific/Kiritimati"}
    _, after = await scene.call("PUT", MINE, json=own)
    assert (after["is_stopped"], after["guardian"]["daily_seconds"]) == (True, 60)
    await scene.call("PUT", "/me/notification-settings", json={"time_zone": "UTC", "quiet_hours": None})
    heeded = await scene.get("/me/notification-settings")
    assert (heeded["time_zone"], heeded["quiet_hours"]) == ("Asia/Riyadh", decided["quiet_hours"])
    assert (await scene.call("DELETE", f"{MINE}/guardians/ada"))[0] == 403
    await scene.call("PUT", f"{MINE}/minors/bob", scene.ada, json={"daily_seconds": 42_000})
    assert (await scene.get(MINE))["is_stopped"] is False
    assert (await scene.call("DELETE", f"{MINE}/minors/bob", scene.ada))[0] == 204
    assert (await scene.get(MINE))["guardian"] is None


async def test_quiet_hours_of_a_guardian_stop_the_page_by_the_guardians_clock(scene: Scene) -> None:
    now = datetime.now(UTC)
    start, end = [(now + timedelta(minutes=shift)).strftime("%H:%M") for shift in (-5, 60)]
    await guarded(scene, quiet_hours={"start": start, "end": end})
    assert (await scene.get(MINE))["is_stopped"]
    outside = [(now + timedelta(minutes=shift)).strftime("%H:%M") for shift in (60, 120)]
    hours = {"start": outside[0], "end": outside[1]}
    await scene.call("PUT", f"{MINE}/minors/bob", scene.ada, json={"quiet_hours": hours})
    assert not (await scene.get(MINE))["is_stopped"]


async def test_a_guardian_sees_what_they_decided_and_nothing_that_was_watched(scene: Scene) -> None:
    await guarded(scene, daily_seconds=1_800)
    [one] = (await scene.get(f"{MINE}/guardians", scene.ada))["minors"]
    assert set(one) == {
        "person", "state", "daily_seconds", "break_seconds", "quiet_hours", "time_zone", "until",
    }  # fmt: skip
    assert (await scene.get(f"{MINE}/report", scene.ada))["screen_seconds"] == 0
    assert (await scene.get(f"{MINE}/guardians", scene.eve)) == {"guardians": [], "minors": []}


async def correct(scene: Scene, name: str, years: int) -> None:
    """As an admin."""
    [person] = (await scene.get(f"/admin/people?q={name}", scene.admin))["items"]
    path, day = f"/admin/people/{person['id']}", day_before(years)
    assert (await scene.call("PATCH", path, scene.admin, json={"birth_date": day}))[0] == 200
    await scene.kit.read_facts()


async def test_it_ends_at_eighteen_and_by_a_birth_date_that_an_admin_corrects(scene: Scene) -> None:
    await guarded(scene, daily_seconds=60)
    await beats(scene)
    assert (await scene.call("PATCH", "/me", scene.bob, json={"birth_date": day_before(30)}))[0] == 409
    await correct(scene, "bob", 13)
    assert (await scene.get(MINE))["is_stopped"]
    await correct(scene, "bob", 18)
    assert not (await scene.get(MINE))["is_stopped"]
    await correct(scene, "bob", 13)
    assert (await scene.get(MINE))["is_stopped"]
    await scene.kit.database.execute("update wellbeing_guardians set adult_on = current_date")
    mine = await scene.get(MINE)
    assert (mine["guardian"], mine["is_stopped"]) == (None, False)
    assert (await scene.get(f"{MINE}/guardians"))["guardians"] == []
    await scene.kit.run_schedule(scene.feature("wellbeing"), "wellbeing.guardians")
    assert await scene.kit.database.fetchval("select count(*) from wellbeing_guardians") == 0


async def test_who_turns_out_to_be_no_grown_up_guards_nobody(scene: Scene) -> None:
    await guarded(scene, daily_seconds=60)
    await correct(scene, "ada", 16)
    assert (await scene.get(f"{MINE}/guardians"))["guardians"] == []


async def test_an_offer_tells_no_age_and_holds_for_nobody_of_the_wrong_one(scene: Scene) -> None:
    offers = {
        name: (await scene.call("PUT", f"{MINE}/minors/{name}", scene.ada, json={}))[0] for name in ("bob", "eve")
    }
    assert set(offers.values()) == {200}
    assert (await scene.call("PUT", f"{MINE}/guardians/ada"))[0] == 409, "neither has said when they were born"
    await born(scene, scene.ada, 40)
    await born(scene, scene.eve, 25)
    assert (await scene.call("PUT", f"{MINE}/guardians/ada", scene.eve))[0] == 409
    await born(scene, scene.bob, 12)
    await scene.call("PUT", f"{MINE}/minors/bob", scene.eve, json={})
    assert (await scene.call("PUT", f"{MINE}/guardians/ada"))[0] == 200
    assert (await scene.call("PUT", f"{MINE}/guardians/eve"))[0] == 409, "one is enough"
    assert (await scene.call("DELETE", f"{MINE}/guardians/eve"))[0] == 204
    for path, status in (("bob", 422), ("nobody", 404)):
        assert (await scene.call("PUT", f"{MINE}/minors/{path}", scene.bob, json={}))[0] == status
    for body in ({"daily_seconds": -60}, {"quiet_hours": {"start": "9", "end": "10:00"}}, {"time_zone": "x"}):
        assert (await scene.call("PUT", f"{MINE}/minors/bob", scene.ada, json=body))[0] == 422


async def test_who_is_blocked_cannot_offer_and_nobody_has_more_than_ten(scene: Scene) -> None:
    assert (await scene.call("PUT", "/users/ada/block"))[0] < 300
    assert (await scene.call("PUT", f"{MINE}/minors/bob", scene.ada, json={}))[0] == 404
    for number in range(11):
        await scene.served.register(f"kid{number}")
        status, _ = await scene.call("PUT", f"{MINE}/minors/kid{number}", scene.ada, json={})
        assert status == (200 if number < 10 else 409)


async def test_a_moderator_releases_a_minor_who_asks(scene: Scene) -> None:
    await guarded(scene)
    assert (await scene.call("DELETE", "/moderation/guardians/bob"))[0] == 403
    assert (await scene.call("DELETE", "/moderation/guardians/bob", scene.admin))[0] == 204
    assert (await scene.call("DELETE", "/moderation/guardians/bob", scene.admin))[0] == 404
    assert (await scene.get(MINE))["guardian"] is None

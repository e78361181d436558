"""Well-being: time is counted once, bounded by one's own choice, and told to nobody else."""

from __future__ import annotations

from tests.server.features.town.conftest import Scene

MINE = "/me/wellbeing"


async def test_screen_time_is_counted_once_and_says_when_the_day_is_over(scene: Scene) -> None:
    assert (await scene.get(MINE))["daily_seconds"] is None
    wanted = {
        "daily_seconds": 120, "break_seconds": 300, "time_zone": "Asia/Riyadh",
        "quiet_hours": {"start": "22:00", "end": "07:00"},
    }  # fmt: skip
    status, put = await scene.call("PUT", MINE, json=wanted)
    assert (status, {name: put[name] for name in wanted}) == (200, wanted)
    settings = await scene.get("/me/notification-settings")
    assert (settings["time_zone"], settings["quiet_hours"]) == ("Asia/Riyadh", wanted["quiet_hours"])

    async def beat(ago_s: int) -> tuple[int, bool, bool]:
        """After so many seconds without one."""
        await scene.kit.database.execute("update wellbeing_days set last_at = now() - make_interval(secs => $1)", ago_s)
        _, answer = await scene.call("POST", f"{MINE}/active")
        return answer["seconds_today"], answer["is_over"], answer["needs_break"]

    assert await beat(0) == (60, False, False)
    assert (await beat(0))[0] <= 61, "a second page counts nothing more"
    assert (await beat(60))[1]
    await scene.kit.database.execute("update wellbeing_days set streak_s = 290")
    assert (await beat(60))[2]
    assert not (await beat(600))[2], "after a pause it begins anew"
    report = await scene.get(f"{MINE}/report")
    assert report["screen_seconds"] >= 120
    assert sum(one["is_over"] for one in report["days"]) == 1
    assert len(report["days"]) == 7
    assert (await scene.get(f"{MINE}/report", scene.ada))["screen_seconds"] == 0


async def test_what_cannot_be_a_limit_is_refused(scene: Scene) -> None:
    for body in (
        {"daily_seconds": -60}, {"daily_seconds": 59}, {"daily_seconds": 86_401}, {"break_seconds": 299},
        {"quiet_hours": {"start": "25:00", "end": "07:00"}}, {"time_zone": "Mars/Base"}, {"username": "ada"},
    ):  # fmt: skip
        assert (await scene.call("PUT", MINE, json=body))[0] == 422
    for week in ("2999-01-01", "1999-01-01", "x"):
        assert (await scene.call("GET", f"{MINE}/report?week={week}"))[0] == 422

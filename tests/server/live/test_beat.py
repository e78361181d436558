"""The beat of what is followed from a node."""

from __future__ import annotations

from actors.runtime import ManualClock
from server.live.beat import Beat


async def test_a_beat_tells_all_goes_on_after_one_that_failed_and_rests_without_any() -> None:
    clock, followed, told = ManualClock(), {"a", "b"}, list[str]()

    async def tell(one: str) -> None:
        told.append(one)
        if one == "bad":
            raise ValueError(one)

    beat = Beat(clock=clock, every_s=10, followed=lambda: followed, tell=tell, name="beat")

    async def next_beat() -> list[str]:
        told.clear()
        await clock.advance(10)
        return sorted(told)

    beat.arm()
    beat.arm()
    assert await next_beat() == ["a", "b"]
    followed |= {"bad"}
    assert await next_beat() == ["a", "b", "bad"]
    followed -= {"bad"}
    assert await next_beat() == ["a", "b"]
    followed.clear()
    assert await next_beat() == []
    followed |= {"c"}
    assert await next_beat() == [], "it rests until it is armed"
    beat.arm()
    assert await next_beat() == ["c"]
    await beat.close()
    assert await next_beat() == []

"""Re-encoding happens in child processes that are bounded, and whose end hurts nobody."""

from __future__ import annotations

import asyncio

import psutil
import pytest

from media.pictures.messages import PictureSize
from media.pictures.reencoder import PictureRefusedError, Reencoder, TooManyPicturesError
from tests.media.pictures.files import opened, plain, saved

SIZES = [PictureSize(32, 32), PictureSize(16, 16)]


def children() -> list[psutil.Process]:
    """The workers that there are."""
    return [one for one in psutil.Process().children() if "media.pictures.worker" in one.cmdline()]


async def child() -> psutil.Process:
    """The worker that has been started."""
    async with asyncio.timeout(30):
        while True:
            if found := children():
                return found[0]
            await asyncio.sleep(0.01)


async def test_pictures_come_back_in_the_order_of_the_sizes_and_no_process_remains() -> None:
    made = await Reencoder(max_pixels=10_000).reencode(saved(plain((64, 64)), "PNG"), SIZES)
    assert [opened(one).size for one in made] == [(32, 32), (16, 16)]
    with pytest.raises(PictureRefusedError) as refusal:
        await Reencoder(max_pixels=10_000).reencode(b"no picture", SIZES)
    assert refusal.value.code == "unsupported"
    assert not children()


async def test_a_worker_that_is_killed_refuses_its_picture_and_the_next_is_made() -> None:
    reencoder = Reencoder(max_pixels=10_000, at_once=1)
    first = asyncio.create_task(reencoder.reencode(saved(plain(), "PNG"), SIZES))
    (await child()).kill()
    with pytest.raises(PictureRefusedError) as refusal:
        await first
    assert refusal.value.code == "too_costly"
    assert len(await reencoder.reencode(saved(plain(), "PNG"), SIZES)) == 2


async def test_a_worker_that_is_late_is_ended() -> None:
    with pytest.raises(PictureRefusedError) as refusal:
        await Reencoder(max_pixels=10_000, deadline_s=0.0).reencode(saved(plain(), "PNG"), SIZES)
    assert refusal.value.code == "too_costly"
    assert not children()


async def test_a_caller_that_leaves_ends_its_worker() -> None:
    for steps in (0, 1, 2, 3, 5, 9):
        asked = asyncio.create_task(Reencoder(max_pixels=10_000).reencode(saved(plain(), "PNG"), SIZES))
        for _ in range(steps):
            await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        assert not children()
    asked = asyncio.create_task(Reencoder(max_pixels=10_000).reencode(saved(plain(), "PNG"), SIZES))
    (await child()).suspend()  # it does not end by itself
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(30):
            await asked
    assert not children()


async def test_beyond_those_that_may_wait_pictures_are_refused_at_once() -> None:
    reencoder = Reencoder(max_pixels=10_000, at_once=1, max_waiting=0)
    first = asyncio.create_task(reencoder.reencode(saved(plain(), "PNG"), SIZES))
    await asyncio.sleep(0)
    with pytest.raises(TooManyPicturesError):
        await reencoder.reencode(saved(plain(), "PNG"), SIZES)
    assert len(await first) == 2


async def test_no_process_to_be_had_is_no_fault_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(TooManyPicturesError):
        await Reencoder(max_pixels=10_000).reencode(saved(plain(), "PNG"), SIZES)

from __future__ import annotations

import asyncio

import msgspec

from media.relay import Relay
from media.unit import VIDEO_TIMESCALE, Codec, Kind, Track, Unit
from media.webrtc import h264
from media.webrtc.fanout import HISTORY, MAX_GROUP_PACKETS, Anchor, Burst, MediaClock, RtpFanout
from tests.media.webrtc.test_port import OPUS, h264_track, relay_of


class Listener:
    """A viewer that keeps what it was sent."""

    def __init__(self) -> None:
        self.is_waiting_for_key = True
        self.lacks: frozenset[Kind] = frozenset()
        self.sent: list[tuple[Kind, Burst]] = []
        self.captured_at: list[float | None] = []
        self.reports: list[Anchor] = []
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.changed = asyncio.Event()

    def send(self, kind: Kind, burst: Burst) -> None:
        self.sent.append((kind, burst))
        self.captured_at.append(burst.captured_at)
        self.changed.set()

    def report(self, anchor: Anchor) -> None:
        self.reports.append(anchor)
        self.changed.set()

    def end(self, reason: str) -> None:
        self.ended.set_result(reason)

    async def until_sent(self, count: int) -> None:
        async with asyncio.timeout(30):
            while len(self.sent) < count:
                self.changed.clear()
                await self.changed.wait()


def numbers_of(sent: list[tuple[Kind, Burst]]) -> list[int]:
    return [number for _, burst in sent for number in range(burst.first, burst.first + len(burst.payloads))]


def picture(number: int, *, key: bool = False, size: int = 10) -> Unit:
    data = h264.join_avcc([(b"\x65" if key else b"\x41") + bytes(size)])
    return Unit(kind="video", pts=number * 3_000, dts=number * 3_000, is_key=key, data=data, at=100.0)


def sound(number: int) -> Unit:
    return Unit(kind="audio", pts=number * 960, dts=number * 960, is_key=True, data=b"opus", at=100.0)


async def test_a_viewer_starts_with_a_key_frame_that_brings_its_parameter_sets() -> None:
    track = h264_track()
    relay, wanted = relay_of(track, OPUS), []
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: wanted.append(1)), Listener()
    fanout.join(viewer)
    for unit in (picture(0), sound(0), picture(1, key=True), sound(1), picture(2)):
        relay.write(unit)
    await viewer.until_sent(3)
    fanout.close()
    await fanout.closed()
    assert [kind for kind, _ in viewer.sent] == ["video", "audio", "video"]
    sets = h264.H264ParameterSets.decode(track.config)
    first = viewer.sent[0][1]
    assert h264.Unpacker().push(first.payloads[0]) == [*sets.sps, *sets.pps]
    assert len(first.payloads) == 2
    assert first.marker
    assert wanted == [1]
    assert relay.readers == 0


async def test_numbers_run_on_and_the_last_packets_are_remembered() -> None:
    relay = relay_of(h264_track())
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
    fanout.join(viewer)
    for number in range(12):
        relay.write(picture(number, key=number % 6 == 0, size=120_000))
        await viewer.until_sent(number + 1)
    fanout.close()
    numbers = numbers_of(viewer.sent)
    assert numbers == list(range(len(numbers)))
    last = numbers[-1]
    assert last > HISTORY
    found = fanout.lookup("video", last)
    assert found is not None
    assert found.sequence == last
    assert fanout.lookup("video", last - HISTORY) is None
    assert fanout.lookup("video", last + 1) is None


async def test_viewers_end_when_the_relay_does() -> None:
    relay = relay_of(h264_track())
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
    fanout.join(viewer)
    relay.close("over")
    assert await asyncio.wait_for(viewer.ended, 30) == "over"
    fanout.close()


async def test_viewers_end_when_b_frames_or_another_codec_come() -> None:
    for spoil, reason in (("order", "b_frames"), ("codec", "codec_unsupported")):
        relay = relay_of(h264_track())
        fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
        fanout.join(viewer)
        relay.write(picture(5, key=True))
        if spoil == "order":
            relay.write(picture(3))
        else:
            relay.configure([Track(kind="video", codec=Codec.HEVC, timescale=VIDEO_TIMESCALE)])
        assert await asyncio.wait_for(viewer.ended, 30) == reason
        fanout.close()


async def test_a_unit_that_is_broken_costs_only_itself() -> None:
    relay = relay_of(h264_track())
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
    fanout.join(viewer)
    relay.write(picture(0, key=True))
    relay.write(Unit(kind="video", pts=3_000, dts=3_000, is_key=False, data=b"\0\0\0\x09x", at=0.0))
    relay.write(picture(2))
    await viewer.until_sent(2)
    fanout.close()
    assert [burst.ticks for _, burst in viewer.sent] == [0, 6_000]


async def test_reports_give_both_kinds_one_clock() -> None:
    relay = Relay()
    relay.configure([h264_track(), OPUS])
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
    fanout.join(viewer)
    relay.write(picture(30, key=True))
    async with asyncio.timeout(30):
        while not viewer.reports:
            viewer.changed.clear()
            await viewer.changed.wait()
    fanout.close()
    anchor = viewer.reports[0]
    assert abs((anchor.at - anchor.seconds) - (100.0 - 1.0)) < 1e-6


async def test_reports_go_by_when_pictures_were_captured_where_that_is_known() -> None:
    relay = Relay()
    relay.configure([h264_track()])
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
    fanout.join(viewer)
    relay.write(msgspec.structs.replace(picture(30, key=True), captured_at=99.75))
    async with asyncio.timeout(30):
        while not viewer.reports:
            viewer.changed.clear()
            await viewer.changed.wait()
    fanout.close()
    anchor = viewer.reports[0]
    assert abs((anchor.at - anchor.seconds) - (99.75 - 1.0)) < 1e-6
    assert viewer.captured_at == [99.75]


def test_the_media_clock_follows_the_fastest_units_and_jumps_when_time_does() -> None:
    clock = MediaClock()
    assert clock.seconds_at(5.0) is None
    for number in range(100):
        clock.on_unit(at=1_000 + number / 30 + (0.2 if number % 2 else 0.0), seconds=number / 30)
    seconds = clock.seconds_at(1_010.0)
    assert seconds is not None
    assert abs(seconds - 10.0) < 0.01
    clock.on_unit(at=2_000.0, seconds=20.0)
    assert clock.seconds_at(2_001.0) == 21.0


async def test_viewer_who_came_while_there_was_sound_alone_is_sent_away_when_the_picture_comes() -> None:
    relay = relay_of(OPUS)
    fanout, early, deaf = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener(), Listener()
    early.lacks = frozenset({"video"})
    fanout.join(early)
    fanout.join(deaf)
    relay.write(sound(0))
    await early.until_sent(1)
    relay.configure((h264_track(), OPUS))
    async with asyncio.timeout(30):
        assert await early.ended == "tracks_added"
    late = Listener()
    late.lacks = frozenset({"video"})
    fanout.join(late)
    assert late.ended.done()
    assert not deaf.ended.done()
    fanout.close()


async def test_who_joins_between_two_key_frames_is_sent_what_came_since_the_last_at_once() -> None:
    relay = relay_of(h264_track())
    for number in range(4):
        relay.write(picture(number, key=number == 1, size=3_000))
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
    relay.write(picture(4))
    fanout.join(viewer, at_once=True)
    assert not viewer.is_waiting_for_key
    assert [burst.ticks for _, burst in viewer.sent] == [9_001, 9_002, 9_003], "right after the last of them"
    await viewer.until_sent(4)
    later = Listener()
    fanout.join(later, at_once=True)
    assert [burst.ticks for _, burst in later.sent] == [12_001, 12_002, 12_003, 12_004]
    for sent in (viewer.sent, later.sent):
        numbers = numbers_of(sent)
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert viewer.sent[0][1].marker
    fanout.close()
    await fanout.closed()


async def test_more_than_is_good_to_send_at_once_is_not_and_the_next_key_frame_is_waited_for() -> None:
    relay = relay_of(h264_track())
    size = 1_100 * (MAX_GROUP_PACKETS // 3)
    for number in range(5):
        relay.write(picture(number, key=not number, size=size))
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
    fanout.join(viewer, at_once=True)
    relay.write(picture(5))
    relay.write(picture(6, key=True))
    await viewer.until_sent(1)
    assert [burst.ticks for _, burst in viewer.sent] == [18_000]
    fanout.close()
    await fanout.closed()


async def test_a_viewer_that_goes_over_to_another_rendition_waits_for_its_key_frame() -> None:
    relay = relay_of(h264_track())
    relay.write(picture(0, key=True))
    fanout, viewer = RtpFanout(relay=relay, want_keyframe=lambda: None), Listener()
    fanout.join(viewer)
    assert viewer.is_waiting_for_key
    relay.write(picture(1))
    relay.write(picture(2, key=True))
    await viewer.until_sent(1)
    assert [burst.ticks for _, burst in viewer.sent] == [6_000]
    fanout.close()
    await fanout.closed()


async def test_a_fan_out_that_is_closed_as_a_unit_comes_ends_all_the_same() -> None:
    relay = relay_of(h264_track())
    fanout = RtpFanout(relay=relay, want_keyframe=lambda: None)
    for _ in range(5):
        await asyncio.sleep(0)
    relay.write(picture(0, key=True))
    fanout.close()
    closing = asyncio.create_task(fanout.closed())
    ended, _ = await asyncio.wait({closing}, timeout=5)
    closing.cancel()
    assert ended

"""Which rendition a WebRTC viewer is sent: by their choice, by what is lost, and without a broken picture between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from media.relay import Relay
from media.webrtc import rtp
from media.webrtc.egress import Egress, Line, new_line
from media.webrtc.extensions import SentExtensions
from media.webrtc.fanout import Burst, RtpFanout
from media.webrtc.quality import (
    HALF_LOST,
    LITTLE_LOST,
    MUCH_LOST,
    PATIENCE_S,
    SOURCE,
    TRIAL_S,
    Layer,
    LossSteps,
    ViewerPictures,
)
from tests.media.webrtc.test_fanout import picture, sound
from tests.media.webrtc.test_port import OPUS, h264_track, relay_of

CALM, LOSSY = LITTLE_LOST, MUCH_LOST + 1


def test_much_loss_twice_is_a_step_down_and_a_calm_while_a_step_up() -> None:
    steps = LossSteps(0.0)
    steps.report(LOSSY, 1.0, most=2)
    steps.report(CALM, 2.0, most=2)
    steps.report(LOSSY, 3.0, most=2)
    assert steps.steps == 0
    steps.report(LOSSY, 4.0, most=2)
    assert steps.steps == 1
    steps.report(CALM, 4.0 + PATIENCE_S - 0.1, most=2)
    assert steps.steps == 1
    steps.report(CALM, 4.0 + PATIENCE_S, most=2)
    assert steps.steps == 0


def test_there_is_no_step_below_the_last_nor_above_the_first() -> None:
    steps = LossSteps(0.0)
    for second in range(20):
        steps.report(LOSSY, second, most=2)
    assert steps.steps == 2
    steps.report(0, 21, most=1)
    assert steps.steps == 1
    for second in range(21, 300):
        steps.report(0, second, most=1)
    assert steps.steps == 0


def test_a_step_up_that_is_taken_back_is_tried_again_later() -> None:
    steps, now = LossSteps(0.0), 0.0
    waits = []
    for _ in range(3):
        for _ in range(2):
            now += 1
            steps.report(LOSSY, now, most=1)
        began = now
        while steps.steps:
            now += 1
            steps.report(0, now, most=1)
        waits.append(now - began)
    assert waits == [PATIENCE_S, 2 * PATIENCE_S, 4 * PATIENCE_S]
    now += TRIAL_S + 1
    for _ in range(2):
        steps.report(LOSSY, now, most=1)
    steps.report(0, now + PATIENCE_S, most=1)
    assert steps.steps == 0


class Wire:
    """A viewer's session: keeps the packets that went out."""

    closed = None

    def __init__(self) -> None:
        self.packets: list[rtp.RtpPacket] = []
        self.reason = ""

    def send_rtp(self, headers: Sequence[bytes], payloads: Sequence[bytes], **numbers: object) -> None:
        packets = [header + payload for header, payload in zip(headers, payloads, strict=True)]
        self.packets += [parsed for packet in packets if (parsed := rtp.parse(packet)) is not None]

    def send_rtcp(self, compound: bytes) -> None:
        """Nobody reads it."""

    def close(self, reason: str) -> None:
        self.reason = reason


class Watched:
    """A stream with a source and two layers, all of which one viewer can be sent."""

    def __init__(self, line: Line | None = None) -> None:
        self.bitrates = {"360p": 1, "180p": 1}
        self.now = 0.0
        self.main = relay_of(h264_track(), OPUS)
        self.relays = {"360p": relay_of(h264_track()), "180p": relay_of(h264_track())}
        self.names = ["360p", "180p"]
        self.fanouts: dict[Relay, RtpFanout] = {}
        self.held: list[Relay] = []
        self.unmade: set[str] = set()
        self.wanted: list[str] = []
        self.wire = Wire()
        self.number = 0
        source = self.hold(self.main)
        self.video = line or new_line("video", 97)
        self.egress = Egress(
            fanout=source,
            lines=[self.video, new_line("audio", 111)],
            cname="c",
            pictures=self._pictures,
            wall_clock=lambda: self.now,
        )
        self.egress.attach(self.wire)  # type: ignore[arg-type]
        source.join(self.egress)

    @property
    def pictures(self) -> ViewerPictures:
        assert self.egress.pictures is not None
        return self.egress.pictures

    def _pictures(self, send: Callable[[Burst, RtpFanout], None]) -> ViewerPictures:
        return ViewerPictures(
            main=self.fanouts[self.main],
            main_relay=self.main,
            layers=lambda: [self._layer(name) for name in self.names],
            hold=self.hold,
            release=self.held.remove,
            send=send,
            now=0.0,
        )

    def _layer(self, name: str) -> Layer:
        height = int(name[:-1])
        relay = None if name in self.unmade else self.relays[name]
        return Layer(
            name=name, width=height * 16 // 9, height=height, bitrate=self.bitrates[name], relay=relay,
            want=lambda: self.wanted.append(name),
        )  # fmt: skip

    def hold(self, relay: Relay) -> RtpFanout:
        if relay not in self.fanouts:
            self.fanouts[relay] = RtpFanout(relay=relay, want_keyframe=lambda: None)
        self.held.append(relay)
        return self.fanouts[relay]

    async def play(self, frames: int, *, keys: Sequence[str] = ()) -> None:
        """So many pictures of each; the first is a key frame of those named."""
        for at in range(frames):
            for name, relay in (("source", self.main), *self.relays.items()):
                relay.write(picture(self.number, key=at == 0 and name in keys, size=SIZES[name]))
            self.main.write(sound(self.number))
            self.number += 1
            for _ in range(6):
                await asyncio.sleep(0)

    def shown(self) -> list[str]:
        """Of which rendition the pictures were that went out since the last call, in order, each once."""
        sizes = {size: name for name, size in SIZES.items()}
        out = [sizes[len(p.payload) - 1] for p in self.wire.packets if p.payload_type == 97 and len(p.payload) > 90]
        return [name for at, name in enumerate(out) if not at or out[at - 1] != name]

    def numbers(self) -> list[int]:
        return [packet.sequence for packet in self.wire.packets if packet.payload_type == 97]

    async def close(self) -> None:
        self.pictures.close()
        for fanout in self.fanouts.values():
            fanout.close()
            await fanout.closed()


SIZES = {"source": 900, "360p": 400, "180p": 100}


@pytest.fixture
async def watched() -> Watched:
    made = Watched()
    await made.play(3, keys=["source", "360p", "180p"])
    return made


async def test_a_viewer_goes_over_at_a_key_frame_and_its_numbers_and_times_go_on(watched: Watched) -> None:
    assert watched.pictures.choose("180p")
    await watched.play(3)
    assert watched.shown() == ["source"]
    await watched.play(3, keys=["180p"])
    assert watched.shown() == ["source", "180p"]
    assert watched.pictures.shown == "180p"
    assert watched.pictures.choose(SOURCE)
    await watched.play(2)
    await watched.play(3, keys=["source"])
    assert watched.shown() == ["source", "180p", "source"]
    assert watched.pictures.takes_main
    numbers = watched.numbers()
    assert [(later - earlier) % 65_536 for earlier, later in pairwise(numbers)] == [1] * (len(numbers) - 1)
    times = [packet.timestamp for packet in watched.wire.packets if packet.payload_type == 97]
    assert [(later - earlier) % (1 << 32) for earlier, later in pairwise(dict.fromkeys(times))] == [3_000] * 13
    assert sum(packet.payload_type == 111 for packet in watched.wire.packets) == watched.number, "no sound is missing"
    await watched.close()
    assert watched.held == [watched.main]


async def test_losses_that_a_viewer_reports_take_it_down_unless_it_has_chosen(watched: Watched) -> None:
    def report(now: float) -> None:
        block = rtp.ReportBlock(
            ssrc=watched.video.ssrc, fraction_lost=LOSSY, lost=9, highest=1, jitter=0, last_sr=0, since_sr=0
        )
        watched.egress.on_rtcp(rtp.receiver_report(sender=1, blocks=[block]), now)

    report(1.0)
    report(2.0)
    await watched.play(3, keys=["360p", "180p"])
    assert watched.shown() == ["source", "360p"]
    assert (watched.pictures.shown, watched.pictures.chosen) == ("360p", None)
    watched.pictures.choose(SOURCE)
    report(3.0)
    report(4.0)
    await watched.play(3, keys=["source"])
    assert watched.shown() == ["source", "360p", "source"]
    await watched.close()


async def test_an_estimate_far_below_what_goes_out_takes_a_viewer_at_once_to_what_fits(watched: Watched) -> None:
    watched.bitrates = {"360p": 20_000, "180p": 5_000}
    for second in range(2):
        watched.egress.on_tick(1.0 + second)
        await watched.play(3)

    def estimate(bitrate: int, now: float) -> None:
        message = rtp.remb(sender=1, media=[watched.video.ssrc], bitrate=bitrate)
        watched.egress.on_rtcp(rtp.receiver_report(sender=1, blocks=()) + message, now)

    sent = watched.egress.statistics.bitrate
    assert sent > 20_000
    for now in (2.1, 2.2, 2.3):
        estimate(sent, now)
    estimate(8_000, 2.4)
    await watched.play(1, keys=["360p", "180p"])
    assert watched.shown() == ["source"], "one alone may be an accident"
    estimate(8_000, 2.5)
    await watched.play(3, keys=["360p", "180p"])
    assert watched.shown() == ["source", "180p"], "not by way of the one that does not fit either"
    await watched.close()


async def test_a_connection_that_loses_most_takes_a_viewer_at_once_to_what_arrives(
    watched: Watched,
) -> None:
    watched.bitrates = {"360p": 20_000, "180p": 5_000}
    for second in range(2):
        watched.egress.on_tick(1.0 + second)
        await watched.play(3)
    sent = watched.egress.statistics.bitrate
    block = rtp.ReportBlock(
        ssrc=watched.video.ssrc, fraction_lost=256 - 256 * 8_000 // sent, lost=9, highest=1, jitter=0, last_sr=0,
        since_sr=0,
    )  # fmt: skip
    assert block.fraction_lost > HALF_LOST
    watched.egress.on_rtcp(rtp.receiver_report(sender=1, blocks=[block]), 2.1)
    before = len(watched.wire.packets)
    await watched.play(3)
    assert {packet.payload_type for packet in watched.wire.packets[before:]} == {111}, (
        "the way is free for the key frame"
    )
    await watched.play(3, keys=["360p", "180p"])
    assert watched.shown() == ["source", "180p"], "in one report, not by way of the one that does not fit either"
    numbers = watched.numbers()
    assert [(later - earlier) % 65_536 for earlier, later in pairwise(numbers)] == [1] * (len(numbers) - 1)
    await watched.close()


async def test_what_a_viewer_reports_and_asks_for_is_in_its_statistics(watched: Watched) -> None:
    sent_at = 1_700_000_000.0
    watched.now = sent_at + 0.35
    block = rtp.ReportBlock(
        ssrc=watched.video.ssrc, fraction_lost=64, lost=3, highest=1, jitter=900,
        last_sr=rtp.ntp_time(sent_at) >> 16 & 0xFFFFFFFF, since_sr=65_536 // 4,
    )  # fmt: skip
    message = rtp.receiver_report(sender=1, blocks=[block])
    message += rtp.nack(sender=1, media=watched.video.ssrc, sequences=[*watched.numbers()[-1:], 60_000])
    watched.egress.on_rtcp(message + rtp.remb(sender=1, media=[watched.video.ssrc], bitrate=250_000), 1.0)
    told = watched.egress.statistics
    assert told.rtt_s == pytest.approx(0.1, abs=0.001)
    assert (told.lost_share, told.lost, told.jitter_s) == (0.25, 3, 0.01)
    assert (told.asked, told.repeated) == (2, 1)
    assert told.estimate is not None
    assert told.estimate == pytest.approx(250_000, rel=0.001)
    await watched.close()


async def test_an_estimate_leaves_a_viewer_alone_that_has_chosen(watched: Watched) -> None:
    watched.pictures.choose(SOURCE)
    for now in (1.0, 2.0, 3.0):
        watched.pictures.estimated(1, sent=1_000_000, now=now)
    await watched.play(3, keys=["360p", "180p"])
    assert watched.shown() == ["source"]
    await watched.close()


async def test_lost_packets_come_once_more_as_a_source_of_their_own_where_that_was_agreed_on() -> None:
    watched = Watched(new_line("video", 97, repeats=98, extensions=SentExtensions(time_number=2)))
    await watched.play(3, keys=["source"])
    lost = next(packet for packet in watched.wire.packets if packet.payload_type == 97 and packet.marker)
    sent = len(watched.wire.packets)
    for now in (1.0, 2.0):
        message = rtp.nack(sender=1, media=watched.video.ssrc, sequences=[lost.sequence])
        watched.egress.on_rtcp(rtp.receiver_report(sender=1, blocks=()) + message, now)
    first, second = watched.wire.packets[sent:]
    for again in (first, second):
        assert again.payload == lost.sequence.to_bytes(2, "big") + lost.payload
        assert (again.payload_type, again.marker, again.timestamp) == (98, lost.marker, lost.timestamp)
        assert again.ssrc != lost.ssrc
    assert second.sequence == first.sequence + 1
    assert first.profile == 0xBEDE
    assert watched.video.described("c") == (
        f"ssrc-group:FID {lost.ssrc} {first.ssrc}", f"ssrc:{lost.ssrc} cname:c", f"ssrc:{first.ssrc} cname:c"
    )  # fmt: skip
    await watched.close()


async def test_a_rendition_that_goes_away_leaves_the_viewer_with_the_source(watched: Watched) -> None:
    watched.pictures.choose("360p")
    await watched.play(2, keys=["360p"])
    watched.names.remove("360p")
    watched.egress.on_tick(5.0)
    await watched.play(2, keys=["source"])
    assert watched.shown() == ["source", "360p", "source"]
    watched.pictures.choose("180p")
    await watched.play(2, keys=["180p"])
    watched.relays["180p"].close("gone")
    for _ in range(6):
        await asyncio.sleep(0)
    del watched.relays["180p"]
    watched.names.clear()
    await watched.play(2, keys=["source"])
    assert watched.shown()[-1] == "source"
    assert not watched.wire.reason, "the session goes on"
    await watched.close()


async def test_what_has_to_be_made_first_is_asked_for_and_shown_once_it_is_there(watched: Watched) -> None:
    watched.unmade = {"360p", "180p"}
    watched.egress.on_tick(1.0)
    assert not watched.wanted
    assert watched.pictures.choose("180p")
    await watched.play(2, keys=["source", "180p"])
    assert (watched.shown(), watched.wanted) == (["source"], ["180p"])
    watched.unmade = set()
    for second in range(3):
        watched.egress.on_tick(2.0 + second)
    await watched.play(2, keys=["180p"])
    assert watched.shown() == ["source", "180p"]
    assert watched.wanted == ["180p"] * 4, "it is asked for while it is shown"
    assert watched.pictures.choose(SOURCE)
    await watched.play(2, keys=["source"])
    watched.egress.on_tick(9.0)
    assert watched.shown()[-1] == "source"
    assert len(watched.wanted) == 4
    await watched.close()


async def test_packets_of_the_rendition_before_are_not_sent_again_as_those_of_this_one(watched: Watched) -> None:
    before = watched.numbers()[-1]
    watched.pictures.choose("180p")
    await watched.play(2, keys=["180p"])
    sent = len(watched.wire.packets)
    watched.egress.on_rtcp(
        rtp.receiver_report(sender=1, blocks=()) + rtp.nack(sender=1, media=watched.video.ssrc, sequences=[before]), 1.0
    )
    assert len(watched.wire.packets) == sent
    watched.egress.on_rtcp(
        rtp.receiver_report(sender=1, blocks=())
        + rtp.nack(sender=1, media=watched.video.ssrc, sequences=[watched.numbers()[-1]]),
        1.0,
    )
    assert len(watched.wire.packets) == sent + 1
    await watched.close()


async def test_a_name_that_is_no_rendition_changes_nothing(watched: Watched) -> None:
    assert not watched.pictures.choose("720p")
    assert watched.pictures.chosen is None
    await watched.play(2, keys=["source", "360p", "180p"])
    assert watched.shown() == ["source"]
    await watched.close()

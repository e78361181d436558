from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.unit import Codec, Track, Unit
from media.webrtc import rtp
from media.webrtc.inbound import OpusReceiver, VideoReceiver
from media.webrtc.ingest import WebrtcIngest
from media.webrtc.losses import Losses
from media.webrtc.sources import StreamPlan
from tests.media.webrtc.test_inbound import movie


class Taken:
    """A publication that keeps what it is given."""

    media_time_ms = 0

    def __init__(self) -> None:
        self.units: list[Unit] = []
        self.tracks: list[tuple[str, ...]] = []
        self.reasons: list[str] = []

    def configure(self, tracks: object) -> None:
        self.tracks.append(tuple(track.kind for track in tracks))  # type: ignore[attr-defined]

    def write(self, unit: Unit) -> None:
        self.units.append(unit)

    def warn(self, name: str) -> None:
        """Nobody reads it."""

    def close(self, reason: str) -> None:
        self.reasons.append(reason)

    def on_stop(self, stop: object) -> None:
        """Nobody stops it."""

    def configure_rendition(self, track_id: int, track: Track) -> None:
        """There is one track of pictures."""

    def write_rendition(self, track_id: int, unit: Unit) -> None:
        """There is one track of pictures."""

    def on_keyframe_wanted(self, want: object) -> None:
        """Nobody wants one."""


class Wire:
    """The publisher's side of the session: keeps what it is told."""

    closed = None

    def __init__(self) -> None:
        self.told: list[rtp.Feedback] = []
        self.sent: list[bytes] = []
        self.reason: str | None = None

    def send_rtcp(self, compound: bytes) -> None:
        self.sent.append(compound)
        self.told += rtp.parse_rtcp(compound)

    def close(self, reason: str) -> None:
        self.reason = reason


FEEDBACK = frozenset({"nack", "nack pli", "goog-remb"})


def ingest(
    publication: Taken,
    *,
    layers: tuple[str, ...] = (),
    codec: Codec = Codec.H264,
    losses: Losses | None = None,
    capture_extension: int = 0,
    repeats: int | None = None,
) -> tuple[WebrtcIngest, Wire]:
    plans = [
        StreamPlan(
            kind="video",
            payload_type=97,
            new_receiver=lambda: VideoReceiver(codec=codec),
            feedback=FEEDBACK,
            layers=layers,
            layer_extension=4,
            repaired_extension=6,
            transport_extension=5,
            capture_extension=capture_extension,
            repeats=repeats,
        ),
        StreamPlan(kind="audio", payload_type=111, new_receiver=OpusReceiver),
    ]
    made = WebrtcIngest(
        plans=plans,
        publication=publication,
        keyframe_every_s=2,
        gone_after_s=5,
        max_bitrate=1_000_000,
        now=0.0,
        losses=losses,
    )
    wire = Wire()
    made.attach(wire)  # type: ignore[arg-type]
    made.on_connected(0.0)
    return made, wire


def video(*, ssrc: int = 1, rid: str = "", frames: int = 30) -> list[bytes]:
    extension = b""
    if rid:
        name = rid.encode()
        element = bytes(((4 << 4) | (len(name) - 1),)) + name
        element += bytes(-len(element) % 4)
        extension = b"\xbe\xde" + (len(element) // 4).to_bytes(2, "big") + element
    first = 0x90 if rid else 0x80
    return [
        rtp.HEADER.pack(first, p.payload_type | (p.marker << 7), p.sequence, p.timestamp, ssrc) + extension + p.payload
        for p in movie(frames)
    ]


def audio(count: int) -> list[bytes]:
    return [rtp.HEADER.pack(0x80, 111, number, number * 960, 2) + b"opus" for number in range(count)]


def test_both_kinds_are_announced_together_before_the_first_unit() -> None:
    publication = Taken()
    made, _ = ingest(publication)
    for packet in [*video(frames=3), *audio(3)]:
        made.on_rtp(packet, 1.0)
    assert publication.tracks == [("video", "audio")]
    assert [unit.kind for unit in publication.units] == ["video"] * 3 + ["audio"] * 3


def test_when_packets_came_is_told_ten_times_a_second_and_no_more() -> None:
    made, wire = ingest(Taken())
    extension = bytes.fromhex("bede0001") + bytes((5 << 4 | 1,))
    for number in range(4):
        packet = rtp.HEADER.pack(0x90, 97, number, 0, 7) + extension + bytes((1, number, 0)) + b"picture"
        made.on_rtp(packet, 1.0 + number / 100)
    for tick in (1.04, 1.09, 1.14, 1.24):
        made.on_tick(tick)
    (told,) = (sent for sent in wire.sent if b"\x8f\xcd" in sent or b"\xaf\xcd" in sent)
    assert told[8:].hex(" ", 4) == "afcd0006 " + made_ssrc(told) + " 00000007 01000004 00000f00 2004a028 28280002"


def made_ssrc(compound: bytes) -> str:
    """The one that feedback comes from, which is random."""
    return compound[4:8].hex()


def test_video_does_not_wait_for_sound_that_comes_late_and_its_track_is_announced_at_once() -> None:
    publication = Taken()
    made, _ = ingest(publication)
    for packet in video(frames=3):
        made.on_rtp(packet, 1.0)
    made.on_tick(1.5)
    assert not publication.units
    made.on_tick(2.1)
    assert publication.tracks == [("video", "audio")]
    assert len(publication.units) == 3
    made.on_rtp(audio(1)[0], 9.2)
    assert publication.tracks == [("video", "audio")]
    assert publication.units[-1].pts == round(8.2 * 48_000)


def test_what_was_lost_is_counted() -> None:
    losses = Losses()
    made, _ = ingest(Taken(), losses=losses)
    packets = video(frames=30)
    missing = len(packets) // 2
    for packet in packets[:missing] + packets[missing + 1 :]:
        made.on_rtp(packet, 1.0)
    assert (losses.received, losses.gaps) == (len(packets) - 1, 0)
    made.on_tick(1.2)
    assert losses.asked_again > 0
    made.on_tick(2.0)
    assert losses.gaps == 1


def test_key_frames_are_asked_for_when_none_came_for_two_seconds() -> None:
    made, wire = ingest(Taken())
    for packet in video(frames=1):
        made.on_rtp(packet, 0.5)
    for tick in range(60):
        made.on_tick(0.5 + tick * 0.05)
    asked = [told for told in wire.told if isinstance(told, rtp.KeyframeRequest)]
    assert asked == [rtp.KeyframeRequest(1)]


def test_a_loss_is_asked_for_and_after_it_a_key_frame() -> None:
    publication = Taken()
    made, wire = ingest(publication)
    packets = video(frames=4)
    for index, packet in enumerate(packets):
        if index != 5:
            made.on_rtp(packet, 1.0)
    assert [told for told in wire.told if isinstance(told, rtp.Nack)] == [rtp.Nack(1, ((65_530 + 5) & 0xFFFF,))]
    made.on_tick(1.4)
    assert rtp.KeyframeRequest(1) in wire.told


def test_of_equal_layers_the_one_that_was_offered_first_is_taken() -> None:
    publication = Taken()
    made, _ = ingest(publication, layers=("h", "l"))
    low, high = video(ssrc=8, rid="l", frames=5), video(ssrc=9, rid="h", frames=5)
    for pair in zip(low, high, strict=True):
        for packet in pair:
            made.on_rtp(packet, 1.0)
    made.on_rtp(audio(1)[0], 1.0)
    assert sum(unit.kind == "video" for unit in publication.units) == 5


def test_when_a_layer_dies_another_is_asked_for_a_key_frame_and_the_picture_goes_on() -> None:
    publication = Taken()
    made, wire = ingest(publication, layers=("h", "l"))
    low, high = video(ssrc=8, rid="l", frames=60), video(ssrc=9, rid="h", frames=5)
    made.on_rtp(audio(1)[0], 1.0)
    for packet in [low[0], *high, *low[1:10]]:
        made.on_rtp(packet, 1.0)
    before = len(publication.units)
    for tick, packet in enumerate(low[10:]):
        made.on_rtp(packet, 1.0 + tick * 0.04)
        made.on_tick(1.0 + tick * 0.04)
    assert rtp.KeyframeRequest(8) in wire.told
    taken = [unit for unit in publication.units[before:] if unit.kind == "video"]
    assert taken[0].is_key
    assert len(taken) >= 10
    times = [unit.pts for unit in publication.units if unit.kind == "video"]
    assert times == sorted(set(times))


def test_another_layer_is_taken_when_the_first_does_not_come() -> None:
    publication = Taken()
    made, _ = ingest(publication, layers=("h", "l"))
    for packet in audio(1):
        made.on_rtp(packet, 4.0)
    for packet in video(ssrc=8, rid="l", frames=5):
        made.on_rtp(packet, 4.0)
    assert sum(unit.kind == "video" for unit in publication.units) == 5


def test_a_publisher_that_says_goodbye_for_all_sources_is_gone() -> None:
    made, wire = ingest(Taken())
    for packet in [*video(frames=1), *audio(1)]:
        made.on_rtp(packet, 1.0)
    made.on_rtcp(rtp.bye([1]), 1.0)
    assert wire.reason is None
    made.on_rtcp(rtp.bye([2]), 1.0)
    assert wire.reason == "the publisher said goodbye"


@pytest.mark.parametrize(("has_clock", "sound_at_ms"), [(True, 400), (False, 0)])
def test_reports_of_a_sender_without_a_wall_clock_are_left_out(has_clock: bool, sound_at_ms: int) -> None:
    publication = Taken()
    made, _ = ingest(publication)
    for packet in [*video(frames=1), *audio(1)]:
        made.on_rtp(packet, 1.0)
    for ssrc, at in ((1, 100.0), (2, 100.4)):
        ntp = rtp.ntp_time(at) if has_clock else 0
        stamp = publication_start(ssrc) + (0 if has_clock or ssrc == 1 else -19_200)
        made.on_rtcp(rtp.sender_report(ssrc=ssrc, ntp=ntp, timestamp=stamp, packets=1, octets=1), 1.0)
    made.on_rtp(audio(2)[1], 1.02)
    assert publication.units[-1].pts == 960 + sound_at_ms * 48


def publication_start(ssrc: int) -> int:
    """The RTP timestamp of the first packet of a source."""
    return movie(1)[0].timestamp if ssrc == 1 else 0


def test_silence_of_five_seconds_is_the_end() -> None:
    made, wire = ingest(Taken())
    made.on_rtp(audio(1)[0], 1.0)
    made.on_tick(5.9)
    assert wire.reason is None
    made.on_tick(6.1)
    assert wire.reason == "the publisher sent nothing for 5 s"


PACKETS = st.tuples(
    st.sampled_from([97, 111, 97 | 0x80, 5]), st.integers(0, 40), st.integers(0, 3), st.binary(max_size=30)
).map(lambda p: rtp.HEADER.pack(0x80, p[0], p[1], p[2] * 3_000, 1) + p[3])


@settings(max_examples=300)
@given(st.lists(st.one_of(PACKETS, st.binary(max_size=60)), max_size=40), st.sampled_from([Codec.H264, Codec.VP8]))
def test_random_media_disturbs_nothing(packets: list[bytes], codec: Codec) -> None:
    publication = Taken()
    made, _ = ingest(publication, codec=codec)
    for index, packet in enumerate(packets):
        made.on_rtp(packet, index * 0.02)
        made.on_rtcp(packet, index * 0.02)
        made.on_tick(index * 0.02)
    times = [unit.pts for unit in publication.units if unit.kind == "video"]
    assert times == sorted(set(times))


def test_what_comes_once_more_from_a_source_of_its_own_fills_the_gap_it_is_for() -> None:
    publication = Taken()
    made, wire = ingest(publication, repeats=98)
    packets = video(frames=10)
    lost = packets.pop(4)
    for packet in packets:
        made.on_rtp(packet, 0.0)
    for packet in audio(1):
        made.on_rtp(packet, 0.0)
    asked = [told for told in wire.told if isinstance(told, rtp.Nack)]
    number = lost[2:4]
    assert [told.sequences for told in asked] == [(int.from_bytes(number, "big"),)]
    before = len(publication.units)
    filling = rtp.HEADER.pack(0x80, 98, 1, 0, 77)
    made.on_rtp(filling, 0.01)
    made.on_rtp(filling + number, 0.01)
    assert len(publication.units) == before
    again = rtp.HEADER.pack(0x80, 98 | lost[1] & 0x80, 2, int.from_bytes(lost[4:8], "big"), 77)
    made.on_rtp(again + number + lost[12:], 0.02)
    assert sum(unit.kind == "video" for unit in publication.units) == 10
    made.on_tick(1.5)
    blocks = [block for told in wire.told if isinstance(told, rtp.ReceiverReport) for block in told.blocks]
    assert [block.lost for block in blocks if block.ssrc == 1] == [1], "it was lost all the same"


def test_what_comes_once_more_fills_the_gap_of_the_layer_that_its_source_named_first() -> None:
    made, wire = ingest(Taken(), layers=("q", "f"), repeats=98)
    sent = {ssrc: video(ssrc=ssrc, rid=rid, frames=10) for ssrc, rid in ((11, "q"), (12, "f"))}
    lost = {ssrc: [packets.pop(6), packets.pop(4)] for ssrc, packets in sent.items()}
    for packet in (*sent[11], *sent[12], *audio(1)):
        made.on_rtp(packet, 0.0)

    def again(packet: bytes, now: float, extension: bytes = b"") -> None:
        plain = rtp.parse(packet)
        assert plain is not None
        head = rtp.HEADER.pack(0x90 if extension else 0x80, 98 | packet[1] & 0x80, 1, plain.timestamp, 77)
        made.on_rtp(head + extension + packet[2:4] + plain.payload, now)

    def still_asked(now: float) -> dict[int, int]:
        wire.told.clear()
        made.on_tick(now)
        return {told.ssrc: len(told.sequences) for told in wire.told if isinstance(told, rtp.Nack)}

    again(lost[12][0], 0.05)
    assert still_asked(0.06) == {11: 2, 12: 2}, "nobody has said which layer that is of"
    again(lost[12][0], 0.1, bytes.fromhex("bede0001") + bytes((6 << 4,)) + b"f\0\0")
    again(lost[12][1], 0.1)
    assert still_asked(0.2) == {11: 2}

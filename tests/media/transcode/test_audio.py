"""Sound from one codec to the other keeps its pitch, its length and its place in time."""

from __future__ import annotations

import itertools

import av
import msgspec
import pytest

from media.hls.codecs import is_common_aac
from media.transcode.audio import AudioLane
from media.transcode.tracks import aac_track, audio_lane, opus_track
from media.unit import Codec, Track, Unit
from tests.media.transcode.sources import Heard, burst, sound, tone

WAYS = [(Codec.AAC, Codec.OPUS), (Codec.OPUS, Codec.AAC)]
PACKET = {Codec.AAC: 1024, Codec.OPUS: 960}


def convert(track: Track, units: list[Unit], to: Codec) -> tuple[Track, list[Unit]]:
    description = audio_lane(track, to)
    lane = AudioLane(description)
    made = [out for unit in units for out in lane.feed(unit)]
    return description.target, made + lane.finish()


def shifted(units: list[Unit], by: int) -> list[Unit]:
    return [msgspec.structs.replace(unit, pts=unit.pts + by, dts=unit.dts + by) for unit in units]


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_tone_keeps_pitch_and_length(source: Codec, target: Codec) -> None:
    track, units = sound(source, tone(440), seconds=2)
    made_track, made = convert(track, units, target)
    heard = Heard(made_track, made)
    assert heard.frequency(0.2, 1.8) == pytest.approx(440, abs=1)
    assert abs(made[-1].pts / 48_000 - units[-1].pts / track.timescale) < 2 * 1024 / 48_000
    assert {after.pts - before.pts for before, after in itertools.pairwise(made)} == {PACKET[target]}


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_burst_is_heard_when_it_happened(source: Codec, target: Codec) -> None:
    track, units = sound(source, burst(1.2345), seconds=2)
    before = Heard(track, units).onset()
    made_track, made = convert(track, units, target)
    assert Heard(made_track, made).onset() == pytest.approx(before, abs=0.002)


def test_burst_after_an_hour_is_heard_when_it_happened() -> None:
    track, units = sound(Codec.AAC, burst(3_600.5), seconds=1, start=3_600, rate=44_100)
    made_track, made = convert(track, units, Codec.OPUS)
    assert Heard(made_track, made).onset() == pytest.approx(3_600.5, abs=0.002)


@pytest.mark.parametrize("channels", [6, 8])
@pytest.mark.parametrize("target", [Codec.AAC, Codec.OPUS])
def test_layout_without_a_common_number_becomes_stereo(channels: int, target: Codec) -> None:
    track, units = sound(Codec.AAC, tone(440), seconds=1, channels=channels)
    assert not is_common_aac(track.config)
    made_track, made = convert(track, units, target)
    heard = Heard(made_track, made)
    assert (made_track.channels, heard.channels) == (2, {2})
    assert heard.frequency(0.2, 0.8) == pytest.approx(440, abs=2)


def test_mono_at_44100_becomes_mono_opus_at_48000() -> None:
    track, units = sound(Codec.AAC, tone(1_000), seconds=1, rate=44_100, channels=1)
    made_track, made = convert(track, units, Codec.OPUS)
    heard = Heard(made_track, made)
    assert (made_track.timescale, made_track.channels, heard.channels) == (48_000, 1, {1})
    assert heard.frequency(0.2, 0.8) == pytest.approx(1_000, abs=2)


def test_first_packet_is_neither_before_zero_nor_late() -> None:
    for source, target in WAYS:
        track, units = sound(source, tone(440), seconds=1)
        made = convert(track, units, target)[1]
        assert 0 <= made[0].pts <= units[0].pts + 960


@pytest.mark.parametrize(("source", "target"), WAYS)
def test_gap_in_the_source_is_a_gap_of_the_same_place_in_the_result(source: Codec, target: Codec) -> None:
    track, units = sound(source, tone(440), seconds=1)
    later = shifted(sound(source, burst(0.5), seconds=1)[1], 3 * 48_000)
    made_track, made = convert(track, units + later, target)
    holes = [(a.pts, b.pts) for a, b in itertools.pairwise(made) if b.pts - a.pts > PACKET[target]]
    assert len(holes) == 1
    assert holes[0][0] / 48_000 == pytest.approx(1.0, abs=0.045)
    assert holes[0][1] / 48_000 == pytest.approx(3.0, abs=0.045)
    heard = Heard(made_track, [unit for unit in made if unit.pts >= 2 * 48_000])
    assert heard.onset() == pytest.approx(3.5, abs=0.002)


def test_lost_packet_becomes_silence_and_nothing_moves() -> None:
    track, units = sound(Codec.OPUS, burst(0.8), seconds=1)
    before = Heard(track, units).onset()
    made_track, made = convert(track, units[:20] + units[21:], Codec.AAC)
    assert {after.pts - before.pts for before, after in itertools.pairwise(made)} == {1024}
    assert Heard(made_track, made).onset() == pytest.approx(before, abs=0.005)


def test_clock_that_is_a_little_fast_is_followed_without_holes() -> None:
    track, units = sound(Codec.OPUS, burst(9.5), seconds=10)
    drifting = [msgspec.structs.replace(u, pts=round(u.pts * 1.001), dts=round(u.pts * 1.001)) for u in units]
    made_track, made = convert(track, drifting, Codec.AAC)
    assert {after.pts - before.pts for before, after in itertools.pairwise(made)} == {1024}
    assert Heard(made_track, made).onset() == pytest.approx(9.5 * 1.001, abs=0.005)


def test_millisecond_timestamps_do_not_break_the_sound() -> None:
    track, units = sound(Codec.AAC, burst(1.5), seconds=2, rate=44_100)
    coarse = [msgspec.structs.replace(unit, pts=round(round(unit.pts / 44.1) * 44.1)) for unit in units]
    made_track, made = convert(track, coarse, Codec.OPUS)
    assert {after.pts - before.pts for before, after in itertools.pairwise(made)} == {960}
    assert Heard(made_track, made).onset() == pytest.approx(1.5, abs=0.003)


def test_timestamps_that_go_back_never_take_the_result_back() -> None:
    track, units = sound(Codec.AAC, tone(440), seconds=1)
    made = convert(track, units + shifted(units, -24_000) + shifted(units, 48_000), Codec.OPUS)[1]
    assert all(after.pts - before.pts >= 960 for before, after in itertools.pairwise(made))
    assert made[-1].pts > 48_000


def test_unit_that_cannot_be_decoded_raises_and_the_next_is_converted() -> None:
    track, units = sound(Codec.AAC, tone(440), seconds=1)
    lane = AudioLane(audio_lane(track, Codec.OPUS))
    bad = msgspec.structs.replace(units[10], data=b"\xff" * 64)
    with pytest.raises(av.FFmpegError):
        lane.feed(bad)
    made = [out for unit in units[11:] for out in lane.feed(unit)]
    assert Heard(opus_track(2), made).frequency(0.5, 0.9) == pytest.approx(440, abs=2)


def test_result_was_received_when_its_source_was() -> None:
    for source, target in WAYS:
        track, units = sound(source, tone(440), seconds=1)
        for unit in convert(track, units, target)[1][2:]:
            assert 100.0 + unit.pts / 48_000 - unit.at == pytest.approx(0.0125, abs=0.0125)


@pytest.mark.parametrize("channels", [1, 2])
def test_configuration_written_by_hand_is_the_encoders_own(channels: int) -> None:
    assert aac_track(channels).config == sound(Codec.AAC, tone(440), seconds=0.1, channels=channels)[0].config
    theirs = sound(Codec.OPUS, tone(440), seconds=0.1, channels=channels)[0].config
    assert opus_track(channels).config == theirs

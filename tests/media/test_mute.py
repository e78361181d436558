"""Sound is silent until a moment of the media clock, and as it was sent from then on."""

from __future__ import annotations

from media.mute import Mute
from media.unit import Codec, Track, Unit
from tests.media.hls.sources import AUDIO, VIDEO, encode, sounds
from tests.media.test_plane import Studio, studio

__all__ = ["studio"]


async def test_nobody_hears_a_muted_run_until_that_moment_and_the_owner_is_told_what_the_encoder_sends(
    studio: Studio,
) -> None:
    encoded = encode(video_codec=None, seconds=2)
    (track,) = encoded.tracks
    run = studio.publish()
    run.configure([track])
    reader = run.relay.subscribe(lambda: None)
    reader.take()
    studio.plane.mute("s", until_ms=1_000)
    for unit in encoded.units:
        run.write(unit)
    heard = [unit for unit in reader.take() if isinstance(unit, Unit)]
    is_as_sent = [ours.data == sent.data for ours, sent in zip(heard, encoded.units, strict=True)]
    seconds = [unit.pts / track.timescale for unit in encoded.units]
    assert is_as_sent == [at >= 1 for at in seconds]
    assert [unit.pts for unit in heard] == [unit.pts for unit in encoded.units]


async def test_a_publication_that_is_granted_mute_is_so_from_its_first_packet(studio: Studio) -> None:
    encoded = encode(video_codec=None, seconds=2)
    run = studio.publish(muted_until_ms=60_000)
    run.configure(list(encoded.tracks))
    reader = run.relay.subscribe(lambda: None)
    reader.take()
    for unit in encoded.units:
        run.write(unit)
    heard = [unit for unit in reader.take() if isinstance(unit, Unit)]
    assert [unit.pts for unit in heard] == [unit.pts for unit in encoded.units]
    assert len({unit.data for unit in heard}) == 1, "each is the same silence"


def test_a_mute_that_is_taken_back_holds_no_longer() -> None:
    mute, (unit, *_) = Mute(), sounds(1)
    mute.until_ms = 60_000
    assert mute.heard(unit, [VIDEO, AUDIO]) != unit
    mute.until_ms = 0
    assert mute.heard(unit, [VIDEO, AUDIO]) == unit


def test_sound_that_cannot_be_silenced_is_left_out() -> None:
    mute, (unit, *_) = Mute(), sounds(1)
    mute.until_ms = 60_000
    unknown = Track(kind="audio", codec=Codec.AAC, timescale=48_000, config=b"\xff\xff")
    assert mute.heard(unit, [unknown]) is None

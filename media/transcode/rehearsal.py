"""One second of silence through both lanes, so that the first real unit of a worker does not wait for tables."""

from __future__ import annotations

from media.transcode.audio import AudioLane
from media.transcode.tracks import aac_track, audio_lane, opus_track
from media.unit import Codec, Unit

_OPUS_SILENCE = b"\xfc\xff\xfe"
_PACKETS = 6


def run() -> None:
    """Silence from Opus to AAC and from there to Opus."""
    to_aac = AudioLane(audio_lane(opus_track(2), Codec.AAC))
    to_opus = AudioLane(audio_lane(aac_track(2), Codec.OPUS))
    for index in range(_PACKETS):
        silence = Unit(kind="audio", pts=index * 960, dts=index * 960, is_key=True, data=_OPUS_SILENCE, at=0.0)
        for unit in to_aac.feed(silence):
            to_opus.feed(unit)
    for unit in to_aac.finish():
        to_opus.feed(unit)
    to_opus.finish()

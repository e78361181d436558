"""The video track that a codec's record announces. Sans-I/O."""

from __future__ import annotations

from media.errors import ProtocolError
from media.rtmp.codecs.av1 import parse_av1c
from media.rtmp.codecs.avc import parse_avcc
from media.rtmp.codecs.hevc import parse_hvcc
from media.rtmp.codecs.picture import PictureFormat
from media.unit import VIDEO_TIMESCALE, Codec, Track

_MAX_CONFIG_BYTES = 64 * 1024


def video_track(codec: Codec, record: bytes) -> Track:
    """The track that a video header announces. NAL lengths are promised to be of 4 bytes, which the frames are
    given by ``media.rtmp.nals``. What an SPS says counts, not what the record's head says of it."""
    if len(record) > _MAX_CONFIG_BYTES:
        raise ProtocolError(f"a codec record of {len(record)} bytes")
    picture, config = PictureFormat(), record
    if codec is Codec.H264:
        picture, config = parse_avcc(record)
    elif codec is Codec.HEVC:
        picture, config = parse_hvcc(record)
    elif codec is Codec.AV1:
        picture = parse_av1c(record)
    return Track(
        kind="video",
        codec=codec,
        timescale=VIDEO_TIMESCALE,
        config=config,
        width=picture.width,
        height=picture.height,
        fps=picture.fps,
    )

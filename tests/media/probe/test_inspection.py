"""What is found in files, and which are refused, in this process: small ones, made here, and changed."""

from __future__ import annotations

import struct

import pytest

from media.probe.inspection import inspect
from media.probe.messages import Found, ProbeBounds, Refused, Result
from tests.media.probe.samples import sample

BOUNDS = ProbeBounds()


class Held:
    """``Source`` of bytes. ``read``: how many were."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)
        self.read = 0

    def read_at(self, offset: int, size: int) -> bytes:
        self.read += size
        return self._data[offset : offset + size]


def look(data: bytes, bounds: ProbeBounds = BOUNDS) -> Result:
    return inspect(Held(data), bounds)


def refusal(data: bytes, bounds: ProbeBounds = BOUNDS) -> str | None:
    found = look(data, bounds)
    return found.code if isinstance(found, Refused) else None


@pytest.mark.parametrize(
    ("container", "video", "audio", "name"),
    [
        ("mp4", "mpeg4", "aac", "mov"),
        ("mov", "mjpeg", "pcm_s16le", "mov"),
        ("webm", "vp8", "opus", "matroska"),
        ("matroska", "mpeg4", "aac", "matroska"),
        ("avi", "mpeg4", "mp3", "avi"),
        ("mpegts", "mpeg2video", "mp3", "mpegts"),
        ("flv", "flv1", "aac", "flv"),
    ],
)
def test_a_video_has_its_size_duration_and_codecs(container: str, video: str, audio: str, name: str) -> None:
    found = look(sample(container, video=video, audio=audio))
    assert isinstance(found, Found), found
    assert (found.kind, found.container, found.tracks) == ("video", name, 2)
    assert (found.width, found.height, found.video_codec, found.audio_codec) == (160, 90, video, audio)
    assert 400 <= (found.duration_ms or 0) <= 700


@pytest.mark.parametrize(
    ("container", "audio"), [("wav", "pcm_s16le"), ("mp3", "mp3"), ("adts", "aac"), ("ogg", "opus"), ("ipod", "aac")]
)
def test_sound_alone_is_audio(container: str, audio: str) -> None:
    found = look(sample(container, video=None, audio=audio))
    assert isinstance(found, Found), found
    assert (found.kind, found.width, found.video_codec, found.audio_codec) == ("audio", None, None, audio)


@pytest.mark.parametrize("container", ["mp4", "matroska", "avi", "wav"])
def test_a_file_that_was_cut_off_at_any_tenth_is_refused(container: str) -> None:
    video = None if container == "wav" else "mpeg4"
    whole = sample(container, video=video, audio="pcm_s16le" if container == "wav" else "aac")
    codes = [refusal(whole[: len(whole) * tenth // 10]) for tenth in range(10)]
    assert codes[0] == "unsupported"
    assert set(codes[1:]) <= {"not_whole", "broken"}


def test_a_file_whose_index_comes_first_and_whose_samples_are_not_all_there_is_refused() -> None:
    whole = sample(options=(("movflags", "faststart"),))
    at = whole.index(b"mdat")
    assert isinstance(look(whole), Found)
    cut = bytearray(whole[:-500])
    struct.pack_into(">I", cut, at - 4, len(cut) - at + 4)  # the box says that it ends here
    assert refusal(bytes(cut)) == "not_whole"


def box(name: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(body), name) + body


REFUSED = [
    (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "unsupported"),
    (b"ffconcat version 1.0\nfile /etc/passwd\n", "unsupported"),
    (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "unsupported"),
    (b"<?xml version='1.0'?><MPD/>", "unsupported"),
    (b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n", "unsupported"),
    (box(b"ftyp", b"isom\0\0\2\0isom") + box(b"free", b"<script>alert(1)</script>"), "mixed"),
    (box(b"ftyp", b"isom\0\0\2\0isom") + box(b"mdat", bytes(100)), "broken"),
    (b"\x1a\x45\xdf\xa3" + bytes(200), "not_whole"),
    (b"\x1a\x45\xdf\xa3" + b"\xff" * 200, "not_whole"),
    (b"OggS" + bytes(400), "broken"),
    (b"", "unsupported"),
    (b"\0\0\0\0ftyp", "broken"),
]


@pytest.mark.parametrize(("data", "code"), REFUSED)
def test_what_is_no_video_and_no_sound_is_refused_by_reason(data: bytes, code: str) -> None:
    assert refusal(data) == code


def test_a_file_that_is_an_archive_as_well_is_refused() -> None:
    assert refusal(sample() + box(b"free", b"PK\x05\x06" + bytes(18))) == "mixed"


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    assert refusal(sample(), ProbeBounds(pixels=160 * 90 - 1)) == "too_many_pixels"


def test_a_file_that_lasts_too_long_is_refused() -> None:
    assert refusal(sample(frames=40), ProbeBounds(seconds=1)) == "too_long"


def test_a_file_of_ten_thousand_tracks_is_refused() -> None:
    """Each of them a copy of the file's own first one."""
    whole = sample(audio=None)
    moov = whole.index(b"moov") - 4
    head, movie = whole[:moov], whole[moov:]
    at = movie.index(b"trak") - 4
    track = movie[at : at + struct.unpack_from(">I", movie, at)[0]]
    found = look(head + box(b"moov", movie[8:at] + track * 10_000 + movie[at + len(track) :]))
    assert found == Refused("too_costly", "The file has more than 64 tracks, or takes too much memory to look at")
    found = look(head + box(b"moov", movie[8:at] + track * 65 + movie[at + len(track) :]))
    assert found == Refused("too_many_tracks", "A file has at most 64 tracks")


def test_a_video_without_a_key_frame_is_refused() -> None:
    whole = bytearray(sample(audio=None, frames=12))
    at = whole.index(b"stss")
    struct.pack_into(">II", whole, at + 8, 1, 9_999)  # one key frame, behind the end
    assert refusal(bytes(whole)) == "no_key_frame"


def test_a_codec_that_is_not_taken_is_named() -> None:
    found = look(sample("matroska", video="ffv1", audio=None))
    assert found == Refused("unsupported", "The codec ffv1 is not taken")


def test_a_file_that_names_another_one_is_read_without_it() -> None:
    """A data reference (ISO/IEC 14496-12, 8.7.2) to a file of the machine."""
    whole = sample(audio=None)
    there = whole.replace(b"url \0\0\0\1", b"url \0\0\0\0")
    assert there != whole
    assert not isinstance(look(there), Refused) or refusal(there) == "broken"


def test_of_a_large_file_little_is_read() -> None:
    whole = sample(options=(("movflags", "faststart"),))
    large = Held(whole + box(b"free", bytes(50_000_000)))
    assert isinstance(inspect(large, BOUNDS), Found)
    assert large.read < 3_000_000

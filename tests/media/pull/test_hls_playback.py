"""HLS that is fetched from a real packager's files, through the real process that takes it apart."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES128
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from media.errors import MediaError
from media.hls.folder import RunFolder
from media.hls.muxer import Muxer
from media.pull.hls_playback import HlsPlayback
from media.restream.connection import Trouble
from media.unit import Codec
from tests.media.hls.sources import encode, live
from tests.media.rtmp.recording import Recording

BASE = "https://a.example/"


class Shelf:
    """Answers with files; keeps what it was asked for."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []

    async def get(self, url: str, max_bytes: int, span: tuple[int, int] | None = None) -> tuple[bytes, str]:
        self.asked.append(url)
        if url not in self.files:
            raise OSError("there is no such file")
        body = self.files[url]
        return (body if span is None else body[span[0] : sum(span)]), url


def playback(shelf: Shelf, recording: Recording) -> HlsPlayback:
    async def publish() -> Recording:
        return recording

    return HlsPlayback(url=f"{BASE}index.m3u8", get=shelf.get, publish=publish, on_live=lambda: None)


def encrypted(files: dict[str, bytes], names: list[str]) -> list[str]:
    """The files under a key that is a file too; what a playlist says of them."""
    files[f"{BASE}key"] = key = bytes(range(16))
    for number, name in enumerate(names):
        padder, cipher = PKCS7(128).padder(), Cipher(AES128(key), CBC(number.to_bytes(16, "big"))).encryptor()
        padded = padder.update(files[name]) + padder.finalize()
        files[name] = cipher.update(padded) + cipher.finalize()
    return ['#EXT-X-KEY:METHOD=AES-128,URI="key"', *names]


def joined(files: dict[str, bytes], names: list[str]) -> list[str]:
    """The files as parts of one; what a playlist says of them."""
    bodies = [files.pop(name) for name in names]
    files[f"{BASE}all.m4s"] = b"".join(bodies)
    return [line for body in bodies for line in (f"#EXT-X-BYTERANGE:{len(body)}", "all.m4s")]


async def test_segments_become_units_of_the_publication_in_time(tmp_path: Path) -> None:
    encoded = encode(seconds=5)
    muxer = Muxer(folder=RunFolder(path=tmp_path), publication=1)
    muxer.feed(live(*encoded.tracks, units=encoded.units))
    muxer.close("it ends")
    files = {f"{BASE}{path.relative_to(tmp_path)}": path.read_bytes() for path in tmp_path.rglob("*.m*")}
    variant = (
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",URI="audio.m3u8"\n#EXT-X-STREAM-INF:BANDWIDTH=1,AUDIO="a"\nvideo.m3u8'
    )
    files[f"{BASE}index.m3u8"] = f"#EXTM3U\n{variant}".encode()
    for kind in ("audio", "video"):
        names = sorted(url for url in files if url.startswith(f"{BASE}{kind}/") and url.endswith(".m4s"))
        head = f'#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI="{kind}/1/init-0.mp4"'
        lines = encrypted(files, names) if kind == "video" else joined(files, names)
        files[f"{BASE}{kind}.m3u8"] = "\n".join([head, *lines, "#EXT-X-ENDLIST"]).encode()
    shelf = Shelf(files)
    recording = Recording()
    played = playback(shelf, recording)
    with pytest.raises(Trouble) as ended:
        await asyncio.wait_for(played.run(), 60)
    assert ended.value.reason == "closed"
    assert {track.codec for track in recording.configured[-1]} == {Codec.H264, Codec.AAC}
    pictures = recording.of("video")
    sent = [unit for unit in encoded.units if unit.kind == "video"]
    assert pictures[0].is_key
    assert len(pictures) > len(sent) // 2
    assert recording.reason == "the source has gone"
    assert len(recording.of("audio")) > 50
    assert played.received_bytes >= sum(map(len, shelf.files.values()))


async def test_segments_that_make_no_sense_end_the_source_and_publish_nothing() -> None:
    playlist = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\na.ts\n#EXT-X-ENDLIST"
    shelf = Shelf({f"{BASE}index.m3u8": playlist, f"{BASE}a.ts": b"\x47" + b"\xff" * 100_000})
    recording = Recording()
    with pytest.raises((MediaError, OSError)):
        await asyncio.wait_for(playback(shelf, recording).run(), 60)
    assert recording.configured == []


async def test_playlists_that_name_one_another_are_given_up() -> None:
    shelf = Shelf({f"{BASE}index.m3u8": b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nindex.m3u8"})
    with pytest.raises(MediaError):
        await asyncio.wait_for(playback(shelf, Recording()).run(), 60)
    assert len(shelf.asked) < 10


async def test_a_source_that_is_stopped_ends_at_once() -> None:
    shelf = Shelf({f"{BASE}index.m3u8": b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n"})
    played = playback(shelf, Recording())
    run = asyncio.ensure_future(played.run())
    played._publishing._stop("another publisher has come")
    with pytest.raises(Trouble) as ended:
        await asyncio.wait_for(run, 60)
    assert (ended.value.reason, ended.value.detail) == ("stopped", "another publisher has come")

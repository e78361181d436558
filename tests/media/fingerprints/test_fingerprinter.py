"""Media segments become hashes in a child process; what cannot be decoded has a reason."""

from __future__ import annotations

import numpy as np
import pytest

from media.fingerprints.alignment import LEAST_PICTURES, LEAST_SOUNDS
from media.fingerprints.decoding import fingerprint
from media.fingerprints.fingerprinter import Fingerprinter, NoFingerprintError
from media.fingerprints.messages import Fingerprint, Hash, Made, Refused, Side
from tests.media.fingerprints import made
from tests.media.fingerprints.files import film_file, sound_file
from tests.media.fingerprints.index import MemoryIndex

SECONDS = 8


@pytest.fixture(scope="module")
def sound() -> bytes:
    return sound_file(made.music(5, SECONDS))


def _hashes(kind: str, side: Side, data: bytes, start_ms: int = 0) -> list[Hash]:
    result = fingerprint(Fingerprint(kind=kind, side=side, data=data, start_ms=start_ms))  # type: ignore[arg-type]
    assert isinstance(result, Made)
    return result.hashes


async def test_a_process_makes_the_hashes_that_decoding_here_makes(sound: bytes) -> None:
    order = Fingerprint(kind="audio", side="work", data=sound, start_ms=60_000)
    made_there = list(await Fingerprinter().make(order))
    assert made_there == _hashes("audio", "work", sound, 60_000)
    assert 60_000 <= made_there[0].ms < made_there[-1].ms <= 60_000 + SECONDS * 1_000


async def test_bytes_that_are_no_media_are_refused_by_the_process() -> None:
    with pytest.raises(NoFingerprintError):
        await Fingerprinter().make(Fingerprint(kind="audio", side="query", data=b"\0" * 4_096))


def test_segments_of_sound_are_found_where_they_start(sound: bytes) -> None:
    index = MemoryIndex()
    index.add(1, _hashes("audio", "work", sound))
    match = index.find(_hashes("audio", "query", sound, 500_000), least=LEAST_SOUNDS)[1]
    assert match.work_from_ms == pytest.approx(match.from_ms - 500_000, abs=100)


def test_segments_of_pictures_are_found_where_they_start() -> None:
    film, index = film_file(made.film(3, SECONDS, width=160, height=90)), MemoryIndex()
    held = _hashes("video", "work", film)
    assert np.diff(sorted({each.ms for each in held})) == pytest.approx(250, abs=2)
    index.add(1, held)
    match = index.find(_hashes("video", "query", film, 9_000), least=LEAST_PICTURES)[1]
    assert match.work_from_ms == pytest.approx(match.from_ms - 9_000, abs=200)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    ],
    ids=["nothing", "a playlist", "a concat script", "a picture"],
)
def test_what_is_no_mp4_is_refused_with_a_reason(data: bytes) -> None:
    assert isinstance(fingerprint(Fingerprint(kind="video", side="query", data=data)), Refused)


def test_truncated_anywhere_it_is_refused_or_has_fewer_hashes(sound: bytes) -> None:
    whole = len(_hashes("audio", "work", sound))
    for tenth in range(1, 10):
        result = fingerprint(Fingerprint(kind="audio", side="work", data=sound[: len(sound) * tenth // 10]))
        assert isinstance(result, Refused) or len(result.hashes) < whole


def test_a_kind_that_the_media_has_not_is_refused(sound: bytes) -> None:
    assert isinstance(fingerprint(Fingerprint(kind="video", side="work", data=sound)), Refused)

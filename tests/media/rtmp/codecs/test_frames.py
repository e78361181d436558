"""Which frames of AV1 and VP9 are keys, and what of them goes on."""

from __future__ import annotations

import pytest

from media.errors import ProtocolError
from media.rtmp.codecs.av1 import is_av1_key, without_temporal_delimiters
from media.rtmp.codecs.vp9 import is_vp9_key


@pytest.mark.parametrize(
    ("frame", "is_key"),
    [
        (b"\x0a\1x\x32\2\x10z", True),
        (b"\x32\2\x30z", False),
        (b"\x1a\2\x90z", False),
        (b"\x0a\1x", False),
        (b"", False),
    ],
    ids=["key", "inter", "shows-existing", "no-frame", "empty"],
)
def test_frame_header_decides_what_is_a_key_of_av1(frame: bytes, is_key: bool) -> None:
    assert is_av1_key(frame) is is_key


@pytest.mark.parametrize(
    ("first", "is_key"),
    [(0x82, True), (0x86, False), (0x8A, False), (0xB1, True), (0xB3, False), (0x02, False)],
    ids=["key", "inter", "shows-existing", "key-profile-3", "inter-profile-3", "no-marker"],
)
def test_frame_header_decides_what_is_a_key_of_vp9(first: int, is_key: bool) -> None:
    assert is_vp9_key(bytes((first, 0x49))) is is_key
    assert not is_vp9_key(b"")


def test_temporal_delimiters_are_taken_out() -> None:
    assert without_temporal_delimiters(b"\x12\0\x0a\1x\x32\2yz") == b"\x0a\1x\x32\2yz"
    assert without_temporal_delimiters(b"\x0a\1x\x30yz") == b"\x0a\1x\x30yz"
    for broken in (b"\x0a\5x", b"\x0a\xff\xff\xff\xff\xff\xff", b"\x0a"):
        with pytest.raises(ProtocolError):
            without_temporal_delimiters(broken)

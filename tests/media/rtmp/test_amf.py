from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.errors import ProtocolError
from media.rtmp import amf

keys = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
plain = st.one_of(
    st.floats(allow_nan=False), st.booleans(), st.text(st.characters(codec="utf-8"), max_size=40), st.none()
)
values = st.recursive(
    plain, lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(keys, inner, max_size=4)), max_leaves=12
)


@given(st.lists(values, max_size=5))
def test_what_is_encoded_is_decoded(written: list[amf.Value]) -> None:
    assert amf.decode(amf.encode(*written)) == written


def test_connect_command_written_by_hand_is_decoded() -> None:
    data = b"\x02\0\x07connect" + b"\0\x3f\xf0\0\0\0\0\0\0" + b"\x03\0\x03app\x02\0\x04live\0\0\x09"
    assert amf.decode(data) == ["connect", 1.0, {"app": "live"}]


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x01\x01", True),
        (b"\x05", None),
        (b"\x06", None),
        (b"\x0d", None),
        (b"\x08\0\0\0\x01\0\x01a\x05\0\0\x09", {"a": None}),
        (b"\x0a\0\0\0\x02\x05\x01\0", [None, False]),
        (b"\x0b\x40\0\0\0\0\0\0\0\0\0", 2.0),
        (b"\x0c\0\0\0\x02hi", "hi"),
        (b"\x0f\0\0\0\x02<>", "<>"),
        (b"\x10\0\x01T\0\x01a\x01\x01\0\0\x09", {"a": True}),
        (b"\x02\0\x02\xff\xfe", "��"),
    ],
)
def test_each_marker_is_understood(data: bytes, value: amf.Value) -> None:
    assert amf.decode(data) == [value]


def test_ecma_array_and_long_string_round_trip() -> None:
    long = "x" * 65_536
    assert amf.decode(amf.encode(amf.EcmaArray(width=1.0))) == [{"width": 1.0}]
    assert amf.decode(amf.encode(long)) == [long]
    assert amf.encode(amf.EcmaArray())[0] == 8


def test_strings_over_65535_bytes_are_written_as_long_strings() -> None:
    assert amf.encode("x" * 65_535)[:3] == b"\x02\xff\xff"
    assert amf.encode("x" * 65_536)[:5] == b"\x0c\0\1\0\0"


def test_members_may_have_empty_names() -> None:
    assert amf.decode(b"\x03\0\0\x05\0\x01a\x01\x01\0\0\x09") == [{"": None, "a": True}]


@pytest.mark.parametrize(
    ("opening", "closing"), [(b"\x0a\0\0\0\1", b""), (b"\x03\0\1a", b"\0\0\x09")], ids=["arrays", "objects"]
)
def test_values_nest_16_deep_and_no_deeper(opening: bytes, closing: bytes) -> None:
    amf.decode(opening * 16 + b"\x05" + closing * 16)
    with pytest.raises(ProtocolError, match="nests too deeply"):
        amf.decode(opening * 17 + b"\x05" + closing * 17)


def test_message_holds_4096_values_and_no_more() -> None:
    assert amf.decode(b"\x05" * 4096) == [None] * 4096
    assert amf.decode(b"\x0a\0\0\x0f\xff" + b"\x05" * 4095) == [[None] * 4095]
    for data in (b"\x05" * 4097, b"\x0a\0\0\x10\0" + b"\x05" * 4096):
        with pytest.raises(ProtocolError, match="too many values"):
            amf.decode(data)


def test_string_holds_64_kib_and_no_more() -> None:
    assert amf.decode(b"\x0c\0\1\0\0" + b"x" * 65_536) == ["x" * 65_536]
    with pytest.raises(ProtocolError, match="string of 65537 bytes"):
        amf.decode(b"\x0c\0\1\0\1" + b"x" * 65_537)


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01",
        b"\x02\0\x05hi",
        b"\x03\0\x01a",
        b"\x03\0\x01a\x05",
        b"\x03\0\x01a\x09",
        b"\x04",
        b"\x07\0\0",
        b"\x11\x06",
        b"\x0a\xff\xff\xff\xff",
        b"\x0c\xff\xff\xff\xff",
        b"\x03\0\x01a" * 100,
        b"\x0a\0\0\0\x01" * 100,
        b"\x05" * 5000,
    ],
)
def test_malformed_or_boundless_values_are_protocol_errors(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        amf.decode(data)

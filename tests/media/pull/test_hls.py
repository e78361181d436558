from __future__ import annotations

import pytest

from media.errors import ProtocolError
from media.pull.flv_tags import MAX_TAG_BYTES, FlvReader
from media.pull.hls import MAX_SEGMENTS, Key, MediaPlaylist, Resource, Segment, Variant, attributes, parse
from media.pull.hls_playback import MAX_OFF_S, Pacer
from media.pull.segment_keys import decrypted

LIVE = "https://a.example/live/"
ENCRYPTED = "4669332b0a4eb258463f74556cf933f9"
BASE = "https://a.example/live/index.m3u8?token=1"
MULTIVARIANT = """#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="apart",NAME="en",URI="sound.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="inside",NAME="en"
#EXT-X-STREAM-INF:BANDWIDTH=9000000,AUDIO="apart",CODECS="avc1.64001f,mp4a.40.2"
best.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=800000,AUDIO="inside"
low.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=4000000
/other/high.m3u8
"""


def media(*lines: str, number: int = 7) -> MediaPlaylist:
    head = f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXT-X-MEDIA-SEQUENCE:{number}\n"
    playlist = parse(head + "\n".join(lines), BASE)
    assert isinstance(playlist, MediaPlaylist)
    return playlist


def test_of_variants_the_best_is_taken_with_its_sound() -> None:
    assert parse(MULTIVARIANT, BASE) == Variant(
        url="https://a.example/live/best.m3u8", bandwidth=9_000_000, sound="https://a.example/live/sound.m3u8"
    )
    without = MULTIVARIANT.replace('AUDIO="apart"', 'AUDIO="inside"')
    assert parse(without, BASE) == Variant(url="https://a.example/live/best.m3u8", bandwidth=9_000_000)


def test_segments_have_numbers_addresses_and_their_initialisation() -> None:
    playlist = media('#EXT-X-MAP:URI="init.mp4"', "#EXTINF:4,", "a.m4s", "#EXT-X-GAP", "#EXTINF:4,", "b.m4s", "c.m4s")
    init = Resource(f"{LIVE}init.mp4")
    assert playlist.segments == (
        Segment(number=7, body=Resource(f"{LIVE}a.m4s"), init=init),
        Segment(number=9, body=Resource(f"{LIVE}c.m4s"), init=init),
    )
    assert (playlist.target_s, playlist.has_ended) == (4.0, False)


def test_parts_of_files_follow_one_another_where_no_offset_is_said() -> None:
    playlist = media(
        '#EXT-X-MAP:URI="all.mp4",BYTERANGE="700@0"', "#EXT-X-BYTERANGE:100@700", "all.mp4", "#EXT-X-BYTERANGE:50",
        "all.mp4", "#EXT-X-BYTERANGE:9", "other.mp4", "whole.mp4",
    )  # fmt: skip
    assert [(one.body.url.removeprefix(LIVE), one.body.span) for one in playlist.segments] == [
        ("all.mp4", (700, 100)), ("all.mp4", (800, 50)), ("other.mp4", (0, 9)), ("whole.mp4", None),
    ]  # fmt: skip
    assert {one.init for one in playlist.segments} == {Resource(f"{LIVE}all.mp4", (0, 700))}


def test_an_encrypted_segment_has_its_number_for_a_vector_where_none_is_said() -> None:
    key, url = '#EXT-X-KEY:METHOD=AES-128,URI="k"', f"{LIVE}k"
    playlist = media("open.ts", key, "a.ts", f"{key},IV=0x0A", "b.ts", "#EXT-X-KEY:METHOD=NONE", "c.ts", number=1)
    assert [one.body.key for one in playlist.segments] == [
        None, Key(url, (2).to_bytes(16, "big")), Key(url, (10).to_bytes(16, "big")), None,
    ]  # fmt: skip


def test_a_segment_is_decrypted_and_one_of_another_key_is_refused() -> None:
    # openssl enc -aes-128-cbc -K 000102030405060708090a0b0c0d0e0f -iv 0 <<< "a segment"
    body, iv = bytes.fromhex(ENCRYPTED), bytes(16)
    assert decrypted(body, key=bytes(range(16)), iv=iv) == b"a segment\n"
    for wrong, key in ((body, bytes(16)), (body[:-1], bytes(range(16))), (b"", bytes(range(16))), (body, b"short")):
        with pytest.raises(ProtocolError):
            decrypted(wrong, key=key, iv=iv)


def test_a_client_begins_near_the_end_of_what_is_live_and_at_the_beginning_of_what_has_ended() -> None:
    names = [f"{number}.ts" for number in range(6)]
    live = media(*names)
    assert [one.number for one in live.after(None)] == [10, 11, 12]
    assert [one.number for one in live.after(11)] == [12]
    assert live.after(12) == ()
    assert [one.number for one in live.after(500)] == [10, 11, 12]  # numbered anew
    assert len(media(*names, "#EXT-X-ENDLIST").after(None)) == 6


@pytest.mark.parametrize(
    "text",
    [
        *("", "<html>", "#EXTM3U", "#EXTM3U\n#EXT-X-TARGETDURATION:0\na.ts", "#EXTM3U\n#EXT-X-TARGETDURATION:x\na.ts"),
        *(
            f"#EXTM3U\n#EXT-X-TARGETDURATION:4\n{line}\na.ts"
            for line in (
                '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"',
                "#EXT-X-KEY:METHOD=AES-128",
                '#EXT-X-KEY:METHOD=AES-128,URI="k",KEYFORMAT="com.apple"',
                '#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0xzz',
                f'#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x{"1" * 33}',
                "#EXT-X-BYTERANGE:x@0",
                '#EXT-X-KEY:METHOD=AES-128,URI="k"\n#EXT-X-MAP:URI="i"',
            )
        ),
        "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n#EXT-X-ENDLIST",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\nhttp://[::1/a.ts",
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n" + "a\n" * (MAX_SEGMENTS + 1),
    ],
)
def test_what_cannot_be_fetched_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse(text, BASE)


def test_attribute_lists_of_any_bytes_are_read() -> None:
    assert attributes('#X:A=1,B="x,y",C=') == {"A": "1", "B": "x,y", "C": ""}
    for text in ("#X:", "#X", "#X:===,,,", '#X:A="', "#X:" + "A=" * 10_000):
        attributes(text)


def test_flv_is_taken_apart_however_it_is_cut() -> None:
    tag = b"\x09\x00\x00\x03\x00\x01\x02\x01\x00\x00\x00abc\x00\x00\x00\x0e"
    data = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00" + tag + b"\x08" + tag[1:]
    reader = FlvReader()
    found = [message for byte in data for message in reader.feed(bytes((byte,)))]
    assert [(one.type, one.timestamp, one.payload) for one in found] == [
        (9, 0x01000102, b"abc"),
        (8, 0x01000102, b"abc"),
    ]
    assert FlvReader().feed(data) == found


def test_what_is_no_flv_is_refused() -> None:
    with pytest.raises(ProtocolError):
        FlvReader().feed(bytes(20))
    head = b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
    with pytest.raises(ProtocolError):
        FlvReader().feed(head + b"\x09" + (MAX_TAG_BYTES + 1).to_bytes(3, "big") + bytes(7))


def test_messages_are_paced_and_a_time_that_is_far_off_begins_anew() -> None:
    now = 100.0
    pacer = Pacer(lambda: now)
    assert pacer.wait_s(5_000) == 0.0
    assert pacer.wait_s(7_000) == pytest.approx(2.0)
    now = 103.0
    assert pacer.wait_s(7_000) == 0.0
    assert pacer.wait_s(round(5_000 + MAX_OFF_S * 2_000)) == 0.0
    assert pacer.wait_s(round(6_000 + MAX_OFF_S * 2_000)) == pytest.approx(1.0)

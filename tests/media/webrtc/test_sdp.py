from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.webrtc import sdp, sdp_answer, sdp_fragment
from media.webrtc.errors import OfferRefused
from tests.media.webrtc.offers import AUDIO, FINGERPRINT, VIDEO, offer

DIGESTS = frozenset({"sha-256"})
OURS = FINGERPRINT.partition(" ")[2]
TRANSPORT = ("a=rtcp-mux", "a=ice-", "a=fingerprint", "a=setup")


def refusal(text: str) -> OfferRefused:
    with pytest.raises(OfferRefused) as refused:
        sdp.parse_offer(text)
    return refused.value


def test_an_offer_is_read_section_by_section() -> None:
    parsed = sdp.parse_offer(offer(AUDIO, VIDEO))
    audio, video = parsed.media
    assert (audio.kind, audio.mid, audio.direction) == ("audio", "0", "sendonly")
    assert video.find("h264")[0].parameters["packetization-mode"] == "1"
    assert video.find("h264")[0].feedback == ["nack", "nack pli", "goog-remb"]
    assert video.transport.ufrag == "remote1"


def test_transport_at_the_session_level_is_inherited() -> None:
    lines = offer(AUDIO).replace("a=ice-ufrag:remote1\r\n", "").replace("t=0 0\r\n", "t=0 0\r\na=ice-ufrag:above\r\n")
    assert sdp.parse_offer(lines).media[0].transport.ufrag == "above"


def test_the_fingerprints_of_a_section_take_the_place_of_the_sessions() -> None:
    text = offer(AUDIO, VIDEO).replace("t=0 0\r\n", "t=0 0\r\na=fingerprint:sha-256 CD\r\n")
    assert [len(media.transport.fingerprints) for media in sdp.parse_offer(text).media] == [1, 1]
    assert {media.transport.fingerprints[0] for media in sdp.parse_offer(text).media} == {("sha-256", OURS)}
    inherited = sdp.parse_offer(text.replace(FINGERPRINT + "\r\n", "")).media[0]
    assert inherited.transport.fingerprints == [("sha-256", "CD")]


def test_all_fingerprints_of_a_section_are_kept() -> None:
    text = offer(AUDIO + "a=fingerprint:sha-256 CD\n")
    assert sdp.parse_offer(text).media[0].transport.fingerprints == [("sha-256", OURS), ("sha-256", "CD")]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n\r\n", " \r\n", "\t\n"])
def test_lines_may_end_in_other_ways(end: str) -> None:
    parsed = sdp.parse_offer(end + offer(AUDIO, VIDEO).replace("\r\n", end))
    assert [media.mid for media in parsed.media] == ["0", "1"]
    assert parsed.media[1].find("h264")[0].parameters["packetization-mode"] == "1"


@pytest.mark.parametrize("line", ["s=a\tshow", "q=7", "xyzzy", "=", "a", "a=", "a=x-unknown:\t1", "\u00fc=1"])
def test_a_tab_and_lines_that_are_not_known_are_passed_over(line: str) -> None:
    for text in (offer(AUDIO).replace("s=-", line), offer(AUDIO + line + "\n")):
        assert sdp.parse_offer(text).media[0].find("opus")


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f"])
def test_other_control_characters_are_malformed(character: str) -> None:
    assert refusal(offer(AUDIO).replace("s=-", f"s=a{character}")).status == 400


@given(st.text(max_size=400))
def test_random_text_is_malformed(text: str) -> None:
    assert refusal(text).status == 400


@given(st.lists(st.sampled_from(offer(AUDIO, VIDEO).split("\r\n")), max_size=60), st.text(max_size=20), st.data())
def test_shuffled_lines_are_read_or_refused(lines: list[str], junk: str, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(lines)))
    text = "\r\n".join(["v=0", *lines[:at], "a=" + junk, *lines[at:]])
    try:
        parsed = sdp.parse_offer(text)
        sdp.check_transport(parsed, parsed.media[:1], digests=DIGESTS)
    except OfferRefused as refused:
        assert refused.status in {400, 422}  # noqa: PT017


@given(
    st.sampled_from(["rtpmap", "fmtp", "rtcp-fb", "extmap", "rid", "simulcast", "mid", "fingerprint", "setup"]),
    st.text(max_size=30),
)
def test_broken_attributes_are_read_or_refused(name: str, value: str) -> None:
    try:
        sdp.parse_offer(offer(VIDEO + f"a={name}:{value}\n"))
    except OfferRefused as refused:
        assert refused.status == 400  # noqa: PT017


def test_ten_megabytes_are_refused_by_size() -> None:
    assert refusal("v=0\r\n" + "a" * 10_000_000).status == 413


@pytest.mark.parametrize(
    "text",
    [
        offer(*[AUDIO.replace("mid:0", f"mid:{n}") for n in range(sdp.MAX_MEDIA + 1)]),
        offer(AUDIO + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\n" * (sdp.MAX_CANDIDATES + 1)),
        offer(AUDIO.replace(" 111\n", " 111" * (sdp.MAX_FORMATS + 1) + "\n", 1)),
        offer(AUDIO, AUDIO),
        offer(AUDIO.replace("opus/48000", "opus/fast")),
        offer(AUDIO.replace("m=audio 9", "m=audio 99999")),
        "v=0\r\ns=-\r\n",
    ],
)
def test_too_much_or_the_wrong_form_is_malformed(text: str) -> None:
    assert refusal(text).status == 400


@pytest.mark.parametrize(
    ("gone", "put"),
    [
        ("a=rtcp-mux\r\n", ""),
        ("a=setup:actpass", "a=setup:holdconn"),
        ("a=fingerprint:sha-256", "a=fingerprint:md5"),
        ("a=ice-pwd:0123456789012345678901\r\n", ""),
        ("a=group:BUNDLE 0 1\r\n", ""),
    ],
)
def test_a_transport_that_cannot_be_used_is_unusable(gone: str, put: str) -> None:
    text = offer(AUDIO, VIDEO).replace("a=ice-ufrag:remote1", "a=ice-ufrag:remote2", 1).replace(gone, put)
    parsed = sdp.parse_offer(text)
    with pytest.raises(OfferRefused) as refused:
        sdp.check_transport(parsed, parsed.media, digests=DIGESTS)
    assert refused.value.status == 422


def transport_of(text: str) -> sdp.IceTransport:
    parsed = sdp.parse_offer(text)
    return sdp.check_transport(parsed, parsed.media, digests=DIGESTS)


def test_a_section_that_is_bundled_takes_the_transport_of_the_first_of_its_group() -> None:
    bundled = "".join(line + "\n" for line in VIDEO.splitlines() if not line.startswith(TRANSPORT))
    assert transport_of(offer(AUDIO, bundled)).ufrag == "remote1"
    assert transport_of(offer(bundled, AUDIO)).ufrag == "remote1"


def test_sections_that_are_not_bundled_are_unusable_even_with_the_same_credentials() -> None:
    with pytest.raises(OfferRefused) as refused:
        transport_of(offer(AUDIO, VIDEO).replace("a=group:BUNDLE 0 1\r\n", ""))
    assert refused.value.status == 422


def h264(*profiles: str) -> sdp.MediaSection:
    numbers = range(100, 100 + len(profiles))
    lines = [f"a=rtpmap:{n} H264/90000\na=fmtp:{n} {p}\n" for n, p in zip(numbers, profiles, strict=True)]
    head = VIDEO.replace(" 96 97\n", "".join(f" {n}" for n in numbers) + "\n", 1)
    return sdp.parse_offer(offer(head + "".join(lines))).media[0]


def test_packetization_mode_1_comes_before_the_offered_order() -> None:
    media = h264("profile-level-id=42e01f;packetization-mode=0", "profile-level-id=4d001f;packetization-mode=1")
    chosen = sdp_answer.choose_h264(media)
    assert chosen is not None
    assert chosen.payload_type == 101


def test_the_format_of_the_streams_profile_is_chosen_for_a_viewer() -> None:
    media = h264(*(f"profile-level-id={p};packetization-mode=1" for p in ("42001f", "4d001f", "64001f")))
    chosen = sdp_answer.choose_h264(media, profile=b"\x64\x00\x28")
    assert chosen is not None
    assert chosen.payload_type == 102


def test_the_level_is_raised_only_where_levels_may_differ() -> None:
    free = h264("profile-level-id=64001f;packetization-mode=1;level-asymmetry-allowed=1").find("h264")[0]
    fixed = h264("profile-level-id=64001f;packetization-mode=1").find("h264")[0]
    assert sdp_answer.answer_h264_fmtp(free).endswith("profile-level-id=640034")
    assert sdp_answer.answer_h264_fmtp(fixed).endswith("profile-level-id=64001f")


def answer(text: str) -> str:
    parsed = sdp.parse_offer(text)
    local = sdp_answer.LocalIce(
        ufrag="u", password="p", fingerprint="AB", candidates=(("192.0.2.1", 8189), ("fd00::1", 8189))
    )
    answers = [
        sdp_answer.MediaAnswer(media=m, format=next(iter(m.find("h264") + m.find("opus")), None), direction="recvonly")
        for m in parsed.media
    ]
    return sdp_answer.build_answer(answers, local, bundle=parsed.bundle, session_id=7)


def test_an_answer_has_every_candidate_and_its_end_in_every_section() -> None:
    text = answer(offer(AUDIO, VIDEO))
    assert text.count(" 192.0.2.1 8189 typ host") == text.count(" fd00::1 8189 typ host") == 2
    assert text.count("a=end-of-candidates") == 2
    assert text.count("a=setup:passive") == 2
    assert "a=ice-lite\r\n" in text


def test_rtcp_mux_only_is_answered_where_it_was_offered() -> None:
    assert "a=rtcp-mux-only" not in answer(offer(AUDIO))
    assert answer(offer(AUDIO.replace("a=rtcp-mux", "a=rtcp-mux\na=rtcp-mux-only"))).count("a=rtcp-mux-only") == 1


def test_offered_layers_are_all_accepted() -> None:
    layers = "a=rid:h send\na=rid:l send\na=simulcast:send h;l\n"
    text = answer(offer(VIDEO + layers, bundle="1"))
    assert "a=rid:h recv\r\na=rid:l recv\r\na=simulcast:recv h;l\r\n" in text


def test_an_unknown_section_is_rejected_in_its_place() -> None:
    data = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:2\n"
    text = answer(offer(AUDIO, data, VIDEO, bundle="0 2 1"))
    assert "m=application 0 UDP/DTLS/SCTP webrtc-datachannel" in text
    assert "a=group:BUNDLE 0 1\r\n" in text


def test_an_answer_has_no_bundle_group_unless_one_was_offered() -> None:
    assert "a=group" not in answer(offer(AUDIO).replace("a=group:BUNDLE 0 1\r\n", ""))
    assert "a=group:BUNDLE 1 0\r\n" in answer(offer(AUDIO, VIDEO, bundle="1 0"))


def test_a_fragment_names_its_ice_session() -> None:
    text = "a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    assert sdp_fragment.parse_fragment(text + "a=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n").ufrag == "EsAw"


@given(st.text(max_size=200))
def test_random_fragments_are_read_or_malformed(text: str) -> None:
    try:
        sdp_fragment.parse_fragment(text)
    except OfferRefused as refused:
        assert refused.status == 400  # noqa: PT017

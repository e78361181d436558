"""What strangers send to the port, and what endpoints refuse."""

from __future__ import annotations

import asyncio
import socket
from itertools import pairwise

import pytest

from media.relay import Relay
from media.unit import VIDEO_TIMESCALE, Codec, Track, Unit
from media.webrtc import h264
from media.webrtc.errors import OfferRefused
from media.webrtc.port import RtcPort
from tests.media.webrtc.clients import Player, RelayPublication, publisher, stage
from tests.media.webrtc.offers import AUDIO, VIDEO, offer, to_watch
from tests.media.webrtc.test_h264 import encoded
from tests.media.webrtc.test_stun import check


def relay_of(*tracks: Track) -> Relay:
    relay = Relay()
    relay.configure(tracks)
    return relay


def h264_track(*, b_frames: int = 0) -> Track:
    collector = h264.Collector()
    for nal in encoded("main", b_frames=b_frames):
        collector.add(nal)
    return Track(kind="video", codec=Codec.H264, timescale=VIDEO_TIMESCALE, config=collector.sets.encode())


OPUS = Track(kind="audio", codec=Codec.OPUS, timescale=48_000)


async def refused_viewer(relay: Relay, text: str) -> OfferRefused:
    async with stage() as made:
        with pytest.raises(OfferRefused) as refused:
            await made.whep.offer(sdp=text, relay=relay, resource_id="v", want_keyframe=lambda: None)
        assert made.whep.viewers == 0
    return refused.value


async def test_strangers_get_no_answer_and_disturb_nobody() -> None:
    async with stage(addresses=["127.0.0.1"]) as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.setblocking(False)
            stranger.connect(made.port.candidates[0])
            before = made.port.dropped_datagrams
            ufrag = made.whip.etag("p1").strip('"')
            junk = [b"", b"\x80", b"\x16" * 40, b"\x80\x60" + bytes(30), check(), check(username=f"{ufrag}:x")]
            for datagram in junk:
                stranger.send(datagram)
            had = publication.count("video")
            await publication.until(lambda: publication.count("video") > had + 5)
            assert made.port.dropped_datagrams == before + len(junk)
            with pytest.raises(BlockingIOError):
                stranger.recv(1_500)


async def test_an_address_that_is_not_of_this_machine_is_offered_all_the_same() -> None:
    port = await RtcPort.open(addresses=["203.0.113.77"])
    assert port.candidates[0][0] == "203.0.113.77"
    assert port.candidates[0][1] > 0
    await port.close()


async def test_one_port_number_serves_all_addresses() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        number = probe.getsockname()[1]
    port = await RtcPort.open(port=number, addresses=["127.0.0.1", "::1"])
    assert set(port.candidates) == {("127.0.0.1", number), ("::1", number)}
    await port.close()


async def test_a_publisher_with_a_codec_that_nobody_knows_is_refused() -> None:
    async with stage() as made:
        publication = RelayPublication()
        text = offer(AUDIO, VIDEO.replace("H264", "H265").replace("VP8", "AV1"))
        with pytest.raises(OfferRefused) as refused:
            await made.whip.offer(sdp=text, publication=publication, resource_id="p")
        assert (refused.value.status, refused.value.reason) == (422, "codec_unsupported")
        assert not publication.closed.done()


@pytest.mark.parametrize("if_match", ["{}", '"x", {}', "*", '"*"', '{}, W/"x"'])
async def test_an_entity_tag_is_found_in_a_list_and_any_one_by_a_star(if_match: str) -> None:
    async with stage() as made:
        await made.whip.offer(sdp=offer(AUDIO), publication=RelayPublication(), resource_id="p")
        assert await made.whip.patch("p", "a=end-of-candidates\r\n", if_match.format(made.whip.etag("p"))) is None


async def test_ids_of_sessions_are_not_in_the_log_whole(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with stage() as made:
        for protocol in ("whip", "whep"):
            text, name = offer(AUDIO), f"{protocol}-0123456789abcdef.node"
            if protocol == "whip":
                await made.whip.offer(sdp=text, publication=RelayPublication(), resource_id=name)
                await made.whip.delete(name)
            else:
                await made.whep.offer(
                    sdp=to_watch(text), relay=relay_of(OPUS), resource_id=name, want_keyframe=lambda: None
                )
                await made.whep.delete(name)
    assert caplog.text.count("whip-01234567 ") == caplog.text.count("whep-01234567 ") == 2
    assert "89abcdef" not in caplog.text


SECOND_VIDEO = VIDEO.replace("mid:1", "mid:2").replace("96", "98").replace("97", "99")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (offer(AUDIO, VIDEO, SECOND_VIDEO, bundle="0 1 2"), "unusable"),
        (offer(AUDIO, VIDEO, AUDIO.replace("mid:0", "mid:2").replace("111", "112"), bundle="0 1 2"), "unusable"),
        (offer(AUDIO.replace("opus/48000", "PCMU/8000"), VIDEO), "codec_unsupported"),
    ],
    ids=["two videos", "two sounds", "sound in another codec"],
)
async def test_an_offer_is_taken_whole_or_not_at_all(text: str, reason: str) -> None:
    async with stage() as made:
        with pytest.raises(OfferRefused) as refused:
            await made.whip.offer(sdp=text, publication=RelayPublication(), resource_id="p")
        assert (refused.value.status, refused.value.reason) == (422, reason)


async def test_a_section_that_sends_nothing_is_left_out_of_the_answer() -> None:
    async with stage() as made:
        text = offer(AUDIO, VIDEO, SECOND_VIDEO.replace("sendonly", "inactive"), bundle="0 1 2")
        answer = await made.whip.offer(sdp=text, publication=RelayPublication(), resource_id="p")
    assert "a=group:BUNDLE 0 1\r\n" in answer
    assert "m=video 0 " in answer


async def test_an_offer_to_receive_is_not_an_offer_to_publish() -> None:
    async with stage() as made:
        with pytest.raises(OfferRefused) as refused:
            await made.whip.offer(sdp=to_watch(offer(AUDIO, VIDEO)), publication=RelayPublication(), resource_id="p")
        assert refused.value.status == 422


async def test_more_publishers_than_there_is_room_for_are_refused() -> None:
    async with stage(max_sessions=1) as made:
        await made.whip.offer(sdp=offer(AUDIO), publication=RelayPublication(), resource_id="a")
        with pytest.raises(OfferRefused) as refused:
            await made.whip.offer(sdp=offer(AUDIO), publication=RelayPublication(), resource_id="b")
        assert refused.value.status == 503


async def test_a_stream_with_b_frames_is_refused_with_its_reason() -> None:
    refused = await refused_viewer(relay_of(h264_track(b_frames=2), OPUS), to_watch(offer(AUDIO, VIDEO)))
    assert (refused.status, refused.reason) == (422, "b_frames")


async def test_b_frames_are_seen_in_the_units_when_the_headers_are_silent() -> None:
    relay = relay_of(h264_track())
    for dts, pts in enumerate((0, 3, 1, 2)):
        relay.write(Unit(kind="video", pts=pts * 3_000, dts=dts * 3_000, is_key=dts == 0, data=b"", at=0.0))
    assert (await refused_viewer(relay, to_watch(offer(VIDEO)))).reason == "b_frames"


async def test_a_stream_in_another_codec_is_refused_with_its_reason() -> None:
    aac = Track(kind="audio", codec=Codec.AAC, timescale=44_100)
    assert (await refused_viewer(relay_of(h264_track(), aac), to_watch(offer(AUDIO, VIDEO)))).status == 422
    nothing_yet = await refused_viewer(Relay(), to_watch(offer(AUDIO, VIDEO)))
    assert (nothing_yet.status, nothing_yet.reason) == (503, "not_started")


async def test_a_stream_that_has_ended_cannot_be_watched() -> None:
    relay = relay_of(h264_track())
    relay.close("over")
    assert (await refused_viewer(relay, to_watch(offer(VIDEO)))).reason == "ended"


async def test_a_malformed_offer_to_watch_is_refused_first() -> None:
    assert (await refused_viewer(Relay(), "hello")).status == 400


async def test_a_viewer_who_never_connects_is_reported_and_the_relay_is_let_go() -> None:
    relay = relay_of(h264_track(), OPUS)
    async with stage() as made:
        text = to_watch(offer(AUDIO, VIDEO))
        answer = await made.whep.offer(sdp=text, relay=relay, resource_id="v", want_keyframe=lambda: None)
        assert answer.count("a=sendonly") == 2
        await made.whep.delete("v")
        assert await made.left.get() == ("v", "deleted by the viewer")
        await made.whep.close()
        assert relay.readers == 0


async def test_a_section_the_stream_has_nothing_for_is_answered_inactive() -> None:
    async with stage() as made:
        answer = await made.whep.offer(
            sdp=to_watch(offer(AUDIO, VIDEO)),
            relay=relay_of(h264_track()),
            resource_id="v",
            want_keyframe=lambda: None,
        )
        assert answer.split("m=audio")[1].split("m=video")[0].count("a=inactive") == 1


async def test_viewer_is_asked_to_offer_again_when_the_stream_has_what_its_answer_lacks() -> None:
    async with stage() as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        player = Player()
        await made.watch(player, publication)
        await player.frames("video", 1)
        publication.relay.configure((*publication.relay.tracks, OPUS))
        async with asyncio.timeout(30):
            assert await made.left.get() == ("v1", "tracks_added")


async def test_key_frames_are_wanted_at_most_once_a_second_however_many_join() -> None:
    async with stage() as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        ask, wanted = publication.want_keyframe, []

        def count() -> None:
            wanted.append(asyncio.get_running_loop().time())
            ask()

        publication.want_keyframe = count
        for number in range(4):
            player = Player(audio=False)
            await made.watch(player, publication, resource_id=str(number))
            await player.frames("video", 1)
    assert wanted
    assert all(b - a >= 1 for a, b in pairwise(wanted))

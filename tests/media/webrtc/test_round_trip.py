"""Peers of another make publish and watch: what comes out is decoded."""

from __future__ import annotations

import asyncio
import re

import pytest

from media.unit import Codec
from media.webrtc import h264
from media.webrtc.errors import OfferRefused
from tests.media.webrtc.clients import (
    WAIT_S,
    Player,
    RelayPublication,
    offer_of,
    publisher,
    stage,
    take_answer,
)
from tests.media.webrtc.offers import VIDEO, offer, to_watch


async def test_published_video_and_audio_become_units_with_configured_tracks() -> None:
    async with stage() as made:
        publication = await made.publish(publisher())
        await publication.until(lambda: publication.count("video") > 20 and publication.count("audio") > 20)
    video, audio = publication.configured[0]
    assert (video.codec, video.width, video.height) == (Codec.H264, 320, 240)
    assert h264.H264ParameterSets.decode(video.config).is_complete
    assert (audio.codec, audio.config[:8]) == (Codec.OPUS, b"OpusHead")
    first = publication.units[0]
    assert (first.kind, first.is_key, first.pts) == ("video", True, 0)
    kinds = {h264.nal_type(nal) for u in publication.units if u.kind == "video" for nal in h264.split_avcc(u.data)}
    assert not kinds & {h264.SPS, h264.PPS, h264.AUD}


async def test_units_start_at_the_media_time_of_the_run() -> None:
    async with stage() as made:
        peer, publication = publisher(audio=False), RelayPublication(media_time_ms=60_000)
        answer = await made.whip.offer(sdp=await offer_of(peer), publication=publication, resource_id="x")
        await take_answer(peer, answer)
        await publication.until(lambda: publication.count("video") > 2)
        await peer.close()
    assert publication.units[0].pts == 60_000 * 90
    assert all(b.pts > a.pts for a, b in zip(publication.units, publication.units[1:], strict=False))


async def test_a_viewer_decodes_what_was_published() -> None:
    async with stage() as made:
        publication = await made.publish(publisher())
        await publication.until(lambda: publication.count("video") > 5)
        player = Player()
        await made.watch(player, publication)
        frames = await player.frames("video", 20)
        sound = await player.frames("audio", 20)
    assert (frames[-1].width, frames[-1].height) == (320, 240)
    row = bytes(frames[-1].planes[0])[:320]
    assert max(row) > 150
    assert min(row) < 80
    assert sound[-1].sample_rate == 48_000


async def test_a_viewer_decodes_from_the_last_key_frame_on_of_a_publisher_that_sends_no_other() -> None:
    async with stage(keyframe_every_s=1_000) as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 5)
        publication.want_keyframe = lambda: None
        keys = publication.count("video", keys=True)
        player = Player(audio=False)
        await made.watch(player, publication)
        await player.frames("video", 5)
        assert publication.count("video", keys=True) == keys


async def test_two_viewers_share_one_packetisation() -> None:
    async with stage() as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        players = [Player(audio=False), Player(audio=False)]
        for number, player in enumerate(players):
            await made.watch(player, publication, resource_id=f"v{number}")
        for player in players:
            assert len(await player.frames("video", 5)) == 5
        assert publication.relay.readers == 1
        await made.whep.delete("v0")
        assert len(await players[1].frames("video", 5)) == 5
        assert made.whep.viewers == 1


async def test_an_offer_without_candidates_connects() -> None:
    async with stage() as made:
        peer = publisher(audio=False)
        offer = re.sub(r"a=(candidate:|end-of-candidates).*\r\n", "", await offer_of(peer))
        publication = RelayPublication()
        await take_answer(peer, await made.whip.offer(sdp=offer, publication=publication, resource_id="obs"))
        await publication.until(lambda: publication.count("video") > 2)
        await peer.close()


async def test_names_that_cannot_be_resolved_are_ignored() -> None:
    async with stage() as made:
        peer = publisher(audio=False)
        hidden = "a=candidate:1 1 udp 2113937151 0b7c4a1e-7c4e-4b5c-9e0c-1f5f2f0d7b11.local 51472 typ host"
        offer = re.sub(r"a=candidate:.*", hidden, await offer_of(peer))
        publication = RelayPublication()
        await take_answer(peer, await made.whip.offer(sdp=offer, publication=publication, resource_id="mdns"))
        await publication.until(lambda: publication.count("video") > 2)
        await peer.close()


async def test_vp8_is_taken_when_nothing_else_is_offered() -> None:
    async with stage() as made:
        publication = await made.publish(publisher(codecs=("VP8",)))
        await publication.until(lambda: publication.count("video") > 5)
    video = publication.configured[0][0]
    assert (video.codec, video.width, video.height) == (Codec.VP8, 320, 240)


async def test_h264_is_preferred_to_vp8() -> None:
    async with stage() as made:
        publication = await made.publish(publisher(codecs=("VP8", "H264")))
        await publication.until(lambda: publication.count("video") > 2)
    assert publication.configured[0][0].codec is Codec.H264


async def test_a_viewer_without_h264_is_refused_with_a_reason_for_programs() -> None:
    async with stage() as made:
        publication = await made.publish(publisher())
        await publication.until(lambda: publication.count("video") > 2)
        with pytest.raises(OfferRefused) as refused:
            await made.watch(Player(codecs=("VP8",)), publication)
    assert (refused.value.status, refused.value.reason) == (422, "codec_unsupported")


async def test_key_frames_come_about_every_two_seconds_without_being_asked_for() -> None:
    async with stage(keyframe_every_s=0.5) as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video", keys=True) >= 3)
    keys = [unit.pts for unit in publication.units if unit.is_key]
    assert keys[1] - keys[0] < 90_000 * 1.5


async def test_a_wanted_key_frame_comes_at_once() -> None:
    async with stage(keyframe_every_s=60) as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 10)
        had = publication.count("video", keys=True)
        publication.want_keyframe()
        await publication.until(lambda: publication.count("video", keys=True) > had)


async def test_delete_ends_the_publication_and_the_viewers() -> None:
    async with stage() as made:
        publication = await made.publish(publisher())
        await publication.until(lambda: publication.count("video") > 2)
        player = Player()
        await made.watch(player, publication)
        await player.frames("video", 1)
        await made.whip.delete("p1")
        assert await asyncio.wait_for(publication.closed, WAIT_S) == "deleted by the publisher"
        who, _ = await asyncio.wait_for(made.left.get(), WAIT_S)
        assert who == "v1"
        with pytest.raises(OfferRefused) as refused:
            await made.whip.delete("p1")
        assert refused.value.status == 404


async def test_a_publisher_that_closes_is_gone_at_once() -> None:
    async with stage(gone_after_s=30) as made:
        peer = publisher()
        publication = await made.publish(peer)
        await publication.until(lambda: publication.count("video") > 2)
        await peer.close()
        await asyncio.wait_for(publication.closed, WAIT_S)
        assert made.whip.sessions == 0


async def test_a_publisher_that_falls_silent_is_gone() -> None:
    async with stage(gone_after_s=0.5) as made:
        peer = publisher(audio=False)
        publication = await made.publish(peer)
        await publication.until(lambda: publication.count("video") > 2)
        for sender in peer.getSenders():
            sender.replaceTrack(None)
        assert "sent nothing" in await asyncio.wait_for(publication.closed, WAIT_S)


async def test_an_offer_that_is_never_followed_up_is_forgotten() -> None:
    async with stage(connect_within_s=0.2) as made:
        peer, publication = publisher(), RelayPublication()
        await made.whip.offer(sdp=await offer_of(peer), publication=publication, resource_id="x")
        assert await asyncio.wait_for(publication.closed, WAIT_S) == "no connection came about"
        assert made.whip.sessions == 0
        await peer.close()


async def test_offers_that_are_not_connected_are_bounded_for_each_who_makes_them() -> None:
    async with stage() as made:
        text = offer(VIDEO)

        async def publish(number: int, *names: str) -> None:
            await made.whip.offer(
                sdp=text,
                publication=RelayPublication(),
                resource_id=f"p{number}",
                offered_by=dict.fromkeys(names, 2),
            )

        await publish(1, "ann", "here")
        await publish(2, "bob", "here")
        with pytest.raises(OfferRefused) as caught:
            await publish(3, "eve", "here")
        assert (caught.value.status, caught.value.reason) == (429, "too_many_offers")
        await publish(3, "ann", "there")
        with pytest.raises(OfferRefused):
            await publish(4, "ann", "elsewhere")
        await made.whip.delete("p1")
        await publish(4, "ann", "here")
        assert made.whip.sessions == 3


async def test_an_offer_that_came_to_a_connection_makes_room_for_the_next() -> None:
    async with stage() as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        player = Player(audio=False)

        async def ask(resource_id: str, text: str) -> str:
            return await made.whep.offer(
                sdp=text,
                relay=publication.relay,
                resource_id=resource_id,
                want_keyframe=publication.want_keyframe,
                offered_by={"ann": 1},
            )

        answer = await ask("v1", await offer_of(player.peer))
        with pytest.raises(OfferRefused) as caught:
            await ask("v2", to_watch(offer(VIDEO)))
        assert caught.value.status == 429
        await take_answer(player.peer, answer)
        await player.frames("video", 1)
        await ask("v2", to_watch(offer(VIDEO)))
        await player.peer.close()


async def test_stopping_the_publication_disconnects_the_publisher() -> None:
    async with stage() as made:
        peer = publisher()
        publication = await made.publish(peer)
        await publication.until(lambda: publication.count("video") > 2)
        publication.stop("key rotated")
        assert await asyncio.wait_for(publication.closed, WAIT_S) == "key rotated"


async def test_a_viewer_that_closes_is_reported_once() -> None:
    async with stage() as made:
        publication = await made.publish(publisher())
        await publication.until(lambda: publication.count("video") > 2)
        player = Player()
        await made.watch(player, publication)
        await player.frames("video", 1)
        await player.peer.close()
        assert await asyncio.wait_for(made.left.get(), WAIT_S) == ("v1", "closed by the peer")
        assert made.left.empty()
        assert made.whep.viewers_of(publication.relay) == 0


async def test_another_certificate_than_the_offered_one_is_refused() -> None:
    async with stage() as made:
        peer, publication = publisher(), RelayPublication()
        offer = await offer_of(peer)
        forged = re.sub(r"(a=fingerprint:sha-\d+ )..", r"\g<1>00", offer)
        await take_answer(peer, await made.whip.offer(sdp=forged, publication=publication, resource_id="x"))
        assert "certificate" in await asyncio.wait_for(publication.closed, WAIT_S)
        await peer.close()


async def test_trickled_candidates_are_accepted_and_a_stale_etag_is_not() -> None:
    async with stage() as made:
        await made.publish(publisher())
        etag = made.whip.etag("p1")
        fragment = "a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\na=end-of-candidates\r\n"
        assert await made.whip.patch("p1", fragment, etag) is None
        for wrong, status in ((None, 428), ('"other"', 412)):
            with pytest.raises(OfferRefused) as refused:
                await made.whip.patch("p1", fragment, wrong)
            assert refused.value.status == status
        with pytest.raises(OfferRefused) as refused:
            await made.whip.patch("nobody", fragment, etag)
        assert refused.value.status == 404


async def test_an_ice_restart_is_answered_with_new_credentials_and_a_new_etag() -> None:
    async with stage() as made:
        await made.publish(publisher())
        before = made.whip.etag("p1")
        fragment = "a=ice-ufrag:abcd1234\r\na=ice-pwd:" + "p" * 24 + "\r\n"
        answer = await made.whip.patch("p1", fragment, "*")
        assert answer is not None
        assert "a=ice-ufrag:" in answer
        assert "a=candidate:" in answer
        assert made.whip.etag("p1") != before


async def test_a_second_offer_for_a_resource_is_refused() -> None:
    async with stage() as made:
        await made.publish(publisher())
        with pytest.raises(OfferRefused) as refused:
            await made.publish(publisher())
        assert refused.value.status == 409


async def test_audio_alone_becomes_units() -> None:
    async with stage() as made:
        publication = await made.publish(publisher(video=False))
        await publication.until(lambda: publication.count("audio") > 10)
        player = Player(video=False)
        await made.watch(player, publication)
        assert len(await player.frames("audio", 10)) == 10
    assert [track.kind for track in publication.configured[0]] == ["audio"]


async def test_a_viewer_that_wants_video_alone_gets_no_sound_section() -> None:
    async with stage() as made:
        publication = await made.publish(publisher())
        await publication.until(lambda: publication.count("video") > 2)
        player = Player(audio=False)
        answer = await made.watch(player, publication)
        assert "m=audio" not in answer
        assert len(await player.frames("video", 3)) == 3


async def test_rejected_sections_keep_their_place_in_the_answer() -> None:
    async with stage() as made:
        peer, publication = publisher(), RelayPublication()
        peer.createDataChannel("chat")
        answer = await made.whip.offer(sdp=await offer_of(peer), publication=publication, resource_id="x")
        await peer.close()
    sections = re.findall(r"m=(\w+) (\d+)", answer)
    assert [kind for kind, _ in sections] == ["audio", "video", "application"]
    assert sections[2][1] == "0"
    assert "a=group:BUNDLE 0 1\r\n" in answer

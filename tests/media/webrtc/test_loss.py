"""Packets are lost on the way in and on the way out, and come again."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from tests.media.webrtc.clients import WAIT_S, Player, RelayPublication, offer_of, publisher, stage, take_answer
from tests.media.webrtc.lossy import LossyPath


async def test_lost_packets_of_a_publisher_are_asked_for_and_no_frame_is_missing() -> None:
    path = await LossyPath.open(every=9)
    async with stage() as made:
        peer, publication = publisher(audio=False), RelayPublication()
        answer = await made.whip.offer(sdp=await offer_of(peer), publication=publication, resource_id="p")
        await take_answer(peer, path.answer(answer))
        await publication.until(lambda: publication.count("video") > 60)
        await peer.close()
    path.close()
    assert path.lost >= 5
    times = [unit.pts for unit in publication.units]
    gaps = [b - a for a, b in pairwise(times[5:])]
    assert max(gaps) == 3_000


async def test_lost_packets_of_a_viewer_are_sent_again() -> None:
    path = await LossyPath.open(every=9)
    async with stage() as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        player = Player(audio=False)
        answer = await made.whep.offer(
            sdp=await offer_of(player.peer),
            relay=publication.relay,
            resource_id="v",
            want_keyframe=publication.want_keyframe,
        )
        await take_answer(player.peer, path.answer(answer))
        frames = await player.frames("video", 60)
        await player.peer.close()
    path.close()
    assert path.lost >= 5
    gaps = [b.pts - a.pts for a, b in pairwise(frames)]
    assert max(gaps) == 3_000


async def test_a_viewer_that_is_cut_off_is_reported() -> None:
    path = await LossyPath.open(every=1_000_000)
    async with stage(viewer_idle_after_s=1.0) as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        player = Player(audio=False)
        answer = await made.whep.offer(
            sdp=await offer_of(player.peer),
            relay=publication.relay,
            resource_id="v",
            want_keyframe=publication.want_keyframe,
        )
        await take_answer(player.peer, path.answer(answer))
        await player.frames("video", 3)
        path.is_cut = True
        assert await asyncio.wait_for(made.left.get(), WAIT_S) == ("v", "nothing was heard of the peer")
        await player.peer.close()
    path.close()

"""What operators are told of those who publish and watch over WebRTC."""

from __future__ import annotations

from media.control import PeersRead
from server.media_peers import peers_read
from tests.media.webrtc.clients import Player, publisher, stage


async def test_publishers_and_viewers_are_told_of_while_they_are_there() -> None:
    async with stage(addresses=["127.0.0.1"]) as made:
        publication = await made.publish(publisher(audio=False))
        await publication.until(lambda: publication.count("video") > 2)
        player = Player(audio=False)
        await made.watch(player, publication)
        await player.frames("video", 3)
        await publication.until(lambda: bool(peers_read(whip=made.whip, whep=made.whep, limit=5).publishers[0].bitrate))
        told = peers_read(whip=made.whip, whep=made.whep, limit=5)
        assert [peer.session for peer in told.publishers] == ["p1"]
        (viewer,) = told.viewers
        assert (viewer.session, viewer.rendition, viewer.stuck) == ("v1", "source", 0)
        assert peers_read(whip=made.whip, whep=made.whep, limit=0) == PeersRead()
        await made.whep.delete("v1")
        await made.whip.delete("p1")
        assert peers_read(whip=made.whip, whep=made.whep, limit=5) == PeersRead()

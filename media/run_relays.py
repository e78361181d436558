"""The relays of one publication: the publisher's own, and those beside it that carry other codecs.

The packager needs AAC beside the video and the WebRTC fan-out needs Opus. Where the publisher's audio is the other
codec, a bridge gives them a relay in which the video is the same and the audio is not. VP8, which a packager cannot
carry, is re-encoded once, by a bridge that both of them read from.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

from media.relay import Relay
from media.transcode.tracks import VideoGoal, is_to_convert
from media.unit import Codec
from media.webrtc.fanout import has_b_frames, unsuitable

TRACKS_S = 3.0

log = logging.getLogger(__name__)


class Bridge(Protocol):
    """A relay beside another one, with the audio in another codec. ``close`` ends it, idempotently."""

    relay: Relay

    def close(self) -> None: ...


class Bridges(Protocol):
    """Makes bridges, which decode and encode in processes of their own."""

    def bridge(self, source: Relay, *, audio: Codec | None, name: str, video: VideoGoal | None = None) -> Bridge:
        """Begins at once; the relay ends by itself, a moment after its source. ``audio`` None leaves the sound as it
        is, ``video`` re-encodes the pictures.
        """

    @property
    def has_room_for_pictures(self) -> bool:
        """Whether a bridge that re-encodes pictures could begin now."""


class RunRelays:
    """Makes each relay when its first reader asks for it. ``close`` ends the bridges; the source is the publisher's."""

    def __init__(self, *, bridges: Bridges, name: str, is_realtime: bool) -> None:
        """``name`` is for the bridges' logs; ``is_realtime``: the stream's owner has asked for the lowest latency."""
        self.source = Relay()
        self._makes = bridges
        self._name = name
        self._is_realtime = is_realtime
        self._bridges: dict[Codec, tuple[Relay, Bridge]] = {}
        self._pictures: Bridge | None = None
        self._for_viewers: Bridge | None = None

    def with_audio(self, audio: Codec) -> Relay:
        """The relay with pictures for everyone and audio in this codec: the publisher's own, or a bridge's that is made
        once.
        """
        source = self._with_pictures()
        if not any(is_to_convert(track, audio) for track in self.source.tracks):
            return source
        read, bridge = self._bridges.get(audio, (None, None))
        if bridge is None or read is not source or bridge.relay.ended is not None:
            if bridge is not None:
                bridge.close()
            bridge = self._makes.bridge(source, audio=audio, name=f"{self._name} {audio}")
            self._bridges[audio] = (source, bridge)
        return bridge.relay

    def _with_pictures(self) -> Relay:
        """The publisher's relay; while its pictures are VP8, the one beside it in which they are H.264. Where those
        cannot be made (any more), the publisher's own again.
        """
        if not any(track.codec is Codec.VP8 for track in self.source.tracks):
            return self.source
        if self._pictures is None:
            name = f"{self._name} pictures"
            self._pictures = self._makes.bridge(self.source, audio=None, name=name, video=VideoGoal())
        made = self._pictures.relay
        return made if made.ended is None or self.source.ended is not None else self.source

    def forget_lost_pictures(self) -> bool:
        """Where the bridge that re-encodes the pictures has ended before its source, and there is room for another one,
        the next reader has one made. Whether that is so.
        """
        lost = self._pictures
        if lost is None or lost.relay.ended is None or self.source.ended is not None:
            return False
        if not self._makes.has_room_for_pictures:
            return False
        self._pictures = None
        return True

    async def for_viewers(self) -> Relay:
        """The relay for WebRTC: Opus beside the publisher's pictures, which are re-encoded only when browsers cannot
        show them and the owner has asked for the lowest latency. Waits for its tracks, at most ``TRACKS_S``.
        """
        relay = self.with_audio(Codec.OPUS)
        if relay is not self.source:
            await _with_tracks(relay)
        is_fit = unsuitable(relay.tracks) is None and not has_b_frames(relay)
        if is_fit or not self._is_realtime:  # of what has no tracks yet nothing is known: there is nothing to re-encode
            return relay
        if self._for_viewers is None or self._for_viewers.relay.ended is not None:
            name = f"{self._name} for viewers"
            self._for_viewers = self._makes.bridge(self.source, audio=Codec.OPUS, name=name, video=VideoGoal())
        return await _with_tracks(self._for_viewers.relay)

    @property
    def encoded_for_viewers(self) -> Relay | None:
        """The re-encoded relay, while there is one."""
        return self._for_viewers.relay if self._for_viewers is not None else None

    def stop_encoding_for_viewers(self) -> None:
        """Closes the bridge that no viewer reads any more. The next viewer starts it again."""
        if self._for_viewers is not None:
            self._for_viewers.close()
            self._for_viewers = None

    def close(self) -> None:
        """Closes all bridges."""
        self.stop_encoding_for_viewers()
        for _, bridge in self._bridges.values():
            bridge.close()
        if self._pictures is not None:
            self._pictures.close()


async def _with_tracks(relay: Relay) -> Relay:
    """The relay once it has its tracks, or has ended, or ``TRACKS_S`` have passed."""
    announced = asyncio.Event()
    reader = relay.subscribe(announced.set)
    try:
        async with asyncio.timeout(TRACKS_S):
            while not relay.tracks and relay.ended is None:
                reader.take()
                announced.clear()
                await announced.wait()
    except TimeoutError:
        log.warning("nothing could be sent to viewers within %.0f s", TRACKS_S)
    finally:
        relay.unsubscribe(reader)
    return relay

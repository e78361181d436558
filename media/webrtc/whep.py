"""WHEP egress (draft-ietf-wish-whep): an offer in, an answer out, and then a relay's H.264 and Opus to a viewer."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from media.relay import Relay
from media.unit import Codec, Kind
from media.webrtc import dtls, fanout, h264, sdp, sdp_answer
from media.webrtc.egress import Egress, Line, new_line
from media.webrtc.errors import OfferRefused
from media.webrtc.extensions import sent_extensions
from media.webrtc.fanout import Burst, RtpFanout
from media.webrtc.losses import Losses
from media.webrtc.port import RtcPort
from media.webrtc.quality import Layer, ViewerPictures
from media.webrtc.resources import Resources, shown
from media.webrtc.sdp import Format, MediaSection, Offer
from media.webrtc.sdp_answer import MediaAnswer, repeats_of
from media.webrtc.session import PeerSession
from media.webrtc.statistics import ViewersSummary, ViewerStatistics, summary, worst

log = logging.getLogger(__name__)

_NOBODY: Mapping[str, int] = MappingProxyType({})


def _no_layers() -> Sequence[Layer]:
    return ()


#: Without transport-cc: viewers tell their own estimate (REMB), which costs nothing to work out here.
_FEEDBACK = ("nack", "nack pli", "ccm fir", "goog-remb")
_OPUS_FMTP = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"


class WhepEndpoint:
    """All viewers over WebRTC. Belongs to the loop that owns the plane and the port.

    ``on_viewer_left(resource_id, reason)`` comes once for each answered offer, however the viewer went.
    """

    def __init__(
        self,
        *,
        port: RtcPort,
        on_viewer_left: Callable[[str, str], None],
        certificate: dtls.Certificate | None = None,
        max_viewers: int = 2_000,
        max_viewers_of_stream: int = 1_000,
        connect_within_s: float = 15.0,
        idle_after_s: float = 20.0,
    ) -> None:
        self._port = port
        self._on_viewer_left = on_viewer_left
        self._certificate = certificate or dtls.Certificate()
        self._max_viewers = max_viewers
        self._max_viewers_of_stream = max_viewers_of_stream
        self._connect_within_s = connect_within_s
        self._idle_after_s = idle_after_s
        self.losses = Losses()
        self._resources = Resources()
        self._egresses: dict[str, Egress] = {}
        self._streams: dict[str, str] = {}
        self._fanouts: dict[Relay, RtpFanout] = {}
        self._users: dict[Relay, int] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def viewers(self) -> int:
        return len(self._resources)

    def summary(self) -> ViewersSummary:
        """How the viewers fare at this moment."""
        return summary([egress.statistics for egress in self._egresses.values()])

    def worst(self, limit: int) -> list[tuple[str, str, ViewerStatistics, ViewerPictures | None]]:
        """The viewers that fare worst: resource id, stream, figures, and what is chosen for them."""
        each = [(resource_id, egress.statistics) for resource_id, egress in self._egresses.items()]
        return [
            (resource_id, self._streams[resource_id], told, self._egresses[resource_id].pictures)
            for resource_id, told in worst(each, limit)
        ]

    def viewers_of(self, relay: Relay) -> int:
        return self._users.get(relay, 0)

    async def offer(
        self,
        *,
        sdp: str,
        relay: Relay,
        resource_id: str,
        want_keyframe: Callable[[], None],
        offered_by: Mapping[str, int] = _NOBODY,
        stream: str = "",
        layers: Callable[[], Sequence[Layer]] = _no_layers,
    ) -> str:
        """The answer, with all candidates.

        ``want_keyframe`` asks the publisher; it is called at most once a second for a relay. ``offered_by`` as for
        publishers. ``stream``: what logs call it. A session that was answered without a kind of track which the stream
        has later ends then, so that its viewer offers again. Raises Refused:
        422 with ``reason`` "codec_unsupported" or "b_frames" when the stream or the viewer is not made for
        this way of watching, 400, 413, 409, 429 and 503 as for publishers, 404 "ended", 503 "not_started" while the
        tracks are not known, which may be for as long as the process that encodes the audio takes to begin. ``layers``
        are the renditions that the publisher sends beside, and those that are made, the best first: see ``choose``.
        """
        self._check_room(relay, resource_id)
        self._resources.require_turn(offered_by)
        offer = _parse(sdp)
        _check_relay(relay)
        answers, lines = _negotiate(offer, relay)
        accepted = [answer.media for answer in answers if answer.format is not None]
        remote = _transport(offer, accepted)
        egress = self._egress(relay, answers, lines, want_keyframe, layers)
        session = self._start(relay, egress, remote, resource_id, stream)
        self._resources.offered(resource_id, by=offered_by)
        return _build(answers, session, offer)

    async def patch(self, resource_id: str, fragment: str, etag: str | None) -> str | None:
        """See :meth:`Resources.patch`."""
        return self._resources.patch(resource_id, fragment, etag)

    async def delete(self, resource_id: str) -> None:
        """End the session. Raises Refused (404)."""
        self._resources.get(resource_id).close("deleted by the viewer")

    def etag(self, resource_id: str) -> str:
        """The value of the ETag header. Raises Refused (404)."""
        return self._resources.etag(resource_id)

    def choose(self, resource_id: str, encoding: str | None) -> None:
        """Send this rendition from its next key frame on, ``source`` or one of the layers; None: automatically, by
        what is lost. Raises Refused: 404 without such a session, 422 without such a rendition."""
        if not self.pictures(resource_id).choose(encoding):
            detail = "The stream has no such rendition for WebRTC at the moment."
            raise OfferRefused(422, reason="no_such_layer", title="No such layer", detail=detail)

    def pictures(self, resource_id: str) -> ViewerPictures:
        """Which renditions the viewer can be sent, and is. Raises Refused (404)."""
        self._resources.get(resource_id)
        pictures = self._egresses[resource_id].pictures
        assert pictures is not None
        return pictures

    async def close(self) -> None:
        """End all sessions and wait for the fan-outs. The port stays open: it belongs to the media process."""
        self._resources.close_all("the server is stopping")
        if self._closing:
            await asyncio.wait(list(self._closing), timeout=5)

    def _check_room(self, relay: Relay, resource_id: str) -> None:
        if self._resources.has(resource_id):
            raise OfferRefused(409, reason="full", title="Session exists", detail="The resource id is taken.")
        is_full = len(self._resources) >= self._max_viewers or self.viewers_of(relay) >= self._max_viewers_of_stream
        if is_full:
            raise OfferRefused(
                503, reason="full", title="Too many viewers", detail="Watch over HLS, or try again later."
            )

    def _start(
        self,
        relay: Relay,
        egress: Egress,
        remote: sdp.IceTransport,
        resource_id: str,
        stream: str,
    ) -> PeerSession:
        def on_closed(reason: str) -> None:
            log.debug("%s: WebRTC viewer %s left: %s", stream, shown(resource_id), reason)
            self._resources.forget(resource_id)
            self._egresses.pop(resource_id, None)
            self._streams.pop(resource_id, None)
            if egress.pictures is not None:
                egress.pictures.close()
            self._fanouts[relay].leave(egress)
            self._release(relay)
            self._on_viewer_left(resource_id, reason)

        session = PeerSession(
            port=self._port,
            certificate=self._certificate,
            remote=remote,
            handler=egress,
            on_closed=on_closed,
            now=asyncio.get_running_loop().time(),
            connect_within_s=self._connect_within_s,
            idle_after_s=self._idle_after_s,
            tick_s=1.0,
        )
        egress.attach(session)
        self._resources.add(resource_id, session)
        self._egresses[resource_id], self._streams[resource_id] = egress, stream
        log.debug("%s: WebRTC viewer %s came", stream, shown(resource_id))
        return session

    def _egress(
        self,
        relay: Relay,
        answers: list[MediaAnswer],
        lines: list[tuple[Kind, Format, MediaAnswer]],
        want_keyframe: Callable[[], None],
        layers: Callable[[], Sequence[Layer]],
    ) -> Egress:
        main = self._hold(relay, want_keyframe)

        def pictures(send: Callable[[Burst, RtpFanout], None]) -> ViewerPictures:
            return ViewerPictures(
                main=main,
                main_relay=relay,
                layers=lambda: [layer for layer in layers() if layer.relay is None or _is_fit(layer.relay)],
                hold=lambda of: self._hold(of, want_keyframe),
                release=self._release,
                send=send,
                now=asyncio.get_running_loop().time(),
            )

        cname = secrets.token_hex(8)
        numbered = [_line(kind, chosen, answer) for kind, chosen, answer in lines]
        for line, (kind, _, answer) in zip(numbered, lines, strict=True):
            answer.extensions = line.extensions.uris
            answer.lines = (f"a=msid:{cname} {kind}", *(f"a={source}" for source in line.described(cname)))
        lacks = {_kind(answer.media) for answer in answers if answer.format is not None and not answer.lines}
        return Egress(
            fanout=main, lines=numbered, cname=cname, lacks=frozenset(lacks), losses=self.losses, pictures=pictures,
        )  # fmt: skip

    def _hold(self, relay: Relay, want_keyframe: Callable[[], None]) -> RtpFanout:
        if relay not in self._fanouts:
            self._fanouts[relay] = RtpFanout(relay=relay, want_keyframe=want_keyframe)
        self._users[relay] = self._users.get(relay, 0) + 1
        return self._fanouts[relay]

    def _release(self, relay: Relay) -> None:
        found = self._fanouts[relay]
        self._users[relay] -= 1
        if self._users[relay]:
            return
        del self._users[relay], self._fanouts[relay]
        # Not at once: this may run inside the fan-out's own task, when the relay has ended.
        task = asyncio.create_task(_stop(found), name="webrtc-fanout-stop")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)


async def _stop(found: RtpFanout) -> None:
    found.close()
    await found.closed()


def _parse(text: str) -> Offer:
    return sdp.parse_offer(text)


def _transport(offer: Offer, accepted: list[MediaSection]) -> sdp.IceTransport:
    return sdp.check_transport(offer, accepted, digests=dtls.supported_digests())


def _build(answers: list[MediaAnswer], session: PeerSession, offer: Offer) -> str:
    return sdp_answer.build_answer(answers, session.local, bundle=offer.bundle, session_id=secrets.randbits(62))


def _is_fit(relay: Relay) -> bool:
    has_begun = bool(relay.tracks) and relay.ended is None
    return has_begun and fanout.unsuitable(relay.tracks) is None and not fanout.has_b_frames(relay)


def _check_relay(relay: Relay) -> None:
    if relay.ended is not None:
        raise OfferRefused(404, reason="ended", title="The stream has ended", detail="There is nothing to watch live.")
    if not relay.tracks:
        detail = "Nothing has come of it yet that can be shown; try again in a moment."
        raise OfferRefused(503, reason="not_started", title="The stream is beginning", detail=detail)
    why = fanout.unsuitable(relay.tracks)
    if why is not None:
        raise OfferRefused(422, reason="codec_unsupported", title="Codec not for WebRTC", detail=why)
    if fanout.has_b_frames(relay):
        detail = "Browsers cannot show B-frames over WebRTC; watch over HLS."
        raise OfferRefused(422, reason="b_frames", title="The stream has B-frames", detail=detail)


def _negotiate(offer: Offer, relay: Relay) -> tuple[list[MediaAnswer], list[tuple[Kind, Format, MediaAnswer]]]:
    tracks = {track.codec: track for track in relay.tracks}
    answers, lines = [], []
    taken: set[str] = set()
    for media in offer.media:
        answer = MediaAnswer(media=media)
        answers.append(answer)
        if not media.is_usable or not media.can_receive or media.kind in taken:
            continue
        kind = _kind(media)
        wanted = Codec.H264 if kind == "video" else Codec.OPUS
        track = tracks.get(wanted)
        chosen = _choose(media, kind, track.config if track is not None else b"")
        if chosen is None:
            continue
        taken.add(kind)
        answer.format, answer.fmtp = chosen, chosen.fmtp if kind == "video" else _OPUS_FMTP
        answer.feedback = _FEEDBACK
        answer.repeats = repeats_of(media, chosen) if "nack" in chosen.feedback else None
        if track is not None:
            answer.direction = "sendonly"
            lines.append((kind, chosen, answer))
    _check_common(offer, tracks.keys() & {Codec.H264}, {kind for kind, _, _ in lines})
    return answers, lines


def _line(kind: Kind, chosen: Format, answer: MediaAnswer) -> Line:
    again, offered = answer.repeats, answer.media.extensions
    is_never_repeated = "nack" not in chosen.feedback
    return new_line(
        kind,
        chosen.payload_type,
        repeats=None if again is None else again.payload_type,
        extensions=sent_extensions(offered, mid=answer.media.mid, with_time=again is not None or is_never_repeated),
    )


def _kind(media: MediaSection) -> Kind:
    return "video" if media.kind == "video" else "audio"


def _check_common(offer: Offer, video: set[Codec], sent: set[Kind]) -> None:
    lacks_video = bool(video) and offer.first("video") is not None and "video" not in sent
    if not sent or lacks_video:
        detail = "The offer must be able to receive H.264 (packetization-mode 1) and Opus."
        raise OfferRefused(422, reason="codec_unsupported", title="No codec in common", detail=detail)


def _choose(media: MediaSection, kind: Kind, config: bytes) -> Format | None:
    if kind == "audio":
        return next((f for f in media.find("opus") if f.clock_rate == 48_000), None)
    try:
        profile = h264.H264ParameterSets.decode(config).sps[0][1:4] if config else b""
    except (ValueError, IndexError):
        profile = b""
    chosen = sdp_answer.choose_h264(media, profile=profile)
    return chosen if chosen is not None and chosen.parameters.get("packetization-mode") == "1" else None

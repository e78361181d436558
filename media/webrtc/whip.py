"""WHIP ingest (RFC 9725): an offer in, an answer out, and then units into a publication."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping
from types import MappingProxyType

from media.publication import Publication
from media.unit import Codec
from media.webrtc import capture, dtls, sdp, sdp_answer, twcc
from media.webrtc.errors import OfferRefused, unusable
from media.webrtc.inbound import OpusReceiver, VideoReceiver
from media.webrtc.ingest import WebrtcIngest
from media.webrtc.losses import Losses
from media.webrtc.port import TICK_S, RtcPort
from media.webrtc.resources import Resources, shown
from media.webrtc.sdp import Format, MediaSection
from media.webrtc.sdp_answer import MediaAnswer, repeats_of
from media.webrtc.session import PeerSession
from media.webrtc.sources import StreamPlan
from media.webrtc.statistics import PublishersSummary, PublisherStatistics, publishers_summary, worst

log = logging.getLogger(__name__)

_NOBODY: Mapping[str, int] = MappingProxyType({})
_OPUS_FMTP = "minptime=10;useinbandfec=1;stereo=1;sprop-stereo=1"


class WhipEndpoint:
    """All publishers that come over WebRTC. Belongs to the loop that owns the plane and the port."""

    def __init__(
        self,
        *,
        port: RtcPort,
        certificate: dtls.Certificate | None = None,
        max_sessions: int = 500,
        connect_within_s: float = 15.0,
        gone_after_s: float = 5.0,
        keyframe_every_s: float = 2.0,
        max_bitrate: int = 12_000_000,
    ) -> None:
        self._port = port
        self._certificate = certificate or dtls.Certificate()
        self._max_sessions = max_sessions
        self._connect_within_s = connect_within_s
        self._gone_after_s = gone_after_s
        self._keyframe_every_s = keyframe_every_s
        self._max_bitrate = max_bitrate
        self.losses = Losses()
        self._resources = Resources()
        self._statistics: dict[str, PublisherStatistics] = {}
        self._streams: dict[str, str] = {}

    @property
    def sessions(self) -> int:
        return len(self._resources)

    def summary(self) -> PublishersSummary:
        """How the publishers fare at this moment."""
        return publishers_summary(list(self._statistics.values()))

    def worst(self, limit: int) -> list[tuple[str, str, PublisherStatistics]]:
        """The publishers that fare worst: resource id, stream, figures."""
        each = worst(list(self._statistics.items()), limit)
        return [(resource_id, self._streams[resource_id], told) for resource_id, told in each]

    async def offer(
        self,
        *,
        sdp: str,
        publication: Publication,
        resource_id: str,
        offered_by: Mapping[str, int] = _NOBODY,
        stream: str = "",
    ) -> str:
        """The answer, with all candidates. From then on the publication is closed when the publisher goes.

        ``offered_by`` names those who make the offer, each with how many of its offers may wait to be connected;
        ``stream``: what logs call it.
        Raises Refused and leaves the publication alone: 400 malformed, 413 too large, 422 unusable (no codec in
        common, no BUNDLE, …), 409 for a resource id that is taken, 429 for too many offers of the same, 503 when
        there are too many sessions.
        """
        self._check_room(resource_id)
        self._resources.require_turn(offered_by)
        offer = _parse(sdp)
        answers, plans = _negotiate(offer)
        session = self._start(publication, plans, _transport(offer, answers), resource_id)
        self._streams[resource_id] = stream
        self._resources.offered(resource_id, by=offered_by)
        return _build(answers, session, offer)

    async def patch(self, resource_id: str, fragment: str, etag: str | None) -> str | None:
        """See :meth:`Resources.patch`."""
        return self._resources.patch(resource_id, fragment, etag)

    async def delete(self, resource_id: str) -> None:
        """End the session. Raises Refused (404)."""
        self._resources.get(resource_id).close("deleted by the publisher")

    def has(self, resource_id: str) -> bool:
        return self._resources.has(resource_id)

    def etag(self, resource_id: str) -> str:
        """The value of the ETag header. Raises Refused (404)."""
        return self._resources.etag(resource_id)

    async def close(self) -> None:
        """End all sessions. The port stays open: it belongs to the media process."""
        self._resources.close_all("the server is stopping")

    def _check_room(self, resource_id: str) -> None:
        if self._resources.has(resource_id):
            raise OfferRefused(409, reason="full", title="Session exists", detail="The resource id is taken.")
        if len(self._resources) >= self._max_sessions:
            raise OfferRefused(503, reason="full", title="Too many publishers", detail="Try again later.")

    def _start(
        self, publication: Publication, plans: list[StreamPlan], remote: sdp.IceTransport, resource_id: str
    ) -> PeerSession:
        now = asyncio.get_running_loop().time()
        ingest = WebrtcIngest(
            plans=plans,
            publication=publication,
            keyframe_every_s=self._keyframe_every_s,
            gone_after_s=self._gone_after_s,
            max_bitrate=self._max_bitrate,
            now=now,
            losses=self.losses,
        )

        def on_closed(reason: str) -> None:
            log.debug("WebRTC publisher %s left: %s", shown(resource_id), reason)
            self._resources.forget(resource_id)
            self._statistics.pop(resource_id, None)
            self._streams.pop(resource_id, None)
            publication.close(reason)

        session = PeerSession(
            port=self._port,
            certificate=self._certificate,
            remote=remote,
            handler=ingest,
            on_closed=on_closed,
            now=now,
            connect_within_s=self._connect_within_s,
            idle_after_s=4 * self._gone_after_s,
            tick_s=TICK_S,
        )
        ingest.attach(session)
        self._resources.add(resource_id, session)
        self._statistics[resource_id] = ingest.statistics
        log.debug("WebRTC publisher %s came", shown(resource_id))
        publication.on_stop(session.close)
        publication.on_keyframe_wanted(ingest.want_keyframe)
        return session


def _parse(text: str) -> sdp.Offer:
    return sdp.parse_offer(text)


def _negotiate(offer: sdp.Offer) -> tuple[list[MediaAnswer], list[StreamPlan]]:
    """How each section is answered, and the plans of those that are taken.

    An offer is taken whole or not at all (RFC 9725, section 4.4.3): no track that is offered is left out in silence.
    """
    answers = [MediaAnswer(media=media) for media in offer.media]
    sent = [answer for answer in answers if answer.media.is_usable and answer.media.can_send]
    plans = [_plan(answer) for answer in sent]
    if not plans:
        raise unusable("It offers to send neither H.264 or VP8 video nor Opus audio.")
    if len({plan.kind for plan in plans}) != len(plans):
        raise unusable("It offers to send two tracks of one kind: one of video and one of audio are taken.")
    if len({plan.payload_type for plan in plans}) != len(plans):
        raise unusable("Audio and video have the same payload type.")
    return answers, plans


def _plan(answer: MediaAnswer) -> StreamPlan:
    is_video = answer.media.kind == "video"
    plan = _video(answer.media, answer) if is_video else _audio(answer.media, answer)
    if plan is None:
        detail = "The video codec must be H.264 (preferred) or VP8." if is_video else "The audio codec must be Opus."
        title = f"No {answer.media.kind} codec in common"
        raise OfferRefused(422, reason="codec_unsupported", title=title, detail=detail)
    return plan


def _transport(offer: sdp.Offer, answers: list[MediaAnswer]) -> sdp.IceTransport:
    accepted = [answer.media for answer in answers if answer.format is not None]
    return sdp.check_transport(offer, accepted, digests=dtls.supported_digests())


def _build(answers: list[MediaAnswer], session: PeerSession, offer: sdp.Offer) -> str:
    return sdp_answer.build_answer(answers, session.local, bundle=offer.bundle, session_id=secrets.randbits(62))


def _video(media: MediaSection, answer: MediaAnswer) -> StreamPlan | None:
    chosen, codec = sdp_answer.choose_h264(media), Codec.H264
    if chosen is None:
        chosen, codec = next(iter(media.find("vp8")), None), Codec.VP8
    if chosen is None:
        return None
    answer.format = chosen
    answer.fmtp = sdp_answer.answer_h264_fmtp(chosen) if codec is Codec.H264 else ""
    answer.direction = "recvonly"
    layers = _layers(media)
    if layers:
        named = (sdp.MID_EXTENSION, sdp.RID_EXTENSION, sdp.REPAIRED_RID_EXTENSION)
        answer.extensions = tuple(uri for uri in named if uri in media.extensions)
    transport = _agree_on_transport(answer, chosen)
    # A browser fills the line with what it repeats; without a source for that, with packets of the pictures' own
    # numbers, which it does not send again when they are lost. Of layers only where it is told which one is repeated.
    repaired = media.extensions.get(sdp.REPAIRED_RID_EXTENSION, 0)
    answer.repeats = repeats_of(media, chosen) if repaired or not layers else None
    sprop = chosen.parameters.get("sprop-parameter-sets", "")
    return StreamPlan(
        kind="video",
        payload_type=chosen.payload_type,
        new_receiver=lambda: VideoReceiver(codec=codec, sprop=sprop),
        feedback=frozenset(chosen.feedback),
        layers=layers,
        layer_extension=media.extensions.get(sdp.RID_EXTENSION, 0),
        repaired_extension=repaired,
        transport_extension=transport,
        capture_extension=_take_capture_times(answer),
        repeats=None if answer.repeats is None else answer.repeats.payload_type,
    )


def _take_capture_times(answer: MediaAnswer) -> int:
    number = answer.media.extensions.get(capture.EXTENSION, 0)
    if number:
        answer.extensions = (*answer.extensions, capture.EXTENSION)
    return number


def _agree_on_transport(answer: MediaAnswer, chosen: Format) -> int:
    """Transport-wide feedback is agreed on if both it and the number that it counts on are offered. The extension."""
    number = answer.media.extensions.get(twcc.EXTENSION, 0)
    if not number or twcc.FEEDBACK not in chosen.feedback:
        answer.feedback = tuple(name for name in answer.feedback if name != twcc.FEEDBACK)
        return 0
    answer.extensions = (*answer.extensions, twcc.EXTENSION)
    return number


def _layers(media: MediaSection) -> tuple[str, ...]:
    has_ids = media.is_simulcast and sdp.RID_EXTENSION in media.extensions
    return tuple(media.rids) if has_ids else ()


def _audio(media: MediaSection, answer: MediaAnswer) -> StreamPlan | None:
    chosen: Format | None = next((f for f in media.find("opus") if f.clock_rate == 48_000), None)
    if chosen is None:
        return None
    answer.format = chosen
    answer.fmtp = _OPUS_FMTP
    answer.direction = "recvonly"
    return StreamPlan(
        kind="audio",
        payload_type=chosen.payload_type,
        new_receiver=OpusReceiver,
        transport_extension=_agree_on_transport(answer, chosen),
        capture_extension=_take_capture_times(answer),
    )

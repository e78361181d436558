"""The media process: RTMP and WebRTC in, packages, recordings and WebRTC out. Started by ``server.live.media``.

``python -m server.media_process FD CONFIG``: ``FD`` is one end of the control channel, ``CONFIG`` a ``MediaConfig`` as
JSON. It leaves when the channel closes, that is, when its node does, however that happens.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from media.channel import Channel, ChannelClosed
from media.control import (
    AnnounceMark,
    Answered,
    AuthorizePublish,
    ChooseLayer,
    CloseWebrtc,
    ControlMessage,
    Drain,
    EndStage,
    FindWebrtc,
    ForgetStream,
    Granted,
    ItemListed,
    LayersRead,
    ListItem,
    MediaCounters,
    MediaReady,
    MuteStream,
    OfferStage,
    OfferWhep,
    OfferWhip,
    Patched,
    PatchIce,
    ReadLayers,
    ReadPeers,
    Refused,
    RestreamsReported,
    SetRestreams,
    SetSources,
    SetStage,
    ShowSlate,
    SourcesReported,
    StageRead,
    StopPublication,
    ViewerGone,
    WantRenditions,
)
from media.errors import PublishRefused
from media.plane import Plane
from media.publication import Publication, PublishRequest
from media.pull.playout_items import Chunk, Piece, PlayoutItem
from media.pull.pulls import Pulls
from media.pull.states import PullState
from media.restream.restreams import Restreams
from media.restream.states import RestreamState
from media.rtmp.limits import RtmpLimits
from media.rtmp.server import RtmpServer
from media.stage.stages import Stages
from media.transcode.pool import CodecPool
from media.transcode.stage_messages import StageShape
from media.webrtc import errors as webrtc_errors
from media.webrtc.port import RtcPort
from media.webrtc.quality import ViewerPictures
from media.webrtc.whep import WhepEndpoint
from media.webrtc.whip import WhipEndpoint
from server import error_reports, loop
from server.logs import set_up_logs
from server.media_config import MediaConfig
from server.media_peers import peers_read
from server.outbound.hls_sources import HlsSources
from server.outbound.http import PublicHttp
from server.outbound.public_addresses import PublicAddresses
from server.outbound.rtmp_targets import RtmpTargets
from storage.errors import Unavailable
from storage.objects import NoSuchObject, ObjectStore, open_objects

AUTHORIZE_S = 8.0
COUNT_S = 5.0
RTMP_BUDGET_S = 1.0
READ_S = 20.0
MAX_SEGMENT_BYTES = 64 * 1024 * 1024
MAX_SLATE_BYTES = 4 * 1024 * 1024

#: Of the page, where it is built.
FONT: Final = Path(__file__).parent / "web" / "dist" / "fonts" / "DejaVuSans.ttf"

log = logging.getLogger("server.media_process")


class _Objects:
    """``media.recorder.SegmentStore`` on the node's object store."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def put(self, key: str, path: Path, content_type: str) -> None:
        await self._objects.put(key, path, content_type=content_type)


class _Library:
    """``media.pull.playout.Library``: the node knows where items are, the object store has them."""

    def __init__(self, *, objects: ObjectStore, ask: Callable[[ListItem], Awaitable[ItemListed]]) -> None:
        self._objects = objects
        self._ask = ask

    async def list(
        self, stream_id: str, item: PlayoutItem, *, from_ms: int, after: int
    ) -> tuple[Sequence[Chunk], int | None]:
        listed = await self._ask(ListItem(stream_id=stream_id, item=item, from_ms=from_ms, after=after))
        return listed.chunks, listed.last

    async def read(self, piece: Piece) -> bytes:
        size = piece.size or MAX_SEGMENT_BYTES
        try:
            async with asyncio.timeout(READ_S):
                chunks = [chunk async for chunk in self._objects.open(piece.key, offset=piece.offset, size=size)]
        except (NoSuchObject, Unavailable, TimeoutError) as error:
            raise OSError(str(error)) from None
        return b"".join(chunks)


class MediaServer:
    """Everything of the process, joined. Lives as long as the channel to the node."""

    def __init__(self, *, config: MediaConfig) -> None:
        self._config = config
        self._objects = open_objects(config.object_store)
        self._codecs = CodecPool(max_encodings=config.max_encodings)
        self._plane = Plane(
            run_dir=Path(config.run_dir),
            store=_Objects(self._objects),
            codecs=self._codecs,
            say=self._say,
            max_streams=config.max_streams,
            max_run_bytes=config.max_run_bytes,
            max_ladders=config.max_ladders,
            transcode=config.transcode,
            read_picture=self._read_picture,
        )
        limits = RtmpLimits(
            max_connections=config.max_rtmp_connections, max_pending_per_address=config.max_rtmp_waiting_per_address
        )
        self._rtmp = RtmpServer(authorize=self._authorize, ssl=_tls(config), limits=limits)
        addresses = PublicAddresses(allow_private=config.allow_private_targets)
        connect = RtmpTargets(addresses=addresses).connect
        self._restreams = Restreams(connect=connect, report=self._say_restreams)
        self._http = PublicHttp(addresses=addresses)
        self._pulls = Pulls(
            connect=connect,
            get=HlsSources(http=self._http).get,
            library=_Library(objects=self._objects, ask=self._list_item),
            authorize=self._authorize,
            report=self._say_sources,
        )
        self._leaving = asyncio.Event()
        self._budget_s = 0.0

    async def run(self, sock: socket.socket) -> None:
        """Serve until the node says so or has gone."""
        self._channel = await Channel.open(sock, handle=self._handle, serve=self._serve)
        await self._codecs.start()
        port = await RtcPort.open(
            port=self._config.webrtc_port,
            addresses=self._config.webrtc_addresses,
            has_tcp=self._config.webrtc_tcp,
        )
        self._whip = WhipEndpoint(port=port, max_sessions=self._config.max_streams)
        self._whep = WhepEndpoint(
            port=port, on_viewer_left=self._viewer_left, max_viewers=max(1, self._config.max_whep_viewers)
        )
        self._stages = Stages(
            port=port,
            whep=self._whep,
            hire=self._codecs.hire,
            release=self._codecs.release,
            authorize=self._authorize,
            max_stages=self._config.max_stages,
            shape=StageShape(font=str(FONT)),
        )
        rtmp = socket.socket(fileno=self._config.sockets["rtmp"])
        rtmp_port = await self._rtmp.start(sock=rtmp)
        self._channel.tell(MediaReady(rtmp_port=rtmp_port, webrtc_port=port.candidates[0][1]))
        counting = asyncio.create_task(self._count(), name="counters")
        leaving = asyncio.create_task(self._leaving.wait(), name="drain")
        ends: set[asyncio.Future[Any]] = {leaving, self._channel.closed}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in (counting, leaving):
            task.cancel()
        await self._close(port)

    async def _close(self, port: RtcPort) -> None:
        await self._pulls.close()
        await self._stages.close()
        await self._http.close()
        await self._rtmp.close(budget_s=min(RTMP_BUDGET_S, self._budget_s))
        await self._plane.close("the server is stopping")
        await self._restreams.close()
        await self._whip.close()
        await self._whep.close()
        await port.close()
        await self._codecs.close()
        await self._objects.close()
        self._channel.close()

    # what the node says and asks

    def _handle(self, said: ControlMessage) -> None:
        if isinstance(said, StopPublication):
            self._plane.stop(said.stream_id, publication=said.publication, reason=said.reason)
        elif isinstance(said, ShowSlate):
            self._plane.show_slate(said.grant, said.tracks, for_s=said.for_s)
        elif isinstance(said, WantRenditions):
            self._plane.want_renditions(said.stream_id, viewers=said.viewers)
        elif isinstance(said, AnnounceMark):
            self._plane.announce(said.stream_id, said.mark)
        elif isinstance(said, MuteStream):
            self._plane.mute(said.stream_id, until_ms=said.until_ms)
        elif isinstance(said, SetRestreams):
            self._set_restreams(said)
        elif isinstance(said, SetSources):
            self._pulls.set(said.sources)
        elif isinstance(said, EndStage):
            self._stages.end(said.stream_id)
        elif isinstance(said, ForgetStream):
            self._plane.forget(said.stream_id)
        elif isinstance(said, Drain):
            self._budget_s = said.budget_s
            self._leaving.set()

    def _set_restreams(self, said: SetRestreams) -> None:
        run = self._plane.get(said.stream_id)
        if run is not None:
            self._restreams.set(said.stream_id, said.targets, source=run.relays, name=run.grant.log_name)

    async def _serve(self, said: ControlMessage) -> ControlMessage:
        try:
            return await self._answer(said)
        except webrtc_errors.OfferRefused as refused:
            return Refused(code=refused.reason, message=refused.detail, status=refused.status)
        except PublishRefused as refused:
            return Refused(code=refused.code, message=refused.message, status=409 if refused.code == "busy" else 503)

    async def _answer(self, said: ControlMessage) -> ControlMessage:
        if isinstance(said, OfferWhip):
            return await self._offer_whip(said)
        if isinstance(said, OfferWhep):
            return await self._offer_whep(said)
        if isinstance(said, OfferStage):
            return await self._offer_stage(said)
        if isinstance(said, SetStage):
            return StageRead(state=self._stages.set(said.plan))
        if isinstance(said, PatchIce):
            return await self._patch(said)
        if isinstance(said, CloseWebrtc):
            await self._endpoint(said.resource_id).delete(said.resource_id)
            return Patched()
        if isinstance(said, FindWebrtc):
            self._endpoint(said.resource_id).etag(said.resource_id)
            return Patched()
        if isinstance(said, ChooseLayer):
            self._whep.choose(said.resource_id, said.encoding)
        if isinstance(said, ChooseLayer | ReadLayers):
            return _layers_read(self._whep.pictures(said.resource_id))
        if isinstance(said, ReadPeers):
            return peers_read(whip=self._whip, whep=self._whep, limit=said.limit)
        return Refused(code="unsupported", message=f"{type(said).__name__} is not a question for media", status=500)

    async def _offer_whip(self, said: OfferWhip) -> ControlMessage:
        run = self._plane.publish(said.grant, protocol="whip", remote=said.remote)
        try:
            answer = await self._whip.offer(
                sdp=said.sdp,
                publication=run,
                resource_id=said.resource_id,
                offered_by=said.offered_by,
                stream=said.grant.log_name,
            )
        except BaseException:
            run.close("its offer was refused")
            raise
        return Answered(sdp=answer, etag=self._whip.etag(said.resource_id))

    async def _offer_whep(self, said: OfferWhep) -> ControlMessage:
        run = self._plane.get(said.stream_id)
        if run is None:
            return Refused(code="ended", message="Nobody publishes this stream at the moment.", status=404)
        answer = await self._whep.offer(
            sdp=said.sdp,
            relay=await run.relays.for_viewers(),
            resource_id=said.resource_id,
            want_keyframe=run.want_keyframe,
            offered_by=said.offered_by,
            stream=run.grant.log_name,
            layers=run.layers,
        )
        return Answered(sdp=answer, etag=self._whep.etag(said.resource_id))

    async def _offer_stage(self, said: OfferStage) -> ControlMessage:
        take = self._stages.send if said.is_sending else self._stages.look_on
        sdp, etag = await take(
            said.plan, said.seat, sdp=said.sdp, resource_id=said.resource_id, offered_by=said.offered_by
        )
        return Answered(sdp=sdp, etag=etag)

    async def _patch(self, said: PatchIce) -> ControlMessage:
        endpoint = self._endpoint(said.resource_id)
        fragment = await endpoint.patch(said.resource_id, said.fragment, said.etag)
        return Patched(fragment=fragment or "", etag=endpoint.etag(said.resource_id))

    def _endpoint(self, resource_id: str) -> WhipEndpoint | WhepEndpoint:
        """Ids begin with the kind of their resource."""
        if resource_id.startswith("whep-"):
            return self._whep
        return self._stages.whip if self._stages.whip.has(resource_id) else self._whip

    # what this process asks and says

    async def _authorize(self, request: PublishRequest) -> Publication:
        asked = AuthorizePublish(
            key=request.key, protocol=request.protocol, remote=request.remote, user_agent=request.user_agent,
            is_backup=request.is_backup,
        )  # fmt: skip
        try:
            answer = await self._channel.ask(asked, Granted, timeout_s=AUTHORIZE_S)
        except (ChannelClosed, TimeoutError):
            raise PublishRefused("unavailable", "The server is busy: try again in a moment.") from None
        if isinstance(answer, Refused):
            raise PublishRefused(_publish_code(answer.code), answer.message)
        return self._plane.publish(answer, protocol=request.protocol, remote=request.remote)

    async def _list_item(self, asked: ListItem) -> ItemListed:
        """Raises ``OSError``."""
        try:
            answer = await self._channel.ask(asked, ItemListed, timeout_s=AUTHORIZE_S)
        except (ChannelClosed, TimeoutError) as error:
            raise OSError(str(error)) from None
        if isinstance(answer, Refused):
            raise OSError(answer.message)
        return answer

    async def _read_picture(self, key: str) -> bytes | None:
        """A streamer's own slate."""
        try:
            return b"".join([chunk async for chunk in self._objects.open(key, size=MAX_SLATE_BYTES)])
        except (NoSuchObject, Unavailable) as error:
            log.warning("the slate %s cannot be read: %s", key, error)
            return None

    def _say(self, said: ControlMessage) -> None:
        try:
            self._channel.tell(said)
        except ChannelClosed:
            self._leaving.set()

    def _say_restreams(self, stream_id: str, states: tuple[RestreamState, ...]) -> None:
        self._say(RestreamsReported(stream_id=stream_id, states=states))

    def _say_sources(self, states: tuple[PullState, ...]) -> None:
        self._say(SourcesReported(states=states))

    def _viewer_left(self, resource_id: str, reason: str) -> None:
        self._stages.left(resource_id)
        self._say(ViewerGone(resource_id=resource_id))

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(COUNT_S)
            self._save_encoders()
            self._say(MediaCounters(values=self._counted()))

    def _counted(self) -> dict[str, float]:
        totals: dict[str, msgspec.Struct] = {
            "rtmp": self._rtmp.counters,
            "codec_workers": self._codecs.counters,
            "recorder_segments": self._plane.recorded,
            "whip_packets": self._whip.losses,
            "whep_packets": self._whep.losses,
            "whep": self._whep.summary(),
            "whip": self._whip.summary(),
        }
        now = {
            "streams": self._plane.streams,
            "restreams": self._restreams.count,
            "sources": self._pulls.count,
            "whip_sessions": self._whip.sessions,
            "whep_viewers": self._whep.viewers,
            "codec_workers": self._codecs.workers,
            "encodings": self._codecs.encodings,
            "ladders": self._codecs.ladders,
            "stages": self._stages.count,
        }
        counted = {f"{of}_{name}": value for of, of_it in totals.items() for name, value in _numbers(of_it)}
        return {name: float(value) for name, value in {**counted, **now}.items()}

    def _save_encoders(self) -> None:
        """Pictures that were re-encoded for viewers cost much: they end with the last of them."""
        for run in self._plane.runs:
            relay = run.relays.encoded_for_viewers
            if relay is not None and relay.tracks and not self._whep.viewers_of(relay):
                run.relays.stop_encoding_for_viewers()


def _layers_read(pictures: ViewerPictures) -> LayersRead:
    layers = tuple((layer.name, layer.width, layer.height, layer.bitrate) for layer in pictures.layers)
    return LayersRead(shown=pictures.shown, chosen=pictures.chosen, layers=layers)


def _numbers(counters: msgspec.Struct) -> Iterator[tuple[str, float]]:
    for name in counters.__struct_fields__:
        yield name, getattr(counters, name)


def _publish_code(code: str) -> Any:
    return code if code in ("bad_name", "busy", "ended", "unavailable", "unsupported") else "unavailable"


def _tls(config: MediaConfig) -> ssl.SSLContext | None:
    if config.tls_cert is None or config.tls_key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(config.tls_cert, config.tls_key)
    return context


def main(argv: list[str]) -> int:
    """Run until the node lets go. The terminal's Ctrl-C is the node's business: it drains this process."""
    config = msgspec.json.decode(argv[2], type=MediaConfig)
    set_up_logs(log_format=config.log_format, level=config.log_level, process="media")
    error_reports.start_as_told("media")
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    gc.freeze()

    async def run() -> None:
        await MediaServer(config=config).run(socket.socket(fileno=int(argv[1])))

    loop.run(run())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

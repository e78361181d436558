"""The node's side of its media process: keeps it running, and carries messages to it and from it."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import sys
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

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
    MediaReady,
    MuteStream,
    OfferStage,
    OfferWhep,
    OfferWhip,
    Patched,
    PatchIce,
    PeersRead,
    ReadLayers,
    ReadPeers,
    Refused,
    SetRestreams,
    SetSources,
    SetStage,
    ShowSlate,
    StageRead,
    StopPublication,
    WantRenditions,
)
from media.hls.marks import Mark
from server.media_config import MediaConfig

START_S = 30.0
LAST_WORDS_S = 1.0
ASK_S = 10.0
FIRST_BACK_OFF_S = 0.2
MAX_BACK_OFF_S = 5.0
STABLE_S = 30.0
SILENT_S = 20.0
QUIET_S = 2.0
STOOD_STILL_S = 1.0

S = TypeVar("S", bound=ControlMessage)
log = logging.getLogger("server.media")


class MediaAway(Exception):
    """The media process is not there at the moment; it is being started again. The text says why, if it is known."""


class MediaEventHandler(Protocol):
    """Takes the reports of the media process. Calls are synchronous and in the order in which things happened."""

    def handle(self, message: ControlMessage) -> None: ...
    def media_quiet(self) -> None:
        """The process runs and has sent nothing for ``QUIET_S`` or more. Called every ``QUIET_S`` while that is so."""

    def media_lost(self) -> None: ...
    async def authorize(self, request: AuthorizePublish) -> Granted | Refused: ...
    async def list_item(self, asked: ListItem) -> ItemListed | Refused: ...


class MediaProcess:
    """Starts the media process, and starts it again with back-off whenever it ends.

    ``sockets`` are the bound listening sockets by name (``rtmp``, ``webrtc``); they outlive the process, so that a
    publisher who reconnects finds the port open.
    """

    def __init__(
        self, *, config: MediaConfig, sockets: Mapping[str, socket.socket], environment: Mapping[str, str] | None = None
    ) -> None:
        """``environment``: what it has besides this process's own."""
        self._config = config
        self._environment = dict(environment or {})
        self._sockets = dict(sockets)
        self._listener: MediaEventHandler
        self._channel: Channel | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ready: asyncio.Future[MediaReady] | None = None
        self._task: asyncio.Task[None] | None = None
        self._is_stopping = False
        self._received_at = 0.0
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    @property
    def is_there(self) -> bool:
        return self._channel is not None

    async def start(self, listener: MediaEventHandler) -> None:
        """Returns when the process takes publishers; raises ``MediaAway`` when it does not within ``START_S``.

        ``listener`` takes its reports from here on.
        """
        self._listener = listener
        await self._spawn()
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="media process")

    async def stop(self, *, budget_s: float) -> None:
        """Drain it, then end it. Returns when it is gone."""
        self._is_stopping = True
        process = self._process
        if self._channel is not None:
            try:
                self._channel.tell(Drain(budget_s=budget_s))
            except ChannelClosed:
                log.debug("the media process has gone already")
        if process is not None:
            await _gone(process, within_s=budget_s + 1)
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=2 * LAST_WORDS_S)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._process is not None and self._process.returncode is None:
            # Started again in the very moment of stopping.
            self._process.kill()
            await self._process.wait()
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    # what the actors and handlers say

    def stop_publication(self, stream_id: str, *, publication: int, reason: str) -> None:
        self._tell(StopPublication(stream_id=stream_id, publication=publication, reason=reason))

    def show_slate(self, slate: ShowSlate) -> None:
        self._tell(slate)

    def want_renditions(self, stream_id: str, viewers: int) -> None:
        self._tell(WantRenditions(stream_id=stream_id, viewers=viewers))

    def announce(self, stream_id: str, mark: Mark) -> None:
        self._tell(AnnounceMark(stream_id=stream_id, mark=mark))

    def mute(self, stream_id: str, *, until_ms: int) -> None:
        self._tell(MuteStream(stream_id=stream_id, until_ms=until_ms))

    def set_restreams(self, message: SetRestreams) -> None:
        self._tell(message)

    def set_sources(self, message: SetSources) -> None:
        self._tell(message)

    def forget(self, stream_id: str) -> None:
        self._tell(ForgetStream(stream_id=stream_id))

    def end_stage(self, stream_id: str) -> None:
        self._tell(EndStage(stream_id=stream_id))

    async def offer_whip(self, offer: OfferWhip) -> Answered | Refused:
        """This and the eight below raise ``MediaAway`` while the process is not there or does not answer."""
        return await self._ask(offer, Answered)

    async def offer_whep(self, offer: OfferWhep) -> Answered | Refused:
        return await self._ask(offer, Answered)

    async def offer_stage(self, offer: OfferStage) -> Answered | Refused:
        return await self._ask(offer, Answered)

    async def set_stage(self, stage: SetStage) -> StageRead | Refused:
        return await self._ask(stage, StageRead)

    async def patch(self, patch: PatchIce) -> Patched | Refused:
        return await self._ask(patch, Patched)

    async def close_resource(self, resource_id: str) -> Patched | Refused:
        return await self._ask(CloseWebrtc(resource_id=resource_id), Patched)

    async def find_resource(self, resource_id: str) -> Patched | Refused:
        return await self._ask(FindWebrtc(resource_id=resource_id), Patched)

    async def layers(self, asked: ReadLayers | ChooseLayer) -> LayersRead | Refused:
        return await self._ask(asked, LayersRead)

    async def peers(self, limit: int) -> PeersRead | Refused:
        return await self._ask(ReadPeers(limit=limit), PeersRead)

    def _tell(self, message: ControlMessage) -> None:
        try:
            if self._channel is not None:
                self._channel.tell(message)
        except ChannelClosed:
            log.debug("%s was not told: the media process has gone", type(message).__name__)

    async def _ask(self, message: ControlMessage, answer: type[S]) -> S | Refused:
        if self._channel is None:
            raise MediaAway
        try:
            return await self._channel.ask(message, answer, timeout_s=ASK_S)
        except (ChannelClosed, TimeoutError):
            raise MediaAway from None

    # keeping it running

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            await self._start_process(theirs)
        except OSError as error:
            ours.close()
            raise MediaAway(f"the media process could not be started: {error}") from error
        self._channel = await Channel.open(ours, handle=self._handle, serve=self._serve)
        await self._until_ready()

    async def _start_process(self, theirs: socket.socket) -> None:
        fds = {name: sock.fileno() for name, sock in self._sockets.items()}
        config = msgspec.json.encode(msgspec.structs.replace(self._config, sockets=fds)).decode()
        self._ready = asyncio.get_running_loop().create_future()
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",  # the working folder may hold a module named as one of ours
                "-m",
                "server.media_process",
                str(theirs.fileno()),
                config,
                pass_fds=[theirs.fileno(), *fds.values()],
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                env={**os.environ, **self._environment},
            )

    async def _until_ready(self) -> None:
        assert self._process is not None
        assert self._channel is not None
        assert self._ready is not None
        try:
            async with asyncio.timeout(START_S):
                await self._first(self._ready, self._channel.closed)
        except TimeoutError:
            self._process.kill()
            raise MediaAway(f"the media process was not ready within {START_S:g} s") from None
        log.info("media process %d takes publishers", self._process.pid)

    async def _first(self, ready: asyncio.Future[MediaReady], closed: asyncio.Future[None]) -> None:
        waiting: set[asyncio.Future[Any]] = {ready, closed}
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            raise MediaAway("the media process ended while it started: its log says why")

    async def _watch(self) -> None:
        back_off_s = FIRST_BACK_OFF_S
        loop = asyncio.get_running_loop()
        while True:
            started_at = loop.time()
            await self._until_gone()
            if self._is_stopping:
                return
            back_off_s = (
                FIRST_BACK_OFF_S if loop.time() - started_at > STABLE_S else min(back_off_s * 2, MAX_BACK_OFF_S)
            )
            await asyncio.sleep(back_off_s)
            if self._is_stopping:
                return
            self.restarts += 1
            try:
                await self._spawn()
            except MediaAway as error:
                log.error("%s: trying again", error)

    async def _until_gone(self) -> None:
        """The process has ended, or sent nothing for ``SILENT_S`` although counters are due every few seconds."""
        assert self._process is not None
        loop = asyncio.get_running_loop()
        self._received_at = loop.time()
        ending = loop.create_task(self._process.wait(), name="media process ends")
        try:
            while not ending.done():
                looked_at = loop.time()
                await asyncio.wait({ending}, timeout=QUIET_S)
                # A look that comes late finds that this node stood still itself: what it was sent is yet to be read.
                if not ending.done() and loop.time() - looked_at < QUIET_S + STOOD_STILL_S:
                    self._check_silence(loop.time() - self._received_at)
        finally:
            ending.cancel()
        code = self._process.returncode or 0
        if self._channel is not None:
            # What it sent last is still on its way.
            await asyncio.wait({self._channel.closed}, timeout=LAST_WORDS_S)
            self._channel.close()
            self._channel = None
        if not self._is_stopping:
            log.error("the media process ended with %d: its streams are interrupted, starting it again", code)
        self._listener.media_lost()

    def _check_silence(self, silent_s: float) -> None:
        assert self._process is not None
        if silent_s > SILENT_S:
            log.error("the media process %d says nothing any more: killing it", self._process.pid)
            self._process.kill()
        elif silent_s >= QUIET_S:
            self._listener.media_quiet()

    def _handle(self, message: ControlMessage) -> None:
        self._received_at = asyncio.get_running_loop().time()
        if isinstance(message, MediaReady):
            if self._ready is not None and not self._ready.done():
                self._ready.set_result(message)
        else:
            self._listener.handle(message)

    async def _serve(self, message: ControlMessage) -> ControlMessage:
        if isinstance(message, AuthorizePublish):
            return await self._listener.authorize(message)
        if isinstance(message, ListItem):
            return await self._listener.list_item(message)
        return Refused(code="unsupported", message=f"{type(message).__name__} is not a question for a node", status=500)


async def _gone(process: asyncio.subprocess.Process, *, within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await process.wait()
    except TimeoutError:
        log.warning("the media process %d did not leave in time: killing it", process.pid)
        process.kill()
        await process.wait()

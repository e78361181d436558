"""The media process as the node sees it: started, lost, started again, drained."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import psutil
import pytest

from media.control import (
    Answered,
    AuthorizePublish,
    ControlMessage,
    Flushed,
    Granted,
    MediaCounters,
    OfferWhep,
    OfferWhip,
    PublishEnded,
    Refused,
)
from server.live import media
from server.live.media import MediaAway, MediaProcess
from server.media_config import MediaConfig
from tests.media.webrtc.offers import VIDEO, offer

GRANT = Granted(
    stream_id="s", epoch=1, publication=1, first_segment=0, media_time_ms=0, latency="low", is_recorded=False
)


class Node:
    """``Listener``: what the node would hear."""

    def __init__(self) -> None:
        self.heard: list[ControlMessage] = []
        self.losses = self.quiet = 0
        self.more = asyncio.Event()

    def handle(self, said: ControlMessage) -> None:
        if not isinstance(said, MediaCounters):
            self.heard.append(said)
            self.more.set()

    def media_quiet(self) -> None:
        self.quiet += 1
        self.more.set()

    def media_lost(self) -> None:
        self.losses += 1
        self.more.set()

    async def authorize(self, request: AuthorizePublish) -> Granted | Refused:
        return Refused(code="bad_name", message="There is no such stream key.")

    async def until(self, is_so: object) -> None:
        async with asyncio.timeout(30):
            while not is_so():  # type: ignore[operator]
                self.more.clear()
                await self.more.wait()


def config(tmp_path: Path, **fields: object) -> MediaConfig:
    (tmp_path / "run").mkdir(exist_ok=True)
    given = {
        "run_dir": str(tmp_path / "run"), "object_store": str(tmp_path / "objects"), "webrtc_port": 0,
        "webrtc_addresses": ("127.0.0.1",), "webrtc_tcp": False,
        "max_streams": 4, "max_whep_viewers": 4, "max_encodings": 1,
        "max_rtmp_connections": 100, "max_rtmp_waiting_per_address": 64, "max_run_bytes": 64 * 1024 * 1024,
        "log_format": "console", "log_level": "warning",
    }  # fmt: skip
    return MediaConfig(**{**given, **fields})  # type: ignore[arg-type]


class MediaFixture:
    def __init__(self, tmp_path: Path, **fields: object) -> None:
        self.node = Node()
        self.rtmp = socket.socket()
        self.rtmp.bind(("127.0.0.1", 0))
        self.rtmp.listen()
        self.rtmp.setblocking(False)
        self.media = MediaProcess(config=config(tmp_path, **fields), sockets={"rtmp": self.rtmp})

    async def until_there_again(self, after: int) -> None:
        async with asyncio.timeout(30):
            while self.media.restarts < after or not await self._answers():  # noqa: ASYNC110 - asked, not told
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        try:
            await self.media.close_resource("whip-nothing")
        except MediaAway:
            return False
        return True


@pytest.fixture
async def fixture(tmp_path: Path) -> AsyncIterator[MediaFixture]:
    made = MediaFixture(tmp_path)
    await made.media.start(made.node)
    yield made
    await made.media.stop(budget_s=3)
    made.rtmp.close()


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


async def test_it_takes_publishers_answers_questions_and_leaves_when_it_is_drained(tmp_path: Path) -> None:
    fixture = MediaFixture(tmp_path)
    await fixture.media.start(fixture.node)
    pid = fixture.media.pid
    assert pid is not None
    _, writer = await asyncio.open_connection(*fixture.rtmp.getsockname())
    answer = await fixture.media.offer_whep(OfferWhep(stream_id="s", sdp="v=0", resource_id="whep-1"))
    assert isinstance(answer, Refused)
    assert answer.status == 404
    children = psutil.Process(pid).children(recursive=True)
    await fixture.media.stop(budget_s=3)
    assert fixture.media.pid is None
    assert not psutil.pid_exists(pid)
    _, alive = await asyncio.to_thread(psutil.wait_procs, children, 5)
    assert alive == []
    assert not fixture.media.is_there
    with pytest.raises(MediaAway):
        await fixture.media.offer_whep(OfferWhep(stream_id="s", sdp="v=0", resource_id="whep-1"))
    writer.close()
    fixture.rtmp.close()


async def test_an_offer_that_is_refused_gives_its_grant_back(fixture: MediaFixture) -> None:
    offer = OfferWhip(grant=GRANT, sdp="nonsense", resource_id="whip-1", remote="r")
    assert isinstance(await fixture.media.offer_whip(offer), Refused)
    await fixture.node.until(lambda: any(isinstance(said, Flushed) for said in fixture.node.heard))
    assert [said.publication for said in fixture.node.heard if isinstance(said, PublishEnded)] == [1]
    fixture.media.forget("s")


async def test_an_account_that_has_offered_enough_is_put_off_and_its_grant_given_back(fixture: MediaFixture) -> None:
    def offered(number: int) -> OfferWhip:
        grant = msgspec.structs.replace(GRANT, stream_id=f"s{number}")
        return OfferWhip(
            grant=grant, sdp=offer(VIDEO), resource_id=f"whip-{number}", remote="r", offered_by={"account ann": 1}
        )

    assert isinstance(await fixture.media.offer_whip(offered(1)), Answered)
    refused = await fixture.media.offer_whip(offered(2))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.code) == (429, "too_many_offers")
    await fixture.node.until(lambda: any(isinstance(said, PublishEnded) for said in fixture.node.heard))
    assert [said.stream_id for said in fixture.node.heard if isinstance(said, PublishEnded)] == ["s2"]
    await fixture.media.close_resource("whip-1")
    assert isinstance(await fixture.media.offer_whip(offered(3)), Answered)


async def test_stopping_a_publication_that_is_not_there_is_answered_by_its_flush(fixture: MediaFixture) -> None:
    fixture.media.stop_publication("nothing", publication=3, reason="x")
    await fixture.node.until(lambda: fixture.node.heard)
    assert fixture.node.heard == [Flushed(stream_id="nothing", publication=3)]


async def test_a_killed_process_is_told_of_at_once_and_started_again_without_a_trace(fixture: MediaFixture) -> None:
    first = fixture.media.pid
    assert first is not None
    await fixture.until_there_again(0)
    files = open_files()
    for round_ in (1, 2):
        pid = fixture.media.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await fixture.node.until(lambda count=round_: fixture.node.losses == count)
        await fixture.until_there_again(round_)
    assert fixture.media.pid not in (None, first)
    assert open_files() <= files + 1
    assert not [child for child in psutil.Process().children() if child.status() == psutil.STATUS_ZOMBIE]
    reader, writer = await asyncio.open_connection(*fixture.rtmp.getsockname())
    writer.write(b"\x03" + bytes(1536))
    assert (await asyncio.wait_for(reader.readexactly(1), 30)) == b"\x03"
    writer.close()


async def test_a_question_that_is_open_when_the_process_dies_is_answered_with_its_absence(
    fixture: MediaFixture,
) -> None:
    pid = fixture.media.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    asked = asyncio.ensure_future(fixture.media.close_resource("whip-1"))
    await asyncio.sleep(0)
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(MediaAway):
        await asked
    await fixture.until_there_again(1)


async def test_a_process_that_stands_still_is_told_of_until_it_goes_on_and_is_left_alive(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(media, "QUIET_S", 0.05)
    fixture = MediaFixture(tmp_path)
    await fixture.media.start(fixture.node)
    pid = fixture.media.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await fixture.node.until(lambda: fixture.node.quiet >= 3)
    os.kill(pid, signal.SIGCONT)
    assert isinstance(await fixture.media.close_resource("whip-nothing"), Refused)
    assert (fixture.media.pid, fixture.node.losses) == (pid, 0)
    await fixture.media.stop(budget_s=3)
    fixture.rtmp.close()


async def test_a_udp_port_that_is_taken_is_a_refusal_to_start_and_not_a_hang(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("0.0.0.0", 0))
        fixture = MediaFixture(tmp_path, webrtc_port=taken.getsockname()[1])
        with pytest.raises(MediaAway, match="ended while it started"):
            await fixture.media.start(fixture.node)
        await fixture.media.stop(budget_s=0)
        fixture.rtmp.close()
    assert fixture.media.pid is None


async def test_stopping_while_it_waits_to_be_started_again_starts_nothing(tmp_path: Path) -> None:
    fixture = MediaFixture(tmp_path)
    await fixture.media.start(fixture.node)
    pid = fixture.media.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    await fixture.node.until(lambda: fixture.node.losses == 1)
    await fixture.media.stop(budget_s=1)
    assert fixture.media.pid is None
    # Its direct children: servers that other tests have started have media processes of their own.
    assert not [child for child in psutil.Process().children() if "media_process" in " ".join(child.cmdline())]
    fixture.rtmp.close()


async def test_a_frozen_process_is_killed_when_its_time_to_leave_is_over(tmp_path: Path) -> None:
    fixture = MediaFixture(tmp_path)
    await fixture.media.start(fixture.node)
    pid = fixture.media.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await fixture.media.stop(budget_s=0.1)
    assert not psutil.pid_exists(pid)
    fixture.rtmp.close()

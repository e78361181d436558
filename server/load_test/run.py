"""One run: people and streams, then those who watch, then the talk, then the count."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Final

import aiohttp

from server.config import Settings
from server.demo.client import Api, CallRefused, ServerLost
from server.demo.people import Company, DemoMember, SecretUnusable, kept_secret, prepare
from server.demo.script import Persona, Plan
from server.demo.show import NotPublished, publish
from server.exit_codes import failed
from server.load_test.chat import Listener, Talker
from server.load_test.options import Load
from server.load_test.page import page
from server.load_test.peers import Peer, is_possible
from server.load_test.players import Player
from server.load_test.progress import Progress
from server.load_test.tally import Tally
from server.load_test.target import NotOurs, check_target

PICTURE: Final = (320, 180, 300_000)
LIVE_S: Final = 60.0
COMING_S: Final = 120.0
CATCH_UP_S: Final = 20.0
END_S: Final = 30.0
AT_ONCE: Final = 50
LOOK_S: Final = 0.1


async def run_load(settings: Settings, load: Load, *, until: asyncio.Event | None = None) -> int:
    """0 when nothing was lost; 1 when something was, or the server could not be loaded. SIGINT ends it early."""
    url = (load.url or settings.local_origin).rstrip("/")
    if load.peers and not is_possible():
        return failed("--whep needs the package aiortc: pip install aiortc")
    asked = until or asyncio.Event()
    tally = Tally()
    try:
        await check_target(url, allow=load.allow, public_url=settings.public_url)
        with _interrupted(asked):
            async with aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()
            ) as client:
                company = Company(api=Api(client=client, origin=url), secret=kept_secret(settings.data_dir))
                await Run(load=load, client=client, url=url, company=company, tally=tally).run(asked)
    except (NotOurs, ServerLost, CallRefused, NotPublished, SecretUnusable) as error:
        return failed(f"{url}: {error}")
    if load.report is not None:
        load.report.write_text(page(url, load, tally))
        print(f"The report is {load.report.absolute()}")
    for words, count in tally.faults.items():
        print(f"  {count:,} {words}")
    print("Something went wrong." if tally.faults else "Nothing was lost, doubled or out of order.")
    return 1 if tally.faults else 0


@contextlib.contextmanager
def _interrupted(asked: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@dataclass(kw_only=True)
class OnTheAir:
    """A stream that is loaded, who owns it, and who talks and reads there."""

    owner: DemoMember
    stream: dict[str, Any]
    talker: Talker | None
    listeners: list[Listener]


class Run:
    def __init__(self, *, load: Load, client: aiohttp.ClientSession, url: str, company: Company, tally: Tally) -> None:
        self._load = load
        self._client = client
        self._url = url
        self._api = Api(client=client, origin=url)
        self._company = company
        self._tally = tally
        self._name = secrets.token_hex(4)
        self._gate = asyncio.Semaphore(AT_ONCE)

    async def run(self, asked: asyncio.Event) -> None:
        """Until the time is over or it is asked to stop. Raises what keeps it from beginning."""
        async with contextlib.AsyncExitStack() as stack:
            air = [await stack.enter_async_context(self._broadcast(number)) for number in range(self._load.streams)]
            with Progress(self._load, self._tally) as progress:
                async with _together() as start:
                    start(progress.show(), "progress")
                    await self._come(start, air, asked)
                    await self._talk(air, asked)
                    progress.says("counting")
                    await self._catch_up(air)

    async def _come(self, start: Start, air: list[OnTheAir], asked: asyncio.Event) -> None:
        for number in range(self._load.sockets):
            start(self._listen(air[number % len(air)]), "socket")
        for number in range(self._load.players):
            url = f"{self._url}/hls/{air[number % len(air)].stream['id']}/index.m3u8"
            start(Player(client=self._client, url=url, tally=self._tally).play(), "player")
        for number in range(self._load.peers):
            url = f"{self._url}/whep/{air[number % len(air)].stream['id']}"
            start(self._view(url), "peer")
        await _until(self._all_are_there, asked, within_s=COMING_S)
        self._tally.counts["absent"] = max(0, self._load.sockets - self._tally.counts["sockets"])

    def _all_are_there(self) -> bool:
        counts = self._tally.counts
        peers = counts["peers"] + counts["peers_failed"]
        return counts["sockets"] >= self._load.sockets and peers >= self._load.peers

    async def _listen(self, on: OnTheAir) -> None:
        """Connections are begun ``AT_ONCE`` at a time, as those of people who come within seconds."""
        listener = Listener(api=self._api, stream_id=on.stream["id"], run=self._name, tally=self._tally)
        on.listeners.append(listener)
        staying = None
        try:
            async with self._gate:
                staying = asyncio.create_task(listener.stay(), name="stay")
                coming = asyncio.create_task(listener.is_in.wait(), name="coming")
                await asyncio.wait((coming, staying), timeout=END_S, return_when=asyncio.FIRST_COMPLETED)
                coming.cancel()
            await staying
        finally:
            if staying is not None:
                staying.cancel()

    async def _view(self, url: str) -> None:
        """A handshake costs both sides much: some a second."""
        async with self._gate:
            await asyncio.sleep(LOOK_S)
        await Peer(client=self._client, url=url, tally=self._tally).watch()

    async def _talk(self, air: list[OnTheAir], asked: asyncio.Event) -> None:
        talking = [asyncio.create_task(one.talker.talk(), name="talker") for one in air if one.talker]
        try:
            await _until(lambda: False, asked, within_s=self._load.seconds)
        finally:
            for task in talking:
                task.cancel()
            await asyncio.gather(*talking, return_exceptions=True)

    async def _catch_up(self, air: list[OnTheAir]) -> None:
        """What is under way has a time to come, before it counts as lost."""
        await _until(lambda: not _lost(air), asyncio.Event(), within_s=CATCH_UP_S)
        self._tally.counts["lost"] = _lost(air)

    @contextlib.asynccontextmanager
    async def _broadcast(self, number: int) -> AsyncIterator[OnTheAir]:
        """A stream that is on the air for the block, and gone after it."""
        name = f"load_{number + 1}"
        persona = Persona(username=name, display_name=f"Load {number + 1}", bio="A load test.", pause_s=1.0)
        owner = await self._company.bring(persona)
        plan = Plan(owner=name, title=f"Load test {self._name}", description="", category="talk", tags=())
        made = await prepare(self._api, owner, plan)
        stream = made["stream"]
        publishing = asyncio.create_task(
            self._publish(f"{made['ingest']['rtmp_url']}/{made['ingest']['stream_key']}"), name="publisher"
        )
        try:
            await self._wait_live(stream["id"])
            yield OnTheAir(owner=owner, stream=stream, talker=self._talker(owner, stream), listeners=[])
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)
            await self._remove(owner, stream["id"])

    def _talker(self, owner: DemoMember, stream: dict[str, Any]) -> Talker | None:
        if not self._load.messages:
            return None
        room_id, every_s = stream["chat"]["room_id"], 1 / self._load.messages
        return Talker(
            api=self._api,
            token=lambda: owner.token,
            room_id=room_id,
            run=self._name,
            every_s=every_s,
            tally=self._tally,
        )

    async def _publish(self, url: str) -> None:
        while True:
            await publish(url, PICTURE)
            self._tally.counts["interruptions"] += 1
            await asyncio.sleep(1.0)

    async def _wait_live(self, stream_id: str) -> None:
        deadline = time.monotonic() + LIVE_S
        while (await self._api.call("GET", f"/api/v1/streams/{stream_id}"))["state"] != "live":
            if time.monotonic() > deadline:
                raise NotPublished(f"the stream was not on the air within {LIVE_S:.0f} s")
            await asyncio.sleep(LOOK_S)

    async def _remove(self, owner: DemoMember, stream_id: str) -> None:
        """The access token may have expired meanwhile."""
        with contextlib.suppress(CallRefused, ServerLost, TimeoutError):
            async with asyncio.timeout(END_S):
                await self._company.sign_in(owner)
                await self._api.call("POST", f"/api/v1/streams/{stream_id}/end", token=owner.token)
                await self._api.call("DELETE", f"/api/v1/streams/{stream_id}", token=owner.token)


def _lost(air: list[OnTheAir]) -> int:
    return sum(one.reading.lost(on.talker.sent) for on in air if on.talker for one in on.listeners)


class Start:
    """Begins tasks that are ended together."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[None]] = set()

    def __call__(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.tasks.add(asyncio.create_task(work, name=name))


@contextlib.asynccontextmanager
async def _together() -> AsyncIterator[Start]:
    """A defect in one of the tasks is raised once the others have ended."""
    start = Start()
    try:
        yield start
    finally:
        for task in start.tasks:
            task.cancel()
        ended = await asyncio.gather(*start.tasks, return_exceptions=True)
    for found in ended:
        if isinstance(found, Exception):
            raise found


async def _until(is_so: Callable[[], bool], asked: asyncio.Event, *, within_s: float) -> None:
    """Until it is so, it is asked to stop, or the time is over."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            while not is_so():
                await _pause(asked)
                if asked.is_set():
                    return


async def _pause(asked: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LOOK_S):
            await asked.wait()

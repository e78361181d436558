"""The demo from its first call to its last: who comes, what is published, how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from random import Random
from typing import Any, Final

import aiohttp

from server.config import Settings
from server.demo.audience import Audience
from server.demo.client import Api, CallRefused, ServerLost
from server.demo.people import (
    Company,
    DemoMember,
    SecretUnusable,
    befriend,
    broadcast,
    kept_secret,
    prepare,
    streams_of,
)
from server.demo.script import EARLIER, EARLIER_HOST, EVERYBODY, HOST, NOW, Persona, Plan
from server.demo.writings import Writings

GUESTS: Final = 8
LIVE_WITHIN_S: Final = 30.0
EARLIER_S: Final = 15.0
STATUS_S: Final = 10.0
STOP_S: Final = 20.0
CHILD_STOP_S: Final = 5.0
MAX_FAILURES: Final = 5
STEADY_S: Final = 15.0

Picture = tuple[int, int, int]
"""Width, height, bits a second."""

LARGE: Final[Picture] = (1280, 720, 1_800_000)
SMALL: Final[Picture] = (640, 360, 600_000)


class NotPublished(Exception):
    """The picture could not be brought on the air, or not kept there."""


async def run_demo(settings: Settings, *, until: asyncio.Event | None = None, earlier_s: float = EARLIER_S) -> int:
    """Until Ctrl-C, SIGTERM or ``until``; 1 when no server is there or it went away.

    The stream is ended in order, so that its recording stays. A second signal ends at once.
    """
    if settings.http_port == 0:
        return _failed("name the port of the running server with --http-port")
    asked = until or asyncio.Event()
    with _stop_signals(asked):
        try:
            async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as client:
                show = Show(settings=settings, api=Api(client=client, origin=settings.local_origin))
                await _until(asked, show.run(earlier_s))
        except (ServerLost, CallRefused, NotPublished, SecretUnusable, ExceptionGroup) as error:
            return _failed(_reason(error, settings))
    print("The demo has ended; its recordings and its people stay.")
    return 0


async def _until(asked: asyncio.Event, work: Any) -> None:
    """Carry out ``work`` until it is asked to stop; it then has ``STOP_S`` to end what it began."""
    working = asyncio.create_task(work, name="show")
    waiting = asyncio.create_task(asked.wait(), name="asked")
    try:
        await asyncio.wait((working, waiting), return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
        working.cancel()
        done, _ = await asyncio.wait((working,), timeout=STOP_S)
    for task in done:
        if not task.cancelled():
            task.result()


@contextlib.contextmanager
def _stop_signals(asked: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if asked.is_set():
            os._exit(1)
        print("Ending the stream …", file=sys.stderr)
        asked.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _reason(error: BaseException, settings: Settings) -> str:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, ServerLost):
        return f"{settings.local_origin}: {error}; start a server with `socialflow serve`, or name it with --http-port"
    if isinstance(error, CallRefused | NotPublished | SecretUnusable):
        return str(error)
    raise error


def _failed(reason: str) -> int:
    print(f"socialflow: {reason}", file=sys.stderr)
    return 1


class Show:
    """One run. What it began on the server is ended however ``run`` is left."""

    def __init__(self, *, settings: Settings, api: Api) -> None:
        self._settings = settings
        self._api = api
        self._chance = Random()  # noqa: S311 - who says what when
        self._members: dict[Persona, DemoMember] = {}

    async def run(self, earlier_s: float) -> None:
        """Until cancelled. Raises ``ServerLost``, ``CallRefused``, ``NotPublished``, ``SecretUnusable``, maybe in a
        group.
        """
        server = await self._api.call("GET", "/api/v1/server")
        print(f"{server['name']} {server['version']} at {self._api.origin}: bringing {len(EVERYBODY)} people in …")
        self._company = Company(api=self._api, secret=kept_secret(self._settings.data_dir))
        for persona in EVERYBODY:
            self._members[persona] = await self._company.bring(persona)
        await befriend(self._api, list(self._members.values()), self._chance)
        await broadcast(self._api, list(self._members.values()))
        await Writings(api=self._api, members=list(self._members.values()), chance=self._chance).fill()
        async with asyncio.TaskGroup() as group:
            if earlier_s > 0 and not await self._has_recording():
                group.create_task(self._earlier(earlier_s), name="earlier stream")
            group.create_task(self._now(), name="stream")

    async def _has_recording(self) -> bool:
        earlier = await streams_of(self._api, self._members[EARLIER_HOST], state="ended")
        return any(stream["playback"]["hls"] for stream in earlier)

    async def _now(self) -> None:
        async with self._broadcast(self._members[HOST], NOW, LARGE) as stream, asyncio.TaskGroup() as group:
            self._tell(stream)
            audience = self._audience(stream)
            everybody: Sequence[DemoMember | None] = [*self._members.values(), *[None] * GUESTS]
            for member in everybody:
                group.create_task(audience.attend(member), name="somebody")
            if self._settings.test_money and self._settings.stripe_secret_key is None:
                crowd = [member for persona, member in self._members.items() if persona is not HOST]
                group.create_task(audience.tip(crowd), name="tips")
            group.create_task(self._report(audience), name="report")

    async def _earlier(self, for_s: float) -> None:
        """A short stream that ends while the main one goes on, so that there is a recording to look at."""
        async with self._broadcast(self._members[EARLIER_HOST], EARLIER, SMALL) as stream:
            audience = self._audience(stream)
            some = list(self._members.values())[2:6]
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(for_s), asyncio.TaskGroup() as group:
                    for member in some:
                        group.create_task(audience.attend(member), name="somebody")
        print(f"A recording is there: {self._page(stream)}")

    def _audience(self, stream: dict[str, Any]) -> Audience:
        return Audience(api=self._api, company=self._company, stream_id=stream["id"], chance=self._chance)

    @contextlib.asynccontextmanager
    async def _broadcast(self, owner: DemoMember, plan: Plan, picture: Picture) -> AsyncIterator[dict[str, Any]]:
        """A stream that is on the air for the block, and ended after it."""
        await self._end_those_left(owner)
        created = await prepare(self._api, owner, plan)
        stream: dict[str, Any] = created["stream"]
        url = f"{created['ingest']['rtmp_url']}/{created['ingest']['stream_key']}"
        was_live = False
        try:
            async with asyncio.TaskGroup() as group:
                publishing = group.create_task(keep_publishing(url, picture), name="publisher")
                await self._wait_live(stream["id"])
                was_live = True
                yield stream
                publishing.cancel()
        finally:
            await self._end(owner, stream["id"], keep=was_live)

    async def _wait_live(self, stream_id: str) -> None:
        deadline = time.monotonic() + LIVE_WITHIN_S
        while (await self._api.call("GET", f"/api/v1/streams/{stream_id}"))["state"] != "live":
            if time.monotonic() > deadline:
                raise NotPublished(f"the stream was not on the air within {LIVE_WITHIN_S:.0f} s")
            await asyncio.sleep(0.2)

    async def _end_those_left(self, owner: DemoMember) -> None:
        """What a run that was killed has left on the air."""
        for stream in await streams_of(self._api, owner, state="live"):
            await self._end(owner, stream["id"], keep=True)

    async def _end(self, owner: DemoMember, stream_id: str, *, keep: bool) -> None:
        """End a stream; one that nobody has ever seen is removed instead."""
        path = f"/api/v1/streams/{stream_id}"
        method, path = ("POST", f"{path}/end") if keep else ("DELETE", path)
        try:
            await self._api.call(method, path, token=owner.token)
        except CallRefused as refusal:
            if refusal.status != 401:
                raise
            # The show has outlived its access token.
            await self._company.sign_in(owner)
            await self._api.call(method, path, token=owner.token)

    def _page(self, stream: dict[str, Any]) -> str:
        return f"{(self._settings.public_url or self._api.origin).rstrip('/')}/watch/{stream['id']}"

    def _tell(self, stream: dict[str, Any]) -> None:
        host = self._members[HOST]
        print(f"\n  Watch it       {self._page(stream)}")
        print(f"  Sign in as     {host.username} with the password {host.password}")
        print(f"  On the air     {LARGE[0]}x{LARGE[1]} at 30 fps, a talkative chat, {GUESTS} guests")
        print("\n  Ctrl-C ends it.\n", flush=True)

    async def _report(self, audience: Audience) -> None:
        started_at = time.monotonic()
        while True:
            await asyncio.sleep(STATUS_S)
            minutes, seconds = divmod(round(time.monotonic() - started_at), 60)
            told = ", ".join(f"{audience.counts[what]} {what}" for what in ("viewers", "messages", "reactions", "tips"))
            print(f"  {minutes:02}:{seconds:02}  {told}", flush=True)


async def keep_publishing(url: str, picture: Picture, *, pause_s: float = 1.0) -> None:
    """Publish until cancelled, again after each interruption. Raises ``NotPublished`` when it does not last."""
    failures = 0
    while True:
        started_at = time.monotonic()
        reason = await publish(url, picture)
        failures = failures + 1 if time.monotonic() - started_at < STEADY_S else 1
        if failures >= MAX_FAILURES:
            raise NotPublished(f"the picture cannot be published: {reason}")
        await asyncio.sleep(pause_s * min(failures, 3))


async def publish(url: str, picture: Picture) -> str:
    """Run one publisher until it ends by itself, and return why. Cancelled, it closes its stream in order first."""
    command = (sys.executable, "-P", "-m", "server.demo.publisher")
    child = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert child.stdin is not None
    assert child.stderr is not None
    try:
        with contextlib.suppress(ConnectionError):
            child.stdin.write(" ".join([url, *(str(number) for number in picture)]).encode() + b"\n")
            await child.stdin.drain()
        told = (await child.stderr.read(65_536)).decode(errors="replace").split("\n")
        await child.wait()
        return next((line for line in reversed(told) if line), f"the publisher ended with code {child.returncode}")
    finally:
        child.stdin.close()
        await _gone(child)


async def _gone(child: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(CHILD_STOP_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()

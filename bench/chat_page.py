"""Does the page keep its frames while 200 messages a second come into a chat, on a screen like a phone's?

By hand, against a server that runs: ``python -m bench chat_page http://127.0.0.1:8080``. A Chromium of 390 by 844
pixels shows the chat in a window of its own, accounts that this makes write, and the browser's own tracing tells what
each frame cost. The time on the main thread is processor time, so that a busy machine counts for less in it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import statistics
import time
from collections.abc import Iterable, Sequence
from typing import Any, Final

import aiohttp
import socketio

from bench import report
from bench.report import Figure, figure
from tests.e2e.chromium import Chromium, Tab, browsing

FRAME_MS: Final = 1000 / 60
SETTLE_S: Final = 2.0
EACH_S: Final = 4.0
"""Messages of one account a second: below what a person may write."""
PASSWORD: Final = "correct horse battery staple"
CATEGORIES: Final = "devtools.timeline,disabled-by-default-devtools.timeline.frame,toplevel"
WORDS: Final = "hello that was an insane play what a stream how did you do that gg well played :wave: مرحبا يا شباب"

Events = list[dict[str, Any]]


async def _post(http: aiohttp.ClientSession, path: str, body: dict[str, Any], token: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.post(f"/api/v1{path}", json=body, headers=headers) as answer:
        assert answer.status < 300, await answer.text()
        return await answer.json()


async def _account(http: aiohttp.ClientSession) -> str:
    name = f"b{secrets.token_hex(6)}"
    body = {"username": name, "email": f"{name}@example.org", "password": PASSWORD}
    token: str = (await _post(http, "/auth/register", body))["access_token"]
    return token


async def _write(url: str, token: str, room_id: str, *, until: float, after_s: float) -> int:
    """Writes as one account until then; how many messages were taken."""
    client = socketio.AsyncClient(reconnection=False)
    await client.connect(url, auth={"token": token}, transports=["websocket"])
    await asyncio.sleep(after_s)
    words = WORDS.split()
    taken, due = 0, time.monotonic()
    while time.monotonic() < until:
        text = " ".join(secrets.choice(words) for _ in range(1 + secrets.randbelow(12)))
        body = {"room_id": room_id, "text": text, "client_id": secrets.token_hex(8)}
        taken += bool((await client.call("chat:send", body, timeout=30))["ok"])
        due += 1 / EACH_S
        await asyncio.sleep(max(0.0, due - time.monotonic()))
    await client.disconnect()
    return taken


class _Trace:
    """The browser's tracing of one tab."""

    def __init__(self, tab: Tab) -> None:
        self.events: Events = []
        self._tab, self._receive, self._done = tab, tab.receive, asyncio.Event()
        tab.receive = self._came  # type: ignore[method-assign]

    def _came(self, method: str, params: dict[str, Any]) -> None:
        if method == "Tracing.dataCollected":
            self.events += params["value"]
        elif method == "Tracing.tracingComplete":
            self._done.set()
        else:
            self._receive(method, params)

    async def begin(self) -> None:
        await self._tab.call("Tracing.start", traceConfig={"includedCategories": CATEGORIES.split(",")})

    async def end(self) -> Events:
        await self._tab.call("Tracing.end")
        await asyncio.wait_for(self._done.wait(), 60)
        return self.events


def _main_thread(events: Events) -> tuple[int, int] | None:
    """Process and thread of the page's main thread: the one that fires animation frames."""
    found = [(one["pid"], one["tid"]) for one in events if one["name"] == "FireAnimationFrame"]
    return statistics.mode(found) if found else None


def _tasks_ms(events: Events) -> list[float]:
    """The processor time of each task of the main thread."""
    main = _main_thread(events)
    return [
        one["tdur"] / 1000
        for one in events
        if one["name"].endswith("RunTask") and "tdur" in one and (one["pid"], one["tid"]) == main
    ]


def _count(events: Events, name: str) -> int:
    return sum(one["name"] == name for one in events)


async def _run(options: argparse.Namespace) -> Iterable[Figure]:
    chromium = Chromium()
    accounts = round(options.rate / EACH_S)
    try:
        async with aiohttp.ClientSession(options.url) as http, aiohttp.ClientSession() as debugging:
            owner = await _account(http)
            stream = (await _post(http, "/streams", {"title": "bench"}, owner))["stream"]
            tokens = [await _account(http) for _ in range(accounts)]
            async with browsing(chromium, debugging) as browser:
                tab = await browser.tab()
                await tab.call(
                    "Emulation.setDeviceMetricsOverride", width=390, height=844, deviceScaleFactor=2, mobile=True
                )
                await tab.open(f"{options.url}/popout/chat/{stream['id']}")
                await tab.until("document.querySelector('.chat-scroller') !== null")
                return await _measured(options, tab, tokens, stream["chat"]["room_id"])
    finally:
        chromium.close()


async def _measured(options: argparse.Namespace, tab: Tab, tokens: Sequence[str], room_id: str) -> Iterable[Figure]:
    until = time.monotonic() + SETTLE_S + options.seconds
    writers = [
        asyncio.create_task(_write(options.url, token, room_id, until=until, after_s=at / len(tokens) / EACH_S))
        for at, token in enumerate(tokens)
    ]
    await asyncio.sleep(SETTLE_S)
    trace = _Trace(tab)
    await trace.begin()
    await asyncio.sleep(max(0.0, until - time.monotonic()))
    events = await trace.end()
    taken = sum(await asyncio.gather(*writers))
    if options.trace:
        with open(options.trace, "w") as file:  # noqa: ASYNC230  # nothing else runs any more
            json.dump({"traceEvents": events}, file)
    tasks = _tasks_ms(events)
    rows = await tab.read("document.querySelectorAll('.message').length")
    drawn, dropped = _count(events, "DrawFrame"), _count(events, "DroppedFrame")
    name = "chat page"
    return [
        figure(name, "messages taken a second", [taken / (SETTLE_S + options.seconds)], "/s", better="higher"),
        figure(
            name,
            "tasks longer than a frame",
            [float(sum(one > FRAME_MS for one in tasks))],
            "",
            better="lower",
            bar=0.0,
        ),
        figure(name, "the longest task", [max(tasks, default=0.0)], "ms", better="lower", bar=FRAME_MS),
        figure(name, "the main thread is busy", [sum(tasks) / options.seconds / 10], "%", better="lower"),
        figure(name, "frames drawn a second", [drawn / options.seconds], "/s", better="higher"),
        figure(name, "frames dropped", [float(dropped)], "", better="lower"),
        figure(name, "rows in the list", [float(rows)], "", better="lower"),
    ]


def main(argv: list[str]) -> int:
    """Prints a row a question."""
    parser = argparse.ArgumentParser(prog="bench chat_page", description=__doc__)
    parser.add_argument("url", help="of a server that runs")
    parser.add_argument("--rate", type=float, default=200.0, help="messages a second")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--trace", help="file for the browser's trace, for chrome://tracing")
    report.options(parser)
    options = parser.parse_args(argv)
    report.hand_over(list(asyncio.run(_run(options))), options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

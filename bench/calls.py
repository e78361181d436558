"""What does a call cost the server: its memory, and each signal that it relays?

The real server with its own Postgres and Redis on one core; two sockets a call, all calls at once. Each of both sends
descriptions of 2 KB to the other. CPU of the server alone, not of its engines; memory beside that of the sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import time
from typing import Any, Final

import socketio

from bench import report
from bench.app import App, register
from bench.report import Figure, figure

CALLS_EACH: Final = 10
"""Calls that one account has begun at a time, as many as it may."""
BURST: Final = 150
"""Signals of one account, fewer than it may send at once."""
DEADLINE_S: Final = 30.0
OFFER: Final = {"type": "offer", "sdp": "v=0\r\n" + "a=x-filler\r\n" * 170}


class Line:
    """A socket that is in one call, with its other person ``to``."""

    def __init__(self) -> None:
        self.client = socketio.AsyncClient(reconnection=False)
        self.call_id = self.to = ""

    async def ask(self, event: str, body: Any) -> Any:
        ack = await self.client.call(event, body, timeout=DEADLINE_S)
        if not ack["ok"]:
            raise RuntimeError(f"{event} was refused: {ack['error']}")
        return ack

    async def signal(self) -> float:
        """ms until it was acknowledged."""
        began = time.perf_counter()
        await self.ask("call:signal", {"call_id": self.call_id, "to": self.to, "description": OFFER})
        return (time.perf_counter() - began) * 1e3


async def connected(app: App, tokens: list[str], count: int) -> list[Line]:
    lines = [Line() for _ in range(count)]
    for number, line in enumerate(lines):
        token = tokens[number // CALLS_EACH]
        await line.client.connect(f"http://127.0.0.1:{app.port}", auth={"token": token}, transports=["websocket"])
    return lines


async def meet(owner: Line, guest: Line) -> None:
    made = await owner.ask("call:create", {})
    joined = await guest.ask("call:join", {"join_token": made["join_token"]})
    owner.call_id = guest.call_id = made["call_id"]
    (guest.to, owner.to) = (person["id"] for person in joined["people"])


async def _measure(app: App, calls: int) -> list[Figure]:
    accounts = -(-calls // CALLS_EACH)
    tokens = [register(app.port, f"caller{number}")["access_token"] for number in range(2 * accounts)]
    owners, guests = await connected(app, tokens[:accounts], calls), await connected(app, tokens[accounts:], calls)
    before = app.memory_bytes()
    for owner, guest in zip(owners, guests, strict=True):
        await meet(owner, guest)
    kilobytes = (app.memory_bytes() - before) / calls / 1e3
    each = BURST // CALLS_EACH
    began_s = app.cpu_s()
    took_ms = [ms for _ in range(each) for ms in await asyncio.gather(*(line.signal() for line in (*owners, *guests)))]
    micros = (app.cpu_s() - began_s) / len(took_ms) * 1e6
    for line in (*owners, *guests):
        await line.client.disconnect()
    question = f"{calls} calls of two sockets"
    return [
        figure(question, "a signal of 2 KB", [micros], "us", better="lower"),
        figure(question, "acknowledged, all at once", [statistics.median(took_ms)], "ms", better="lower"),
        figure(question, "memory of a call", [kilobytes], "KB", better="lower"),
    ]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench calls", description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    report.options(parser)
    options = parser.parse_args(argv)
    app = App()
    try:
        figures = asyncio.run(_measure(app, options.calls))
    finally:
        app.stop()
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

"""How long after Stripe has posted that a tip is paid the room is shown it.

A server with its engines as a process of its own, Stripe's stand-in of the tests beside it, and a viewer's socket in
the room. Each tip is given before; the time runs from the request that posts its event to the socket's event.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any, Final

import aiohttp
import socketio
import uvloop

from bench import report
from bench.app import App, register
from bench.report import Figure, figure
from tests.stripe_stand_in import StripeStandIn
from tests.stripe_stand_in.server import SECRET_KEY, WEBHOOK_SECRET

QUESTION: Final = "tips"
BAR_MS: Final = 300.0
SHOWN_S: Final = 30.0
MESSAGE: Final = "one for the figures"


class Tipping:
    """``shown``: when the viewer's socket was sent each tip, by its id."""

    def __init__(self, server: App, stripe: StripeStandIn, http: aiohttp.ClientSession) -> None:
        self._server = server
        self._stripe = stripe
        self._http = http
        self._shown: dict[str, asyncio.Future[float]] = {}
        self.owner: Any = None
        self.giver: Any = None
        self.stream_id = ""

    @contextlib.asynccontextmanager
    async def room(self) -> AsyncIterator[None]:
        self.owner, self.giver = [
            await asyncio.to_thread(register, self._server.port, name) for name in ("streamer", "giver")
        ]
        self.stream_id, room_id = await asyncio.to_thread(self._server.new_room, self.owner["access_token"])
        socket = socketio.AsyncClient()
        socket.on("tip", self._tip)
        await socket.connect(
            f"http://127.0.0.1:{self._server.port}", auth={"token": self.owner["access_token"]},
            transports=["websocket"],
        )  # fmt: skip
        await socket.call("chat:join", {"room_id": room_id})
        try:
            yield
        finally:
            await socket.disconnect()

    def _tip(self, body: dict[str, Any]) -> None:
        if (waits := self._shown.get(body["id"])) is not None and not waits.done():
            waits.set_result(time.perf_counter())

    async def give(self) -> tuple[str, dict[str, Any]]:
        """The id of a tip, and what Stripe posts of it."""
        before = set(self._stripe.intents)
        body = {"stream_id": self.stream_id, "amount": 500, "currency": "USD", "message": MESSAGE}
        token = self.giver["access_token"]
        answer = await asyncio.to_thread(self._server.call, "POST", "/tips", body, token)
        [intent] = set(self._stripe.intents) - before
        self._stripe.pay(intent)
        return answer["tip"]["id"], self._stripe.events[-1]

    async def took_ms(self, tip_id: str, event: dict[str, Any]) -> float:
        body, signature = self._stripe.signed(event)
        shown = self._shown[tip_id] = asyncio.get_running_loop().create_future()
        headers = {"Stripe-Signature": signature, "Content-Type": "application/json"}
        began = time.perf_counter()
        async with self._http.post(
            f"http://127.0.0.1:{self._server.port}/api/v1/webhooks/stripe", data=body, headers=headers
        ) as answer:
            assert answer.status == 200, await answer.text()
        shown_at: float = await asyncio.wait_for(shown, SHOWN_S)
        return (shown_at - began) * 1_000


async def _measure(tips: int, pause_s: float) -> list[Figure]:
    stripe = StripeStandIn()
    keys = {
        "stripe-api-base": await stripe.start(), "stripe-secret-key": SECRET_KEY,
        "stripe-webhook-secret": WEBHOOK_SECRET,
    }  # fmt: skip
    server = await asyncio.to_thread(App, *(f"--{name}={value}" for name, value in keys.items()))
    try:
        async with aiohttp.ClientSession() as http:
            took = await _tips(Tipping(server, stripe, http), tips, pause_s)
    finally:
        await asyncio.to_thread(server.stop)
        await stripe.close()
    took.sort()
    name = "from the webhook to the alert in the room"
    return [
        figure(QUESTION, f"{name}, p50", [took[len(took) // 2]], "ms", better="lower"),
        figure(QUESTION, f"{name}, p99", [took[len(took) * 99 // 100]], "ms", better="lower", bar=BAR_MS),
    ]


async def _tips(tipping: Tipping, tips: int, pause_s: float) -> list[float]:
    """One after the other: the first finds nothing warm, and is left out."""
    took = []
    async with tipping.room():
        for _ in range(tips + 1):
            given = await tipping.give()
            await asyncio.sleep(pause_s)
            took.append(await tipping.took_ms(*given))
    return took[1:]


def main(argv: list[str]) -> int:
    """Prints a row a figure: median, spread, the bar."""
    parser = argparse.ArgumentParser(prog="bench tips", description=__doc__)
    parser.add_argument("--tips", type=int, default=20, help="an account gives twenty at once, then one in two seconds")
    parser.add_argument("--pause", type=float, default=0.5, help="seconds between a tip and its payment")
    report.options(parser)
    options = parser.parse_args(argv)
    report.hand_over(uvloop.run(_measure(options.tips, options.pause)), options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

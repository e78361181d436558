"""What does a flood of forged datagrams cost, and does a session notice? Checks, ClientHellos and media, in turns.

The flood comes from a process of its own, from many addresses, at a fixed rate; the viewer is in another one. Only the
process with the port is measured, first without a flood.
"""

from __future__ import annotations

import argparse
import asyncio
import hmac
import multiprocessing
import os
import socket
import time
from multiprocessing.connection import Connection
from typing import Final

import msgspec

from bench import report, whep
from bench.report import Figure, figure
from media.webrtc import sdp
from media.webrtc.port import RtcPort
from media.webrtc.whep import WhepEndpoint

SOURCES: Final = 64
SEGMENTS: Final = 40
KINDS: Final = ("checks", "hellos", "media")
BAR_US: Final = 4.0
_SOL_UDP, _UDP_SEGMENT = 17, 103
_TURNS_A_SECOND: Final = 100


def forged(kind: str, username: str) -> bytes:
    """A datagram as a stranger makes it who has seen a session's user name."""
    if kind == "checks":
        name = username.encode()
        body = b"\0\x06" + len(name).to_bytes(2, "big") + name + bytes(-len(name) % 4) + b"\0\x25\0\0"
        head = b"\0\1" + (len(body) + 24).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + os.urandom(12)
        return head + body + b"\0\x08\0\x14" + hmac.digest(b"a guess", head + body, "sha1")
    if kind == "hellos":
        return bytes.fromhex("16feff0000000000000000") + (240).to_bytes(2, "big") + b"\1" + bytes(239)
    return b"\x80\x66" + os.urandom(300)


def send(target: tuple[str, int], datagram: bytes, rate: int, seconds: float) -> None:
    """The flood's process."""
    sources = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(SOURCES)]
    for number, source in enumerate(sources):
        source.bind((f"127.0.{1 + number // 200}.{1 + number % 200}", 0))
    segment = ((_SOL_UDP, _UDP_SEGMENT, len(datagram).to_bytes(2, "little")),)
    bulk, began, sent = datagram * SEGMENTS, time.monotonic(), 0
    while (passed := time.monotonic() - began) < seconds:
        while sent < rate * passed:
            sources[sent // SEGMENTS % SOURCES].sendmsg((bulk,), segment, 0, target)
            sent += SEGMENTS
        time.sleep(1 / _TURNS_A_SECOND)


class FloodCost(msgspec.Struct, frozen=True, kw_only=True):
    """``share`` of a core that the flood took beside the viewer; ``arrived`` of its datagrams; ``lost``: the share of
    the viewer's packets that did not arrive."""

    share: float
    arrived: int
    us: float
    lost: float


async def flooded(pipe: Connection, kind: str, rate: int, seconds: float) -> FloodCost:
    port = await RtcPort.open(addresses=["127.0.0.1"])
    endpoint = WhepEndpoint(port=port, on_viewer_left=lambda _, __: None)
    stream, seen = whep.MadeUpStream(), list[str]()

    async def answer(offer: str) -> str:
        seen.append(await whep.answered(endpoint, stream, offer))
        return seen[-1]

    await whep.connect(pipe, 1, answer)
    ufrag = sdp.parse_offer(seen[0]).media[0].transport.ufrag
    context = multiprocessing.get_context("spawn")
    flood = context.Process(
        target=send, args=(port.candidates[0], forged(kind, f"{ufrag}:other"), rate, seconds + 2), daemon=True
    )
    try:
        await stream.play(1.0)
        quiet = await used(stream, seconds)
        flood.start()
        await stream.play(1.5)
        before = port.dropped_datagrams
        busy = await used(stream, seconds - 1)
        arrived = port.dropped_datagrams - before
        await asyncio.to_thread(flood.join)
        pipe.send(None)
        came = sum(await whep.received(pipe, whep.ANSWER_S))
    finally:
        flood.kill()
        await endpoint.close()
        await port.close()
    cost_s = busy - quiet * (seconds - 1) / seconds
    lost = max(0.0, 1 - came / max(1, stream.packets))
    return FloodCost(share=cost_s / (seconds - 1), arrived=arrived, us=cost_s * 1e6 / max(1, arrived), lost=lost)


async def used(stream: whep.MadeUpStream, seconds: float) -> float:
    began = time.process_time()
    await stream.play(seconds)
    return time.process_time() - began


def run(kind: str, rate: int, seconds: float) -> FloodCost:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    child = context.Process(target=whep.watch, args=(there, 1, False), daemon=True)
    child.start()
    try:
        return asyncio.run(flooded(here, kind, rate, seconds))
    finally:
        child.join(5)
        child.terminate()


def figures(kind: str, costs: list[FloodCost], rate: int) -> list[Figure]:
    return [
        figure("flood", f"a forged datagram: {kind}", [c.us for c in costs], "µs", better="lower", bar=BAR_US),
        figure("flood", f"{rate} a second: {kind}", [c.share * 100 for c in costs], "% of a core", better="lower"),
        figure("flood", f"what arrived: {kind}", [float(c.arrived) for c in costs], "datagrams", better="higher"),
        figure("flood", f"lost of the session: {kind}", [c.lost * 100 for c in costs], "%", better="lower", bar=0.0),
    ]


def main(argv: list[str]) -> int:
    """Print one line a figure."""
    options = argparse.ArgumentParser(prog="bench flood", description=__doc__)
    options.add_argument("--rate", type=int, default=50_000)
    options.add_argument("--seconds", type=float, default=5.0)
    options.add_argument("--rounds", type=int, default=1)
    report.options(options)
    chosen = options.parse_args(argv)
    found: list[Figure] = []
    for kind in KINDS:
        costs = [run(kind, chosen.rate, chosen.seconds) for _ in range(chosen.rounds)]
        found += figures(kind, costs, chosen.rate)
    report.hand_over(found, chosen.json)
    return 0

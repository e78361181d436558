"""`python -m bench echo`: the endpoint bare, answering as the public protocol test suites expect.

Socket.IO: on connect it emits `auth` with the auth payload; `message` comes back as `message-back`; `message-with-ack`
is acknowledged with its arguments; `join` enters a room, `say` speaks to one, `chat` to all that were joined; `kickme`
disconnects. With `--engine` plain Engine.IO at `/engine.io/` echoes every message.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from typing import Any, Final

from aiohttp import web

from server import loop
from server.live.edge.endpoint import Edge
from server.live.edge.engineio import message
from server.live.edge.fanout import Fanout
from server.live.edge.limits import EdgeLimits
from server.live.edge.server import EdgeServer, HttpSide
from server.live.edge.session import EngineSession
from server.live.edge.socket import Socket

_AUTH_AFTER_S: Final = 0.02


class EchoApplication:
    """The contract of the suites. A room of one namespace is a topic."""

    def __init__(self) -> None:
        self.fanout = Fanout()

    def on_connect(self, socket: Socket, auth: Any) -> None:
        said = {} if auth is None else auth
        if socket.transport == "polling":
            socket.emit("auth", said)
            return
        # A segment of its own: the suites look at one message for each read, and lose a second that came along.
        asyncio.get_running_loop().call_later(_AUTH_AFTER_S, socket.emit, "auth", said)

    def on_event(self, socket: Socket, event: str, args: list[Any]) -> Any:
        if event == "message":
            socket.emit("message-back", *args)
        elif event == "message-with-ack":
            return tuple(args)
        elif event == "join" and args and isinstance(args[0], str):
            self.fanout.subscribe(_topic(socket, args[0]), socket)
            socket.emit("joined", args[0])
            return "ok"
        elif event == "say" and len(args) > 1:
            self.fanout.publish(_topic(socket, args[0]), "said", {"room": args[0], "body": args[1]})
            return "ok"
        elif event == "chat" and args:
            for topic in socket.topics:
                self.fanout.publish(topic, "chat", args[0])
        elif event == "kickme":
            socket.disconnect()
        return None

    def on_disconnect(self, socket: Socket, reason: str) -> None:
        pass


def _topic(socket: Socket, room: object) -> str:
    return f"{socket.namespace} {room}"


class EngineEcho:
    """Engine.IO alone: every message goes back as it came."""

    def __init__(self, session: EngineSession) -> None:
        self._session = session

    def receive(self, data: str | bytes) -> None:
        self._session.send(message(data))

    def closed(self, reason: str) -> None:
        pass

    def writable(self) -> None:
        pass

    def upgraded(self) -> None:
        pass

    def check(self, now: float) -> float:
        return float("inf")


def limits_of(options: argparse.Namespace) -> EdgeLimits:
    return EdgeLimits(
        ping_interval_s=options.ping_interval_ms / 1000,
        ping_timeout_s=options.ping_timeout_ms / 1000,
        connect_timeout_s=options.connect_timeout_ms / 1000,
        max_payload=options.max_payload,
    )


async def start(options: argparse.Namespace) -> Edge | EdgeServer:
    """Listens as the options say."""
    http = HttpSide(protocol=web.Server(_not_found))
    if options.engine:
        port = EdgeServer(mounts={"/engine.io": EngineEcho}, http=http, limits=limits_of(options))
        await port.start(host=options.host, port=options.port)
        return port
    application = EchoApplication()
    edge = Edge(
        application=application,
        http=http,
        limits=limits_of(options),
        namespaces=("/", "/custom"),
        paths={"/socket.io": "msgpack" if options.msgpack else "json"},
        fanout=application.fanout,
    )
    await edge.start(host=options.host, port=options.port)
    return edge


async def _not_found(request: web.BaseRequest) -> web.StreamResponse:
    return web.Response(status=404, text="Not found")


async def serve(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    edge = await start(options)
    print(f"listening on http://{edge.addresses[0][0]}:{edge.addresses[0][1]}", flush=True)
    await stop.wait()
    await edge.close()


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="python -m bench echo", description=__doc__)
    found.add_argument("--host", default="127.0.0.1")
    found.add_argument("--port", type=int, default=3000)
    found.add_argument("--ping-interval-ms", type=int, default=25_000)
    found.add_argument("--ping-timeout-ms", type=int, default=20_000)
    found.add_argument("--connect-timeout-ms", type=int, default=15_000)
    found.add_argument("--max-payload", type=int, default=1_000_000, help="bytes of one message")
    found.add_argument("--msgpack", action="store_true", help="the MessagePack parser, at the same path")
    found.add_argument("--engine", action="store_true", help="Engine.IO alone, at /engine.io/")
    return found


def main(argv: list[str]) -> int:
    loop.run(serve(parser().parse_args(argv)))
    return 0

"""The servers that are measured side by side, each a process of its own on the first core.

All do the same work: a client is in the room once it has connected, `say` brings a message to the room. They are set
to ping rarely, so that no run holds a ping.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Protocol

from bench.clients import CORES
from bench.syscall_baseline import SyscallBaseline
from server import loop

ROOM = "room"
_PING_S = 600

NODE_SERVER = """
const { Server } = require("socket.io");
const http = require("http").createServer();
const ping = { pingInterval: 600000, pingTimeout: 600000 };
const io = new Server(http, { transports: ["websocket"], serveClient: false, ...ping });
io.on("connection", (socket) => {
  socket.join("room");
  socket.on("say", (body) => io.to("room").emit("chat", body));
});
http.listen(+process.argv[1], "127.0.0.1", () => console.log("listening on", http.address().port));
"""


BUN_SERVER = """
const { Server } = require("socket.io");
const { Server: Engine } = require("@socket.io/bun-engine");
const io = new Server();
const engine = new Engine({ path: "/socket.io/", pingInterval: 600000, pingTimeout: 600000 });
io.bind(engine);
io.on("connection", (socket) => {
  socket.join("room");
  socket.on("say", (body) => io.to("room").emit("chat", body));
});
const served = Bun.serve({ ...engine.handler(), hostname: "127.0.0.1", port: 0, idleTimeout: 0 });
console.log("listening on", served.port);
"""


class Server(Protocol):
    """What is asked of whatever is measured."""

    name: str
    port: int

    def cpu_s(self) -> float: ...

    def memory_bytes(self) -> int:
        """Resident memory."""
        ...

    def stop(self) -> None: ...


class Peer:
    """One server process."""

    def __init__(self, name: str, process: subprocess.Popen[str], port: int) -> None:
        self.name = name
        self.port = port
        self._process = process

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_bytes(self) -> int:
        """Resident memory."""
        pages = Path(f"/proc/{self._process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def stop(self) -> None:
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def available(names: list[str], node_modules: Path | None) -> list[str]:
    """Those that can run here: the JavaScript ones need a folder with their packages."""
    packages = node_modules if node_modules is not None and (node_modules / "socket.io").is_dir() else None
    can_run = {
        "node": packages is not None and shutil.which("node") is not None,
        "bun": packages is not None and (packages / "@socket.io" / "bun-engine").is_dir() and _bun(packages).exists(),
    }
    missing = [name for name in names if not can_run.get(name, True)]
    if missing:
        print(f"not here: {', '.join(missing)} (--node-modules names the folder of socket.io, bun and its engine)")
    return [name for name in names if can_run.get(name, True)]


def _bun(node_modules: Path) -> Path:
    return node_modules / ".bin" / "bun"


def start(name: str, *, node_modules: Path | None = None) -> Peer:
    """Starts one and waits until it listens."""
    environment = dict(os.environ)
    if name == "node":
        environment["NODE_PATH"] = str(node_modules)
        command = ["node", "-e", NODE_SERVER, "0"]
    elif name == "bun":
        assert node_modules is not None
        environment["NODE_PATH"] = str(node_modules)
        command = [str(_bun(node_modules)), "-e", BUN_SERVER]
    else:
        command = [sys.executable, "-m", "bench.peers", name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    os.sched_setaffinity(process.pid, {CORES[0]})
    assert process.stdout is not None
    line = process.stdout.readline()
    if "listening on" not in line:
        raise RuntimeError(f"{name} did not start: {line}")
    return Peer(name, process, int(line.split()[-1].rpartition(":")[2]))


def settle() -> None:
    """What a server does once it is up: what lives now lives on, and collections are rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


# -- the Python servers, in processes of their own


class _Room:
    """Our edge with nothing behind it: everyone is in one room."""

    def __init__(self, fanout: Any) -> None:
        self._fanout = fanout
        self._offset = 0

    def on_connect(self, socket: Any, auth: Any) -> None:
        self._fanout.subscribe(ROOM, socket)

    def on_event(self, socket: Any, event: str, args: list[Any]) -> Any:
        if event == "say":
            self._offset += 1
            self._fanout.publish_messages(ROOM, ROOM, "1", [{"offset": self._offset, **args[0]}])

    def on_disconnect(self, socket: Any, reason: str) -> None:
        pass


async def _serve_ours(*, is_coalescing: bool) -> None:
    from aiohttp import web

    from server.live.edge.endpoint import Edge
    from server.live.edge.fanout import Fanout
    from server.live.edge.limits import EdgeLimits
    from server.live.edge.server import HttpSide

    async def nothing(request: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=404)

    fanout = Fanout(is_coalescing=is_coalescing)
    limits = EdgeLimits(ping_interval_s=_PING_S, ping_timeout_s=_PING_S, max_connections=200_000)
    edge = Edge(application=_Room(fanout), http=HttpSide(protocol=web.Server(nothing)), limits=limits, fanout=fanout)
    await edge.start(host="127.0.0.1", port=0)
    settle()
    print(f"listening on {edge.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


async def _serve_python_socketio() -> None:
    import socketio
    from aiohttp import web

    server = socketio.AsyncServer(
        async_mode="aiohttp", ping_interval=_PING_S, ping_timeout=_PING_S, transports=["websocket"]
    )

    @server.event  # type: ignore[untyped-decorator]
    async def connect(sid: str, environ: Any, auth: Any = None) -> None:
        await server.enter_room(sid, ROOM)

    @server.event  # type: ignore[untyped-decorator]
    async def say(sid: str, body: Any) -> None:
        await server.emit("chat", body, room=ROOM)

    application = web.Application()
    server.attach(application)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, backlog=4096)
    await site.start()
    print(f"listening on {runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


def main(argv: list[str]) -> int:
    """Runs one of the Python servers until it is stopped by a signal."""
    from bench.clients import allow_many_files

    options = argparse.ArgumentParser()
    options.add_argument("name", choices=["ours", "ours-each", "python-socketio", "floor"])
    name = options.parse_args(argv).name
    allow_many_files()
    if name == "floor":
        floor = SyscallBaseline()
        print(f"listening on {floor.port}", flush=True)
        floor.serve()
    serving = _serve_python_socketio() if name == "python-socketio" else _serve_ours(is_coalescing=name == "ours")
    loop.run(serving)
    return 0


def wait_quiet(seconds: float) -> None:
    """Lets what a server still has to do after a run come to an end."""
    time.sleep(seconds)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

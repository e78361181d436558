"""``--processes N``: several nodes on one machine. One parent holds the ports and the engines, each child is a node.

The parent binds each TCP port once, so that a taken one is still an error, and its children accept on the same sockets;
each has a UDP port of its own for WebRTC, the first ``webrtc_port``, the next ones after it. A child that ends is
started again; children end with their parent, however it ends.
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import logging
import signal
import sys
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from server import error_reports, garbage, loop
from server.config import Settings
from server.engines import Engines
from server.logs import set_up_logs
from server.ports import CannotStart, Ports
from storage.errors import StorageError
from storage.migrate import migrate

START_S: Final = 30.0
STOP_MARGIN_S: Final = 15.0
FIRST_BACK_OFF_S: Final = 0.5
MAX_BACK_OFF_S: Final = 10.0
PR_SET_PDEATHSIG: Final = 1

log = logging.getLogger("server.processes")


class NodeStarted(msgspec.Struct, frozen=True):
    """A child's one line on its standard output. ``greeting`` is for the operator; ``problem``: it cannot start."""

    greeting: str = ""
    problem: str = ""


class Fleet:
    """The nodes of this machine. ``run`` returns the exit code."""

    def __init__(self, *, settings: Settings) -> None:
        self._settings = settings
        self._children: dict[int, asyncio.subprocess.Process] = {}
        self._is_stopping = False

    async def run(self, asked_to_stop: asyncio.Event) -> int:
        """Start, keep running, and stop when asked. Raises ``CannotStart``."""
        self._ports = Ports(self._settings)
        engines = Engines(self._settings)
        try:
            await engines.start()
            if self._settings.migrate:
                await migrate(engines.database_url)
            await self._serve(engines, asked_to_stop)
        except StorageError as error:
            raise CannotStart(f"{error}: check database_url and redis_url, or run `socialflow doctor`") from None
        finally:
            await self._stop_children()
            await engines.stop()
            self._ports.close()
        return 0

    async def _serve(self, engines: Engines, asked_to_stop: asyncio.Event) -> None:
        started = [await self._start(engines, 0)]
        started += await asyncio.gather(*(self._start(engines, i) for i in range(1, self._settings.processes)))
        print(next((said.greeting for said in started if said.greeting), ""), flush=True)
        keepers = [
            asyncio.get_running_loop().create_task(self._keep(engines, index), name=f"keep node {index}")
            for index in range(self._settings.processes)
        ]
        await asked_to_stop.wait()
        print("Stopping: telling everybody, writing everything down …", file=sys.stderr)
        self._is_stopping = True
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)

    async def _start(self, engines: Engines, index: int) -> NodeStarted:
        sockets = {"http": self._ports.http.fileno(), "rtmp": self._ports.rtmp.fileno()}
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the working folder may hold a module named as one of ours
            "-m",
            "server.processes",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            pass_fds=list(sockets.values()),
            start_new_session=True,
        )
        self._children[index] = child
        assert child.stdin is not None
        assert child.stdout is not None
        config = {"settings": self._of_child(engines, index), "sockets": sockets, "index": index}
        child.stdin.write(json.dumps(config).encode())
        child.stdin.close()
        try:
            async with asyncio.timeout(START_S):
                line = await child.stdout.readline()
        except TimeoutError:
            line = b""
        said = msgspec.json.decode(line, type=NodeStarted) if line else NodeStarted(problem="a node did not start")
        if said.problem:
            raise CannotStart(said.problem)
        return said

    def _of_child(self, engines: Engines, index: int) -> Mapping[str, Any]:
        settings = self._settings
        changed = settings.model_copy(
            update={
                "processes": 1,
                "migrate": False,
                "database_url": engines.database_url,
                "wal_folder": None,
                "redis_url": engines.redis_url,
                "node_port": 0,
                "webrtc_port": settings.webrtc_port + index if settings.webrtc_port else 0,
                "data_dir": settings.data_dir.absolute(),
            }
        )
        fields: Mapping[str, Any] = changed.model_dump(mode="json")
        return fields

    async def _keep(self, engines: Engines, index: int) -> None:
        back_off_s = FIRST_BACK_OFF_S
        while True:
            code = await self._children[index].wait()
            log.error("node %d ended with %d: starting it again", index, code)
            await asyncio.sleep(back_off_s)
            back_off_s = min(back_off_s * 2, MAX_BACK_OFF_S)
            try:
                await self._start(engines, index)
            except CannotStart as error:
                log.error("node %d did not start: %s", index, error)
            else:
                back_off_s = FIRST_BACK_OFF_S

    async def _stop_children(self) -> None:
        running = [child for child in self._children.values() if child.returncode is None]
        for child in running:
            child.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(2 * self._settings.drain_s + STOP_MARGIN_S):
                await asyncio.gather(*(child.wait() for child in running))
        except TimeoutError:
            log.warning("nodes that did not stop in time are ended")
            for child in running:
                if child.returncode is None:
                    child.kill()
            await asyncio.gather(*(child.wait() for child in running))


def main() -> int:
    """A child: its settings and the numbers of its inherited sockets come on the standard input."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    config = json.load(sys.stdin)
    settings = Settings(**config["settings"])
    process = f"node-{config['index']}"
    set_up_logs(log_format=settings.log_format, level=settings.log_level, process=process)
    error_reports.start(settings.sentry_dsn, environment=settings.sentry_environment, process=process)
    return loop.run(_be_a_node(settings, config["sockets"]))


async def _be_a_node(settings: Settings, sockets: Mapping[str, int]) -> int:
    from server.app import App
    from server.greeting import greeting

    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    app = App(settings=settings, ports=Ports.inherited(settings, sockets))
    started_at = asyncio.get_running_loop().time()
    try:
        await app.start()
        garbage.look_seldom()
    except CannotStart as error:
        _say(NodeStarted(problem=str(error)))
        return 1
    _say(NodeStarted(greeting=greeting(app, took_s=asyncio.get_running_loop().time() - started_at)))
    await asked_to_stop.wait()
    await app.stop()
    return 0


def _say(said: NodeStarted) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(said) + b"\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

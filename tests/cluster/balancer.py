"""What stands before the nodes in the real world: an address whose connections go to a node that takes them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from bench.cluster import NodeProcess


class Balancer:
    """New connections go to ``home`` while it takes them, else to the next node that does. Bytes pass untouched."""

    def __init__(self, *, home: int, nodes: Callable[[], Iterable[NodeProcess]]) -> None:
        self.home = home
        self._nodes = nodes
        self._passing: set[asyncio.Task[None]] = set()

    async def open(self) -> Balancer:
        self._server = await asyncio.start_server(self._enter, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def close(self) -> None:
        self._server.close()
        for task in self._passing:
            task.cancel()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nodes = list(self._nodes())
        for turn in range(len(nodes)):
            node = nodes[(self.home + turn) % len(nodes)]
            try:
                to_reader, to_writer = await asyncio.open_connection("127.0.0.1", node.port)
            except OSError:
                continue
            for source, sink in ((reader, to_writer), (to_reader, writer)):
                task = asyncio.create_task(_pass(source, sink), name="pass")
                self._passing.add(task)
                task.add_done_callback(self._passing.discard)
            return
        writer.close()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except OSError:
        pass
    finally:
        with contextlib.suppress(OSError, RuntimeError):
            sink.close()

"""`python -m bench documents`: people write one document at once: how soon do the others see it, and is any of it lost?

Nodes as processes on one Postgres and one Redis; the writers' sockets are spread over them. They type for a while in
peace. Then the node of the document's actor is killed while they type on, and their sockets go to another one. In the
end all copies must be equal to one that is read anew, and it must hold every update that was acknowledged. Last, large
documents are opened: each the first time, when its actor has to read it, and again.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec
import pycrdt
import uvloop

from bench import report
from bench.accounts import SeededAccount, seed
from bench.app import OPEN_LIMITS, call, read
from bench.clients import allow_many_files, percentile
from bench.cluster import LocalCluster
from bench.report import Figure, figure
from bench.socket_client import SocketClient
from bench.writers import LETTERS, Copy, Told, Writer, delays_ms, write_all
from storage.postgres import Database

TOGETHER_S: Final = 90.0
"""How long they may take to have the same text after the kill."""
EDITS: Final = 4_000
"""That a large document was written with."""


class Writing:
    """One document on a cluster, and who writes it."""

    def __init__(self, cluster: LocalCluster, options: argparse.Namespace) -> None:
        self._cluster = cluster
        self._options = options
        self._nodes = list(cluster.nodes)
        self._told = Told()

    def port_of(self, home: int) -> int:
        turns = (self._nodes[(home + turn) % len(self._nodes)] for turn in range(len(self._nodes)))
        return next(node.port for node in turns if node.is_running)

    async def run(self) -> list[Figure]:
        options = self._options
        people = await seed(self._cluster.database_url, options.people)
        self._project_id, document_id = self._open(people)
        writers = [
            Writer(self._told, document_id, home=n, token=one.token, port_of=self.port_of, seed=options.seed + n)
            for n, one in enumerate(people)
        ]
        try:
            for one in writers:
                one.start()
            await _until(lambda: all(one.is_in for one in writers), within_s=60, what="everybody is in")
            await write_all(writers, seconds=options.seconds, rate=options.rate)
            await _until(lambda: all(one.is_done for one in writers), within_s=30, what="all is acknowledged")
            await asyncio.sleep(1)
            delays = delays_ms(writers)
            print(f"  {len(delays)} letters on others' screens; {self._told.joins} joins", flush=True)
            silent_s = await self._type_over_a_kill(writers, document_id)
            different, lost = await self._compare(writers, document_id, people[0].token)
        finally:
            for one in writers:
                one.close()
        print(f"  refused, and sent again: {dict(self._told.refused)}; {self._told.joins} joins", flush=True)
        return [
            _figure("copies that differ in the end", different, "", bar=0.0),
            _figure("acknowledged updates lost", lost, "", bar=0.0),
            _figure("updates acknowledged", sum(len(one.acknowledged) for one in writers), "", better="higher"),
            _figure("to the others' screens, p50", statistics.median(delays), "ms"),
            _figure("to the others' screens, p99", percentile(delays, 0.99), "ms", bar=150.0),
            _figure("equal again after a kill and the last letter", silent_s, "s"),
            *await self._open_large(people[0]),
        ]

    def _open(self, people: Sequence[SeededAccount]) -> tuple[str, str]:
        port, token = self._nodes[0].port, people[0].token
        project_id = call(port, "POST", "/projects", {"title": "bench"}, token)["project"]["id"]
        for n in range(1, len(people)):
            call(port, "PUT", f"/projects/{project_id}/members/seeded{n}", {}, token)
        made = call(port, "POST", f"/projects/{project_id}/documents", {"title": "bench"}, token)
        return project_id, made["document"]["id"]

    async def _type_over_a_kill(self, writers: Sequence[Writer], document_id: str) -> float:
        """How long after the last letter all copies were equal again."""
        owner = await self._cluster.owner_of("document", document_id)
        if owner is None:
            raise RuntimeError("no node has the document")
        asyncio.get_running_loop().call_later(self._options.killed_s / 3, owner.kill)
        await write_all(writers, seconds=self._options.killed_s, rate=self._options.rate)
        ended_at = time.monotonic()
        while not await _are_equal(writers):
            if time.monotonic() - ended_at > TOGETHER_S:
                print(f"  NOT EQUAL after {TOGETHER_S:.0f} s", flush=True)
                break
        return time.monotonic() - ended_at

    async def _compare(self, writers: Sequence[Writer], document_id: str, token: str) -> tuple[int, int]:
        """Copies that are not as the server has it, and acknowledged updates that it has not."""
        truth = Copy()
        truth.apply(await self._state(document_id, token))
        text = str(truth.text)
        lost = sum(not truth.holds(one.update) for writer in writers for one in writer.acknowledged)
        print(f"  the text has {len(text)} letters", flush=True)
        return sum(str(one.copy.text) != text for one in writers), lost

    async def _state(self, document_id: str, token: str) -> bytes:
        answer = await self._ask(token, "doc:join", {"document_id": document_id})
        return base64.b64decode(answer["update"])

    async def _ask(self, token: str, event: str, body: dict[str, Any]) -> Any:
        client = SocketClient(home=0, token_of=lambda: token, port_of=self.port_of)
        client.start()
        try:
            await _until(lambda: client.is_connected, within_s=30, what="a socket")
            return await _answer(client, event, body)
        finally:
            client.close()

    async def _open_large(self, person: SeededAccount) -> list[Figure]:
        count, size = self._options.large, self._options.large_bytes
        snapshot = await asyncio.to_thread(large, size, random.Random(self._options.seed))
        ids = await self._write_large(count, snapshot, person)
        client = SocketClient(home=0, token_of=lambda: person.token, port_of=self.port_of)
        client.start()
        try:
            await _until(lambda: client.is_connected, within_s=30, what="a socket")
            cold = [await self._opened_ms(client, one, person.token) for one in ids]
            warm = [await self._opened_ms(client, one, person.token) for one in ids]
        finally:
            client.close()
        return [
            _figure(f"a document of {len(snapshot) / 1e6:.1f} MB opens, p50", statistics.median(cold), "ms", bar=300.0),
            _figure("the same, at most", max(cold), "ms"),
            _figure("opens again, p50", statistics.median(warm), "ms"),
        ]

    async def _write_large(self, count: int, snapshot: bytes, person: SeededAccount) -> list[str]:
        ids = []
        db = await Database.connect(self._cluster.database_url, max_connections=1)
        try:
            for n in range(count):
                path, title = f"/projects/{self._project_id}/documents", {"title": f"large {n}"}
                ids.append(call(self.port_of(0), "POST", path, title, person.token)["document"]["id"])
                await db.execute(
                    "insert into project_document_versions (document_id, seq, data) values ($1, $2, $3)",
                    ids[-1], EDITS, snapshot,
                )  # fmt: skip
                await db.execute("update project_documents set seq = $2 where id = $1", ids[-1], EDITS)
        finally:
            await db.close()
        return ids

    async def _opened_ms(self, client: SocketClient, document_id: str, token: str) -> float:
        """As the page does it: joins, reads the file where it is told to, and has the text."""
        began, copy = time.perf_counter(), Copy()
        answer = await _answer(client, "doc:join", {"document_id": document_id})
        if answer["ok"]:
            copy.apply(base64.b64decode(answer["update"]))
        else:
            copy.apply(await asyncio.to_thread(self._read_file, document_id, token))
            vector = base64.b64encode(copy.doc.get_state()).decode()
            answer = await _answer(client, "doc:join", {"document_id": document_id, "state_vector": vector})
            copy.apply(base64.b64decode(answer["update"]))
        took_ms = (time.perf_counter() - began) * 1e3
        if len(copy.text) < self._options.large_bytes:
            raise RuntimeError("the document is not whole")
        await _answer(client, "doc:leave", {"document_id": document_id})
        return took_ms

    def _read_file(self, document_id: str, token: str) -> bytes:
        return read(self.port_of(0), f"/documents/{document_id}/state", token)


def large(size: int, random_: random.Random) -> bytes:
    """A document of so many bytes of text, written in pieces at many places."""
    doc: pycrdt.Doc[pycrdt.Text] = pycrdt.Doc()
    text = doc.get("content", type=pycrdt.Text)
    letters = [letter for letter in LETTERS if letter.isascii()]
    each = -(-size // EDITS)
    for n in range(EDITS):
        text.insert(random_.randrange(n * each + 1), "".join(random_.choices(letters, k=each)))
    return doc.get_update()


async def _are_equal(writers: Sequence[Writer]) -> bool:
    """Whether they are, a moment after each has looked for what it lacks."""
    for one in writers:
        one.rejoin()
    await asyncio.sleep(0.25)
    return all(one.is_done for one in writers) and len({str(one.copy.text) for one in writers}) == 1


async def _answer(client: SocketClient, event: str, body: dict[str, Any]) -> Any:
    answered: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
    client.ask(event, body, answered.set_result)
    return msgspec.json.decode(await asyncio.wait_for(answered, 30))[0]


async def _until(holds: Callable[[], bool], *, within_s: float, what: str) -> None:
    """Raises ``RuntimeError`` when it does not come."""
    ends_at = time.monotonic() + within_s
    while not holds():
        if time.monotonic() > ends_at:
            raise RuntimeError(f"{what} did not come within {within_s:.0f} s")
        await asyncio.sleep(0.02)


def _figure(name: str, value: float, unit: str, *, bar: float | None = None, better: report.Better = "lower") -> Figure:
    return figure("documents", name, [value], unit, better=better, bar=bar)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench documents", description=__doc__)
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--rate", type=float, default=4.0, help="letters a second of each")
    parser.add_argument("--seconds", type=float, default=30.0, help="in peace")
    parser.add_argument("--killed-s", type=float, default=15.0, help="while a node is killed")
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--large", type=int, default=10, help="large documents")
    parser.add_argument("--large-bytes", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    report.options(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """0 if all copies are equal and nothing is lost, else 1."""
    options = _parser().parse_args(argv)
    allow_many_files()
    cluster = LocalCluster(flags=OPEN_LIMITS)
    try:
        cluster.start(options.nodes)
        figures = uvloop.run(Writing(cluster, options).run())
    finally:
        cluster.stop()
    report.hand_over(figures, options.json)
    return int(any(one.value for one in figures[:2]))


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

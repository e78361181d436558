"""A document that people on different nodes write, while the node that has it is killed."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp

from bench.cluster import LocalCluster
from bench.writers import Told, Writer
from tests.e2e.people import Account, Api, register
from tests.e2e.waiting import until, until_true

PEOPLE = 4


async def test_a_document_that_its_node_dies_under_is_equal_for_all_and_has_every_acknowledged_update(
    cluster: LocalCluster, http: aiohttp.ClientSession
) -> None:
    nodes = cluster.running
    people = [await register(http, nodes[0].url, f"writer{n}") for n in range(PEOPLE)]
    document_id = await _document(people)
    owner = await cluster.owner_of("document", document_id)
    assert owner is not None

    def port_of(home: int) -> int:
        turns = (nodes[(home + turn) % len(nodes)] for turn in range(len(nodes)))
        return next(node.port for node in turns if node.is_running)

    told = Told()
    writers = [
        Writer(told, document_id, home=n, token=one.token or "", port_of=port_of, seed=n)
        for n, one in enumerate(people)
    ]
    for one in writers:
        one.start()
    try:
        await until_true(lambda: all(one.is_in for one in writers), within_s=60, what="everybody is in")
        await _write(writers, 40)
        await until_true(lambda: all(one.acknowledged for one in writers), within_s=60, what="something of everybody")
        owner.kill()
        await _write(writers, 40)

        async def are_equal() -> bool:
            for one in writers:
                one.rejoin()
            return all(one.is_done for one in writers) and len({str(one.copy.text) for one in writers}) == 1

        await until(are_equal, within_s=90, what="the same text for all")
        assert sum(len(one.acknowledged) for one in writers) == 80
        reader = Writer(told, document_id, home=0, token=people[0].token or "", port_of=port_of, seed=0)
        writers.append(reader)
        reader.start()
        await until_true(lambda: reader.is_in, within_s=60, what="who reads it anew")
        assert str(reader.copy.text) == str(writers[0].copy.text)
        assert len(str(reader.copy.text)) == 80
        assert all(reader.copy.holds(one.update) for writer in writers for one in writer.acknowledged)
    finally:
        for one in writers:
            one.close()


async def _document(people: list[Account]) -> str:
    first, *others = people
    api = Api(first.http, first.url, first.token)
    project = (await api.done("POST", "projects", {"title": "one"}))["project"]["id"]
    for other in others:
        await api.done("PUT", f"projects/{project}/members/{other.username}", {})
    made: Any = await api.done("POST", f"projects/{project}/documents", {"title": "one"})
    document_id: str = made["document"]["id"]
    return document_id


async def _write(writers: list[Writer], letters: int) -> None:
    for n in range(letters):
        writers[n % len(writers)].write()
        await asyncio.sleep(0)

"""Who is taken out of a community or a group on one node is out of its room on every other one within two seconds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import partial

import aiohttp
import pytest

from bench.cluster import LocalCluster
from tests.cluster.test_rights import ENDS_WITHIN_S
from tests.e2e.people import Account, register
from tests.e2e.talking import Talker, talker
from tests.e2e.waiting import until


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def of_community(owner: Account, member: Account) -> tuple[str, str]:
    """The room, and the path by which the owner takes the member out."""
    path = f"communities/c{time.time_ns()}"
    body = {"name": path.partition("/")[2], "title": "Walkers", "access": "open"}
    room_id = (await owner.done("POST", "communities", body))["community"]["room_id"]
    await member.done("PUT", f"{path}/membership")
    return room_id, f"{path}/members/{member.username}"


async def of_group(owner: Account, member: Account, third: Account) -> tuple[str, str]:
    """As ``of_community``."""
    body = {"people": [member.username, third.username], "title": "Three"}
    made = (await owner.done("POST", "conversations", body))["conversation"]
    await member.done("PUT", f"conversations/{made['id']}/membership")
    return made["room_id"], f"conversations/{made['id']}/members/{member.username}"


async def has_joined(socket: Talker, room_id: str) -> bool:
    return bool((await socket.ask("chat:join", {"room_id": room_id})).get("ok"))


async def has_opened(socket: Talker, document_id: str) -> bool:
    return bool((await socket.ask("doc:join", {"document_id": document_id})).get("ok"))


async def test_who_is_taken_out_of_a_project_is_out_of_its_documents_on_every_node(
    cluster: LocalCluster, http: aiohttp.ClientSession, stack: AsyncExitStack
) -> None:
    nodes = cluster.running
    owner, member = [await register(http, node.url, "editor") for node in nodes[:2]]
    project = (await owner.done("POST", "projects", {"title": "Ours"}))["project"]
    members = f"projects/{project['id']}/members/{member.username}"
    await owner.done("PUT", members, {"role": "editor"})
    made = await owner.done("POST", f"projects/{project['id']}/documents", {"title": "Notes"})
    document_id = made["document"]["id"]
    his = [await stack.enter_async_context(talker(node.url, member.token)) for node in nodes]
    for socket in his:
        await until(partial(has_opened, socket, document_id), within_s=30, what="the document")
    await owner.done("DELETE", members)
    async with asyncio.timeout(ENDS_WITHIN_S + 1):  # sooner than the document itself asks who is there
        for socket in his:
            assert (await socket.event("doc:closed"))["document_id"] == document_id
    assert (await his[0].no("doc:join", {"document_id": document_id}))["code"] == "not_found"


@pytest.mark.parametrize("kind", ["community", "group"])
async def test_who_is_taken_out_is_out_on_every_node(
    cluster: LocalCluster, http: aiohttp.ClientSession, stack: AsyncExitStack, kind: str
) -> None:
    nodes = cluster.running
    owner, member, third = [await register(http, node.url, kind) for node in nodes]
    people = (owner, member) if kind == "community" else (owner, member, third)
    room_id, membership = await (of_community if kind == "community" else of_group)(*people)
    hers = await stack.enter_async_context(talker(nodes[0].url, owner.token))
    his = [await stack.enter_async_context(talker(node.url, member.token)) for node in nodes]
    for socket in (hers, *his):
        await until(partial(has_joined, socket, room_id), within_s=30, what="a place in the room")
    await hers.ok("chat:send", {"room_id": room_id, "text": "to all", "client_id": "first"})
    for socket in his:
        await socket.event("chat:messages", lambda body: body["messages"][0]["text"] == "to all")
    await owner.done("DELETE", membership)
    await asyncio.sleep(ENDS_WITHIN_S)
    await hers.ok("chat:send", {"room_id": room_id, "text": "to who is left", "client_id": "second"})
    for socket in his:
        for event in ("chat:join", "chat:history", "presence:list"):
            assert (await socket.no(event, {"room_id": room_id}))["code"] == "not_found"
        write = {"room_id": room_id, "text": "still here", "client_id": "third"}
        assert (await socket.no("chat:send", write))["code"] == "not_found"
        assert "to who is left" not in [message["text"] for message in socket.messages]

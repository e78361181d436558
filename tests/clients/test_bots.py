"""The bots of docs/clients.md, as they stand there, against a whole node."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from socialflow_client import Client

from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = Path(__file__).parent.parent.parent
MAX_LINES = 14


def bot(language: str) -> str:
    """The first block of this language under the section's heading."""
    section = (ROOT / "docs/clients.md").read_text().split("## Bots and other programs")[1].split("\n## ")[0]
    found = re.search(rf"```{language}\n(.*?)```", section, re.S)
    assert found is not None
    assert len(found[1].splitlines()) <= MAX_LINES
    return found[1]


@asynccontextmanager
async def running(*command: str, token: str, **env: str) -> AsyncIterator[None]:
    """The bot's process while the block runs; its output is shown when the test fails."""
    environment = {**os.environ, "TOKEN": token, **env}
    process = await asyncio.create_subprocess_exec(*command, env=environment)
    try:
        yield
        assert process.returncode is None, "the bot ended"
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def hello(node: CoreNode, stream_id: str, owner: Person) -> str:
    """Say `!hello` until the bot, whose name is bob, answers; its answer. It is not known when it is there."""
    async with Client(node.served.url, token=owner.token) as client, asyncio.timeout(60):
        room = await client.watch(stream_id)
        answering = asyncio.create_task(answer_in(room))
        while not answering.done():
            await room.send("!hello")
            await asyncio.wait([answering], timeout=0.5)
        return await answering


async def answer_in(room: object) -> str:
    async for message in room:  # type: ignore[attr-defined]
        if message.user.username == "bob":
            return str(message.text)
    raise AssertionError("the room has ended")


async def api_token(person: Person) -> str:
    made = await person.done("POST", "/auth/tokens", {"name": "bot", "scopes": ["read", "chat"]})
    token: str = made["token"]
    return token


async def test_the_python_bot_answers(node: CoreNode, ada: Person, bob: Person, tmp_path: Path) -> None:
    (tmp_path / "bot.py").write_text(bot("python"))
    stream_id = (await ada.prepare("With a bot"))["id"]
    command = (sys.executable, str(tmp_path / "bot.py"), node.served.url, stream_id)
    async with running(*command, token=await api_token(bob), PYTHONPATH=str(ROOT / "clients/python")):
        assert await hello(node, stream_id, ada) == "Hello, ada!"

"""The TypeScript client, built as its package is, run by Node against a whole node."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from socialflow_client import Client

from tests.clients.proxy import Proxy
from tests.clients.test_bots import api_token, bot, hello, running
from tests.server.live.core_node import CoreNode, Person
from tests.server.served import PASSWORD
from tests.tools import needs
from tests.web.node import node as node_program
from tests.web.node import npm

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PACKAGE = ROOT / "clients/js"
MODULES = ROOT / "server/web/node_modules"
COUNT = 60

pytestmark = [
    needs(node_program(), "Node 20.19 or later (`make web` brings one)"),
    needs(MODULES.exists(), "the folder of the web client's packages (`make web` fills it)"),
]


@pytest.fixture(scope="module")
def program() -> str:
    found = node_program()
    assert found is not None
    return found


@pytest.fixture(scope="module")
def folder(program: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One in which ``socialflow-client`` is installed; `make check` holds its types."""
    made = tmp_path_factory.mktemp("js")
    installed = made / "node_modules/socialflow-client"
    compiler = str(MODULES / "typescript/bin/tsc")
    options = ("--noCheck", "--declaration", "false", "--project", str(PACKAGE), "--outDir", str(installed / "dist"))
    subprocess.run([program, compiler, *options], check=True, capture_output=True, timeout=120)
    for name in ("package.json", "README.md", "LICENSE"):
        shutil.copy(PACKAGE / name, installed)
    (made / "node_modules/socket.io-client").symlink_to(MODULES / "socket.io-client")
    return made


@pytest.mark.asyncio(loop_scope="module")
async def test_it_reads_all_over_broken_connections_and_answers_once(
    node: CoreNode, ada: Person, bob: Person, program: str, folder: Path
) -> None:
    stream_id = (await ada.prepare("Read in JavaScript"))["id"]
    script = Path(shutil.copy(HERE / "read_and_answer.mjs", folder))
    async with Proxy(node.app.ports.http_port) as proxy, Client(node.served.url, token=ada.token) as client:
        process = await asyncio.create_subprocess_exec(
            program, str(script), proxy.url, stream_id, str(COUNT),
            env={**os.environ, "PASSWORD": PASSWORD}, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        try:
            async with asyncio.timeout(90):
                assert await process.stdout.readline() == b"ready\n"
                room = await client.watch(stream_id)
                for number in range(COUNT):
                    if number % 20 == 10:
                        await proxy.cut_and_return()
                    await room.send(f"message {number}")
                printed = json.loads(await process.stdout.readline())
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
        answers = {one.offset: one.text for one in await room.history(limit=100) if one.user.username == "bob"}
    assert printed["texts"] == [f"message {number}" for number in range(COUNT)]
    assert printed["errors"] == [[True, False, "forbidden"], [True, True, "not-found"]]
    assert answers == dict(zip(printed["offsets"], [f"answer {n}" for n in range(10, COUNT + 1, 10)], strict=True))


@pytest.mark.asyncio(loop_scope="module")
async def test_the_bot_answers(node: CoreNode, ada: Person, bob: Person, program: str, folder: Path) -> None:
    (folder / "bot.mjs").write_text(bot("js"))
    stream_id = (await ada.prepare("With a bot"))["id"]
    async with running(program, str(folder / "bot.mjs"), node.served.url, stream_id, token=await api_token(bob)):
        assert await hello(node, stream_id, ada) == "Hello, ada!"


@needs(npm(), "npm, beside Node")
def test_the_package_holds_what_was_built_and_nothing_else(program: str, folder: Path) -> None:
    installed = folder / "node_modules/socialflow-client"
    path = f"{Path(program).parent}{os.pathsep}{os.environ['PATH']}"  # npm runs the node that it finds there
    ran = subprocess.run(
        [*(npm() or ()), "pack", "--dry-run", "--json", "--ignore-scripts"],
        cwd=installed, env={**os.environ, "PATH": path}, check=True, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    names = {file["path"] for file in json.loads(ran.stdout)[0]["files"]}
    built = {f"dist/{source.stem}.js" for source in (PACKAGE / "src").glob("*.ts")}
    assert names - built == {"package.json", "README.md", "LICENSE"}
    assert {"dist/index.js", "dist/client.js"} <= names

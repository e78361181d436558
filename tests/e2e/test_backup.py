"""`socialflow backup` of a server that runs, `socialflow restore` into an empty folder, and what plays there."""

from __future__ import annotations

import asyncio
import io
import tarfile
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from tests.e2e.people import Account, Api
from tests.e2e.publishing import Publisher, play
from tests.e2e.serving import COMMAND, Server
from tests.e2e.talking import talker


async def ran(folder: Path, *words: str) -> tuple[int, str]:
    """Exit code and everything said, of a command in a working folder."""
    process = await asyncio.create_subprocess_exec(
        COMMAND, *words, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


async def recorded(server: Server, owner: Account, seconds: float) -> tuple[str, str]:
    """A stream that was published for some seconds, with a message, and has ended: its id and its room's."""
    made = await owner.prepare("Kept")
    stream = made["stream"]
    with Publisher(f"{server.rtmp}/{made['ingest']['stream_key']}", seconds=seconds) as publisher:
        await owner.until_state(stream["id"], "live")
        await publisher.left(within_s=seconds + 15)
    await owner.done("POST", f"streams/{stream['id']}/end")
    async with talker(server.url, token=owner.token) as socket:
        sent = await socket.ask("chat:send", {"room_id": stream["chat"]["room_id"], "text": "سلام", "client_id": "1"})
        assert sent["ok"], sent
    return stream["id"], stream["chat"]["room_id"]


async def test_a_recording_plays_from_an_empty_folder_that_a_backup_was_restored_into(
    server: Server, own_server: Server, owner: Account, http: aiohttp.ClientSession, tmp_path: Path
) -> None:
    stream_id, _ = await recorded(server, owner, 5)
    file = tmp_path / "kept.tar"
    code, said = await ran(tmp_path, "backup", str(file), "--data-dir", str(server.data_dir))
    assert (code, file.stat().st_mode & 0o777) == (0, 0o600), said
    assert [path.name for path in tmp_path.iterdir()] == ["kept.tar"]
    code, said = await ran(tmp_path, "restore", str(file), "--data-dir", str(own_server.data_dir))
    assert code == 0, said
    await asyncio.to_thread(own_server.start)
    api = Api(http, own_server.url)
    assert (await api.stream(stream_id))["title"] == "Kept"
    played = await play(f"{own_server.url}/hls/{stream_id}/index.m3u8")
    assert (played.code, played.errors) == (0, [])
    assert played.seconds > 4
    messages = await api.done("GET", f"streams/{stream_id}/chat?" + urlencode({"since_offset": 0}))
    assert [message["text"] for message in messages["items"]] == ["سلام"]


async def test_what_is_there_is_never_overwritten(server: Server, own_server: Server, tmp_path: Path) -> None:
    file = tmp_path / "kept.tar"
    assert (await ran(tmp_path, "backup", str(file), "--data-dir", str(server.data_dir)))[0] == 0
    code, said = await ran(tmp_path, "restore", str(file), "--data-dir", str(server.data_dir))
    assert code == 1
    assert "stop it first" in said
    assert (await ran(tmp_path, "restore", str(file), "--data-dir", str(own_server.data_dir)))[0] == 0
    code, said = await ran(tmp_path, "restore", str(file), "--data-dir", str(own_server.data_dir))
    assert code == 1
    assert "not empty" in said


def cut(body: bytes) -> bytes:
    return body[: body.index(b"PGDMP") + 4_000]


def without_sums(body: bytes) -> bytes:
    return body[: body.rindex(b"SHA256SUMS")] + bytes(2 * tarfile.BLOCKSIZE)


def changed(body: bytes) -> bytes:
    at = body.index(b"PGDMP") + 4_000
    return body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]


def foreign(_: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo("objects/../../escaped")
        entry.size = 1
        tar.addfile(entry, io.BytesIO(b"x"))
    return made.getvalue()


def no_tar(_: bytes) -> bytes:
    return b"no tar at all" * 100


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (cut, "not a whole one"),
        (without_sums, "its sums are missing"),
        (changed, "damaged: database.dump"),
        (foreign, "no backup"),
        (no_tar, "no backup"),
    ],
)
async def test_a_bad_archive_changes_nothing_and_is_named(
    server: Server, tmp_path: Path, spoil: Callable[[bytes], bytes], reason: str
) -> None:
    file, data = tmp_path / "kept.tar", tmp_path / "data"
    assert (await ran(tmp_path, "backup", str(file), "--data-dir", str(server.data_dir)))[0] == 0
    file.write_bytes(spoil(file.read_bytes()))
    code, said = await ran(tmp_path, "restore", str(file), "--data-dir", str(data))
    assert code == 1
    assert reason in said
    assert said.count("\n") == 1
    assert not data.exists()


async def test_a_backup_that_cannot_be_written_leaves_no_half_of_it(server: Server, tmp_path: Path) -> None:
    code, said = await ran(tmp_path, "backup", "nowhere/kept.tar", "--data-dir", str(server.data_dir))
    assert code == 1
    assert "nowhere" in said
    assert list(tmp_path.iterdir()) == []

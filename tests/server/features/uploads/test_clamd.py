"""Uploads held against a virus scanner: its protocol against a socket of the test, and Debian's where there is one."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from server.features.videos.uploads.clamd import Clamd
from server.jobs import RetryLater
from storage.errors import Unavailable
from tests.server.features.uploads.conftest import Uploader
from tests.server.kit import Kit
from tests.tools import needs

BAD = b"bad bytes"


@asynccontextmanager
async def scanner(path: Path, *, answer: bytes = b"") -> AsyncIterator[list[bytes]]:
    """One that finds ``BAD``, or gives this ``answer`` to the first bytes; the files that it was sent."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.readuntil(b"\0") == b"zINSTREAM\0"
        file = b""
        while size := int.from_bytes(await reader.readexactly(4), "big"):
            file += await reader.readexactly(size)
            if answer:
                break
        seen.append(file)
        writer.write(answer or (b"stream: Our.Test FOUND\0" if BAD in file else b"stream: OK\0"))
        writer.close()

    server = await asyncio.start_unix_server(serve, path)
    async with server:
        yield seen


async def pieces(*each: bytes) -> AsyncIterator[bytes]:
    for piece in each:
        yield piece


async def test_a_file_is_sent_in_pieces_and_what_is_found_in_it_is_named(tmp_path: Path) -> None:
    clamd = Clamd(str(tmp_path / "s"))
    async with scanner(tmp_path / "s") as seen:
        assert await clamd.scan(pieces(b"some", b" bytes")) is None
        assert await clamd.scan(pieces(b"xbad ", b"bytesx")) == "Our.Test"
        assert await clamd.scan(pieces()) is None
    assert seen == [b"some bytes", b"xbad bytesx", b""]


@pytest.mark.parametrize("answer", [b"INSTREAM size limit exceeded. ERROR\0", b"stream: OK", b"\0", b"x" * 9_000])
async def test_a_scanner_that_gives_no_verdict_is_unavailable(tmp_path: Path, answer: bytes) -> None:
    async with scanner(tmp_path / "s", answer=answer):
        with pytest.raises(Unavailable):
            await Clamd(str(tmp_path / "s")).scan(pieces(*[b"x" * 100_000] * 20))
    with pytest.raises(Unavailable):
        await Clamd(str(tmp_path / "none")).scan(pieces(b"x"))
    with pytest.raises(Unavailable):
        await Clamd("127.0.0.1:1").scan(pieces(b"x"))


async def test_an_infected_upload_is_refused_and_one_waits_while_the_scanner_is_away(kit: Kit, tmp_path: Path) -> None:
    settings = {"clamd_address": str(tmp_path / "s"), "clamd_mb": 1}
    async with kit.serve(**settings) as served:
        ada = Uploader(kit, served, await served.register("ada"))
        files = [b"WEBVTT\n\nhello", b"WEBVTT\n\n" + BAD, b"WEBVTT\n\n" + b"x" * 1_500_000]
        paths = [await ada.sent(file) for file in files]
        async with scanner(tmp_path / "s") as seen:
            await kit.run_jobs(kit.install(**settings).features)
        shown = [await ada.state(path) for path in paths]
        waiting = await ada.sent(files[0])
        with pytest.raises(RetryLater):
            await kit.run_jobs(kit.install(**settings).features)
        assert (await ada.state(waiting))["state"] == "checking"
    refused = ("refused", "The virus scanner found Our.Test")
    assert [(one["state"], one["reason"]) for one in shown] == [("ready", None), refused, ("ready", None)]
    assert sorted(len(file) for file in seen)[-1] == 1_000_000


CLAMD = shutil.which("clamd", path="/usr/sbin:/usr/bin") or ""


@pytest.fixture
def signatures(tmp_path: Path) -> Path:
    """A scanner's settings, with one signature of our own."""
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "ours.ndb").write_text(f"Our.Test:0:*:{BAD.hex()}\n")
    config = tmp_path / "clamd.conf"
    config.write_text(
        f"Foreground yes\nLocalSocket {tmp_path}/clamd\nDatabaseDirectory {tmp_path}/db\nUser {Path.home().owner()}\n"
    )
    return config


@needs(CLAMD, "clamd")
async def test_debians_scanner_finds_what_has_our_signature(signatures: Path) -> None:
    address = signatures.with_name("clamd")
    process = await asyncio.create_subprocess_exec(
        CLAMD, "-c", str(signatures), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(60):
            while not address.exists():
                assert process.returncode is None
                await asyncio.sleep(0.05)
        clamd = Clamd(str(address))
        assert await clamd.scan(pieces(b"some", b" bytes")) is None
        assert await clamd.scan(pieces(b"some ", BAD)) in ("Our.Test", "Our.Test.UNOFFICIAL")
    finally:
        process.kill()
        await process.wait()

"""The embedded database of a moment, from a base and the WAL since: with the real engine, killed amid."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest

from server.config import ConfigError, Settings, load
from server.engines import Engines
from server.point_in_time import BaseBackups, back_up_base, bring_back_to
from storage.embedded.postgres import EmbeddedPostgres
from storage.embedded.wal_folder import WalFolder
from tests.storage.engine_kill import kill


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sf-") as name:
        yield Path(name)


def of(folder: Path, name: str) -> Settings:
    return Settings(data_dir=folder / name, wal_folder=folder / "wal")


async def ran(engine: EmbeddedPostgres, *statements: str) -> None:
    connection = await asyncpg.connect(dsn=await asyncio.to_thread(engine.start))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def words(settings: Settings) -> list[str]:
    """What a restored database holds, of a server that keeps its WAL from there on."""
    engine = EmbeddedPostgres(data_dir=settings.data_dir, wal_folder=settings.wal_folder)
    connection = await asyncpg.connect(dsn=await asyncio.to_thread(engine.start))
    try:
        return [row["word"] for row in await connection.fetch("select word from kept order by at")]
    finally:
        await connection.close()
        await asyncio.to_thread(engine.stop)


def moment() -> str:
    return datetime.now(UTC).isoformat()


TABLES = (
    "create table chat_rooms (log_epoch text)",
    "insert into chat_rooms values ('seen')",
    "create table kept (word text, at timestamptz default clock_timestamp())",
    "insert into kept values ('before')",
)
SWITCH = "select pg_switch_wal()"


async def test_a_database_is_brought_back_as_of_a_moment_and_a_gap_is_told(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = of(folder, "lost")
    folder.chmod(0o755)
    settings.data_dir.mkdir(mode=0o755)  # the account of Postgres needs no help to enter it, maybe to run Python
    early = moment()
    engine = EmbeddedPostgres(data_dir=settings.data_dir, wal_folder=settings.wal_folder)
    try:
        await ran(engine, *TABLES)
        bases = BaseBackups(settings=settings, wal_folder=folder / "wal", url=engine.start())
        await bases.look(datetime.now(UTC))
        await bases.look(datetime.now(UTC))
        assert len(WalFolder(folder / "wal").bases()) == 1
        await ran(engine, "insert into kept values ('first')")
        await kill(engine)
        await ran(engine, "insert into kept values ('second')")
        to = moment()
        await ran(engine, "insert into kept values ('third')", SWITCH, "insert into kept values ('fourth')", SWITCH)
        await ran(engine, "delete from kept")
        late = moment()
        await ran(engine, "insert into kept values ('last')")
    finally:
        engine.stop()
    capsys.readouterr()
    (base,) = WalFolder(folder / "wal").bases()
    *_, missing, last = sorted(base.wal.glob("*.gz"))
    missing.rename(folder / "elsewhere")

    assert await bring_back_to(of(folder, "back"), to) == 0, capsys.readouterr().err
    assert await words(of(folder, "back")) == ["before", "first", "second"]
    assert len({path.name for path in (folder / "wal").iterdir()}) == 2, "what follows has a life of its own"
    for at in ("latest", late):
        assert await bring_back_to(of(folder, "never"), at) == 1
        assert f"{missing.stem} of the WAL is missing" in capsys.readouterr().err
    assert list((folder / "never").iterdir()) == [folder / "never" / "postgres.lock"]
    (folder / "elsewhere").rename(missing)
    assert await bring_back_to(of(folder, "quiet"), moment()) == 0, capsys.readouterr().err
    assert "the last change before that moment is of 20" in capsys.readouterr().out
    assert await words(of(folder, "quiet")) == ["last"]
    last.write_bytes(last.read_bytes()[:-40])
    assert await bring_back_to(of(folder, "never"), "latest") == 1
    assert f"{last} is damaged" in capsys.readouterr().err

    assert await bring_back_to(of(folder, "never"), early) == 1
    assert "no earlier moment" in capsys.readouterr().err
    assert await bring_back_to(of(folder, "lost"), to) == 1
    assert "holds a database" in capsys.readouterr().err
    whole = (base.folder / "base.tar.gz").read_bytes()
    (base.folder / "base.tar.gz").write_bytes(whole[: len(whole) // 2])
    assert await bring_back_to(of(folder, "never"), to) == 1
    assert f"{base.folder} is damaged" in capsys.readouterr().err


async def test_wal_that_waits_is_told_once_an_hour_and_so_is_a_server_without_the_folder(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notes = folder / "data/postgres/pg_wal/archive_status"
    notes.mkdir(parents=True)
    (notes / "000000010000000000000001.ready").touch()
    bases = BaseBackups(settings=of(folder, "data"), wal_folder=folder / "wal", url="")
    for minutes in (1, 4, 5):
        with pytest.raises(OSError, match="started without wal_folder"):
            await bases.look(datetime.now(UTC) + timedelta(minutes=minutes))
        assert caplog.text.count("cannot be kept") == (minutes > 1)


@pytest.mark.parametrize("told", ["yesterday", "2026-07-01T12:00:00", "9000-01-01T00:00:00Z"])
async def test_no_moment_is_refused_and_the_database_left_alone(
    folder: Path, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await bring_back_to(of(folder, "data"), told) == 1
    assert told in capsys.readouterr().err
    assert not (folder / "data").exists()


async def test_without_a_folder_for_it_the_past_is_not_kept_and_that_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await back_up_base(Settings(data_dir=folder)) == 1
    assert await bring_back_to(Settings(data_dir=folder), "latest") == 1
    assert capsys.readouterr().err.count("wal_folder") == 2
    with pytest.raises(ConfigError, match="embedded Postgres"):
        load(["--wal-folder", str(folder), "--database-url", "postgresql://elsewhere/db"])
    Engines(Settings(data_dir=folder, database_url="postgresql://elsewhere/db"))

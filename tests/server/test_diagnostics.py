"""What an operator runs beside the server, against real engines, sockets, files and certificates."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from server.administration import create_admin, reset_password
from server.config import ConfigError, Settings, load
from server.database_url import running_database_url
from server.diagnostics.diagnose import diagnose, findings
from server.diagnostics.findings import Finding
from server.diagnostics.machine import WEB
from server.features.people.accounts.devices import Device
from server.features.people.accounts.passwords import Passwords
from server.hashing.process import HashingThreads
from server.http.identity import Identity
from server.migrate import migrate_database
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import current, head
from storage.postgres import Database
from tests.server.features.town.model_server import serving_model
from tests.server.kit import Kit
from tests.server.outbound.conftest import smtp
from tests.server.outbound.smtp_server import SmtpServerFixture
from tests.storage.watched import MASTER, Instance

__all__ = ["smtp"]

NOWHERE = "postgresql://postgres@127.0.0.1:1/nothing"


def settings_of(tmp_path: Path, *flags: str) -> Settings:
    ports = ("--http-port", "0", "--rtmp-port", "0", "--webrtc-port", "0")
    return load(["--data-dir", str(tmp_path / "data"), *ports, *flags])


async def found(settings: Settings, subject: str) -> Finding:
    check = "ports" if subject.endswith(" port") else subject
    return next(one for one in await findings(settings, check) if one.subject == subject)


# migrate


async def test_migrate_says_from_which_revision_to_which_and_is_idempotent(
    tmp_path: Path, empty_database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path, "--database-url", empty_database_url)
    assert await migrate_database(settings) == 0
    assert f"from nothing to {head()}" in capsys.readouterr().out
    assert await migrate_database(settings) == 0
    assert f"at {head()} already" in capsys.readouterr().out
    assert await current(empty_database_url) == head()


async def test_migrate_without_a_url_starts_the_embedded_postgres_and_stops_it_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path)
    assert await migrate_database(settings) == 0
    assert (settings.data_dir / "postgres" / "PG_VERSION").exists()
    assert not (settings.data_dir / "postgres" / "postmaster.pid").exists()


async def test_migrate_while_postgres_is_away_is_one_line_and_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await migrate_database(settings_of(tmp_path, "--database-url", NOWHERE)) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("socialflow: postgres is unavailable")
    assert told.err.count("\n") == 1


async def test_migrate_while_a_server_runs_uses_its_postgres_and_leaves_it_running(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    engine = EmbeddedPostgres(data_dir=settings.data_dir)
    url = engine.start()
    try:
        assert running_database_url(settings.data_dir) == url
        assert await migrate_database(settings) == 0
        assert engine.is_running()
        assert await current(url) == head()
    finally:
        engine.stop()
    assert running_database_url(settings.data_dir) is None


# admin


async def test_a_new_admin_signs_in_with_the_printed_password(
    tmp_path: Path, database_url: str, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path, "--database-url", database_url)
    assert await create_admin(settings, username="boss", email="boss@example.org") == 0
    lines = capsys.readouterr().out.splitlines()
    printed = dict(line.rsplit(maxsplit=1) for line in lines[:3])
    assert printed["stream key"].startswith("sk_")
    identity, passwords = Identity(rows=db), Passwords(hashing=HashingThreads())
    await identity.start()
    try:
        kit = Kit(database=db, identity=identity, passwords=passwords, objects_dir=tmp_path)
        device = Device(address="127.0.0.1", user_agent="tests")
        accounts = kit.install().accounts
        signed_in = await accounts.login(login="boss", password=printed["password"], device=device)
    finally:
        passwords.close()
        await identity.close()
    assert "admin" in signed_in.user.roles


@pytest.mark.parametrize(
    ("username", "email", "reason"),
    [
        ("boss", "other@example.org", "username is taken"),
        ("b", "boss@example.org", "3 to 30"),
        ("boss two", "boss@example.org", "3 to 30"),
        ("bossy", "nowhere", "not an address"),
    ],
)
async def test_an_admin_that_cannot_be_made_is_one_line_and_code_1(
    username: str,
    email: str,
    reason: str,
    tmp_path: Path,
    database_url: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = settings_of(tmp_path, "--database-url", database_url)
    assert await create_admin(settings, username="boss", email="boss@example.org") == 0
    capsys.readouterr()
    assert await create_admin(settings, username=username, email=email) == 1
    told = capsys.readouterr()
    assert reason in told.err
    assert told.err.count("\n") == 1


async def test_reset_password_prints_a_new_one_and_names_who_is_not_there(
    tmp_path: Path, database_url: str, db: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path, "--database-url", database_url)
    await create_admin(settings, username="boss", email="boss@example.org")
    before = await db.fetchval("select password_hash from users")
    capsys.readouterr()
    assert await reset_password(settings, username="BOSS") == 0
    assert len(capsys.readouterr().out.splitlines()[1].split()[1]) == 20
    assert await db.fetchval("select password_hash from users") != before
    assert await reset_password(settings, username="nobody") == 1
    assert "nobody" in capsys.readouterr().err


# doctor


async def test_doctor_finds_nothing_to_mend_on_a_new_folder_and_leaves_it_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path)
    assert await diagnose(settings) == 0
    told = capsys.readouterr().out
    assert "problem" not in told
    assert not settings.data_dir.exists()


def test_doctor_looks_for_the_page_where_the_build_puts_it() -> None:
    assert (WEB.parent / "package.json").is_file()


async def test_doctor_looks_into_given_engines(tmp_path: Path, database_url: str, redis_url: str) -> None:
    settings = settings_of(tmp_path, "--database-url", database_url, "--redis-url", redis_url)
    by_subject = {one.subject: one for one in await findings(settings)}
    assert by_subject["postgres"].state == "ok"
    assert by_subject["schema"].says == head()
    # The tests' Redis is older than the first one that no client can crash.
    assert by_subject["redis"].state == "note"
    assert "8.6.3" in by_subject["redis"].advice


@pytest.mark.parametrize(("floor", "state"), [("0001", "note"), ("9999", "problem")])
async def test_doctor_tells_a_later_schema_that_can_be_worked_with_from_one_that_cannot(
    tmp_path: Path, database_url: str, db: Database, floor: str, state: str
) -> None:
    await db.execute("update alembic_version set version_num = '9999'")
    await db.execute("update schema_floor set revision = $1", floor)
    settings = settings_of(tmp_path, "--database-url", database_url)
    by_subject = {one.subject: one for one in await findings(settings)}
    assert by_subject["schema"].state == state


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ((), "ok"),
        (("--public-url", "http://127.0.0.1:8080"), "ok"),
        (("--public-url", "https://live.example"), "note"),
        (("--public-url", "https://live.example", "--http-host", "0.0.0.0"), "note"),
        (("--public-url", "http://live.example", "--http-host", "0.0.0.0"), "ok"),
        (("--public-url", "https://live.example", "--trusted-proxies", "127.0.0.1"), "ok"),
    ],
)
async def test_doctor_warns_of_a_proxy_that_is_not_named(tmp_path: Path, flags: tuple[str, ...], state: str) -> None:
    assert (await found(settings_of(tmp_path, *flags), "proxy")).state == state


def test_trusted_proxy_that_is_no_network_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"trusted_proxies.*10\.0\.0\.x"):
        settings_of(tmp_path, "--trusted-proxies", "10.0.0.1,10.0.0.x")


async def test_doctor_says_what_to_do_when_engines_are_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = settings_of(tmp_path, "--database-url", NOWHERE, "--redis-url", "redis://127.0.0.1:1")
    assert await diagnose(settings) == 1
    told = capsys.readouterr().out
    assert "database_url" in told
    assert "redis_url" in told
    assert "Traceback" not in told


async def test_doctor_does_not_disturb_the_postgres_of_a_running_server(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    engine = EmbeddedPostgres(data_dir=settings.data_dir)
    engine.start()
    try:
        finding = await found(settings, "postgres")
        assert (finding.state, "running server" in finding.says) == ("ok", True)
        assert engine.is_running()
    finally:
        engine.stop()


async def test_doctor_tells_a_taken_port_from_one_that_social_flow_holds(tmp_path: Path) -> None:
    with taken_port() as port:
        finding = await found(settings_of(tmp_path, "--rtmp-port", str(port)), "rtmp port")
        assert finding.state == "problem"
        assert "--rtmp-port" in finding.advice
        async with StandIn() as http_port:
            both = settings_of(tmp_path, "--rtmp-port", str(port), "--http-port", str(http_port))
            assert (await found(both, "rtmp port")).state == "ok"
            assert "9.9" in (await found(both, "http port")).says


async def test_doctor_finds_a_data_folder_under_a_file(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("not a folder")
    finding = await found(settings_of(tmp_path), "data folder")
    assert finding.state == "problem"


async def test_doctor_tells_how_far_back_the_wal_folder_goes_and_when_it_is_no_use(tmp_path: Path) -> None:
    chosen = tmp_path / "wal"
    settings = settings_of(tmp_path, "--wal-folder", str(chosen))
    finding = await found(settings, "wal folder")
    assert (finding.state, "no base backup yet" in finding.says, "disk" in finding.says) == ("note", True, True)
    made = chosen / "20260101T000000.000000Z-00aa" / "base-20260101T000000.000000Z"
    made.mkdir(parents=True)
    wal = {"Timeline": 1, "Start-LSN": "0/2000028", "End-LSN": "0/2000120"}
    (made / "backup_manifest").write_text(json.dumps({"WAL-Ranges": [wal]}))
    finding = await found(settings, "wal folder")
    assert "since 2026-01-01T00:00:00" in finding.says
    assert "backup --base" in finding.advice
    shutil.rmtree(chosen)
    chosen.write_text("not a folder")
    assert (await found(settings, "wal folder")).state == "problem"


async def test_doctor_notes_a_run_folder_with_too_little_room(tmp_path: Path) -> None:
    flags = ("--run-dir", str(tmp_path / "run"), "--max-run-bytes", str(1 << 60))
    finding = await found(settings_of(tmp_path, *flags), "run folder")
    assert finding.state == "note"
    assert "--max-run-bytes" in finding.advice


async def test_doctor_asks_the_smtp_server_without_sending_a_mail(tmp_path: Path, smtp: SmtpServerFixture) -> None:
    assert "kept" in (await found(settings_of(tmp_path), "mail")).says
    settings = settings_of(tmp_path, "--smtp-url", f"smtp+plain://127.0.0.1:{smtp.port}")
    assert (await found(settings, "mail")).state == "ok"
    in_tls = settings_of(tmp_path, "--smtp-url", f"smtp://ada:s3cret@127.0.0.1:{smtp.port}")
    finding = await found(in_tls, "mail")
    assert (finding.state, smtp.envelopes) == ("problem", [])
    assert "STARTTLS" in finding.says
    assert "s3cret" not in str(finding)


async def test_doctor_asks_the_sentinels_and_says_which_master_they_name(tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        master = Instance.of_engine(folder=tmp_path)
        stack.callback(master.kill)
        sentinel = Instance.of_sentinel(folder=tmp_path, master_port=master.port)
        stack.callback(sentinel.kill)
        await master.until(("PING",), says=b"PONG")
        await sentinel.until(("PING",), says=b"PONG")
        url = f"redis+sentinel://127.0.0.1:{sentinel.port}/{MASTER}"
        finding = await found(settings_of(tmp_path, "--redis-url", url), "redis")
        assert finding.says.endswith(f"master {MASTER} at 127.0.0.1:{master.port}")
        finding = await found(settings_of(tmp_path, "--redis-url", url + "s"), "redis")
        assert finding.state == "problem"
        assert f"no master named '{MASTER}s' (but: {MASTER})" in finding.says


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("redis+sentinel://127.0.0.1:1,127.0.0.1:2/town", "127.0.0.1:2: Error"),
        ("redis+sentinel://127.0.0.1:1", "name of the master"),
        ("rediss://127.0.0.1:1?ssl_ca_certs=/nonexistent.pem", "there is no file"),
    ],
)
async def test_doctor_says_what_is_wrong_with_the_address_of_redis(url: str, says: str, tmp_path: Path) -> None:
    finding = await found(settings_of(tmp_path, "--redis-url", url), "redis")
    assert finding.state == "problem"
    assert says in finding.says
    assert "redis_url" in finding.advice


@pytest.mark.parametrize(
    ("from_days", "to_days", "state", "says"),
    [
        (-1, 200, "ok", "valid until"),
        (-1, 5, "note", "valid until"),
        (-20, -1, "problem", "expired"),
        (2, 20, "problem", "valid from"),
    ],
)
async def test_doctor_reads_the_dates_of_a_certificate(
    from_days: int, to_days: int, state: str, says: str, tmp_path: Path
) -> None:
    cert, key = certificate(tmp_path, from_days, to_days)
    finding = await found(settings_of(tmp_path, "--tls-cert", str(cert), "--tls-key", str(key)), "tls")
    assert finding.state == state
    assert says in finding.says


async def test_doctor_finds_a_key_of_another_certificate(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    cert, _ = certificate(tmp_path, -1, 200)
    _, other_key = certificate(tmp_path / "other", -1, 200)
    finding = await found(settings_of(tmp_path, "--tls-cert", str(cert), "--tls-key", str(other_key)), "tls")
    assert finding.state == "problem"


async def test_doctor_finds_a_data_folder_that_cannot_be_written(tmp_path: Path) -> None:
    # A file in its place: permissions alone do not keep root from writing.
    (tmp_path / "data").write_text("not a folder")
    finding = await found(settings_of(tmp_path), "data folder")
    assert finding.state == "problem"


@contextmanager
def taken_port() -> Iterator[int]:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        yield holder.getsockname()[1]


class StandIn:
    """A server that answers as Social Flow does where the doctor asks."""

    async def __aenter__(self) -> int:
        app = web.Application()
        app.router.add_get("/livez", _alive)
        app.router.add_get("/api/v1/server", _described)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return int(self._runner.addresses[0][1])

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()


async def _alive(request: web.Request) -> web.Response:
    return web.json_response({"status": "alive"})


async def _described(request: web.Request) -> web.Response:
    return web.json_response({"name": "Social Flow", "version": "9.9", "limits": {}})


def certificate(folder: Path, from_days: int, to_days: int) -> tuple[Path, Path]:
    """A self-signed certificate and its key, as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "live.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + timedelta(days=from_days))
        .not_valid_after(now + timedelta(days=to_days))
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


@pytest.mark.parametrize("text", [b"http_port = \n", b'server_name = "\xff"\n'])
def test_a_settings_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: bytes
) -> None:
    (tmp_path / "socialflow.toml").write_bytes(text)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="cannot be read"):
        load([])


# assistant


async def test_the_doctor_asks_the_assistants_model_for_a_word(tmp_path: Path) -> None:
    assert (await found(settings_of(tmp_path), "assistant")).state == "ok"
    async with serving_model() as model:
        settings = settings_of(tmp_path, "--assistant-api-base", model.base, "--assistant-model", "m")
        assert (await found(settings, "assistant")).state == "ok"
        model.way = "500"
        assert "answered 500" in str(await found(settings, "assistant"))
    assert (await found(settings, "assistant")).state == "problem"

"""Where settings come from, what is shown of them, and what is said of bad ones."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from server.cli import main
from server.config import ConfigError, Settings, load
from server.masks import MASK
from server.secret_files import MAX_BYTES, is_secret, masked

SECRETS = {
    "assistant_api_key", "turn_secret", "stripe_secret_key", "stripe_webhook_secret", "secrets_key", "smtp_password",
    "google_client_secret", "github_client_secret", "facebook_client_secret", "twitter_client_secret",
    "oidc_client_secret", "database_url", "redis_url", "smtp_url",
}  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines_of(out: str) -> dict[str, str]:
    """Each setting's line."""
    return {line.removeprefix("# ").split()[0]: line for line in out.splitlines()}


# what is secret


def test_every_setting_whose_name_says_so_is_secret() -> None:
    assert {name for name, field in Settings.model_fields.items() if is_secret(field)} >= SECRETS
    suspicious = ("_secret", "_password", "_token", "secret_key", "secrets_key", "api_key")
    named = {name for name in Settings.model_fields if name.endswith(suspicious)}
    assert named <= {name for name, field in Settings.model_fields.items() if is_secret(field)}


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("secrets_key", "c29tZXRoaW5n://long=and=secret==", MASK),
        ("database_url", "postgresql://me:p@ss:w/rd@db.example/live", f"postgresql://me:{MASK}@db.example/live"),
        ("database_url", "host=db password='a b' user=me", f"host=db password={MASK} user=me"),
        ("database_url", "postgresql:///live?host=/run&password=abc&user=me",
         f"postgresql:///live?host=/run&password={MASK}&user=me"),
        ("redis_url", "redis://:geheim@cache:6379/0", f"redis://:{MASK}@cache:6379/0"),
        ("redis_url", "redis://cache:6379/0", "redis://cache:6379/0"),
        ("judge_url", "https://judge.example/?token=abc", f"https://judge.example/?token={MASK}"),
        ("http_port", 8080, 8080),
    ],
)  # fmt: skip
def test_what_is_shown_of_a_value_has_nothing_secret(name: str, value: object, shown: object) -> None:
    assert masked(name, Settings.model_fields[name], value) == shown


def test_a_bad_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCIALFLOW_SECRETS_KEY", "too-short-a-one")
    with pytest.raises(ConfigError) as raised:
        load()
    assert "secrets_key" in str(raised.value)
    assert "too-short-a-one" not in str(raised.value)


# secrets from files


def test_a_secret_is_read_from_the_file_that_the_environment_names(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "password").write_text("geheim \n")
    monkeypatch.setenv("SOCIALFLOW_SMTP_PASSWORD_FILE", str(folder / "password"))
    monkeypatch.setenv("SOCIALFLOW_SMTP_URL", "smtp://me@mail.example")
    (folder / "socialflow.toml").write_text('smtp_password = "another"\n')
    assert load().smtp_password == "geheim"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "No such file or directory"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not UTF-8 text"),
        (b"x" * (MAX_BYTES + 1), "is larger than 65,536 bytes"),
    ],
)
def test_a_file_of_no_use_is_told_and_nothing_else_takes_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str
) -> None:
    path = folder / "secret"
    if content is not None:
        path.write_bytes(content)
    (folder / "socialflow.toml").write_text('turn_secret = "another"\n')
    monkeypatch.setenv("SOCIALFLOW_TURN_SECRET_FILE", str(path))
    with pytest.raises(ConfigError) as raised:
        load()
    (line,) = raised.value.lines
    assert line.startswith(f"turn_secret: {path}")
    assert reason in line


def test_a_variable_beside_its_file_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "secret").write_text("one")
    monkeypatch.setenv("SOCIALFLOW_TURN_SECRET_FILE", str(folder / "secret"))
    monkeypatch.setenv("SOCIALFLOW_TURN_SECRET", "another")
    with pytest.raises(ConfigError, match="SOCIALFLOW_TURN_SECRET and SOCIALFLOW_TURN_SECRET_FILE are both given"):
        load()


def test_only_secrets_come_from_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOCIALFLOW_HTTP_PORT_FILE", "/run/port")
    with pytest.raises(ConfigError, match="SOCIALFLOW_HTTP_PORT_FILE: only secrets are read from files"):
        load()


# all that is wrong, at once


def test_all_that_is_wrong_is_told_at_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "socialflow.toml").write_text("http_port = 99999\ncolour = 'red'\n")
    monkeypatch.setenv("SOCIALFLOW_LOG_LEVEL", "loud")
    monkeypatch.setenv("SOCIALFLOW_HTTP_PRT", "80")
    monkeypatch.setenv("SOCIALFLOW_TURN_SECRET_FILE", str(folder / "nowhere"))
    assert main(["check-config", "--max-jobs", "0"]) == 1
    out = capsys.readouterr().out
    for name in ("http_port", "colour", "log_level", "SOCIALFLOW_HTTP_PRT", "turn_secret", "max_jobs"):
        assert name in out
    assert out.count("problem") == len(out.splitlines()) == 6


def test_a_flag_that_there_is_not_hides_no_other_mistake(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SOCIALFLOW_LOG_LEVEL", "loud")
    assert main(["check-config", "--htp-port", "80"]) == 1
    out = capsys.readouterr().out
    assert "--htp-port" in out
    assert "log_level" in out


def test_files_that_settings_name_have_to_be_there(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-config", "--geoip-database", str(folder / "countries.mmdb")]) == 1
    assert f"geoip_database {folder}/countries.mmdb: No such file" in capsys.readouterr().out
    (folder / "countries.mmdb").touch()
    assert main(["check-config", "--geoip-database", str(folder / "countries.mmdb")]) == 0


def test_secrets_in_a_file_that_all_may_read_are_noted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder / "socialflow.toml"
    file.write_text('turn_secret = "abc"\n')
    file.chmod(0o644)
    assert main(["check-config"]) == 0
    assert "socialflow.toml holds turn_secret" in capsys.readouterr().out
    file.chmod(0o600)
    assert main(["check-config"]) == 0
    assert "note" not in capsys.readouterr().out


# what is shown


def test_each_setting_is_shown_with_where_it_comes_from(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "secret").write_text("geheim")
    (folder / "socialflow.toml").write_text('http_port = 1\nrtmp_port = 2\nserver_name = "Abc"\n')
    monkeypatch.setenv("SOCIALFLOW_HTTP_PORT", "3")
    monkeypatch.setenv("SOCIALFLOW_RTMP_PORT", "4")
    monkeypatch.setenv("SOCIALFLOW_TURN_SECRET_FILE", str(folder / "secret"))
    assert main(["config", "show", "--origin", "--http-port", "5", "--no-migrate"]) == 0
    out = capsys.readouterr().out
    shown = {name: [part.strip() for part in line.rsplit("  # ", 1)] for name, line in lines_of(out).items()}
    assert shown.keys() == Settings.model_fields.keys()
    assert shown["http_port"] == ["http_port = 5", "flag --http-port"]
    assert shown["migrate"] == ["migrate = false", "flag --migrate"]
    assert shown["rtmp_port"] == ["rtmp_port = 4", "environment SOCIALFLOW_RTMP_PORT"]
    assert shown["server_name"] == ['server_name = "Abc"', f"file {folder}/socialflow.toml"]
    assert shown["turn_secret"][1] == f"secret file {folder}/secret by SOCIALFLOW_TURN_SECRET_FILE"
    assert shown["grace_s"] == ["grace_s = 30.0", "default"]
    assert shown["tls_cert"] == ["# tls_cert is not set", "default"]
    assert "geheim" not in out


@pytest.mark.parametrize("origin", [[], ["--origin"]])
def test_what_is_shown_is_a_file_of_the_same_settings(
    folder: Path, capsys: pytest.CaptureFixture[str], origin: list[str]
) -> None:
    given = ["--server-name", 'A "name" \\ é ع\x7f', "--stun-urls", "stun:a:1,stun:b:2", "--trace-share", "0.5"]
    assert main(["config", "show", *origin, *given]) == 0
    shown = capsys.readouterr().out
    assert tomllib.loads(shown)
    (folder / "socialflow.toml").write_text(shown)
    assert load() == load(given)


@pytest.mark.parametrize("words", [["config"], ["config", "list"]])
def test_config_without_show_is_a_wrong_call(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("usage: socialflow config show")

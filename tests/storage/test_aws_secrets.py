"""Settings whose secrets AWS Secrets Manager keeps, on a server that speaks its protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from server.cli import main
from server.config import ConfigError, load
from storage.aws_secrets import SecretUnavailable, fetch


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def secrets(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the manager; what the settings are loaded with is in the environment, as in a node's."""
    monkeypatch.chdir(tmp_path)
    given = {"ENDPOINT_URL": endpoint, "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "b", "DEFAULT_REGION": "eu-central-1"}
    for name, value in given.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    client = boto3.client("secretsmanager")
    yield client
    for one in client.list_secrets()["SecretList"]:
        client.delete_secret(SecretId=one["Name"], ForceDeleteWithoutRecovery=True)


def named(monkeypatch: pytest.MonkeyPatch, setting: str, place: str) -> None:
    monkeypatch.setenv(f"SOCIALFLOW_{setting.upper()}_FILE", place)


def refused() -> list[str]:
    with pytest.raises(ConfigError) as raised:
        load()
    return raised.value.lines


def test_settings_are_taken_from_secrets_and_from_fields_of_them(secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fields = {"turn": "geheim", "smtp_password": "pässword "}
    secrets.create_secret(Name="live/all", SecretString=json.dumps(fields, ensure_ascii=False))
    arn = secrets.create_secret(Name="live/db", SecretString="postgresql://me:x@db/live\n")["ARN"]
    named(monkeypatch, "turn_secret", "aws-sm://live/all#turn")
    named(monkeypatch, "smtp_password", "aws-sm://live/all#smtp_password")
    named(monkeypatch, "database_url", f"aws-sm://{arn}")
    monkeypatch.setenv("SOCIALFLOW_SMTP_URL", "smtp://me@mail.example")
    settings = load()
    assert (settings.turn_secret, settings.smtp_password) == ("geheim", "pässword")
    assert settings.database_url == "postgresql://me:x@db/live"


def test_a_start_after_a_rotation_has_the_new_secret(secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    secrets.create_secret(Name="turn", SecretString="old")
    named(monkeypatch, "turn_secret", "aws-sm://turn")
    assert load().turn_secret == "old"
    secrets.put_secret_value(SecretId="turn", SecretString="new")
    assert load().turn_secret == "new"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("aws-sm://nothing", "has no such secret"),
        ("aws-sm://plain#key", "there is no such key in it"),
        ("aws-sm://fields#other", "there is no such key in it"),
        ("aws-sm://fields#inner", "there is no such key in it"),
        ("aws-sm://fields#blank", "there is no such key in it"),
        ("aws-sm://blank", "is empty"),
        ("aws-sm://binary", "it holds bytes instead of text"),
        ("aws-sm://large", "is larger than 65,536 bytes"),
        ("aws-sm://", "aws-sm://: "),
    ],
)
def test_a_secret_of_no_use_is_told_without_what_it_holds(
    secrets: Any, monkeypatch: pytest.MonkeyPatch, place: str, reason: str
) -> None:
    secrets.create_secret(Name="plain", SecretString="geheim")
    secrets.create_secret(Name="fields", SecretString='{"one": "geheim", "inner": {"a": "geheim"}, "blank": " "}')
    secrets.create_secret(Name="blank", SecretString=" ")
    secrets.create_secret(Name="binary", SecretBinary=b"geheim")
    secrets.create_secret(Name="large", SecretString="x" * 65_537)
    named(monkeypatch, "turn_secret", place)
    (line,) = refused()
    assert line.startswith("turn_secret: ")
    assert reason in line
    assert "geheim" not in line


def test_all_that_is_wrong_is_told_at_once(secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "turn_secret", "aws-sm://nothing#a")
    named(monkeypatch, "secrets_key", "aws-sm://nothing#b")
    monkeypatch.setenv("SOCIALFLOW_HTTP_PORT", "-1")
    assert sorted(line.partition(":")[0] for line in refused()) == ["http_port", "secrets_key", "turn_secret"]


def test_the_origin_is_shown_and_the_secret_is_not(
    secrets: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    secrets.create_secret(Name="live/all", SecretString='{"turn": "geheim"}')
    named(monkeypatch, "turn_secret", "aws-sm://live/all#turn")
    assert main(["config", "show", "--origin"]) == 0
    out = capsys.readouterr().out
    assert "AWS secret live/all#turn by SOCIALFLOW_TURN_SECRET_FILE" in out
    assert "geheim" not in out


def test_without_a_region_it_says_what_is_missing(secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(SecretUnavailable, match="region"):
        fetch("turn")


def test_a_manager_that_is_away_is_told(secrets: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setattr("storage.aws_secrets.ATTEMPTS", 1)
    with pytest.raises(SecretUnavailable, match="Could not connect"):
        fetch("turn")

"""``socialflow admin``: API tokens, and the mails that each act sends, over the shared Postgres."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from server import administration
from server.cli import main
from server.config import Settings
from server.http.identity import Identity
from server.outbound.mail import Templates
from storage.postgres import Database
from tests.server.conftest import ApiFixture
from tests.server.features.factors.holder import enrolled


@pytest.fixture
def settings(server_database_url: str) -> Settings:
    return Settings(database_url=server_database_url)


def _printed(out: str) -> str:
    return out.split()[1]


async def test_a_token_is_printed_and_nodes_know_it(
    api: ApiFixture, settings: Settings, identity: Identity, capsys: pytest.CaptureFixture[str]
) -> None:
    ada = await api.register("ada")
    made = await administration.make_token(
        settings, "ADA", scopes="read, chat", name="bot", expires="2099-01-01T00:00:00Z"
    )
    assert made == 0
    await identity.refresh()
    caller = identity.verify(_printed(capsys.readouterr().out))
    assert (caller.id, caller.scopes) == (ada.id, {"read", "chat"})
    row = await api.database.fetchrow("select name, expires_at from api_tokens")
    assert row is not None
    assert (row["name"], row["expires_at"]) == ("bot", datetime(2099, 1, 1, tzinfo=UTC))
    entry = await api.database.fetchrow(
        "select a.actor_id, d.body::jsonb as detail from audit_log a join audit_details d on d.entry_id = a.id"
        " where action = 'token.added'"
    )
    assert entry is not None
    assert (entry["actor_id"], entry["detail"]["person"]) == (None, ada.id)
    assert entry["detail"]["why"] == "an operator, at the command line"


@pytest.mark.parametrize(
    ("given", "answer"),
    [
        ({"scopes": ""}, "--scopes takes some of read,"),
        ({"scopes": "read,everything"}, "not 'everything'"),
        ({"scopes": "admin"}, "admin takes the role of an admin"),
        ({"scopes": "read", "expires": "tomorrow"}, "'tomorrow' is no time"),
        ({"scopes": "read", "expires": "2020-01-01T00:00:00Z"}, "has passed"),
        ({"scopes": "read", "name": "x" * 65}, "--name: 1 to 64"),
    ],
)
async def test_what_cannot_be_made_is_said_in_one_line(
    api: ApiFixture, settings: Settings, given: dict[str, str], answer: str, capsys: pytest.CaptureFixture[str]
) -> None:
    await api.register("ada")
    assert await administration.make_token(settings, "ada", **given) == 1
    said = capsys.readouterr().err
    assert answer in said
    assert said.count("\n") == 1
    assert not await api.database.fetchval("select exists (select from api_tokens)")


async def test_nobody_of_the_name_is_said(
    database: Database, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await administration.make_token(settings, "nobody", scopes="read") == 1
    assert "nobody of the name 'nobody'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("act", "template", "words"),
    [
        (
            lambda settings: administration.reset_password(settings, "ada"),
            "operator_reset_password",
            "one-time password",
        ),
        (lambda settings: administration.suspend(settings, "ada", "ever"), "suspended", "9999-12-31"),
        (lambda settings: administration.remove_factor(settings, "ada"), "operator_removed_factor", "second factor"),
        (
            lambda settings: administration.make_token(settings, "ada", scopes="read", name="bot"),
            "operator_made_token",
            "the API token bot",
        ),
    ],
)
async def test_the_person_gets_a_mail_of_what_an_operator_does(
    api: ApiFixture, settings: Settings, act: Callable[[Settings], Awaitable[int]], template: str, words: str
) -> None:
    await enrolled(api)
    assert await act(settings) == 0
    await api.kit.run_jobs()
    (mail,) = await api.database.fetch("select address, state, name, data from mails where template = $1", template)
    assert (mail["address"], mail["state"]) == ("ada@example.org", "kept")
    rendered = Templates(server="Example", origin="http://example.org")
    assert words in rendered.render(template, "en", mail["name"], mail["data"]).text  # type: ignore[arg-type]
    assert "ada" in rendered.render(template, "ar", mail["name"], mail["data"]).text  # type: ignore[arg-type]


async def test_letting_back_in_sends_no_mail(api: ApiFixture, settings: Settings) -> None:
    await api.register("ada")
    assert await administration.suspend(settings, "ada", "now") == 0
    assert not await api.database.fetchval("select exists (select from mails where template = 'suspended')")


async def test_a_removed_factor_is_not_asked_for_and_is_removed_once(
    api: ApiFixture, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    ada = await enrolled(api)
    assert (await ada.login()).status == 401
    assert await administration.remove_factor(settings, "ADA") == 0
    assert (await ada.login()).status == 200
    assert await administration.remove_factor(settings, "ada") == 1
    assert "ada has no second factor" in capsys.readouterr().err
    assert await administration.remove_factor(settings, "nobody") == 1


async def test_a_new_admin_gets_a_mail_that_verifies_the_address(database: Database, settings: Settings) -> None:
    assert await administration.create_admin(settings, "grace", "grace@example.org") == 0
    (mail,) = await database.fetch("select address, template, data from mails")
    assert (mail["address"], mail["template"]) == ("grace@example.org", "verify_email")
    assert mail["data"]["link"].startswith("/verify#token=")


def test_options_go_before_or_after_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    async def make_token(settings: Settings, username: str, **options: str) -> int:
        seen.append((settings.log_format, username, options))
        return 0

    monkeypatch.setattr(administration, "make_token", make_token)
    words = ["admin", "make-token", "ada", "--scopes", "read", "--log-format", "json", "--expires=2099-01-01T00:00:00Z"]
    assert main(words) == 0
    assert seen == [("json", "ada", {"scopes": "read", "expires": "2099-01-01T00:00:00Z"})]


def test_a_misspelt_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["admin", "make-token", "ada", "--scope", "read"]) == 2
    assert "--scope: there is no such setting" in capsys.readouterr().err

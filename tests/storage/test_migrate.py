"""The schema: from nothing, by many at once, never backwards."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys

import asyncpg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory

from storage import migrate as migrations
from storage.errors import SchemaMismatch, Unavailable
from storage.migrate import check, current, head, migrate, migrations_dir


async def run(url: str, sql: str) -> object:
    connection = await asyncpg.connect(dsn=url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()


async def test_a_new_database_gets_the_whole_schema(empty_database_url: str) -> None:
    assert await current(empty_database_url) == ""
    assert await migrate(empty_database_url) == head()
    assert await current(empty_database_url) == head()
    assert await run(empty_database_url, "select count(*) from shards") == 256


async def test_an_owner_of_the_database_who_is_no_superuser_can_migrate_it(empty_database_url: str) -> None:
    name = await run(empty_database_url, "select current_database()")
    await run(empty_database_url, f"create role {name} login nosuperuser")
    await run(empty_database_url, f"alter database {name} owner to {name}")
    url = empty_database_url.replace("postgres:@", f"{name}:@", 1)
    assert url != empty_database_url
    try:
        assert await migrate(url) == head()
        assert await run(url, "select similarity('chess', 'ches') > 0.5")
    finally:
        await run(empty_database_url, f"reassign owned by {name} to postgres")
        await run(empty_database_url, f"drop owned by {name}")
        await run(empty_database_url, f"drop role {name}")


async def test_many_nodes_at_once_apply_it_once(empty_database_url: str) -> None:
    assert await asyncio.gather(*[migrate(empty_database_url) for _ in range(5)]) == [head()] * 5
    assert await run(empty_database_url, "select count(*) from alembic_version") == 1


async def test_a_node_that_waited_for_another_one_sees_what_that_one_has_done(empty_database_url: str) -> None:
    other = await asyncpg.connect(dsn=empty_database_url)
    waiting = "select exists (select from pg_locks where locktype = 'advisory' and not granted)"
    try:
        async with other.transaction(), asyncio.timeout(30):
            await other.execute("select pg_advisory_xact_lock($1)", migrations._LOCK_KEY)
            node = asyncio.create_task(migrate(empty_database_url))
            while not await other.fetchval(waiting):
                pass
            await other.execute("create table alembic_version (version_num varchar(32) not null)")
            await other.execute("insert into alembic_version values ($1)", head())
        assert await node == head()
    finally:
        await other.close()


async def test_a_database_of_a_later_version_is_left_as_it_is_and_worked_with(database_url: str) -> None:
    await run(database_url, "update alembic_version set version_num = '9999'")
    assert await migrate(database_url) == "9999"
    await check(database_url)
    assert await current(database_url) == "9999"


async def test_a_database_that_has_left_the_code_behind_is_refused(database_url: str) -> None:
    await run(database_url, "update alembic_version set version_num = '9999'")
    await run(database_url, "update schema_floor set revision = '9998'")
    for attempt in (migrate, check):
        with pytest.raises(SchemaMismatch, match="later version"):
            await attempt(database_url)


def test_a_revision_that_takes_away_raises_the_floor() -> None:
    takes_away = re.compile(r"\b(drop|rename|set\s+not\s+null|alter\s+column)\b", re.I)
    replaced = re.compile(r"alter table (\w+) drop constraint (\w+);\s+alter table \1 add constraint \2\b")
    later = [path for path in (migrations_dir() / "versions").glob("m*.py") if not path.name.startswith("m0001_")]
    texts = {path.name: replaced.sub("", path.read_text()) for path in later}  # a check that takes more than before
    texts = {name: _without_what_breaks_nobody(name, text) for name, text in texts.items()}
    silent = [name for name, text in texts.items() if takes_away.search(text) and "schema_floor" not in text]
    assert silent == []


REPLACED_BY_A_TRIGGER = {
    "m0101_ledger_post.py": [
        "drop trigger ledger_entry_is_new on ledger_entries;",
        "drop trigger ledger_entry_balances on ledger_entries;",
        "drop trigger ledger_transfer_balances on ledger_transfers;",
        "drop function ledger_entry_is_new();",
        "drop function ledger_balances();",
        "alter table ledger_entries drop constraint ledger_entries_transfer_id_currency_fkey;",
        "alter table ledger_entries drop constraint ledger_entries_account_id_currency_fkey;",
        "alter table ledger_transfers drop constraint ledger_transfers_id_currency_key;",
        "alter table ledger_accounts drop constraint ledger_accounts_id_currency_key;",
    ],
}
"""What only refused, and is refused by ``ledger_entries_fit`` and the new ``ledger_balances`` of the same revision:
``tests/server/features/money/test_ledger.py`` has what they refuse."""


def _without_what_breaks_nobody(name: str, text: str) -> str:
    """An index is only for speed, a column that may be null takes what the version before writes, and a column that the
    revision adds is not written by it.
    """
    for taken in REPLACED_BY_A_TRIGGER.get(name, ()):
        assert text.count(taken) == 1, taken
        text = text.replace(taken, "")
    text = re.sub(r"drop index \w+;", "", text)
    text = re.sub(r"alter table \w+ alter column \w+ drop not null;", "", text)
    for column in re.findall(r"add column (\w+)", text):
        text = re.sub(rf"alter column {column} set not null", "", text)
    return text


async def test_check_refuses_an_old_database_and_says_what_to_do(empty_database_url: str) -> None:
    with pytest.raises(SchemaMismatch, match="socialflow migrate"):
        await check(empty_database_url)
    await migrate(empty_database_url)
    await check(empty_database_url)


async def test_a_revision_that_fails_leaves_the_database_as_it_was(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = migrations._script("")
    monkeypatch.setattr(migrations, "_script", lambda at: whole + "select no_such_function();")
    with pytest.raises(Exception, match="no_such_function"):
        await migrate(empty_database_url)
    assert await run(empty_database_url, "select to_regclass('users')") is None


async def test_no_database_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await migrate("postgresql://postgres:@/postgres?host=/nonexistent")


def test_file_names_tell_the_head_that_the_revisions_have() -> None:
    config = Config()
    config.set_main_option("script_location", str(migrations_dir()))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [head()]
    for script in scripts.walk_revisions():
        assert script.path.rpartition("/")[2].startswith(f"m{script.revision}_")


def test_a_database_that_is_up_to_date_costs_no_import_of_alembic(postgres_url: str) -> None:
    url = postgres_url.replace("/postgres?", "/socialflow_template?")
    code = (
        "import asyncio, sys; from storage.migrate import migrate;"
        f"asyncio.run(migrate({url!r})); assert not {{'alembic', 'sqlalchemy'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

"""The audit log: what is in it, that it is only added to, and that what is done behind its back is found out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from server.features.people.accounts import queries
from storage.audit import AuditLog
from storage.audit_chain import BATCH, AuditChain, erase
from storage.errors import StorageError
from storage.ids import Ids
from storage.postgres import Database
from tests.server.conftest import PASSWORD, ApiFixture, Someone

AUDIT = "/admin/audit"


@pytest.fixture
def audit() -> AuditLog:
    return AuditLog(ids=Ids())


@pytest.fixture
def chain(database: Database) -> AuditChain:
    return AuditChain(db=database)


async def _write(database: Database, audit: AuditLog, count: int, **more: Any) -> list[str]:
    async with database.transaction() as tx:
        for number in range(count):
            values: dict[str, Any] = {"actor_id": None, "subject": str(number), "ip": "192.0.2.1", **more}
            await audit.add(tx, "test.done", **values)
    return [row["id"] for row in await database.fetch("select id from audit_log order by id")]


async def _behind_its_back(database: Database, sql: str, *args: Any) -> None:
    """As somebody does who owns the database."""
    async with database.transaction() as tx:
        await tx.execute("set local session_replication_role = replica")
        await tx.execute(sql, *args)


async def test_entries_are_chained_in_batches_and_the_chain_holds(
    database: Database, audit: AuditLog, chain: AuditChain
) -> None:
    await _write(database, audit, BATCH + 3)
    found = await chain.verify()
    assert (found.valid, found.entries) == (True, BATCH + 3)
    rows = await database.fetch("select previous_hash, hash from audit_log order by position")
    assert [row["previous_hash"] for row in rows] == [bytes(32), *(row["hash"] for row in rows[:-1])]


async def test_writers_and_chainers_at_once_leave_one_whole_chain(
    database: Database, audit: AuditLog, chain: AuditChain
) -> None:
    await asyncio.gather(*(_write(database, audit, 7) for _ in range(6)), *(chain.verify() for _ in range(6)))
    found = await chain.verify()
    assert (found.valid, found.entries) == (True, 42)


async def test_a_writer_that_has_not_committed_keeps_nobody_waiting(
    database: Database, audit: AuditLog, chain: AuditChain
) -> None:
    async with database.transaction() as slow:
        await audit.add(slow, "test.slow", actor_id=None, subject="")
        await _write(database, audit, 2)
        assert (await chain.verify()).entries == 2
    found = await chain.verify()
    assert (found.valid, found.entries) == (True, 3)


@pytest.mark.parametrize(
    "sql",
    [
        "update audit_log set action = 'nothing'",
        "update audit_log set hash = hash, action = 'nothing'",
        "update audit_log set detail_hash = '', hash = '\\x00' where hash is null",
        "update audit_log set hash = '\\x00' where hash is not null",
        "delete from audit_log",
        "truncate audit_log cascade",
        "update audit_details set body = '{}'",
        "delete from audit_details",
        "truncate audit_details",
    ],
)
async def test_postgres_refuses_to_change_or_remove_an_entry(
    database: Database, audit: AuditLog, chain: AuditChain, sql: str
) -> None:
    await _write(database, audit, 1)
    await chain.chain()
    await _write(database, audit, 1)
    with pytest.raises(StorageError):
        await database.execute(sql)
    assert (await chain.verify()).entries == 2


@pytest.mark.parametrize(
    ("sql", "first"),
    [
        ("update audit_log set action = 'nothing' where id = $1", 2),
        ("update audit_log set subject = 'x' where id = $1", 2),
        ("update audit_log set at = at + interval '1 microsecond' where id = $1", 2),
        ("update audit_log set actor_id = gen_random_uuid() where id = $1", 2),
        ('update audit_log set detail = \'{"ip": ""}\' where id = $1', 2),
        ("update audit_details set body = replace(body, '192', '193') where entry_id = $1", 2),
        ("delete from audit_details where entry_id = $1", 2),
        ("delete from audit_log where id = $1", 3),
    ],
)
async def test_the_first_entry_that_was_tampered_with_is_named(
    database: Database, audit: AuditLog, chain: AuditChain, sql: str, first: int
) -> None:
    ids = await _write(database, audit, 5)
    await chain.chain()
    await _behind_its_back(database, sql, ids[2])
    found = await chain.verify()
    assert (found.valid, found.first_invalid) == (False, ids[first])


async def test_entries_that_were_cut_off_at_the_end_are_missed(
    database: Database, audit: AuditLog, chain: AuditChain
) -> None:
    ids = await _write(database, audit, 5)
    await chain.chain()
    await _behind_its_back(database, "delete from audit_log where id = any($1::uuid[])", ids[3:])
    found = await chain.verify()
    assert (found.entries, found.first_invalid) == (3, ids[4])


async def test_erasing_a_person_takes_what_entries_say_and_leaves_the_chain_whole(
    api: ApiFixture, chain: AuditChain
) -> None:
    ada = await api.register("ada")
    await chain.chain()
    assert (await ada.ask("DELETE", "/me", json={"password": PASSWORD})).status == 204
    await api.wipe_deleted()
    assert (await chain.verify()).valid
    told = await api.database.fetch(
        "select a.action from audit_log a join audit_details d on d.entry_id = a.id"
        " where (a.actor_id::text = $1 or a.subject = $1) and (d.body like '%127.0.0.1%' or d.body like '%ada%')",
        ada.id,
    )
    assert told == []
    stays = await api.database.fetch("select action from audit_log where actor_id = $1 order by id", ada.id)
    assert [row["action"] for row in stays] == ["account.registered", "account.deletion_asked", "account.deleted"]


async def test_details_go_only_with_an_account_that_is_being_wiped(api: ApiFixture, chain: AuditChain) -> None:
    ada = await api.register("ada")
    with pytest.raises(StorageError):
        async with api.database.transaction() as tx:
            await erase(tx, ada.id)
    assert (await chain.verify()).valid


async def admin_of(api: ApiFixture) -> Someone:
    made = await api.people.operators.create_admin(username="root_1", email="root@example.org", password=PASSWORD)
    held = await (await api.client.post("/api/v1/auth/login", json={"login": "root_1", "password": PASSWORD})).json()
    return Someone(api.client, made.id, "root_1", held["access_token"], held["refresh_token"])


async def _listed(admin: Someone, query: str = "") -> list[dict[str, Any]]:
    answer = await admin.ask("GET", AUDIT + query)
    assert answer.status == 200, await answer.text()
    items: list[dict[str, Any]] = (await answer.json())["items"]
    return items


async def test_admins_read_who_did_what_from_where_and_why_the_newest_first(api: ApiFixture) -> None:
    ada, admin = await api.register("ada"), await admin_of(api)
    body = {"suspended_until": "2099-01-01T00:00:00Z", "reason": "spam"}
    assert (await admin.ask("PATCH", f"/admin/people/{ada.id}", json=body)).status == 200
    newest, *_, oldest = await _listed(admin)
    assert (newest["action"], newest["actor"], newest["subject"]) == ("person.suspended", "root_1", ada.id)
    assert (newest["ip"], newest["why"]) == ("127.0.0.1", "spam")
    assert oldest["previous_hash"] == "0" * 64
    assert await (await admin.ask("GET", f"{AUDIT}/verify")).json() == {
        "valid": True,
        "entries": newest["position"],
        "first_invalid": None,
    }


async def test_the_log_is_filtered_by_actor_and_action_and_paged(api: ApiFixture) -> None:
    ada, admin = await api.register("ada"), await admin_of(api)
    await ada.ask("POST", "/auth/logout")
    of_ada = ["session.logout", "account.registered"]
    assert [one["action"] for one in await _listed(admin, "?actor=ADA")] == of_ada
    assert [one["action"] for one in await _listed(admin, f"?actor={ada.id}")] == of_ada
    assert [one["actor"] for one in await _listed(admin, "?action=session")] == ["ada", "root_1"]
    assert [one["actor"] for one in await _listed(admin, "?action=session.logout")] == ["ada"]
    assert [one["action"] for one in await _listed(admin, "?action=session&actor=ada")] == of_ada[:1]
    assert await _listed(admin, "?actor=nobody") == []
    first = await (await admin.ask("GET", f"{AUDIT}?limit=1&actor=ada")).json()
    assert [one["action"] for one in await _listed(admin, f"?actor=ada&cursor={first['next']}")] == of_ada[1:]


@pytest.mark.parametrize("query", ["?action=a'b", "?action=%25", "?actor=", "?limit=0", "?cursor=x"])
async def test_a_bad_filter_is_a_422(api: ApiFixture, query: str) -> None:
    assert (await (await admin_of(api)).ask("GET", AUDIT + query)).status in (400, 422)


async def test_the_log_is_for_admins(api: ApiFixture) -> None:
    ada = await api.register("ada")
    assert (await ada.ask("GET", AUDIT)).status == 403
    assert (await ada.ask("GET", f"{AUDIT}/verify")).status == 403


def test_queries_of_accounts_do_not_write_entries_themselves() -> None:
    assert not [name for name, sql in vars(queries).items() if "audit_log" in str(sql)]

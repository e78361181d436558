"""The ledger: transfers come to zero, once each, and nothing of them changes afterwards."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.features.money.ledger import PLATFORM, Account, Transfer, available, build, ledger, pending, queries
from server.features.money.ledger.check import Checks
from server.features.money.ledger.ledger import OtherTransfer
from storage.errors import Conflict, StorageError
from storage.postgres import Database, Transaction
from tests.server.features.test_cluster import ADMIN, token
from tests.server.jobs.inline import run_due
from tests.server.kit import Kit

TEST = Account("test")


class Books:
    """The ledger, two persons, and what a plain dictionary says that they have."""

    def __init__(self, kit: Kit, people: list[str]) -> None:
        platform = kit.platform()
        self.db = platform.db
        self.people = people
        room = build(platform)
        self.feature, self.ledger = room.feature, room.ledger
        self.checks = Checks(db=platform.db)

    async def post(self, key: str, amounts: dict[Account, int], currency: str = "USD") -> str | None:
        async with self.db.transaction() as tx:
            return await self.ledger.post(tx, amounts, key=key, kind="tip", currency=currency, subject="s")

    async def balances(self, person: str) -> list[dict[str, Any]]:
        return await self.ledger.balances(self.db, person)


@pytest.fixture
async def books(kit: Kit, database: Database) -> Books:
    ids = kit.platform().ids
    people = [ids.uuid7(1e9) for _ in range(2)]
    for n, person in enumerate(people):
        await database.execute(
            "insert into users (id, username, username_key, email, email_key, display_name, password_hash, stream_key)"
            " values ($1, $2, $2, $2, $2, $2, '', $2)", person, f"person{n}",
        )  # fmt: skip
    return Books(kit, people)


async def test_what_is_posted_is_in_the_balances_and_comes_to_zero(books: Books) -> None:
    ada = books.people[0]
    await books.post("a", {TEST: -500, PLATFORM: 50, pending(ada): 450})
    await books.post("b", {pending(ada): -450, available(ada): 450})
    await books.post("c", {TEST: -1000, available(ada): 1000}, "JPY")
    assert await books.balances(ada) == [
        {"currency": "JPY", "available": 1000, "pending": 0},
        {"currency": "USD", "available": 450, "pending": 0},
    ]
    assert await books.checks.check() == {"sum": 0, "transfers": 3, "entries": 7, "differences": []}


async def test_a_key_makes_one_transfer_whoever_posts_it_at_one_time(books: Books) -> None:
    ada = books.people[0]
    amounts = {TEST: -500, pending(ada): 500}
    made = await asyncio.gather(*(books.post("a", amounts) for _ in range(4)))
    assert len([one for one in made if one is not None]) == 1
    assert (await books.balances(ada))[0]["pending"] == 500
    with pytest.raises(OtherTransfer):
        await books.post("a", {TEST: -501, pending(ada): 501})


NOT_ZERO: list[dict[Account, int]] = [{TEST: -500, PLATFORM: 499}, {PLATFORM: 1}, {}]


@pytest.mark.parametrize("amounts", NOT_ZERO)
async def test_a_transfer_that_does_not_come_to_zero_is_not_committed(
    books: Books, amounts: dict[Account, int]
) -> None:
    with pytest.raises(Conflict):
        await books.post("a", amounts)
    assert await books.checks.check() == {"sum": 0, "transfers": 0, "entries": 0, "differences": []}


async def test_of_many_transfers_the_new_ones_are_made_and_each_says_which(books: Books) -> None:
    ada, bob = books.people

    def paid(key: str, whose: str, amount: int, currency: str = "USD") -> Transfer:
        amounts = {TEST: -amount, available(whose): amount}
        return Transfer(amounts=amounts, key=key, kind="pool", currency=currency, subject="s")

    async with books.db.transaction() as tx:
        (first,) = await books.ledger.post_all(tx, [paid("z", ada, 5)])
    given = [paid("b", ada, 7), paid("z", ada, 5), paid("a", bob, 9, "KWD"), paid("c", bob, 3)]
    async with books.db.transaction() as tx:
        made = await books.ledger.post_all(tx, given)
        assert await books.ledger.post_all(tx, []) == []
    assert first is not None
    assert [one is not None for one in made] == [True, False, True, True]
    assert [one["available"] for one in await books.balances(ada)] == [12]
    assert [(one["currency"], one["available"]) for one in await books.balances(bob)] == [("KWD", 9), ("USD", 3)]
    rows = await books.db.fetch("select id::text, key from ledger_transfers where key <> 'z' order by key")
    assert [row["id"] for row in rows] == [made[2], made[0], made[3]]
    with pytest.raises(OtherTransfer):
        async with books.db.transaction() as tx:
            await books.ledger.post_all(tx, [paid("d", ada, 1), paid("b", ada, 8)])
    assert (await books.checks.check())["transfers"] == 4


async def test_nothing_of_the_ledger_changes_or_goes(books: Books) -> None:
    await books.post("a", {TEST: -500, PLATFORM: 500})
    for table in ("ledger_accounts", "ledger_transfers", "ledger_entries"):
        for sql in (f"delete from {table}", f"update {table} set currency = 'EUR'", f"truncate {table} cascade"):
            with pytest.raises(StorageError):
                await books.db.execute(sql)
    with pytest.raises(Conflict):  # entries that come to zero, of a transfer that is closed
        async with books.db.transaction() as tx:
            await tx.execute(
                "insert into ledger_entries (transfer_id, account_id, currency, amount)"
                " select t.id, a.id, 'USD', case a.kind when 'available' then 1 else -1 end from ledger_transfers t,"
                " ledger_accounts a"
            )
    assert (await books.checks.check())["differences"] == []


async def test_an_account_has_one_currency(books: Books) -> None:
    await books.post("a", {TEST: -500, PLATFORM: 500})
    with pytest.raises(Conflict):
        await books.db.execute(
            "with t as (insert into ledger_transfers (id, key, kind, currency, subject, at)"
            " values (gen_random_uuid(), 'b', 'tip', 'EUR', 's', now()) returning id)"
            " insert into ledger_entries (transfer_id, account_id, currency, amount)"
            " select t.id, a.id, 'EUR', case a.kind when 'test' then -1 else 1 end from t, ledger_accounts a"
        )


ADD_TRANSFER = (
    "insert into ledger_transfers (id, key, kind, currency, subject, at)"
    " values (gen_random_uuid(), 'b', 'tip', 'USD', 's', now()) returning id"
)
ENTER = "insert into ledger_entries (transfer_id, account_id, currency, amount) select id, side, 'USD', amount from"


async def test_a_transfer_without_entries_is_not_committed(books: Books) -> None:
    with pytest.raises(Conflict):
        await books.db.execute(ADD_TRANSFER)


async def test_entries_of_an_account_that_is_not_there_are_refused(books: Books) -> None:
    with pytest.raises(Conflict):
        await books.db.execute(
            f"with t as ({ADD_TRANSFER}) {ENTER} t, (values (0, 1), (-1, -1)) as given (side, amount)"
        )


async def test_entries_of_a_transfer_that_is_not_there_are_refused(books: Books) -> None:
    await books.post("a", {TEST: -500, PLATFORM: 500})
    sql = (
        f"{ENTER} (select gen_random_uuid() as id) none, (select id as side,"
        " case kind when 'test' then -1 else 1 end as amount from ledger_accounts) held"
    )
    with pytest.raises(Conflict):
        await books.db.execute(sql)
    assert (await books.checks.check())["entries"] == 2


async def test_what_is_added_to_a_transfer_after_its_constraint_was_looked_at_comes_to_zero(books: Books) -> None:
    async with books.db.transaction() as tx:
        number = await books.ledger.post(
            tx, {TEST: -500, PLATFORM: 500}, key="a", kind="tip", currency="USD", subject="s"
        )
        await books.ledger.locked_balance(tx, available(books.people[0]), "USD")
        await tx.execute("set constraints all immediate")
        account = await tx.fetchval("select max(id) from ledger_accounts")
        with pytest.raises(Conflict):
            await tx.execute(f"{ENTER} (values ($1::uuid, $2::bigint, 1)) as given (id, side, amount)", number, account)


async def test_many_entries_have_snapshots_made_soon(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "SNAPSHOT_AFTER", 4)
    [schedule] = [one for one in books.feature.schedules if one.name == "ledger.snapshot"]
    counts = []
    for n in range(4):
        await books.post(f"k{n}", {TEST: -500, PLATFORM: 500})
        counts.append(await run_due(books.db, schedule.job))
    assert counts == [0, 1, 0, 1]
    tail = "select count(*) from ledger_entries where id > (select entry_id from ledger_head)"
    assert await books.db.fetchval(tail) == 0


async def test_an_account_is_made_once_whoever_needs_it_at_one_time(books: Books) -> None:
    ada, bob = books.people
    people = [ada, bob] * 3
    made = await asyncio.gather(
        *(
            books.post(f"k{n}", {available(who): 1, TEST: -2, available(people[n - 1]): 1})
            for n, who in enumerate(people)
        )
    )
    assert None not in made
    assert await books.db.fetchval("select count(*) from ledger_accounts") == 3


async def test_who_takes_at_one_time_takes_no_more_than_there_is(books: Books) -> None:
    ada = books.people[0]
    await books.post("a", {TEST: -500, available(ada): 500})

    async def take(key: str) -> bool:
        async with books.db.transaction() as tx:
            if await books.ledger.locked_balance(tx, available(ada), "USD") < 300:
                return False
            amounts = {available(ada): -300, Account("bank"): 300}
            await books.ledger.post(tx, amounts, key=key, kind="payout", currency="USD", subject="s")
            return True

    assert Counter(await asyncio.gather(*(take(f"p{n}") for n in range(3)))) == {True: 1, False: 2}
    assert (await books.balances(ada))[0]["available"] == 200


async def test_the_check_finds_what_was_written_past_the_triggers(books: Books) -> None:
    await books.post("a", {TEST: -500, PLATFORM: 500})
    await books.checks.snapshot()
    async with books.db.transaction() as tx:
        await tx.execute("set local session_replication_role = replica")
        await tx.execute("update ledger_entries set amount = 501 where amount = 500")
    told = await books.checks.check()
    assert told["sum"] == 1
    assert [(one["what"], one["difference"]) for one in told["differences"]] == [("transfer", 1), ("balance", -1)]
    assert books.checks.differences == 3


class Crash(Exception): ...


class Crashing:
    """A transaction whose statement number ``at`` is never carried out: the process has gone."""

    def __init__(self, tx: Transaction, at: int) -> None:
        self._tx, self._left = tx, at

    def __getattr__(self, name: str) -> Any:
        async def call(*args: Any) -> Any:
            if self._left == 0:
                raise Crash
            self._left -= 1
            return await getattr(self._tx, name)(*args)

        return call


MOVES = st.lists(
    st.tuples(
        st.integers(0, 5), st.integers(0, 1), st.integers(1, 10**6), st.sampled_from(("USD", "KWD")), st.integers(0, 9)
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=MOVES, snapshots=st.sets(st.integers(0, 11)))
async def test_whatever_crashes_each_acknowledged_transfer_is_there_once(
    books: Books, moves: list[tuple[int, int, int, str, int]], snapshots: set[int]
) -> None:
    """Keys repeat, transactions die between any two statements, snapshots are made in between."""
    async with books.db.transaction() as tx:
        await tx.execute("set local session_replication_role = replica")
        await tx.execute("truncate ledger_accounts, ledger_transfers, ledger_entries, ledger_head cascade")
    done: dict[str, tuple[str, str, int]] = {}
    for number, (key, whose, amount, currency, crash_at) in enumerate(moves):
        person = books.people[whose]
        try:
            async with books.db.transaction() as tx:
                crashing: Any = Crashing(tx, crash_at)
                amounts = {TEST: -amount, available(person): amount}
                if await books.ledger.post(crashing, amounts, key=str(key), kind="tip", currency=currency, subject=""):
                    done[str(key)] = (person, currency, amount)
        except (Crash, OtherTransfer):
            pass
        if number in snapshots:
            await books.checks.snapshot()
    told = await books.checks.check()
    assert told == {"sum": 0, "transfers": len(done), "entries": 2 * len(done), "differences": []}
    for person in books.people:
        held = Counter[str]()
        for owner, currency, amount in done.values():
            held[currency] += amount if owner == person else 0
        assert {one["currency"]: one["available"] for one in await books.balances(person)} == +held
    assert all(total == 0 for total in _by_currency(await books.db.fetch(queries.TOTALS)).values())


def _by_currency(rows: Any) -> Counter[str]:
    found = Counter[str]()
    for row in rows:
        found[row["currency"]] += row["balance"]
    return found


async def test_views_show_whole_transfers_and_come_to_zero(kit: Kit) -> None:
    async with kit.serve() as served:
        ada, bob = await served.register("ada"), await served.register("bob")
        root = token(kit.identity, ADMIN, "admin")["Authorization"].removeprefix("Bearer ")
        _, me = await served.call("GET", "/me", token=ada)
        books = Books(kit, [me["id"]])
        for n in range(3):
            await books.post(f"k{n}", {TEST: -500, PLATFORM: 50, pending(me["id"]): 450})
        _, balance = await served.call("GET", "/me/balance", token=ada)
        assert balance == {"balances": [{"currency": "USD", "available": 0, "pending": 1350}]}
        assert (await served.call("GET", "/me/balance", token=bob))[1] == {"balances": []}
        _, page = await served.call("GET", "/me/ledger?limit=2", token=ada)
        assert [sum(entry["amount"] for entry in item["entries"]) for item in page["items"]] == [0, 0]
        assert me["id"] not in json.dumps(page)
        _, rest = await served.call("GET", f"/me/ledger?limit=2&cursor={page['next']}", token=ada)
        assert (len(rest["items"]), rest["next"]) == (1, None)
        assert (await served.call("GET", "/me/ledger", token=bob))[1] == {"items": [], "next": None}
        _, told = await served.call("GET", "/admin/ledger/check", token=root)
        assert told == {"sum": 0, "transfers": 3, "entries": 9, "differences": []}
        _, whole = await served.call("GET", "/admin/ledger", token=root)
        assert len(whole["items"]) == 3
        assert sum(one["balance"] for one in whole["totals"]) == 0
        assert (await served.call("GET", "/admin/ledger/check", token=ada))[0] == 403

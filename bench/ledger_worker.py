"""A process that only posts transfers, to be killed: ``python -m bench.ledger_worker URL FILE NUMBER WORKERS COUNT``.

It goes through its share of the operations ``0 … COUNT - 1`` and some of the others', in an order of its own. Each key
that a commit has acknowledged is a line of FILE, from whose length it goes on when it is started again.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from server.features.money.ledger import PLATFORM, Account, Ledger, available, pending
from storage.errors import StorageError
from storage.ids import Ids
from storage.postgres import Database

PEOPLE: Final = 50
AT_ONCE: Final = 4
OTHERS: Final = 4
"""One in so many operations of a worker is another one's too."""
CURRENCIES: Final = ("USD", "EUR", "KWD")
TEST: Final = Account("test")


def person(number: int) -> str:
    return f"00000000-0000-7000-8000-{number:012x}"


def operation(number: int) -> tuple[str, dict[Account, int]]:
    """The currency and the amounts of an operation, by its number: a payment, a release or a reversal."""
    chance = random.Random(number)
    who, amount = person(chance.randrange(PEOPLE)), chance.randint(50, 100_000)
    share = amount // 10
    paid = {TEST: -amount, PLATFORM: share, pending(who): amount - share}
    kinds = (paid, {pending(who): -amount, available(who): amount}, {account: -part for account, part in paid.items()})
    return chance.choice(CURRENCIES), kinds[chance.choices((0, 1, 2), (6, 3, 1))[0]]


def share_of(worker: int, workers: int, count: int) -> Iterator[int]:
    """The numbers of the operations that a worker carries out. Every number is in the share of at least one."""
    chance = random.Random(worker)
    for number in range(worker, count, workers):
        yield number
        if number % OTHERS == 0:
            yield chance.randrange(number + 1)


def ledger_of(db: Database) -> Ledger:
    """Snapshots are the caller's to make."""

    async def nothing(_: object) -> None: ...

    return Ledger(db=db, ids=Ids(), now=lambda: datetime.now(UTC), ask_snapshot=nothing)


async def post(db: Database, ledger: Ledger, number: int) -> None:
    currency, amounts = operation(number)
    async with db.transaction() as tx:
        await ledger.post(tx, amounts, key=f"bench:{number}", kind="bench", currency=currency, subject=str(number))


async def _insist(db: Database, ledger: Ledger, number: int) -> None:
    while True:
        try:
            return await post(db, ledger, number)
        except StorageError:
            await asyncio.sleep(0.1)


async def _connected(url: str) -> Database:
    while True:
        try:
            return await Database.connect(url, max_connections=AT_ONCE)
        except StorageError:
            await asyncio.sleep(0.1)


async def _work(url: str, file: Path, worker: int, workers: int, count: int) -> None:
    db = await _connected(url)
    ledger = ledger_of(db)
    done = file.read_text().count("\n") if file.exists() else 0
    numbers = list(share_of(worker, workers, count))[done:]
    with file.open("a") as acknowledged:
        for at in range(0, len(numbers), AT_ONCE):
            some = numbers[at : at + AT_ONCE]
            await asyncio.gather(*(_insist(db, ledger, number) for number in some))
            acknowledged.write("".join(f"{number}\n" for number in some))
            acknowledged.flush()
    await db.close()


if __name__ == "__main__":
    asyncio.run(_work(sys.argv[1], Path(sys.argv[2]), *map(int, sys.argv[3:6])))

"""Whatever happens to campaigns, and wherever it breaks off: nothing is spent that was not paid, and the books hold."""

from __future__ import annotations

import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from server.features.commerce.ads.running import Leases, close_leases
from server.features.commerce.ads.settlement import Settlement
from server.features.money.ledger import Ledger
from server.features.money.ledger import build as build_ledger
from server.http.errors import Problem
from storage.ids import Ids
from storage.postgres import Database
from tests.server.features.commerce.conftest import Agency
from tests.server.features.commerce.screen import Screen
from tests.server.features.money.test_ledger import Crash, Crashing

STEPS = 70
SPENT = """
select c.id, c.budget, c.paid, c.spent, c.leased,
    coalesce((select sum(i.price) from ads_impressions i where i.campaign_id = c.id), 0)::bigint as shown,
    coalesce(l.spent, 0)::bigint as open, coalesce(l.amount, 0)::bigint as lent,
    coalesce((select sum(e.milli) from ads_earnings e where e.campaign_id = c.id), 0)::bigint as milli,
    coalesce((select sum(e.settled) from ads_earnings e where e.campaign_id = c.id), 0)::bigint as settled
from ads_campaigns c left join lateral (
    select sum(spent) as spent, sum(amount) as amount from ads_leases
    where campaign_id = c.id and not is_closed) l on true
"""


class Frail:
    """A database whose transactions may lose the process between any two statements."""

    def __init__(self, db: Database, chance: random.Random) -> None:
        self._db, self._chance = db, chance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._db, name)

    @asynccontextmanager
    async def transaction(self, **more: Any) -> AsyncIterator[Any]:
        async with self._db.transaction(**more) as tx:
            yield tx if self._chance.random() < 0.7 else Crashing(tx, self._chance.randrange(5))


class Life:
    def __init__(self, agency: Agency, seed: int) -> None:
        self.agency, self.chance = agency, random.Random(seed)
        self.db: Any = Frail(agency.kit.database, self.chance)
        self.nodes = [Screen(agency, floor=900) for _ in range(3)]
        self.told: list[tuple[Screen, Any, str]] = []
        for node in self.nodes:
            self.restart(node)

    def restart(self, node: Screen) -> None:
        """What it had in memory is gone."""
        now = lambda: node.at  # noqa: E731
        node.beacons._db = self.db
        node.decisions._leases = Leases(db=self.db, ids=Ids(), now=now, node_name="n")

    async def step(self) -> None:
        act = self.chance.choice([self.show, self.show, self.show, self.repeat, self.wait, self.settle, self.clean])
        with contextlib.suppress(Crash, Problem):
            await act()
        if self.chance.random() < 0.1:
            self.restart(self.chance.choice(self.nodes))

    async def show(self) -> None:
        node, address = self.chance.choice(self.nodes), f"198.51.100.{self.chance.randrange(40)}"
        ad = await node.decide(None, address)
        if ad is not None:
            self.told.append((node, ad, address))
            await node.tell(ad, "0", None, address)

    async def repeat(self) -> None:
        if self.told:
            _, ad, address = self.chance.choice(self.told)
            await self.chance.choice(self.nodes).tell(ad, "0", None, address)

    async def wait(self) -> None:
        for node in self.nodes:
            node.at += timedelta(minutes=self.chance.choice([1, 9, 60]))

    async def settle(self) -> None:
        feature = self.agency.feature("ads")
        now = lambda: self.nodes[0].at  # noqa: E731
        payments: Any = None  # nothing goes back here
        await Settlement(db=self.db, now=now, ledger=ledger_of(self.agency), payments=payments).settle()
        await self.agency.kit.run_schedule(feature, "ads.settle")

    async def clean(self) -> None:
        await close_leases(self.db, self.nodes[0].at)


def ledger_of(agency: Agency) -> Ledger:
    return build_ledger(agency.kit.platform()).ledger


@pytest.mark.parametrize("seed", range(3))
async def test_no_life_of_campaigns_spends_what_was_not_paid(agency: Agency, seed: int) -> None:
    await agency.running(budget=50, bid=9_000, cap=100, name="One", currency="JPY")
    await agency.running(budget=60, bid=8_000, cap=100, name="Two", currency="JPY")
    third = await agency.running(budget=1_000, bid=7_000, cap=100, name="Three")
    bob = await agency.id_of("bob")
    await agency.kit.database.execute("update ads_campaigns set owner_id = $2 where id = $1", third["id"], bob)
    life = Life(agency, seed)
    for _ in range(STEPS):
        await life.step()
        for row in await agency.kit.database.fetch(SPENT):
            assert row["shown"] == row["milli"] == row["spent"] + row["open"], dict(row)
            assert row["lent"] == row["leased"], dict(row)
            assert row["spent"] + row["leased"] <= min(row["budget"], row["paid"]) * 1_000, dict(row)
            assert row["settled"] * 1_000 <= row["milli"], dict(row)
    await life.agency.kit.run_schedule(agency.feature("ads"), "ads.settle")
    assert sum(row["settled"] for row in await agency.kit.database.fetch(SPENT)) > 0
    await agency.require_sound()

"""`python -m bench orders`: many orders live random lives while nodes are killed: is all the money where it belongs?

Nodes as processes on one Postgres and one Redis, with test money. Buyers and sellers do what comes into their heads:
they cancel, ship, receive, dispute and answer, also twice and where it is not possible; a moderator decides disputes.
What a killed node left unanswered is asked again. Then all clocks run out, again and again, until no order is open, and
nodes are killed until then. The books must be sound, nothing held, each seller have what the orders say, and each
listing the stock that is left.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import uvloop

from bench import report
from bench.accounts import SeededAccount, seed, with_tokens
from bench.app import OPEN_LIMITS
from bench.cluster import LocalCluster, NodeProcess
from bench.report import Figure, figure
from server.features.town.market.rules import MOVES
from storage.postgres import Database

NODES: Final = 2
AT_ONCE: Final = 48
MODERATORS: Final = 30
MODERATING: Final = ("viewer", "moderator", "admin")
TOKENS_S: Final = 300.0
"""Access tokens are made anew so often: a long run outlives one."""
STEPS: Final = 5
PAUSE_S: Final = 0.5
"""Between the steps of a life, at most."""
AGAIN_S: Final = 0.25
END_S: Final = 900.0
"""How long the last order may take to come to its end."""
PAID_S: Final = 60.0
"""How long a life waits for its payment, before it goes on with what it is."""
ODD: Final = 0.2
"""Of the acts, how many are whatever comes into a head."""
BY_PEOPLE: Final = frozenset({"cancel", "ship", "receive", "dispute", "answer", "uphold", "dismiss"})
ACTS: Final = [(party, act, state) for (state, act), move in MOVES.items() if act in BY_PEOPLE for party in move.by]
OPEN: Final = "select count(*) from market_orders where state not in ('received', 'cancelled', 'refunded')"
WRONG_STOCK: Final = """
select count(*) from market_listings l where l.stock <> $1 - (
    select coalesce(sum(o.quantity), 0) from market_orders o where o.listing_id = l.id
        and o.state in ('received', 'refunded'))
"""
BALANCES: Final = """
select a.owner_id, sum(e.amount) as balance from ledger_entries e join ledger_accounts a on a.id = e.account_id
where a.kind = '{}' group by a.owner_id
"""
HELD: Final = f"select count(*) from ({BALANCES.format('pending')}) held where balance <> 0"
UNPAID_SELLERS: Final = f"""
select count(*) from (
    select o.seller_id, sum(p.booked_net - p.booked_net * p.percent / 100) as owed
    from market_orders o join payments p on p.id = o.payment_id
    where o.state = 'received' group by o.seller_id) due
full join ({BALANCES.format("available")}) has on has.owner_id = due.seller_id
where coalesce(has.balance, 0) <> coalesce(due.owed, 0)
"""


class Fair:
    """The market on a cluster, who sells and buys there, and what they were answered."""

    def __init__(self, cluster: LocalCluster, options: argparse.Namespace) -> None:
        self._cluster = cluster
        self._options = options
        self._random = random.Random(options.seed)
        self._answers: Counter[str] = Counter()
        self._kills = 0

    async def run(self) -> list[Figure]:
        options = self._options
        url = self._cluster.database_url
        self._buyers = await seed(url, max(20, options.orders // 20), prefix="buyer")
        self._sellers = await seed(url, max(10, options.orders // 100), prefix="seller")
        self._moderators = await seed(url, MODERATORS, prefix="moderator", roles=MODERATING)
        began = time.monotonic()
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as self._http:
            listings = [await self._list(seller) for seller in self._sellers]
            killing = asyncio.create_task(self._kill_now_and_then(), name="kill nodes")
            renewing = asyncio.create_task(self._renew(), name="make tokens anew")
            try:
                await self._live(listings)
                print(f"  lived after {time.monotonic() - began:.0f} s: {dict(self._answers)}", flush=True)
                stuck = await self._end()
            finally:
                killing.cancel()
                renewing.cancel()
                await asyncio.gather(killing, renewing, return_exceptions=True)
            await asyncio.to_thread(self._fill_up)
            check = await self._done("GET", "/admin/ledger/check", self._moderators[0])
        return await self._figures(stuck, check)

    async def _renew(self) -> None:
        url = self._cluster.database_url
        while True:
            await asyncio.sleep(TOKENS_S)
            self._buyers = await with_tokens(url, [one.id for one in self._buyers], prefix="buyer")
            self._sellers = await with_tokens(url, [one.id for one in self._sellers], prefix="seller")
            ids = [one.id for one in self._moderators]
            self._moderators = await with_tokens(url, ids, prefix="moderator", roles=MODERATING)

    async def _list(self, seller: SeededAccount) -> dict[str, Any]:
        body = {"title": "A lamp", "price": 1_000, "currency": "USD", "stock": self._stock, "category": "Home"}
        listing: dict[str, Any] = (await self._done("POST", "/listings", seller, body))["listing"]
        return listing

    @property
    def _stock(self) -> int:
        return max(10, int(self._options.orders))

    async def _live(self, listings: Sequence[dict[str, Any]]) -> None:
        left = iter(range(self._options.orders))

        async def live_some() -> None:
            for number in left:
                place = number % len(listings)
                buyer = self._buyers[number % len(self._buyers)]
                await self._live_one(listings[place]["id"], buyer, self._sellers[place])
                if number % 1_000 == 999:
                    print(f"  {number + 1} orders, {self._kills} kills", flush=True)

        await asyncio.gather(*(live_some() for _ in range(AT_ONCE)))

    async def _live_one(self, listing_id: str, buyer: SeededAccount, seller: SeededAccount) -> None:
        status, answer = await self._insist("POST", "/orders", buyer, {"listing_id": listing_id, "quantity": 1})
        self._answers[f"order {status}"] += 1
        if status != 201:
            return
        order_id: str = answer["order"]["id"]
        people = {"buyer": buyer, "seller": seller, "moderator": self._random.choice(self._moderators)}
        state = "pending" if self._random.random() < ODD else await self._paid(order_id, buyer)
        for _ in range(self._random.randint(0, STEPS)):
            await asyncio.sleep(self._random.uniform(0, PAUSE_S))
            possible = [one for one in ACTS if one[2] == state and self._random.random() >= ODD]
            who, act, _ = self._random.choice(possible or ACTS)
            under = "moderation/orders" if who == "moderator" else "orders"
            body = {"reason": "So it is"} if act in {"dispute", "answer"} else {}
            status, answer = await self._insist("POST", f"/{under}/{order_id}/{act}", people[who], body)
            self._answers[f"{act} {status}"] += 1
            state = answer["order"]["state"] if status == 200 else state

    async def _paid(self, order_id: str, buyer: SeededAccount) -> str:
        """Its state, when it is paid or will not be soon."""
        ends_at = time.monotonic() + PAID_S
        while True:
            state: str = (await self._done("GET", f"/orders/{order_id}", buyer))["state"]
            if state != "pending" or time.monotonic() > ends_at:
                return state
            await asyncio.sleep(AGAIN_S)

    async def _insist(self, method: str, path: str, who: SeededAccount, body: Any = None) -> tuple[int, Any]:
        """Asks again, where a node has died or is busy, until there is an answer."""
        while True:
            try:
                status, answer = await self._ask(method, path, who, body)
            except (aiohttp.ClientError, TimeoutError, IndexError):
                self._answers["asked again"] += 1
            else:
                if status not in {429, 502, 503}:
                    return status, answer
                self._answers[f"again after {status}"] += 1
            await asyncio.sleep(AGAIN_S)

    async def _ask(self, method: str, path: str, who: SeededAccount, body: Any) -> tuple[int, Any]:
        node = self._random.choice([one for one in self._cluster.running if one.url])
        headers = {"Authorization": f"Bearer {who.token}"}
        async with self._http.request(method, f"{node.url}/api/v1{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None) if answer.status != 204 else None

    async def _done(self, method: str, path: str, who: SeededAccount, body: Any = None) -> Any:
        status, answer = await self._insist(method, path, who, body)
        if not 200 <= status < 300:
            raise RuntimeError(f"{method} {path}: {status} {answer}")
        return answer

    async def _kill_now_and_then(self) -> None:
        """One node after the other, each replaced before the next one dies."""
        while True:
            await asyncio.sleep(self._options.every_s)
            self._random.choice(self._cluster.running).kill()
            self._kills += 1
            await asyncio.to_thread(self._cluster.start, 1)

    def _fill_up(self) -> list[NodeProcess]:
        missing = NODES - len(self._cluster.running)
        return self._cluster.start(missing) if missing else []

    async def _end(self) -> int:
        """How many orders are open although their clocks ran out again and again."""
        db = await Database.connect(self._cluster.database_url, max_connections=1)
        ends_at = time.monotonic() + END_S
        try:
            while (is_open := await db.fetchval(OPEN)) and time.monotonic() < ends_at:
                await db.execute("update market_orders set due_at = now() where due_at > now()")
                await asyncio.sleep(2)
            while await db.fetchval("select count(*) from jobs where state in ('queued', 'running')"):
                if time.monotonic() > ends_at:
                    break
                await asyncio.sleep(1)
            return int(is_open)
        finally:
            await db.close()

    async def _figures(self, stuck: int, check: dict[str, Any]) -> list[Figure]:
        db = await Database.connect(self._cluster.database_url, max_connections=1)
        try:
            ends = await db.fetch("select state, count(*) as orders from market_orders group by state order by state")
            stock = await db.fetchval(WRONG_STOCK, self._stock)
            held = await db.fetchval(HELD)
            unpaid = await db.fetchval(UNPAID_SELLERS)
        finally:
            await db.close()
        print(f"  {self._kills} kills; ends: { ({row['state']: row['orders'] for row in ends}) }", flush=True)
        return [
            _figure("the ledger's sum", abs(check["sum"]), bar=0.0),
            _figure("balances that differ from what was posted", len(check["differences"]), bar=0.0),
            _figure("orders that are stuck", stuck, bar=0.0),
            _figure("accounts for which money is still held", held, bar=0.0),
            _figure("sellers who have not what their orders say", unpaid, bar=0.0),
            _figure("listings with a wrong stock", stock, bar=0.0),
            _figure("orders that lived", sum(row["orders"] for row in ends), better="higher"),
            _figure("nodes killed", self._kills, better="higher"),
        ]


def _figure(name: str, value: float, *, bar: float | None = None, better: report.Better = "lower") -> Figure:
    return figure("orders", name, [value], "", better=better, bar=bar)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench orders", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    parser.add_argument("--every-s", type=float, default=30.0, help="between two kills")
    parser.add_argument("--seed", type=int, default=1)
    report.options(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """0 if the books are sound and no order is stuck, else 1."""
    options = _parser().parse_args(argv)
    cluster = LocalCluster(flags=(*OPEN_LIMITS, "--test-money", "--no-limit-loopback"))
    try:
        cluster.start(NODES)
        figures = uvloop.run(Fair(cluster, options).run())
    finally:
        cluster.stop()
    report.hand_over(figures, options.json)
    return int(any(one.value for one in figures if one.bar == 0))


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

"""Campaigns: made, paid in advance, approved, changed, ended."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from server.features.commerce.ads.running import Leases, Running, close_leases
from storage.ids import Ids
from tests.server.features.commerce.conftest import Agency, draft
from tests.server.kit import Kit


async def test_a_campaign_waits_for_its_payment_and_for_a_moderator(agency: Agency) -> None:
    made = await agency.campaign()
    assert (made["state"], made["paid"], made["spent"], made["waits_for"]) == ("active", 0, 0, ["payment", "approval"])
    opened = await agency.pay(made["id"], 1_000)
    assert opened["checkout_url"] == "https://live.test/ads"
    paid = await agency.done("GET", f"/ads/campaigns/{made['id']}")
    assert (paid["paid"], paid["waits_for"]) == (1_000, ["approval"])
    assert await agency.held() == {"test": -1_000, "advertising": 1_000}  # the server has no share before it is spent
    assert (await agency.done("GET", "/me/balance"))["balances"] == []  # and the advertiser can have none paid out
    body = {"video_id": await agency.video(), "labels": ["alcohol"]}
    added = (await agency.done("POST", f"/ads/campaigns/{made['id']}/creatives", json=body))["creative"]
    assert (added["state"], added["labels"], added["owner"]) == ("waiting", ["alcohol"], "eve")
    waiting = (await agency.done("GET", "/admin/ads/creatives", agency.admin))["items"]
    assert [one["id"] for one in waiting] == [added["id"]]
    verdict = f"/admin/ads/creatives/{added['id']}"
    assert (await agency.call("PUT", verdict, json={"state": "approved"}))[0] == 403
    refused = await agency.done("PUT", verdict, agency.admin, json={"state": "refused", "reason": "Too loud"})
    assert (refused["creative"]["state"], refused["creative"]["reason"]) == ("refused", "Too loud")
    await agency.done("PUT", verdict, agency.admin, json={"state": "approved"})
    assert (await agency.done("GET", f"/ads/campaigns/{made['id']}"))["waits_for"] == []
    assert await agency.kit.database.fetchval("select count(*) from audit_log where action like 'ad.%'") == 2
    await agency.require_sound()


WRONG: list[tuple[dict[str, Any], set[str]]] = [
    ({"bid": 0}, {"bid"}),
    ({"bid": 9}, {"bid"}),
    ({"bid": 5.5}, {"bid"}),
    ({"budget": -1}, {"budget"}),
    ({"budget": 2**60}, {"budget"}),
    ({"currency": "XYZ"}, {"currency"}),
    ({"budget": 1, "bid": 2_000, "ends_at": "2020-01-01T00:00:00Z"}, {"budget", "ends_at"}),
    ({"ends_at": "2099-01-01T00:00:00Z"}, {"ends_at"}),
    ({"starts_at": "yesterday"}, {"starts_at"}),
    ({"click_url": "http://shop.example"}, {"click_url"}),
    ({"click_url": "https://user:secret@shop.example"}, {"click_url"}),
    ({"click_url": "https://localhost"}, {"click_url"}),
    ({"click_url": "javascript:alert(1)//x.example"}, {"click_url"}),
    ({"name": " "}, {"name"}),
    ({"cap": 0}, {"cap"}),
    ({"avoid": ["taxes"]}, {"avoid.0"}),
    ({"targeting": {"ages": ["0-17"]}}, {"targeting.ages.0"}),
    ({"targeting": {"countries": ["Egypt"]}}, {"targeting.countries.0"}),
    ({"targeting": {"interests": ["x"] * 51}}, {"targeting.interests"}),
    ({"targeting": {"shoe_size": [42]}}, {"targeting.shoe_size"}),
]


async def test_what_cannot_be_a_campaign_is_refused_with_all_that_is_wrong(agency: Agency) -> None:
    for change, fields in WRONG:
        status, problem = await agency.call("POST", "/ads/campaigns", json=draft(**change))
        assert status == 422, (change, problem)
        assert {error["field"] for error in problem["errors"]} == fields, change


async def test_another_advertiser_knows_nothing_of_it(agency: Agency) -> None:
    made = await agency.campaign()
    path = f"/ads/campaigns/{made['id']}"
    video = {"video_id": await agency.video("bob")}
    for method, more, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("DELETE", "", None),
        ("POST", "/payments", {"amount": 500}),
        ("GET", "/creatives", None),
        ("POST", "/creatives", video),
    ):
        assert (await agency.call(method, path + more, agency.bob, json=body))[0] == 404, (method, more)
    assert (await agency.done("GET", "/ads/campaigns", agency.bob))["items"] == []


async def test_a_video_that_will_not_do_is_refused_and_says_why(agency: Agency) -> None:
    path = f"/ads/campaigns/{(await agency.campaign())['id']}/creatives"
    for video, why in (
        (await agency.video("bob"), "no video of yours"),
        (await agency.video(duration_ms=7_501), "at most 7.5 seconds"),
        (await agency.video(state="processing"), "not ready"),
        (await agency.video(visibility="private"), "for everybody"),
    ):
        status, problem = await agency.call("POST", path, json={"video_id": video})
        assert (status, problem["errors"][0]["field"]) == (422, "video_id")
        assert why in problem["errors"][0]["message"]
    body = {"video_id": await agency.video(duration_ms=7_500)}
    added = (await agency.done("POST", path, json=body))["creative"]
    assert (await agency.call("POST", path, json=body))[0] == 409
    await agency.kit.database.execute("update videos set edition = 2 where id = $1", body["video_id"])
    verdict = f"/admin/ads/creatives/{added['id']}"
    assert (await agency.call("PUT", verdict, agency.admin, json={"state": "approved"}))[0] == 409  # another by now
    await agency.done("DELETE", f"{path}/{added['id']}")
    assert (await agency.call("DELETE", f"{path}/{added['id']}"))[0] == 404


async def test_a_campaign_is_changed_paused_and_ended(agency: Agency) -> None:
    made = await agency.campaign(targeting={"categories": ["Games "]})
    path = f"/ads/campaigns/{made['id']}"
    changed = await agency.done("PATCH", path, json={"state": "paused", "bid": 700})
    assert (changed["state"], changed["bid"], changed["name"], changed["targeting"]["categories"]) == (
        "paused", 700, "Lamps", ["games"],
    )  # fmt: skip
    assert (await agency.call("PATCH", path, json={"bid": 1}))[0] == 422
    assert (await agency.call("PATCH", path, json={"currency": "EUR"}))[0] == 422
    await agency.done("DELETE", path)
    assert (await agency.done("GET", path))["state"] == "ended"
    assert (await agency.call("PATCH", path, json={"state": "active"}))[0] == 409
    assert (await agency.call("POST", f"{path}/payments", json={"amount": 500}))[0] == 409


async def test_without_ads_there_are_no_calls(kit: Kit) -> None:
    async with kit.serve(rooms="market", test_money=True) as served:
        ada = await served.register("ada")
        assert (await served.call("GET", "/ads/campaigns", token=ada))[0] == 404


class Clock:
    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.at


def leases(agency: Agency, clock: Clock, node: str) -> Leases:
    return Leases(db=agency.kit.database, ids=Ids(), now=clock, node_name=node)


async def drained(nodes: list[Leases], campaign_id: str) -> int:
    """Thousandths that the nodes could take in turn, until none can any more."""
    taken = 0
    while paid := [one for one in nodes if await one.take(campaign_id, 500) is not None]:
        taken += 500 * len(paid)
    return taken


async def test_nodes_are_never_given_more_than_is_paid_and_may_be_spent_by_now(agency: Agency) -> None:
    made = await agency.running(budget=100, bid=500)
    clock = Clock()
    nodes = [leases(agency, clock, f"n{n}") for n in range(3)]
    taken = await drained(nodes, made["id"])
    assert 40_000 < taken <= 50_100  # half of the dates, and a minute, of 100 minor units
    clock.at += timedelta(hours=12)
    taken += await drained(nodes, made["id"])
    assert 60_000 < taken <= 75_100
    clock.at += timedelta(hours=11, minutes=59, seconds=30)
    taken += await drained(nodes, made["id"])
    assert taken <= 100_000
    row = await agency.kit.database.fetchrow("select spent, leased from ads_campaigns where id = $1", made["id"])
    assert row is not None
    assert row["spent"] == 0
    assert taken <= row["leased"] <= 100_000


async def test_decisions_at_one_time_share_a_lease(agency: Agency) -> None:
    made = await agency.running(budget=100, bid=500)
    node = leases(agency, Clock(), "n1")
    taken = await asyncio.gather(*(node.take(made["id"], 500) for _ in range(8)))
    assert len(set(taken)) == 1
    assert await agency.kit.database.fetchval("select count(*) from ads_leases") == 1


async def test_what_a_node_did_not_spend_is_there_again_after_its_leases_have_closed(agency: Agency) -> None:
    made = await agency.running(budget=100, bid=500)
    clock = Clock()
    node = leases(agency, clock, "n1")
    while await node.take(made["id"], 500) is not None:
        pass
    db = agency.kit.database
    await db.execute("update ads_leases set spent = 500")
    count = await db.fetchval("select count(*) from ads_leases")
    clock.at += timedelta(minutes=10)
    await close_leases(db, clock())
    assert await db.fetchval("select leased from ads_campaigns") > 0  # they can still be charged
    clock.at += timedelta(minutes=2)
    for _ in range(2):  # once more changes nothing
        await close_leases(db, clock())
        row = await db.fetchrow("select spent, leased from ads_campaigns")
        assert row is not None
        assert (row["spent"], row["leased"]) == (500 * count, 0)
    assert await node.take(made["id"], 500) is not None


async def test_the_index_holds_what_may_run_and_follows_changes(agency: Agency) -> None:
    clock = Clock()
    index = Running(db=agency.kit.database, now=clock, floor=10)
    assert (await index.index()).size == 0
    made = await agency.running()
    assert (await index.index()).size == 0  # it was looked a moment ago
    clock.at += timedelta(seconds=6)
    [found] = (await index.index()).ranked("", None)
    assert (found.id, found.bid, len(found.creatives)) == (made["id"], 500, 1)
    await agency.done("PATCH", f"/ads/campaigns/{made['id']}", json={"state": "paused"})
    clock.at += timedelta(seconds=6)
    assert (await index.index()).size == 0
    await agency.done("PATCH", f"/ads/campaigns/{made['id']}", json={"state": "active"})
    await agency.kit.database.execute("update videos set edition = 2")
    clock.at += timedelta(seconds=6)
    assert (await index.index()).size == 0  # what was approved is another by now

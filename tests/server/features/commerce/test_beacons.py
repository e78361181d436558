"""What clients tell of advertisements counts once, from their viewer alone, and no more than a viewer can see."""

from __future__ import annotations

import base64
from datetime import timedelta

from server.features.commerce.ads.beacons import AN_HOUR, FROM_AN_ADDRESS
from tests.server.features.commerce.conftest import Agency
from tests.server.features.commerce.screen import CAFE, HOME, Screen


async def test_each_beacon_counts_once_in_order_not_early_not_late_and_from_its_viewer_alone(agency: Agency) -> None:
    await agency.running()
    bob, eve = await agency.id_of("bob"), await agency.id_of("eve")
    screen = Screen(agency)
    ad = await screen.decide(bob)
    assert await screen.refused(ad, "25", bob) == (409, "beacon-too-early")
    assert await screen.refused(ad, "0", eve) == (403, "beacon-of-another")
    assert await screen.refused(ad, "0", None) == (403, "beacon-of-another")
    screen.at += timedelta(seconds=6)
    assert await screen.refused(ad, "25", bob) == (409, "beacon-out-of-order")
    await screen.tell(ad, "0", bob)
    assert await screen.refused(ad, "0", bob) == (409, "beacon-repeated")
    assert await screen.refused(ad, "75", bob) == (409, "beacon-out-of-order")
    await screen.tell(ad, "25", bob)
    assert await screen.refused(ad, "25", bob) == (409, "beacon-repeated")
    screen.at += timedelta(minutes=10)
    assert await screen.refused(ad, "50", bob) == (410, "beacon-expired")
    row = await agency.kit.database.fetchrow("select count(*) as n, sum(price) as milli from ads_impressions")
    assert row is not None
    assert (row["n"], row["milli"]) == (1, 10)
    guest = await screen.decide(None, HOME)
    assert await screen.refused(guest, "0", None, CAFE) == (403, "beacon-of-another")
    await screen.tell(guest, "0", None, HOME)
    await agency.require_sound()


async def test_forged_beacons_are_refused(agency: Agency) -> None:
    await agency.running()
    screen = Screen(agency)
    ad = await screen.decide()
    good = ad["beacons"]["0"].rpartition("/")[2]
    raw = bytearray(base64.urlsafe_b64decode(good + "=="))
    for place in range(0, len(raw), 7):
        forged = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        token = base64.urlsafe_b64encode(forged).decode().rstrip("=")
        assert (await agency.call("POST", f"/ads/beacons/{token}"))[1]["type"] == "/problems/beacon-forged"
        assert (await agency.call("GET", f"/ads/clicks/{token}"))[0] == 403
    click = ad["click"].rpartition("/")[2]
    assert (await agency.call("POST", f"/ads/beacons/{click}"))[0] == 403  # a click is no impression
    assert (await agency.call("GET", f"/ads/clicks/{good}"))[0] == 403
    assert (await agency.call("POST", "/ads/beacons/x"))[0] == 404
    assert await agency.kit.database.fetchval("select count(*) from ads_impressions") == 0
    await agency.require_sound()


async def test_a_click_leads_to_the_advertiser_and_counts_once(agency: Agency) -> None:
    made = await agency.running()
    screen = Screen(agency)
    ad = await screen.watch()
    url = f"{agency.served.url}{ad['click']}"
    for _ in range(2):
        async with agency.served.http.get(url, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (302, "https://shop.example/lamps")
            assert answer.headers["Referrer-Policy"] == "no-referrer"
    [day] = (await agency.done("GET", f"/ads/campaigns/{made['id']}/results"))["days"]
    assert day["clicks"] == 1


async def test_a_viewer_is_shown_a_campaign_no_more_often_than_it_wants_on_all_nodes(agency: Agency) -> None:
    await agency.running(cap=2)
    bob = await agency.id_of("bob")
    nodes = [Screen(agency) for _ in range(3)]
    ads = [await node.decide(bob) for node in nodes]  # all at once, before any is told of
    for node, ad in zip(nodes[:2], ads[:2], strict=True):
        await node.tell(ad, "0", bob)
    assert await nodes[2].refused(ads[2], "0", bob) == (409, "ad-cap-reached")
    assert [await node.decide(bob) for node in nodes] == [None] * 3
    assert await agency.kit.database.fetchval("select sum(spent) from ads_leases") == 2 * 10
    assert await nodes[0].decide(None) is not None  # somebody else
    nodes[0].at += timedelta(days=1)
    await agency.kit.database.execute("update ads_campaigns set ends_at = ends_at + interval '2 days'")
    assert await nodes[0].decide(bob) is not None


async def test_between_two_advertisements_there_is_a_gap_and_a_day_has_so_many(agency: Agency) -> None:
    await agency.running(cap=100)
    screen = Screen(agency, gap_s=60)
    await screen.tell(await screen.decide(), "0")
    screen.at += timedelta(seconds=59)
    assert await screen.decide() is None
    screen.at += timedelta(seconds=2)
    assert await screen.decide() is not None
    assert await Screen(agency, a_day=1).decide() is None


async def test_bursts_of_one_viewer_are_not_charged(agency: Agency) -> None:
    made = await agency.running(cap=100, budget=100_000)
    screen = Screen(agency)
    await screen.tell(await screen.decide(), "0")
    await agency.kit.database.execute(
        "insert into ads_impressions (id, campaign_id, creative_id, stream_id, viewer, place, price, at)"
        " select gen_random_uuid(), campaign_id, creative_id, stream_id, viewer, place, price, at"
        " from ads_impressions, generate_series(1, $1)",
        AN_HOUR - 2,
    )
    for _ in range(3):
        await screen.tell(await screen.decide(), "0")
    [day] = (await agency.done("GET", f"/ads/campaigns/{made['id']}/results"))["days"]
    assert (day["impressions"], day["invalid"], day["milli"]) == (AN_HOUR, 2, AN_HOUR * 10)


async def test_guests_of_one_address_are_told_apart_by_what_their_browsers_keep(agency: Agency) -> None:
    await agency.running(cap=1)
    screen = Screen(agency)
    one, other = screen.tokens.guest(), screen.tokens.guest()
    ad = await screen.decide()  # keeps nothing yet, and is given it with the decision
    assert await screen.refused(ad, "0", None, CAFE, one) == (403, "beacon-of-another")
    await screen.tell(ad, "0", None, HOME, one)
    assert await screen.decide() is None
    ad = await screen.decide(guest=one)
    assert await screen.refused(ad, "0", None, HOME, other) == (403, "beacon-of-another")
    await screen.tell(ad, "0", None, CAFE, one)  # the phone went out
    assert await screen.decide(guest=one) is None
    assert await screen.decide(guest=other) is not None
    assert not any(screen.tokens.is_guest(kept) for kept in ("", "x", one[:-1], one + "A", "A" * 43, one[::-1]))


async def test_browsers_that_keep_nothing_for_long_are_no_way_around_the_limit_of_an_address(agency: Agency) -> None:
    made = await agency.running(cap=100, budget=100_000)
    screen = Screen(agency)
    guest = screen.tokens.guest()
    await screen.tell(await screen.decide(guest=guest), "0", None, HOME, guest)
    await agency.kit.database.execute(
        "insert into ads_impressions (id, campaign_id, creative_id, stream_id, viewer, place, price, at, source)"
        " select gen_random_uuid(), campaign_id, creative_id, stream_id, gen_random_uuid(), place, price, at, source"
        " from ads_impressions, generate_series(1, $1)",
        FROM_AN_ADDRESS - 1,
    )
    for address in (HOME, CAFE):
        guest = screen.tokens.guest()
        await screen.tell(await screen.decide(address=address, guest=guest), "0", None, address, guest)
    [day] = (await agency.done("GET", f"/ads/campaigns/{made['id']}/results"))["days"]
    assert (day["impressions"], day["invalid"]) == (FROM_AN_ADDRESS + 1, 1)


async def test_a_browser_keeps_a_sealed_cookie_for_a_day_and_persons_none(agency: Agency) -> None:
    await agency.running()
    url = f"{agency.served.url}/api/v1/ads/decision?stream_id={agency.stream}"
    http = agency.served.http
    async with http.get(url) as answer:
        cookie = answer.cookies["sf_ads"]
        assert (cookie["path"], cookie["httponly"], cookie["max-age"]) == ("/api/v1/ads", True, "86400")
        ad = (await answer.json())["ad"]
    headers = {"Cookie": f"sf_ads={cookie.value}"}
    async with http.post(f"{agency.served.url}{ad['beacons']['0']}", headers=headers) as answer:
        assert answer.status == 204
    async with http.get(url, headers=headers) as answer:
        assert "sf_ads" not in answer.cookies
    async with http.get(url, headers={"Cookie": f"sf_ads={'A' * 43}"}) as answer:
        assert "sf_ads" in answer.cookies
    async with http.get(url, headers={"Authorization": f"Bearer {agency.bob}"}) as answer:
        assert "sf_ads" not in answer.cookies

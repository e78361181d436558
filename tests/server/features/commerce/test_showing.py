"""Advertisements are decided on for viewers, charged, and shared with the creator."""

from __future__ import annotations

from datetime import timedelta

from server.features.commerce.ads.running import close_leases
from tests.server.features.commerce.conftest import Agency, new_id
from tests.server.features.commerce.screen import Screen


async def settle(agency: Agency) -> None:
    await agency.kit.run_schedule(agency.feature("ads"), "ads.settle")


async def test_an_advertisement_is_seen_charged_and_shared(agency: Agency) -> None:
    made = await agency.running(budget=1_000, bid=2_000)
    bob = await agency.id_of("bob")
    screen = Screen(agency)
    rival = await agency.running(budget=1_000, bid=1_999, name="Rival")
    await agency.kit.database.execute("update ads_campaigns set owner_id = $2 where id = $1", rival["id"], bob)
    for n in range(4):
        ad = await screen.watch(None, f"198.51.100.{n}")
    assert (ad["duration_ms"], ad["place"], ad["video"][:5]) == (6_000, "pre", "/vod/")
    assert ad["video"].endswith("/index.m3u8?view=advertisement")  # no view of the video
    await settle(agency)
    [earned] = (await agency.done("GET", "/me/ad-earnings", agency.ada))["items"]
    assert earned == {"currency": "USD", "impressions": 4, "brought": 8, "part": 4}  # 55% of 8, rounded down
    assert await agency.held() == {"test": -2_000, "advertising": 1_992, "available": 4, "platform": 4}
    [day] = (await agency.done("GET", f"/ads/campaigns/{made['id']}/results"))["days"]
    assert {name: value for name, value in day.items() if name != "day"} == {
        "impressions": 4, "quarters": 4, "halves": 4, "three_quarters": 4, "wholes": 4, "clicks": 0, "invalid": 0,
        "milli": 8_000,
    }  # fmt: skip
    assert (await agency.done("GET", f"/ads/campaigns/{made['id']}"))["spent"] == 8
    await settle(agency)
    await agency.require_sound()
    assert (await agency.held())["available"] == 4


async def test_shares_of_less_than_a_minor_unit_are_not_lost(agency: Agency) -> None:
    await agency.running(budget=1_000, bid=700, currency="JPY")
    screen = Screen(agency, a_day=10**6)
    for n in range(3):
        await screen.watch(None, f"198.51.100.{n}")
        await settle(agency)
    [earned] = (await agency.done("GET", "/me/ad-earnings", agency.ada))["items"]
    assert (earned["impressions"], earned["brought"]) == (3, 0)  # alone it pays the floor
    await agency.kit.database.execute("update ads_earnings set milli = 1999")
    await settle(agency)
    await agency.kit.database.execute("update ads_earnings set milli = 2000")
    await settle(agency)
    [earned] = (await agency.done("GET", "/me/ad-earnings", agency.ada))["items"]
    assert (earned["brought"], earned["part"]) == (2, 1)  # each for itself would have been nothing
    await agency.require_sound()


async def test_without_consent_only_the_stream_is_looked_at(agency: Agency) -> None:
    await agency.running(targeting={"countries": ["EG"], "ages": ["25-34"], "interests": ["chess"]})
    bob = await agency.id_of("bob")
    screen = Screen(agency, country="EG")
    assert await screen.decide(bob) is None
    given = {"consents": True, "interests": ["Chess"]}
    told = await agency.done("PUT", "/me/ad-preferences", agency.bob, json=given)
    assert told == {"consents": True, "interests": ["chess"], "age": None, "is_personal": False}
    assert await screen.decide(bob) is None  # of no known age
    db = agency.kit.database
    for years, is_shown in ((17, False), (24, False), (25, True), (35, False)):
        await db.execute(
            "update users set birth_date = current_date - make_interval(years => $2) where id = $1", bob, years
        )
        assert (await screen.decide(bob) is not None) is is_shown, years
    await db.execute("update users set birth_date = current_date - interval '30 years' where id = $1", bob)
    assert (await agency.done("GET", "/me/ad-preferences", agency.bob))["age"] == "25-34"
    await agency.done("PUT", "/me/ad-preferences", agency.bob, json={"consents": False})
    assert await screen.decide(bob) is None
    assert (await agency.call("PUT", "/me/ad-preferences", agency.bob, json={"consents": "yes"}))[0] == 422


async def test_creators_choose_what_is_shown_with_their_streams(agency: Agency) -> None:
    await agency.running(labels=["alcohol"], avoid=["violence", "adult"])
    ada, screen = await agency.id_of("ada"), Screen(agency)
    assert await screen.decide(ada) is None  # nobody is shown any with their own
    assert await screen.decide(await agency.id_of("eve")) is None  # nor their own
    for choice, is_shown in (
        ({"is_on": True}, True),
        ({"is_on": False}, False),
        ({"is_on": True, "refuses": ["alcohol"]}, False),
        ({"is_on": True, "warnings": ["violence"]}, False),
        ({"is_on": True, "warnings": ["politics"]}, True),
    ):
        await agency.done("PUT", "/me/ad-settings", agency.ada, json=choice)
        assert (await screen.decide() is not None) is is_shown, choice
    adult = '{"min_age": 18}'
    await agency.kit.database.execute("update streams set restrictions = $1::text::jsonb", adult)
    viewer = await agency.id_of("bob")
    await agency.kit.database.execute("update users set birth_date = '1990-01-01'")
    assert await screen.decide(viewer) is None


async def test_over_http_a_decision_is_for_who_may_see_the_stream_and_only_while_it_is_on_the_air(
    agency: Agency,
) -> None:
    await agency.running()
    path = f"/ads/decision?stream_id={agency.stream}"
    ad = (await agency.done("GET", path, agency.bob))["ad"]
    assert sorted(ad["beacons"]) == ["0", "100", "25", "50", "75"]
    told = ad["beacons"]["0"].removeprefix("/api/v1")
    assert (await agency.call("POST", told, agency.ada))[0] == 403
    assert (await agency.call("POST", told, agency.bob))[0] == 204
    assert (await agency.call("POST", told, agency.bob))[0] == 409
    assert (await agency.call("GET", f"{path}&place=mid", agency.bob))[0] == 422
    assert (await agency.call("GET", "/ads/decision?stream_id=x", agency.bob))[0] == 422
    assert (await agency.call("GET", f"/ads/decision?stream_id={new_id()}", agency.bob))[0] == 404
    await agency.kit.database.execute("update streams set state = 'ended'")
    assert (await agency.done("GET", path, agency.bob))["ad"] is None


async def test_what_an_ended_campaign_has_left_goes_back_once(agency: Agency) -> None:
    made = await agency.running(budget=1_000, bid=5_000)
    await agency.kit.database.execute("update ads_campaigns set bid = 5000")
    screen = Screen(agency)
    await screen.watch()
    await agency.kit.database.execute("update ads_earnings set milli = 3500")
    await agency.kit.database.execute("update ads_leases set spent = 3500")
    await agency.done("DELETE", f"/ads/campaigns/{made['id']}")
    give_back = lambda: agency.kit.run_schedule(agency.feature("ads"), "ads.give_back")  # noqa: E731
    await give_back()
    assert (await agency.held())["advertising"] == 1_000  # a lease is open, and something is to be settled
    await close_leases(agency.kit.database, screen.at + timedelta(minutes=12))
    await settle(agency)
    for _ in range(2):
        await give_back()
        await agency.settle()
        assert await agency.held() == {"test": -3, "advertising": 0, "available": 1, "platform": 2}
    assert (await agency.done("GET", f"/ads/campaigns/{made['id']}"))["paid"] == 3
    await agency.require_sound()


async def test_in_a_pause_something_is_shown_also_to_who_has_rewound_while_the_stream_is_on_the_air(
    agency: Agency,
) -> None:
    await agency.running()
    screen, other = Screen(agency), new_id()
    called = new_id()
    await agency.kit.database.execute(
        "insert into ads_breaks (id, stream_id, at_ms, created_at) values ($1, $2, 5000, $3)",
        called, agency.stream, screen.at,
    )  # fmt: skip
    assert await screen.decide(place="mid", break_id=other) is None
    ad = await screen.decide(place="mid", break_id=called)
    assert ad["place"] == "mid"
    await screen.tell(ad, "0")
    assert await agency.kit.database.fetchval("select place from ads_impressions") == "mid"
    screen.at += timedelta(hours=3)
    assert await screen.decide(place="mid", break_id=called) is not None
    await agency.kit.database.execute("update streams set state = 'ended'")
    assert await screen.decide(place="mid", break_id=called) is None


async def test_impressions_become_sums_of_days_and_the_results_stay_the_same(agency: Agency) -> None:
    made = await agency.running(cap=100)
    screen = Screen(agency)
    ad = await screen.watch()
    await agency.served.call("GET", ad["click"].removeprefix("/api/v1"), allow_redirects=False)
    await screen.watch()
    await agency.kit.database.execute(
        "insert into ads_impressions (id, campaign_id, creative_id, stream_id, viewer, place, price, fault, seen, at)"
        " select gen_random_uuid(), campaign_id, creative_id, stream_id, viewer, place, price,"
        " case when n % 3 = 0 then 'burst' else '' end, seen, at - make_interval(days => n) from ads_impressions,"
        " generate_series(1, 60) n"
    )
    path = f"/ads/campaigns/{made['id']}/results?days=90"
    before = await agency.done("GET", path)
    assert len(before["days"]) == 61
    for _ in range(40):  # a day each time
        await agency.kit.run_schedule(agency.feature("ads"), "ads.forget")
    assert await agency.done("GET", path) == before
    database = agency.kit.database
    oldest = await database.fetchval("select min(at) > now() - interval '32 days' from ads_impressions")
    assert oldest
    assert await database.fetchval("select count(*) from ads_days") in (30, 31)  # as the day of then has begun

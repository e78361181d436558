"""Offers of a place: found by distance wherever on the earth, no finer than their owner allows, until they end."""

from __future__ import annotations

import math
from typing import Any

import pytest

from server.features.town.places import Point, boxes_around, point_of, radii_up_to, rounded
from tests.server.features.town.conftest import Scene


def test_circles_grow_to_the_whole_one_and_begin_beyond_what_was_seen() -> None:
    assert list(radii_up_to(256.0)) == [1.0, 4.0, 16.0, 64.0, 256.0]
    assert list(radii_up_to(256.0, beyond_km=16.0)) == [64.0, 256.0]
    assert list(radii_up_to(256.0, beyond_km=300.0)) == [256.0]


async def test_all_that_is_near_is_told_once_and_in_order_over_pages_however_dense_it_is(scene: Scene) -> None:
    await scene.kit.database.execute(
        "insert into local_offers (id, owner_id, kind, title, text, search, lat, lon, precision_km, place_name,"
        " expires_at, created_at) select gen_random_uuid(), id, 'help', 'n' || n, '', '', 10 + (n * n) / 90000.0, 20,"
        " 0.1, '', now() + interval '1 day', now() from users, generate_series(0, 150) n where username = 'ada'"
    )
    told: list[float] = []
    ids: set[str] = set()
    cursor = ""
    while True:
        page = await scene.get(f"/offers?near=10,20&radius_km=25&limit=7{cursor}")
        told += [one["distance_km"] for one in page["items"]]
        ids |= {one["id"] for one in page["items"]}
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    within = [n for n in range(151) if n * n / 90000 * 111.195 <= 25]
    assert (len(told), len(ids)) == (len(within), len(within))
    assert told == sorted(told)


@pytest.mark.parametrize(
    ("at", "boxes"),
    [
        (Point(0.0, 0.0), 1),
        (Point(0.0, 179.99), 2),
        (Point(0.0, -180.0), 2),
        (Point(89.95, 12.0), 1),
        (Point(-90.0, 0.0), 1),
    ],
)
def test_a_circle_is_covered_by_a_box_or_on_either_side_of_180_degrees_by_two(at: Point, boxes: int) -> None:
    found = boxes_around(at, 25.0)
    assert len(set(found)) == boxes
    for bearing in range(0, 360, 15):
        assert any(_is_in(_at(at, bearing, 24.9), box) for box in found), (at, bearing)


def _at(start: Point, bearing: float, km: float) -> Point:
    """Where one is after so many kilometres."""
    turn, lat, way = math.radians(bearing), math.radians(start.lat), km / 6371.009
    sine = math.sin(lat) * math.cos(way) + math.cos(lat) * math.sin(way) * math.cos(turn)
    there = math.asin(max(-1.0, min(1.0, sine)))
    lon = math.radians(start.lon) + math.atan2(
        math.sin(turn) * math.sin(way) * math.cos(lat), math.cos(way) - math.sin(lat) * math.sin(there)
    )
    return Point(math.degrees(there), (math.degrees(lon) + 540) % 360 - 180)


def _is_in(point: Point, box: str) -> bool:
    east, north, west, south = (float(part) for part in box.replace("(", "").replace(")", "").split(","))
    return west <= point.lon <= east and south <= point.lat <= north


@pytest.mark.parametrize("lat", [0.0, 52.52, -89.99, 90.0, -90.0])
@pytest.mark.parametrize("lon", [13.405, 180.0, -180.0])
def test_a_rounded_place_is_on_the_earth_and_tells_no_more_than_its_cell(lat: float, lon: float) -> None:
    at = rounded(lat, lon, 5.0)
    assert -90 <= at.lat <= 90
    assert -180 <= at.lon <= 180
    assert abs(at.lat - lat) <= 2.5 / 111.195 + 1e-5
    assert rounded(at.lat, at.lon, 5.0) == at or abs(lat) > 89, "all of a cell is shown at one place"


async def test_offers_near_a_place_are_found_the_nearest_first_across_180_degrees_and_at_the_pole(scene: Scene) -> None:
    offers = [("Bread", 0.0, 179.95), ("Boat", 0.0, -179.9), ("Ice", 89.99, 0.0), ("Snow", 89.99, 180.0)]
    for title, lat, lon in offers:
        await offer(scene, title=title, place={"lat": lat, "lon": lon, "precision_km": 0.1})

    async def found(query: str) -> list[str]:
        return [one["title"] for one in (await scene.get(f"/offers?{query}"))["items"]]

    assert await found("near=0,-180&radius_km=25") == ["Bread", "Boat"]
    assert await found("near=0,180&radius_km=8") == ["Bread"]
    assert sorted(await found("near=90,77&radius_km=5")) == ["Ice", "Snow"]
    assert await found("near=45,45") == []
    first = await scene.get("/offers?near=0,-180&limit=1")
    second = await scene.get(f"/offers?near=0,-180&limit=1&cursor={first['next']}")
    assert [one["items"][0]["title"] for one in (first, second)] == ["Bread", "Boat"]
    assert first["items"][0]["distance_km"] == pytest.approx(5.6, abs=0.3)
    assert await found("q=ice") == ["Ice"]
    assert await found("kind=jobs") == []


async def offer(scene: Scene, **more: Any) -> Any:
    body = {"kind": "help", "title": "Bread", "place": {"lat": 1.0, "lon": 1.0}, **more}
    status, answer = await scene.call("POST", "/offers", scene.ada, json=body)
    assert status == 201, answer
    return answer["offer"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"place": {"lat": 90.01, "lon": 0.0}}, "place.lat"),
    ({"place": {"lat": 0.0, "lon": 180.01}}, "place.lon"),
    ({"place": {"lat": 0.0, "lon": 0.0, "precision_km": 0.0}}, "place.precision_km"),
    ({"kind": "cars"}, "kind"),
    ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
    ({"expires_at": "2999-01-01T00:00:00Z"}, "expires_at"),
    ({"starts_at": "2020-01-01T00:00:00Z"}, "starts_at"),
]


async def test_an_offer_is_its_owners_and_ends(scene: Scene) -> None:
    for more, field in WRONG:
        body = {"kind": "help", "title": "Bread", "place": {"lat": 1.0, "lon": 1.0}, **more}
        status, problem = await scene.call("POST", "/offers", scene.ada, json=body)
        assert (status, [one["field"] for one in problem["errors"]]) == (422, [field])
    for query, fields in (
        ("near=91,0", ["near"]), ("near=0,181&radius_km=25", ["near"]), ("near=1", ["near"]),
        ("near=1,1&radius_km=0", ["radius_km"]), ("near=1,1&radius_km=nan", ["radius_km"]),
        ("radius_km=25", ["radius_km"]), ("near=x&radius_km=-1", ["near", "radius_km"]),
    ):  # fmt: skip
        for room in ("offers", "listings"):
            status, problem = await scene.call("GET", f"/{room}?{query}")
            assert (status, [one["field"] for one in problem["errors"]]) == (422, fields), query
    path = f"/offers/{(await offer(scene))['id']}"
    assert (await scene.call("PATCH", path, json={"title": "x"}))[0] == 404
    assert (await scene.call("DELETE", path))[0] == 404
    assert (await scene.call("PATCH", path, scene.ada, json={"title": "Cake"}))[1]["title"] == "Cake"
    assert (await scene.get("/offers?q=cake"))["items"]
    await scene.kit.database.execute("update local_offers set expires_at = now()")
    assert (await scene.call("GET", path, scene.ada))[0] == 404
    assert (await scene.get("/offers"))["items"] == []
    await scene.kit.run_schedule(scene.feature("local"), "local.prune")
    assert await scene.kit.database.fetchval("select count(*) from local_offers") == 0


def test_near_is_latitude_and_longitude() -> None:
    assert point_of("52.5,-13.25") == Point(52.5, -13.25)

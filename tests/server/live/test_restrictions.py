"""Streams that are not for every country and age, and guests who give a password, on a node in this process."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import pytest_asyncio

from actors.restrictions import Restrictions, years_between
from server.http.countries import SHIPPED, Countries, NoDatabase, database_of
from server.http.errors import Problem
from server.http.operation import Call
from server.live.addresses import MediaAddresses
from server.live.eviction import Eviction
from server.live.restrictions import RestrictionRoutes, RestrictionsBody
from server.live.viewings import NOBODY, Viewer
from storage.rights import Change
from tests.server.live.core_node import CoreNode, Person, node_of_file
from tests.server.live.openness import Open, someone
from tests.server.live.test_eviction import Directory, Seats, evicting
from tests.server.live.test_rights import BOB, FOLLOWERS, VIEW, Seals
from tests.server.mmdb import write_countries
from tests.server.served import DEADLINE_S, PASSWORD, Device

TODAY = dt.date(2026, 5, 1)
GERMAN, FRENCH, NOWHERE = "192.0.2.7", "198.51.100.7", "203.0.113.7"
SECRET = "open sesame"


# -------------------------------------------------------------------------------------------------------------- rules


@pytest.mark.parametrize(
    ("countries", "country", "is_for"),
    [
        ({"allow": ("DE", "AT")}, "DE", True),
        ({"allow": ("DE", "AT")}, "FR", False),
        ({"allow": ("DE", "AT")}, None, False),
        ({"deny": ("DE",)}, "DE", False),
        ({"deny": ("DE",)}, "FR", True),
        ({"deny": ("DE",)}, None, True),
        ({}, None, True),
    ],
)
def test_a_country_is_judged_by_the_list_and_an_unknown_one_stands_in_none(
    countries: dict[str, Any], country: str | None, is_for: bool
) -> None:
    assert Restrictions(**countries).is_for_country(country) is is_for


@pytest.mark.parametrize(
    ("born", "today", "years"),
    [("2008-05-01", "2026-05-01", 18), ("2008-05-02", "2026-05-01", 17), ("2008-02-29", "2026-02-28", 17),
     ("2008-02-29", "2026-03-01", 18), ("2026-05-01", "2026-05-01", 0)],
)  # fmt: skip
def test_age_is_counted_in_full_years(born: str, today: str, years: int) -> None:
    assert years_between(dt.date.fromisoformat(born), dt.date.fromisoformat(today)) == years


async def test_restrictions_are_judged_for_all_but_the_owner_and_the_country_comes_first() -> None:
    home = Open()
    home.births = {"old": dt.date(1990, 1, 1), "kid": dt.date(2012, 1, 1), "shy": None}
    view = msgspec.structs.replace(VIEW, restrictions=Restrictions(allow=("DE",), min_age=18))
    assert await home.rights.judge(view, someone("ann"))
    assert await home.rights.judge(view, someone("old", "DE"))
    for viewer, code in (
        (someone("old", "FR"), "restricted_country"), (someone("kid"), "restricted_country"),
        (someone("kid", "DE"), "restricted_age"), (someone("shy", "DE"), "restricted_age"),
        (someone(None, "DE"), "restricted_age"),
    ):  # fmt: skip
        assert not await home.rights.judge(view, viewer)
        assert home.rights.refusal(view, viewer).code == code
    hidden = msgspec.structs.replace(view, visibility="private")
    assert home.rights.refusal(hidden, someone("kid", "FR")).code == "not_found"


async def test_a_birth_date_is_read_again_once_it_is_heard_to_have_changed() -> None:
    home = Open()
    view = msgspec.structs.replace(FOLLOWERS, restrictions=Restrictions(min_age=18))
    home.following["ann"] = frozenset({"bob"})
    assert not await home.rights.judge(view, someone("bob"))
    home.births["bob"] = dt.date(1990, 1, 1)
    assert not await home.rights.judge(view, someone("bob"))
    home.noted.append(Change(seq=1, kind="account", subject_id="bob"))
    await home.rights.look()
    assert await home.rights.judge(view, someone("bob"))
    assert not await home.rights.judge(view, someone("old"))


async def test_viewers_of_whom_the_age_must_be_read_stay_until_it_is_and_guests_leave_at_once() -> None:
    home, seats = Open(), Seats("ann", "old", "kid", None)
    home.births = {"old": dt.date(1990, 1, 1)}
    view = msgspec.structs.replace(VIEW, restrictions=Restrictions(min_age=18))
    eviction: Eviction = evicting(home, Directory(view), seats)
    await home.rights.read(VIEW)
    eviction.judge_now(view)
    assert seats.here == {"ann", "old", "kid"}
    await eviction.handle(Change(seq=1, kind="stream", subject_id=VIEW.id))
    assert seats.here == {"ann", "old"}


def test_an_address_between_nodes_tells_the_country_and_no_other_address_does() -> None:
    addresses = MediaAddresses(seals=Seals(), country_of={"a": "DE"}.get)
    french = msgspec.structs.replace(BOB, country="FR")
    assert addresses.read(addresses.of(VIEW.id, french), None, address="a")[1].country == "DE"
    assert addresses.read(addresses.relayed(VIEW.id, french), None, address="a")[1] == french
    guest = msgspec.structs.replace(NOBODY, country="FR")
    assert addresses.read(addresses.relayed(VIEW.id, guest), None, address="a")[1] == guest
    assert addresses.relayed(VIEW.id, BOB) == addresses.of(VIEW.id, BOB)


def test_the_address_of_a_person_is_no_access_of_a_guest() -> None:
    addresses = MediaAddresses(seals=Seals())
    access, _ = addresses.access(VIEW.id, BOB.id or "")
    assert addresses.guest_of(VIEW.id, access) == BOB.id
    assert addresses.guest_of(VIEW.id, addresses.of(VIEW.id, BOB).partition("~")[2]) is None
    assert addresses.guest_of(VIEW.id.replace("0a11", "0a12"), access) is None
    assert addresses.guest_of(VIEW.id, "") is None
    assert addresses.read(f"{VIEW.id}~{access}", None)[1] == Viewer(id=BOB.id, session_id=BOB.id)


def test_countries_are_read_of_both_kinds_of_records_and_of_ipv4_within_ipv6(tmp_path: Path) -> None:
    records = {"192.0.2.0/24": {"country": {"iso_code": "DE"}}, "2001:db8::/32": {"country_code": "JP"}}
    more = {"198.51.100.0/24": {"country_code": "XX"}, "203.0.113.0/24": {"country": {}}}
    countries = Countries(write_countries(tmp_path / "c.mmdb", {**records, **more}))
    found = [countries.of(one) for one in ("192.0.2.7", "::ffff:192.0.2.7", "2001:db8::1")]
    assert found == ["DE", "DE", "JP"]
    assert [countries.of(one) for one in ("198.51.100.1", "203.0.113.1", "127.0.0.1", "", "x")] == [None] * 5
    countries.close()


def test_the_database_that_comes_with_the_page_gives_way_to_an_own_one_and_places_no_loopback(tmp_path: Path) -> None:
    assert database_of(tmp_path) == tmp_path
    assert database_of(None) == SHIPPED, "run `make web` first"
    countries = Countries(SHIPPED)
    placed = [countries.of(one) for one in ("8.8.8.8", "::ffff:81.2.69.142", "2a02:6b8::1")]
    assert placed == ["US", "GB", "RU"]
    assert [countries.of(one) for one in ("127.0.0.1", "::1", "10.1.2.3")] == [None] * 3
    countries.close()


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_a_file_that_is_no_database_keeps_the_node_from_starting(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "c.mmdb"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(NoDatabase, match="MaxMind"):
        Countries(path)


# ------------------------------------------------------------------------------------------------------------- a node


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def node(
    postgres_url: str, redis_server_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[CoreNode]:
    """It believes in ``X-Forwarded-For``, so that a test can come from anywhere."""
    records = {"192.0.2.0/24": {"country": {"iso_code": "DE"}}, "198.51.100.0/24": {"country_code": "FR"}}
    geoip = write_countries(tmp_path_factory.mktemp("geoip") / "countries.mmdb", records)
    bounds = {f"{name}_{bound}": 10_000 for name in ("chat", "socket_event") for bound in ("rate", "burst")}
    settings = {"geoip_database": geoip, "trusted_proxies": ("127.0.0.1",), **bounds}
    async with node_of_file(postgres_url, redis_server_url, tmp_path_factory, **settings) as made:
        yield made


on_the_node = pytest.mark.asyncio(loop_scope="module")


async def asked(
    node: CoreNode, method: str, path: str, *, ip: str, token: str = "", body: Any = None
) -> tuple[int, str]:
    """The status, and the end of the problem's type."""
    url = path if path.startswith(("/hls", "/whep")) else f"/api/v1{path}"
    headers = {"X-Forwarded-For": ip, **({"Authorization": f"Bearer {token}"} if token else {})}
    options: dict[str, Any] = {"json": body}
    if url.startswith("/whep"):
        headers["Content-Type"], options = "application/sdp", {"data": b"v=0\r\n"}
    async with node.served.http.request(method, node.served.url + url, headers=headers, **options) as answer:
        is_problem = answer.content_type == "application/problem+json"
        return answer.status, (await answer.json())["type"].rpartition("/")[2] if is_problem else ""


async def device_at(node: CoreNode, ip: str, token: str = "") -> Device:
    device = Device()
    auth = {"token": token} if token else {}
    await device.client.connect(
        node.served.url, headers={"X-Forwarded-For": ip}, auth=auth, transports=["websocket"], wait_timeout=DEADLINE_S
    )
    node.served.devices.append(device)
    return device


PLAYED = (
    "index.m3u8",
    "manifest.mpd",
    "thumbnail.webp",
    "source.m3u8",
    "storyboard.vtt",
    "chapters.vtt",
    "recording.mp4",
)


async def refusals(node: CoreNode, stream: dict[str, Any], *, ip: str, token: str = "") -> set[tuple[int, str]]:
    """What is answered on each protocol."""
    media = [("GET", f"/hls/{stream['id']}/{file}") for file in PLAYED]
    calls = [("GET", ""), ("GET", "/chat"), ("GET", "/markers"), ("GET", "/recording")]
    rest = [(method, f"/streams/{stream['id']}{end}") for method, end in calls]
    return {
        await asked(node, method, path, ip=ip, token=token)
        for method, path in [*media, *rest, ("POST", f"/whep/{stream['id']}")]
    }


async def listed(node: CoreNode, owner: Person, *, ip: str, token: str = "") -> list[str]:
    headers = {"X-Forwarded-For": ip, **({"Authorization": f"Bearer {token}"} if token else {})}
    url = f"{node.served.url}/api/v1/streams?owner={owner.username}"
    async with node.served.http.get(url, headers=headers) as answer:
        return [item["id"] for item in (await answer.json())["items"]]


@on_the_node
async def test_a_stream_is_refused_on_every_protocol_to_whom_is_in_the_wrong_country(node: CoreNode) -> None:
    ann = await node.person("ann_c")
    stream = await ann.prepare()
    await node.publish(stream)
    shown = await ann.done("PUT", f"/streams/{stream['id']}/restrictions", {"countries": {"allow": ["DE"]}})
    assert shown == {"countries": {"allow": ["DE"]}, "min_age": None, "content_warning": None}
    for ip in (FRENCH, NOWHERE):
        assert await refusals(node, stream, ip=ip) == {(451, "restricted-country")}
        assert await listed(node, ann, ip=ip) == []
    assert not {status for status, _ in await refusals(node, stream, ip=GERMAN)} & {451, 403}
    assert await listed(node, ann, ip=GERMAN) == [stream["id"]]
    assert 451 not in {status for status, _ in await refusals(node, stream, ip=FRENCH, token=ann.token)}
    french, german = await device_at(node, FRENCH), await device_at(node, GERMAN)
    watch = {"stream_id": stream["id"]}
    assert (await french.refused("stream:watch", watch))["code"] == "restricted_country"
    assert (await german.done("stream:watch", watch))["stream"]["restrictions"]["countries"]["allow"] == ["DE"]


@on_the_node
async def test_viewers_are_cut_off_when_a_stream_is_restricted_and_come_again_when_that_is_lifted(
    node: CoreNode,
) -> None:
    ann = await node.person("ann_cut")
    stream = await ann.prepare()
    watch, path = {"stream_id": stream["id"]}, f"/streams/{stream['id']}/restrictions"
    french, german = await device_at(node, FRENCH), await device_at(node, GERMAN)
    for device in (french, german):
        await device.done("stream:watch", watch)
    await ann.done("PUT", path, {"countries": {"deny": ["FR"]}, "content_warning": " loud "})
    assert (await german.until("stream:state"))["restrictions"]["content_warning"] == "loud"
    assert (await french.refused("stream:heartbeat", watch))["code"] == "restricted_country"
    assert not any(name == "stream:state" for name, _ in french.pending())
    await german.done("stream:heartbeat", watch)
    await ann.done("PUT", path, {})
    assert (await ann.done("GET", f"/streams/{stream['id']}"))["restrictions"] is None
    await french.done("stream:watch", watch)


@on_the_node
async def test_a_stream_with_a_least_age_is_for_those_who_have_said_that_they_are_old_enough(node: CoreNode) -> None:
    ann, old, kid = [await node.person(name) for name in ("ann_age", "old_age", "kid_age")]
    stream = await ann.prepare()
    await ann.done("PUT", f"/streams/{stream['id']}/restrictions", {"min_age": 18})
    await node.publish(stream)
    assert await refusals(node, stream, ip=GERMAN) == {(451, "restricted-age")}
    path = f"/streams/{stream['id']}"
    assert (await asked(node, "GET", path, ip=GERMAN, token=old.token)) == (451, "restricted-age")
    assert (await old.call("PUT", f"{path}/restrictions", json={"min_age": 6}))[0] == 403
    assert (await old.done("PATCH", "/me", {"birth_date": "1990-02-03"}))["birth_date"] == "1990-02-03"
    for wrong in (0, "1990", "1899-12-31", "2199-01-01", ""):
        assert (await old.call("PATCH", "/me", json={"birth_date": wrong}))[0] == 422, wrong
    await kid.done("PATCH", "/me", {"birth_date": f"{dt.datetime.now(dt.UTC).year - 12}-01-01"})
    assert (await asked(node, "GET", path, ip=GERMAN, token=kid.token)) == (451, "restricted-age")
    shown = await old.done("GET", path)
    assert shown["playback"]["hls"].startswith(f"/hls/{stream['id']}~")  # a player sends no token
    assert await listed(node, ann, ip=GERMAN, token=old.token) == [stream["id"]]
    assert await listed(node, ann, ip=GERMAN, token=kid.token) == await listed(node, ann, ip=GERMAN) == []
    device = await old.connect()
    await device.done("stream:watch", {"stream_id": stream["id"]})
    for other in (None, "1980-02-03"):
        status, refused = await old.call("PATCH", "/me", json={"birth_date": other, "bio": "older"})
        assert (status, refused["type"].rpartition("/")[2]) == (409, "birth-date-given")
        assert [one["field"] for one in refused["errors"]] == ["birth_date"]
    assert (await old.done("PATCH", "/me", {"birth_date": "1990-02-03", "pronouns": "they"}))["bio"] == ""
    admin = await node.admin()
    right = {"birth_date": f"{dt.datetime.now(dt.UTC).year - 12}-01-01", "reason": "the ticket says so"}
    corrected = await admin.done("PATCH", f"/admin/people/{old.id}", right)
    assert "birth_date" not in corrected
    assert (await asked(node, "GET", path, ip=GERMAN, token=old.token)) == (451, "restricted-age")
    assert "birth_date" not in await kid.done("GET", "/users/old_age")


@on_the_node
async def test_a_moderator_restricts_the_stream_of_another_and_others_may_not(node: CoreNode) -> None:
    ann, eve, mod = [await node.person(name) for name in ("ann_mod", "eve_mod", "mod_mod")]
    admin = await node.admin()
    await admin.done("PATCH", f"/admin/people/{mod.id}", {"roles": ["viewer", "moderator"], "reason": "is trusted"})
    mod = await node.sign_in("mod_mod", PASSWORD)
    stream = await ann.prepare(visibility="private")
    path = f"/streams/{stream['id']}/restrictions"
    assert (await eve.call("PUT", path, json={"min_age": 18}))[0] == 404
    assert (await mod.call("PUT", path, json={"min_age": 18}))[0] == 200
    audited = (await admin.done("GET", "/admin/audit?action=stream.restricted"))["items"]
    assert [(each["actor"], each["subject"]) for each in audited] == [("mod_mod", stream["id"])]
    public = await ann.prepare()
    assert (await eve.call("PUT", f"/streams/{public['id']}/restrictions", json={"min_age": 18}))[0] == 403


@on_the_node
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"countries": {}}, "countries"),
        ({"countries": {"allow": ["DE"], "deny": ["FR"]}}, "countries"),
        ({"countries": {"allow": []}}, "countries.allow"),
        ({"countries": {"deny": ["de"]}}, "countries.deny.0"),
        ({"countries": {"deny": ["ZZ"]}}, "countries.deny.0"),
        ({"min_age": 0}, "min_age"),
        ({"min_age": 26}, "min_age"),
        ({"content_warning": "x" * 301}, "content_warning"),
        ({"other": 1}, "other"),
    ],
)
async def test_restrictions_that_are_none_are_refused(node: CoreNode, body: dict[str, Any], field: str) -> None:
    owner = await node.sign_in("ann_mod", PASSWORD)
    stream = await owner.prepare()
    status, problem = await owner.call("PUT", f"/streams/{stream['id']}/restrictions", json=body)
    assert (status, [error["field"] for error in problem["errors"]]) == (422, [field])


@on_the_node
async def test_a_guest_who_gives_the_password_watches_until_it_is_changed(node: CoreNode) -> None:
    ann = await node.person("ann_guest")
    stream = await ann.prepare(visibility="password", password=SECRET)
    await node.publish(stream)
    path, watch = f"/streams/{stream['id']}/access", {"stream_id": stream["id"]}
    assert await asked(node, "POST", path, ip=GERMAN, body={"password": "wrong"}) == (403, "wrong-password")
    status, given = await node.served.call("POST", path, json={"password": SECRET})
    assert status == 200
    address = f"/hls/{stream['id']}~{given['access']}"
    assert given["stream"]["playback"]["hls"] == f"{address}/index.m3u8"
    guest = await node.served.connect()
    assert (await guest.refused("stream:watch", watch))["code"] == "password_required"
    assert (await guest.refused("stream:watch", {**watch, "access": given["access"][:-2]}))["code"] == (
        "password_required"
    )
    seen = await guest.done("stream:watch", {**watch, "access": given["access"]})
    assert seen["stream"]["playback"]["hls"] == f"{address}/index.m3u8"
    await guest.done("chat:history", {"room_id": stream["chat"]["room_id"], "limit": 1})
    assert (await asked(node, "GET", f"{address}/chapters.vtt", ip=GERMAN))[0] == 200
    await ann.done("PATCH", f"/streams/{stream['id']}", {"password": "another one"})
    assert (await guest.refused("stream:heartbeat", watch))["code"] == "password_required"
    assert (await asked(node, "GET", f"{address}/chapters.vtt", ip=GERMAN))[0] == 404


@on_the_node
async def test_guests_give_passwords_only_where_there_is_one_and_only_a_few_an_address(node: CoreNode) -> None:
    ann = await node.person("ann_few")
    stream, public = await ann.prepare(visibility="password", password=SECRET), await ann.prepare()
    body = {"password": "a guess"}
    assert await asked(node, "POST", f"/streams/{public['id']}/access", ip=FRENCH, body=body) == (409, "no-password")
    path = f"/streams/{stream['id']}/access"
    found = [await asked(node, "POST", path, ip="192.0.2.99", body=body) for _ in range(12)]
    assert {status for status, _ in found} == {403, 429}
    assert (await asked(node, "POST", path, ip="192.0.2.98", body=body))[0] == 403


async def test_countries_cannot_be_set_without_a_database() -> None:
    absent = cast(Any, None)
    routes = RestrictionRoutes(
        access=absent, node=absent, rights=absent, db=absent, audit=absent, knows_countries=False
    )
    body = RestrictionsBody.model_validate({"countries": {"deny": ["FR"]}})
    with pytest.raises(Problem) as refused:
        await routes._put(Call(absent, body, absent, {}, absent, "", None))
    assert refused.value.status == 422
    assert [(each.field, "geoip_database" in each.message) for each in refused.value.errors] == [("countries", True)]

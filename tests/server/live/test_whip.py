"""WHIP and WHEP sessions by their addresses, on whatever node they are asked for."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from actors.events import Person as Owner
from actors.events import StreamView
from actors.runtime import DomainError
from media.control import Granted, Patched, Refused
from server.http.identity import Caller, Identity
from server.live.ice_servers import IceServers
from server.live.viewings import Viewer
from server.live.whip import OfferLimits, WebrtcRoutes
from tests.server.live.nodes import ClusterNode, cluster
from tests.server.live.openness import NO_ADDRESSES

STREAM = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
GRANT = Granted(
    stream_id=STREAM, epoch=1, publication=1, first_segment=0, media_time_ms=0, latency="low", is_recorded=True,
    owner_id="ann",
)  # fmt: skip
VIEW = StreamView(
    id=STREAM, owner=Owner(id="a", username="ann", display_name="Ann"), room_id="r", title="", description="",
    category="", tags=(), language="", visibility="public", latency="low", is_recorded=True, state="live",
    created_at=dt.datetime(2026, 5, 1, tzinfo=dt.UTC), publication=1, media_node="n2",
)  # fmt: skip
ADA = Caller(id="ada", username="ada", display_name="Ada", roles=frozenset(), session_id="s1")
BOB = Caller(id="bob", username="bob", display_name="Bob", roles=frozenset(), session_id="s3")
RANDOM = "0123456789abcdef" * 2
SDP = {"Content-Type": "application/sdp"}
ICE = IceServers(
    stun_urls=["stun:ice.test:3478"],
    turn_urls=["turn:ice.test:3478?transport=udp"],
    turn_secret="a shared secret",
    turn_ttl_s=600,
    now=lambda: dt.datetime.fromtimestamp(1_700_000_000, dt.UTC),
)
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "1"}


class OneStream:
    """``Ingest`` and ``OnAir`` for one stream."""

    def __init__(self) -> None:
        self.view_now = VIEW
        self.granted: list[Granted] = []
        self.freed: list[tuple[Granted, str]] = []

    async def claim(
        self, key: str, *, protocol: str, remote: str, stream_id: str | None = None, is_backup: bool = False
    ) -> Granted:
        if key == "unverified":
            raise DomainError("email_not_verified", "Verify your e-mail address first.")
        if key != "key":
            raise DomainError("bad_name", "There is no such stream key.")
        return msgspec.structs.replace(GRANT, joins=is_backup, is_backup=is_backup)

    async def view(self, stream_id: str, *, viewer: Viewer) -> StreamView:
        if stream_id != STREAM:
            raise DomainError("not_found")
        return self.view_now

    async def latest(self, stream_id: str) -> StreamView:
        return self.view_now

    async def began(self, grant: Granted) -> Granted:
        self.granted.append(grant)
        return grant

    async def given_back(self, grant: Granted, reason: str) -> None:
        self.freed.append((grant, reason))


class RoutesFixture:
    """Two nodes, each with a desk that its clients ask over HTTP."""

    def __init__(self, places: list[ClusterNode]) -> None:
        self.places = dict(zip(("n1", "n2"), places, strict=True))
        self.stream: Any = OneStream()
        self.clients: dict[str, TestClient[Any, Any]] = {}

    async def open(self, serve: Callable[..., Awaitable[TestClient[Any, Any]]]) -> None:
        for name, place in self.places.items():
            media: Any = place.media
            routes = WebrtcRoutes(
                ingest=self.stream,
                stream_directory=self.stream,
                addresses=NO_ADDRESSES,
                media=media,
                node=place.node,
                publications=self.stream,
                offer_limits=OfferLimits(per_account=2, per_address=3, limit_loopback=True),
                ice=ICE,
            )
            self.clients[name] = await serve(*routes.operations())

    async def ask(self, node: str, method: str, path: str, **options: Any) -> ClientResponse:
        return await self.clients[node].request(method, path, **options)

    async def watch(self, node: str, token: str | None = None, query: str = "") -> ClientResponse:
        return await self.ask(node, "POST", f"/whep/{STREAM}{query}", data=b"v=0\r\n", headers={**SDP, **bearer(token)})

    async def publish(self, node: str, key: str = "key", *, query: str = "") -> ClientResponse:
        headers = {**SDP, "Authorization": f"Bearer {key}"}
        return await self.ask(node, "POST", f"/whip{query}", data=b"v=0\r\n", headers=headers)

    def sessions(self) -> list[list[str]]:
        return [place.media.open for place in self.places.values()]


@pytest.fixture
async def routes(serve: Callable[..., Awaitable[TestClient[Any, Any]]]) -> AsyncIterator[RoutesFixture]:
    async with cluster("n1", "n2") as places:
        made = RoutesFixture(places)
        await made.open(serve)
        yield made


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def token_of(identity: Identity, person: Caller) -> str:
    return identity.mint(person)[0]


def session(answer: ClientResponse) -> str:
    return answer.headers["Location"].rpartition("/")[2]


async def test_a_viewer_without_a_socket_is_counted_where_its_session_is_until_that_has_gone(
    routes: RoutesFixture,
) -> None:
    answer = await routes.watch("n2")
    holder = routes.places[session(answer).rpartition(".")[2]]
    assert holder.players.counted == [("127.0.0.1", "webrtc:source")]
    holder.webrtc.gone(session(answer))
    assert holder.players.counted == []


async def test_a_viewer_whom_a_socket_counts_and_one_who_is_refused_are_not_counted(routes: RoutesFixture) -> None:
    assert (await routes.watch("n2", query="?view=socket")).status == 201
    for place in routes.places.values():
        place.media.refusal = Refused(code="malformed", message="This is no SDP.", status=400)
    assert (await routes.watch("n2")).status == 400
    assert [place.players.counted for place in routes.places.values()] == [[], []]


async def test_a_publisher_is_on_the_node_that_it_came_to_and_its_address_names_it(routes: RoutesFixture) -> None:
    answer = await routes.publish("n1")
    assert answer.status == 201
    assert session(answer).startswith("whip-")
    assert session(answer).endswith(".n1")
    assert routes.sessions() == [[session(answer)], []]
    assert (routes.stream.granted, routes.stream.freed) == ([GRANT], [])


async def test_who_publishes_or_watches_is_told_the_turn_servers_with_credentials(
    routes: RoutesFixture, identity: Identity
) -> None:
    publisher, viewer, guest = [
        [answer.headers.getall("Link"), answer.headers["Access-Control-Expose-Headers"]]
        for answer in (
            await routes.publish("n1"),
            await routes.watch("n2", token_of(identity, ADA)),
            await routes.watch("n1"),
        )
    ]
    for (links, exposed), holder in ((publisher, GRANT.owner_id), (viewer, ADA.id), (guest, "guest")):
        assert "Link" in exposed
        stun, turn = [link for link in links if "ice-server" in link]
        assert stun == '<stun:ice.test:3478>; rel="ice-server"'
        assert re.fullmatch(
            r'<turn:ice\.test:3478\?transport=udp>; rel="ice-server"; username="1700000600:' + holder + '";'
            r' credential="[A-Za-z0-9+/]{27}="; credential-type="password"',
            turn,
        )


async def test_a_publisher_whose_offer_is_refused_finds_the_key_free_when_it_hears_of_it(routes: RoutesFixture) -> None:
    routes.places["n1"].media.refusal = Refused(code="malformed", message="This is no SDP.", status=400)
    answer = await routes.publish("n1")
    assert (answer.status, routes.stream.freed) == (400, [(GRANT, "its offer was refused")])


async def test_a_publisher_whom_the_media_process_leaves_without_an_answer_keeps_no_key(routes: RoutesFixture) -> None:
    media = routes.places["n1"].media
    media.is_away = True
    answer = await routes.publish("n1")
    assert (answer.status, routes.stream.freed) == (503, [(GRANT, "the media process is away")])
    assert media.stopped == [(STREAM, 1, "it was not answered")]


async def test_a_backup_that_cannot_join_stops_nobody(routes: RoutesFixture) -> None:
    media = routes.places["n1"].media
    media.is_away = True
    answer = await routes.publish("n1", query="?backup=1")
    ((granted, _),) = routes.stream.freed
    assert (answer.status, granted.joins, media.stopped) == (503, True, [])


@pytest.mark.parametrize("node", ["n1", "n2"])
async def test_a_viewer_is_on_the_node_of_the_publisher_wherever_it_came_to(routes: RoutesFixture, node: str) -> None:
    answer = await routes.watch(node)
    assert answer.status == 201
    assert session(answer).startswith("whep-")
    assert session(answer).endswith(".n2")
    assert routes.sessions() == [[], [session(answer)]]


async def test_a_viewer_of_a_stream_without_a_publisher_is_asked_of_this_node(routes: RoutesFixture) -> None:
    routes.stream.view_now = msgspec.structs.replace(VIEW, media_node="")
    assert session(await routes.watch("n1")).endswith(".n1")


async def test_a_session_is_patched_and_ended_through_any_node(routes: RoutesFixture) -> None:
    path = (await routes.watch("n2")).headers["Location"]
    patched = await routes.ask("n1", "PATCH", path, data=b"a=x\r\n", headers=FRAGMENT)
    assert (patched.status, await patched.text(), patched.headers["ETag"]) == (200, "a=end", "2")
    ended = await routes.ask("n1", "DELETE", path)
    assert ended.status == 200
    assert routes.sessions() == [[], []]
    assert (await routes.ask("n1", "DELETE", path)).status == 404


async def test_a_viewer_chooses_a_rendition_through_any_node_at_the_address_that_it_was_linked(
    routes: RoutesFixture, identity: Identity
) -> None:
    headers = bearer(token_of(identity, ADA))
    links = (await routes.watch("n2", token_of(identity, ADA))).headers.getall("Link")
    (layer,) = [link for link in links if link.endswith('; rel="urn:ietf:params:whep:ext:core:layer"')]
    path = layer.partition(">")[0][1:]
    shown = await routes.ask("n1", "GET", path, headers=headers)
    assert (shown.status, await shown.json()) == (
        200,
        {
            "shown": "source",
            "chosen": None,
            "encodings": [{"id": "360p", "width": 640, "height": 360, "bitrate": 500_000}],
        },
    )
    body = {"encodingId": "360p", "mediaId": "0"}
    chosen = await routes.ask("n1", "POST", path, json=body, headers=headers)
    assert (chosen.status, (await chosen.json())["chosen"]) == (200, "360p")
    assert (await (await routes.ask("n2", "POST", path, json={}, headers=headers)).json())["chosen"] is None
    missing = await routes.ask("n1", "POST", path, json={"encodingId": "9p"}, headers=headers)
    assert (missing.status, (await missing.json())["type"].rpartition("/")[2]) == (422, "no-such-layer")
    assert (await routes.ask("n1", "POST", path, json={})).status == 401
    assert (await routes.ask("n1", "POST", path, json={}, headers=bearer(token_of(identity, BOB)))).status == 403
    assert (await routes.ask("n1", "POST", path, json={"encodingId": 7}, headers=headers)).status == 422


async def test_a_viewer_names_the_events_that_it_wants_at_the_address_that_it_was_linked(
    routes: RoutesFixture, identity: Identity
) -> None:
    headers = bearer(token_of(identity, ADA))
    links = (await routes.watch("n2", token_of(identity, ADA))).headers.getall("Link")
    (link,) = [link for link in links if "server-sent-events" in link]
    assert link.endswith('; events="active,inactive,layers,viewercount,reconnect"')
    path = link.partition(">")[0][1:]
    named = await routes.ask("n1", "POST", path, json=["viewercount", "active"], headers=headers)
    assert (named.status, named.headers["Location"]) == (201, f"{path}/event-stream?events=active,viewercount")
    assert (await routes.ask("n1", "POST", path, json=["active"])).status == 401
    assert (
        await routes.ask("n1", "POST", path, json=["active"], headers=bearer(token_of(identity, BOB)))
    ).status == 403


async def test_a_publishers_session_is_ended_through_another_node(routes: RoutesFixture) -> None:
    path = (await routes.publish("n2")).headers["Location"]
    assert (await routes.ask("n1", "DELETE", path, headers=bearer("key"))).status == 200
    assert routes.sessions() == [[], []]


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("another key", 403), ("key", 200)])
async def test_a_publishers_session_takes_the_key_that_made_it(
    routes: RoutesFixture, token: str | None, status: int
) -> None:
    path = (await routes.publish("n2")).headers["Location"]
    patched = await routes.ask("n1", "PATCH", path, data=b"a=x\r\n", headers={**FRAGMENT, **bearer(token)})
    assert patched.status == status
    ended = await routes.ask("n1", "DELETE", path, headers=bearer(token))
    assert ended.status == status
    assert ("WWW-Authenticate" in ended.headers) == (status == 401)
    assert (routes.sessions() == [[], []]) == (status == 200)


@pytest.mark.parametrize(
    ("person", "status"), [(None, 401), (ADA, 200), (dataclasses.replace(ADA, session_id="s2"), 200), (BOB, 403)]
)
async def test_a_viewers_session_takes_a_token_of_the_account_that_made_it(
    routes: RoutesFixture, identity: Identity, person: Caller | None, status: int
) -> None:
    path = (await routes.watch("n1", token_of(identity, ADA))).headers["Location"]
    headers = bearer(None if person is None else token_of(identity, person))
    assert (await routes.ask("n1", "PATCH", path, data=b"a=x\r\n", headers={**FRAGMENT, **headers})).status == status
    assert (await routes.ask("n1", "DELETE", path, headers=headers)).status == status


async def test_a_guests_session_is_ended_by_its_address_alone(routes: RoutesFixture, identity: Identity) -> None:
    for headers in ({}, bearer(token_of(identity, BOB))):
        path = (await routes.watch("n1")).headers["Location"]
        assert (await routes.ask("n1", "DELETE", path, headers=headers)).status == 200


async def test_an_address_that_another_key_made_up_is_no_session(routes: RoutesFixture) -> None:
    made = session(await routes.publish("n1"))
    name = made[: len("whip-") + 32]
    mark = hashlib.sha256(f"{name} mine".encode()).hexdigest()[:32]
    path = f"/whip/sessions/{name}-{mark}.n1"
    assert (await routes.ask("n1", "DELETE", path, headers=bearer("mine"))).status == 404
    assert routes.sessions()[0]


async def test_ids_are_128_random_bits(routes: RoutesFixture) -> None:
    names = {session(await routes.watch("n1")).partition(".")[0] for _ in range(20)}
    assert all(re.fullmatch("whep-[0-9a-f]{32}", name) for name in names)
    for at in range(5, 37):
        assert len({name[at] for name in names}) > 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_has_no_representation_is_got_without_content(routes: RoutesFixture, method: str) -> None:
    place = (await routes.watch("n1")).headers["Location"]
    signed = f"/whep/{STREAM}~{'x' * 72}"
    for path in ("/whip", f"/whip/{STREAM}", f"/whep/{STREAM}", signed, place):
        answer = await routes.ask("n1", method, path)
        assert (answer.status, await answer.read()) == (204, b""), path
    await routes.ask("n1", "DELETE", place)
    assert (await routes.ask("n1", method, place)).status == 404


async def test_options_say_what_is_taken(routes: RoutesFixture) -> None:
    place = (await routes.watch("n1")).headers["Location"]
    answer = await routes.ask("n1", "OPTIONS", place)
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert answer.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    answer = await routes.ask("n1", "OPTIONS", "/whip")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.headers["Accept-Post"] == "application/sdp"
    assert (await routes.ask("n1", "OPTIONS", f"/whep/{STREAM}~{'x' * 72}")).status == 204


async def test_candidates_are_taken_without_a_new_entity_tag(routes: RoutesFixture) -> None:
    path = (await routes.watch("n1")).headers["Location"]
    routes.places["n2"].media.patched = Patched(etag="1")
    answer = await routes.ask("n1", "PATCH", path, data=b"a=x\r\n", headers=FRAGMENT)
    assert (answer.status, answer.headers.get("ETag")) == (204, None)


async def test_a_session_whose_node_has_gone_is_not_there(routes: RoutesFixture) -> None:
    path = (await routes.watch("n1")).headers["Location"]
    await routes.places["n2"].node.stop(budget_s=1.0)
    assert (await routes.ask("n1", "DELETE", path)).status == 404
    assert (await routes.ask("n1", "PATCH", path, data=b"a=x\r\n", headers=FRAGMENT)).status == 404


@pytest.mark.parametrize("state", ["live", "interrupted"])
async def test_a_viewer_of_a_stream_whose_node_has_gone_is_told_to_come_again(
    routes: RoutesFixture, state: Any
) -> None:
    routes.stream.view_now = msgspec.structs.replace(VIEW, state=state)
    await routes.places["n2"].node.stop(budget_s=1.0)
    answer = await routes.watch("n1")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "2")
    assert (await answer.json())["type"] == "/problems/interrupted"


@pytest.mark.parametrize(
    ("state", "status", "slug", "retry_after"),
    [
        ("live", 503, "interrupted", "2"),
        ("interrupted", 503, "interrupted", "2"),
        ("scheduled", 409, "not-live", "5"),
        ("ended", 404, "ended", None),
    ],
)
async def test_a_stream_without_a_publisher_is_worth_another_try_unless_it_has_ended(
    routes: RoutesFixture, state: Any, status: int, slug: str, retry_after: str | None
) -> None:
    routes.stream.view_now = msgspec.structs.replace(VIEW, state=state)
    routes.places["n2"].media.refusal = Refused(code="ended", message="Nobody publishes this stream.", status=404)
    answer = await routes.watch("n1")
    assert (answer.status, answer.headers.get("Retry-After")) == (status, retry_after)
    assert (await answer.json())["type"] == f"/problems/{slug}"


@pytest.mark.parametrize(
    "resource",
    [
        "whep-01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11.n1",
        f"whep-{RANDOM}",
        f"whep-{RANDOM}.",
        f"whep-{RANDOM}.n1%2Fx",
        f"whep-{RANDOM}.n1.n2",
        f"whip-{RANDOM}.n1",
        f"whep-{RANDOM}.{'n' * 81}",
        f"whep-{RANDOM}.nowhere",
        f"whep-{RANDOM}.n1",
    ],
)
async def test_an_address_that_no_session_has_is_not_there(routes: RoutesFixture, resource: str) -> None:
    assert (await routes.ask("n1", "DELETE", f"/whep/sessions/{resource}")).status == 404


@pytest.mark.parametrize("node", ["n1", "n2"])
async def test_a_media_process_that_is_away_is_worth_another_try(routes: RoutesFixture, node: str) -> None:
    routes.places["n2"].media.is_away = True
    answer = await routes.watch(node)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_the_key_of_somebody_without_a_verified_address_opens_nothing_and_says_why(routes: RoutesFixture) -> None:
    answer = await routes.publish("n1", "unverified")
    assert (answer.status, (await answer.json())["type"]) == (403, "/problems/email-not-verified")
    assert routes.sessions() == [[], []]


async def test_offers_say_whose_they_are_and_how_many_those_may_make(routes: RoutesFixture) -> None:
    await routes.publish("n2")
    await routes.watch("n1")
    offered = [offer.offered_by for offer in routes.places["n2"].media.offers]
    assert offered == [{"account ann": 2, "address 127.0.0.1": 3}, {"address 127.0.0.1": 3}]


async def test_too_many_offers_are_to_be_made_later(routes: RoutesFixture) -> None:
    routes.places["n2"].media.refusal = Refused(code="too_many_offers", message="Connect first.", status=429)
    for answer in (await routes.publish("n2"), await routes.watch("n1")):
        assert (answer.status, answer.headers["Retry-After"]) == (429, "5")
        assert (await answer.json())["reason"] == "too_many_offers"


@pytest.mark.parametrize(
    ("address", "name"),
    [("203.0.113.7", "address 203.0.113.7"), ("2001:db8:1:2:3::4", "address 2001:db8:1:2::/64"), ("::1", None)],
)
def test_an_address_of_ipv6_is_its_network_and_loopback_is_left_out(address: str, name: str | None) -> None:
    limits = OfferLimits(per_account=2, per_address=3)
    assert limits.of(account=None, address=address) == ({} if name is None else {name: 3})


async def test_an_unknown_key_opens_nothing(routes: RoutesFixture) -> None:
    assert (await routes.publish("n1", "other")).status == 401
    assert routes.sessions() == [[], []]

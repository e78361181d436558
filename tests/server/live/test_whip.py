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
from server.http.identity import Identity, Person
from server.live.whip import OfferLimits, WebrtcDesk
from tests.server.live.nodes import Place, town
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
ADA = Person(id="ada", username="ada", display_name="Ada", roles=frozenset(), session_id="s1")
BOB = Person(id="bob", username="bob", display_name="Bob", roles=frozenset(), session_id="s3")
RANDOM = "0123456789abcdef" * 2
SDP = {"Content-Type": "application/sdp"}
FRAGMENT = {"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "1"}


class OneStream:
    """``Ingest`` and ``OnAir`` for one stream."""

    def __init__(self) -> None:
        self.view_now = VIEW
        self.began: list[Granted] = []

    async def claim(self, key: str, *, protocol: str, remote: str, stream_id: str | None = None) -> Granted:
        if key == "unverified":
            raise DomainError("email_not_verified", "Verify your e-mail address first.")
        if key != "key":
            raise DomainError("bad_name", "There is no such stream key.")
        return GRANT

    async def view(self, stream_id: str, *, viewer_id: str | None) -> StreamView:
        if stream_id != STREAM:
            raise DomainError("not_found")
        return self.view_now

    async def note(self, grant: Granted) -> Granted:
        self.began.append(grant)
        return grant


class Desks:
    """Two nodes, each with a desk that its clients ask over HTTP."""

    def __init__(self, places: list[Place]) -> None:
        self.places = dict(zip(("n1", "n2"), places, strict=True))
        self.stream: Any = OneStream()
        self.clients: dict[str, TestClient[Any, Any]] = {}

    async def open(self, serve: Callable[..., Awaitable[TestClient[Any, Any]]]) -> None:
        for name, place in self.places.items():
            media: Any = place.media
            desk = WebrtcDesk(
                ingest=self.stream,
                on_air=self.stream,
                addresses=NO_ADDRESSES,
                media=media,
                node=place.node,
                began=self.stream.note,
                offer_limits=OfferLimits(per_account=2, per_address=3, limit_loopback=True),
            )
            self.clients[name] = await serve(*desk.operations())

    async def ask(self, node: str, method: str, path: str, **options: Any) -> ClientResponse:
        return await self.clients[node].request(method, path, **options)

    async def watch(self, node: str, token: str | None = None) -> ClientResponse:
        return await self.ask(node, "POST", f"/whep/{STREAM}", data=b"v=0\r\n", headers={**SDP, **bearer(token)})

    async def publish(self, node: str, key: str = "key") -> ClientResponse:
        headers = {**SDP, "Authorization": f"Bearer {key}"}
        return await self.ask(node, "POST", "/whip", data=b"v=0\r\n", headers=headers)

    def sessions(self) -> list[list[str]]:
        return [place.media.open for place in self.places.values()]


@pytest.fixture
async def desks(serve: Callable[..., Awaitable[TestClient[Any, Any]]]) -> AsyncIterator[Desks]:
    async with town("n1", "n2") as places:
        made = Desks(places)
        await made.open(serve)
        yield made


def bearer(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Bearer {token}"}


def token_of(identity: Identity, person: Person) -> str:
    return identity.mint(person)[0]


def session(answer: ClientResponse) -> str:
    return answer.headers["Location"].rpartition("/")[2]


async def test_a_publisher_is_on_the_node_that_it_came_to_and_its_address_names_it(desks: Desks) -> None:
    answer = await desks.publish("n1")
    assert answer.status == 201
    assert session(answer).startswith("whip-")
    assert session(answer).endswith(".n1")
    assert desks.sessions() == [[session(answer)], []]
    assert desks.stream.began == [GRANT]


@pytest.mark.parametrize("node", ["n1", "n2"])
async def test_a_viewer_is_on_the_node_of_the_publisher_wherever_it_came_to(desks: Desks, node: str) -> None:
    answer = await desks.watch(node)
    assert answer.status == 201
    assert session(answer).startswith("whep-")
    assert session(answer).endswith(".n2")
    assert desks.sessions() == [[], [session(answer)]]


async def test_a_viewer_of_a_stream_without_a_publisher_is_asked_of_this_node(desks: Desks) -> None:
    desks.stream.view_now = msgspec.structs.replace(VIEW, media_node="")
    assert session(await desks.watch("n1")).endswith(".n1")


async def test_a_session_is_patched_and_ended_through_any_node(desks: Desks) -> None:
    path = (await desks.watch("n2")).headers["Location"]
    patched = await desks.ask("n1", "PATCH", path, data=b"a=x\r\n", headers=FRAGMENT)
    assert (patched.status, await patched.text(), patched.headers["ETag"]) == (200, "a=end", "2")
    ended = await desks.ask("n1", "DELETE", path)
    assert ended.status == 200
    assert desks.sessions() == [[], []]
    assert (await desks.ask("n1", "DELETE", path)).status == 404


async def test_a_publishers_session_is_ended_through_another_node(desks: Desks) -> None:
    path = (await desks.publish("n2")).headers["Location"]
    assert (await desks.ask("n1", "DELETE", path, headers=bearer("key"))).status == 200
    assert desks.sessions() == [[], []]


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("another key", 403), ("key", 200)])
async def test_a_publishers_session_takes_the_key_that_made_it(desks: Desks, token: str | None, status: int) -> None:
    path = (await desks.publish("n2")).headers["Location"]
    patched = await desks.ask("n1", "PATCH", path, data=b"a=x\r\n", headers={**FRAGMENT, **bearer(token)})
    assert patched.status == status
    ended = await desks.ask("n1", "DELETE", path, headers=bearer(token))
    assert ended.status == status
    assert ("WWW-Authenticate" in ended.headers) == (status == 401)
    assert (desks.sessions() == [[], []]) == (status == 200)


@pytest.mark.parametrize(
    ("person", "status"), [(None, 401), (ADA, 200), (dataclasses.replace(ADA, session_id="s2"), 200), (BOB, 403)]
)
async def test_a_viewers_session_takes_a_token_of_the_account_that_made_it(
    desks: Desks, identity: Identity, person: Person | None, status: int
) -> None:
    path = (await desks.watch("n1", token_of(identity, ADA))).headers["Location"]
    headers = bearer(None if person is None else token_of(identity, person))
    assert (await desks.ask("n1", "PATCH", path, data=b"a=x\r\n", headers={**FRAGMENT, **headers})).status == status
    assert (await desks.ask("n1", "DELETE", path, headers=headers)).status == status


async def test_a_guests_session_is_ended_by_its_address_alone(desks: Desks, identity: Identity) -> None:
    for headers in ({}, bearer(token_of(identity, BOB))):
        path = (await desks.watch("n1")).headers["Location"]
        assert (await desks.ask("n1", "DELETE", path, headers=headers)).status == 200


async def test_an_address_that_another_key_made_up_is_no_session(desks: Desks) -> None:
    made = session(await desks.publish("n1"))
    name = made[: len("whip-") + 32]
    mark = hashlib.sha256(f"{name} mine".encode()).hexdigest()[:32]
    path = f"/whip/sessions/{name}-{mark}.n1"
    assert (await desks.ask("n1", "DELETE", path, headers=bearer("mine"))).status == 404
    assert desks.sessions()[0]


async def test_ids_are_128_random_bits(desks: Desks) -> None:
    names = {session(await desks.watch("n1")).partition(".")[0] for _ in range(20)}
    assert all(re.fullmatch("whep-[0-9a-f]{32}", name) for name in names)
    for at in range(5, 37):
        assert len({name[at] for name in names}) > 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_has_no_representation_is_got_without_content(desks: Desks, method: str) -> None:
    place = (await desks.watch("n1")).headers["Location"]
    for path in ("/whip", f"/whip/{STREAM}", f"/whep/{STREAM}", place):
        answer = await desks.ask("n1", method, path)
        assert (answer.status, await answer.read()) == (204, b""), path
    await desks.ask("n1", "DELETE", place)
    assert (await desks.ask("n1", method, place)).status == 404


async def test_options_say_what_is_taken(desks: Desks) -> None:
    place = (await desks.watch("n1")).headers["Location"]
    answer = await desks.ask("n1", "OPTIONS", place)
    assert answer.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS, PATCH"
    assert answer.headers["Accept-Patch"] == "application/trickle-ice-sdpfrag"
    answer = await desks.ask("n1", "OPTIONS", "/whip")
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert answer.headers["Accept-Post"] == "application/sdp"


async def test_candidates_are_taken_without_a_new_entity_tag(desks: Desks) -> None:
    path = (await desks.watch("n1")).headers["Location"]
    desks.places["n2"].media.patched = Patched(etag="1")
    answer = await desks.ask("n1", "PATCH", path, data=b"a=x\r\n", headers=FRAGMENT)
    assert (answer.status, answer.headers.get("ETag")) == (204, None)


async def test_a_session_whose_node_has_gone_is_not_there(desks: Desks) -> None:
    path = (await desks.watch("n1")).headers["Location"]
    await desks.places["n2"].node.stop(budget_s=1.0)
    assert (await desks.ask("n1", "DELETE", path)).status == 404
    assert (await desks.ask("n1", "PATCH", path, data=b"a=x\r\n", headers=FRAGMENT)).status == 404


@pytest.mark.parametrize("state", ["live", "interrupted"])
async def test_a_viewer_of_a_stream_whose_node_has_gone_is_told_to_come_again(desks: Desks, state: Any) -> None:
    desks.stream.view_now = msgspec.structs.replace(VIEW, state=state)
    await desks.places["n2"].node.stop(budget_s=1.0)
    answer = await desks.watch("n1")
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
    desks: Desks, state: Any, status: int, slug: str, retry_after: str | None
) -> None:
    desks.stream.view_now = msgspec.structs.replace(VIEW, state=state)
    desks.places["n2"].media.refusal = Refused(code="ended", message="Nobody publishes this stream.", status=404)
    answer = await desks.watch("n1")
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
async def test_an_address_that_no_session_has_is_not_there(desks: Desks, resource: str) -> None:
    assert (await desks.ask("n1", "DELETE", f"/whep/sessions/{resource}")).status == 404


@pytest.mark.parametrize("node", ["n1", "n2"])
async def test_a_media_process_that_is_away_is_worth_another_try(desks: Desks, node: str) -> None:
    desks.places["n2"].media.is_away = True
    answer = await desks.watch(node)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "1")


async def test_the_key_of_somebody_without_a_verified_address_opens_nothing_and_says_why(desks: Desks) -> None:
    answer = await desks.publish("n1", "unverified")
    assert (answer.status, (await answer.json())["type"]) == (403, "/problems/email-not-verified")
    assert desks.sessions() == [[], []]


async def test_offers_say_whose_they_are_and_how_many_those_may_make(desks: Desks) -> None:
    await desks.publish("n2")
    await desks.watch("n1")
    offered = [offer.offered_by for offer in desks.places["n2"].media.offers]
    assert offered == [{"account ann": 2, "address 127.0.0.1": 3}, {"address 127.0.0.1": 3}]


async def test_too_many_offers_are_to_be_made_later(desks: Desks) -> None:
    desks.places["n2"].media.refusal = Refused(code="too_many_offers", message="Connect first.", status=429)
    for answer in (await desks.publish("n2"), await desks.watch("n1")):
        assert (answer.status, answer.headers["Retry-After"]) == (429, "5")
        assert (await answer.json())["reason"] == "too_many_offers"


@pytest.mark.parametrize(
    ("address", "name"),
    [("203.0.113.7", "address 203.0.113.7"), ("2001:db8:1:2:3::4", "address 2001:db8:1:2::/64"), ("::1", None)],
)
def test_an_address_of_ipv6_is_its_network_and_loopback_is_left_out(address: str, name: str | None) -> None:
    limits = OfferLimits(per_account=2, per_address=3)
    assert limits.of(account=None, address=address) == ({} if name is None else {name: 3})


async def test_an_unknown_key_opens_nothing(desks: Desks) -> None:
    assert (await desks.publish("n1", "other")).status == 401
    assert desks.sessions() == [[], []]

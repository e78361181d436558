"""Stages over REST: who comes, who admits, and what the media process is told of them. The test plays that process."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from media.control import Answered, OfferStage, Refused, SetStage, StageRead
from media.stage.plan import MAX_PEOPLE, StagePlan, StageState
from media.transcode.stage_messages import StageSeat
from server.features.videos.stage.stages import MAX_UNUSED
from tests.server.live.core_node import CoreNode, Person

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Media:
    """What it was told last, and was offered; ``present`` are those who send."""

    def __init__(self) -> None:
        self.plans: list[StagePlan] = []
        self.offers: list[OfferStage] = []
        self.ended: list[str] = []
        self.present: tuple[str, ...] = ()

    async def set_stage(self, said: SetStage) -> StageRead:
        self.plans.append(said.plan)
        return StageRead(state=StageState(is_on_air=bool(said.plan.key), present=self.present))

    async def offer_stage(self, offer: OfferStage) -> Answered | Refused:
        self.plans.append(offer.plan)
        self.offers.append(offer)
        return Answered(sdp="v=0", etag='"tag"')


@pytest.fixture
def media(node: CoreNode, monkeypatch: pytest.MonkeyPatch) -> Media:
    media = Media()
    process = node.app.live.media
    monkeypatch.setattr(process, "set_stage", media.set_stage)
    monkeypatch.setattr(process, "offer_stage", media.offer_stage)
    monkeypatch.setattr(process, "end_stage", media.ended.append)
    return media


async def offer(node: CoreNode, place: dict[str, Any], kind: str = "whip", secret: str | None = None) -> int:
    url = f"{node.served.url}{place[kind]}"
    headers = {"Authorization": f"Bearer {secret or place['secret']}", "Content-Type": "application/sdp"}
    async with node.served.http.post(url, data="v=0", headers=headers) as response:
        return response.status


async def invited(owner: Person, stream: dict[str, Any], name: str = "") -> dict[str, Any]:
    made: dict[str, Any] = await owner.done("POST", f"/streams/{stream['id']}/stage/invitations", {"name": name})
    return made


async def joined(node: CoreNode, owner: Person, stream: dict[str, Any], name: str = "Guest") -> dict[str, Any]:
    token = (await invited(owner, stream))["token"]
    status, place = await node.served.call("POST", f"/stage/invitations/{token}", json={"name": name})
    assert status == 201, place
    assert isinstance(place, dict)
    return place


async def test_an_invitation_admits_one_person_once(node: CoreNode, owner: Person, media: Media) -> None:
    stream = await owner.prepare("Three of us")
    invitation = await invited(owner, stream, "Bob")
    assert invitation["url"].endswith(f"/stage/{invitation['token']}")
    path = f"/stage/invitations/{invitation['token']}"
    status, told = await node.served.call("GET", path)
    assert (status, told["title"], told["name"]) == (200, "Three of us", "Bob")
    status, place = await node.served.call("POST", path, json={"name": "Bobby"})
    assert status == 201
    assert [await _status(node, "GET", path), await _status(node, "POST", path, json={})] == [404, 404]
    status, seen = await node.served.call("GET", f"/stage/seats/{place['seat']}", token=place["secret"])
    assert (status, seen["name"], seen["on_stage"]) == (200, "Bobby", False)


async def test_the_streamer_admits_mutes_and_removes(node: CoreNode, owner: Person, media: Media) -> None:
    stream = await owner.prepare()
    path = f"/streams/{stream['id']}/stage"
    host = await owner.done("POST", f"{path}/seat")
    place = await joined(node, owner, stream)
    assert await offer(node, host) == 201
    assert await offer(node, place) == await offer(node, place, "whep") == 201
    assert [sent.is_sending for sent in media.offers] == [True, True, False]
    assert media.plans[-1].seats == (
        StageSeat(host["seat"], True, False, owner.username),
        StageSeat(place["seat"], False, False, "Guest"),
    )
    media.present = (host["seat"], place["seat"])
    stage = await owner.done("PATCH", f"{path}/seats/{place['seat']}", {"on_stage": True})
    assert [(seat["on_stage"], seat["state"]) for seat in stage["seats"]] == [(True, "present")] * 2
    await owner.done("PATCH", f"{path}/seats/{place['seat']}", {"muted": True})
    assert media.plans[-1].seats[1] == StageSeat(place["seat"], True, True, "Guest")
    await owner.done("DELETE", f"{path}/seats/{place['seat']}")
    assert [one.seat for one in media.plans[-1].seats] == [host["seat"]]
    assert await offer(node, place) == 401
    assert await _status(node, "GET", f"/stage/seats/{place['seat']}", token=place["secret"]) == 401


async def test_the_layout_and_the_air_are_told_with_a_later_revision(
    node: CoreNode, owner: Person, media: Media
) -> None:
    stream = await owner.prepare()
    path = f"/streams/{stream['id']}/stage"
    host = await owner.done("POST", f"{path}/seat")
    await offer(node, host)
    before = media.plans[-1]
    stage = await owner.done("PATCH", path, {"layout": "pip", "spotlight": host["seat"], "on_air": True})
    assert (stage["layout"], stage["spotlight"], stage["on_air"], stage["is_live"]) == ("pip", host["seat"], True, True)
    told = media.plans[-1]
    assert told.revision > before.revision
    assert (told.layout, told.spotlight, told.key) == ("pip", host["seat"], stream["ingest"]["stream_key"])
    stage = await owner.done("PATCH", path, {"spotlight": None, "on_air": False})
    assert (stage["layout"], stage["spotlight"], media.plans[-1].key) == ("pip", None, "")


async def test_what_a_stage_cannot_be_is_refused_by_field(owner: Person) -> None:
    stream = await owner.prepare()
    path = f"/streams/{stream['id']}/stage"
    for body in ({}, {"layout": "pile"}, {"spotlight": str(uuid4())}, {"on_air": "yes"}):
        assert (await owner.call("PATCH", path, json=body))[0] == 422
    assert (await owner.call("PATCH", f"{path}/seats/{uuid4()}", json={"muted": True}))[0] == 404
    assert (await owner.call("POST", f"{path}/invitations", json={"name": "x" * 51}))[0] == 422


async def test_only_its_owner_has_to_do_with_a_stage(owner: Person, stranger: Person) -> None:
    stream = await owner.prepare()
    path = f"/streams/{stream['id']}/stage"
    assert (await stranger.call("GET", path))[0] == 403
    assert (await stranger.call("POST", f"{path}/invitations", json={}))[0] == 403
    hidden = await owner.prepare(visibility="private")
    assert (await stranger.call("GET", f"/streams/{hidden['id']}/stage"))[0] == 404


async def test_the_secret_of_one_place_opens_no_other(node: CoreNode, owner: Person, media: Media) -> None:
    stream = await owner.prepare()
    ada, bob = await joined(node, owner, stream), await joined(node, owner, stream)
    assert await offer(node, ada, secret=bob["secret"]) == 401
    assert await _status(node, "DELETE", f"/stage/seats/{ada['seat']}", token=bob["secret"]) == 401
    assert await _status(node, "DELETE", f"/stage/seats/{ada['seat']}", token=ada["secret"]) == 204


async def test_a_stage_has_six_people_and_who_comes_then_may_come_later(
    node: CoreNode, owner: Person, media: Media
) -> None:
    stream = await owner.prepare()
    places = [await joined(node, owner, stream) for _ in range(MAX_PEOPLE - 1)]
    token = (await invited(owner, stream))["token"]
    status, problem = await node.served.call("POST", f"/stage/invitations/{token}", json={})
    assert (status, problem["type"].rpartition("/")[2]) == (409, "stage-full")
    await owner.done("DELETE", f"/streams/{stream['id']}/stage/seats/{places[0]['seat']}")
    assert await _status(node, "POST", f"/stage/invitations/{token}", json={}) == 201


async def test_so_many_invitations_wait_and_no_more(owner: Person) -> None:
    stream = await owner.prepare()
    made = [await invited(owner, stream) for _ in range(MAX_UNUSED)]
    path = f"/streams/{stream['id']}/stage"
    assert (await owner.call("POST", f"{path}/invitations", json={}))[0] == 409
    await owner.done("DELETE", f"{path}/seats/{made[0]['id']}")
    await invited(owner, stream)


async def test_the_streamers_other_device_takes_their_place_over(node: CoreNode, owner: Person, media: Media) -> None:
    stream = await owner.prepare()
    path = f"/streams/{stream['id']}/stage/seat"
    first, second = await owner.done("POST", path), await owner.done("POST", path)
    assert first["seat"] == second["seat"]
    assert [await offer(node, first), await offer(node, second)] == [401, 201]


async def test_a_stage_ends_with_its_stream(node: CoreNode, owner: Person, media: Media) -> None:
    stream = await owner.prepare()
    place = await joined(node, owner, stream)
    assert await offer(node, place) == 201
    await node.publish(stream)
    await owner.done("POST", f"/streams/{stream['id']}/end")
    async with asyncio.timeout(20):
        while media.ended != [stream["id"]]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    assert await _status(node, "GET", f"/stage/seats/{place['seat']}", token=place["secret"]) == 401
    assert (await owner.call("GET", f"/streams/{stream['id']}/stage"))[0] == 409


async def _status(node: CoreNode, method: str, path: str, **options: Any) -> int:
    return (await node.served.call(method, path, **options))[0]

"""What operators see of a cluster: every node asked, whoever does not answer named, one message followed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from actors.events import NODE
from actors.runtime import Actor, Message, Node, handles
from actors.runtime.supervisor import RestartPolicy
from media.control import PeerFigures
from server.features.operations.cluster import ClusterRoutes
from server.features.operations.nodes import NodesAsked
from server.http.identity import Caller, Identity
from storage.members import Member
from tests.server.conftest import Serve
from tests.server.live.nodes import ClusterNode, cluster

ADMIN = "00000000-0000-7000-8000-00000000000a"
PLAIN = "00000000-0000-7000-8000-00000000000b"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


class Fall(Message, frozen=True, kw_only=True):
    """Whoever handles it crashes."""


class Faller(Actor):
    @handles(Fall)
    def fall(self, message: Fall) -> None:
        raise RuntimeError("fell")


@pytest.fixture
async def places() -> AsyncIterator[list[ClusterNode]]:
    async with cluster("n1", "n2") as made:
        yield made


class Operator:
    """An admin's calls."""

    def __init__(self, client: Any, headers: dict[str, str]) -> None:
        self._client = client
        self.headers = headers

    async def get(self, path: str) -> tuple[int, Any]:
        async with self._client.get(f"/api/v1/admin/{path}", headers=self.headers) as response:
            return response.status, await response.json()

    async def cluster(self, query: str = "") -> Any:
        status, body = await self.get(f"cluster{query}")
        assert status == 200, body
        return body


def member(name: str, **changes: Any) -> Member:
    return Member(name=name, incarnation=f"{name:a<16}", roles=("actors",), version="1", started_at=1.0, **changes)


def owners() -> dict[int, str]:
    return dict.fromkeys(range(250), "n1")


@pytest.fixture
async def operator(places: list[ClusterNode], serve: Serve, identity: Identity) -> Operator:
    members = {name: member(name) for name in ("n1", "n2")}
    return await of(places[0].node, members, serve, identity)


async def of(node: Node, members: dict[str, Member], serve: Serve, identity: Identity) -> Operator:
    routes = ClusterRoutes(nodes=NodesAsked(node=node, members=lambda: members, answer_s=0.2), owners=owners)
    return Operator(await serve(*routes.operations()), token(identity, ADMIN, "admin"))


def token(identity: Identity, person_id: str, *roles: str) -> dict[str, str]:
    person = Caller(id=person_id, username="ann", display_name="Ann", session_id=person_id, roles=frozenset(roles))
    return {"Authorization": f"Bearer {identity.mint(person)[0]}"}


async def parked(place: ClusterNode) -> None:
    """An actor of the place that has crashed too often."""
    place.node.register("faller", lambda _: Faller(), restarts=RestartPolicy(restarts=0))
    for _ in range(2):
        place.node.ref("faller", "f").tell(Fall())
    await place.settle()


async def test_every_member_is_asked_and_told_of_with_what_it_answered(operator: Operator) -> None:
    body = await operator.cluster()
    n1, n2 = body["nodes"]
    assert (n1["name"], n1["answers"], n1["shards"], n1["sockets"]) == ("n1", True, 250, 3)
    assert (n2["name"], n2["answers"], n2["shards"], n2["actors"]) == ("n2", True, 0, {NODE: 1})
    assert n1["media"] == {
        "pid": 5,
        "restarts": 0,
        "streams": 2,
        "whep_viewers": 0,
        "whep_rtt_ms": 0.0,
        "whep_bitrate": 0,
    }
    assert n1["bus"]["sent"] == 4
    assert n1["rss_bytes"] > 1_000_000
    assert n1["loop_lag_ms"] >= 0


async def test_every_shard_is_told_of_with_its_owner_and_that_owners_epoch(operator: Operator) -> None:
    shards = (await operator.cluster())["shards"]
    assert [shard["shard"] for shard in shards] == list(range(256))
    assert shards[249] == {"shard": 249, "node": "n1", "epoch": 7}
    assert shards[250] == {"shard": 250, "node": None, "epoch": None}


async def test_a_node_that_does_not_answer_is_listed_as_such(
    places: list[ClusterNode], serve: Serve, identity: Identity
) -> None:
    members = {name: member(name, load=0.4) for name in ("gone", "n1")}
    gone, n1 = (await (await of(places[0].node, members, serve, identity)).cluster())["nodes"]
    assert (gone["name"], gone["answers"], gone["load"], gone["actors"]) == ("gone", False, 0.4, None)
    assert n1["answers"]


async def test_parked_actors_come_first_and_what_they_did_not_handle_is_listed(
    operator: Operator, places: list[ClusterNode]
) -> None:
    await parked(places[0])
    for query in ("", "?order=slowest", "?order=restarts", "?kind=faller", "?node=n1"):
        first = (await operator.cluster(query))["actors"][0]
        assert (first["id"], first["node"], first["state"]) == ("faller/f", "n1", "parked")
        assert "RuntimeError" in first["parked_reason"]
    (letter,) = (await operator.cluster("?kind=faller"))["dead_letters"]
    assert (letter["node"], letter["id"], letter["message"]) == ("n1", "faller/f", "Fall")


async def test_actors_are_narrowed_by_kind_and_node_and_bounded(operator: Operator) -> None:
    assert [actor["node"] for actor in (await operator.cluster("?node=n2"))["actors"]] == ["n2"]
    assert (await operator.cluster("?kind=chat"))["actors"] == []
    assert len((await operator.cluster("?limit=1"))["actors"]) == 1
    assert len((await operator.cluster())["actors"]) == 2


@pytest.mark.parametrize("path", ["cluster", f"traces/{TRACE}"])
async def test_nobody_but_admins_may_look(operator: Operator, identity: Identity, path: str) -> None:
    assert (await operator.get(path))[0] in (200, 404)
    operator.headers = token(identity, PLAIN)
    assert (await operator.get(path))[0] == 403
    operator.headers = {}
    assert (await operator.get(path))[0] == 401


async def test_a_followed_message_is_told_of_in_the_order_of_its_steps_on_all_nodes(
    operator: Operator, places: list[ClusterNode]
) -> None:
    now = places[0].node.clock.monotonic()
    places[1].traces.note(TRACE, "room.post", since=now - 1)
    places[0].traces.note(TRACE, "chat:send", since=now - 2)
    places[0].traces.note("f" * 32, "chat:send", since=now)
    status, body = await operator.get(f"traces/{TRACE}")
    assert status == 200
    assert body["id"] == TRACE
    assert body["silent"] == []
    assert [(span["name"], span["node"]) for span in body["spans"]] == [("chat:send", "n1"), ("room.post", "n2")]
    assert body["spans"][0]["duration_ms"] >= 2_000


async def test_an_unknown_trace_is_not_found(operator: Operator) -> None:
    assert (await operator.get(f"traces/{TRACE}"))[0] == 404
    assert (await operator.get("traces/nonsense"))[0] == 404


async def test_those_off_worst_over_webrtc_are_told_of_first_with_their_node(
    operator: Operator, places: list[ClusterNode]
) -> None:
    places[0].media.publishers = (peer("a", lost_share=0.02), peer("b", rtt_ms=900.0))
    places[1].media.publishers = (peer("c", lost_share=0.3),)
    status, body = await operator.get("webrtc?limit=2")
    assert status == 200, body
    assert [(told["node"], told["session"]) for told in body["publishers"]] == [("n2", "c"), ("n1", "a")]
    assert (body["viewers"], body["silent"]) == ([], [])
    places[1].media.is_away = True
    status, body = await operator.get("webrtc")
    assert [told["session"] for told in body["publishers"]] == ["a", "b"]


def peer(session: str, *, lost_share: float = 0.0, rtt_ms: float | None = None) -> PeerFigures:
    return PeerFigures(
        session=session, stream="s", rtt_ms=rtt_ms, lost_share=lost_share, lost=0, jitter_ms=0.0, bitrate=0, asked=0,
        stuck=0,
    )  # fmt: skip

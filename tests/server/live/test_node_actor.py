"""What nodes do for each other: facts, presence, and the sessions of one another's media processes."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator

import msgspec
import pytest

from actors.chat_rules import ChatMode
from actors.events import (
    NODE,
    ChatChanged,
    ChatForModerators,
    ChatMessage,
    ChatPosted,
    ChatUser,
    CounterOpened,
    DeliverPublished,
    DeliverToPeople,
    FilterChanged,
    LiveEvent,
    Person,
    Reacted,
    RoomChanged,
    RoomOpened,
    StreamChanged,
    StreamView,
    ViewersCounted,
)
from actors.presence import Present, ReadPresence, together
from actors.runtime import DomainError, Message
from actors.stream_messages import Grant
from media.control import Answered, OfferWhep, Patched, PatchIce, Refused
from server.live.broadcast import Broadcaster
from server.live.node_actor import CloseHere, MediaOfNodes, PatchHere, WatchHere
from server.live.published import NodesPublish
from tests.server.live.nodes import ClusterNode, cluster

NOW = dt.datetime(2026, 5, 1, 12, 0, 0, 123_000, tzinfo=dt.UTC)
OWNER = Person(id="a", username="ann", display_name="Ann")
VIEW = StreamView(
    id="s", owner=OWNER, room_id="r", title="T", description="", category="", tags=("a", "b"), language="",
    visibility="public", latency="low", is_recorded=True, state="live", created_at=NOW, media_node="n2",
)  # fmt: skip
MESSAGE = ChatMessage(
    id="m", offset=4, user=ChatUser(id="a", username="ann", display_name="Ann"), text="hé", sent_at=NOW
)
FACTS: list[LiveEvent] = [
    StreamChanged(stream=VIEW, previous="scheduled", cause="published"),
    ViewersCounted(stream_id="s", viewers=1, peak_viewers=2, unique_viewers=3, watched_ms=4),
    ChatPosted(room_id="r", epoch="e", messages=(msgspec.to_builtins(MESSAGE), {"id": "x", "offset": 5, "deleted": 1})),
    ChatChanged(room_id="r", event="chat:mode", body={"mode": msgspec.to_builtins(ChatMode(slow_seconds=3))}),
    RoomOpened(room_id="r", epoch="e", offset=7),
    CounterOpened(stream_id="s"),
    Reacted(stream_id="s", counts={"🎉": 2}),
    RoomChanged(room_id="r", event="chat:role", body={"user_id": "a", "role": "vip"}),
    ChatForModerators(room_id="r", event="chat:held", body={"reason": "word"}, user_id="a"),
    FilterChanged(owner_id=None),
]


async def test_what_a_feature_publishes_reaches_every_node_once(places: list[ClusterNode]) -> None:
    publish = NodesPublish(node=places[0].node, nodes=lambda: ["n1", "n2", "n3", "gone"])
    publish.to_topic("t", "x:changed", {"n": 1})
    publish.conflate("t", "total", "x:total", {"n": 2}, person_id="p")
    publish.to_person("p", "x:new", {"n": 3})
    publish.to_people(["p", "q"], "x:news", {"n": 4})
    for place in places:
        await place.settle()
        assert place.published.events == [
            DeliverPublished(topic="t", event="x:changed", body={"n": 1}),
            DeliverPublished(topic="t", event="x:total", body={"n": 2}, key="total", person_id="p"),
            DeliverToPeople(person_ids=("p",), event="x:new", body={"n": 3}),
            DeliverToPeople(person_ids=("p", "q"), event="x:news", body={"n": 4}),
        ]


async def test_what_is_for_one_socket_goes_to_its_node_alone(places: list[ClusterNode]) -> None:
    NodesPublish(node=places[0].node, nodes=lambda: ["n1", "n2", "n3"]).to_socket("n2", "p", "sid", "x:new", {"n": 1})
    for place in places:
        await place.settle()
    assert [place.published.events for place in places] == [
        [],
        [DeliverToPeople(person_ids=("p",), event="x:new", body={"n": 1}, socket="sid")],
        [],
    ]


@pytest.fixture
async def places() -> AsyncIterator[list[ClusterNode]]:
    async with cluster("n1", "n2", "n3") as made:
        yield made


def broadcaster(place: ClusterNode, *names: str) -> Broadcaster:
    made = Broadcaster(me=place.node.name, others=lambda: names)
    made.join(node=place.node, handlers=place.live_events.handlers())
    return made


def heard(places: list[ClusterNode]) -> list[list[LiveEvent]]:
    return [place.live_events.events for place in places]


# -------------------------------------------------------------------------------------------------------------- facts


@pytest.mark.parametrize("event", FACTS, ids=lambda event: type(event).__name__)
async def test_every_fact_reaches_the_others_as_it_was_told(places: list[ClusterNode], event: LiveEvent) -> None:
    broadcaster(places[0], "n1", "n2", "n3")(event)
    assert places[0].live_events.events == [event]
    for place in places:
        await place.settle()
    # A tuple in a message's plain values comes out as a list, which is the same to every client.
    assert [msgspec.json.encode(events) for events in heard(places)] == [msgspec.json.encode([event])] * 3


async def test_facts_for_those_named_reach_nobody_else(places: list[ClusterNode]) -> None:
    broadcast = broadcaster(places[0], "n1", "n2", "n3")
    broadcast(FACTS[0], to=("n2",))
    broadcast(FACTS[1], to=("n1", "n3"))
    broadcast(FACTS[2], to=())
    for place in places:
        await place.settle()
    assert heard(places) == [[FACTS[1]], [FACTS[0]], [FACTS[1]]]


async def test_facts_reach_each_node_in_the_order_in_which_they_were_told(places: list[ClusterNode]) -> None:
    broadcast = broadcaster(places[0], "n2")
    events: list[LiveEvent] = [RoomOpened(room_id="r", epoch="e", offset=offset) for offset in range(300)]
    for event in events:
        broadcast(event)
    await asyncio.sleep(0)
    await places[1].settle()
    assert places[1].live_events.events == events


async def test_who_is_named_twice_or_is_this_node_itself_hears_once(places: list[ClusterNode]) -> None:
    broadcaster(places[0], "n1", "n1", "n2", "n2")(FACTS[0])
    await places[1].settle()
    assert heard(places) == [[FACTS[0]], [FACTS[0]], []]


async def test_a_node_out_of_reach_does_not_keep_a_fact_from_the_others(places: list[ClusterNode]) -> None:
    broadcaster(places[0], "gone", "n2", "lost")(FACTS[0])
    await places[1].settle()
    assert heard(places)[:2] == [[FACTS[0]], [FACTS[0]]]


async def test_before_its_wiring_an_announcer_tells_nobody(places: list[ClusterNode]) -> None:
    Broadcaster(me="n1", others=lambda: ("n1", "n2"))(FACTS[0])
    await places[1].settle()
    assert heard(places) == [[], [], []]


class Applauded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    by: str


class DeliverApplause(Message, frozen=True, kw_only=True, tag="DeliverLiveEvent"):
    event: Applauded


async def test_a_fact_of_a_later_version_is_counted_and_those_after_it_are_heard(places: list[ClusterNode]) -> None:
    places[0].node.ref(NODE, "n2").tell(DeliverApplause(event=Applauded(by="ann")))
    broadcaster(places[0], "n2")(FACTS[0])
    await places[1].settle()
    assert places[1].live_events.events == [FACTS[0]]
    assert places[1].node.dead_letters.counts == {"unhandled": 1}


# ----------------------------------------------------------------------------------------------------------- presence


async def test_a_node_says_who_is_in_a_topic_through_it(places: list[ClusterNode]) -> None:
    for who in (OWNER, None, None):
        places[1].presence.enter("r", who)
    present = await places[0].node.ref(NODE, "n2").ask(ReadPresence(topic="r"))
    assert (present.count, present.people) == (3, (OWNER,))


def test_somebody_on_several_nodes_is_there_once() -> None:
    ann, bob = (Person(id=name, username=name, display_name=name) for name in ("ann", "bob"))
    both = together([Present(count=3, people=(ann, bob)), Present(count=2, people=(bob,)), Present(count=0, people=())])
    assert (both.count, both.people) == (4, (ann, bob))
    assert together([]) == Present(count=0, people=())


# ------------------------------------------------------------------------------------------------------------ sessions


async def test_a_session_of_another_nodes_media_process_is_opened_patched_and_closed(places: list[ClusterNode]) -> None:
    ref = places[0].node.ref(NODE, "n2")
    opened = await ref.ask(WatchHere(offer=OfferWhep(stream_id="s", sdp="o", resource_id="whep-1.n2")))
    assert opened.answered == Answered(sdp="v=0\r\n", etag="1")
    assert (places[0].media.open, places[1].media.open) == ([], ["whep-1.n2"])
    patched = await ref.ask(PatchHere(patch=PatchIce(resource_id="whep-1.n2", fragment="f", etag="1")))
    assert patched.patched == Patched(fragment="a=end", etag="2")
    assert (await ref.ask(CloseHere(resource_id="whep-1.n2"))).patched == Patched()
    assert places[1].media.open == []


async def test_what_another_nodes_media_process_refuses_is_an_answer(places: list[ClusterNode]) -> None:
    outcome = await places[0].node.ref(NODE, "n2").ask(CloseHere(resource_id="whep-9.n2"))
    assert isinstance(outcome.refused, Refused)
    assert outcome.refused.status == 404


async def test_another_nodes_media_process_that_is_away_is_an_error_to_try_again_after(
    places: list[ClusterNode],
) -> None:
    places[1].media.is_away = True
    with pytest.raises(DomainError) as caught:
        await places[0].node.ref(NODE, "n2").ask(CloseHere(resource_id="whep-1.n2"))
    assert (caught.value.code, caught.value.retry_after_s) == ("unavailable", 1.0)


async def test_facts_do_not_wait_for_a_media_process_that_takes_its_time(places: list[ClusterNode]) -> None:
    gate = asyncio.Event()

    async def slow(offer: OfferWhep) -> Answered:
        await gate.wait()
        return Answered(sdp="", etag="")

    places[1].media.offer_whep = slow  # type: ignore[method-assign]
    ref = places[0].node.ref(NODE, "n2")
    asked = asyncio.ensure_future(ref.ask(WatchHere(offer=OfferWhep(stream_id="s", sdp="o", resource_id="w"))))
    await asyncio.sleep(0)
    broadcaster(places[0], "n2")(FACTS[0])
    await places[1].settle()
    assert places[1].live_events.events == [FACTS[0]]
    assert not asked.done()
    gate.set()
    assert (await asked).answered is not None


# ------------------------------------------------------------------------------------------------------------ stopping


async def test_a_publication_is_stopped_on_the_node_that_has_it(places: list[ClusterNode]) -> None:
    media = MediaOfNodes(node=places[0].node)
    media.stop("n2", "s", publication=3, reason="x")
    media.stop("", "s", publication=4, reason="y")
    media.stop("gone", "s", publication=5, reason="z")
    for place in places:
        await place.settle()
    assert [place.media.stopped for place in places] == [[("s", 4, "y")], [("s", 3, "x")], []]


async def test_a_slate_is_shown_by_the_node_that_had_the_publisher_or_reported_as_lost(
    places: list[ClusterNode],
) -> None:
    media = MediaOfNodes(node=places[0].node)
    grant = Grant(
        stream_id="s", epoch=1, publication=4, first_segment=9, media_time_ms=8_000, latency="low", is_recorded=True,
        transcode="ladder",
    )  # fmt: skip
    places[2].media.is_away = True
    for node in ("n2", "n3", "gone"):
        media.show_slate(node, grant, ({"kind": "audio", "channels": 2},), for_s=30.0)
    for place in places:
        await place.settle()
    assert [place.slates for place in places] == [
        [],
        [("began", "s", 4)],
        [("began", "s", 4), ("the media process is away", "s", 4)],
    ]
    (shown,) = places[1].media.slates
    assert (shown.tracks, shown.for_s) == (({"kind": "audio", "channels": 2},), 30.0)
    given = shown.grant
    assert (given.is_slate, given.is_recorded, given.transcode) == (True, False, "off")
    assert (given.publication, given.first_segment, given.media_time_ms) == (4, 9, 8_000)

"""Players without a socket are counted once, until they are silent, and ids that no node made count nobody."""

from __future__ import annotations

import pytest

from actors.viewers_messages import NodeLeft, PlayersLeft, PlayersSeen, SeenPlayer, ViewerBeat, ViewerCame
from actors.viewers_tally import MAX_TRANSPORTS, PLAYER_SILENT_S, ViewTally
from server.http.identity import Identity
from server.live.player_ids import PlayerIds
from server.live.players import GATHER_S, SILENT_S
from server.live.viewings import NOBODY, Viewer
from tests.server.live.counted import Counting

STREAM = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a11"
OTHER = "01890c2a-7b5e-7cc3-98c8-6b1f6c1f0a12"
FROM = "203.0.113.7"


@pytest.fixture
async def counting() -> Counting:
    made = Counting(per_address=3)
    await made.node.start()
    return made


def ask(counting: Counting, view_id: str, *, address: str = FROM, transport: str = "hls:source") -> None:
    counting.players.seen(STREAM, view_id, viewer=NOBODY, address=address, transport=transport)


async def play(counting: Counting, seconds: float, *view_ids: str) -> None:
    """Each asks for a playlist twice a second."""
    for _ in range(round(seconds * 2)):
        for view_id in view_ids:
            ask(counting, view_id)
        await counting.clock.advance(0.5)


async def test_a_player_that_asks_for_playlists_is_one_viewer_until_it_is_silent(counting: Counting) -> None:
    await play(counting, 30, "a", "b")
    assert await counting.viewers(STREAM) == 2
    assert counting.announced()[-1] == 2
    await play(counting, SILENT_S + 2, "a")
    assert await counting.viewers(STREAM) == 1


async def test_a_player_is_counted_within_two_seconds(counting: Counting) -> None:
    ask(counting, "a")
    await counting.clock.advance(GATHER_S)
    assert await counting.viewers(STREAM) == 1


async def test_a_session_counts_until_it_ends_and_stops_counting_within_two_seconds(counting: Counting) -> None:
    end = counting.players.began(STREAM, viewer=NOBODY, address=FROM, transport="webrtc:source")
    await counting.clock.advance(60)
    assert await counting.viewers(STREAM) == 1
    end()
    await counting.clock.advance(GATHER_S)
    assert await counting.viewers(STREAM) == 0
    end()
    await counting.clock.advance(2)
    assert await counting.viewers(STREAM) == 0


async def test_of_one_address_so_many_are_counted_and_others_take_the_places_of_those_that_left(
    counting: Counting,
) -> None:
    names = [f"p{number}" for number in range(1000)]
    await play(counting, 1, *names)
    assert await counting.viewers(STREAM) == 3
    ask(counting, "elsewhere", address="203.0.113.8")
    await counting.clock.advance(SILENT_S + 2)
    await play(counting, 1, *names[500:502])
    assert await counting.viewers(STREAM) == 2


async def test_a_new_counter_is_sent_all_players_again(counting: Counting) -> None:
    await play(counting, 20, "a", "b")
    counting.players.count_again(STREAM)
    await counting.clock.advance(GATHER_S)
    assert await counting.viewers(STREAM) == 2


def seen(tally: ViewTally, view_id: str, node: str, at: float, transport: str = "hls:source") -> None:
    player = SeenPlayer(view_id=view_id, user_id=None, since=at, transport=transport)
    tally.seen(PlayersSeen(node=node, players=(player,), at=at))


def test_a_player_that_two_nodes_see_is_one_and_leaves_with_the_last_of_them() -> None:
    tally = ViewTally()
    seen(tally, "a", "n1", 10.0)
    seen(tally, "a", "n2", 11.0)
    assert tally.viewers == 1
    tally.players_left(PlayersLeft(node="n1", view_ids=("a", "unknown"), at=12.0))
    assert tally.viewers == 1
    tally.node_left("n2", 13.0)
    assert tally.viewers == 0


def test_players_and_sockets_are_one_count_and_a_recount_of_sockets_leaves_players() -> None:
    tally = ViewTally()
    tally.came(ViewerCame(view_id="s", viewer="s", user_id=None, at=1.0, node="n1"))
    seen(tally, "a", "n1", 1.0)
    assert (tally.viewers, tally.peak_viewers) == (2, 2)
    tally.sockets_left("n1", 2.0)
    assert tally.viewers == 1


def test_a_silent_player_has_watched_until_it_was_last_seen() -> None:
    tally = ViewTally()
    seen(tally, "a", "n1", 10.0)
    seen(tally, "a", "n1", 14.0, "hls:720p")
    tally.advance(20.0)
    assert tally.expire(14.0 + PLAYER_SILENT_S - 0.1) == 0
    assert tally.expire(14.0 + PLAYER_SILENT_S) == 1
    [row] = tally.take_dirty()
    assert (row.watched_ms, row.watched_by, row.viewer) == (4000, {"hls:source": 4000}, "a")


def test_watch_time_is_told_apart_by_transport_and_bounded_whatever_clients_report() -> None:
    tally = ViewTally()
    tally.came(ViewerCame(view_id="s", viewer="s", user_id=None, at=0.0, node="n1"))
    tally.beat(ViewerBeat(view_id="s", at=10.0, transport="webrtc:source", latency_ms=200))
    tally.beat(ViewerBeat(view_id="s", at=25.0, transport="hls:720p", latency_ms=400))
    tally.beat(ViewerBeat(view_id="s", at=26.0, transport="hls:720p"))
    [row] = tally.take_dirty()
    assert row.watched_by == {"webrtc:source": 25_000, "hls:720p": 1_000}
    assert row.latency_ms == 300
    for number in range(100):
        tally.beat(ViewerBeat(view_id="s", at=27.0 + number, transport=f"t{number}"))
    [row] = tally.take_dirty()
    assert len(row.watched_by) <= MAX_TRANSPORTS + 1
    assert sum(row.watched_by.values()) == row.watched_ms


def test_an_id_is_good_for_its_stream_alone(counting: Counting) -> None:
    ids = counting.player_ids
    made = ids.make(STREAM)
    assert ids.read(STREAM, made) is not None
    assert ids.read(OTHER, made) is None
    for forged in ("", "x", made[:-1], made + "A", "A" * 43, "é" * 43, "~" * 43, made[::-1]):
        assert ids.read(STREAM, forged) is None


async def test_the_sound_beside_the_pictures_does_not_change_what_is_watched(counting: Counting) -> None:
    for transport in ("hls:audio", "hls:720p", "hls:audio", "hls:720p"):
        ask(counting, "a", transport=transport)
        await counting.clock.advance(1.0)
    [player] = counting.players._players.values()
    assert player.transport == "hls:720p"


async def test_a_node_that_dies_takes_its_players_with_it_and_they_count_once_elsewhere(counting: Counting) -> None:
    await play(counting, 5, "a")
    counting.node.ref("viewers", STREAM).tell(NodeLeft(node="n1", at=counting.clock.time()))
    assert await counting.viewers(STREAM) == 0
    player = SeenPlayer(view_id="a", user_id=None, since=counting.clock.time(), transport="hls:source")
    seen_elsewhere = PlayersSeen(node="n2", players=(player,), at=counting.clock.time())
    counting.node.ref("viewers", STREAM).tell(seen_elsewhere)
    assert await counting.viewers(STREAM) == 1


def test_a_person_is_one_viewer_by_their_id() -> None:
    tally = ViewTally()
    player = SeenPlayer(view_id="a", user_id=Viewer(id="u1").id, since=1.0, transport="webrtc:source")
    tally.seen(PlayersSeen(node="n1", players=(player,), at=1.0))
    assert tally.take_dirty()[0].viewer == "u1"


async def test_the_seals_of_a_server_make_ids_that_it_takes(identity: Identity, counting: Counting) -> None:
    ids = PlayerIds(seals=identity, new_id=counting.new_id)
    made = ids.make(STREAM)
    assert ids.read(STREAM, made) is not None
    assert counting.player_ids.read(STREAM, made) is None

"""Messages of rooms, judged after they were shown."""

from __future__ import annotations

import time
from uuid import uuid4

from server.features.safety.screening.chat import MOST_BEHIND_S, MOST_CASES, SETTLED
from storage.ids import Ids
from tests.server.conftest import Someone
from tests.server.features.posts.conftest import Board
from tests.server.features.safety.test_cases import QUEUE, act, moderator, the_case

_ROOM = """
insert into chat_rooms (id, owner_id, log_epoch, is_private, last_offset) values ($1, $2, 'e', $2::uuid is null, 0)
"""
_SAY = """
insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at)
values ($1, (select count(*) + 1 from chat_messages where room_id = $1), $2, $3, $2::uuid::text, $4, now())
"""
SOON = SETTLED.total_seconds() + 1


async def room(board: Board, owner: Someone | None) -> str:
    room_id = str(uuid4())
    await board.api.database.execute(_ROOM, room_id, owner.id if owner is not None else None)
    return room_id


async def say(board: Board, room_id: str, person: Someone, text: str, *, ago_s: float = SOON) -> str:
    message_id = Ids().uuid7(time.time() - ago_s)
    await board.api.database.execute(_SAY, room_id, message_id, person.id, text)
    return message_id


async def screened(board: Board, **settings: str) -> None:
    """By the words alone."""
    given = {"screening_model": "false", "screening_words": "badword", **settings}
    features = {one.name: one for one in board.api.kit.install(None, **given).features}
    await board.api.kit.run_schedule(features["screening"], "screening.chat")


async def read_to(board: Board, ago_s: float) -> None:
    sql = "insert into screened_chat values (true, $1) on conflict (only_row) do update set last_id = excluded.last_id"
    await board.api.database.execute(sql, Ids().uuid7(time.time() - ago_s))


async def begun(board: Board) -> tuple[Someone, Someone, Someone]:
    """Ada with a room, bob and a moderator; a minute of chat is still to be judged."""
    ada, bob = await board.join("ada", "bob")
    await read_to(board, 60)
    return ada, bob, await moderator(board, "mod")


async def test_a_held_message_is_a_case_with_an_act_of_the_server_once(board: Board) -> None:
    ada, bob, mod = await begun(board)
    room_id = await room(board, ada)
    await say(board, room_id, bob, "مرحبا بالجميع")
    bad = await say(board, room_id, bob, "such a b a d w o r d")
    young = await say(board, room_id, bob, "another badword", ago_s=-3_600.0)
    for _ in range(2):
        await screened(board)
    case = await the_case(board, mod)
    assert (case["kind"], case["subject_id"], case["owner"]["username"]) == ("message", bad, "bob")
    assert case["evidence"]["screening"]["labels"] == {"word": 1.0}
    whole = await board.do(mod, "GET", f"/moderation/cases/{case['id']}", answers=200)
    assert [(one["action"], one["actor"]) for one in whole["acts"]] == [("hide", None)]
    dismissed = await act(board, mod, case["id"], "dismiss")
    assert all(one["reverted_at"] for one in dismissed["acts"] if one["action"] == "hide")
    await board.api.database.execute(
        "update chat_messages set id = $2 where id = $1", young, Ids().uuid7(time.time() - 9)
    )
    await screened(board)
    assert (await the_case(board, mod))["evidence"]["text"] == "another badword"


async def test_conversations_are_judged_only_where_the_operator_wants_it(board: Board) -> None:
    _, bob, mod = await begun(board)
    room_id = await room(board, None)
    await say(board, room_id, bob, "a badword between us")
    await screened(board)
    assert (await board.do(mod, "GET", QUEUE, answers=200))["items"] == []
    await say(board, room_id, bob, "a badword that is judged")
    await screened(board, screening_conversations="true")
    assert (await the_case(board, mod))["evidence"]["text"] == "a badword that is judged"


async def test_a_flood_makes_a_bounded_number_of_cases_and_what_is_deleted_or_long_ago_none(board: Board) -> None:
    ada, bob, mod = await begun(board)
    room_id = await room(board, ada)
    gone = await say(board, room_id, bob, "a deleted badword")
    await board.api.database.execute("update chat_messages set deleted_at = now() where id = $1", gone)
    await read_to(board, 3 * MOST_BEHIND_S)
    await say(board, room_id, bob, "an old badword", ago_s=2 * MOST_BEHIND_S)
    for number in range(MOST_CASES + 5):
        await say(board, room_id, bob, f"badword {number}")
    await screened(board)
    cases = (await board.do(mod, "GET", f"{QUEUE}?limit=100", answers=200))["items"]
    assert len(cases) == MOST_CASES
    assert all(case["evidence"]["text"].startswith("badword") for case in cases)

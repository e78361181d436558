"""What requests cost: a bounded number of statements, each by an index; and what any body comes to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.features.social.posts import act_queries, list_queries, queries, read_queries, scheduling, wiping
from server.features.social.posts.bodies import PostBody
from server.features.social.posts.texts import MAX_TAG, fold_tag, mentions_of, tags_of
from storage.postgres import Database
from tests.server.features.posts.conftest import Board

SMALL = {"users", "post_media"}
"""Read through a row that is there already; a sequential scan of an empty table says nothing of them."""


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements of posts that are sent to Postgres while the block runs."""
    sent: list[str] = []
    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        original = getattr(asyncpg.Connection, name)

        async def call(self: Any, sql: str, *args: Any, _original: Any = original, **more: Any) -> Any:
            if "post" in sql or "hidden_words" in sql:
                sent.append(sql)
            return await _original(self, sql, *args, **more)

        monkeypatch.setattr(asyncpg.Connection, name, call)
    yield sent
    monkeypatch.undo()


async def test_a_page_costs_as_many_statements_as_one_post(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = await board.join("ada", "bob")
    root = (await board.post(ada))["id"]
    costs = []
    for _ in range(2):
        await board.post(bob, reply_to=root, poll={"options": ["a", "b"], "seconds": 60})
        await board.post(bob, "@ada #tag", reply_to=root, quote_of=root)
        with counted(monkeypatch) as sent:
            await board.listed(ada, f"/posts/{root}/replies")
        costs.append(len(sent))
    assert costs[0] == costs[1] <= 4


async def test_a_post_costs_a_bounded_number_of_statements(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = await board.join("ada", "bob")
    root = (await board.post(ada))["id"]
    text = "@ada " + " ".join(f"#tag{n}" for n in range(30)) + " https://a.example/"
    with counted(monkeypatch) as sent:
        await board.post(bob, text, reply_to=root, quote_of=root, poll={"options": ["a", "b"], "seconds": 60})
    assert len(sent) <= 20, sent


LISTS = {
    **{f"of_author_{kind}": sql for kind, sql in list_queries.OF_AUTHOR.items()},
    "quotes": list_queries.QUOTES,
    "replies": list_queries.REPLIES,
    "newest_replies": list_queries.NEWEST_REPLIES,
    "bookmarks": act_queries.BOOKMARKS,
    "scheduled": scheduling._LIST,
}
NIL = "00000000-0000-0000-0000-000000000001"
OTHERS: dict[str, tuple[str, tuple[object, ...]]] = {
    "read": (read_queries.READ, (NIL, [NIL], datetime(2026, 11, 30, tzinfo=UTC))),
    "targets": (queries.TARGETS, (NIL, [NIL])),
    "own": (queries.OWN, (NIL, NIL)),
    "ancestors": (list_queries.ANCESTORS, (NIL,)),
    "unrepost": (act_queries.UNREPOST, (NIL, NIL)),
    "withdraw_quote": (act_queries.WITHDRAW_QUOTE, (NIL, NIL)),
    "unreact": (act_queries.UNREACT, (NIL, NIL, "e")),
    "unbookmark": (act_queries.UNBOOKMARK, (NIL, NIL)),
    "forget_tags": (queries.FORGET_TAGS, (NIL,)),
    "wipe_of_author": (wiping._SOME, (NIL, 10)),
    "wipe_reposts": (wiping._WIPE_REPOSTS, ([NIL], 10)),
    "wipe_reactions": (wiping._REACTED, (NIL, 10)),
}


@pytest.mark.parametrize("name", [*LISTS, *OTHERS])
async def test_every_statement_finds_its_rows_by_an_index(database: Database, name: str) -> None:
    sql, args = OTHERS[name] if name in OTHERS else (LISTS[name], (NIL, None, None, 21))
    async with database.transaction() as tx:
        for other in ("seqscan", "bitmapscan", "sort"):
            await tx.execute(f"set local enable_{other} = off")
        plan = [row[0] for row in await tx.fetch(f"explain {sql}", *args)]
    scanned = {line.split("Seq Scan on ")[1].split()[0] for line in plan if "Seq Scan on " in line}
    assert scanned <= SMALL, "\n".join(plan)
    if name in LISTS:
        assert not [line for line in plan if "Sort" in line], "\n".join(plan)


TEXTS = st.text(alphabet=st.characters(codec="utf-8"), max_size=60) | st.sampled_from(
    ["#وَسم", "@ada", "👨‍👩‍👧‍👦" * 40, "\u202e\u0000", "#" + "x" * 500, "https://a.example/" + "(" * 50]
)
BODIES = st.dictionaries(
    st.sampled_from([*PostBody.model_fields, "other"]),
    TEXTS | st.none() | st.booleans() | st.integers() | st.lists(TEXTS, max_size=12)
    | st.fixed_dictionaries({"options": st.lists(TEXTS, max_size=12), "seconds": st.integers()}),
    max_size=6,
)  # fmt: skip


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=BODIES)
async def test_any_body_is_a_post_or_a_clear_refusal(board: Board, body: dict[str, Any]) -> None:
    ada = board.known.get("ada") or (await board.join("ada"))[0]
    status, answer = await board.call(ada, "POST", "/posts", body)
    assert status in (201, 422, 429), answer
    if status == 201:
        post = answer["post"]
        assert post["text"] or post["poll"] or post["quoted"]


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.characters(codec="utf-8")) | TEXTS)
def test_tags_and_mentions_of_any_text_are_few_and_short(text: str) -> None:
    for tag in tags_of(text):
        assert 0 < len(tag) <= MAX_TAG
        assert fold_tag(tag) == tag
    assert mentions_of(text) == mentions_of(text.upper())


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#Hello #HELLO #ｈｅｌｌｏ", ["hello"]),
        ("#السَّعودية و#السعوديه #الســعودية", ["السعوديه"]),
        ("#اليوم_الوطني، #हिन्दी! #日本語。#año #ano", ["اليوم_الوطني", "हिन्दी", "日本語", "año", "ano"]),
        ("#123 a#b https://a.example/#c &#39; ##", []),
        ("#" + "x" * 101, []),
    ],
)
def test_hashtags_of_any_script_are_found_and_folded(text: str, tags: list[str]) -> None:
    assert tags_of(text) == tags

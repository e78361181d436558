"""Plans of statements over tables of many rows: none reads a table from end to end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from types import ModuleType

from server.features.delivery.notifications import delivery_queries
from server.features.delivery.notifications import queries as notifications
from server.features.discovery.search import index
from server.features.discovery.search import queries as search
from server.features.messages.conversations import queries as conversations
from server.features.people import audience
from server.features.people.hidden_words import hidden_words
from server.features.social.communities import queries as communities
from server.features.social.feed import queries as feed
from server.features.social.posts import act_queries, draft_queries, list_queries, queries, read_queries
from storage.plans import PLANNED_ONCE, PlannedOnce
from storage.postgres import Database, Transaction

ROOMS = (
    queries, act_queries, draft_queries, list_queries, read_queries, feed, communities, notifications,
    delivery_queries, search, index, conversations, audience, hidden_words,
)  # fmt: skip
STATEMENT = re.compile(r"\s*(select|with|insert|update|delete)\b")
PATIENCE_S = 60.0
FEW = 500
"""Rows that are read from end to end sooner than by an index."""
BY_VALUES = {"FORGET_SOME[0]", "PRUNE_OLD[0]", "PRUNE_MANY[0]", "ALIKE[0]", "PEOPLE[0]"}
"""Without values, the planner takes them to want a good part of tables of this size. An index is there for them."""
ID = "lpad(to_hex({}), 32, '0')::uuid"
AT = "timestamptz '2026-11-30' - interval '1 second' * ({})"
FILL = f"""
set local session_replication_role = replica;
insert into users (id, username, username_key, email, email_key, password_hash, display_name, stream_key)
select {ID.format("n")}, 'u' || n, 'u' || n, 'u' || n, 'u' || n, '', 'u', 'k' || n from generate_series(1, 4000) n;
insert into follows (follower_id, followee_id, created_at)
select {ID.format("1 + n % 4000")}, {ID.format("1 + (n * 7 + n / 4000) % 4000")}, {AT.format("n")}
from generate_series(1, 20000) n on conflict do nothing;
insert into posts (id, author_id, text, visibility, state, published_at, created_at, reply_to, root_id)
select {ID.format("n")}, {ID.format("1 + n % 4000")}, 'a text', 'public', 'published', {AT.format("20000 - n")},
    {AT.format("20000 - n")}, case when n % 5 = 0 then {ID.format("n - 1")} end,
    case when n % 5 = 0 then {ID.format("n - 1")} end
from generate_series(1, 20000) n;
insert into post_hashtags (tag, post_id, published_at, author_id)
select 't' || n % 50, {ID.format("n")}, {AT.format("20000 - n")}, {ID.format("1 + n % 4000")}
from generate_series(1, 10000) n;
insert into post_reactions (post_id, person_id, emoji, created_at)
select {ID.format("n")}, {ID.format("1 + n % 4000")}, 'e', {AT.format("n")} from generate_series(1, 10000) n;
insert into bookmarks (person_id, post_id, created_at)
select {ID.format("1 + n % 4000")}, {ID.format("n")}, {AT.format("n")} from generate_series(1, 10000) n;
insert into notifications (person_id, id, kind, subject_type, subject_id, people, count, created_at, place)
select {ID.format("1 + n % 4000")}, {ID.format("n")}, 'reply', 'post', {ID.format("n")},
    array[{ID.format("1 + n % 4000")}], 1, {AT.format("n")}, 'list' from generate_series(1, 10000) n;
insert into search_documents (kind, id, author_id, lexemes, weight)
select 'post', {ID.format("n")}, {ID.format("1 + n % 4000")},
    ('''w' || n % 1000 || ''' ''v' || n % 7 || '''')::tsvector, n
from generate_series(1, 20000) n;
insert into search_words (lexeme, shown, alike, posts) select 'w' || n, 'w' || n, 'w' || n, n
from generate_series(1, 10000) n;
insert into chat_rooms (id, log_epoch, is_private) select {ID.format("n")}, 'e', true from generate_series(1, 5000) n;
insert into conversations (room_id, is_group) select {ID.format("n")}, true from generate_series(1, 5000) n;
insert into conversation_members (room_id, person_id, state)
select {ID.format("1 + n % 5000")}, {ID.format("1 + n % 4000")}, 'open' from generate_series(1, 10000) n
on conflict do nothing;
insert into chat_messages (room_id, "offset", id, user_id, client_id, text, sent_at)
select {ID.format("1 + n % 5000")}, n, {ID.format("n")}, {ID.format("1 + n % 4000")}, 'c' || n, '', {AT.format("n")}
from generate_series(1, 10000) n;
"""


def statements() -> Iterator[tuple[str, str]]:
    for room in ROOMS:
        for name, value in vars(room).items():
            found = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
            for place, sql in enumerate(found):
                if isinstance(sql, str) and STATEMENT.match(sql) and is_whole(room, sql):
                    yield f"{room.__name__}.{name}[{place}]", sql


def is_whole(room: ModuleType, sql: str) -> bool:
    """Not a part of other statements of the room."""
    others = [one for value in vars(room).values() for one in _strings(value)]
    return "{" not in re.sub(r"'\{.*?\}'|'\{.*?\}", "", sql) and not any(sql in one and sql != one for one in others)


def _strings(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    found = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else ()
    return [one for one in found if isinstance(one, str)]


async def plan_of(tx: Transaction, sql: str, *, is_by_index: bool) -> str:
    """With values that are not known. ``is_by_index``: no table is read from end to end where there is another way."""
    await tx.execute(f"set local enable_seqscan = {PLANNED_ONCE['enable_seqscan'] if is_by_index else 'on'}")
    await tx.execute(f"prepare asked as {sql}")
    count = await tx.fetchval("select cardinality(parameter_types) from pg_prepared_statements where name = 'asked'")
    values = f"({', '.join(['null'] * count)})" if count else ""
    rows = await tx.fetch(f"explain execute asked{values}")
    await tx.execute("deallocate asked")
    return "\n".join(row[0] for row in rows)


async def test_no_statement_of_posts_feeds_searches_conversations_and_notifications_reads_a_large_table(
    database_url: str,
) -> None:
    wrong, seen = [], 0
    database = await Database.connect(database_url, max_connections=1, deadline_s=PATIENCE_S)
    async with database.transaction() as tx:
        for statement in FILL.strip(";\n ").split(";\n"):
            await tx.execute(statement)
        await tx.execute("analyze")
        large = {row[0] for row in await tx.fetch("select relname from pg_class where reltuples > $1", FEW)}
        assert {"users", "follows", "posts", "notifications", "search_documents", "chat_messages"} <= large
        await tx.execute("set local plan_cache_mode = force_generic_plan")
        for name, sql in statements():
            is_by_index = isinstance(sql, PlannedOnce) or name.rpartition(".")[2] in BY_VALUES
            plan = await plan_of(tx, sql, is_by_index=is_by_index)
            seen += 1
            if read := large.intersection(re.findall(r"Seq Scan on (\w+)", plan)):
                wrong.append(f"{name} reads {read}:\n{plan}")
    await database.close()
    assert seen > 100
    assert not wrong, "\n\n".join(wrong)

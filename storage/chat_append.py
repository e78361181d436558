"""The statement that appends a batch of messages to the logs of their rooms."""

from __future__ import annotations

from typing import Final

from storage.chat_mentions import MENTION_SQL, ChatMentioned
from storage.conversation_facts import ConversationMessage
from storage.facts import name_of

# One statement a batch. `fence` and `room` take their locks in order of their keys, so writers cannot deadlock; the
# share lock on the shard makes a take-over wait for this commit, and a commit after the take-over sees the new epoch.
# The look-ups are lateral with a limit, which keeps them index look-ups whatever the table's statistics say.
# A message that may mention somebody, or stands in a private room, is a fact as well; the readers' poll finds it, so
# that no commit notifies.
_MENTIONED: Final = name_of(ChatMentioned)
_PRIVATE: Final = name_of(ConversationMessage)
APPEND: Final = f"""
with input as materialized (
    select room_id, shard, epoch, id, user_id, client_id, text, reply_to, sent_at, media_time_ms, is_announcement, n
    from rows from (json_to_recordset($1::json) as (
        room_id uuid, shard smallint, epoch bigint, id uuid, user_id uuid, client_id text, text text, reply_to uuid,
        sent_at timestamptz, media_time_ms bigint, is_announcement boolean)) with ordinality
        as t(room_id, shard, epoch, id, user_id, client_id, text, reply_to, sent_at, media_time_ms, is_announcement, n)
), fence as materialized (
    select shard, epoch from shards where shard = any(array(select distinct shard from input)) order by shard for share
), room as materialized (
    select id, last_offset, is_private from chat_rooms where id = any(array(select distinct room_id from input))
    order by id for update
), judged as materialized (
    select i.*, room.last_offset, room.is_private, first.id as first_id, first."offset" as first_offset,
        case when fence.epoch is distinct from i.epoch then 'fenced'
             when room.id is null then 'room'
             when first.id is not null then 'old'
             when author.id is null then 'user'
             when i.reply_to is not null and parent.id is null then 'reply'
             else 'new' end as verdict
    from input i
    left join fence on fence.shard = i.shard
    left join room on room.id = i.room_id
    left join lateral (select u.id from users u where u.id = i.user_id limit 1) author on true
    left join lateral (
        select m.id, m."offset" from chat_messages m
        where m.user_id = i.user_id and m.room_id = i.room_id and m.client_id = i.client_id limit 1) first on true
    left join lateral (
        select m.id from chat_messages m
        where i.reply_to is not null and m.id = i.reply_to and m.room_id = i.room_id limit 1) parent on true
), ranked as materialized (
    select n, room_id, user_id, client_id, id, last_offset,
        row_number() over (partition by room_id, user_id, client_id order by n) as turn
    from judged where verdict = 'new'
), fresh as materialized (
    select n, room_id, user_id, client_id, id,
        last_offset + row_number() over (partition by room_id order by n) as "offset"
    from ranked where turn = 1
), inserted as (
    insert into chat_messages
        (room_id, "offset", id, user_id, client_id, text, reply_to, sent_at, media_time_ms, is_announcement)
    select j.room_id, fresh."offset", j.id, j.user_id, j.client_id, j.text, j.reply_to, j.sent_at, j.media_time_ms,
        j.is_announcement
    from fresh join judged j on j.n = fresh.n
), mentioned as (
    insert into facts (name, body)
    select '{_MENTIONED}', jsonb_build_object('type', '{_MENTIONED}', 'room_id', j.room_id, 'message_id', j.id)
    from fresh join judged j on j.n = fresh.n where j.text ~ '{MENTION_SQL}' and not j.is_private
), private as (
    insert into facts (name, body)
    select '{_PRIVATE}', jsonb_build_object('type', '{_PRIVATE}', 'room_id', j.room_id, 'message_id', j.id,
        'offset', fresh."offset", 'author_id', j.user_id)
    from fresh join judged j on j.n = fresh.n where j.is_private
), raised as (
    update chat_rooms r set last_offset = top from (select room_id, max("offset") as top from fresh group by room_id) f
    where r.id = f.room_id
)
select case when j.verdict = 'new' and fresh.n is null then 'old' else j.verdict end as verdict,
    coalesce(fresh."offset", j.first_offset, twin."offset") as "offset",
    case when fresh.n is null then coalesce(j.first_id, twin.id) end as first_id
from judged j
left join fresh on fresh.n = j.n
left join fresh twin on j.verdict = 'new' and fresh.n is null
    and twin.room_id = j.room_id and twin.user_id = j.user_id and twin.client_id = j.client_id
order by j.n
"""

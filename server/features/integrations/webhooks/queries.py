"""The SQL of webhooks. Times are Postgres' own, so that all nodes agree on what is due."""

from __future__ import annotations

from typing import Final

from storage.plans import PlannedOnce

_SHOWN: Final = "id, url, events, created_at, dropped, failing_since, disabled_at"
_DELIVERY: Final = (
    "id, event_id, event, replay_of, state, created_at, tries, tried_at, "
    "case when state = 'waiting' then next_try_at end as next_try_at, status, error, answer, duration_ms"
)

LOCK_OWNER: Final = "select from users where id = $1 for no key update"
COUNT: Final = "select count(*) from webhooks where owner_id = $1"
ADD: Final = f"""
insert into webhooks (id, owner_id, url, events, sealed_secret) values ($1, $2, $3, $4, $5) returning {_SHOWN}
"""
# What was said before is not sent: the webhook begins at the end of each log that there is.
BEGIN_ROOMS: Final = """
insert into webhook_rooms (webhook_id, room_id, "offset")
select $1, id, last_offset from chat_rooms where owner_id = $2
on conflict (webhook_id, room_id) do update set "offset" = excluded."offset"
"""
LIST: Final = f"""
select {_SHOWN} from webhooks where owner_id = $1 and ($2::uuid is null or id > $2) order by id limit $3
"""
ONE: Final = f"select {_SHOWN} from webhooks where owner_id = $1 and id = $2"
CHANGE: Final = f"""
update webhooks set events = coalesce($3, events),
    disabled_at = case when $4 then null else coalesce(disabled_at, case when $4 is false then now() end) end,
    failing_since = case when $4 then null else failing_since end,
    silences = case when $4 then 0 else silences end,
    silent_until = case when $4 then null else silent_until end
where owner_id = $1 and id = $2 returning {_SHOWN}
"""
REMOVE: Final = "delete from webhooks where owner_id = $1 and id = $2"
DELIVERIES: Final = f"""
select {_DELIVERY} from webhook_deliveries where webhook_id = $1 and ($2::uuid is null or id < $2)
order by id desc limit $3
"""
REPLAY: Final = f"""
insert into webhook_deliveries (id, webhook_id, event_id, event, body, replay_of)
select $1, webhook_id, event_id, event, body, id from webhook_deliveries where webhook_id = $2 and id = $3
returning {_DELIVERY}
"""

# Those of a person that listen for an event; ``has_room`` unless ``$3`` deliveries wait.
LISTENING: Final = """
select w.id, (select count(*) from (
    select from webhook_deliveries d where d.webhook_id = w.id and d.state = 'waiting' limit $3) x) < $3 as has_room
from webhooks w where w.owner_id = $1 and w.disabled_at is null and $2 = any(w.events) order by w.id
"""
PUT: Final = f"""
insert into webhook_deliveries (id, webhook_id, event_id, event, body)
select * from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[]) returning {_DELIVERY}
"""
DROP: Final = "update webhooks set dropped = dropped + 1 where id = any($1::uuid[])"

# Rooms whose log goes on beyond what a webhook has read of it; ``$1``: as of ``LISTENING``.
UNREAD: Final = PlannedOnce("""
select w.id as webhook_id, r.id as room_id, r.stream_id, coalesce(p."offset", 0) as "offset"
from webhooks w join chat_rooms r on r.owner_id = w.owner_id
left join webhook_rooms p on p.webhook_id = w.id and p.room_id = r.id
where w.disabled_at is null and 'chat.message' = any(w.events) and r.last_offset > coalesce(p."offset", 0)
    and (select count(*) from (
        select from webhook_deliveries d where d.webhook_id = w.id and d.state = 'waiting' limit $1) waiting) < $1
order by r.last_offset - coalesce(p."offset", 0) limit $2
""")
READ_TO: Final = """
insert into webhook_rooms (webhook_id, room_id, "offset") values ($1, $2, $3)
on conflict (webhook_id, room_id) do update set "offset" = excluded."offset"
"""

ROOM: Final = "select owner_id, stream_id from chat_rooms where id = $1"
STREAM: Final = "select id, owner_id, room_id, title, visibility from streams where id = $1"
PERSON: Final = "select id, username, display_name from users where id = $1 and deleted_at is null"
HELD: Final = """
select h.id, u.id as user_id, u.username, u.display_name, h.text, h.held_at, h.reason
from chat_held h join users u on u.id = h.user_id and u.deleted_at is null
where h.room_id = $1 and h.id = $2 and h.state = 'held'
"""

LOCK: Final = """
select id, owner_id, url, sealed_secret, silences, silent_until > now() as is_silent, disabled_at is not null as is_off
from webhooks where id = $1 for no key update
"""
# The oldest that is due, or that this job (``$2``) had when its worker was killed; none while ``$3`` are being sent.
CLAIM: Final = """
update webhook_deliveries d set claimed_by = $2, claimed_until = now() + make_interval(secs => $4) where d.id = (
    select c.id from webhook_deliveries c where c.webhook_id = $1 and c.state = 'waiting' and (
        c.claimed_by = $2 or (c.next_try_at <= now() and (c.claimed_until is null or c.claimed_until <= now())))
    order by c.claimed_by = $2 desc nulls last, c.next_try_at, c.id limit 1)
and (select count(*) from webhook_deliveries o where o.webhook_id = $1 and o.state = 'waiting'
    and o.claimed_until > now() and o.claimed_by <> $2) < $3
returning d.id, d.event_id, d.event, d.body, d.tries
"""
# ``next_try_at``: a day after its beginning at the latest, when it is tried for the last time. Null: no more.
RECORD: Final = """
update webhook_deliveries set claimed_by = null, claimed_until = null, tries = tries + 1, tried_at = now(),
    status = $3, error = $4, answer = $5, duration_ms = $6,
    state = case when $4 = '' then 'delivered' when now() - created_at >= make_interval(secs => $8) then 'failed'
        else 'waiting' end,
    next_try_at = case when $4 = '' or now() - created_at >= make_interval(secs => $8) then null
        else least(now() + make_interval(secs => $7), created_at + make_interval(secs => $8)) end
where id = $1 and webhook_id = $2 and state = 'waiting' returning state, next_try_at
"""
SUCCEEDED: Final = "update webhooks set failing_since = null, silences = 0, silent_until = null where id = $1 and \
(failing_since is not null or silences > 0)"
# ``$2``: the seconds for which it is left alone, null after an answer. ``is_lost``: nothing was taken for a day.
FAILED: Final = """
update webhooks set failing_since = coalesce(failing_since, now()),
    silences = case when $2::float8 is null then 0 else silences + 1 end,
    silent_until = now() + make_interval(secs => $2)
where id = $1
returning silent_until, failing_since <= now() - make_interval(secs => $3) as is_lost
"""
DISABLE: Final = "update webhooks set disabled_at = now() where id = $1 and disabled_at is null"
GIVE_UP: Final = """
update webhook_deliveries set state = 'failed', error = 'switched_off', next_try_at = null
where webhook_id = $1 and state = 'waiting'
"""
IS_DUE: Final = """
select exists (select from webhook_deliveries where webhook_id = $1 and state = 'waiting' and next_try_at <= now()
    and (claimed_until is null or claimed_until <= now()))
"""
# Those with a delivery that has been due for a while: the jobs that should have sent it have died.
STALLED: Final = """
select id from webhooks w where disabled_at is null and (silent_until is null or silent_until < now()) and exists (
    select from webhook_deliveries d where d.webhook_id = w.id and d.state = 'waiting'
        and d.next_try_at < now() - make_interval(secs => $1)
        and (d.claimed_until is null or d.claimed_until <= now()))
limit 1000
"""
PRUNE_OLD: Final = """
delete from webhook_deliveries where id in (
    select id from webhook_deliveries where created_at < now() - make_interval(days => $1) limit $2)
"""
PRUNE_MANY: Final = """
delete from webhook_deliveries where id in (
    select d.id from webhooks w cross join lateral (
        select id, state from webhook_deliveries where webhook_id = w.id order by id desc offset $1) d
    where d.state <> 'waiting' limit $2)
"""
ERASE: Final = "delete from webhooks where owner_id = $1"

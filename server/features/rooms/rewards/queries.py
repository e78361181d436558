"""The SQL of rewards and their redemptions."""

from __future__ import annotations

from typing import Final

_FIELDS: Final = "id, title, prompt, cost, needs_text, is_paused"
ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('rewards ' || $1, 0))"
COUNT: Final = "select count(*) from rewards where owner_id = $1"
ADD: Final = f"""
insert into rewards (id, owner_id, title, prompt, cost, needs_text, is_paused, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8) returning {_FIELDS}
"""
CHANGE: Final = f"""
update rewards set title = coalesce($3, title), prompt = coalesce($4, prompt), cost = coalesce($5, cost),
    needs_text = coalesce($6, needs_text), is_paused = coalesce($7, is_paused)
where owner_id = $1 and id = $2 returning {_FIELDS}
"""
REMOVE: Final = "delete from rewards where owner_id = $1 and id = $2"
LIST: Final = f"select {_FIELDS} from rewards where owner_id = $1 order by cost, id"
LIST_OF_STREAM: Final = f"""
select {_FIELDS} from rewards where owner_id = (select owner_id from streams where id = $1) and not is_paused
order by cost, id
"""
FOR_REDEEMING: Final = f"select {_FIELDS} from rewards where id = $1 and owner_id = $2 for share"

REDEEMED: Final = "select id, cost from reward_redemptions where owner_id = $1 and person_id = $2 and client_id = $3"
COUNT_WAITING: Final = "select count(*) from reward_redemptions where owner_id = $1 and state = 'waiting'"
REDEEM: Final = """
insert into reward_redemptions
    (id, owner_id, room_id, reward_id, person_id, client_id, title, cost, text, media_time_ms, redeemed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_REDEMPTION: Final = """
select r.id, r.room_id, r.owner_id, r.reward_id, r.title, r.cost, r.text, r.state, r.redeemed_at, r.decided_at,
    r.media_time_ms, r.person_id, u.username, u.display_name
from reward_redemptions r join users u on u.id = r.person_id
"""
REDEMPTION: Final = _REDEMPTION + " where r.id = $1"
QUEUE: Final = (
    _REDEMPTION
    + """
where r.owner_id = $1 and ($2::text is null or r.state = $2) and ($3::uuid is null or r.id < $3)
order by r.id desc limit $4
"""
)
DECIDE: Final = """
update reward_redemptions set state = $3, decided_at = $4 where owner_id = $1 and id = $2 and state = 'waiting'
returning room_id, person_id, cost
"""

ERASE: Final = (
    "delete from reward_redemptions where person_id = $1 or owner_id = $1",
    "delete from rewards where owner_id = $1",
)

"""The SQL of tips."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

RECEIVER: Final = f"""
select u.id, u.username, u.display_name, s.id as stream_id, s.room_id from users u
left join lateral (
    select id, room_id from streams where owner_id = u.id and state = 'live' and visibility = 'public'
    order by id desc limit 1) s on true
where (u.username_key = lower($1) or u.id::text = lower($1)) and {IN_GOOD_STANDING.format("u")}
    and {NOT_APART.format(person="u.id", viewer="$2")}
limit 1
"""
ADD: Final = """
insert into tips
    (id, payment_id, stream_id, room_id, person_id, owner_id, amount, currency, message, is_test, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""
_TIP: Final = """
select t.id, t.stream_id, t.room_id, t.person_id, t.owner_id, t.amount, t.currency, t.message, t.state, t.is_test,
    t.created_at, t.paid_at, p.username, p.display_name, o.username as to_username, o.display_name as to_display_name
from tips t join users p on p.id = t.person_id join users o on o.id = t.owner_id
"""
ONE: Final = _TIP + " where t.id = $1"
OF_STREAM: Final = f"""
{_TIP} where t.stream_id = $1 and t.state = 'succeeded' and ($2::uuid is null or t.id < $2)
    and {IN_GOOD_STANDING.format("p")} and {NOT_APART.format(person="t.person_id", viewer="$4")}
order by t.id desc limit $3
"""
RECEIVED: Final = f"""
{_TIP} where t.owner_id = $1 and t.state = 'succeeded' and ($2::uuid is null or t.id < $2) order by t.id desc limit $3
"""
SUCCEED: Final = """
update tips set state = 'succeeded', paid_at = $2 where id = $1 and state in ('pending', 'failed') returning id
"""
FAIL: Final = "update tips set state = 'failed' where id = $1 and state = 'pending'"
REFUND: Final = "update tips set state = case when $2::bigint = 0 then 'refunded' else 'succeeded' end where id = $1"
ERASE: Final = "delete from tips where person_id = $1 or owner_id = $1"

"""The SQL of reminders."""

from __future__ import annotations

from typing import Final

# The person's row is locked until the transaction ends: two devices do not pass the bound together.
HOLD: Final = "select id from users where id = $1 for no key update"
_WAITING: Final = """
select r.stream_id, r.created_at, s.scheduled_at from stream_reminders r join streams s on s.id = r.stream_id
where r.person_id = $1 and s.state = 'scheduled' and s.scheduled_at is not null
"""
ARE_MANY: Final = f"""
select count(*) filter (where w.stream_id <> $2) >= $3 from ({_WAITING} limit $3 + 1) w
"""
ASK: Final = """
insert into stream_reminders (stream_id, person_id, created_at) values ($1, $2, $3) on conflict do nothing
"""
TAKE_BACK: Final = "delete from stream_reminders where stream_id = $1 and person_id = $2"
MINE: Final = f"""{_WAITING}
and ($2::timestamptz is null or (r.created_at, r.stream_id) < ($2, $3::uuid))
order by r.created_at desc, r.stream_id desc limit $4
"""
ASKED: Final = """
select r.person_id from stream_reminders r
where r.stream_id = $1 and ($3::uuid is null or r.person_id > $3)
    and not exists (select from follows f where f.follower_id = r.person_id and f.followee_id = $2)
order by r.person_id limit $4
"""
ERASE: Final = (
    "delete from stream_reminders where person_id = $1",
    "delete from stream_reminders r using streams s where s.id = r.stream_id and s.owner_id = $1",
)

"""The SQL of raids."""

from __future__ import annotations

from typing import Final

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('raids', 0))"
"""One raid is decided on at a time, so that two cannot make a circle together."""
LATELY: Final = """
select distinct on (source_id) source_id, target_id, at, id from raids where cancelled_at is null and at > $1
order by source_id, id desc
"""
ALLOWED: Final = """
select coalesce((select allowed from raid_settings where user_id = $1), 'everyone') as allowed,
    exists (select from follows where follower_id = $1 and followee_id = $2) as is_followed
"""
START: Final = """
insert into raids (id, source_id, target_id, author_id, viewers, at) values ($1, $2, $3, $4, $5, $6)
"""
CANCEL: Final = """
update raids set cancelled_at = $2 where source_id = $1 and at > $2 and cancelled_at is null and arrived_at is null
returning id
"""
_SIDE: Final = "s{0}.id as {1}_id, s{0}.room_id as {1}_room_id, s{0}.title as {1}_title, s{0}.state as {1}_state"
RAID: Final = f"""
select r.id, r.viewers, r.at, r.cancelled_at, r.arrived_at, {_SIDE.format(1, "source")}, {_SIDE.format(2, "target")},
    u1.id as source_owner_id, u1.username as source_username, u1.display_name as source_display_name,
    u2.id as target_owner_id, u2.username as target_username, u2.display_name as target_display_name
from raids r join streams s1 on s1.id = r.source_id join users u1 on u1.id = s1.owner_id
join streams s2 on s2.id = r.target_id join users u2 on u2.id = s2.owner_id
where r.id = $1
"""
FOR_ARRIVAL: Final = "select id from raids where id = $1 and cancelled_at is null and arrived_at is null for update"
ARRIVED: Final = "update raids set arrived_at = $2 where id = $1"
COUNT: Final = """
update raids set came = (
    select count(distinct v.viewer) from view_sessions v
    where v.stream_id = raids.target_id and v.started_at between raids.arrived_at - $2::interval
            and raids.arrived_at + $3::interval
        and exists (
            select from view_sessions w where w.stream_id = raids.source_id and w.viewer = v.viewer
                and w.started_at <= raids.arrived_at and w.last_at >= raids.arrived_at - $3::interval)
) where id = $1 and arrived_at is not null and came is null returning came
"""
"""Of those who watched the source when the raid went on, how many began to watch the target about then."""
CALL_OFF: Final = "update raids set cancelled_at = $2 where id = $1"

SETTING: Final = "select allowed from raid_settings where user_id = $1"
SET: Final = """
insert into raid_settings (user_id, allowed) values ($1, $2) on conflict (user_id) do update set allowed = $2
"""
ERASE: Final = ("delete from raids where author_id = $1", "delete from raid_settings where user_id = $1")

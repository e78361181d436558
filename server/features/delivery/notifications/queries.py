"""The SQL of notifications. A person's are in the order of their ids, the newest first."""

from __future__ import annotations

from typing import Final

from server.feature import NO_UUID

MAX_PEOPLE: Final = 100
"""The people of one notification that are kept, the newest. ``count`` counts on."""

# Those of $1 who want to hear of the kind get one notification each, or their unread one of the same subject gets
# another person. `joined` holds what those were, and their locks in the order of persons, so that two of these
# statements cannot deadlock: the join makes sure that it is read before anything is written.
# $9 to $11: the channels that are on until a person decides; $12: who does not take the actor for a stranger, null:
# nobody does.
NOTIFY: Final = f"""
with wanting as materialized (
    select w.*, case when not w.in_app then 'none' when w.is_request then 'requests' else 'list' end as place from (
        select p.id as person_id, coalesce(s.in_app, $9) as in_app, coalesce(s.push, $10) as push,
            coalesce(s.email, $11) as email,
            $12::uuid[] is not null and coalesce(r.strangers = 'requests', false) and p.id <> all($12) as is_request
        from unnest($1::uuid[]) as p (id)
        left join lateral (
            select * from notification_settings where person_id = p.id and kind = $3 limit 1) s on true
        left join lateral (select * from notification_preferences where person_id = p.id limit 1) r on true
    ) w where w.in_app or ((w.push or w.email) and not w.is_request)
), joined as materialized (
    select n.person_id, n.id from (select person_id from wanting order by person_id) w cross join lateral (
        select person_id, id from notifications
        where person_id = w.person_id and kind = $3 and subject_id = $5 and subject_type = $4 and read_at is null
        limit 1 for update) n
), made as (
    insert into notifications as n (person_id, id, kind, subject_type, subject_id, people, count, created_at, place)
    select person_id, $2, $3, $4, $5, array[$6::uuid], 1, $7, place from wanting left join joined using (person_id)
    order by person_id, joined.id
    on conflict (person_id, kind, subject_id, subject_type) where read_at is null do update set
        id = excluded.id,
        created_at = excluded.created_at,
        people = (excluded.people || array_remove(n.people, $6))[:{MAX_PEOPLE}],
        count = n.count + case when $6 = any(n.people) then 0 else 1 end,
        place = case when 'list' in (n.place, excluded.place) then 'list'
            when 'requests' in (n.place, excluded.place) then 'requests' else 'none' end
    where $6 <> all(n.people) or ($8 and excluded.created_at > n.created_at)
    returning n.person_id, n.people[:3] as people, n.count, n.place
)
select made.*, joined.id as replaces, wanting.is_request, wanting.push, wanting.email
from made join wanting using (person_id) left join joined using (person_id)
"""
_SHOWN: Final = "id, kind, subject_type, subject_id, people[:{}] as people, count, created_at, read_at"
PAGE: Final = f"""
select {_SHOWN.format("$5::int")} from notifications
where person_id = $1 and ($2::uuid is null or id < $2) and (not $3 or read_at is null) and place = $6
    and ($7::text is null or kind = $7)
order by id desc limit $4
"""
# Those of a digest: unread, and made since $2.
NEWS: Final = f"""
select {_SHOWN.format("$3::int")} from notifications
where person_id = $1 and read_at is null and created_at > $2 and place = 'list' order by id desc limit $4
"""
UNREAD: Final = "select count(*) from notifications where person_id = $1 and read_at is null and place = 'list'"
READ_UNTIL: Final = "update notifications set read_at = $3 where person_id = $1 and read_at is null and id <= $2"
READ_SOME: Final = """
update notifications set read_at = $3 where person_id = $1 and read_at is null and id = any($2::uuid[])
"""
READ_OF_SUBJECT: Final = """
update notifications set read_at = $4
where person_id = $1 and kind = $2 and subject_id = $3 and read_at is null returning id
"""

# Taking a person out of what they caused; then what nobody causes any more goes.
_CAUSED: Final = "people @> array[$1::uuid]"
_CAUSED_FOR: Final = f"{_CAUSED} and person_id = $2"
_LEAVE: Final = "update notifications set people = array_remove(people, $1), count = greatest(count - 1, 1)"
FORGET_FOR: Final = (
    f"{_LEAVE} where {_CAUSED_FOR} and cardinality(people) > 1",
    f"delete from notifications where {_CAUSED_FOR}",
)
SILENCE: Final = tuple(f"{sql} and kind <> all($3::text[])" for sql in FORGET_FOR)
WITHDRAW: Final = tuple(f"{sql} and kind = $3" for sql in FORGET_FOR)
_OF_SUBJECT: Final = f"{_CAUSED} and kind = $2 and subject_id = $3"
WITHDRAW_OF_SUBJECT: Final = (
    f"{_LEAVE} where {_OF_SUBJECT} and cardinality(people) > 1",
    f"delete from notifications where {_OF_SUBJECT}",
)
DROP_OF_SUBJECT: Final = "delete from notifications where person_id = $1 and kind = $2 and subject_id = $3"
DROP_POST: Final = "delete from notifications where subject_id = $1 and subject_type = 'post'"
FORGET_SOME: Final = (
    f"{_LEAVE} where (person_id, id) in (select person_id, id from notifications"
    f" where {_CAUSED} and (cardinality(people) > 1 or kind = any($3::text[])) limit $2)",
    "delete from notifications where (person_id, id) in (select person_id, id from notifications"
    f" where {_CAUSED} and cardinality(people) = 1 and kind <> all($3::text[]) limit $2)",
)

PRUNE_OLD: Final = """
delete from notifications where (person_id, id) in (
    select person_id, id from notifications where created_at < now() - make_interval(days => $1) limit $2)
"""
PRUNE_MANY: Final = """
with crowded as (select person_id from notifications group by person_id having count(*) > $1 limit $2)
delete from notifications n using crowded c cross join lateral (
    select id from notifications k where k.person_id = c.person_id order by k.id desc offset $1 limit 1) oldest
where n.person_id = c.person_id and n.id <= oldest.id
"""

ERASE: Final = tuple(
    f"delete from {table} where person_id = $1"
    for table in (
        "notifications",
        "notification_settings",
        "notification_preferences",
        "notification_deliveries",
        "push_subscriptions",
    )
)
NO_SUBJECT: Final = NO_UUID

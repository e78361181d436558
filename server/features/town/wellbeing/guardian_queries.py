"""The SQL of guardians."""

from __future__ import annotations

from typing import Final

from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

HOLDS: Final = "g.accepted_at is not null and g.adult_on > {0}::date"
"""Whether a guardianship ``g`` holds on a day; ``{0}``: the day in UTC."""
_FIELDS: Final = "g.daily_seconds, g.break_seconds, g.quiet_start, g.quiet_end, g.time_zone, g.adult_on"
OF: Final = f"select {_FIELDS} from wellbeing_guardians g where g.minor_id = $1 and {HOLDS.format('$2')}"
_LINK: Final = f"""
select {_FIELDS}, g.accepted_at, u.id as person_id, u.username, u.display_name, {AVATAR_URL}
from wellbeing_guardians g join users u on u.id = {{0}}
where {IN_GOOD_STANDING.format("u")} and (g.accepted_at is null or g.adult_on > $2::date)
"""
GUARDIANS: Final = f"{_LINK.format('g.guardian_id')} and g.minor_id = $1 order by g.accepted_at, g.created_at limit 50"
MINORS: Final = f"{_LINK.format('g.minor_id')} and g.guardian_id = $1 order by g.created_at"
NAMED: Final = f"""
select u.id from users u
where u.username_key = lower($2) and {IN_GOOD_STANDING.format("u")}
    and {NOT_APART.format(person="u.id", viewer="$1")}
"""
PERSON: Final = "select id from users where username_key = lower($1)"
LOCK: Final = "select id, birth_date from users where id = any($1::uuid[]) order by id for no key update"
COUNT: Final = "select count(*) from wellbeing_guardians where guardian_id = $1"
PUT: Final = """
insert into wellbeing_guardians as g (guardian_id, minor_id, daily_seconds, break_seconds, quiet_start, quiet_end,
    time_zone, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (guardian_id, minor_id) do update set daily_seconds = excluded.daily_seconds,
    break_seconds = excluded.break_seconds, quiet_start = excluded.quiet_start, quiet_end = excluded.quiet_end,
    time_zone = excluded.time_zone
returning accepted_at is not null as is_accepted, xmax = 0 as is_new
"""
INVITED: Final = """
select accepted_at is not null as is_accepted from wellbeing_guardians where guardian_id = $1 and minor_id = $2
"""
GUARDED: Final = f"""
select exists (select from wellbeing_guardians g where g.minor_id = $1 and {HOLDS.format("$2")})
"""
ACCEPT: Final = """
update wellbeing_guardians set accepted_at = $3, adult_on = $4 where guardian_id = $1 and minor_id = $2
"""
GROWN_UP_ON: Final = "({0}.birth_date + interval '18 years')::date"
# $1 a person whose birth date is another one.
RECKON: Final = f"""
update wellbeing_guardians g set adult_on = {GROWN_UP_ON.format("u")} from users u
where g.minor_id = $1 and u.id = $1 and u.birth_date is not null and g.accepted_at is not null
"""
# The same, $2 the day: those that they may not guard.
TOO_YOUNG: Final = f"""
delete from wellbeing_guardians g using users u
where g.guardian_id = $1 and u.id = $1 and {GROWN_UP_ON.format("u")} > $2::date and g.accepted_at is not null
returning g.minor_id
"""
END: Final = "delete from wellbeing_guardians where guardian_id = $1 and minor_id = $2"
DECLINE: Final = "delete from wellbeing_guardians where guardian_id = $1 and minor_id = $2 and accepted_at is null"
RELEASE: Final = "delete from wellbeing_guardians where minor_id = $1 and accepted_at is not null returning guardian_id"
PRUNE: Final = """
delete from wellbeing_guardians where adult_on <= $1::date or (accepted_at is null and created_at < $2)
"""
ERASE: Final = "delete from wellbeing_guardians where guardian_id = $1 or minor_id = $1"

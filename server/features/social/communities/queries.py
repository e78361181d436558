"""The SQL of communities and their members."""

from __future__ import annotations

from typing import Final

from server.features.social.posts.read_queries import APART
from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING

IS_TAKEN: Final = "select exists (select from communities where name_key = $1)"
ADD: Final = """
insert into communities (id, name, name_key, title, description, rules, access, search, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
CHANGE: Final = """
update communities set title = $2, description = $3, rules = $4, access = $5, search = $6 where id = $1
"""
DELETE: Final = "delete from chat_rooms where id = $1 and is_private"
OWNED: Final = "select count(*) from community_members where person_id = $1 and state = 'member' and role = 'owner'"

SHOWN: Final = """
select c.id, c.name, c.title, c.description, c.rules, c.access, c.members, c.created_at, m.state,
    case when m.state = 'member' then m.role end as role
from communities c left join community_members m on m.community_id = c.id and m.person_id = $1
"""
ONE: Final = SHOWN + "where c.name_key = $2"
# The community's row is locked until the transaction ends: changes of its members come one after another.
HOLD: Final = ONE + " for update of c"
# Those that one is asked into are listed only for who is in them, or asked.
PAGE: Final = (
    SHOWN
    + """
where ($2 = '%%' or c.search like $2) and (c.access <> 'invite' or m.state in ('member', 'invited'))
    and ($3::bigint is null or (c.members, c.id) < ($3, $4::uuid))
order by c.members desc, c.id desc limit $5
"""
)
JOINED: Final = (
    SHOWN.replace("left join", "join")
    + """
where m.state in ('member', 'invited') and ($2 = '%%' or c.search like $2)
    and ($3::bigint is null or (c.members, c.id) < ($3, $4::uuid))
order by c.members desc, c.id desc limit $5
"""
)

READABLE: Final = """
select c.id, c.name, c.access = 'open' as is_open, m.state is not distinct from 'member' as is_member
from communities c left join community_members m on m.community_id = c.id and m.person_id = $1
where c.id = any($2::uuid[]) and (m.state = 'member' or c.access = 'open' and m.state is distinct from 'banned')
"""
POSTS: Final = """
select id, published_at as at from posts
where community_id = $1 and state = 'published' and reply_to is null and repost_of is null
    and ($2::timestamptz is null or (published_at, id) < ($2, $3::uuid))
order by published_at desc, id desc limit $4
"""
PINNED: Final = """
select p.id from community_pins x join posts p on p.id = x.post_id
where x.community_id = $1 and p.state = 'published' order by x.pinned_at desc, p.id limit 5
"""

# Of whom the other must not know, there is nobody.
NAMED: Final = f"""
select u.id, m.state, case when m.state = 'member' then m.role end as role,
    {APART.format("u.id", "$2::uuid")} as is_apart
from users u left join community_members m on m.community_id = $3 and m.person_id = u.id
where u.username_key = $1 and u.deleted_at is null
    and (m.state is not null or not exists (select from blocks b where b.user_id = u.id and b.blocked_id = $2))
"""
IN: Final = "select count(*) from community_members where person_id = $1 and state in ('member', 'asked')"
PUT: Final = """
insert into community_members (community_id, person_id, state, role, since) values ($1, $2, $3, $4, $5)
on conflict (community_id, person_id) do update set state = excluded.state, role = excluded.role, since = excluded.since
"""
REMOVE: Final = "delete from community_members where community_id = $1 and person_id = $2"
SET_ROLE: Final = "update community_members set role = $3 where community_id = $1 and person_id = $2"
COUNT: Final = "update communities set members = members + $2 where id = $1"
MEMBERS_OF: Final = "select person_id from community_members where community_id = $1 and state = 'member'"
PEOPLE: Final = f"""
select u.id, u.username, u.display_name, {AVATAR_URL}, m.role, m.since
from community_members m join users u on u.id = m.person_id
where m.community_id = $1 and m.state = $2 and {IN_GOOD_STANDING.format("u")}
    and ($3::uuid is null or not {APART.format("u.id", "$3::uuid")})
    and ($4::timestamptz is null or (m.since, m.person_id) > ($4, $5::uuid))
order by m.since, m.person_id limit $6
"""

# An owner who goes leaves the community to the moderator, or else the member, who has been in it longest.
LEAVE_TO: Final = """
update community_members h set role = 'owner' from (
    select distinct on (m.community_id) m.community_id, m.person_id
    from community_members mine join community_members m using (community_id)
    where mine.person_id = $1 and mine.role = 'owner' and m.person_id <> $1 and m.state = 'member'
    order by m.community_id, m.role <> 'moderator', m.since, m.person_id) heir
where h.community_id = heir.community_id and h.person_id = heir.person_id
returning h.community_id
"""
UNCOUNT: Final = """
update communities c set members = members - 1 from community_members m
where m.community_id = c.id and m.person_id = $1 and m.state = 'member'
"""
# A community that had nobody but its owner goes with its room.
FORGET: Final = """
with gone as (delete from community_members where person_id = $1 returning community_id, role)
select g.community_id from gone g where g.role = 'owner' and not exists (
    select from community_members m where m.community_id = g.community_id and m.state = 'member' and m.person_id <> $1)
"""

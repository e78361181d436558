"""The SQL of emotes."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING

LOCK_OWNER: Final = "select true from users where id = $1 and deleted_at is null for no key update"
COUNT: Final = "select count(*) from emotes where owner_id = $1"
EXISTS: Final = "select exists (select from emotes where owner_id = $1 and name = $2)"
ADD: Final = """
insert into emotes (id, owner_id, name, created_at) values ($1, $2, $3, $4) returning id, name, created_at
"""
REMOVE: Final = "delete from emotes where owner_id = $1 and id = $2 returning id"
REMOVE_ANY: Final = "delete from emotes where id = $1 returning owner_id, name"
REMOVE_ALL: Final = "delete from emotes where owner_id = $1 returning id"
LIST: Final = "select id, name, created_at from emotes where owner_id = $1 order by name"
LIST_OF: Final = f"""
select e.id, e.name, e.created_at from emotes e join users u on u.id = e.owner_id
where u.username_key = lower($1) and {IN_GOOD_STANDING.format("u")} order by e.name
"""
IS_SHOWN: Final = f"""
select exists (
    select from emotes e join users u on u.id = e.owner_id where e.id = $1 and {IN_GOOD_STANDING.format("u")}
)
"""

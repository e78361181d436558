"""The SQL of badges."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING

LOCK_OWNER: Final = "select true from users where id = $1 and deleted_at is null for no key update"
ADD: Final = (
    "insert into badges (id, owner_id, kind, created_at) values ($1, $2, $3, $4) returning id, kind, created_at"
)
REMOVE: Final = "delete from badges where owner_id = $1 and kind = $2 returning id"
REMOVE_ANY: Final = "delete from badges where id = $1 returning owner_id, kind"
REMOVE_ALL: Final = "delete from badges where owner_id = $1 returning id"
LIST: Final = "select id, kind, created_at from badges where owner_id = $1 order by kind"
LIST_OF: Final = f"""
select b.id, b.kind, b.created_at from badges b join users u on u.id = b.owner_id
where u.username_key = lower($1) and {IN_GOOD_STANDING.format("u")} order by b.kind
"""
IS_SHOWN: Final = f"""
select exists (
    select from badges b join users u on u.id = b.owner_id where b.id = $1 and {IN_GOOD_STANDING.format("u")}
)
"""

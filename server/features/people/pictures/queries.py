"""The SQL of persons' pictures."""

from __future__ import annotations

from typing import Final, Literal

Kind = Literal["avatar", "banner", "slate"]

OWN: Final = "select id, digest from pictures where owner_id = $1 and kind = $2"
ALL: Final = "select id, kind from pictures where owner_id = $1 order by kind"
LOCK_OWNER: Final = "select true from users where id = $1 and deleted_at is null for no key update"
SET: Final = "insert into pictures (id, owner_id, kind, digest) values ($1, $2, $3, $4)"
REMOVE: Final = "delete from pictures where owner_id = $1 and kind = $2 returning id"
REMOVE_ALL: Final = "delete from pictures where owner_id = $1 returning id"
SHOW: Final[dict[Kind, str]] = {
    "avatar": "update users set avatar_url = $2, updated_at = now() where id = $1",
    "banner": "update users set banner_url = $2, updated_at = now() where id = $1",
}
"""The columns that profiles link to; a slate has none."""
IS_SHOWN: Final = """
select exists (
    select from pictures p join users u on u.id = p.owner_id
    where p.id = $1 and u.deleted_at is null and coalesce(u.suspended_until <= now(), true)
)
"""

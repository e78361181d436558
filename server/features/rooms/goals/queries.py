"""The SQL of goals."""

from __future__ import annotations

from typing import Final

_FIELDS: Final = "kind, title, target, set_at, is_from_now"
LOCK_OWNER: Final = "select true from users where id = $1 and deleted_at is null for key share"
PUT: Final = f"""
insert into goals (owner_id, kind, title, target, is_from_now, set_at) values ($1, $2, $3, $4, $5, $6)
on conflict (owner_id, kind) do update set title = excluded.title, target = excluded.target,
    is_from_now = excluded.is_from_now,
    set_at = case when goals.is_from_now = excluded.is_from_now then goals.set_at else excluded.set_at end
returning {_FIELDS}
"""
REMOVE: Final = "delete from goals where owner_id = $1 and kind = $2"
LIST: Final = f"select {_FIELDS} from goals where owner_id = $1 order by kind"
ERASE: Final = "delete from goals where owner_id = $1"

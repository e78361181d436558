"""The SQL of calls. A token is good until its call ends."""

from __future__ import annotations

from typing import Final

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('calls ' || $1, 0))"
"""One call of a person is begun at a time."""

COUNT_OPEN: Final = "select count(*) from calls where owner_id = $1 and ended_at is null and ends_at > $2"
BEGIN: Final = "insert into calls (id, owner_id, began_at, ends_at) values ($1, $2, $3, $4)"

CALL: Final = "select owner_id, ends_at, ended_at from calls where id = $1"
MEMBERS: Final = """
select m.person_id, m.node, m.socket, u.username, u.display_name
from call_members m join users u on u.id = m.person_id where m.call_id = $1 order by m.joined_at, m.person_id
"""
INVITED_TO: Final = "select call_id from call_tokens where token_hash = $1 and used_at is null"

USE_UP: Final = """
update call_tokens set used_at = $3 where token_hash = $1 and call_id = $2 and used_at is null returning call_id
"""
SEAT: Final = """
insert into call_members (call_id, person_id, node, socket, joined_at) values ($1, $2, $3, $4, $5)
on conflict (call_id, person_id) do update set node = excluded.node, socket = excluded.socket
"""
LEAVE: Final = """
update call_members set node = null, socket = null
where call_id = $1 and person_id = $2 and node = $3 and socket = $4
"""
END: Final = "update calls set ended_at = $2 where id = $1 and ended_at is null"

# ``$3``: as many unused ones may there be. One that is there already stays as it is.
INVITE: Final = """
insert into call_tokens (token_hash, call_id)
select $1, $2 where (select count(*) from call_tokens where call_id = $2 and used_at is null) < $3
    or exists (select from call_tokens where token_hash = $1)
on conflict (token_hash) do update set call_id = call_tokens.call_id
returning call_id
"""

PRUNE: Final = """
delete from calls where id in (select id from calls where ends_at < $1 or ended_at < $1 limit $2)
"""

ERASE: Final = (
    "delete from calls where owner_id = $1",
    "delete from call_members where person_id = $1",
)

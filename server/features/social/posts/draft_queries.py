"""The SQL of drafts."""

from __future__ import annotations

from typing import Final

MAX_DRAFTS: Final = 100

ADD: Final = "insert into post_drafts (id, author_id, body, created_at, updated_at) values ($1, $2, $3, $4, $4)"
LOCK: Final = "select pg_advisory_xact_lock(hashtextextended($1::text, 10))"
COUNT: Final = "select count(*) from post_drafts where author_id = $1"
LIST: Final = """
select id, body, created_at, updated_at from post_drafts
where author_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3
"""
ONE: Final = "select id, body, created_at, updated_at from post_drafts where id = $1 and author_id = $2"
CHANGE: Final = "update post_drafts set body = $3, updated_at = $4 where id = $1 and author_id = $2"
DROP: Final = "delete from post_drafts where id = $1 and author_id = $2"

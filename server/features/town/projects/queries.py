"""The SQL of projects."""

from __future__ import annotations

from typing import Final

from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING

ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('projects ' || $1, 0))"
OWNED: Final = "select count(*) from project_members where person_id = $1 and role = 'owner'"
ADD: Final = "insert into projects (id, title, description, columns, created_at) values ($1, $2, $3, $4, $5)"
SHOWN: Final = """
select p.id, p.title, p.description, p.columns, p.created_at, m.role,
    (select count(*) from project_members x where x.project_id = p.id) as members
from projects p join project_members m on m.project_id = p.id and m.person_id = $1
"""
ONE: Final = SHOWN + "where p.id = $2"
HOLD: Final = ONE + " for update of p"
PAGE: Final = SHOWN + "where ($2::uuid is null or p.id < $2) order by p.id desc limit $3"
CHANGE: Final = "update projects set title = $2, description = $3, columns = $4 where id = $1"
LOST_COLUMNS: Final = "update project_tasks set board_column = $3 where project_id = $1 and not board_column = any($2)"
DELETE: Final = "delete from projects where id = $1"

# Of whom the other must not know, there is nobody.
NAMED: Final = """
select u.id from users u where u.username_key = $1 and u.deleted_at is null
    and not exists (select from blocks b where b.user_id = u.id and b.blocked_id = $2)
"""
PUT_MEMBER: Final = """
insert into project_members (project_id, person_id, role, since) values ($1, $2, $3, $4)
on conflict (project_id, person_id) do update set role = excluded.role
"""
ROLE: Final = "select role from project_members where project_id = $1 and person_id = $2"
REMOVE_MEMBER: Final = "delete from project_members where project_id = $1 and person_id = $2"
UNASSIGN: Final = "update project_tasks set assignee_id = null where project_id = $1 and assignee_id = $2"
COUNT_MEMBERS: Final = "select count(*) from project_members where project_id = $1"
OWNERS: Final = "select count(*) from project_members where project_id = $1 and role = 'owner'"
MEMBERS: Final = f"""
select u.id, u.username, u.display_name, {AVATAR_URL}, m.role, m.since
from project_members m join users u on u.id = m.person_id
where m.project_id = $1 and {IN_GOOD_STANDING.format("u")}
    and not exists (select from blocks b where b.user_id = u.id and b.blocked_id = $2
        or b.user_id = $2 and b.blocked_id = u.id)
    and ($3::timestamptz is null or (m.since, m.person_id) > ($3, $4::uuid))
order by m.since, m.person_id limit $5
"""
DOCUMENT_IDS: Final = "select id from project_documents where project_id = $1"

TASK: Final = """
select t.id, t.project_id, t.title, t.text, t.board_column, t.position, t.due_at, t.created_at, t.changed_at,
    t.assignee_id, u.username as assignee
from project_tasks t left join users u on u.id = t.assignee_id and u.deleted_at is null
where t.project_id = $1
"""
ONE_TASK: Final = TASK + " and t.id = $2"
TASKS: Final = TASK + " and ($2::uuid is null or t.id > $2) order by t.id limit $3"
COUNT_TASKS: Final = "select count(*) from project_tasks where project_id = $1"
LAST_PLACE: Final = """
select coalesce(max(position), 0) from project_tasks where project_id = $1 and board_column = $2
"""
ADD_TASK: Final = """
insert into project_tasks (id, project_id, title, text, board_column, position, assignee_id, author_id, due_at,
    created_at, changed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)
"""
CHANGE_TASK: Final = """
update project_tasks set title = $3, text = $4, board_column = $5, position = $6, assignee_id = $7, due_at = $8,
    changed_at = $9
where project_id = $1 and id = $2
"""
DELETE_TASK: Final = "delete from project_tasks where project_id = $1 and id = $2"

DOCUMENT: Final = """
select d.id, d.project_id, d.title, d.size, d.seq, d.created_at, d.changed_at, m.role
from project_documents d join project_members m on m.project_id = d.project_id and m.person_id = $1
"""
ONE_DOCUMENT: Final = DOCUMENT + "where d.id = $2"
DOCUMENTS: Final = DOCUMENT + "where d.project_id = $2 and ($3::uuid is null or d.id < $3) order by d.id desc limit $4"
COUNT_DOCUMENTS: Final = "select count(*) from project_documents where project_id = $1"
ADD_DOCUMENT: Final = """
insert into project_documents (id, project_id, title, author_id, created_at, changed_at)
values ($1, $2, $3, $4, $5, $5)
"""
RENAME_DOCUMENT: Final = "update project_documents set title = $2, changed_at = $3 where id = $1"
DELETE_DOCUMENT: Final = "delete from project_documents where id = $1"
VERSIONS: Final = """
select seq, at, length(data) as size from project_document_versions
where document_id = $1 and ($2::bigint is null or seq < $2) order by seq desc limit $3
"""
VERSION: Final = "select seq, at, data from project_document_versions where document_id = $1 and seq = $2"

LOAD: Final = """
select seq, extract(epoch from now() - greatest(d.created_at,
    (select max(at) from project_document_versions where document_id = d.id)))::float8 as age_s
from project_documents d where id = $1
"""
SNAPSHOT: Final = """
select seq, data from project_document_versions where document_id = $1 order by seq desc limit 1
"""
UPDATES: Final = "select data from project_document_updates where document_id = $1 and seq > $2 order by seq"
ROLES: Final = """
select m.person_id, m.role from project_documents d join project_members m on m.project_id = d.project_id
join users u on u.id = m.person_id
where d.id = $1 and m.person_id = any($2::uuid[]) and u.deleted_at is null
    and (u.suspended_until is null or u.suspended_until < now())
"""
APPEND: Final = """
insert into project_document_updates (document_id, seq, author_id, data)
select $1, $2::bigint + row, author, data from unnest($3::uuid[], $4::bytea[]) with ordinality as x (author, data, row)
"""
COUNTED: Final = "update project_documents set seq = $2, size = $3, changed_at = now() where id = $1"
ADD_VERSION: Final = """
insert into project_document_versions (document_id, seq, data, at)
values ($1, $2::bigint, $3, coalesce(
    (select at from project_document_updates where document_id = $1 and seq = $2), now()))
on conflict do nothing
"""
SIZED: Final = "update project_documents set size = $2 where id = $1"
FORGET_UPDATES: Final = "delete from project_document_updates where document_id = $1 and seq <= $2"
FORGET_VERSIONS: Final = """
delete from project_document_versions where document_id = $1
    and seq not in (select seq from project_document_versions where document_id = $1 order by seq desc limit $2)
    and seq not in (select max(seq) from project_document_versions where document_id = $1
        group by date_trunc('day', at at time zone 'UTC') order by 1 desc limit $3)
"""

# An owner who goes leaves the project to the member who has been in it longest, editors before viewers.
LEAVE_TO: Final = """
update project_members h set role = 'owner' from (
    select distinct on (m.project_id) m.project_id, m.person_id
    from project_members mine join project_members m using (project_id)
    where mine.person_id = $1 and mine.role = 'owner' and m.person_id <> $1
        and not exists (select from project_members o where o.project_id = mine.project_id and o.role = 'owner'
            and o.person_id <> $1)
    order by m.project_id, m.role <> 'editor', m.since, m.person_id) heir
where h.project_id = heir.project_id and h.person_id = heir.person_id
"""
FORGET_ALONE: Final = """
delete from projects p using project_members m where m.project_id = p.id and m.person_id = $1
    and not exists (select from project_members x where x.project_id = p.id and x.person_id <> $1)
"""
ERASE: Final = (
    LEAVE_TO,
    FORGET_ALONE,
    "delete from project_members where person_id = $1",
    "update project_tasks set assignee_id = null where assignee_id = $1",
    "update project_tasks set author_id = null where author_id = $1",
    "update project_documents set author_id = null where author_id = $1",
    "update project_comments set author_id = null where author_id = $1",
    "update project_document_updates set author_id = null where author_id = $1",
)

MEMBER_NAMED: Final = """
select u.id from users u join project_members m on m.person_id = u.id
where m.project_id = $1 and u.username_key = $2 and u.deleted_at is null
"""

"""The audit log is append-only and a hash chain.

What an entry says of people (``detail``, as JSON text, with the address and the reason) moves into ``audit_details``
when it is inserted; the entry keeps a salted hash of it. So what a person leaves behind can be erased when the account
is wiped, and the chain, which is made over what stays, still holds. Entries are chained after their transaction has
committed, one after another under the lock of ``audit_head``, so that no transaction waits for another one's entry.
"""

from alembic import op

revision = "0010"
down_revision = "0009"

OWNER = "audit"

SQL = """
create table audit_details (
    entry_id        uuid primary key references audit_log deferrable initially deferred,
    body            text not null,
    salt            bytea not null
);
insert into audit_details (entry_id, body, salt) select id, detail::text, uuid_send(gen_random_uuid()) from audit_log;

alter table audit_log
    add column detail_hash bytea,
    add column position bigint unique,
    add column previous_hash bytea,
    add column hash bytea;
update audit_log a set detail = '{}', detail_hash = sha256(d.salt || convert_to(d.body, 'UTF8'))
from audit_details d where d.entry_id = a.id;
alter table audit_log alter column detail_hash set not null;

drop index audit_log_by_actor;
create index audit_log_by_actor on audit_log (actor_id, id);
create index audit_log_by_action on audit_log (action, id);
create index audit_log_by_group on audit_log (split_part(action, '.', 1), id);
create index audit_log_by_subject on audit_log (subject);
create index audit_log_unchained on audit_log (id) where hash is null;

create table audit_head (
    is_there        boolean primary key default true check (is_there),
    position        bigint not null,
    hash            bytea not null,
    entry_id        uuid
);
insert into audit_head (position, hash) values (0, decode(repeat('00', 32), 'hex'));

create function audit_log_insert() returns trigger language plpgsql as $$
declare
    salt bytea := uuid_send(gen_random_uuid());
    body text := new.detail::text;
begin
    insert into audit_details (entry_id, body, salt) values (new.id, body, salt);
    new.detail := '{}';
    new.detail_hash := sha256(salt || convert_to(body, 'UTF8'));
    new.position := null;
    new.previous_hash := null;
    new.hash := null;
    return new;
end $$;

create function audit_log_update() returns trigger language plpgsql as $$
begin
    if old.hash is null and new.hash is not null
        and (new.id, new.at, new.action, new.subject, new.detail, new.detail_hash)
            = (old.id, old.at, old.action, old.subject, old.detail, old.detail_hash)
        and new.actor_id is not distinct from old.actor_id
    then
        return new;
    end if;
    raise exception 'an entry of the audit log is not changed';
end $$;

create function audit_append_only() returns trigger language plpgsql as $$
begin
    raise exception using message = tg_table_name || ' is append-only';
end $$;

-- Erasure of a person: once the wiping of the account has begun, and of entries that name it.
create function audit_details_delete() returns trigger language plpgsql as $$
begin
    if exists (
        select from audit_log a join account_deletions d on d.user_id = a.actor_id or d.user_id::text = a.subject
        where a.id = old.entry_id and d.began_at is not null
    ) then
        return old;
    end if;
    raise exception 'details of the audit log go with the account that they tell of';
end $$;

create trigger audit_log_insert before insert on audit_log for each row execute function audit_log_insert();
create trigger audit_log_update before update on audit_log for each row execute function audit_log_update();
create trigger audit_log_delete before delete or truncate on audit_log execute function audit_append_only();
create trigger audit_details_update before update or truncate on audit_details execute function audit_append_only();
create trigger audit_details_delete before delete on audit_details for each row
    execute function audit_details_delete();
"""


def upgrade() -> None:
    op.execute(SQL)

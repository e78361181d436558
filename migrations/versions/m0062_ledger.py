"""The ledger: accounts, transfers between them and their entries, which are only ever added to.

A transfer adds up to zero when its transaction commits, in one currency, which is that of each account it touches.
"""

from alembic import op

revision = "0062"
down_revision = "0061"

OWNER = "ledger"

SQL = """
create table ledger_accounts (
    id              bigint primary key generated always as identity,
    kind            text not null,
    owner_id        uuid references users,
    currency        text not null check (currency ~ '^[A-Z]{3}$'),
    unique nulls not distinct (kind, owner_id, currency),
    unique (id, currency)
);
create index ledger_accounts_by_owner on ledger_accounts (owner_id) where owner_id is not null;

create table ledger_transfers (
    id              uuid primary key,
    key             text not null constraint ledger_transfer_key unique,
    kind            text not null,
    currency        text not null,
    subject         text not null,
    at              timestamptz not null,
    xid             xid8 not null default pg_current_xact_id(),
    unique (id, currency)
);

create table ledger_entries (
    id              bigint primary key generated always as identity,
    transfer_id     uuid not null,
    account_id      bigint not null,
    currency        text not null,
    amount          bigint not null check (amount <> 0 and abs(amount) <= 1000000000000000),
    unique (account_id, transfer_id),
    foreign key (transfer_id, currency) references ledger_transfers (id, currency),
    foreign key (account_id, currency) references ledger_accounts (id, currency)
);
create index ledger_entries_by_transfer on ledger_entries (transfer_id);
create index ledger_entries_by_account on ledger_entries (account_id, id) include (amount);

-- What the entries up to entry_id come to. Entries up to that of the head are in the snapshots of their accounts.
create table ledger_snapshots (
    account_id      bigint primary key references ledger_accounts,
    entry_id        bigint not null,
    balance         numeric not null
);
create table ledger_head (
    is_there        boolean primary key default true check (is_there),
    entry_id        bigint not null
);

create function ledger_append_only() returns trigger language plpgsql as $$
begin
    raise exception using message = tg_table_name || ' is append-only', errcode = 'restrict_violation';
end $$;
create trigger ledger_accounts_stay before update or delete or truncate on ledger_accounts
    execute function ledger_append_only();
create trigger ledger_transfers_stay before update or delete or truncate on ledger_transfers
    execute function ledger_append_only();
create trigger ledger_entries_stay before update or delete or truncate on ledger_entries
    execute function ledger_append_only();

create function ledger_balances() returns trigger language plpgsql as $$
declare
    transfer uuid := (to_jsonb(new) ->> tg_argv[0])::uuid;
    found record;
begin
    select count(*) as entries, coalesce(sum(amount), 0) as total into found
    from ledger_entries where transfer_id = transfer;
    if found.entries < 2 or found.total <> 0 then
        raise exception using
            message = 'the transfer ' || transfer || ' has ' || found.entries || ' entries of ' || found.total,
            errcode = 'check_violation', constraint = 'ledger_balances';
    end if;
    return null;
end $$;
create constraint trigger ledger_transfer_balances after insert on ledger_transfers
    deferrable initially deferred for each row execute function ledger_balances('id');
create constraint trigger ledger_entry_balances after insert on ledger_entries
    deferrable initially deferred for each row execute function ledger_balances('transfer_id');

-- Entries come with their transfer: none is added to it by a later transaction.
create function ledger_entry_is_new() returns trigger language plpgsql as $$
begin
    if not exists (select from ledger_transfers t where t.id = new.transfer_id and t.xid = pg_current_xact_id()) then
        raise exception using message = 'the transfer ' || new.transfer_id || ' is closed',
            errcode = 'check_violation', constraint = 'ledger_entry_is_new';
    end if;
    return new;
end $$;
create trigger ledger_entry_is_new before insert on ledger_entries
    for each row execute function ledger_entry_is_new();
"""


def upgrade() -> None:
    op.execute(SQL)

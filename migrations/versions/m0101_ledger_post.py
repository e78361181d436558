"""The ledger in fewer steps: transfers are written by one call, and checked by statement instead of by row.

What a foreign key said of an entry, a trigger says for all entries of a statement at once. Accounts and transfers never
change or go, so that nothing has to be locked for it: a key share of the row of an account that all transfers have in
common made each wait for the others. The functions keep their plans whatever the session does, and look rows up by key.
"""

from alembic import op

revision = "0101"
down_revision = "0100"

OWNER = "ledger"

KEPT_PLANS = "set plan_cache_mode = 'force_generic_plan' set enable_seqscan = 'off'"

SQL = f"""
drop trigger ledger_entry_is_new on ledger_entries;
drop trigger ledger_entry_balances on ledger_entries;
drop trigger ledger_transfer_balances on ledger_transfers;
drop function ledger_entry_is_new();
drop function ledger_balances();
alter table ledger_entries drop constraint ledger_entries_transfer_id_currency_fkey;
alter table ledger_entries drop constraint ledger_entries_account_id_currency_fkey;
alter table ledger_transfers drop constraint ledger_transfers_id_currency_key;
alter table ledger_accounts drop constraint ledger_accounts_id_currency_key;

create function ledger_balances() returns trigger language plpgsql {KEPT_PLANS} as $$
declare
    found record;
begin
    select count(*) as entries, coalesce(sum(amount), 0) as total into found
    from ledger_entries where transfer_id = new.id;
    if found.entries < 2 or found.total <> 0 then
        raise exception using
            message = 'the transfer ' || new.id || ' has ' || found.entries || ' entries of ' || found.total,
            errcode = 'check_violation', constraint = 'ledger_balances';
    end if;
    return null;
end $$;
create constraint trigger ledger_transfer_balances after insert on ledger_transfers
    deferrable initially deferred for each row execute function ledger_balances();

-- Entries come in the transaction of their transfer, in its currency and that of their accounts, and each statement
-- brings as much as it takes: what comes after the transfer was checked can't unbalance it.
create function ledger_entries_fit() returns trigger language plpgsql {KEPT_PLANS}
set enable_hashjoin = 'off' set enable_mergejoin = 'off' as $$
declare
    wrong record;
begin
    select e.transfer_id, sum(e.amount) as total, bool_or(t.id is null) as is_closed into wrong
    from added e
    left join ledger_transfers t
        on t.id = e.transfer_id and t.currency = e.currency and t.xid = pg_current_xact_id()
    left join ledger_accounts a on a.id = e.account_id and a.currency = e.currency
    group by e.transfer_id
    having sum(e.amount) <> 0 or bool_or(t.id is null or a.id is null) limit 1;
    if found then
        raise exception using
            message = 'the transfer ' || wrong.transfer_id || case
                when wrong.is_closed then ' is closed'
                when wrong.total <> 0 then ' has entries of ' || wrong.total
                else ' has no account of this currency' end,
            errcode = 'check_violation', constraint = 'ledger_entries_fit';
    end if;
    return null;
end $$;
create trigger ledger_entries_fit after insert on ledger_entries
    referencing new table as added for each statement execute function ledger_entries_fit();

create function ledger_account(kind text, owner uuid, currency text) returns setof bigint language sql stable as $$
    select a.id from ledger_accounts a where a.kind = $1 and a.owner_id = $2 and a.currency = $3
    union all
    select a.id from ledger_accounts a where $2 is null and a.kind = $1 and a.owner_id is null and a.currency = $3
$$;

-- Makes the accounts that are missing, in an order of their own so that two who do so at one time wait only once.
create function ledger_open(kinds text[], owners uuid[], currencies text[]) returns void language plpgsql
{KEPT_PLANS} as $$
begin
    insert into ledger_accounts (kind, owner_id, currency)
    select distinct given.kind, given.owner, given.currency
    from unnest(kinds, owners, currencies) as given (kind, owner, currency)
    where not exists (select from ledger_account(given.kind, given.owner, given.currency))
    order by 1, 2, 3 on conflict do nothing;
end $$;

-- Writes transfers and their entries: the ids of those whose keys are new.
create function ledger_post(
    made_at timestamptz, ids uuid[], keys text[], kinds text[], currencies text[], subjects text[],
    transfers uuid[], account_kinds text[], owners uuid[], entry_currencies text[], amounts bigint[]
) returns setof uuid language plpgsql {KEPT_PLANS} as $$
begin
    perform ledger_open(account_kinds, owners, entry_currencies);
    return query
    with made as (
        insert into ledger_transfers (id, key, kind, currency, subject, at)
        select given.id, given.key, given.kind, given.currency, given.subject, made_at
        from unnest(ids, keys, kinds, currencies, subjects) as given (id, key, kind, currency, subject)
        order by given.key on conflict (key) do nothing returning id
    ),
    entered as (
        insert into ledger_entries (transfer_id, account_id, currency, amount)
        select given.id, account.id, given.currency, given.amount
        from unnest(transfers, account_kinds, owners, entry_currencies, amounts) with ordinality
            as given (id, kind, owner, currency, amount, nth)
        join made on made.id = given.id
        cross join lateral ledger_account(given.kind, given.owner, given.currency) as account (id)
        order by given.nth
    )
    select made.id from made;
end $$;
"""


def upgrade() -> None:
    op.execute(SQL)

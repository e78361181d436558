"""The SQL of the ledger."""

from __future__ import annotations

from typing import Final

from storage.plans import PlannedOnce

POST: Final = "select ledger_post($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) as id"
POSTED: Final = """
select t.id, t.currency, a.kind, a.owner_id, e.amount from ledger_transfers t
join ledger_entries e on e.transfer_id = t.id join ledger_accounts a on a.id = e.account_id where t.key = $1
"""

# A payment into the account locks nothing of its row, and is not kept waiting by this.
OPEN: Final = "select ledger_open(array[$1], array[$2::uuid], array[$3])"
LOCK_ACCOUNT: Final = """
select a.id from ledger_accounts a join ledger_account($1, $2, $3) found on found = a.id for no key update of a
"""
_BALANCE: Final = """
coalesce(s.balance, 0) + coalesce((
    select sum(e.amount) from ledger_entries e where e.account_id = a.id and e.id > coalesce(s.entry_id, 0)), 0)
"""
BALANCES_OF: Final = PlannedOnce(f"""
select a.kind, a.currency, ({_BALANCE})::bigint as balance
from ledger_accounts a left join ledger_snapshots s on s.account_id = a.id
where a.owner_id = $1 and a.kind in ('available', 'pending') order by a.currency, a.kind
""")
BALANCE: Final = f"""
select ({_BALANCE})::bigint from ledger_accounts a left join ledger_snapshots s on s.account_id = a.id where a.id = $1
"""
TOTALS: Final = """
with head as (select coalesce(max(entry_id), 0) as entry_id from ledger_head),
sums as (
    select account_id, balance from ledger_snapshots
    union all
    select e.account_id, e.amount from ledger_entries e, head where e.id > head.entry_id)
select a.kind as account, a.currency, sum(balance)::bigint as balance
from sums join ledger_accounts a on a.id = account_id group by a.kind, a.currency order by a.currency, a.kind
"""

_TRANSFERS: Final = """
select t.id, t.kind, t.currency, t.subject, t.at, json_agg(json_build_object(
    'account', a.kind, 'owner_id', a.owner_id, 'amount', e.amount) order by e.id) as entries
from ledger_transfers t join ledger_entries e on e.transfer_id = t.id join ledger_accounts a on a.id = e.account_id
"""
LIST: Final = f"""
{_TRANSFERS} where t.id in (
    select id from ledger_transfers where $1::uuid is null or id < $1::uuid order by id desc limit $2)
group by t.id order by t.id desc
"""
LIST_OF: Final = f"""
{_TRANSFERS} where t.id in (
    select o.transfer_id from ledger_accounts mine join lateral (
        select e.transfer_id from ledger_entries e
        where e.account_id = mine.id and ($2::uuid is null or e.transfer_id < $2::uuid)
        order by e.transfer_id desc limit $3) o on true
    where mine.owner_id = $1 and ($4::text is null or mine.currency = $4))
group by t.id order by t.id desc limit $3
"""

# Who writes entries holds its lock on the table until it has committed: behind this one, all up to the last are there.
BARRIER: Final = ("set local lock_timeout = '2s'", "lock table ledger_entries in share mode")
LAST: Final = "select coalesce(max(id), 0) from ledger_entries"
HEAD: Final = "select entry_id from ledger_head for update"
FIRST_HEAD: Final = "insert into ledger_head (entry_id) values (0) on conflict do nothing"
SNAPSHOT: Final = """
insert into ledger_snapshots (account_id, entry_id, balance)
select account_id, $2, sum(amount) from ledger_entries where id > $1 and id <= $2 group by account_id
on conflict (account_id) do update
    set balance = ledger_snapshots.balance + excluded.balance, entry_id = excluded.entry_id
"""
MOVE_HEAD: Final = "update ledger_head set entry_id = $1"

CHECK_TRANSFERS: Final = """
with part as (select id, currency from ledger_transfers where $1::uuid is null or id > $1::uuid order by id limit $2),
sums as (
    select p.id, p.currency, count(e.id) as entries, coalesce(sum(e.amount), 0)::bigint as sum
    from part p left join ledger_entries e on e.transfer_id = p.id group by p.id, p.currency)
select count(*) as transfers, coalesce(sum(entries), 0)::bigint as entries, coalesce(sum(sum), 0)::bigint as sum,
    (select id from part order by id desc limit 1) as last,
    coalesce(json_agg(json_build_object(
        'what', 'transfer', 'subject', id, 'currency', currency, 'difference', sum))
        filter (where sum <> 0 or entries < 2), '[]') as differences
from sums
"""
CHECK_BALANCES: Final = """
with part as (select * from ledger_snapshots where account_id > $1 order by account_id limit $2),
sums as (
    select p.account_id, p.balance - coalesce((
        select sum(e.amount) from ledger_entries e where e.account_id = p.account_id and e.id <= p.entry_id), 0)
        as difference
    from part p)
select max(s.account_id) as last, coalesce(json_agg(json_build_object(
    'what', 'balance', 'subject', a.kind || coalesce(' ' || a.owner_id::text, ''), 'currency', a.currency,
    'difference', difference::bigint)) filter (where difference <> 0), '[]') as differences
from sums s join ledger_accounts a on a.id = s.account_id
"""

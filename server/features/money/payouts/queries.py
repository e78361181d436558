"""The SQL of payouts and of what was earned."""

from __future__ import annotations

from typing import Final

ACCOUNT: Final = "select person_id, provider, stripe_account, is_ready from payout_accounts where person_id = $1"
PUT_ACCOUNT: Final = """
insert into payout_accounts as held (person_id, provider, stripe_account, is_ready, created_at)
values ($1, $2, $3, $4, $5) on conflict (person_id) do update
    set provider = excluded.provider, stripe_account = excluded.stripe_account, is_ready = excluded.is_ready
    where held.provider <> excluded.provider
"""
READY: Final = "update payout_accounts set is_ready = $2 where stripe_account = $1 returning person_id"
ADD: Final = """
insert into payouts (id, person_id, amount, withheld, currency, provider, created_at)
values ($1, $2, $3, $4, $5, $6, $7)
"""
_PAYOUT: Final = """
select id, amount, withheld, currency, provider = 'test' as is_test, state, reason, created_at, paid_at from payouts
"""
ONE: Final = _PAYOUT + " where id = $1 and person_id = $2"
BY_ID: Final = "select * from payouts where id = $1"
LIST: Final = _PAYOUT + " where person_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3"
SETTLE: Final = "update payouts set state = $2, reason = $3, paid_at = $4 where id = $1 and state = 'pending'"
LEFT_AT: Final = "select at from ledger_transfers where key = 'payout:' || $1::uuid"
BEFORE: Final = """
select t.at from payouts p join ledger_transfers t on t.key = 'payout:' || p.id
where p.person_id = $1 and p.currency = $2 and p.id < $3 and p.state <> 'failed' order by p.id desc limit 1
"""

_MINE: Final = """
from ledger_accounts a join ledger_entries e on e.account_id = a.id join ledger_transfers t on t.id = e.transfer_id
where a.owner_id = $1 and a.kind in ('pending', 'available', 'withheld') and t.at >= $2 and t.at < $3
"""
EARNED: Final = f"""
with mine as (select distinct t.id, t.kind, t.currency {_MINE} and t.kind not in ('payout', 'release', 'withholding'))
select m.currency, m.kind, count(distinct m.id) as transfers,
    -coalesce(sum(e.amount) filter (where a.kind in ('stripe', 'test')), 0)::bigint as paid,
    coalesce(sum(e.amount) filter (where a.kind = 'platform'), 0)::bigint as share,
    coalesce(sum(e.amount) filter (where a.owner_id = $1), 0)::bigint as earned
from mine m join ledger_entries e on e.transfer_id = m.id join ledger_accounts a on a.id = e.account_id
group by m.currency, m.kind order by m.currency, m.kind
"""
STATEMENT: Final = f"""
select t.at, t.kind, t.subject, t.currency, a.kind as account, e.amount {_MINE}
    and ($4::text is null or t.currency = $4) order by e.id limit $5
"""

PUT_TAX: Final = """
insert into tax_details (person_id, sealed, changed_at) values ($1, $2, $3)
on conflict (person_id) do update set sealed = excluded.sealed, changed_at = excluded.changed_at
"""
TAX: Final = "select sealed, changed_at from tax_details where person_id = $1"
PAID_IN: Final = """
select p.person_id, u.username, p.currency, count(*) as payouts, sum(p.amount)::bigint as amount,
    sum(p.withheld)::bigint as withheld, t.sealed
from payouts p join users u on u.id = p.person_id left join tax_details t on t.person_id = p.person_id
where p.state = 'paid' and p.paid_at >= $1 and p.paid_at < $2 and ($3::uuid is null or p.person_id = $3)
group by p.person_id, u.username, p.currency, t.sealed order by p.person_id, p.currency limit $4
"""

RULES: Final = "select nullif(country, '') as country, percent from withholding_rules r order by r.country"
LOCK_RULES: Final = "lock table withholding_rules in share row exclusive mode"
DELETE_RULES: Final = "delete from withholding_rules"
ADD_RULES: Final = """
insert into withholding_rules (country, percent)
select coalesce(country, ''), percent from unnest($1::text[], $2::integer[]) as given (country, percent)
"""
PERCENT: Final = "select percent from withholding_rules where country = coalesce($1, '')"
HELD: Final = """
select a.owner_id as person_id, u.username, a.currency, sum(e.amount)::bigint as amount
from ledger_accounts a join ledger_entries e on e.account_id = a.id join users u on u.id = a.owner_id
where a.kind = 'withheld' and ($1::uuid is null or a.owner_id > $1) group by a.owner_id, u.username, a.currency
having sum(e.amount) <> 0 order by a.owner_id, a.currency limit $2
"""
NAMED: Final = "select id from users where username_key = lower($1) or id::text = lower($1) limit 1"

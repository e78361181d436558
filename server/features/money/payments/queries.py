"""The SQL of payments and of Stripe's events."""

from __future__ import annotations

from typing import Final

ADD: Final = """
insert into payments
    (id, kind, subject, payer_id, payee_id, amount, currency, percent, provider, created_at, is_held, receiver)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
RECORD: Final = """
insert into payments
    (id, kind, subject, payer_id, payee_id, amount, currency, percent, provider, created_at, invoice_id, intent_id)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) on conflict (invoice_id) do nothing returning id
"""
OPENED: Final = "update payments set intent_id = $2, session_id = $3 where id = $1"
LOCK: Final = """
select * from payments where id = $1::uuid or (id = (
    select id from payments where $2::text in (paid_intent, intent_id) limit 1)) order by id = $1::uuid desc limit 1
for update
"""
CHANGE: Final = """
update payments set paid_intent = $2, paid_at = $3, failed_at = $4, release_at = $5, refunded = $6, disputed = $7,
    disputed_at = $8, bookings = $9, booked_net = $10, booked_released = $11 where id = $1
"""
UNHOLD: Final = "update payments set is_held = false, release_at = $2 where id = $1 and is_held"
ASK_REFUND: Final = """
update payments set refunds = refunds + 1, refund_asked = greatest(refund_asked, refunded) + $2, refund_refused = ''
where id = $1 returning refunds
"""
REFUND_REFUSED: Final = """
update payments set refund_asked = greatest(refunded, refund_asked - $2), refund_refused = $3 where id = $1
"""
ONE: Final = "select * from payments where id = $1"
DUE: Final = """
select id from payments
where release_at <= $1 and not booked_released and not is_held and paid_at is not null and disputed = 0
order by release_at limit 200
"""
FORGOTTEN: Final = """
select id from payments where created_at < $1 and paid_at is null and failed_at is null order by created_at limit 200
"""
LIST: Final = """
select id, kind, subject, payer_id, payee_id, amount, currency, provider, created_at, paid_at, failed_at, refunded,
    disputed, booked_net as net, greatest(0, refund_asked - refunded) as refunding, refund_refused, (
        select coalesce(json_agg(json_build_object('kind', f.kind, 'amount', f.amount, 'currency', f.currency)
            order by f.kind), '[]') from payment_fees f where f.payment_id = payments.id) as fees
from payments where $1::uuid is null or id < $1::uuid order by id desc limit $2
"""

STORE_EVENT: Final = """
insert into payment_events as held (id, row_id, type, body, received_at) values ($1, $2, $3, $4, $5)
on conflict (id) do update set deliveries = held.deliveries + 1 returning deliveries
"""
EVENT: Final = "select * from payment_events where id = $1"
SETTLE_EVENT: Final = "update payment_events set state = $2, reason = $3, handled_at = $4 where id = $1"
EVENTS: Final = """
select id, row_id, type, received_at, deliveries, state, reason, handled_at from payment_events
where ($1::text is null or state = $1) and ($2::uuid is null or row_id < $2) order by row_id desc limit $3
"""
REPLAY: Final = "update payment_events set state = 'waiting', reason = '' where id = $1 returning id"
PRUNE_EVENTS: Final = "delete from payment_events where received_at < $1 and state <> 'waiting'"

PUT_FEE: Final = """
with before as (select amount from payment_fees where payment_id = $1 and kind = $2)
insert into payment_fees as held (payment_id, kind, amount, currency, at, bookings) values ($1, $2, $3, $4, $5, 1)
on conflict (payment_id, kind) do update
    set amount = excluded.amount, at = excluded.at, bookings = held.bookings + 1 where held.at <= excluded.at
returning amount - coalesce((select amount from before), 0) as change, bookings
"""
KNOWN_EVENTS: Final = "select id from payment_events where id = any($1::text[])"
NETS: Final = """
select p.id, p.paid_intent as intent_id, p.currency, p.disputed, coalesce((
    select -sum(e.amount) from ledger_transfers t join ledger_entries e on e.transfer_id = t.id
    join ledger_accounts a on a.id = e.account_id and a.kind = 'stripe'
    where t.key in (select 'payment:' || p.id || ':' || n from generate_series(1, p.bookings) n)), 0)::bigint as net
from payments p
"""
NETS_OF: Final = NETS + " where p.paid_intent = any($1::text[])"
NETS_PAID: Final = NETS + " where p.provider = 'stripe' and p.paid_at >= $1 and p.paid_at < $2 limit $3"
ADD_RECONCILIATION: Final = """
insert into payment_reconciliations (id, since, began_at) values ($1, $2, $3)
"""
RECOVERED: Final = "update payment_reconciliations set recovered = $2 where id = $1"
END_RECONCILIATION: Final = """
update payment_reconciliations set ended_at = $2, charges = $3, differing = $4, differences = $5 where id = $1
"""
RECONCILIATION: Final = "select * from payment_reconciliations where id = $1"
RECONCILIATIONS: Final = """
select * from payment_reconciliations where $1::uuid is null or id < $1 order by id desc limit $2
"""

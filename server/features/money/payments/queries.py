"""The SQL of payments and of Stripe's events."""

from __future__ import annotations

from typing import Final

ADD: Final = """
insert into payments (id, kind, subject, payer_id, payee_id, amount, currency, percent, provider, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
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
COUNT_REFUND: Final = "update payments set refunds = refunds + 1 where id = $1 returning refunds"
ONE: Final = "select * from payments where id = $1"
DUE: Final = """
select id from payments where release_at <= $1 and not booked_released and paid_at is not null and disputed = 0
order by release_at limit 200
"""
FORGOTTEN: Final = """
select id from payments where created_at < $1 and paid_at is null and failed_at is null order by created_at limit 200
"""
LIST: Final = """
select id, kind, subject, payer_id, payee_id, amount, currency, provider, created_at, paid_at, failed_at, refunded,
    disputed, booked_net as net
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

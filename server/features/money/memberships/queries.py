"""The SQL of tiers and subscriptions."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

_TIER: Final = "id, name, description, amount, currency"
LOCK_OWNER: Final = "select pg_advisory_xact_lock(hashtextextended('tiers ' || $1, 0))"
TIERS: Final = f"select {_TIER} from tiers where owner_id = $1 and not is_archived order by place"
TIERS_OF: Final = f"""
select {_TIER} from tiers where owner_id = (
    select u.id from users u where u.username_key = lower($1) and {IN_GOOD_STANDING.format("u")}
        and {NOT_APART.format(person="u.id", viewer="$2")}) and not is_archived order by place
"""
ARCHIVE: Final = "update tiers set is_archived = true where owner_id = $1 and not is_archived"
PUT_TIER: Final = """
insert into tiers (id, owner_id, name, description, amount, currency, place) values ($1, $2, $3, $4, $5, $6, $7)
on conflict (id) do update set name = excluded.name, description = excluded.description, amount = excluded.amount,
    currency = excluded.currency, place = excluded.place, is_archived = false
"""
PERSON: Final = f"""
select u.id, u.username, u.display_name from users u
where (u.username_key = lower($1) or u.id::text = lower($1)) and {IN_GOOD_STANDING.format("u")}
    and {NOT_APART.format(person="u.id", viewer="$2")} limit 1
"""
TIER: Final = f"""
select {_TIER} from tiers where owner_id = $1 and not is_archived and (id::text = lower($2) or lower(name) = lower($2))
order by id::text = lower($2) desc limit 1
"""
LOCK_PAIR: Final = "select pg_advisory_xact_lock(hashtextextended('subscription ' || $1::uuid || ' ' || $2::uuid, 0))"
LOCK_PAIR_OF: Final = """
select pg_advisory_xact_lock(hashtextextended('subscription ' || owner_id || ' ' || person_id, 0))
from subscriptions where id = $1
"""
HAS: Final = "select true from subscriptions where owner_id = $1 and person_id = $2 and state in ('active', 'past_due')"
ADD: Final = """
insert into subscriptions
    (id, owner_id, person_id, payer_id, tier_id, amount, currency, is_test, is_cancelled, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_ONE: Final = """
select s.id, s.owner_id, s.person_id, s.payer_id, s.tier_id, t.name as tier, s.amount, s.currency, s.is_test, s.state,
    s.is_cancelled, s.stripe_id, s.months, s.created_at, s.started_at, s.paid_until, s.ended_at,
    s.payment_id, s.checkout_id, s.checkout_url, s.payer_id <> s.person_id as is_gift,
    p.username, p.display_name, o.username as to_username,
    o.display_name as to_display_name, g.username as from_username, g.display_name as from_display_name
from subscriptions s join tiers t on t.id = s.tier_id join users p on p.id = s.person_id
join users o on o.id = s.owner_id join users g on g.id = s.payer_id
"""
ONE: Final = _ONE + " where s.id = $1"
MINE: Final = f"""
{_ONE} where (s.person_id = $1 or s.payer_id = $1) and s.state <> 'pending'
    and (s.is_cancelled or not s.is_withdrawn) and ($2::uuid is null or s.id < $2)
order by s.id desc limit $3
"""
SUPPORTERS: Final = f"""
{_ONE} where s.owner_id = $1 and s.state in ('active', 'past_due') and ($2::uuid is null or s.id < $2)
order by s.id desc limit $3
"""
LOCK: Final = "select * from subscriptions where id = $1 for update"
BY_STRIPE: Final = "select * from subscriptions where id = $1::uuid or stripe_id = $2 limit 1 for update"
PAID: Final = """
update subscriptions set state = 'active', dunned = 0, months = months + 1, started_at = coalesce(started_at, $2),
    paid_until = $3, ended_at = null where id = $1 returning months
"""
OTHER: Final = """
select true from subscriptions where owner_id = $1 and person_id = $2 and state = 'active' and id <> $4
    and not (is_cancelled and paid_until <= $3)
"""
END_OTHER: Final = """
update subscriptions set state = 'ended', ended_at = $3
where owner_id = $1 and person_id = $2 and state in ('active', 'past_due') and id <> $4 returning id, stripe_id
"""
ATTEMPTS: Final = """
select * from subscriptions where owner_id = $1 and person_id = $2 and payer_id = $3 and state = 'pending'
order by id desc for update
"""
PAID_BY: Final = "update subscriptions set payment_id = $2 where id = $1"
OPENED: Final = """
update subscriptions set checkout_id = coalesce($2, checkout_id), checkout_url = $3 where id = $1 returning *
"""
WITHDRAW: Final = """
update subscriptions set state = 'ended', ended_at = $2, is_withdrawn = true where id = $1 and state = 'pending'
"""
OPEN_AT_STRIPE: Final = """
select checkout_id from subscriptions
where $1::uuid in (person_id, owner_id, payer_id) and checkout_id is not null and state = 'pending'
"""
CANCELLED: Final = """
select id from subscriptions
where owner_id = $1 and person_id = $2 and payer_id = $2 and state = 'active' and is_cancelled and paid_until > $3
"""
RESUME: Final = """
update subscriptions set is_cancelled = false where id = $1 and state = 'active' and paid_until > $2
"""
NAME_STRIPE: Final = """
update subscriptions set stripe_id = coalesce(stripe_id, $2), stripe_customer = coalesce(stripe_customer, $3)
where id = $1
"""
CUSTOMER: Final = """
select stripe_customer from subscriptions where payer_id = $1 and stripe_customer is not null order by id desc limit 1
"""
CHANGE_TIER: Final = "update subscriptions set tier_id = $2, amount = $3 where id = $1"
CANCEL: Final = "update subscriptions set is_cancelled = true where id = $1"
DUN: Final = "update subscriptions set dunned = $2 where id = $1 and dunned < $2 and state <> 'ended'"
PAST_DUE: Final = "update subscriptions set state = 'past_due' where id = $1 and state = 'active'"
END: Final = """
update subscriptions set state = 'ended', ended_at = $2, paid_until = least(paid_until, $2)
where id = $1 and state <> 'ended'
"""
DUE: Final = """
select id, paid_until from subscriptions
where state in ('active', 'past_due') and paid_until <= $1 and (paid_until, id) > ($2, $3)
order by paid_until, id limit $4
"""
RUNNING_AT_STRIPE: Final = """
select stripe_id from subscriptions
where $1::uuid in (person_id, owner_id, payer_id) and stripe_id is not null and state in ('active', 'past_due')
"""
ERASE: Final = (
    "delete from subscriptions where person_id = $1 or owner_id = $1 or payer_id = $1",
    "delete from tiers where owner_id = $1",
)

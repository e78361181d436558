"""The SQL of gifts to a room."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

ADD: Final = """
insert into subscription_gifts
    (id, owner_id, payer_id, tier_id, payment_id, amount, currency, count, is_test, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
ONE: Final = "select * from subscription_gifts where id = $1"
LOCK: Final = "select * from subscription_gifts where id = $1 for update"
PLACED: Final = "update subscription_gifts set state = 'placed', placed = $2 where id = $1"
TAKE_BACK: Final = "update subscription_gifts set state = 'refunded' where id = $1"
MARK: Final = "update subscriptions set gift_id = $2 where id = $1"
OF_GIFT: Final = "select * from subscriptions where gift_id = $1 and state <> 'ended' order by id for update"
ROOM: Final = """
select room_id from streams where owner_id = $1 and state in ('live', 'interrupted') and visibility <> 'private'
order by id desc limit 1
"""
DRAW: Final = f"""
select u.id from users u where u.id = any($1::uuid[]) and u.id not in ($2::uuid, $3::uuid)
    and {IN_GOOD_STANDING.format("u")} and {NOT_APART.format(person="u.id", viewer="$2::uuid")}
    and {NOT_APART.format(person="u.id", viewer="$3::uuid")}
    and not exists (
        select from subscriptions s where s.owner_id = $2 and s.person_id = u.id and s.state in ('active', 'past_due'))
order by random() limit $4
"""
ERASE: Final = "delete from subscription_gifts where payer_id = $1 or owner_id = $1"

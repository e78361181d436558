"""The SQL of shelves."""

from __future__ import annotations

from typing import Final

ITEMS: Final = """
select l.id as listing_id, l.title, l.price, l.currency, l.shipping, l.stock, l.opens_at,
    p.preview_url as picture_url, coalesce(p.alt, '') as picture_alt
from market_shelf s join market_listings l on l.id = s.listing_id
left join market_pictures p on p.listing_id = l.id and p.position = 0
where s.stream_id = $1 and l.state = 'open' order by s.shown_at, l.id
"""
SHOWING: Final = """
select s.stream_id, t.room_id from market_shelf s join streams t on t.id = s.stream_id
where s.listing_id = $1 and t.state <> 'ended'
order by t.state in ('live', 'interrupted') desc, s.stream_id limit 10
"""
LOCK_SELLER: Final = "select id from users where id = $1 for no key update"
HOLD: Final = "select id, state from market_listings where id = $1 and seller_id = $2 for update"
OPEN: Final = "update market_listings set state = 'open', opens_at = $2 where id = $1"
SHOW: Final = """
insert into market_shelf (stream_id, listing_id, shown_at) values ($1, $2, $3) on conflict do nothing
"""
COUNT: Final = "select count(*) from market_shelf where stream_id = $1"
REMOVE: Final = "delete from market_shelf where listing_id = $1"
HIDE: Final = "delete from market_shelf where stream_id = $1 and listing_id = $2"

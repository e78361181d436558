"""The SQL of the market."""

from __future__ import annotations

from typing import Final

from server.features.town.places import METRES, WITHIN
from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

_PICTURES: Final = """
(select coalesce(jsonb_agg(jsonb_build_object('id', m.id, 'url', m.url, 'preview_url', m.preview_url,
    'width', m.width, 'height', m.height, 'alt', m.alt) order by m.position), '[]')
 from market_pictures m where m.listing_id = l.id)
"""
_LISTING: Final = f"""
l.id, l.seller_id, l.title, l.description, l.category, l.price, l.currency, l.shipping, l.stock, l.state,
l.opens_at, l.lat, l.lon, l.precision_km, l.place_name, l.stars, l.reviews, l.created_at,
u.username, u.display_name, {AVATAR_URL}, {_PICTURES} as pictures
"""
_SEEN: Final = f"{IN_GOOD_STANDING.format('u')} and ({NOT_APART.format(person='l.seller_id', viewer='$1')})"
# A closed one is there for its seller, and for who has ordered of it.
ONE: Final = f"""
select {_LISTING}, null::bigint as metres from market_listings l join users u on u.id = l.seller_id
where l.id = $2 and (l.seller_id = $1::uuid or {_SEEN} and (l.state = 'open'
    or exists (select from market_orders o where o.listing_id = l.id and o.buyer_id = $1::uuid)))
"""
_WANTED: Final = f"""
($2 = '%%' or l.search like $2) and ($3 = '' or lower(l.category) = lower($3))
    and ($4 = '' or u.username_key = lower($4)) and (l.seller_id = $1::uuid and $4 <> ''
        or l.state = 'open' and l.stock > 0 and {_SEEN})
"""
PAGE: Final = f"""
select {_LISTING}, null::bigint as metres from market_listings l join users u on u.id = l.seller_id
where {_WANTED} and ($5::uuid is null or l.id < $5) order by l.id desc limit $6
"""
# As offers near a place: put in order by distance alone, and looked up one after the other until there are enough.
NEAREST: Final = f"""
select {_LISTING}, near.metres from (
    select l.id, l.metres from (
        select l.id, {METRES.format("l", "$5::float8", "$6::float8")} as metres from market_listings l
        where ($2 = '%%' or l.search like $2) and ($3 = '' or lower(l.category) = lower($3))
            and ($4 = '' or l.seller_id = (select id from users where username_key = lower($4)))
            and (l.state = 'open' and l.stock > 0 or l.seller_id = $1::uuid and $4 <> '')
            and {WITHIN.format("l", "$7", "$8")}
    ) l
    where l.metres <= $9 and ($10::bigint is null or (l.metres, l.id) > ($10, $11::uuid))
    order by l.metres, l.id offset 0
) near
cross join lateral (select * from market_listings where id = near.id offset 0) l
cross join lateral (select * from users where id = l.seller_id offset 0) u
where l.seller_id = $1::uuid and $4 <> '' or {_SEEN}
order by near.metres, near.id limit $12
"""

LOCK_SELLER: Final = "select id from users where id = $1 for no key update"
COUNT: Final = "select count(*) from market_listings where seller_id = $1"
ADD: Final = """
insert into market_listings (id, seller_id, title, description, category, search, price, currency, shipping, stock,
    lat, lon, precision_km, place_name, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
HOLD: Final = "select * from market_listings where id = $1 and seller_id = $2 for update"
CHANGE: Final = """
update market_listings set title = $2, description = $3, category = $4, search = $5, price = $6, shipping = $7,
    stock = $8, state = $9, lat = $10, lon = $11, precision_km = $12, place_name = $13 where id = $1
"""
DELETE: Final = "delete from market_listings where id = $1"
PICTURES: Final = "select * from market_pictures where listing_id = $1"
REMOVE_PICTURES: Final = "delete from market_pictures where listing_id = $1"
ADD_PICTURE: Final = """
insert into market_pictures (listing_id, position, id, url, preview_url, width, height, alt)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""

FOR_SALE: Final = f"""
select l.* from market_listings l join users u on u.id = l.seller_id
where l.id = $2 and l.state = 'open' and {_SEEN}
"""
# Buyers of the last one come here one after another; the price is read under the same lock.
TAKE: Final = """
update market_listings set stock = stock - $2
where id = $1 and state = 'open' and stock >= $2 and (opens_at is null or opens_at <= $3)
returning title, price, currency, shipping
"""
PUT_BACK: Final = "update market_listings set stock = least(stock + $2, 1000000) where id = $1"

ADD_ORDER: Final = """
insert into market_orders (id, listing_id, buyer_id, seller_id, payment_id, title, quantity, price, shipping, amount,
    currency, is_test, deliver_to, created_at, due_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
"""
_PERSON: Final = f"""
lateral (select to_jsonb(x) as shown from (
    select u.id, u.username, u.display_name, {AVATAR_URL} from users u where u.id = {{0}}) x)
"""
_ORDER: Final = f"""
select o.*, b.shown as buyer, s.shown as seller
from market_orders o, {_PERSON.format("o.buyer_id")} b, {_PERSON.format("o.seller_id")} s
"""
ORDER: Final = f"{_ORDER} where o.id = $1"
HOLD_ORDER: Final = "select * from market_orders where id = $1 for update"
MOVE: Final = """
update market_orders set state = $2, due_at = $3, tracking = $4, reason = $5, answer = $6,
    paid_at = case when $2 = 'paid' then $7 else paid_at end,
    shipped_at = case when $2 = 'shipped' then $7 else shipped_at end,
    ended_at = case when $8 then coalesce(ended_at, $7) end
where id = $1
"""
GIVEN: Final = f"""
{_ORDER} where o.buyer_id = $1 and ($2::uuid is null or o.id < $2) order by o.id desc limit $3
"""
GOT: Final = f"""
{_ORDER} where o.seller_id = $1 and ($2::uuid is null or o.id < $2) order by o.id desc limit $3
"""
DISPUTED: Final = f"""
{_ORDER} where o.state in ('disputed', 'contested') and o.due_at is not null and ($1::uuid is null or o.id < $1)
order by o.id desc limit $2
"""
TITLES: Final = """
select id, title from market_orders where id = any($1::uuid[]) and (buyer_id = $2 or seller_id = $2)
"""
DUE: Final = """
select id, due_at from market_orders where due_at <= $1 and ($2::timestamptz is null or (due_at, id) > ($2, $3::uuid))
order by due_at, id limit $4
"""

PUT_REVIEW: Final = """
insert into market_reviews (id, listing_id, author_id, stars, text, created_at) values ($1, $2, $3, $4, $5, $6)
on conflict (id) do update set stars = excluded.stars, text = excluded.text
"""
COUNT_REVIEWS: Final = """
update market_listings l set (stars, reviews) = (
    select coalesce(sum(r.stars), 0), count(*) from market_reviews r where r.listing_id = l.id)
where l.id = $1
"""
_REVIEW: Final = f"""
select r.id, r.stars, r.text, r.created_at, u.id as author_id, u.username, u.display_name, {AVATAR_URL}
from market_reviews r join users u on u.id = r.author_id
"""
REVIEW: Final = f"{_REVIEW} where r.id = $1"
REVIEWS: Final = f"""
{_REVIEW} where r.listing_id = $2 and {IN_GOOD_STANDING.format("u")}
    and ({NOT_APART.format(person="r.author_id", viewer="$1")}) and ($3::uuid is null or r.id < $3)
order by r.id desc limit $4
"""

OPEN_OF: Final = """
select id from market_orders where (buyer_id = $1 or seller_id = $1) and due_at is not null order by id
"""
FORGET_TEXTS: Final = "update market_orders set deliver_to = '', reason = '' where buyer_id = $1"
FORGET_ANSWERS: Final = "update market_orders set answer = '', tracking = '' where seller_id = $1"
PICTURES_OF: Final = """
select m.id from market_pictures m join market_listings l on l.id = m.listing_id where l.seller_id = $1
"""
DELETE_LISTINGS: Final = "delete from market_listings where seller_id = $1"
DELETE_REVIEWS: Final = "delete from market_reviews where author_id = $1 returning listing_id"

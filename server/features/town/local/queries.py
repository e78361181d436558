"""The SQL of offers of a place."""

from __future__ import annotations

from typing import Final

from server.features.town.places import METRES, WITHIN
from storage.pictures import AVATAR_URL
from storage.seen_streams import IN_GOOD_STANDING, NOT_APART

_OFFER: Final = f"""
o.id, o.owner_id, o.kind, o.title, o.text, o.lat, o.lon, o.precision_km, o.place_name, o.starts_at, o.expires_at,
o.created_at, u.username, u.display_name, {AVATAR_URL}
"""
_SEEN: Final = f"""
(o.owner_id = $1::uuid or {IN_GOOD_STANDING.format("u")} and ({NOT_APART.format(person="o.owner_id", viewer="$1")}))
"""
_FROM: Final = "local_offers o join users u on u.id = o.owner_id"
ONE: Final = f"""
select {_OFFER}, null::bigint as metres from {_FROM} where o.id = $2 and o.expires_at > $3 and {_SEEN}
"""
_WANTED: Final = f"""
o.expires_at > $2 and ($3::text is null or o.kind = $3) and ($4 = '%%' or o.search like $4)
    and ($5 = '' or u.username_key = lower($5)) and {_SEEN}
"""
PAGE: Final = f"""
select {_OFFER}, null::bigint as metres from {_FROM}
where {_WANTED} and ($6::uuid is null or o.id < $6) order by o.id desc limit $7
"""
# Places are put in order by their distance alone; who may see them and whose they are is looked up one after the other,
# until there are enough: joined before, a city has tens of thousands of rows to be joined.
NEAREST: Final = f"""
select {_OFFER}, near.metres from (
    select o.id, o.metres from (
        select o.id, {METRES.format("o", "$6::float8", "$7::float8")} as metres from local_offers o
        where o.expires_at > $2 and ($3::text is null or o.kind = $3) and ($4 = '%%' or o.search like $4)
            and ($5 = '' or o.owner_id = (select id from users where username_key = lower($5)))
            and {WITHIN.format("o", "$8", "$9")}
    ) o
    where o.metres <= $10 and ($11::bigint is null or (o.metres, o.id) > ($11, $12::uuid))
    order by o.metres, o.id offset 0
) near
cross join lateral (select * from local_offers where id = near.id offset 0) o
cross join lateral (select * from users where id = o.owner_id offset 0) u
where {_SEEN}
order by near.metres, near.id limit $13
"""
LOCK_OWNER: Final = "select id from users where id = $1 for no key update"
COUNT: Final = "select count(*) from local_offers where owner_id = $1 and expires_at > $2"
ADD: Final = """
insert into local_offers (id, owner_id, kind, title, text, search, lat, lon, precision_km, place_name, starts_at,
    expires_at, created_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
"""
HOLD: Final = "select * from local_offers where id = $1 and owner_id = $2 and expires_at > $3 for update"
CHANGE: Final = """
update local_offers set title = $2, text = $3, search = $4, lat = $5, lon = $6, precision_km = $7, place_name = $8,
    starts_at = $9, expires_at = $10 where id = $1
"""
DELETE: Final = "delete from local_offers where id = $1 and owner_id = $2"
PRUNE: Final = "delete from local_offers where id in (select id from local_offers where expires_at <= $1 limit 5000)"
ERASE: Final = "delete from local_offers where owner_id = $1"

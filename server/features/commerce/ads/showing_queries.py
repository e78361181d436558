"""The SQL of what is shown: contexts of decisions, impressions, and what creators earn by them."""

from __future__ import annotations

from typing import Final

# $1: the stream, $2: the person or null, $3: the pseudonym, $4: the day.
CONTEXT: Final = """
select lower(s.category) as category, lower(s.language) as language, s.owner_id, coalesce(a.is_on, true) as is_on,
    coalesce(a.warnings, '{}') as warnings, coalesce(a.refuses, '{}') as refuses,
    coalesce(p.consents, false) as consents, coalesce(p.interests, '{}') as interests,
    (select extract(year from age(current_date, u.birth_date))::int from users u where u.id = $2::uuid) as years,
    coalesce((select json_object_agg(f.campaign_id, f.shown) from ads_frequency f
        where f.viewer = $3 and f.day = $4), '{}') as shown,
    (select max(f.last_at) from ads_frequency f where f.viewer = $3 and f.day = $4) as last_at
from streams s left join ads_creators a on a.owner_id = s.owner_id
left join ads_preferences p on p.person_id = $2::uuid
where s.id = $1
"""
IS_BREAK: Final = """
select exists (select from ads_breaks where id = $1 and stream_id = $2)
"""

FROM_THERE: Final = """
select count(*) from (select from ads_impressions where source = $1 and at > $2 limit $3) recent
"""
ADD_IMPRESSION: Final = """
insert into ads_impressions (id, campaign_id, creative_id, stream_id, viewer, place, price, fault, at, source)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) on conflict (id) do nothing returning id
"""
IN_THE_LAST_HOUR: Final = """
select count(*) from (select from ads_impressions where viewer = $1 and at > $2 limit $3) recent
"""
COUNT_SHOWN: Final = """
insert into ads_frequency (viewer, day, campaign_id, shown, last_at) values ($1, $2, $3, 1, $4)
on conflict (viewer, day, campaign_id) do update set shown = ads_frequency.shown + 1, last_at = excluded.last_at
    where ads_frequency.shown < (select cap from ads_campaigns where id = excluded.campaign_id)
returning shown
"""
CHARGE: Final = """
update ads_leases set spent = spent + $2 where id = $1 and not is_closed and spent + $2 <= amount returning id
"""
EARN: Final = """
insert into ads_earnings (campaign_id, owner_id, percent, impressions, milli) values ($1, $2, $3, 1, $4)
on conflict (campaign_id, owner_id) do update
    set impressions = ads_earnings.impressions + 1, milli = ads_earnings.milli + excluded.milli
"""
SEEN: Final = """
update ads_impressions set seen = seen | $2 where id = $1 and seen & $2 = 0 and seen & ($2 >> 1) <> 0 returning id
"""
HAS_SEEN: Final = "select seen & $2 <> 0 from ads_impressions where id = $1"
CLICK: Final = "update ads_impressions set clicked_at = $2 where id = $1 and clicked_at is null and at > $3"
CLICK_URL: Final = "select click_url from ads_campaigns where id = $1 and click_url <> ''"

DUE: Final = """
select campaign_id, owner_id from ads_earnings where milli - settled * 1000 >= 1000
order by campaign_id, owner_id limit 500
"""
LOCK_EARNINGS: Final = """
select e.*, c.currency, c.owner_id as advertiser_id from ads_earnings e join ads_campaigns c on c.id = e.campaign_id
where e.campaign_id = $1 and e.owner_id = $2 for update of e
"""
SETTLE: Final = """
update ads_earnings set settled = $3, parted = $4, bookings = bookings + 1 where campaign_id = $1 and owner_id = $2
"""
EARNED: Final = """
select c.currency, sum(e.impressions)::bigint as impressions, sum(e.settled)::bigint as brought,
    sum(e.parted)::bigint as part
from ads_earnings e join ads_campaigns c on c.id = e.campaign_id
where e.owner_id = $1 group by c.currency order by c.currency
"""

TO_RETURN: Final = """
select c.id from ads_campaigns c
where not c.is_returned and c.paid > 0 and (c.state = 'ended' or c.ends_at < $1)
    and not exists (select from ads_leases l where l.campaign_id = c.id and not l.is_closed)
    and not exists (select from ads_earnings e where e.campaign_id = c.id and e.milli - e.settled * 1000 >= 1000)
order by c.ends_at limit 100
"""
LOCK_TO_RETURN: Final = """
select c.paid - coalesce((select sum(e.settled) from ads_earnings e where e.campaign_id = c.id), 0)::bigint as rest
from ads_campaigns c where c.id = $1 and not c.is_returned for no key update of c
"""
RETURNED: Final = """
update ads_campaigns set is_returned = true, state = 'ended', changed_at = $2 where id = $1
"""
PAID: Final = """
select payment_id, net from ads_payments where campaign_id = $1 and net > 0 order by payment_id desc
"""

_SUMS: Final = """
count(*) filter (where fault = '') as impressions,
    count(*) filter (where fault = '' and seen & 2 <> 0) as quarters,
    count(*) filter (where fault = '' and seen & 4 <> 0) as halves,
    count(*) filter (where fault = '' and seen & 8 <> 0) as three_quarters,
    count(*) filter (where fault = '' and seen & 16 <> 0) as wholes,
    count(*) filter (where fault = '' and clicked_at is not null) as clicks,
    count(*) filter (where fault <> '') as invalid,
    coalesce(sum(price) filter (where fault = ''), 0)::bigint as milli
"""
RESULTS: Final = f"""
select (at at time zone 'UTC')::date as day, {_SUMS}
from ads_impressions where campaign_id = $1 and at >= $2 group by day
union all
select day, impressions, quarters, halves, three_quarters, wholes, clicks, invalid, milli
from ads_days where campaign_id = $1 and day >= ($2::timestamptz at time zone 'UTC')::date
order by day
"""
# A day as a whole, so that no day is in both tables.
ROLL_UP: Final = f"""
with gone as (
    delete from ads_impressions where at < (
        select date_trunc('day', min(at) at time zone 'UTC') at time zone 'UTC' + interval '1 day'
        from ads_impressions where at < $1) returning *)
insert into ads_days (campaign_id, day, impressions, quarters, halves, three_quarters, wholes, clicks, invalid, milli)
select campaign_id, (at at time zone 'UTC')::date as day, {_SUMS}
from gone group by campaign_id, day
"""
FORGET_SHOWN: Final = "delete from ads_frequency where day < $1"

PREFERENCES: Final = """
select coalesce(p.consents, false) as consents, coalesce(p.interests, '{}') as interests,
    extract(year from age(current_date, u.birth_date))::int as years
from users u left join ads_preferences p on p.person_id = u.id where u.id = $1
"""
PUT_PREFERENCES: Final = """
insert into ads_preferences (person_id, consents, interests, changed_at) values ($1, $2, $3, $4)
on conflict (person_id) do update
    set consents = excluded.consents, interests = excluded.interests, changed_at = excluded.changed_at
"""
CREATOR: Final = "select is_on, warnings, refuses, break_minutes from ads_creators where owner_id = $1"
PUT_CREATOR: Final = """
insert into ads_creators (owner_id, is_on, warnings, refuses, break_minutes, changed_at) values ($1, $2, $3, $4, $5, $6)
on conflict (owner_id) do update set is_on = excluded.is_on, warnings = excluded.warnings,
    refuses = excluded.refuses, break_minutes = excluded.break_minutes, changed_at = excluded.changed_at
"""

"""The SQL of advertising: campaigns, their videos and payments."""

from __future__ import annotations

from typing import Final

from storage.seen_streams import IN_GOOD_STANDING

_CAMPAIGN: Final = """
select c.*, c.spent + coalesce((
        select sum(l.spent) from ads_leases l where l.campaign_id = c.id and not l.is_closed), 0)::bigint as used,
    exists (select from ads_creatives r where r.campaign_id = c.id and r.state = 'approved') as has_approved
from ads_campaigns c
"""
COUNT: Final = "select count(*) from ads_campaigns where owner_id = $1"
ADD: Final = """
insert into ads_campaigns (id, owner_id, name, budget, bid, currency, starts_at, ends_at, targeting, avoid, cap,
    click_url, created_at, changed_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13)
"""
ONE: Final = _CAMPAIGN + "where c.id = $1 and c.owner_id = $2"
LIST: Final = f"{_CAMPAIGN} where c.owner_id = $1 and ($2::uuid is null or c.id < $2) order by c.id desc limit $3"
LOCK: Final = "select * from ads_campaigns where id = $1 and owner_id = $2 for no key update"
CHANGE: Final = """
update ads_campaigns set name = $2, state = $3, budget = $4, bid = $5, starts_at = $6, ends_at = $7, targeting = $8,
    avoid = $9, cap = $10, click_url = $11, changed_at = $12 where id = $1
"""
END: Final = "update ads_campaigns set state = 'ended', changed_at = $2 where id = $1"
TOUCH: Final = "update ads_campaigns set changed_at = $2 where id = $1"

ADD_PAYMENT: Final = "insert into ads_payments (payment_id, campaign_id, amount, created_at) values ($1, $2, $3, $4)"
SET_NET: Final = "update ads_payments set net = $2 where payment_id = $1 returning campaign_id"
# What comes after an ended campaign's rest went back goes back too.
SUM_PAID: Final = """
update ads_campaigns c set changed_at = $2, paid = s.paid, is_returned = c.is_returned and s.paid <= c.paid
from (select coalesce(sum(net), 0)::bigint as paid from ads_payments where campaign_id = $1) s where c.id = $1
"""

VIDEO: Final = """
select id, state, edition, duration_ms, stream_id, visibility, restrictions from videos
where id = $1 and owner_id = $2
"""
COUNT_CREATIVES: Final = "select count(*) from ads_creatives where campaign_id = $1"
ADD_CREATIVE: Final = """
insert into ads_creatives (id, campaign_id, video_id, edition, duration_ms, labels, created_at)
values ($1, $2, $3, $4, $5, $6, $7) on conflict (campaign_id, video_id) do nothing returning id
"""
_CREATIVE: Final = """
select r.*, c.name as campaign, c.owner_id, c.click_url, u.username, u.display_name, coalesce(v.title, '') as title
from ads_creatives r join ads_campaigns c on c.id = r.campaign_id join users u on u.id = c.owner_id
left join videos v on v.id = r.video_id
"""
CREATIVE: Final = _CREATIVE + "where r.id = $1"
CREATIVES: Final = _CREATIVE + "where r.campaign_id = $1 order by r.id limit 100"
CREATIVES_BY_STATE: Final = f"""
{_CREATIVE} where r.state = $1 and ($2::uuid is null or r.id > $2) order by r.id limit $3
"""
REMOVE_CREATIVE: Final = "delete from ads_creatives where id = $1 and campaign_id = $2 returning id"
DECIDE: Final = """
update ads_creatives set state = $2, reason = $3, decided_at = $4 where id = $1 and state <> $2 returning campaign_id
"""
SAME_EDITION: Final = """
select coalesce(v.state = 'ready' and v.edition = r.edition, false)
from ads_creatives r left join videos v on v.id = r.video_id
where r.id = $1
"""

VERSION: Final = "select max(changed_at) from ads_campaigns"
RUNNING: Final = f"""
select c.id, c.owner_id, c.bid, c.currency, c.starts_at, c.ends_at, c.cap, c.targeting, c.avoid, r.creatives
from ads_campaigns c join users u on u.id = c.owner_id
join lateral (
    select json_agg(json_build_object('id', r.id, 'video_id', r.video_id, 'duration_ms', r.duration_ms,
        'labels', r.labels) order by r.id) as creatives
    from ads_creatives r join videos v on v.id = r.video_id
    where r.campaign_id = c.id and r.state = 'approved' and v.state = 'ready' and v.edition = r.edition
        and v.visibility in ('public', 'unlisted') and v.restrictions is null) r on true
where c.state = 'active' and c.ends_at > $1 and least(c.budget, c.paid) * 1000 - c.spent >= c.bid
    and r.creatives is not null and {IN_GOOD_STANDING.format("u")}
"""

LOCK_FOR_LEASE: Final = """
select budget, paid, bid, starts_at, ends_at, spent, leased from ads_campaigns
where id = $1 and state = 'active' and ends_at > $2 for no key update
"""
LEASE: Final = "update ads_campaigns set leased = leased + $2 where id = $1"
ADD_LEASE: Final = """
insert into ads_leases (id, campaign_id, node, amount, closes_at) values ($1, $2, $3, $4, $5)
"""
LEASES_DUE: Final = """
select id, campaign_id from ads_leases where closes_at <= $1 and not is_closed order by closes_at limit 500
"""
LOCK_CAMPAIGN: Final = "select id from ads_campaigns where id = $1 for no key update"
CLOSE_LEASE: Final = "update ads_leases set is_closed = true where id = $1 and not is_closed returning amount, spent"
GIVE_BACK: Final = "update ads_campaigns set leased = leased - $2, spent = spent + $3 where id = $1"

ERASE: Final = (
    "update ads_campaigns set state = 'ended', name = '', click_url = '', targeting = '{}', changed_at = now()"
    " where owner_id = $1",
    "delete from ads_creatives r using ads_campaigns c where c.id = r.campaign_id and c.owner_id = $1",
    "delete from ads_preferences where person_id = $1",
    "delete from ads_creators where owner_id = $1",
)

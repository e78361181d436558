"""The SQL of devices, of what people want where and when, and of the log of deliveries."""

from __future__ import annotations

from typing import Final

# ------------------------------------------------------------------------------------------------------- preferences

SETTINGS: Final = "select kind, in_app, push, email from notification_settings where person_id = $1"
CLEAR_SETTINGS: Final = "delete from notification_settings where person_id = $1"
SET: Final = """
insert into notification_settings (person_id, kind, in_app, push, email)
select $1, * from unnest($2::text[], $3::boolean[], $4::boolean[], $5::boolean[])
"""
PREFERENCES: Final = """
select time_zone, quiet_from, quiet_until, strangers, digest from notification_preferences where person_id = $1
"""
PREFER: Final = """
insert into notification_preferences (person_id, time_zone, quiet_from, quiet_until, strangers, digest, next_digest_at)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict (person_id) do update set time_zone = excluded.time_zone, quiet_from = excluded.quiet_from,
    quiet_until = excluded.quiet_until, strangers = excluded.strangers, digest = excluded.digest,
    next_digest_at = excluded.next_digest_at
"""
# The token of a person's mails, made with the first one.
LINK_OF_PERSON: Final = """
insert into notification_preferences (person_id, unsubscribe_token) values ($1, $2)
on conflict (person_id) do update
    set unsubscribe_token = coalesce(notification_preferences.unsubscribe_token, excluded.unsubscribe_token)
returning unsubscribe_token
"""
HOLDER: Final = "select person_id from notification_preferences where unsubscribe_token = $1"
NO_MAIL: Final = """
insert into notification_settings (person_id, kind, in_app, email) select $1, k, true, false from unnest($2::text[]) k
on conflict (person_id, kind) do update set email = false
"""
NO_DIGEST: Final = """
update notification_preferences set digest = 'off', next_digest_at = null where person_id = $1
"""
DIGESTS_DUE: Final = """
select person_id, time_zone, quiet_from, quiet_until, digest, next_digest_at from notification_preferences
where next_digest_at <= $1 order by next_digest_at limit $2 for update skip locked
"""
NEXT_DIGEST: Final = "update notification_preferences set next_digest_at = $2 where person_id = $1"

# ----------------------------------------------------------------------------------------------------------- devices

# One that a session has added is there until the session ends; one that an API token has, until it is removed.
_GOES_ON: Final = """
(p.session_id is null or exists (
    select from auth_sessions a where a.id = p.session_id and a.revoked_at is null and a.expires_at > now()))
"""
SUBSCRIBE: Final = """
insert into push_subscriptions (id, person_id, kind, target_hash, sealed_target, device, session_id)
values ($1, $2, $3, $4, $5, $6, (select id from auth_sessions where id = $7))
on conflict (target_hash) do update set id = excluded.id, person_id = excluded.person_id,
    session_id = excluded.session_id, sealed_target = excluded.sealed_target, device = excluded.device,
    created_at = now(), sent_at = null
returning id, kind, device, created_at, sent_at
"""
SUBSCRIPTIONS: Final = f"""
select id, kind, device, created_at, sent_at from push_subscriptions p where person_id = $1 and {_GOES_ON}
order by id desc limit 1000
"""
# All but the newest $2.
DROP_OLDEST: Final = """
delete from push_subscriptions where id in (
    select id from push_subscriptions where person_id = $1 order by id desc offset $2)
"""
UNSUBSCRIBE: Final = "delete from push_subscriptions where person_id = $1 and id = $2 returning id"
UNSUBSCRIBE_TARGET: Final = "delete from push_subscriptions where person_id = $1 and target_hash = $2 returning id"
PRUNE_SUBSCRIPTIONS: Final = "delete from push_subscriptions where id = any($1::uuid[])"
SENT_TO: Final = "update push_subscriptions set sent_at = now() where id = any($1::uuid[])"
DEVICES_OF: Final = f"select person_id, id from push_subscriptions p where person_id = any($1::uuid[]) and {_GOES_ON}"
PRUNE_ENDED: Final = """
delete from push_subscriptions where id in (
    select p.id from push_subscriptions p join auth_sessions a on a.id = p.session_id
    where a.revoked_at is not null or a.expires_at <= now() limit $1)
"""

# -------------------------------------------------------------------------------------------------------- deliveries

# What waits for a notification that another person has joined is of its new id.
JOINED: Final = """
update notification_deliveries d set notification_id = $2
from unnest($1::uuid[]) p (id)
where d.person_id = p.id and d.state = 'waiting' and d.kind = $3 and d.subject_id = $4 and d.notification_id <> $2
returning d.person_id, d.channel
"""
PLAN: Final = """
insert into notification_deliveries (id, person_id, notification_id, kind, subject_id, channel, subscription_id)
select d.id, d.person_id, $4, $5, $6, d.channel, d.subscription_id
from unnest($1::uuid[], $2::uuid[], $3::text[], $7::uuid[]) d (id, person_id, channel, subscription_id)
on conflict (person_id, notification_id, channel, subscription_id) do nothing returning id
"""
BEGIN: Final = f"""
select d.id, d.person_id, d.notification_id, d.channel, d.subscription_id, d.state, d.tries, d.created_at,
    n.id is not null as is_there, n.read_at is not null as is_read, n.kind, n.subject_type, n.subject_id,
    n.people[:10] as people, n.count, n.created_at as happened_at, s.kind as device_kind, s.sealed_target,
    coalesce(p.time_zone, 'UTC') as time_zone, p.quiet_from, p.quiet_until,
    case d.channel when 'push' then c.push else c.email end as is_wanted
from notification_deliveries d
left join notifications n on n.person_id = d.person_id and n.id = d.notification_id
left join push_subscriptions s on s.id = d.subscription_id and s.person_id = d.person_id
    and exists (select from push_subscriptions p where p.id = s.id and {_GOES_ON})
left join notification_preferences p on p.person_id = d.person_id
left join notification_settings c on c.person_id = d.person_id and c.kind = d.kind
where d.id = any($1::uuid[]) and d.state in ('waiting', 'sending') order by d.id for update of d
"""
MAILED: Final = """
select person_id, count(*) as count from notification_deliveries
where person_id = any($1::uuid[]) and channel = 'email' and state = 'sent' and ended_at > now() - interval '1 day'
group by person_id
"""
MARK: Final = """
update notification_deliveries d set state = m.state, reason = m.reason,
    tries = d.tries + case when m.state = 'sending' then 1 else 0 end,
    ended_at = case when m.state in ('waiting', 'sending') then null else now() end
from unnest($1::uuid[], $2::text[], $3::text[]) m (id, state, reason) where d.id = m.id
"""
_LOGGED: Final = """
select d.id, d.person_id, u.username, d.notification_id, d.kind, d.channel, d.state, d.reason, d.tries, d.created_at,
    d.ended_at
from notification_deliveries d join users u on u.id = d.person_id where {} and ($1::uuid is null or d.id < $1)
order by d.id desc limit $2
"""
LOG: Final = _LOGGED.format("true")
LOG_OF_STATE: Final = _LOGGED.format("d.state = $3")
LOG_OF_PERSON: Final = _LOGGED.format("u.username_key = $3 and ($4::text is null or d.state = $4)")
PRUNE_LOG: Final = """
delete from notification_deliveries where id in (
    select id from notification_deliveries where id < $1 order by id limit $2)
"""

"""The SQL of accounts and sessions. Times of revocation are those of the statement, as other nodes look for them."""

TAKEN = "select username_key = $1 as has_username, email_key = $2 as has_email from users \
where username_key = $1 or email_key = $2 \
union all select true, false from reserved_names where username_key = $1 and until > now()"

ADD_USER = "insert into users (id, username, username_key, email, email_key, password_hash, display_name, roles, \
stream_key, must_change_password) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"

# What the sessions of an account say of a device with this key and user agent. Those that were ended for a reason may
# be somebody else's.
_SEEN = """
select count(*) = 0 as is_first, coalesce(bool_or(device_key = $2), false) as has_cookie,
       array_agg(distinct ip) filter (where user_agent = $3) as addresses
from (select ip, user_agent, device_key from auth_sessions
      where user_id = {} and (revoked_at is null or revoked_reason = 'logout') order by created_at desc limit 50) s
"""
SEEN = _SEEN.format("$1")

_CREDENTIALS = """
select id, username, email, password_hash, coalesce(suspended_until > now(), false) as is_suspended,
       deleted_at is not null as is_leaving
from users where {} = $1 and (deleted_at is null
    or exists (select from account_deletions d where d.user_id = users.id and d.began_at is null))
"""
CREDENTIALS_BY_USERNAME = _CREDENTIALS.format("username_key")
CREDENTIALS_BY_ID = _CREDENTIALS.format("id")

_SIGN_IN = f"""
select u.id, u.password_hash, u.language, coalesce(u.suspended_until > now(), false) as is_suspended,
       u.deleted_at is not null as is_leaving, seen.*
from users u cross join lateral ({_SEEN.format("u.id")}) seen
where {{}} = $1 and (u.deleted_at is null
    or exists (select from account_deletions d where d.user_id = u.id and d.began_at is null))
"""
SIGN_IN_BY_USERNAME = _SIGN_IN.format("u.username_key")
SIGN_IN_BY_EMAIL = _SIGN_IN.format("u.email_key")
SIGN_IN_LOCKED = _SIGN_IN.format("u.id") + "for no key update of u"

_ADDRESSEE = """
select id, username, email, language, email_verified_at is not null as is_verified, deleted_at is not null as is_leaving
from users where id = $1 and email like '%@%'
"""
ADDRESSEE = _ADDRESSEE
ADDRESSEE_LOCKED = _ADDRESSEE + " for update"
ID_BY_EMAIL = "select id from users where email_key = $1"
HAS_EMAIL = "select exists (select from users where email_key = $1 and id <> $2)"
VERIFY_EMAIL = "update users set email_verified_at = coalesce(email_verified_at, now()) \
where id = $1 and email_key = $2 and deleted_at is null"
CHANGE_EMAIL = (
    "update users set email = $2, email_key = $3, email_verified_at = now(), updated_at = now() where id = $1"
)
SPEAK = "update users set language = $2 where id = $1"

NEW_HASH = "update users set password_hash = $2, must_change_password = false, updated_at = now() where id = $1"
ONE_TIME_HASH = "update users set password_hash = $2, must_change_password = true, updated_at = now() where id = $1"
REHASH = "update users set password_hash = $2 where id = $1 and password_hash = $3"

# With its first refresh token.
ADD_SESSION = """
with session as (
    insert into auth_sessions (id, user_id, user_agent, ip, device_key, expires_at, factor_at)
    values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6), case when $7 then now() end) returning id, expires_at
)
insert into refresh_tokens (token_hash, session_id, expires_at) select $8, id, expires_at from session
"""

# The beginning of a statement: as ADD_SESSION, for an account that still is as it was read, else no row is added. What
# ends all sessions locks the account too, and so comes first or ends this one.
ADD_SESSION_OF_SAME = """
with account as materialized (
    select id from users where id = $2 and password_hash = $9 and language = $10 and deleted_at is null
        and coalesce(suspended_until <= now(), true) for no key update
), session as (
    insert into auth_sessions (id, user_id, user_agent, ip, device_key, expires_at, factor_at)
    select $1, id, $3, $4, $5, now() + make_interval(secs => $6), case when $7 then now() end from account
    returning id, expires_at
), token as (
    insert into refresh_tokens (token_hash, session_id, expires_at) select $8, id, expires_at from session
)
"""

ADD_REFRESH = "insert into refresh_tokens (token_hash, session_id, expires_at) \
values ($1, $2, now() + make_interval(secs => $3))"

# The token's age since it was used is that of the statement, which may have waited for the one that used it.
REFRESH_BY_HASH = """
select t.used_at is not null as is_used, t.expires_at <= now() as is_expired, t.session_id, s.user_id, s.user_agent,
       extract(epoch from clock_timestamp() - t.used_at)::float8 as used_s_ago,
       (select count(*) from refresh_tokens n
        where n.session_id = t.session_id and n.created_at > now() - make_interval(secs => $2)) as lately,
       s.revoked_at is not null as is_revoked, coalesce(u.suspended_until > now(), false) as is_suspended
from refresh_tokens t
join auth_sessions s on s.id = t.session_id
join users u on u.id = s.user_id
where t.token_hash = $1
for update of t, s
"""
SESSION_OF_REFRESH = """
select t.session_id, s.user_id from refresh_tokens t join auth_sessions s on s.id = t.session_id
where t.token_hash = $1
"""
CALLER_OF_REFRESH = """
select t.session_id, s.user_id, u.username, u.display_name, u.roles, u.must_change_password from refresh_tokens t
join auth_sessions s on s.id = t.session_id
join users u on u.id = s.user_id
where t.token_hash = $1 and t.used_at is null and t.expires_at > now() and s.revoked_at is null
  and u.deleted_at is null and coalesce(u.suspended_until <= now(), true)
"""
SPEND_REFRESH = "update refresh_tokens set used_at = clock_timestamp() where token_hash = $1"

TOUCH_SESSION = "update auth_sessions set last_seen_at = now(), ip = $2, user_agent = $3, \
expires_at = now() + make_interval(secs => $4) where id = $1"

END_SESSION = "update auth_sessions set revoked_at = clock_timestamp(), revoked_reason = $3 \
where id = $1 and user_id = $2 and revoked_at is null returning id"
END_OTHER_SESSIONS = "update auth_sessions set revoked_at = clock_timestamp(), revoked_reason = $3 \
where user_id = $1 and id <> $2 and revoked_at is null returning id"
END_ALL_SESSIONS = "update auth_sessions set revoked_at = clock_timestamp(), revoked_reason = $2 \
where user_id = $1 and revoked_at is null returning id"

SESSIONS = """
select id, user_agent, ip, created_at, last_seen_at from auth_sessions
where user_id = $1 and revoked_at is null and expires_at > now()
  and ($2::timestamptz is null or (created_at, id) < ($2, $3))
order by created_at desc, id desc limit $4
"""

# A revoked session stays for a while, as other nodes and its owner may still ask what became of it.
PURGE = (
    "delete from refresh_tokens where expires_at < now()",
    "delete from auth_sessions where expires_at < now() or revoked_at < now() - interval '30 days'",
    "delete from reserved_names where until < now()",
)

OWNER_OF_EMAIL = "select id, username, email, email_verified_at is not null as is_email_verified from users \
where email_key = $1"
SIGNS_IN_ALONE = "select password_hash <> '' from users where id = $1"
VERIFY_EMAIL_OF_NEW = "update users set email_verified_at = now() where id = $1"

HAS_USERS = "select exists (select from users)"
ONE_FIRST_ADMIN = "select pg_advisory_xact_lock(736203118)"

# People as admins see them; who was wiped has no address.
_PERSON = """
select id, username, display_name, email, email_verified_at is not null as email_verified, roles, created_at,
       case when deleted_at is not null then 'leaving' when suspended_until > now() then 'suspended' else 'active' end
           as state,
       case when suspended_until > now() then suspended_until end as suspended_until,
       (select max(last_seen_at) from auth_sessions s where s.user_id = u.id) as last_seen_at
from users u where email like '%@%'
"""
ADMIN_PERSON = f"{_PERSON} and id = $1"
PEOPLE = f"{_PERSON} and ($1::uuid is null or id < $1)"
PEOPLE_END = " order by id desc limit $2"
OF_STATE = {
    "active": "deleted_at is null and (suspended_until is null or suspended_until <= now())",
    "suspended": "deleted_at is null and suspended_until > now()",
    "leaving": "deleted_at is not null",
}
ROLES_LOCKED = "select roles from users where id = $1 and deleted_at is null for update"
SET_ROLES = "update users set roles = $2, updated_at = now() where id = $1"
# Whether one was known before.
CORRECT_BIRTH_DATE = """
with before as (select id, birth_date is not null as was_known from users where id = $1 for update)
update users u set birth_date = $2, updated_at = now() from before b where u.id = b.id and u.deleted_at is null
returning b.was_known
"""
SUSPEND = "update users set suspended_until = $2, suspended_at = case when $2 > now() then now() end \
where id = $1 and deleted_at is null returning coalesce($2 > now(), false)"

# The deletion of an account. `began_at`: from then on there is no way back.
HIDE_USER = "update users set deleted_at = now(), updated_at = now() where id = $1 and deleted_at is null"
SHOW_USER = "update users set deleted_at = null, updated_at = now() where id = $1"
NOTE_DELETION = """
insert into account_deletions (user_id, wipe_at) values ($1, now() + make_interval(days => $2)) returning wipe_at
"""
FORGET_DELETION = "delete from account_deletions where user_id = $1 and began_at is null"
END_DELETION = "delete from account_deletions where user_id = $1"
BEGIN_WIPE = """
update account_deletions set began_at = coalesce(began_at, now()) where user_id = $1 and wipe_at <= now()
"""
RESERVE_NAME = """
insert into reserved_names (username_key, until) select username_key, now() + make_interval(days => $2) from users
where id = $1 and username_key not like 'deleted\\_%'
on conflict (username_key) do update set until = excluded.until
"""

# Taken away in the transaction in which the account ends; the account goes last.
WIPE = (
    "delete from idempotency_keys where user_id = $1",
    "delete from refresh_tokens where session_id in (select id from auth_sessions where user_id = $1)",
    "update auth_sessions set user_agent = '', ip = '', device_key = null where user_id = $1",
)
WIPE_USER = """
update users set username = $2, username_key = $2, email = $2, email_key = $2, email_verified_at = null,
    password_hash = '', display_name = '', bio = '', pronouns = '', avatar_url = null, banner_url = null,
    links = '[]', roles = '{}', birth_date = null,
    stream_key = 'gone_' || id, stream_defaults = '{}', updated_at = now(), deleted_at = coalesce(deleted_at, now())
where id = $1
"""

# Everything that is held on a person.
PROFILE = """
select id, username, email, email_verified_at, display_name, bio, pronouns, avatar_url, banner_url, links, roles,
       stream_defaults, created_at, updated_at, suspended_until, is_private, birth_date
from users where id = $1 and deleted_at is null
"""

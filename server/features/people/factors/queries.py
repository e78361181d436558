"""The SQL of second factors."""

IS_DUE = "select exists (select from totp_factors where user_id = $1 and confirmed_at is not null)"

# What is confirmed already stays.
ENROLL = """
insert into totp_factors (user_id, secret) values ($1, $2)
on conflict (user_id) do update set secret = excluded.secret, last_step = 0, created_at = now()
    where totp_factors.confirmed_at is null
"""
FACTOR = "select secret, last_step, confirmed_at is not null as is_confirmed from totp_factors \
where user_id = $1 for update"
SPEND_STEP = "update totp_factors set last_step = $2 where user_id = $1"
CONFIRM = "update totp_factors set last_step = $2, confirmed_at = now() where user_id = $1"
REMOVE_CONFIRMED = "delete from totp_factors where user_id = $1 and confirmed_at is not null"
REMOVE = "delete from totp_factors where user_id = $1"

ADD_RECOVERY_CODE = "insert into recovery_codes (user_id, code_hash) values ($1, $2)"
SPEND_RECOVERY_CODE = "update recovery_codes set used_at = now() \
where user_id = $1 and code_hash = $2 and used_at is null"
REMOVE_RECOVERY_CODES = "delete from recovery_codes where user_id = $1"

PERSON = "select id from users where username_key = $1 and deleted_at is null"

STATE = """
select t.created_at, t.confirmed_at,
       (select count(*) from recovery_codes c where c.user_id = t.user_id and c.used_at is null)::int as codes_left
from totp_factors t where t.user_id = $1 and t.confirmed_at is not null
"""

ERASE = (REMOVE, REMOVE_RECOVERY_CODES)

"""The SQL of passkeys."""

ADD_CHALLENGE = "insert into passkey_challenges (key, challenge, user_id, expires_at) \
values ($1, $2, $3, now() + make_interval(secs => $4))"
TAKE_CHALLENGE = "delete from passkey_challenges where key = $1 and user_id is not distinct from $2 \
returning challenge, expires_at > now() as is_open"
PRUNE_CHALLENGES = "delete from passkey_challenges where expires_at < now()"

LOCK_OWNER = "select from users where id = $1 for no key update"
COUNT = "select count(*) from passkeys where user_id = $1"
ADD = """
insert into passkeys (id, user_id, credential_id, public_key, rp_id, sign_count, transports, is_backed_up, name)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) returning id, name, transports, is_backed_up, created_at, last_used_at
"""
OF_PERSON = """
select id, name, transports, is_backed_up, created_at, last_used_at from passkeys
where user_id = $1 and ($2::timestamptz is null or (created_at, id) < ($2, $3))
order by created_at desc, id desc limit $4
"""
CREDENTIALS = "select credential_id, transports from passkeys where user_id = $1 and rp_id = $2"
BY_CREDENTIAL = "select id, user_id, public_key, sign_count from passkeys where credential_id = $1 and rp_id = $2 \
for update"
USED = "update passkeys set sign_count = $2, is_backed_up = $3, last_used_at = now() where id = $1"
REMOVE = "delete from passkeys where id = $1 and user_id = $2 returning name"

ERASE = ("delete from passkeys where user_id = $1", "delete from passkey_challenges where user_id = $1")

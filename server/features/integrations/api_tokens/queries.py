"""The SQL of API tokens. Nodes read them in ``server/http/api_tokens.py``."""

LOCK_OWNER = "select from users where id = $1 for no key update"
# The key of a person's overlays is a token as well, which the list and the commands of tokens do not have.
COUNT = "select count(*) from api_tokens where user_id = $1 and revoked_at is null and not 'overlay' = any(scopes) \
and (expires_at is null or expires_at > now())"
_SHOWN = "id, name, scopes, created_at, expires_at, last_used_at"
ADD = f"insert into api_tokens (id, user_id, token_hash, name, scopes, expires_at) values ($1, $2, $3, $4, $5, $6) \
returning {_SHOWN}"
OF_PERSON = f"""
select {_SHOWN} from api_tokens
where user_id = $1 and revoked_at is null and not 'overlay' = any(scopes)
    and ($2::timestamptz is null or (created_at, id) < ($2, $3))
order by created_at desc, id desc limit $4
"""
REVOKE = "update api_tokens set revoked_at = clock_timestamp(), changed_at = clock_timestamp() \
where id = $1 and user_id = $2 and revoked_at is null and not 'overlay' = any(scopes) returning name"
END = "update api_tokens set revoked_at = clock_timestamp(), changed_at = clock_timestamp() \
where id = $1 and revoked_at is null"
PURGE = """
delete from api_tokens where revoked_at < now() - interval '30 days' or expires_at < now() - interval '90 days'
"""

PERSON = "select id, roles from users where username_key = $1 and deleted_at is null"
ERASE = "delete from api_tokens where user_id = $1"

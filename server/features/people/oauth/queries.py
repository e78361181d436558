"""The SQL of signing in by other providers."""

ADD_FLOW = """
insert into oauth_flows (state_hash, provider, browser_hash, nonce, verifier, redirect_uri, return_to, as_code,
    link_user_id, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now() + make_interval(secs => $10))
"""
TAKE_FLOW = """
delete from oauth_flows where state_hash = $1 and provider = $2 and browser_hash = $3
returning nonce, verifier, redirect_uri, return_to, as_code, link_user_id, expires_at > now() as is_open
"""

ADD_CODE = """
insert into oauth_codes (code_hash, user_id, provider, expires_at)
values ($1, $2, $3, now() + make_interval(secs => $4))
"""
LOOK_AT_CODE = "select user_id, provider from oauth_codes where code_hash = $1 and expires_at > now()"
TAKE_CODE = "delete from oauth_codes where code_hash = $1 returning user_id"

PRUNE = ("delete from oauth_flows where expires_at < now()", "delete from oauth_codes where expires_at < now()")

OWNER = "select user_id from oauth_links where provider = $1 and subject = $2"
LINK = "insert into oauth_links (id, user_id, provider, subject, email) values ($1, $2, $3, $4, $5)"
USED = "update oauth_links set last_used_at = now() where provider = $1 and subject = $2"
LINKS = "select provider, email, created_at, last_used_at from oauth_links where user_id = $1 order by provider"
UNLINK = "delete from oauth_links where user_id = $1 and provider = $2 returning id"
COUNT_LINKS = "select count(*) from oauth_links where user_id = $1"

ERASE = (
    "delete from oauth_links where user_id = $1",
    "delete from oauth_codes where user_id = $1",
    "delete from oauth_flows where link_user_id = $1",
)

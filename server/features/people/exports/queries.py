"""The SQL of archives. ``objects`` of an archive lie under its prefix as long as it is waiting, writing or ready."""

SHOWN = "id, state, progress, size_bytes, requested_at, ready_at, expires_at"
LOCK_OWNER = "select from users where id = $1 for no key update"
OPEN = "select exists (select from exports where user_id = $1 and state in ('waiting', 'writing'))"
PAUSE_S = """
select extract(epoch from max(requested_at) + make_interval(hours => $2) - now())::float8 from exports
where user_id = $1 and state in ('ready', 'expired')
"""
ADD = f"insert into exports (id, user_id) values ($1, $2) returning {SHOWN}"
OF_PERSON = f"""
select {SHOWN} from exports where user_id = $1 and ($2::uuid is null or id < $2) order by id desc limit $3
"""
ONE = f"select {SHOWN} from exports where id = $1 and user_id = $2"
NEWEST_READY = f"select {SHOWN} from exports where user_id = $1 and state = 'ready' order by id desc limit 1"

BEGIN = """
update exports set state = 'writing', progress = 0 where id = $1 and state in ('waiting', 'writing') returning user_id
"""
PROGRESS = "update exports set progress = $2 where id = $1 and state = 'writing'"
READY = """
update exports set state = 'ready', progress = 1, size_bytes = $2, ready_at = now(),
    expires_at = now() + make_interval(days => $3)
where id = $1 and state = 'writing' returning user_id, expires_at
"""
FAILED = "update exports set state = 'failed' where id = $1 and state in ('waiting', 'writing') returning user_id"

# What an operator has cancelled leaves its row behind; longer than this no job works.
GIVEN_UP = """
update exports set state = 'failed'
where state in ('waiting', 'writing') and requested_at < now() - interval '26 hours' returning user_id, id
"""
EXPIRED = """
update exports set state = 'expired' where state = 'ready' and expires_at < now() returning user_id, id
"""
WITHDRAWN = """
update exports set state = 'expired', expires_at = least(expires_at, now())
where id = $1 and user_id = $2 and state in ('ready', 'waiting', 'writing') returning id
"""
FORGET = "delete from exports where requested_at < now() - interval '1 year' and state in ('expired', 'failed')"

ARCHIVE = """
select e.id, e.user_id, e.size_bytes, e.expires_at, u.username from exports e join users u on u.id = e.user_id
where e.id = $1 and e.state = 'ready' and e.expires_at > now() and u.deleted_at is null
"""
ERASE = "delete from exports where user_id = $1"

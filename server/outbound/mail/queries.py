"""The SQL of mails."""

ADD = """
insert into mails (id, person_id, address, name, template, language, subject, data)
values ($1, $2, $3, $4, $5, $6, $7, $8)
"""

# What is handed over is counted before, so that a mail that kills its worker is given up as any other.
BEGIN = """
update mails set attempts = attempts + 1, attempted_at = clock_timestamp() where id = $1 and state = 'queued'
returning id, address, name, template, language, data, attempts, reason, created_at
"""

# Once a mail is sent its values go: links in it are as good as a password.
# Without the wait for the disk (synchronous_commit), in which the node may be killed; the end of the job, which
# follows, waits for both.
SENT = """
with at_once as (select set_config('synchronous_commit', 'off', true))
update mails set state = 'sent', ended_at = clock_timestamp(), reason = $2, data = '{}'
from at_once where id = $1 and state = 'queued'
"""
ENDED = "update mails set state = $3, ended_at = clock_timestamp(), reason = $2 where id = $1 and state = 'queued'"
DEFERRED = "update mails set reason = $2 where id = $1 and state = 'queued'"
REQUEUE = "update mails set state = 'queued', attempts = 0, ended_at = null \
where id = $1 and state in ('kept', 'bounced', 'failed') returning id"

_SHOWN = "select id, person_id, address, name, template, language, subject, state, attempts, reason, created_at, \
attempted_at, ended_at"
PAGE = f"{_SHOWN} from mails where ($1::uuid is null or id < $1) order by id desc limit $2"
PAGE_OF_STATE = f"{_SHOWN} from mails where state = $3 and ($1::uuid is null or id < $1) order by id desc limit $2"
PAGE_OF_ADDRESS = f"{_SHOWN} from mails where lower(address) = lower($3) and ($4::text is null or state = $4) \
and ($1::uuid is null or id < $1) order by id desc limit $2"
FIND = f"{_SHOWN}, data from mails where id = $1"

PRUNE = "delete from mails where id in \
(select id from mails where ended_at < now() - make_interval(days => $1) limit $2)"
ERASE = ("delete from mails where person_id = $1", "delete from mail_tokens where person_id = $1")

"""Help: tickets, and what agents note of them among themselves."""

from alembic import op

revision = "0091"
down_revision = "0090"

OWNER = "help"

SQL = """
create table help_tickets (
    id              uuid primary key,
    person_id       uuid not null references users on delete cascade,
    assignee_id     uuid references users on delete set null,
    room_id         uuid not null,
    subject         text not null,
    text            text not null,
    category        text not null,
    state           text not null default 'open' check (state in ('open', 'pending', 'solved', 'closed')),
    priority        text not null check (priority in ('low', 'normal', 'high', 'urgent')),
    rank            smallint not null,
    created_at      timestamptz not null,
    changed_at      timestamptz not null,
    due_at          timestamptz,
    answered_at     timestamptz,
    solved_at       timestamptz,
    is_overdue      boolean not null default false,
    score           smallint check (score between 1 and 5),
    score_text      text not null default ''
);
create index help_tickets_by_person on help_tickets (person_id, id);
create index help_tickets_by_assignee on help_tickets (assignee_id, state);
create index help_tickets_by_room on help_tickets (room_id);
create index help_tickets_by_state on help_tickets (state, id);
create index help_tickets_due on help_tickets (due_at) where due_at is not null and not is_overdue;
create index help_tickets_solved on help_tickets (solved_at) where state = 'solved';

create table help_notes (
    id              uuid primary key,
    ticket_id       uuid not null references help_tickets on delete cascade,
    author_id       uuid not null references users on delete cascade,
    text            text not null,
    created_at      timestamptz not null
);
create index help_notes_by_ticket on help_notes (ticket_id, id);
create index help_notes_by_author on help_notes (author_id);
"""


def upgrade() -> None:
    op.execute(SQL)

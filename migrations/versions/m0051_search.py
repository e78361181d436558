"""What can be found: documents by their lexemes, words for prefixes and typos, names of people.

All of it is made from other tables and may be lost: ``search_filling`` says how far it has been made, and an empty one
has it made again. pg_trgm is a trusted extension: who may create tables in the database may create it.
"""

from alembic import op

revision = "0051"
down_revision = "0050"

OWNER = "search"

SQL = """
create extension if not exists pg_trgm;

create table search_documents (
    kind            text not null,
    id              uuid not null,
    author_id       uuid not null references users on delete cascade,
    stream_id       uuid references streams on delete cascade,
    lexemes         tsvector not null,
    weight          bigint not null,
    primary key (kind, id)
);
create index search_documents_by_lexeme on search_documents using gin (lexemes) with (gin_pending_list_limit = 256);
create index search_documents_by_weight on search_documents (kind, weight desc, id desc);
create index search_documents_by_author on search_documents (author_id);
create index search_documents_by_stream on search_documents (stream_id) where stream_id is not null;

-- shown: a spelling of the lexeme; alike: the lexeme in letters of which every locale can make trigrams. The others
-- count documents; those of the empty lexeme are all that there are.
create table search_words (
    lexeme          text collate "C" primary key,
    shown           text not null,
    alike           text not null,
    people          integer not null default 0,
    posts           integer not null default 0,
    others          integer not null default 0
) with (fillfactor = 80);
create index search_words_alike on search_words using gin (alike gin_trgm_ops);

create table search_names (
    name            text collate "C" not null,
    person_id       uuid not null references users on delete cascade,
    weight          bigint not null,
    primary key (person_id, name)
);
create index search_names_by_name on search_names (name);
create index search_names_by_weight on search_names (weight desc, person_id, name);

-- Documents whose popularity has changed.
create table search_due (
    kind            text not null,
    id              uuid not null,
    primary key (kind, id)
);

create table search_filling (
    kind            text primary key,
    after_id        uuid not null,
    is_done         boolean not null default false
);
"""


def upgrade() -> None:
    op.execute(SQL)

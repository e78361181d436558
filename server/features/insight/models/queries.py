"""The SQL of models."""

from __future__ import annotations

from typing import Final

ADD: Final = """
insert into model_versions (name, version, measures, object_key, sha256, bytes, created_at)
values ($1, $2, $3, $4, $5, $6, $7) on conflict (name, version) do nothing returning version
"""
CHOOSE: Final = """
insert into model_choices (name, version, chosen_at) values ($1, $2, $3)
on conflict (name) do update set version = excluded.version, chosen_at = excluded.chosen_at,
    previous = case when model_choices.version = excluded.version then model_choices.previous
        else model_choices.version end
"""
CHOICES: Final = "select name, version, previous from model_choices"
VERSIONS: Final = """
select name, version, measures, object_key, sha256, bytes, created_at from (
    select v.*, row_number() over (partition by name order by created_at desc, version desc) as place
    from model_versions v) v
where place <= $1 or exists (select from model_choices c where c.name = v.name and c.version = v.version)
order by name, created_at desc, version desc
"""
VERSION: Final = "select measures, object_key, sha256, created_at from model_versions where name = $1 and version = $2"
OLD: Final = """
select version, object_key from (
    select v.*, row_number() over (order by created_at desc, version desc) as place
    from model_versions v where name = $1) v
where place > $2 and not exists (
    select from model_choices c where c.name = $1 and v.version in (c.version, coalesce(c.previous, '')))
"""
FORGET: Final = "delete from model_versions where name = $1 and version = any($2::text[])"

"""A made-up population: the same for the same number, and every counter is what its rows add up to."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter

import pytest

from server.seed import sizes_of
from server.seed.population import Population, Sizes
from storage.copying import copy_all
from storage.errors import Conflict
from storage.postgres import Database

UNTIL = dt.datetime(2026, 11, 30, tzinfo=dt.UTC)
SIZES = Sizes(people=16_000, posts=400, follows=32_000)


def rows(population: Population) -> dict[str, list[list[str]]]:
    return {table.name: [line.split("\t") for line in table.lines()] for table in population.tables()}


def test_the_same_number_makes_the_same_rows_and_another_others() -> None:
    small = Sizes(people=50, posts=60, follows=200)
    assert rows(Population(small, until=UNTIL)) == rows(Population(small, until=UNTIL))
    other = rows(Population(Sizes(people=50, posts=60, follows=200, seed=2), until=UNTIL))
    assert not {row[0] for row in other["users"]} & {row[0] for row in rows(Population(small, until=UNTIL))["users"]}


def test_counters_are_what_the_rows_add_up_to() -> None:
    found = rows(Population(SIZES, until=UNTIL))
    posts = found["posts"]
    answered = [Counter(row[column] for row in posts if row[column] != "\\N") for column in (3, 6, 5)]
    reacted = Counter((row[0], row[2]) for row in found["post_reactions"])
    assert all(sum(counts.values()) > 0 for counts in answered)
    assert reacted
    for row in posts:
        assert [int(row[column]) for column in (12, 13, 14)] == [counts[row[0]] for counts in answered]
        assert json.loads(row[15]) == {emoji: n for (post_id, emoji), n in reacted.items() if post_id == row[0]}
    assert len({(row[0], row[1]) for row in found["post_reactions"]}) == len(found["post_reactions"])
    assert len({(row[6], row[1]) for row in posts if row[6] != "\\N"}) == sum(answered[1].values())


def test_follows_are_distinct_and_few_have_many() -> None:
    follows = rows(Population(SIZES, until=UNTIL))["follows"]
    assert len({(row[0], row[1]) for row in follows}) == SIZES.follows
    assert all(row[0] != row[1] for row in follows)
    most = Counter(row[1] for row in follows).most_common(160)
    assert sum(count for _, count in most) > SIZES.follows / 10


async def test_the_rows_are_copied_once_or_not_at_all(db: Database, database_url: str) -> None:
    small = Population(Sizes(people=50, posts=300, follows=200), until=UNTIL)
    copied: Counter[str] = Counter()
    indexes = "select array_agg(indexdef order by indexdef) from pg_indexes where schemaname = 'public'"
    before = await db.fetchval(indexes)
    await copy_all(database_url, small.tables(), on_rows=lambda name, more: copied.update({name: more}))
    assert (copied["users"], copied["follows"], copied["posts"]) == (50, 200, 300)
    assert await db.fetchval(indexes) == before
    assert await db.fetchval("select count(*) from posts where state = 'published'") == 300
    wrong = "select count(*) from posts p where p.replies <> (select count(*) from posts r where r.reply_to = p.id)"
    assert await db.fetchval(wrong) == 0
    more = Population(Sizes(people=60, posts=1, follows=0), until=UNTIL)
    with pytest.raises(Conflict):
        await copy_all(database_url, more.tables(), on_rows=lambda *_: None)
    assert await db.fetchval("select count(*) from users") == 50


@pytest.mark.parametrize("words", [["--people", "1"], ["--people", "10", "--follows", "60"], ["--posts", "many"]])
def test_sizes_that_make_no_sense_end_the_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        sizes_of(words)
    assert ended.value.code == 2
    assert "socialflow seed" in capsys.readouterr().err


def test_settings_are_left_to_the_server() -> None:
    sizes, rest = sizes_of(["--people", "10", "--follows", "0", "--data-dir", "x"])
    assert (sizes.people, sizes.posts, rest) == (10, 10_000, ["--data-dir", "x"])


def test_how_many_hashtags_and_reactions_there_are_is_known_when_the_posts_are_made() -> None:
    population = Population(SIZES, until=UNTIL)
    assert population.totals["post_hashtags"] is None
    found = rows(population)
    assert population.totals == {name: len(lines) for name, lines in found.items()}

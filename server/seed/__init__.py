"""`socialflow seed`: many people who follow one another and write, for looking at a server at size."""

from __future__ import annotations

import argparse
import datetime as dt
import time
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from server.config import Settings
from server.database_url import database_url
from server.exit_codes import failed
from server.seed.population import Population, Sizes
from storage.copying import copy_all
from storage.errors import Conflict, StorageError
from storage.migrate import migrate

MOST: Final = 100_000_000


def sizes_of(words: list[str]) -> tuple[Sizes, list[str]]:
    """What is asked for, and the words that are left. Ends the program for what makes no sense."""
    parser = argparse.ArgumentParser(
        prog="socialflow seed", usage="socialflow seed [--option VALUE ...] [--setting VALUE ...]", allow_abbrev=False
    )
    parser.add_argument("--people", type=_count, default=1_000, help="people (1000)")
    parser.add_argument("--posts", type=_count, default=10_000, help="posts of theirs (10000)")
    parser.add_argument("--follows", type=_count, default=50_000, help="how often one follows another (50000)")
    parser.add_argument("--seed", type=_count, default=1, help="the same one makes the same rows (1)")
    found, rest = parser.parse_known_args(words)
    if found.people < 2 or found.follows > found.people * (found.people - 1) // 2:
        parser.error("so many follows need more people")
    return Sizes(people=found.people, posts=found.posts, follows=found.follows, seed=found.seed), rest


def _count(text: str) -> int:
    count = int(text)
    if not 0 <= count <= MOST:
        raise ValueError(f"between 0 and {MOST}")
    return count


async def fill(settings: Settings, sizes: Sizes) -> int:
    """Add the rows, all or none; 1 when it cannot be done."""
    population = Population(sizes, until=dt.datetime.now(dt.UTC).replace(minute=0, second=0, microsecond=0))
    started = time.monotonic()
    try:
        async with database_url(settings) as url:
            await migrate(url)
            await _copy(url, population)
    except Conflict:
        return failed(f"The people of seed {sizes.seed} are there already: choose another --seed")
    except StorageError as error:
        return failed(error)
    print(f"{sizes.people:,} people, {sizes.posts:,} posts and {sizes.follows:,} follows in "
          f"{time.monotonic() - started:.0f} s. They have no passwords: "
          f"`socialflow admin reset-password {population.username(0)}` gives one.")  # fmt: skip
    return 0


async def _copy(url: str, population: Population) -> None:
    columns = TextColumn("{task.description:<16}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True)) as progress:
        bars = {
            name: progress.add_task(name, total=total, visible=total is not None)
            for name, total in population.totals.items()
        }

        def advance(name: str, more: int) -> None:
            progress.update(bars[name], advance=more, total=population.totals[name], visible=True)

        await copy_all(url, population.tables(), on_rows=advance)

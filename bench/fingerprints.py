"""Are excerpts found again although they were changed, at what cost, and how long does a look-up take?

Works and excerpts are made: music of notes and drums, films of moving clouds and discs. Ten seconds of sound are played
3% faster or slower below a voice and encoded at 64 kbit/s; ten of pictures are cut, marked with a logo and made noisy,
half of them mirrored. *False* are matches of excerpts with works that they are not of. The index of the look-up is an
embedded Postgres in a fresh folder, filled with made hashes of as many hours; the query is ten seconds of made music.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as its workers set it, before numpy is imported

import numpy as np
import uvloop

from bench import report
from bench.report import Figure, figure
from media.fingerprints.alignment import LEAST_PICTURES, LEAST_SOUNDS
from media.fingerprints.audio import OF_QUERY, OF_WORK, ONE_IN, RATE, audio_hashes
from media.fingerprints.decoding import fingerprint
from media.fingerprints.frames import SIDE, query_hashes, work_hashes
from media.fingerprints.messages import Fingerprint, Hash
from server.features.videos.works.index import look_up
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import migrate
from storage.postgres import Database
from tests.media.fingerprints import made
from tests.media.fingerprints.files import film_file, sound_file
from tests.media.fingerprints.index import MemoryIndex

SECONDS: Final = 24
EXCERPT_S: Final = 10
FRAMES_A_SECOND: Final = 4
BAR_FOUND: Final = 95.0
BAR_FALSE: Final = 1.0
BAR_SHARE: Final = 5.0
BAR_LOOK_UP_MS: Final = 50.0
SOUNDS_A_SECOND: Final = 14
FRAMES_EVERY: Final = 4
BATCH: Final = 2_000_000
FILL_S: Final = 900.0
"""A statement of filling the index may take so long: its keys are made of tens of millions of rows."""

Describe = Callable[[int, bool], list[Hash]]
"""A seed, and whether it is the changed excerpt of it or the whole."""


def _sound(seed: int, is_query: bool) -> list[Hash]:
    whole = made.music(seed, SECONDS)
    if not is_query:
        return audio_hashes(whole, OF_WORK)
    at = seed * 7 % (SECONDS - EXCERPT_S) * RATE
    cut = made.faster(whole[at : at + EXCERPT_S * RATE], 1.03 if seed % 2 else 0.97)
    spoken = cut + 0.5 * made.speech(seed + 10_000, len(cut) / RATE + 1)[: len(cut)]
    return audio_hashes(made.reencoded(spoken), OF_QUERY)


def _film(seed: int, is_query: bool) -> list[Hash]:
    frames = made.film(seed, SECONDS, width=160, height=90, rate=FRAMES_A_SECOND)
    if not is_query:
        return [
            each
            for at, frame in enumerate(frames)
            for each in work_hashes(made.small(frame, SIDE), at * 1000 // FRAMES_A_SECOND)
        ]
    at = seed * 7 % (SECONDS - EXCERPT_S) * FRAMES_A_SECOND
    some = frames[at + seed % FRAMES_A_SECOND : at + EXCERPT_S * FRAMES_A_SECOND : FRAMES_A_SECOND]
    return [
        each
        for second, frame in enumerate(some)
        for each in query_hashes(made.small(_changed(frame, seed), SIDE), second * 1000)
    ]


def _changed(frame: Any, seed: int) -> Any:
    noisy = (frame + np.random.default_rng(seed).normal(0, 4, frame.shape)).clip(0, 255).astype(np.uint8)
    cut = made.with_logo(made.cropped(noisy, top=0.07, bottom=0.03, left=0.08 * (seed % 3 == 0), right=0.05))
    return cut[:, ::-1] if seed % 2 else cut


def _recall(name: str, describe: Describe, works: int, least: int) -> list[Figure]:
    index, found, false = MemoryIndex(), 0, 0
    for seed in range(works):
        index.add(seed, describe(seed, False))
    for seed in range(works):
        matches = index.find(describe(seed, True), least=least)
        found += seed in matches
        false += len(matches) - (seed in matches)
    pairs = works * (works - 1)
    return [
        figure("fingerprints", f"{name}: excerpts found", [found / works * 100], "%", better="higher", bar=BAR_FOUND),
        figure(
            "fingerprints",
            f"{name}: false matches in 10,000, of {pairs}",
            [false / max(pairs, 1) * 10_000],
            "matches",
            better="lower",
            bar=BAR_FALSE,
        ),
    ]


def _cost(rounds: int) -> list[Figure]:
    """Of the film, whose 240 frames are 30 s long, as if they were 10 s: more of them than then are looked at,
    so that this is the most that it takes."""
    sound = sound_file(made.music(1, 60))
    film = film_file(np.repeat(np.repeat(made.film(1, 10, rate=24, width=320, height=180), 2, 1), 2, 2))
    cases: list[tuple[str, Fingerprint, float]] = [
        ("sound of a query", Fingerprint(kind="audio", side="query", data=sound), 60),
        ("sound of a work", Fingerprint(kind="audio", side="work", data=sound), 60),
        ("360p of a query", Fingerprint(kind="video", side="query", data=film), 10),
        ("360p of a work", Fingerprint(kind="video", side="work", data=film), 10),
    ]
    figures = []
    for name, order, seconds in cases:
        shares = []
        for _ in range(rounds):
            began = time.process_time()
            fingerprint(order)
            shares.append((time.process_time() - began) / seconds * 100)
        figures.append(figure("fingerprints", f"{name}, of a core", shares, "%", better="lower", bar=BAR_SHARE))
    return figures


async def _fill(db: Database, hours: int) -> None:
    """Rows of made hashes, as many to a value as there would be; the keys are made afterwards, which is faster.
    Vacuumed, as an index is that has been at rest for a minute."""
    await db.execute(
        "insert into users (id, username, username_key, email, email_key, display_name, password_hash, stream_key)"
        " values (gen_random_uuid(), 'a', 'a', 'a', 'a', 'a', '', 'a')"
    )
    await db.execute(
        "insert into works (id, owner_id, media_id, title, policy, state, created_at)"
        " select gen_random_uuid(), u.id, gen_random_uuid(), 't', 'credit', 'ready', now()"
        " from users u, generate_series(1, $1::int)",
        hours,
    )
    for table, rate in (("work_sounds", SOUNDS_A_SECOND), ("work_frames", FRAMES_EVERY)):
        values, step = ((2**31 - 1) // ONE_IN, ONE_IN) if table == "work_sounds" else (2**27 - 1, 1)
        rows = rate * 3600 * hours
        await db.execute(f"alter table {table} drop constraint {table}_pkey, drop constraint {table}_work_fkey")
        await db.execute(f"drop index {table}_by_work")
        for at in range(0, rows, BATCH):
            await db.execute(
                f"insert into {table} select (random() * {values})::int * {step}, 1 + i / ({rate} * 3600),"
                f" i % ({rate} * 3600) * 1000 / {rate}, (random() * 500)::int, (random() * 4000000)::int"
                " from generate_series($1::bigint, $2::bigint) i",
                at,
                min(at + BATCH, rows) - 1,
                timeout_s=600.0,
            )
        await db.execute(f"create index on {table} (value, work, ms) include (turn, detail)", timeout_s=1_800.0)
        await db.execute(f"vacuum (analyze) {table}", timeout_s=600.0)


async def _look_ups(url: str, hours: int, rounds: int) -> list[Figure]:
    await migrate(url)
    db = await Database.connect(url, deadline_s=FILL_S)
    try:
        await _fill(db, hours)
        took: dict[str, list[float]] = {}
        for seed in range(rounds):
            for kind, hashes in (("audio", _sound(seed, True)), ("video", _film(seed, True))):
                began = time.perf_counter()
                await look_up(db, "audio" if kind == "audio" else "video", hashes)
                took.setdefault(kind, []).append((time.perf_counter() - began) * 1000)
    finally:
        await db.close()
    return [
        figure(
            "fingerprints",
            f"{kind}: look-up of 10 s in {hours} hours, median",
            [statistics.median(values), min(values), max(values)],
            "ms",
            better="lower",
            bar=BAR_LOOK_UP_MS,
        )
        for kind, values in took.items()
    ]


def _engine(hours: int, rounds: int) -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="sf-bench-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        url = engine.start()
        try:
            return uvloop.run(_look_ups(url, hours, rounds))
        finally:
            engine.stop()


def main(argv: Sequence[str]) -> int:
    """Prints a row a question: median, spread, the bar."""
    parser = argparse.ArgumentParser(prog="bench fingerprints", description=__doc__)
    parser.add_argument("--works", type=int, default=101, help="made of each kind, each looked for in all")
    parser.add_argument("--hours", type=int, default=1_000, help="of the index that look-ups are timed in; 0: none")
    parser.add_argument("--rounds", type=int, default=10)
    report.options(parser)
    options = parser.parse_args(argv)
    figures = [
        *_recall("sound", _sound, options.works, LEAST_SOUNDS),
        *_recall("pictures", _film, options.works, LEAST_PICTURES),
        *_cost(min(options.rounds, 3)),
    ]
    if options.hours:
        figures += _engine(options.hours, options.rounds)
    report.hand_over(figures, options.json)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))

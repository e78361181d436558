"""Jobs under fire, in small: `bench jobs` does the same with ten thousand jobs and fifty kills."""

from __future__ import annotations

import tempfile
from pathlib import Path

from bench.job_kills import POSTGRES_EACH, under_fire
from storage.embedded.postgres import EmbeddedPostgres
from storage.migrate import migrate


async def test_no_job_is_lost_or_takes_effect_twice_when_workers_and_postgres_are_killed() -> None:
    with tempfile.TemporaryDirectory(prefix="sf-kills-") as folder:
        engine = EmbeddedPostgres(data_dir=Path(folder))
        try:
            url = engine.start()
            await migrate(url)
            toll = await under_fire(engine, url, jobs=150, kills=POSTGRES_EACH + 1, pause_s=0.3, within_s=40)
        finally:
            engine.stop()
    assert (toll.lost, toll.twice) == (0, 0)
    assert toll.counted > 0, "no worker was killed in the middle of a job"

"""What a scrape says of the processes."""

from __future__ import annotations

import os
from collections import Counter

from prometheus_client import CollectorRegistry, generate_latest

from server.metrics import JobCollector, register_processes


def scraped(media_pid: int | None) -> str:
    registry = CollectorRegistry()
    register_processes(version="1.2.3", media_pid=lambda: media_pid, registry=registry)
    return generate_latest(registry).decode()


def test_version_and_both_processes_are_told() -> None:
    text = scraped(os.getpid())
    assert 'socialflow_build_info{python="' in text
    assert 'version="1.2.3"} 1.0' in text
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        assert f"\n{name} " in text
        assert f"\nsocialflow_media_{name} " in text


def test_media_process_that_is_away_has_no_values() -> None:
    assert "\nsocialflow_media_process" not in scraped(None)


class Worked:
    def __init__(self) -> None:
        self.ended = Counter({("mail.send", "done"): 3, ("mail.send", "dead"): 1})
        self.running = 2


def test_jobs_are_counted_by_name_and_by_how_they_ended() -> None:
    registry = CollectorRegistry()
    JobCollector(worker=Worked(), registry=registry)
    read = registry.get_sample_value
    assert read("socialflow_jobs_ended_total", {"job": "mail.send", "state": "done"}) == 3
    assert read("socialflow_jobs_ended_total", {"job": "mail.send", "state": "dead"}) == 1
    assert read("socialflow_jobs_running") == 2
